/** `netloom try` from the start of the process to its end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Benchmark, Figure } from './lib/figure.ts';
import { netloom, nothing } from './lib/program.ts';

const ROUNDS = 9;
const COLD_ROUNDS = 3;
const ARGS = ['try', 'examples/blue-red.yaml'];

export const benchmark: Benchmark = {
  name: 'try',
  what: '`netloom try examples/blue-red.yaml`, from the start of the process to its end: six pings, four of which have to fail.',
  method: [
    `${ROUNDS} runs, each beside one of \`node -e 0\`, which does nothing.`,
    `The very first run on a machine has to compile everything (${COLD_ROUNDS} runs, each with an empty cache of compiled code).`,
  ],
  async run() {
    const directory = mkdtempSync(join(tmpdir(), 'netloom-bench-'));
    const again: Pair[] = [];
    const first: Pair[] = [];
    const cache = join(directory, 'cache');
    await netloom(ARGS, cache).ended;
    for (let i = 0; i < ROUNDS; i++) {
      again.push({ ours: await netloom(ARGS, cache).ended, floor: await nothing() });
    }
    for (let i = 0; i < COLD_ROUNDS; i++) {
      first.push({ ours: await netloom(ARGS, join(directory, `empty${i}`)).ended, floor: await nothing() });
    }
    rmSync(directory, { recursive: true });
    return [figure('try', again), figure('try, the first time', first)];
  },
};

interface Pair {
  readonly ours: number;
  readonly floor: number;
}

function figure(name: string, pairs: readonly Pair[]): Figure {
  return {
    name,
    unit: 'ms',
    samples: pairs.map(({ ours }) => ours),
    peer: { name: 'node -e 0', samples: pairs.map(({ floor }) => floor) },
    goals: [{ of: 'median', atMost: 1_000 }],
  };
}
