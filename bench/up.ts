/** `netloom up --sample campus`: how long until it is ready, and how much memory it takes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Benchmark } from './lib/figure.ts';
import { netloom, residentMegabytes } from './lib/program.ts';

const ROUNDS = 5;
/** Guests ask for their addresses in this time. */
const SETTLE_MS = 1_500;

interface Start {
  readonly ready: number;
  readonly now: number;
  readonly peak: number;
}

export const benchmark: Benchmark = {
  name: 'up',
  what: '`netloom up --sample campus`, from the start of the process until it says that it is ready, and its memory.',
  method: [
    `${ROUNDS} starts, each on an empty data directory: the database is made, the sample applied, and all hosts have it in force before it says so. Ended by SIGTERM, which has to end it well.`,
    'Once more each on the data that are there then, and once with an empty cache of compiled code, like the very first start.',
    `Resident memory of the process ${SETTLE_MS} ms after that, and its peak.`,
  ],
  async run() {
    const directory = mkdtempSync(join(tmpdir(), 'netloom-bench-'));
    const cache = join(directory, 'cache');
    const first = [await start(join(directory, 'first'), cache)];
    const fresh: Start[] = [];
    const again: Start[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      const data = join(directory, `data${i}`);
      fresh.push(await start(data, cache));
      again.push(await start(data, cache));
    }
    rmSync(directory, { recursive: true });
    const ready = (starts: readonly Start[]) => starts.map((s) => s.ready);
    return [
      {
        name: 'ready, empty data directory',
        unit: 'ms',
        samples: ready(fresh),
        goals: [{ of: 'median', atMost: 2_000 }],
      },
      { name: 'ready, on data that are there', unit: 'ms', samples: ready(again) },
      {
        name: 'ready, the very first start',
        unit: 'ms',
        samples: ready(first),
        goals: [{ of: 'median', atMost: 2_000 }],
      },
      {
        name: 'resident memory',
        unit: 'MB',
        samples: fresh.map((s) => s.now),
        goals: [{ of: 'median', atMost: 200 }],
      },
      {
        name: 'resident memory, peak',
        unit: 'MB',
        samples: fresh.map((s) => s.peak),
        goals: [{ of: 'median', atMost: 200 }],
      },
    ];
  },
};

async function start(data: string, cache: string): Promise<Start> {
  const run = netloom(['up', '--sample', 'campus', '--data', data, '--listen', '127.0.0.1:0'], cache);
  try {
    const ready = await run.said('is ready');
    await setTimeout(SETTLE_MS);
    const memory = residentMegabytes(run.child.pid!);
    run.child.kill('SIGTERM');
    await run.ended;
    return { ready, ...memory };
  } finally {
    run.child.kill('SIGKILL');
  }
}
