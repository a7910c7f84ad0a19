/**
 * Actions as the pipeline writes them:
 *
 *     [setField('tun_id', vsid << 8), move('ip_src', 'reg3'), load(5, 'reg0[0..7]'), resubmit(TABLE), output(3)]
 */
import { finding, throwIfErrors } from '../base/error.ts';
import { FIELDS, type FieldName, fieldOf } from './fields.ts';
import type {
  Action,
  BundleAction,
  ConnectionAction,
  FieldBits,
  Flow,
  Learn,
  Nat,
  OutputPort,
} from './flow.ts';
import { type MatchValue, masked, maskedValue } from './match.ts';

/** A field, or bits of one: `reg0`, `reg0[3]`, `reg0[0..15]`. */
export type BitsText = FieldName | `${FieldName}[${number}]` | `${FieldName}[${number}..${number}]`;

/** Bits of a field. Throws NetloomError (flow-invalid) when the field does not have them. */
export function bitsOf(text: BitsText | FieldBits): FieldBits {
  if (typeof text !== 'string') return text;
  const read = /^(\w+)(?:\[(\d+)(?:\.\.(\d+))?\])?$/.exec(text);
  const name = read?.[1] as FieldName;
  if (!read || !(name in FIELDS)) throwIfErrors([unknown(text)]);
  const from = read?.[2] === undefined ? 0 : Number(read[2]);
  const to =
    read?.[3] === undefined ? (read?.[2] === undefined ? fieldOf(name).bits - 1 : from) : Number(read[3]);
  if (from > to || to >= fieldOf(name).bits) throwIfErrors([unknown(text)]);
  return { field: name, from, to };
}

function unknown(text: string) {
  return finding(
    'flow-invalid',
    'actions',
    `There are no bits ${text}.`,
    'Write field, field[n] or field[n..m].',
  );
}

/** Writes a value into a field; `{ value, mask }` writes some of its bits. */
export function setField(field: FieldName, value: MatchValue): Action {
  return { type: 'set', field, ...maskedValue(field, value) };
}

/** Writes a number into bits of a field; the order of ovs-ofctl: value, then place. */
export function load(value: number | bigint, place: BitsText | FieldBits): Action {
  const { field, from, to } = bitsOf(place);
  const ones = (1n << BigInt(to - from + 1)) - 1n;
  if (BigInt(value) > ones) throwIfErrors([unfit(value, field, from, to)]);
  return { type: 'set', field, ...masked(field, BigInt(value) << BigInt(from), ones << BigInt(from)) };
}

function unfit(value: number | bigint, field: string, from: number, to: number) {
  return finding(
    'flow-invalid',
    'actions',
    `${value} does not fit ${field}[${from}..${to}].`,
    'Use more bits.',
  );
}

/** Copies bits; both sides have the same number of them. */
export function move(from: BitsText | FieldBits, to: BitsText | FieldBits): Action {
  return { type: 'move', from: bitsOf(from), to: bitsOf(to) };
}

/** Looks the frame up in another table, then goes on with the next action. */
export function resubmit(table: number): Action {
  return { type: 'resubmit', table };
}

/** To a port; never back to where the frame came in, for which there is `in_port`. */
export function output(port: OutputPort): Action {
  return { type: 'output', port };
}

/** A packet-in with the whole frame; `userdata` in hexadecimal digits, two an octet. */
export function controller(userdata = '', maxLength = 0xffff): Action {
  return { type: 'controller', userdata, maxLength };
}

/** Runs actions on a copy of the frame. */
export function clone(...actions: readonly Action[]): Action {
  return { type: 'clone', actions };
}

/** A frame whose TTL is 0 or 1 leaves the table here. */
export function decTtl(): Action {
  return { type: 'dec_ttl' };
}

export function pushVlan(ethertype = 0x8100): Action {
  return { type: 'push_vlan', ethertype };
}

export function stripVlan(): Action {
  return { type: 'strip_vlan' };
}

/** Writes a number 0..links-1 that depends on the flow alone. */
export function multipath(links: number, to: BitsText | FieldBits, basis = 50): Action {
  return { type: 'multipath', basis, links, to: bitsOf(to) };
}

/** To the port whose number stands in these bits. */
export function outputField(from: BitsText | FieldBits): Action {
  return { type: 'output_field', from: bitsOf(from), maxLength: 0xffff };
}

/** Goes on in a later table; the last action. */
export function gotoTable(table: number): Action {
  return { type: 'goto_table', table };
}

export function group(id: number): Action {
  return { type: 'group', group: id };
}

export function meter(id: number): Action {
  return { type: 'meter', meter: id };
}

/** Writes 1 into a bit when the frame has more than `length` bytes, 0 otherwise. */
export function checkLarger(length: number, to: BitsText | FieldBits): Action {
  return { type: 'check_pkt_larger', length, to: bitsOf(to) };
}

/** Connection tracking; what is left out is off, zone 0. */
export function ct(
  options: Partial<Omit<ConnectionAction, 'type' | 'zone'>> & {
    readonly zone?: number | BitsText | FieldBits;
  } = {},
): Action {
  const { zone = 0, commit = false, force = false, table, nat, actions = [] } = options;
  const place = typeof zone === 'number' ? zone : bitsOf(zone);
  return { type: 'ct', commit, force, zone: place, table, nat, alg: undefined, actions };
}

/** Translates as the connection was translated when it was committed. */
export const NAT_EXISTING: Nat = { type: 'existing' };

export function ctClear(): Action {
  return { type: 'ct_clear' };
}

/** Adds a flow; without timeouts it stays. */
export function learn(learnt: Pick<Learn, 'table' | 'priority' | 'specs'> & Partial<Learn>): Action {
  const none = { idleTimeout: 0, hardTimeout: 0, finIdleTimeout: 0, finHardTimeout: 0, limit: 0 };
  const rest = { cookie: 0n, sendFlowRemoved: false, deleteLearned: false };
  return { type: 'learn', learn: { ...none, ...rest, ...learnt } };
}

/** One of several ports whose link is up: sends there, or writes its number to `to`. */
export function bundle(
  members: readonly number[],
  options: Partial<Omit<BundleAction, 'type' | 'members' | 'to'>> & {
    readonly to?: BitsText | FieldBits;
  } = {},
): Action {
  const { fields = 'symmetric_l3l4+udp', basis = 0, algorithm = 'hrw', to } = options;
  return { type: 'bundle', fields, basis, algorithm, members, to: to && bitsOf(to) };
}

/** A flow; without actions it drops. */
export function flowOf(flow: Pick<Flow, 'table' | 'priority' | 'match'> & Partial<Flow>): Flow {
  return { cookie: 0n, actions: [], ...flow };
}
