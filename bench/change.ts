/** One vNIC changes: how long until the flows are in force on every host that needs them, and does size matter? */
import type { Change } from '../src/controller/change.ts';
import type { ModelObject } from '../src/model/kinds.ts';
import type { Benchmark, Figure } from './lib/figure.ts';
import { openFleet, type Timing } from './lib/fleet.ts';
import { HOSTS, hostName, machineName, machineText, networkObjects, objectsOf } from './lib/topology.ts';

const SMALL = 100;
const LARGE = 1_000;
const CHANGES = 150;
/** Before anything counts: so that the code is compiled. */
const WARM_UP = 20;
/** These machines take turns. */
const VICTIMS = 50;

type Kind = 'moved to another host' | 'deleted' | 'new';

export const benchmark: Benchmark = {
  name: 'change',
  what: 'One vNIC changes: from the call of the controller until the flows are in force on all hosts that need them.',
  method: [
    `${HOSTS} hosts in this process, with ${SMALL} and with ${LARGE} vNICs in subnets of 250; SQLite on disk, and every commit waits for the disk.`,
    `${CHANGES} changes of each kind, in turn at both sizes. All hosts take part in the VM network, so each of them gets every change.`,
    'The ratio is that of pairs, with the 5th and the 95th percentile.',
  ],
  async run() {
    const small = await openFleet(networkObjects(SMALL));
    const large = await openFleet(networkObjects(LARGE));
    const timings = new Map<Kind, { small: Timing[]; large: Timing[] }>();
    for (let round = -WARM_UP; round < CHANGES; round++) {
      for (const [kind, change] of cycle(round + WARM_UP)) {
        const of = timings.get(kind) ?? { small: [], large: [] };
        timings.set(kind, of);
        const pair = { small: await small.change([change]), large: await large.change([change]) };
        if (round < 0) continue;
        of.small.push(pair.small);
        of.large.push(pair.large);
      }
    }
    await small.close();
    await large.close();
    return [...timings].flatMap(([kind, of]) => figuresOf(kind, of.small, of.large));
  },
};

/** A machine moves, goes, and comes back where it was. */
function cycle(round: number): [Kind, Change][] {
  const victim = round % VICTIMS;
  const elsewhere = victim + 1 + (round % (HOSTS - 1));
  return [
    ['moved to another host', { object: machine(victim, elsewhere % HOSTS) }],
    ['deleted', { delete: `VirtualMachine/${machineName(victim)}` }],
    ['new', { object: machine(victim, victim % HOSTS) }],
  ];
}

function figuresOf(kind: Kind, small: readonly Timing[], large: readonly Timing[]): Figure[] {
  const figure = (name: string, part: keyof Timing): Figure => ({
    name,
    unit: 'ms',
    samples: large.map((t) => t[part]),
    peer: { name: `at ${SMALL} vNICs`, samples: small.map((t) => t[part]) },
  });
  return [
    {
      ...figure(`${kind}, at ${LARGE} vNICs`, 'total'),
      goals: [
        { of: 'ratio', atMost: 1.25 },
        { of: 'median', atMost: 5 },
        { of: 'p99', atMost: 15 },
      ],
    },
    figure('– checked and compiled', 'compile'),
    figure('– committed', 'commit'),
    figure('– sent, in force everywhere, confirmed', 'agents'),
  ];
}

function machine(i: number, host: number): ModelObject {
  return objectsOf(machineText(i, hostName(host)))[0]!;
}
