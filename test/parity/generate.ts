/** Random scenarios that do something: matches are taken from the frames that come, tables lead to each other. */
import type { Action } from '../../src/flow/flow.ts';
import { isVisible } from '../../src/softswitch/frame/key.ts';
import { actionsFor, BASE_FEATURES } from './base-actions.ts';
import { CONNECTIONS } from './connection-feature.ts';
import { addFlow, type Draft, type Feature, TABLES } from './draft.ts';
import { hasPartialTag, type Sample, samples } from './frames.ts';
import { BUNDLE, GROUPS, METERS } from './group-feature.ts';
import { NORMAL } from './normal-feature.ts';
import type { Random } from './random.ts';
import { PORT_NUMBERS, type Scenario, type Step } from './scenario.ts';
import { GOTO, LEARN, LENGTH } from './table-features.ts';
import { matchOfSample, writableFields } from './values.ts';

export const FEATURES: readonly Feature[] = [
  ...BASE_FEATURES,
  NORMAL,
  CONNECTIONS,
  GROUPS,
  METERS,
  BUNDLE,
  GOTO,
  LENGTH,
  LEARN,
];

/** Different frames of a scenario. */
const SAMPLES = 80;

/** `only`: names of the features that may take part; base always does. */
export function generate(random: Random, frames: number, only?: readonly string[]): Scenario {
  const picked = FEATURES.filter(({ name }) => !only || name === 'base' || only.includes(name)).filter(
    ({ often }) => random.chance(often),
  );
  const features = picked.filter(({ unless }) => !picked.some(({ name }) => name === unless));
  const slowPath = features.some((feature) => feature.slowPath);
  const draft: Draft = {
    random,
    samples: samples(random, SAMPLES).filter((sample) => slowPath || !hasPartialTag(sample)),
    features,
    slowPath,
    writable: writableFields(
      random,
      features.flatMap((feature) => feature.keeps ?? []),
    ),
    flows: [],
    groups: [],
    counter: { next: 0 },
    stream: [],
    translates: false,
    meters: [],
    vlans: PORT_NUMBERS.map(() => ({ mode: 'trunk', trunks: [] })),
  };
  for (const feature of features) feature.begin?.(draft);
  for (let table = 0; table < TABLES; table++) addTable(draft, table);
  const { vlans, flows, groups, meters } = draft;
  return { vlans, flows, groups, meters, steps: stepsOf(draft, frames), slowPath };
}

function addTable(draft: Draft, table: number): void {
  const { random } = draft;
  const count = random.between(3, 10);
  for (let i = 0; i < count; i++) {
    const discovery = draft.samples.filter(({ key }) => isVisible('nd_target', key));
    // Few frames are of neighbour discovery, which has many fields.
    const isDiscovery = discovery.length > 0 && random.chance(8);
    const sample = random.pick(isDiscovery ? discovery : draft.samples);
    // The lowest matches everything, or frames would end where nothing is known of them.
    const match =
      i === 0 && random.chance(80) ? {} : matchOfSample(random, sample, random.pick(PORT_NUMBERS));
    const place = { table, match, sample, depth: 0 };
    const actions = actionsFor(draft, place, 5);
    const begin = draft.features.flatMap(({ first }) =>
      first && actions[0]?.type !== 'drop' && random.chance(30) ? [first(draft)] : [],
    );
    addFlow(draft, {
      table,
      match,
      actions: random.chance(4) ? [] : [...begin, ...actions, ...onward(draft, table, actions)],
    });
  }
}

/** Most flows go on in the next table, or send the frame somewhere. */
function onward({ random, features }: Draft, table: number, actions: readonly Action[]): Action[] {
  const last = actions.at(-1)?.type;
  if (last === 'drop' || last === 'goto_table') return [];
  if (table + 1 < TABLES && features.includes(GOTO) && random.chance(40)) {
    return [{ type: 'goto_table', table: table + 1 }];
  }
  if (table + 1 < TABLES && random.chance(65)) return [{ type: 'resubmit', table: table + 1 }];
  return random.chance(70) ? [{ type: 'output', port: random.pick(PORT_NUMBERS) }] : [];
}

/** Each frame comes several times, so that caches and tables of connections take part. */
function stepsOf({ random, samples: pool, features, stream }: Draft, frames: number): Step[] {
  const steps: Step[] = [];
  const waits = features.some((feature) => feature.waits);
  for (let left = frames; left > 0; ) {
    if (stream.length > 0 && random.chance(60)) {
      const next = stream.splice(0, Math.min(left, random.between(1, 25)));
      steps.push({ type: 'frames', port: random.pick(PORT_NUMBERS), frames: next });
      left -= next.length;
      continue;
    }
    const count = Math.min(
      left,
      random.weighted([
        [2, 1],
        [3, random.between(2, 10)],
        [5, random.between(20, 60)],
      ]),
    );
    const port = random.pick(PORT_NUMBERS);
    const picked = Array.from({ length: count }, () => random.pick<Sample>(pool).frame);
    steps.push({ type: 'frames', port, frames: picked });
    left -= count;
    if (waits && random.chance(15)) {
      // Learnt addresses age by the second.
      const whole = features.some((feature) => feature.slowPath);
      const milliseconds = whole
        ? 1000 * random.pick([1, 3, 5, 6, 60, 299, 300])
        : random.pick([1, 50, 999, 3000]);
      steps.push({ type: 'wait', milliseconds });
    }
  }
  return steps;
}
