/** Frames a second through the softswitches, on the path blue1 -> blue2 of examples/blue-red.yaml. */
import { readFileSync } from 'node:fs';
import type { FabricHost } from '../src/lab/fabric.ts';
import { Lab } from '../src/lab/lab.ts';
import type { Machine } from '../src/lab/machine.ts';
import { parseDocuments } from '../src/model/input.ts';
import { ipv4 } from '../src/packet/address.ts';
import { frame } from '../src/packet/build.ts';
import { SoftSwitch } from '../src/softswitch/switch.ts';
import type { Benchmark, Figure } from './lib/figure.ts';

const EXAMPLE = new URL('../examples/blue-red.yaml', import.meta.url);
/** As sizes of Ethernet frames are told, with the frame check sequence, which is not in memory. */
const SIZES = [64, 1_400] as const;
const FRAME_CHECK = 4;
const UDP_HEADERS = 14 + 20 + 8;
const ROUNDS = 7;
const ROUND_MS = 250;
/** Frames between two looks at the clock. */
const BURST = 64;

/** Takes a frame in; what comes out at the far end is counted. */
interface Path {
  readonly name: string;
  send(frame: Uint8Array): void;
  arrived(): number;
}

export const benchmark: Benchmark = {
  name: 'softswitch',
  what: 'Frames a second on the path blue1 -> blue2 of examples/blue-red.yaml: one UDP flow, one thread.',
  method: [
    'Guest to guest: in by the port of blue1, pipeline of host1, NVGRE, the stack and the uplink of host1, the physical switch, and the same backwards on host2, out by the port of blue2. Three softswitches and two host stacks.',
    'Port to tunnel: the switch of host1 alone, with the same flows; ends with the outer packet.',
    'The floor copies the frame into another buffer and does nothing else.',
    `${ROUNDS} rounds of ${ROUND_MS} ms, the three in turn. Every frame that was sent has to arrive. Sizes are with the frame check sequence.`,
  ],
  async run() {
    const { objects } = parseDocuments(readFileSync(EXAMPLE), 'blue-red.yaml');
    const lab = await Lab.open({ objects: objects.map(({ object }) => object) });
    await lab.ready();
    const { verdict } = await lab.ping('blue1', 'blue2');
    if (verdict !== 'answered') throw new Error(`blue1 does not reach blue2: ${verdict}`);
    const [blue1, blue2] = [machine(lab, 'blue1/eth0'), machine(lab, 'blue2/eth0')];
    const paths = [guestToGuest(lab, blue1, blue2), await portToTunnel(lab, blue1)];
    const figures = SIZES.flatMap((size) => measure(size, blue1, blue2, paths));
    await lab.close();
    return figures;
  },
};

function measure(size: number, from: Machine, to: Machine, paths: readonly Path[]): Figure[] {
  const sent = udpFrame(from, to, size - FRAME_CHECK);
  const floor = copying();
  const rates = new Map([...paths, floor].map((path) => [path, [] as number[]]));
  for (let round = -2; round < ROUNDS; round++) {
    for (const [path, samples] of rates) {
      const rate = rateOf(path, sent);
      if (round >= 0) samples.push(rate);
    }
  }
  const peer = { name: 'only a copy', samples: rates.get(floor)! };
  return paths.map((path) => ({
    name: `${size} B, ${path.name}`,
    unit: 'frames/s',
    samples: rates.get(path)!,
    peer,
  }));
}

function rateOf(path: Path, sent: Uint8Array): number {
  const before = path.arrived();
  const start = performance.now();
  let count = 0;
  let time = 0;
  for (; time < ROUND_MS; time = performance.now() - start) {
    for (let i = 0; i < BURST; i++) path.send(sent);
    count += BURST;
  }
  const arrived = path.arrived() - before;
  if (arrived !== count) throw new Error(`${path.name}: ${count} frames were sent, ${arrived} arrived`);
  return (count / time) * 1000;
}

/** The two machines step aside: their ends of the virtual cables are taken. */
function guestToGuest(lab: Lab, from: Machine, to: Machine): Path {
  let arrived = 0;
  const tap = host(lab, from).soft.plug(from.port.id, () => {});
  host(lab, to).soft.plug(to.port.id, () => arrived++);
  return { name: 'guest to guest', send: (frame) => tap.send(frame), arrived: () => arrived };
}

/** A switch like that of host1, whose tunnel ends in a counter. */
async function portToTunnel(lab: Lab, from: Machine): Promise<Path> {
  const original = host(lab, from).soft.switches.get(from.port.switch)!;
  const twin = new SoftSwitch({ now: () => performance.now() });
  const ports = [...(await original.ports()).values()].sort((a, b) => a.number - b.number);
  let arrived = 0;
  let send = (_frame: Uint8Array) => {};
  for (const { number, spec } of ports) {
    if ((await twin.setPort(spec)) !== number) throw new Error('the twin numbers its ports in another way');
    if (spec.type === 'tunnel') twin.attachUnderlay(spec.name, { send: () => arrived++ });
    if (spec.type === 'vif' && spec.id === from.port.id) {
      const end = twin.attach(spec.name, undefined, () => {});
      send = (frame) => end.receive(frame);
    }
  }
  await twin.applyFlows({ add: (await original.dumpFlows()).map(({ flow }) => flow), remove: [] });
  return { name: 'port to tunnel', send: (frame) => send(frame), arrived: () => arrived };
}

function copying(): Path {
  const buffer = new Uint8Array(2048);
  let arrived = 0;
  return {
    name: 'only a copy',
    send(frame) {
      buffer.set(frame, (arrived & 7) * 64);
      arrived++;
    },
    arrived: () => arrived,
  };
}

function udpFrame(from: Machine, to: Machine, length: number): Uint8Array {
  return frame(
    { layer: 'eth', src: from.port.mac, dst: to.port.mac },
    { layer: 'ipv4', src: ipv4('10.0.0.5'), dst: ipv4('10.0.0.7') },
    { layer: 'udp', sport: 40_000, dport: 4_000 },
    { layer: 'data', bytes: new Uint8Array(length - UDP_HEADERS) },
  );
}

function machine(lab: Lab, name: string): Machine {
  const found = [...lab.fabric.machines.values()].find(({ port }) => port.name === name);
  if (!found) throw new Error(`there is no ${name}`);
  return found;
}

function host(lab: Lab, { host: name }: Machine): FabricHost {
  return lab.fabric.hosts.get(name)!;
}
