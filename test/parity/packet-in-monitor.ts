/** The packet-ins that a bridge sends, as `ovs-ofctl monitor` prints them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Unixctl } from '../ovs/unixctl.ts';

const PATIENCE_MS = 10_000;

export class PacketInMonitor {
  readonly #process: ChildProcess;
  readonly #control: Unixctl;
  readonly #output: number;
  #at = 0;
  #text = '';

  private constructor(process: ChildProcess, control: Unixctl, output: number) {
    this.#process = process;
    this.#control = control;
    this.#output = output;
  }

  /** `bridge`: its OpenFlow socket. */
  static async start(directory: string, bridge: string): Promise<PacketInMonitor> {
    const socket = join(directory, 'monitor.ctl');
    const file = join(directory, 'monitor.log');
    const output = openSync(file, 'w+');
    const options = ['-O', 'OpenFlow15', '-P', 'nxt_packet_in2', '-m', `--unixctl=${socket}`];
    const monitor = spawn('ovs-ofctl', [...options, 'monitor', bridge, '65535'], {
      stdio: ['ignore', output, output],
    });
    for (const end = Date.now() + PATIENCE_MS; !existsSync(socket); await sleep(10)) {
      if (Date.now() > end || monitor.exitCode !== null) throw new Error('ovs-ofctl monitor does not start');
    }
    const control = await Unixctl.open(socket);
    await control.call('ofctl/barrier');
    return new PacketInMonitor(monitor, control, output);
  }

  /** Those that came of actions since the last call: `in_port=… table=… cookie=… userdata=… FRAME`. */
  async taken(): Promise<string[]> {
    await this.#control.call('ofctl/barrier');
    const chunk = Buffer.allocUnsafe(1 << 16);
    for (let n = 1; n > 0; this.#at += n) {
      n = readSync(this.#output, chunk, 0, chunk.length, this.#at);
      this.#text += chunk.toString('latin1', 0, n);
    }
    const messages = this.#text.split(/^(?=\w+ \(OF1\.5\) \(xid=|\w+ \(xid=)/m);
    this.#text = '';
    return messages.flatMap(packetInText);
  }

  async stop(): Promise<void> {
    this.#control.close();
    // It ends by itself when the switch does.
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      const ended = new Promise((resolve) => this.#process.once('exit', resolve));
      this.#process.kill();
      await ended;
    }
    closeSync(this.#output);
  }
}

function packetInText(message: string): string[] {
  if (!/^NXT_PACKET_IN2/.test(message) || !/\(via action\)/.test(message)) return [];
  const field = (pattern: RegExp, otherwise: string) => pattern.exec(message)?.[1] ?? otherwise;
  const bytes = [...message.matchAll(/^[0-9a-f]{8} {2}([0-9a-f -]+)$/gm)].map(([, hex]) =>
    hex!.replace(/[ -]/g, ''),
  );
  const userdata = field(/userdata=([0-9a-f.]+)/, '').replaceAll('.', '');
  return [
    `in_port=${field(/in_port=(\d+)/, '0')} table=${field(/table_id=(\d+)/, '0')} ` +
      `cookie=${field(/cookie=(0x[0-9a-f]+)/, '0x0')} userdata=${userdata} ${bytes.join('')}`,
  ];
}
