/** What a bridge sends to its controller, as `ovs-ofctl monitor` prints it while it comes. */
import { spawn } from 'node:child_process';
import type { PacketIn } from '../../src/flow/datapath.ts';

export interface PacketInMonitor {
  stop(): Promise<void>;
}

/** `bridge`: its OpenFlow socket. Frames come whole. */
export function monitorPacketIns(bridge: string, handler: (packet: PacketIn) => void): PacketInMonitor {
  const options = ['-O', 'OpenFlow15', '-P', 'nxt_packet_in2', '-m', '--no-names', '--unixctl=none'];
  const monitor = spawn('ovs-ofctl', [...options, 'monitor', bridge, '65535'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => monitor.once('close', () => resolve()));
  let text = '';
  const take = (chunk: Buffer) => {
    const messages = `${text}${chunk.toString('latin1')}`.split(/^(?=NXT_PACKET_IN2)/m);
    // The last one may not be whole yet.
    text = '';
    for (const [i, message] of messages.entries()) {
      const packet = readPacketIn(message);
      if (packet) handler(packet);
      else if (i === messages.length - 1) text = message;
    }
  };
  monitor.stdout.on('data', take);
  monitor.stderr.on('data', take);
  return {
    async stop() {
      monitor.kill();
      await ended;
    },
  };
}

/** Undefined for other messages, and as long as bytes are missing. */
function readPacketIn(message: string): PacketIn | undefined {
  if (!message.startsWith('NXT_PACKET_IN2')) return undefined;
  const field = (pattern: RegExp) => pattern.exec(message)?.[1] ?? '0';
  const hex = [...message.matchAll(/^[0-9a-f]{8} {2}([0-9a-f -]+)$/gm)].map(([, line]) => line!);
  const frame = Uint8Array.from(Buffer.from(hex.join('').replace(/[ -]/g, ''), 'hex'));
  if (frame.length === 0 || frame.length < Number(field(/data_len=(\d+)/))) return undefined;
  const registers = message.matchAll(/\b(reg\d+|tun_id|metadata)=(0x[0-9a-f]+)/g);
  return {
    inPort: Number(field(/in_port=(\d+)/)),
    table: Number(field(/table_id=(\d+)/)),
    cookie: BigInt(field(/cookie=(0x[0-9a-f]+)/)),
    userdata: (/userdata=([0-9a-f.]+)/.exec(message)?.[1] ?? '').replaceAll('.', ''),
    frame,
    metadata: Object.fromEntries([...registers].map(([, name, value]) => [name, BigInt(value!)])),
  };
}
