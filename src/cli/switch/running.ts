/** A switch of `netloom switch` while it runs. */
import { randomInt } from 'node:crypto';
import { type Finding, NetloomError, throwIfErrors } from '../../base/error.ts';
import { openDatagram } from '../../sockets/datagram-port.ts';
import { ROOM } from '../../sockets/framing.ts';
import type { Plug, SocketPort, Tell } from '../../sockets/port.ts';
import { connectStream, listenStream } from '../../sockets/stream-port.ts';
import { tunnelPortOf } from '../../sockets/tunnel-header.ts';
import { TunnelSocket } from '../../sockets/tunnel-socket.ts';
import { SoftSwitch } from '../../softswitch/switch.ts';
import { parseEndpoint } from './file.ts';
import type { PlannedPort, SwitchPlan } from './read.ts';

export interface RunningPort extends PlannedPort {
  readonly number: number;
  readonly port: SocketPort;
}

export interface RunningSwitch {
  readonly plan: SwitchPlan;
  readonly sw: SoftSwitch;
  readonly ports: readonly RunningPort[];
  /** Frees every socket; socket files are gone then. */
  close(): Promise<void>;
}

/** Ports and flows without sockets. Throws NetloomError with all that the switch refuses. */
export async function buildSwitch(plan: SwitchPlan): Promise<{ sw: SoftSwitch; numbers: number[] }> {
  const sw = new SoftSwitch({ now: () => performance.now(), seed: randomInt(2 ** 32) });
  const numbers: number[] = [];
  const findings: Finding[] = [];
  for (const { spec } of plan.ports) {
    await collect(findings, spec.name, async () => void numbers.push(await sw.setPort(spec)));
  }
  for (const meter of plan.meters) await collect(findings, 'meters', () => sw.setMeter(meter));
  for (const group of plan.groups) await collect(findings, 'groups', () => sw.setGroup(group));
  await collect(findings, 'flows', () => sw.applyFlows({ add: plan.flows, remove: [] }));
  throwIfErrors(findings);
  return { sw, numbers };
}

/** Opens every socket, or none: throws NetloomError with all that cannot be opened. */
export async function runSwitch(
  plan: SwitchPlan,
  tell: (port: string, what: string) => void,
): Promise<RunningSwitch> {
  const { sw, numbers } = await buildSwitch(plan);
  const ports: RunningPort[] = [];
  const tunnels = new Map<string, TunnelSocket>();
  const close = async () => {
    for (const { port } of ports) await port.close();
    for (const tunnel of tunnels.values()) await tunnel.close();
    await sw.close();
  };
  const findings: Finding[] = [];
  for (const [i, planned] of plan.ports.entries()) {
    const { name } = planned.spec;
    await collect(findings, name, async () => {
      const port = await open(sw, tunnels, planned, (what) => tell(name, what));
      ports.push({ ...planned, number: numbers[i]!, port });
    });
  }
  if (findings.length > 0) await close();
  throwIfErrors(findings);
  return { plan, sw, ports, close };
}

async function open(
  sw: SoftSwitch,
  tunnels: Map<string, TunnelSocket>,
  { spec, socket }: PlannedPort,
  tell: Tell,
): Promise<SocketPort> {
  const plug: Plug = (deliver, deliverBatch) => sw.attach(spec.name, undefined, deliver, deliverBatch);
  const room = sw.frameMemory().subarray(0, ROOM);
  switch (socket.type) {
    case 'listen':
      return listenStream(socket.path, plug, { tell, room });
    case 'connect':
      return connectStream(socket.path, plug, { tell, room });
    case 'datagram':
      return openDatagram(parseEndpoint(socket.local)!, parseEndpoint(socket.remote)!, plug);
    case 'tunnel': {
      const { encapsulation, local, port = tunnelPortOf(encapsulation), link } = socket;
      // Tunnels that begin at one address share its sockets.
      const place = `${encapsulation} ${local} ${port}`;
      const tunnel = tunnels.get(place) ?? (await TunnelSocket.open(encapsulation, { host: local, port }));
      tunnels.set(place, tunnel);
      return link ? tunnel.link(link, plug) : tunnel.underlay(sw, spec.name);
    }
  }
}

/** `path`: what a finding is about that does not say it. */
async function collect(findings: Finding[], path: string, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (thrown) {
    if (!(thrown instanceof NetloomError)) throw thrown;
    findings.push(...thrown.findings.map((found) => ({ ...found, path: found.path || path })));
  }
}
