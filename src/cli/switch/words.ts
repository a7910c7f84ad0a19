/** What `netloom switch` says: the ports and how to use them, and how the switch does. */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { formatFlow } from '../../flow/text.ts';
import type { Counters } from '../../sockets/port.ts';
import { tunnelPortOf } from '../../sockets/tunnel-header.ts';
import { count, table } from '../table.ts';
import type { Colours } from '../terminal.ts';
import { parseEndpoint } from './file.ts';
import type { PlannedPort, PortSocket, SwitchPlan } from './read.ts';
import type { RunningSwitch } from './running.ts';

/** The ports of a switch, and the command line for the other end of each. */
export function portsText({ name, ports, flows }: SwitchPlan, { bold, dim }: Colours): string {
  const lines = ports.flatMap((port, i) => [
    `  ${String(i + 1).padStart(2)}  ${bold(port.spec.name)}  ${socketText(port.socket)}`,
    ...peerText(port).map((line) => `      ${dim(line)}`),
  ]);
  return `Switch ${name}: ${count(ports.length, 'port')}, ${count(flows.length, 'flow')}.\n\n${lines.join('\n')}\n`;
}

function socketText(socket: PortSocket): string {
  switch (socket.type) {
    case 'listen':
      return `listens on ${socket.path}`;
    case 'connect':
      return `connects to ${socket.path}`;
    case 'datagram':
      return `UDP ${socket.local}, its peer is ${socket.remote}`;
    case 'tunnel':
      return tunnelText(socket);
  }
}

function tunnelText(socket: Extract<PortSocket, { type: 'tunnel' }>): string {
  const { encapsulation, local, link } = socket;
  const where = link ? `to ${link.remote} with VNI ${link.vni}` : 'to where flows say';
  return `${encapsulation === 'vxlan' ? 'VXLAN' : 'Geneve'} from ${local}, UDP port ${udpPort(socket)}, ${where}`;
}

function udpPort({ encapsulation, port }: Extract<PortSocket, { type: 'tunnel' }>): number {
  return port ?? tunnelPortOf(encapsulation);
}

/** Command lines of the other end. */
function peerText({ spec, socket }: PlannedPort): string[] {
  switch (socket.type) {
    case 'listen':
    case 'connect': {
      const server = socket.type === 'listen' ? 'off' : 'on';
      const path = resolve(socket.path).replaceAll(',', ',,');
      return qemu(spec.name, socket.path, `stream,id=n1,server=${server},addr.type=unix,addr.path=${path}`);
    }
    case 'datagram': {
      const end = (which: string, text: string) => {
        const { host, port } = parseEndpoint(text)!;
        return `${which}.type=inet,${which}.host=${host},${which}.port=${port}`;
      };
      // What is remote here is local there.
      const ends = `${end('local', socket.remote)},${end('remote', socket.local)}`;
      return qemu(spec.name, socket.local, `dgram,id=n1,${ends}`);
    }
    case 'tunnel': {
      const { encapsulation, local, link } = socket;
      const [remote, vni] = [link?.remote ?? 'ADDRESS', link?.vni ?? 'VNI'];
      return [
        encapsulation === 'vxlan'
          ? `ip link add vx0 type vxlan id ${vni} local ${remote} remote ${local} dstport ${udpPort(socket)}`
          : `ip link add gnv0 type geneve id ${vni} remote ${local} dstport ${udpPort(socket)}`,
      ];
    }
  }
}

/** Every QEMU has the same MAC unless told otherwise, so that two of them would not hear each other. */
function qemu(name: string, place: string, netdev: string): string[] {
  const digest = createHash('sha256')
    .update(`${resolve(place)}\n${name}`)
    .digest();
  const octets = [0, 1, 2].map((i) => digest[i]!.toString(16).padStart(2, '0'));
  const quoted = /^[\w@%+=:,./-]+$/.test(netdev) ? netdev : `'${netdev.replaceAll("'", "'\\''")}'`;
  return [
    `qemu-system-x86_64 … -netdev ${quoted} -device virtio-net-pci,netdev=n1,mac=52:54:00:${octets.join(':')}`,
  ];
}

// ------------------------------------------------------------------------------------------- how the switch does

export interface SwitchStatus {
  readonly name: string;
  readonly ports: readonly ({
    readonly number: number;
    readonly name: string;
    readonly socket: PortSocket;
    readonly connected: boolean;
    /** Of a tunnel: what was not taken out of it, by reason. */
    readonly tunnelDrops?: Readonly<Record<string, number>>;
  } & Readonly<Counters>)[];
  readonly flows: readonly { readonly flow: string; readonly packets: number; readonly bytes: number }[];
  readonly cache: { readonly megaflows: number; readonly hits: number; readonly misses: number };
}

export async function statusOf({ plan, sw, ports }: RunningSwitch): Promise<SwitchStatus> {
  const flows = await sw.dumpFlows();
  return {
    name: plan.name,
    ports: ports.map(({ number, spec, socket, port }) => ({
      number,
      name: spec.name,
      socket,
      connected: port.isConnected,
      ...port.counters,
      ...(spec.type === 'tunnel' ? { tunnelDrops: dropsOf(sw.tunnelDrops(spec.name)) } : {}),
    })),
    flows: flows.map(({ flow, packets, bytes }) => ({
      flow: formatFlow(flow),
      packets: Number(packets),
      bytes: Number(bytes),
    })),
    cache: sw.cacheStatistics(),
  };
}

function dropsOf(drops: ReadonlyMap<string, bigint>): Record<string, number> {
  return Object.fromEntries([...drops].map(([reason, number]) => [reason, Number(number)]));
}

export function statusText({ ports, flows, cache }: SwitchStatus, colours: Colours): string {
  const portRows = ports.map((port) => [
    String(port.number),
    port.name,
    port.connected ? 'up' : 'down',
    ...[port.received, port.sent, port.dropped, port.refused].map(String),
  ]);
  const flowRows = flows.map(({ flow, packets, bytes }) => [String(packets), String(bytes), flow]);
  const drops = ports.flatMap(({ name, tunnelDrops = {} }) =>
    Object.entries(tunnelDrops).map(([reason, number]) => `${name}: ${number} dropped: ${reason}\n`),
  );
  return [
    table(['PORT', 'NAME', 'LINK', 'RECEIVED', 'SENT', 'DROPPED', 'REFUSED'], portRows, colours),
    ...drops,
    '\n',
    table(['PACKETS', 'BYTES', 'FLOW'], flowRows, colours),
    `\nFlow cache: ${count(cache.megaflows, 'entry', 'entries')}, ${count(cache.hits, 'hit')}, ${count(cache.misses, 'miss', 'misses')}.\n`,
  ].join('');
}
