/** What one change costs the controller by itself: checks, allocation, compilation; and how much is derived again. */
import { randomUUID } from 'node:crypto';
import { needs } from '../src/allocate/demand.ts';
import { type Derivation, Deriver } from '../src/base/derive.ts';
import { compilation } from '../src/compile/compile.ts';
import { allocationFact } from '../src/compile/facts.ts';
import { type Edit, Network } from '../src/controller/network.ts';
import { factsOf } from '../src/model/facts.ts';
import { type ModelObject, objectKey } from '../src/model/kinds.ts';
import { validation } from '../src/model/validate.ts';
import type { Benchmark, Figure } from './lib/figure.ts';
import { hostName, machineText, networkObjects, objectsOf } from './lib/topology.ts';

const SIZES = [1_000, 10_000, 100_000] as const;
const HOSTS = 100;
const PROPOSALS = 300;
const WARM_UP = 100;

export const benchmark: Benchmark = {
  name: 'compile',
  what: 'One vNIC moves to another host: what the controller does until it knows the new policy; nothing is kept.',
  method: [
    `Proposed and discarded ${PROPOSALS} times, in turn at ${SIZES.map((size) => size.toLocaleString('en')).join(', ')} vNICs on ${HOSTS} hosts, so each sample has the change and its inverse.`,
    'Units are those that are derived again for the change alone, by validation, needs and policy.',
    'The ratio is that of pairs, with the 5th and the 95th percentile.',
  ],
  async run() {
    const sizes = SIZES.map((size) => {
      const objects = networkObjects(size, HOSTS);
      return { size, network: loaded(objects), units: unitsOf(objects), samples: [] as number[] };
    });
    for (let round = -WARM_UP; round < PROPOSALS; round++) {
      const edit = move((round + WARM_UP) % SIZES[0], round);
      for (const { network, samples } of sizes) {
        const start = performance.now();
        const { findings } = network.propose([edit], 0);
        network.discard();
        const time = performance.now() - start;
        if (findings.length > 0) throw new Error(JSON.stringify(findings[0]));
        if (round >= 0) samples.push(time);
      }
    }
    const [first, ...others] = sizes;
    return [
      { name: `at ${first!.size} vNICs`, unit: 'ms', samples: first!.samples },
      ...others.map(
        ({ size, samples }): Figure => ({
          name: `at ${size} vNICs`,
          unit: 'ms',
          samples,
          peer: { name: `at ${first!.size} vNICs`, samples: first!.samples },
          goals: [{ of: 'ratio', atMost: 1.25 }],
        }),
      ),
      ...sizes.map(
        ({ size, units }): Figure => ({
          name: `derived again at ${size} vNICs`,
          unit: 'units',
          samples: [units],
          peer: { name: `at ${first!.size} vNICs`, samples: [first!.units] },
          goals: [{ of: 'ratio', atMost: 1 }],
        }),
      ),
    ];
  },
};

/** A machine, somewhere else than it is. */
function move(i: number, round: number): Edit {
  const object = objectsOf(machineText(i, hostName((i + 1 + (Math.abs(round) % (HOSTS - 1))) % HOSTS)))[0]!;
  return { key: objectKey(object), object };
}

function loaded(objects: readonly ModelObject[]): Network {
  const network = new Network(randomUUID);
  const edits = objects.map((object) => ({ key: objectKey(object), object }));
  network.keep(edits, 1, () => randomUUID(), network.propose(edits, 0));
  return network;
}

/** The same derivations, counting. */
function unitsOf(objects: readonly ModelObject[]): number {
  let units = 0;
  const counted = <F, O>(derivation: Derivation<F, O>): Derivation<F, O> => ({
    ...derivation,
    rules: derivation.rules.map((rule) => ({
      ...rule,
      derive(unit, read) {
        units++;
        return rule.derive(unit, read);
      },
    })),
  });
  const network = new Network(randomUUID);
  const { allocations } = network.propose(
    objects.map((object) => ({ key: objectKey(object), object })),
    0,
  );
  const derivers = [
    new Deriver(counted(compilation)),
    new Deriver(counted(validation)),
    new Deriver(counted(needs)),
  ] as const;
  for (const deriver of derivers) deriver.apply(factsOf(objects));
  derivers[0].apply(
    allocations.map(({ scope, owner, after }) => allocationFact({ scope, owner, value: after! })),
  );
  units = 0;
  const { key, object } = move(7, 0);
  for (const deriver of derivers) deriver.apply([[key, object]]);
  return units;
}
