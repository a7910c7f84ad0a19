/** Frames a second through one softswitch on one thread, beside what a loop in C needs for the work on the bytes. */
import { compileLoop } from './lib/c-loop.ts';
import type { Benchmark, Figure, Goal } from './lib/figure.ts';
import { BURST } from './lib/frame-load.ts';
import { type Path, type PathOptions, pathOf } from './lib/switch-paths.ts';

const ROUNDS = 5;
/** Milliseconds of processor time. */
const ROUND_MS = 120;
const HEAP_FRAMES = 2_048_000;
const SIZES = [64, 1_400] as const;

/** Of a row: what it is, what it is compared with, and what it should come to. */
interface Row {
  readonly name: string;
  readonly options: PathOptions;
  /** Another row, or the loop in C. */
  readonly peer?: string;
  readonly goal?: Goal;
}

const PLAIN: PathOptions = {
  way: 'encapsulation',
  kernel: 'wasm',
  mode: 'batches',
  flows: 64_000,
  size: 64,
  rules: 10,
};

function row(name: string, options: Partial<PathOptions>, more: Omit<Row, 'name' | 'options'> = {}): Row {
  return { name, options: { ...PLAIN, ...options }, ...more };
}

const TYPESCRIPT = { kernel: 'typescript' } as const;
const SINGLE = { mode: 'single', flows: 1_000 } as const;
const TABLES = { mode: 'tables', flows: 1_000 } as const;
const ratio = (atLeast: number): Goal => ({ of: 'ratio', atLeast });

/** Named after what differs from the first. */
const ROWS: readonly Row[] = [
  row('encapsulation', {}, { goal: ratio(0.9) }),
  row('encapsulation, TypeScript', TYPESCRIPT, { goal: ratio(0.5) }),
  row('1 flow', { flows: 1 }, { peer: 'encapsulation' }),
  row('1,000 flows', { flows: 1_000 }, { peer: 'encapsulation' }),
  row('1,000,000 flows', { flows: 1_000_000 }, { peer: 'encapsulation', goal: ratio(0.8) }),
  row(
    '1,000,000 flows, TypeScript',
    { ...TYPESCRIPT, flows: 1_000_000 },
    {
      peer: 'encapsulation, TypeScript',
      goal: ratio(0.8),
    },
  ),
  row('10,000 rules', { rules: 10_000 }, { peer: 'encapsulation' }),
  row('stateful rules', { way: 'stateful' }, { peer: 'encapsulation', goal: ratio(0.8) }),
  row('a meter', { way: 'metered' }, { peer: 'encapsulation', goal: ratio(0.8) }),
  row('decapsulation', { way: 'decapsulation' }),
  row('decapsulation, TypeScript', { ...TYPESCRIPT, way: 'decapsulation' }),
  row('L2', { way: 'L2' }),
  row('L2, TypeScript', { ...TYPESCRIPT, way: 'L2' }),
  row('1,400 B', { size: 1_400 }),
  row('1,400 B, TypeScript', { ...TYPESCRIPT, size: 1_400 }),
  row('1,400 B, decapsulation', { size: 1_400, way: 'decapsulation' }),
  row('1,400 B, L2', { size: 1_400, way: 'L2' }),
  row('one by one', SINGLE),
  row('one by one, L2', { ...SINGLE, way: 'L2' }),
  row('without the cache', TABLES),
  row('without the cache, 10,000 rules', { ...TABLES, rules: 10_000 }),
];

export const benchmark: Benchmark = {
  name: 'softswitch',
  what: 'Frames a second through one softswitch on one thread, without any input and output.',
  method: [
    'Encapsulation: from a port of one virtual subnet to a host in another one, behind an NVGRE tunnel: three tables, new Ethernet addresses, TTL and checksum, outer IPv4 and GRE header with the flow id of each flow. Unless a row says otherwise: 64 B, 64,000 flows, 10 rules, batches, the kernel in WebAssembly.',
    'Decapsulation: the same frames the other way, out of the tunnel to a port. L2: the action NORMAL, both addresses known.',
    'Stateful rules: `ct` in front of all of it; every flow is an established connection. A meter: one that refuses nothing, in front of all of it.',
    `In batches: ${BURST} frames a call, in the memory of the switch; before each call the headers are written anew, as a device would, and that counts. One by one: each frame is an array of its own and one call, and one call of the receiver; 1,000 flows.`,
    'Flows differ in addresses and ports, and come in an order without pattern. Sizes are with the frame check sequence.',
    'The loop in C (bench/lib/loop.c, gcc -O2) looks 64,000 flows up in a hash table, rewrites the header and puts an NVGRE header before a copy of the frame, 256 frames at a time, and is told what the flows are: nothing of a switch but the work on the bytes.',
    `${ROUNDS} rounds of ${ROUND_MS} ms, all rows in turn. Time is that of the processor, for both.`,
  ],
  async run() {
    const paths = new Map<string, Path>();
    for (const { name, options } of ROWS) paths.set(name, await pathOf(options));
    const loop = compileLoop();
    const floors = new Map<number, number[]>(SIZES.map((size) => [size, []]));
    const rates = new Map<string, number[]>(ROWS.map(({ name }) => [name, []]));
    for (let round = -1; round < ROUNDS; round++) {
      for (const size of SIZES) {
        const rate = loop?.run(size);
        if (round >= 0 && rate !== undefined) floors.get(size)?.push(rate);
      }
      for (const { name } of ROWS) {
        const rate = rateOf(name, paths.get(name)!);
        if (round >= 0) rates.get(name)?.push(rate);
      }
    }
    loop?.remove();
    return [...ROWS.map((r) => figureOf(r, rates, floors)), ...heapFigures(paths)];
  },
};

function figureOf(
  { name, options, peer, goal }: Row,
  rates: ReadonlyMap<string, readonly number[]>,
  floors: ReadonlyMap<number, readonly number[]>,
): Figure {
  const other = peer === undefined ? floors.get(options.size)! : rates.get(peer)!;
  return {
    name,
    unit: 'frames/s',
    samples: rates.get(name)!,
    ...(other.length > 0 ? { peer: { name: peer ?? 'a loop in C', samples: other } } : {}),
    ...(goal && other.length > 0 ? { goals: [goal] } : {}),
  };
}

/** What a batch takes of the heap; frames one by one take an array each, and that is their owner's. */
function heapFigures(paths: ReadonlyMap<string, Path>): Figure[] {
  return ['encapsulation', 'encapsulation, TypeScript', 'decapsulation', 'L2'].map((name) => ({
    name: `${name}: heap for a frame`,
    unit: 'bytes' as const,
    samples: Array.from({ length: ROUNDS }, () => heapOf(paths.get(name)!)),
    goals: [{ of: 'median' as const, atMost: 1 }],
  }));
}

function heapOf({ load }: Path): number {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  load(HEAP_FRAMES);
  return (process.memoryUsage().heapUsed - before) / HEAP_FRAMES;
}

function rateOf(name: string, { load, options, arrived }: Path): number {
  const before = arrived();
  // The first frame of each flow is for the tables.
  const warm = Math.min(options.flows, options.mode === 'batches' ? 256_000 : 1_000);
  load(warm);
  const step = options.mode === 'tables' ? BURST : 16 * BURST;
  let count = 0;
  let time = 0;
  for (const start = processorTime(); time < ROUND_MS; time = processorTime() - start) {
    load(step);
    count += step;
  }
  const there = arrived() - before;
  if (there !== count + warm) throw new Error(`${name}: of ${count + warm} frames ${there} arrived`);
  return (count / time) * 1000;
}

/** Of this thread, in milliseconds. */
function processorTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
