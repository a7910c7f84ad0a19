/** 1,000 vNICs in one change: how long, and what the time goes into. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Benchmark, Figure } from './lib/figure.ts';
import { openFleet, type Timing } from './lib/fleet.ts';
import { fabricText, HOSTS, machinesText, objectsOf } from './lib/topology.ts';

const VNICS = 1_000;
const ROUNDS = 5;

interface Round extends Timing {
  readonly parse: number;
  readonly all: number;
  /** The bare database, as many rows. */
  readonly rows: number;
}

export const benchmark: Benchmark = {
  name: 'apply',
  what: `${VNICS} VMs with one vNIC each, written in YAML, applied in one change.`,
  method: [
    `${HOSTS} hosts in this process that are connected already, subnets of 250 vNICs, each with a pool; SQLite on disk.`,
    `${ROUNDS} rounds, each with a controller and hosts of its own. The first one is with cold code, like the first change after a start.`,
    'The peer of the commit is a bare SQLite transaction that inserts as many rows of about the same size, as durably.',
  ],
  async run() {
    const rounds: Round[] = [];
    for (let i = 0; i < ROUNDS; i++) rounds.push(await round());
    return figuresOf(rounds);
  },
};

async function round(): Promise<Round> {
  const text = machinesText(VNICS);
  const fleet = await openFleet(objectsOf(fabricText(VNICS)));
  const start = performance.now();
  const objects = objectsOf(text);
  const parse = performance.now() - start;
  const timing = await fleet.change(objects.map((object) => ({ object })));
  await fleet.close();
  return { ...timing, parse, all: parse + timing.total, rows: bareInsert() };
}

/** For each vNIC: the object, its line in the journal, its id, its MAC address and its address. */
function bareInsert(): number {
  const directory = mkdtempSync(join(tmpdir(), 'netloom-bench-'));
  const database = new DatabaseSync(join(directory, 'bare.db'));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  database.exec('CREATE TABLE rows (kind TEXT, key TEXT, value TEXT, PRIMARY KEY (kind, key)) WITHOUT ROWID');
  const insert = database.prepare('INSERT INTO rows VALUES (?, ?, ?)');
  const value = 'x'.repeat(120);
  const start = performance.now();
  database.exec('BEGIN');
  for (const kind of ['object', 'journal', 'id', 'mac', 'address']) {
    for (let i = 0; i < VNICS; i++) insert.run(kind, `vm${i}`, value);
  }
  database.exec('COMMIT');
  const time = performance.now() - start;
  database.close();
  rmSync(directory, { recursive: true });
  return time;
}

function figuresOf(rounds: readonly Round[]): Figure[] {
  const figure = (name: string, part: keyof Round): Figure => ({
    name,
    unit: 'ms',
    samples: rounds.map((r) => r[part]),
  });
  const rows = { name: 'bare insert', samples: rounds.map((r) => r.rows) };
  return [
    {
      ...figure('from text to flows in force', 'all'),
      peer: rows,
      goals: [{ of: 'median', atMost: 1_000 }],
    },
    figure('– YAML parsed, shape checked', 'parse'),
    figure('– checked, allocated, compiled', 'compile'),
    { ...figure('– committed', 'commit'), peer: rows },
    figure('– sent, in force on all hosts, confirmed', 'agents'),
  ];
}
