/** 10,000 vNICs in one change, on 100 hosts that have no switch: what the controller and the stream do for them. */
import type { Benchmark, Figure } from './lib/figure.ts';
import { openFleet, type Timing } from './lib/fleet.ts';
import { fabricText, machinesText, objectsOf } from './lib/topology.ts';

const VNICS = 10_000;
const HOSTS = 100;
const ROUNDS = 3;

interface Round extends Timing {
  readonly parse: number;
  readonly all: number;
}

export const benchmark: Benchmark = {
  name: 'load',
  what: `${VNICS.toLocaleString('en')} VMs with one vNIC each, written in YAML, applied in one change to ${HOSTS} hosts without a switch.`,
  method: [
    `${HOSTS} hosts in this process that are connected already and confirm what they get; subnets of 250 vNICs, so each host gets the lookup records of all of them; SQLite on disk.`,
    `${ROUNDS} rounds, each with a controller and hosts of its own.`,
  ],
  async run() {
    const rounds: Round[] = [];
    for (let i = 0; i < ROUNDS; i++) rounds.push(await round());
    return [
      figure(rounds, 'from text to confirmed by all hosts', 'all'),
      figure(rounds, '– YAML parsed, shape checked', 'parse'),
      figure(rounds, '– checked, allocated, compiled', 'compile'),
      figure(rounds, '– committed', 'commit'),
      figure(rounds, '– sent to all hosts and confirmed', 'agents'),
    ];
  },
};

async function round(): Promise<Round> {
  const text = machinesText(VNICS, HOSTS);
  const fleet = await openFleet(objectsOf(fabricText(VNICS, HOSTS)), { engine: 'none' });
  const start = performance.now();
  const objects = objectsOf(text);
  const parse = performance.now() - start;
  const timing = await fleet.change(objects.map((object) => ({ object })));
  await fleet.close();
  if (timing.hosts !== HOSTS) throw new Error(`${timing.hosts} hosts confirmed`);
  return { ...timing, parse, all: parse + timing.total };
}

function figure(rounds: readonly Round[], name: string, part: keyof Round): Figure {
  return { name, unit: 'ms', samples: rounds.map((round) => round[part]) };
}
