/** Frames a second through one softswitch: by its cache, by its tables, and what a loop in C needs for the same work. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PortSpec } from '../src/flow/datapath.ts';
import type { Flow } from '../src/flow/flow.ts';
import { parseFlow } from '../src/flow/parse.ts';
import { Lab } from '../src/lab/lab.ts';
import type { Machine } from '../src/lab/machine.ts';
import { parseDocuments } from '../src/model/input.ts';
import { ipv4, type Mac, mac } from '../src/packet/address.ts';
import { frame } from '../src/packet/build.ts';
import { write16 } from '../src/packet/bytes.ts';
import { type FrameBatch, newBatch } from '../src/softswitch/batch.ts';
import { type Attachment, SoftSwitch } from '../src/softswitch/switch.ts';
import type { Benchmark, Figure } from './lib/figure.ts';

const EXAMPLE = new URL('../examples/blue-red.yaml', import.meta.url);
const LOOP = fileURLToPath(new URL('lib/loop.c', import.meta.url));
const FLOWS = [1, 1_000, 64_000] as const;
/** 64 bytes with the frame check sequence, which is not in memory. */
const LENGTH = 60;
const HEADERS = 14 + 20 + 8;
const ROUNDS = 5;
const ROUND_MS = 200;
/** Frames in a batch, and in the ring that they are taken from. */
const BURST = 256;
const RING = 4096;
/** Where frames lie: 2 bytes behind a multiple of 4, so that their IP header is at one. */
const SLOT = 2048;
const START = 66;
/** Offset of the UDP ports. */
const PORTS = 34;

interface Path {
  readonly name: string;
  /** Sends this many frames of as many flows. */
  run(frames: number, flows: number): void;
  arrived(): number;
}

type Ends = { readonly name: string; readonly end: Attachment; arrived(): number };

export const benchmark: Benchmark = {
  name: 'softswitch-cache',
  what: 'Frames of 64 bytes a second through one softswitch on one thread, by its cache and by its tables.',
  method: [
    'L2: the action NORMAL, to an address that is known; the frame leaves as it came.',
    'NVGRE: in by the port of blue1 in examples/blue-red.yaml with all flows of host1, out as the outer packet to host2.',
    `In batches: ${BURST} frames a call, in one piece of memory, and so they go out. Otherwise every frame is one call, and one call of the receiver. Flows differ in UDP ports and come in an order without pattern.`,
    'The loop in C (bench/lib/loop.c, gcc -O2) looks 64,000 flows up in a hash table, rewrites the header and puts an NVGRE header before a copy of the frame, 256 frames at a time: nothing of a switch but the work on the bytes.',
    `${ROUNDS} rounds of ${ROUND_MS} ms, all of them in turn.`,
  ],
  async run() {
    const { objects } = parseDocuments(readFileSync(EXAMPLE), 'blue-red.yaml');
    const lab = await Lab.open({ objects: objects.map(({ object }) => object) });
    await lab.ready();
    const from = machine(lab, 'blue1/eth0');
    const to = machine(lab, 'blue2/eth0');
    const host = lab.fabric.hosts.get(from.host)!.soft.switches.get(from.port.switch)!;
    const ports = [...(await host.ports()).values()];
    const flows = (await host.dumpFlows()).map((stats) => stats.flow);
    await lab.close();

    const loop = compileLoop();
    const load = loadOf(from.port.mac, to.port.mac);
    const paths: { path: Path; flows: number; samples: number[] }[] = [];
    for (const cache of [undefined, false] as const) {
      for (const ends of [await toTunnel(cache, ports, flows, from), await toNeighbour(cache, from, to)]) {
        const single = { ...ends, run: singly(ends, load) };
        const batched = { ...ends, name: `${ends.name}, in batches`, run: inBatches(ends, load) };
        for (const path of cache === false ? [single] : [batched, single]) {
          for (const count of FLOWS) paths.push({ path, flows: count, samples: [] });
        }
      }
    }
    const floor: number[] = [];
    for (let round = -2; round < ROUNDS; round++) {
      const inC = loop?.run();
      if (round >= 0 && inC !== undefined) floor.push(inC);
      for (const { path, flows: count, samples } of paths) {
        const rate = rateOf(path, count);
        if (round >= 0) samples.push(rate);
      }
    }
    loop?.remove();
    const heap = paths
      .filter(({ path, flows: count }) => path.name.endsWith('batches') && count === 1_000)
      .map(({ path }): Figure => {
        const samples = Array.from({ length: ROUNDS }, () => allocated(path));
        return { name: `${path.name}: heap for a frame`, unit: 'bytes', samples };
      });
    const rates = paths.map(
      ({ path, flows: count, samples }): Figure => ({
        name: `${path.name}, ${count.toLocaleString('en')} ${count === 1 ? 'flow' : 'flows'}`,
        unit: 'frames/s',
        samples,
        ...(floor.length > 0 ? { peer: { name: 'a loop in C', samples: floor } } : {}),
      }),
    );
    return [...rates, ...heap];
  },
};

function rateOf(path: Path, flows: number): number {
  const before = path.arrived();
  // The first frame of each flow is for the tables.
  path.run(flows, flows);
  let count = 0;
  let time = 0;
  for (const start = performance.now(); time < ROUND_MS; time = performance.now() - start) {
    path.run(16 * BURST, flows);
    count += 16 * BURST;
  }
  const arrived = path.arrived() - before;
  if (arrived !== count + flows)
    throw new Error(`${path.name}: of ${count + flows} frames ${arrived} arrived`);
  return (count / time) * 1000;
}

/** Bytes of heap that a frame takes. */
function allocated(path: Path): number {
  const frames = 1_024_000;
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  path.run(frames, 1_000);
  return (process.memoryUsage().heapUsed - before) / frames;
}

/** Each frame is an array of its own. */
function singly({ end }: Ends, { frames }: Load): Path['run'] {
  let next = 0;
  return (count, flows) => {
    for (let i = 0; i < count; i++) {
      if (next >= flows) next = 0;
      end.receive(frames[next++]!);
    }
  };
}

/** The frames of a ring take the ports of the next flows, as a device would write them. */
function inBatches({ end }: Ends, { frames, ports }: Load): Path['run'] {
  const memory = new Uint8Array(RING * SLOT);
  const words = new Uint32Array(memory.buffer);
  const batches = Array.from({ length: RING / BURST }, () => newBatch(memory, BURST));
  for (let i = 0; i < RING; i++) {
    const batch = batches[Math.floor(i / BURST)]!;
    const at = i * SLOT + START;
    batch.at[i % BURST] = at;
    batch.length[i % BURST] = LENGTH;
    memory.set(frames[0]!, at);
  }
  let next = 0;
  let turn = 0;
  return (count, flows) => {
    for (let sent = 0; sent < count; sent += BURST) {
      const batch = batches[turn]!;
      turn = (turn + 1) % batches.length;
      batch.count = Math.min(BURST, count - sent);
      for (let i = 0; i < batch.count; i++) {
        if (next >= flows) next = 0;
        words[(batch.at[i]! + PORTS) >> 2] = ports[next++]!;
      }
      end.receiveBatch(batch);
    }
  };
}

function nameOf(what: string, cache: false | undefined): string {
  return cache === false ? `${what}, tables only` : what;
}

/** The switch of a host, whose tunnel ends in a counter. */
async function toTunnel(
  cache: false | undefined,
  ports: readonly { readonly number: number; readonly spec: PortSpec }[],
  flows: readonly Flow[],
  from: Machine,
): Promise<Ends> {
  const twin = switchOf(cache);
  let arrived = 0;
  let end: Attachment | undefined;
  for (const { number, spec } of [...ports].sort((a, b) => a.number - b.number)) {
    if ((await twin.setPort(spec)) !== number) throw new Error('the twin numbers its ports in another way');
    if (spec.type === 'tunnel') {
      const sendBatch = (batch: FrameBatch) => {
        arrived += batch.count;
      };
      twin.attachUnderlay(spec.name, { send: () => arrived++, sendBatch });
    }
    if (spec.type === 'vif' && spec.id === from.port.id) {
      end = twin.attach(spec.name, undefined, () => {});
    }
  }
  await twin.applyFlows({ add: flows, remove: [] });
  return { name: nameOf('NVGRE', cache), end: end!, arrived: () => arrived };
}

/** A switch that learns, with both addresses known. */
async function toNeighbour(cache: false | undefined, from: Machine, to: Machine): Promise<Ends> {
  const soft = switchOf(cache);
  let arrived = 0;
  for (const name of ['a', 'b', 'c']) {
    await soft.setPort({ type: 'vif', name, id: name, vlan: { mode: 'trunk', trunks: [] } });
  }
  await soft.applyFlows({ add: [parseFlow('table=0,actions=NORMAL')], remove: [] });
  const end = soft.attach('a', undefined, () => {});
  const count = (batch: FrameBatch) => {
    arrived += batch.count;
  };
  const far = soft.attach('b', undefined, () => arrived++, count);
  far.receive(udp(to.port.mac, from.port.mac));
  return { name: nameOf('L2', cache), end, arrived: () => arrived };
}

function switchOf(cache: false | undefined): SoftSwitch {
  const now = () => performance.now();
  return new SoftSwitch(cache === false ? { now, cache } : { now });
}

interface Load {
  /** One of each flow. */
  readonly frames: readonly Uint8Array[];
  /** Their ports, as they stand in memory. */
  readonly ports: Uint32Array;
}

function loadOf(src: Mac, dst: Mac): Load {
  const frames = Array.from({ length: Math.max(...FLOWS) }, (_, i) => {
    const bytes = udp(src, dst);
    write16(bytes, PORTS, 1024 + (i % 50_000));
    write16(bytes, PORTS + 2, 80 + (i & 7));
    return bytes;
  });
  // Neighbours in this list are no neighbours in memory.
  let seed = 12_345;
  for (let i = frames.length - 1; i > 0; i--) {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    const other = seed % (i + 1);
    [frames[i], frames[other]] = [frames[other]!, frames[i]!];
  }
  const ports = Uint32Array.from(frames, (f) => new DataView(f.buffer, f.byteOffset).getUint32(PORTS, true));
  return { frames, ports };
}

function udp(src: Mac, dst: Mac): Uint8Array {
  return frame(
    { layer: 'eth', src: mac(src), dst: mac(dst) },
    { layer: 'ipv4', src: ipv4('10.0.0.5'), dst: ipv4('10.0.0.7') },
    { layer: 'udp', sport: 40_000, dport: 4_000 },
    { layer: 'data', bytes: new Uint8Array(LENGTH - HEADERS) },
  );
}

/** Undefined, and said so, where there is no compiler. */
function compileLoop(): { run(): number; remove(): void } | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'netloom-loop-'));
  const program = join(directory, 'loop');
  const remove = () => rmSync(directory, { recursive: true });
  try {
    execFileSync('gcc', ['-O2', '-w', LOOP, '-o', program]);
  } catch (error) {
    console.error(`softswitch-cache: no comparison with C: gcc: ${String(error).split('\n')[0]}`);
    remove();
    return undefined;
  }
  const run = () => {
    const text = execFileSync(program, ['64', '65536', '0.4', 'batch'], { encoding: 'utf8' });
    return Number(/median ([\d.]+) Mpps/.exec(text)?.[1]) * 1e6;
  };
  return { run, remove };
}

function machine(lab: Lab, name: string): Machine {
  const found = [...lab.fabric.machines.values()].find(({ port }) => port.name === name);
  if (!found) throw new Error(`there is no ${name}`);
  return found;
}
