/** The actions that every program may have. */
import { actionFindings } from '../../src/flow/check-actions.ts';
import { FIELD_NAMES, fieldOf } from '../../src/flow/fields.ts';
import type { Action } from '../../src/flow/flow.ts';
import { type Draft, type Feature, type MakeAction, mayHash, type Place, TABLES } from './draft.ts';
import { PORT_NUMBERS } from './scenario.ts';
import { bitsOf, fieldFor, maskOf, someValue } from './values.ts';

/** Actions that pass every check at this place, at most so many. */
export function actionsFor(draft: Draft, place: Place, most: number): Action[] {
  const choices = draft.features.flatMap((feature) => feature.actions);
  const actions: Action[] = [];
  const count = draft.random.between(1, most);
  for (let i = 0; i < 3 * count && actions.length < count; i++) {
    const action = draft.random.weighted<MakeAction>(choices)(draft, place);
    if (!action || (action.type === 'drop' && actions.length > 0)) continue;
    if (actionFindings([...actions, action], place.match).length > 0) continue;
    actions.push(action);
    // Nothing may stand after these.
    if (action.type === 'drop' || action.type === 'goto_table') break;
  }
  return actions;
}

const output: MakeAction = ({ random }) => ({ type: 'output', port: random.pick(PORT_NUMBERS) });

const reserved: MakeAction = ({ random }) => ({
  type: 'output',
  port: random.pick(['in_port', 'in_port', 'flood', 'all'] as const),
});

const set: MakeAction = ({ random, writable }, { sample }) => {
  const field = fieldFor(random, sample, writable);
  const value = someValue(random, field);
  if (field === 'vlan_vid') return { type: 'set', field, value: value | 0x1000n, mask: 0x1fffn };
  if (field === 'vlan_tci') {
    // Bits of a tag that is not there are nothing that a frame can have.
    return { type: 'set', field, value: random.chance(70) ? value | 0x1000n : 0n, mask: 0xffffn };
  }
  const mask = maskOf(random, field);
  return { type: 'set', field, value: value & mask, mask };
};

const move: MakeAction = ({ random, writable }, { sample }) => {
  const to = fieldFor(random, sample, writable);
  // A tag that comes and goes with a moved bit is left to `set`; a moved in_port is any number. A moved ARP operation
  // may become 0, and then Open vSwitch writes nothing of the header.
  if (to.startsWith('vlan') || to === 'in_port' || to === 'arp_op') return undefined;
  const target = bitsOf(random, to);
  const wide = FIELD_NAMES.filter((name) => fieldOf(name).bits > target.to - target.from);
  const from = fieldFor(random, sample, wide);
  return { type: 'move', from: bitsOf(random, from, target.to - target.from + 1), to: target };
};

const resubmit: MakeAction = ({ random }, { table }) => {
  const next = random.between(table + 1, table + 2);
  return next < TABLES ? { type: 'resubmit', table: next } : undefined;
};

const clone: MakeAction = (draft, place) =>
  place.depth < 2
    ? { type: 'clone', actions: actionsFor(draft, { ...place, depth: place.depth + 1 }, 3) }
    : undefined;

const multipath: MakeAction = (draft, place) => {
  const { random } = draft;
  if (!mayHash(draft, place)) return undefined;
  const to = bitsOf(random, random.pick(['tun_id', 'reg0', 'reg1', 'reg5'] as const), 8);
  return { type: 'multipath', basis: random.below(0x10000), links: random.pick([1, 2, 3, 7, 256]), to };
};

const controller: MakeAction = ({ random }) => ({
  type: 'controller',
  userdata: random.pick(['', '07', '01020304']),
  maxLength: random.pick([0xffff, 64, 1]),
});

const outputField: MakeAction = ({ random }) => ({
  type: 'output_field',
  from: bitsOf(random, random.pick(['reg0', 'reg1', 'metadata'] as const), 16),
  maxLength: 0xffff,
});

/** Back to an earlier table, which may go round in a circle. */
const LOOPS: Feature = {
  name: 'loops',
  often: 15,
  unless: 'groups',
  actions: [[1, ({ random }) => ({ type: 'resubmit', table: random.below(TABLES) })]],
};

const BASE: Feature = {
  name: 'base',
  often: 100,
  inBuckets: true,
  actions: [
    [24, output],
    [5, reserved],
    [22, set],
    [10, move],
    [16, resubmit],
    [4, clone],
    [3, () => ({ type: 'strip_vlan' })],
    [3, multipath],
    [1, () => ({ type: 'drop' })],
  ],
};

const PUSH_VLAN: Feature = {
  name: 'push_vlan',
  often: 40,
  inBuckets: true,
  actions: [[4, ({ random }) => ({ type: 'push_vlan', ethertype: random.pick([0x8100, 0x88a8]) })]],
};

/** The switch itself tells the controller of a TTL that is used up; see "Two tags" in docs/parity.md. */
const DEC_TTL: Feature = {
  name: 'dec_ttl',
  often: 60,
  unless: 'push_vlan',
  inBuckets: true,
  actions: [[5, () => ({ type: 'dec_ttl' })]],
};

/** To the controller; frames that go there leave the flow cache out, so only some programs do it. */
const CONTROLLER: Feature = {
  name: 'controller',
  often: 30,
  unless: 'push_vlan',
  actions: [
    [3, controller],
    [1, () => ({ type: 'output', port: 'controller' })],
  ],
};

const OUTPUT_FIELD: Feature = {
  name: 'output to a field',
  often: 40,
  inBuckets: true,
  actions: [[4, outputField]],
};

export const BASE_FEATURES: readonly Feature[] = [BASE, LOOPS, PUSH_VLAN, DEC_TTL, CONTROLLER, OUTPUT_FIELD];
