/** Groups of every kind, meters, and the choice of a port among several. */
import type { Bucket, Group } from '../../src/flow/datapath.ts';
import type { FieldName } from '../../src/flow/fields.ts';
import type { Action, HashFields } from '../../src/flow/flow.ts';
import { actionsFor } from './base-actions.ts';
import { type Draft, type Feature, type MakeAction, mayHash } from './draft.ts';
import { PORT_NUMBERS } from './scenario.ts';
import { bitsOf } from './values.ts';

/** Buckets stand in no flow, so they know nothing of the frame; they are somewhere behind the first table. */
function bucketActions(draft: Draft): Action[] {
  const place = { table: 1, match: {}, sample: draft.random.pick(draft.samples), depth: 1 };
  return actionsFor({ ...draft, features: draft.features.filter((f) => f.inBuckets) }, place, 3);
}

function bucketOf(draft: Draft, id: number, type: Group['type']): Bucket {
  const { random } = draft;
  const watched = type === 'ff' ? { watchPort: random.pick(PORT_NUMBERS) } : {};
  const weight = type === 'select' ? random.pick([0, 1, 1, 2, 5]) : 0;
  return { id, weight, ...watched, actions: bucketActions(draft) };
}

const HASHED: readonly FieldName[] = [
  'eth_src',
  'eth_dst',
  'ip_src',
  'ip_dst',
  'udp_src',
  'tcp_dst',
  'vlan_vid',
];

function addGroup(draft: Draft, id: number): void {
  const { random } = draft;
  const type = random.pick(['all', 'all', 'select', 'select', 'select', 'indirect', 'ff'] as const);
  const count = type === 'indirect' ? 1 : random.between(1, 4);
  const buckets = Array.from({ length: count }, (_, i) => bucketOf(draft, i, type));
  const selection = random.pick([
    undefined,
    { method: 'hash', param: random.bits(32), fields: random.some(HASHED, 3) } as const,
    { method: 'dp_hash', param: 0n, fields: [] } as const,
  ]);
  draft.groups.push({ id, type, ...(type === 'select' && selection ? { selection } : {}), buckets });
}

/** In the first tables only, since the buckets go on in the later ones. */
const group: MakeAction = ({ random, groups }, { table }) =>
  groups.length > 0 && table < 2 ? { type: 'group', group: random.pick(groups).id } : undefined;

export const GROUPS: Feature = {
  name: 'groups',
  often: 35,
  // See "Copies and connections" in docs/parity.md.
  unless: 'connections',
  begin: (draft) => {
    const count = draft.random.between(1, 5);
    // A bucket may name the groups before it.
    for (let id = 1; id <= count; id++) addGroup(draft, id);
  },
  inBuckets: true,
  actions: [[12, group]],
};

export const METERS: Feature = {
  name: 'meters',
  // See "Meters behind a flood" in docs/parity.md.
  unless: 'normal',
  often: 20,
  waits: true,
  begin: ({ random, meters }) => {
    const count = random.between(1, 3);
    for (let id = 1; id <= count; id++) {
      const unit = random.pick(['pktps', 'kbps'] as const);
      // All bands of a meter say it, or none does.
      const bursts = random.chance(60);
      const bands = Array.from({ length: random.between(1, 2) }, () => ({
        type: 'drop' as const,
        rate: random.pick([1, 5, 20, 100]),
        ...(bursts ? { burst: random.pick([1, 3, 10]) } : {}),
      }));
      meters.push({ id, unit, stats: true, bands });
    }
  },
  first: ({ random, meters }) => ({ type: 'meter', meter: random.pick(meters).id }),
  actions: [],
};

const HASHES: readonly HashFields[] = [
  'eth_src',
  'symmetric_l4',
  'symmetric_l3l4',
  'symmetric_l3l4+udp',
  'nw_src',
  'nw_dst',
];

const bundle: MakeAction = (draft, place) => {
  const { random } = draft;
  if (!mayHash(draft, place)) return undefined;
  return {
    type: 'bundle',
    fields: random.pick(HASHES),
    basis: random.below(0x10000),
    algorithm: random.pick(['active_backup', 'hrw'] as const),
    members: random.some([...PORT_NUMBERS, 77], 4),
    to: random.chance(50) ? bitsOf(random, random.pick(['reg0', 'reg1', 'reg2'] as const), 16) : undefined,
  };
};

export const BUNDLE: Feature = {
  name: 'bundle',
  often: 25,
  inBuckets: true,
  actions: [[6, bundle]],
};
