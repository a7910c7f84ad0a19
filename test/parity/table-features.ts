/** goto_table, flows that frames add, and a branch by the length of the frame. */
import type { FieldName } from '../../src/flow/fields.ts';
import type { Action, FieldBits, LearnSpec } from '../../src/flow/flow.ts';
import { type Draft, type Feature, type MakeAction, TABLES } from './draft.ts';
import { bitsOf, fieldFor } from './values.ts';

/** Where it may stand, at the end of a flow, generate.ts knows. */
export const GOTO: Feature = { name: 'goto', often: 25, actions: [] };

export const LENGTH: Feature = {
  name: 'length',
  often: 20,
  actions: [
    [
      4,
      ({ random }) => ({
        type: 'check_pkt_larger',
        length: random.pick([50, 60, 64, 70, 90]),
        to: bitsOf(random, random.pick(['reg0', 'reg1', 'reg3'] as const), 1),
      }),
    ],
  ],
};

/** Where learnt flows go, and are looked for. */
const LEARNED_TABLE = TABLES;

const whole = (field: FieldName): FieldBits => bitsOf(CERTAIN, field);
/** For bitsOf: all bits of the field. */
const CERTAIN = { chance: () => true, between: (low: number) => low, below: () => 0 };

/** What a learning switch notes, and a few things that nobody does. */
function specsOf({ random, writable }: Draft, place: Parameters<MakeAction>[1]): LearnSpec[] {
  const specs: LearnSpec[] = [];
  if (random.chance(60)) specs.push({ type: 'match', to: whole('eth_dst'), from: whole('eth_src') });
  if (random.chance(20)) specs.push({ type: 'match', to: whole('in_port'), from: whole('in_port') });
  if (random.chance(30)) {
    const bits = { field: 'vlan_tci', from: 0, to: 11 } as const;
    specs.push({ type: 'match', to: bits, from: bits });
  }
  if (random.chance(30)) {
    const field = fieldFor(random, place.sample, writable);
    specs.push({ type: 'match', to: whole(field), from: whole(field) });
  }
  if (random.chance(40)) {
    const to = bitsOf(random, random.pick(['reg0', 'reg1', 'reg4'] as const), 16);
    specs.push({ type: 'load', to, from: random.chance(50) ? whole('in_port') : BigInt(random.below(5)) });
  }
  if (random.chance(60)) specs.push({ type: 'output', from: whole('in_port') });
  return specs;
}

/** In table 0, which a frame passes once: a flow that is learnt twice of one frame loses what it counted. */
const learn: MakeAction = (draft, place): Action | undefined => {
  const { random } = draft;
  if (place.table > 0 || place.depth > 0) return undefined;
  return {
    type: 'learn',
    learn: {
      idleTimeout: 0,
      hardTimeout: 0,
      finIdleTimeout: 0,
      finHardTimeout: 0,
      // Of its own, so that no two flows of different actions compete.
      priority: 1 + draft.counter.next++,
      cookie: BigInt(1000 + random.below(3)),
      table: LEARNED_TABLE,
      limit: random.pick([0, 0, 3]),
      sendFlowRemoved: false,
      deleteLearned: random.chance(20),
      specs: specsOf(draft, place),
    },
  };
};

export const LEARN: Feature = {
  name: 'learn',
  // See "Learning and connections" in docs/parity.md.
  unless: 'connections',
  often: 25,
  slowPath: true,
  actions: [
    [20, learn],
    [8, (_, { depth }) => (depth < 2 ? { type: 'resubmit', table: LEARNED_TABLE } : undefined)],
  ],
};
