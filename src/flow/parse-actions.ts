/** Reads actions in the language of ovs-ofctl(8); the part of it that Netloom uses, the rest is refused by name. */
import { type FieldName, fullMask } from './fields.ts';
import type { Action, HashFields, Masked, OutputPort } from './flow.ts';
import { readConnection } from './parse-connection.ts';
import { readLearn } from './parse-learn.ts';
import {
  arrow,
  maybeBits,
  quote,
  readBits,
  readField,
  readNumber,
  readWide,
  refuse,
  splitList,
  unreadable,
} from './parse-tools.ts';
import { parseMasked, parseValue } from './values.ts';

const DEEPEST_CLONE = 16;

/** `drop` is the empty list. Throws NetloomError (flow-invalid). */
export function parseActions(text: string, depth = 0): Action[] {
  if (depth > DEEPEST_CLONE) refuse('actions', 'clone is nested too deep.', `Up to ${DEEPEST_CLONE} levels.`);
  const parts = splitList(text);
  if (parts.length === 0) refuse('actions', 'The list of actions is empty.', 'Write actions=drop.');
  if (parts.length === 1 && parts[0]?.toLowerCase() === 'drop') return [];
  return parts.map((part) => parseAction(part, depth));
}

const PORT_WORDS: readonly OutputPort[] = ['in_port', 'normal', 'flood', 'all', 'local'];

const KNOWN =
  'drop, output, normal, flood, all, in_port, local, controller, set_field, load, move, push_vlan, pop_vlan, dec_ttl, ' +
  'resubmit, goto_table, clone, group, meter, ct, ct_clear, learn, fin_timeout, multipath, bundle, bundle_load and ' +
  'check_pkt_larger';

function parseAction(text: string, depth: number): Action {
  const read = /^([a-z_0-9]+)(?:\((.*)\)|:(.*)|\(\w*\)->.*)?$/is.exec(text);
  const name = read?.[1]?.toLowerCase() ?? '';
  const inside = read?.[2];
  const argument = read?.[3];
  const bare = inside === undefined && argument === undefined;
  if (bare && /^\d+$/.test(name)) return { type: 'output', port: readPort(name) };
  const port = PORT_WORDS.find((word) => word === name);
  if (bare && port !== undefined) return { type: 'output', port };
  switch (name) {
    case 'drop':
      return { type: 'drop' };
    case 'output':
      return readOutput(argument ?? '');
    case 'controller':
      return readController(inside, argument);
    case 'set_field':
      return readSet(argument ?? '');
    case 'load':
      return readLoad(argument ?? '');
    case 'move': {
      const [from, to] = arrow(argument ?? '');
      return { type: 'move', from: readBits(from), to: readBits(to) };
    }
    case 'resubmit': {
      const table = /^\s*,\s*(\d+)\s*$/.exec(inside ?? '')?.[1];
      if (table === undefined) refuse('actions', `${quote(text)} names no table.`, 'Write resubmit(,N).');
      return { type: 'resubmit', table: readNumber('resubmit', table ?? '', 254) };
    }
    case 'clone':
      return { type: 'clone', actions: inside?.trim() ? parseActions(inside, depth + 1) : [] };
    case 'dec_ttl':
      if (bare) return { type: 'dec_ttl' };
      break;
    case 'push_vlan':
      return { type: 'push_vlan', ethertype: readNumber('push_vlan', argument ?? '', 0xffff) };
    case 'strip_vlan':
    case 'pop_vlan':
      if (bare) return { type: 'strip_vlan' };
      break;
    case 'multipath':
      return readMultipath(inside ?? '');
    case 'bundle':
    case 'bundle_load':
      return readBundle(inside ?? '', name === 'bundle_load');
    case 'goto_table':
      return { type: 'goto_table', table: readNumber(name, argument ?? '', 254) };
    case 'group':
      return { type: 'group', group: readNumber(name, argument ?? '', 0xffffff00) };
    case 'meter':
      return { type: 'meter', meter: readNumber(name, argument ?? '', 0xffff0000) };
    case 'ct':
      return readConnection(inside ?? '', (list) => parseActions(list, depth + 1));
    case 'ct_clear':
      if (bare) return { type: 'ct_clear' };
      break;
    case 'learn':
      return { type: 'learn', learn: readLearn(inside ?? '') };
    case 'fin_timeout':
      return readFinTimeout(inside ?? '');
    case 'check_pkt_larger':
      return readCheckLength(text);
  }
  const remedy = `Actions are written as in ovs-actions(7); known are ${KNOWN}.`;
  return refuse('actions', `${quote(text)} is not an action that is known here.`, remedy);
}

function readPort(text: string): OutputPort {
  const word = text.toLowerCase();
  const named = word === 'controller' ? word : PORT_WORDS.find((w) => w === word);
  return named ?? readNumber('output', text, 0xffff);
}

/** A port, or bits of a field that hold its number. */
function readOutput(text: string): Action {
  const from = /^\d/.test(text) ? undefined : maybeBits(text);
  return from ? { type: 'output_field', from, maxLength: 0xffff } : { type: 'output', port: readPort(text) };
}

/** `check_pkt_larger(1500)->NXM_NX_REG0[0]` */
function readCheckLength(text: string): Action {
  const read = /^\w+\((\w+)\)->(.*)$/.exec(text);
  if (!read) refuse('actions', `${quote(text)} is not understood.`, 'Write check_pkt_larger(N)->BIT.');
  const length = readNumber('check_pkt_larger', read?.[1] ?? '', 0xffff);
  return { type: 'check_pkt_larger', length, to: readBits(read?.[2] ?? '') };
}

/** `idle_timeout=10,hard_timeout=20`; one that is not named is 0. */
function readFinTimeout(inside: string): Action {
  const timeouts = { idle_timeout: 0, hard_timeout: 0 };
  for (const part of inside.split(',').filter((p) => p.trim() !== '')) {
    const [key = '', value = ''] = part.split('=').map((word) => word.trim());
    if (key !== 'idle_timeout' && key !== 'hard_timeout') {
      return refuse('actions', `fin_timeout has no ${quote(key)}.`, 'Use idle_timeout, hard_timeout.');
    }
    timeouts[key] = readNumber(key, value, 0xffff);
  }
  return { type: 'fin_timeout', idleTimeout: timeouts.idle_timeout, hardTimeout: timeouts.hard_timeout };
}

const HASH_FIELDS: readonly HashFields[] = [
  'eth_src',
  'symmetric_l4',
  'symmetric_l3l4',
  'symmetric_l3l4+udp',
  'nw_src',
  'nw_dst',
];

/** `symmetric_l4,60,hrw,ofport,members:1,2`, with the place before `members` when the port is loaded. */
function readBundle(inside: string, isLoad: boolean): Action {
  const [head = '', tail = ''] = inside.split(/,?\s*members:/);
  const [fieldsText, basis, algorithm, ofport, place, ...more] = head.split(',').map((word) => word.trim());
  const fields = HASH_FIELDS.find((name) => name === fieldsText);
  const isKnown = (algorithm === 'active_backup' || algorithm === 'hrw') && ofport === 'ofport';
  if (!fields || !isKnown || (place !== undefined) !== isLoad || more.length > 0) {
    const remedy =
      'Write bundle(FIELDS,BASIS,hrw,ofport,members:1,2), or bundle_load with the place before members.';
    return refuse('actions', `${quote(`bundle(${inside})`)} is not known here.`, remedy);
  }
  const members = tail.split(',').map((word) => readNumber('members', word.trim(), 0xffff));
  const to = place === undefined ? undefined : readBits(place);
  return {
    type: 'bundle',
    fields,
    basis: readNumber('bundle', basis ?? '', 0xffff),
    algorithm,
    members,
    to,
  };
}

function readController(inside: string | undefined, argument: string | undefined): Action {
  if (inside === undefined) {
    const maxLength = argument === undefined ? 0xffff : readNumber('controller', argument, 0xffff);
    return { type: 'controller', userdata: '', maxLength };
  }
  let maxLength = 0xffff;
  let userdata = '';
  for (const part of inside.split(',')) {
    const [key, value = ''] = part.split('=');
    if (key?.trim() === 'max_len') maxLength = readNumber('max_len', value, 0xffff);
    else if (key?.trim() === 'userdata') userdata = readUserdata(value);
    else if (part.trim() !== '')
      refuse('actions', `controller has no ${quote(part)}.`, 'Use max_len, userdata.');
  }
  return { type: 'controller', userdata, maxLength };
}

/** Octets with or without dots between them. */
function readUserdata(text: string): string {
  const digits = text.trim().toLowerCase();
  if (!/^([0-9a-f]{2}\.?)*$/.test(digits) || digits.endsWith('.')) unreadable('userdata', text);
  return digits.replaceAll('.', '');
}

function readSet(text: string): Action {
  const [valueText, key] = arrow(text);
  const field = readField(key);
  const slash = valueText.indexOf('/');
  // A value alone may be decimal or in the form of the field; ip-frag and tcp-flags cannot be written anyway.
  const masked = slash < 0 ? asWhole(field, parseValue(field, valueText)) : parseMasked(field, valueText);
  if (!masked) return unreadable(key, valueText);
  return { type: 'set', field, ...masked };
}

function asWhole(field: FieldName, value: bigint | undefined): Masked | undefined {
  return value === undefined ? undefined : { value, mask: fullMask(field) };
}

function readLoad(text: string): Action {
  const [valueText, place] = arrow(text);
  const { field, from, to } = readBits(place);
  const ones = (1n << BigInt(to - from + 1)) - 1n;
  const value = readWide('load', valueText, to - from + 1);
  return { type: 'set', field, value: value << BigInt(from), mask: ones << BigInt(from) };
}

function readMultipath(inside: string): Action {
  const [fields, basis, algorithm, links, argument, to] = inside.split(',').map((word) => word.trim());
  if (fields !== 'symmetric_l3l4+udp' || algorithm !== 'modulo_n' || argument !== '0' || to === undefined) {
    const remedy = 'Write multipath(symmetric_l3l4+udp,BASIS,modulo_n,LINKS,0,PLACE).';
    refuse('actions', `multipath(${inside.slice(0, 60)}) is not known here.`, remedy);
  }
  return {
    type: 'multipath',
    basis: readNumber('multipath', basis ?? '', 0xffff),
    links: readNumber('multipath', links ?? '', 0x10000),
    to: readBits(to ?? ''),
  };
}
