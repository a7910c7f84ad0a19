/**
 * Reads flows in the language of ovs-ofctl(8): what `formatFlow` writes, what people type, and what
 * `ovs-ofctl dump-flows` prints. Only the part of the language that Netloom uses; the rest is refused by name.
 */
import { finding, NetloomError } from '../base/error.ts';
import { checkFlow } from './check.ts';
import { FIELD_NAMES, FIELDS, type FieldName, fieldOf, fullMask } from './fields.ts';
import type { Action, FieldBits, Flow, Masked, Match, OutputPort } from './flow.ts';
import { canonicalMatch, matchOf, UNTAGGED, VLAN_PRESENT } from './match.ts';
import { parseMasked, parseValue } from './values.ts';

const DEFAULT_PRIORITY = 32768;
/** Longer texts are refused; a message must not grow with hostile input either. */
const LONGEST = 65_536;
const DEEPEST_CLONE = 16;

const WORDS: Readonly<Record<string, Match>> = {
  ip: { eth_type: whole('eth_type', 0x0800n) },
  icmp: { eth_type: whole('eth_type', 0x0800n), ip_proto: whole('ip_proto', 1n) },
  tcp: { eth_type: whole('eth_type', 0x0800n), ip_proto: whole('ip_proto', 6n) },
  udp: { eth_type: whole('eth_type', 0x0800n), ip_proto: whole('ip_proto', 17n) },
  sctp: { eth_type: whole('eth_type', 0x0800n), ip_proto: whole('ip_proto', 132n) },
  ipv6: { eth_type: whole('eth_type', 0x86ddn) },
  icmp6: { eth_type: whole('eth_type', 0x86ddn), ip_proto: whole('ip_proto', 58n) },
  tcp6: { eth_type: whole('eth_type', 0x86ddn), ip_proto: whole('ip_proto', 6n) },
  udp6: { eth_type: whole('eth_type', 0x86ddn), ip_proto: whole('ip_proto', 17n) },
  sctp6: { eth_type: whole('eth_type', 0x86ddn), ip_proto: whole('ip_proto', 132n) },
  arp: { eth_type: whole('eth_type', 0x0806n) },
  rarp: { eth_type: whole('eth_type', 0x8035n) },
};

const ALIASES: Readonly<Record<string, FieldName>> = {
  dl_src: 'eth_src',
  dl_dst: 'eth_dst',
  dl_type: 'eth_type',
  nw_src: 'ip_src',
  nw_dst: 'ip_dst',
  nw_proto: 'ip_proto',
  nw_ttl: 'ip_ttl',
  nw_frag: 'ip_frag',
  tunnel_id: 'tun_id',
  icmp6_type: 'icmpv6_type',
  icmp6_code: 'icmpv6_code',
};

/** What dump-flows says about a flow that is not part of it. */
const STATISTICS = new Set(['duration', 'n_packets', 'n_bytes', 'idle_age', 'hard_age']);

function whole(name: FieldName, value: bigint): Masked {
  return { value, mask: fullMask(name) };
}

/** Throws NetloomError (flow-invalid). Table 0, priority 32768 and cookie 0 where the text has none. */
export function parseFlow(text: string): Flow {
  if (text.length > LONGEST)
    refuse('', `The flow has ${text.length} characters.`, `Up to ${LONGEST} are read.`);
  const at = /(?:^|[\s,])actions?=/.exec(text);
  if (!at) return refuse('actions', 'The flow has no actions.', 'Add actions=…, or actions=drop.');
  const head = readHead(text.slice(0, at.index));
  const flow: Flow = {
    table: head.numbers.get('table') ?? 0,
    priority: head.numbers.get('priority') ?? DEFAULT_PRIORITY,
    match: head.match,
    actions: parseActions(text.slice(at.index + at[0].length)),
    cookie: head.cookie,
  };
  checkFlow(flow);
  return { ...flow, match: canonicalMatch(flow.match) };
}

/** A match alone: `tcp,in_port=5,nw_src=10.0.0.0/8`. Throws NetloomError (flow-invalid). */
export function parseMatch(text: string): Match {
  const head = readHead(text);
  const [other] = head.numbers.keys();
  if (other !== undefined) refuse(other, `${other} is not part of a match.`, 'Leave it out.');
  return matchOf(head.match);
}

interface Head {
  readonly match: Match;
  readonly numbers: ReadonlyMap<string, number>;
  readonly cookie: bigint;
}

function readHead(text: string): Head {
  const match: Partial<Record<FieldName, Masked>> = {};
  const numbers = new Map<string, number>();
  let cookie = 0n;
  const late: [string, string][] = [];
  const put = (name: FieldName, masked: Masked, key: string) => {
    const before = match[name];
    if (before && (before.value !== masked.value || before.mask !== masked.mask)) {
      refuse(key, `${key} is given twice.`, 'Leave one out.');
    }
    match[name] = masked;
  };
  for (const part of text.split(/[\s,]+/)) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const key = equals < 0 ? part : part.slice(0, equals);
    const value = equals < 0 ? '' : part.slice(equals + 1);
    const words = Object.hasOwn(WORDS, key) ? WORDS[key] : undefined;
    if (equals < 0 && words) {
      for (const name of Object.keys(words) as FieldName[]) put(name, words[name] as Masked, key);
    } else if (key === 'table' || key === 'priority') {
      numbers.set(key, readNumber(key, value, 0xffff));
    } else if (key === 'cookie') {
      if (!/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(value)) unreadable(key, value);
      cookie = BigInt(value);
    } else if (LATE.has(key)) {
      late.push([key, value]);
    } else if (!STATISTICS.has(key)) {
      const name = fieldName(key) ?? refuse(key, `There is no field ${quote(key)}.`, knownFields());
      put(name, parseMasked(name, value) ?? unreadable(key, value), key);
    }
  }
  for (const [key, value] of late) {
    const [name, masked] = readLate(key, value, match);
    put(name, masked, key);
  }
  return { match, numbers, cookie };
}

/** Keys whose meaning depends on the other keys, or whose value is not that of the field. */
const LATE = new Set(['tp_src', 'tp_dst', 'icmp_type', 'icmp_code', 'dl_vlan', 'dl_vlan_pcp', 'nw_tos']);

function readLate(key: string, value: string, match: Match): readonly [FieldName, Masked] {
  const protocol = match.ip_proto?.value;
  switch (key) {
    case 'dl_vlan': {
      const id = readNumber(key, value, 0xffff);
      if (id === 0xffff) return ['vlan_vid', UNTAGGED];
      if (id > 0xfff) unreadable(key, value);
      return ['vlan_vid', { value: BigInt(VLAN_PRESENT | id), mask: 0x1fffn }];
    }
    case 'dl_vlan_pcp':
      return ['vlan_pcp', whole('vlan_pcp', BigInt(readNumber(key, value, 7)))];
    case 'nw_tos': {
      const octet = readNumber(key, value, 0xff);
      if ((octet & 3) !== 0) unreadable(key, value);
      return ['ip_dscp', whole('ip_dscp', BigInt(octet >> 2))];
    }
    case 'icmp_type':
    case 'icmp_code': {
      const name = (protocol === 58n ? key.replace('icmp', 'icmpv6') : key) as FieldName;
      return [name, parseMasked(name, value) ?? unreadable(key, value)];
    }
    default: {
      if (protocol !== 6n && protocol !== 17n) refuse(key, `${key} without tcp or udp.`, 'Add tcp or udp.');
      const name = key.replace('tp', protocol === 6n ? 'tcp' : 'udp') as FieldName;
      return [name, parseMasked(name, value) ?? unreadable(key, value)];
    }
  }
}

function fieldName(key: string): FieldName | undefined {
  if (Object.hasOwn(FIELDS, key)) return key as FieldName;
  return Object.hasOwn(ALIASES, key) ? ALIASES[key] : undefined;
}

// ------------------------------------------------------------------------------------------------- actions

/** `drop` is the empty list. Throws NetloomError (flow-invalid). */
export function parseActions(text: string, depth = 0): Action[] {
  if (depth > DEEPEST_CLONE) refuse('actions', 'clone is nested too deep.', `Up to ${DEEPEST_CLONE} levels.`);
  const parts = splitActions(text);
  if (parts.length === 0) refuse('actions', 'The list of actions is empty.', 'Write actions=drop.');
  if (parts.length === 1 && parts[0]?.toLowerCase() === 'drop') return [];
  return parts.map((part) => parseAction(part, depth));
}

/** At commas and spaces that are not in parentheses. */
function splitActions(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  const close = (end: number) => {
    const part = text.slice(start, end).trim();
    if (part !== '') parts.push(part);
    start = end + 1;
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === '(') depth++;
    else if (c === ')') depth--;
    else if (depth === 0 && (c === ',' || c === ' ' || c === '\n' || c === '\t')) close(i);
    if (depth < 0) break;
  }
  if (depth !== 0) refuse('actions', 'Parentheses do not match.', 'Close every parenthesis.');
  close(text.length);
  return parts;
}

const PORT_WORDS: readonly OutputPort[] = ['in_port', 'normal', 'flood', 'all', 'local'];

function parseAction(text: string, depth: number): Action {
  const read = /^([a-z_0-9]+)(?:\((.*)\)|:(.*))?$/is.exec(text);
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
      return { type: 'output', port: readPort(argument ?? '') };
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
  }
  return refuse('actions', `${quote(text)} is not an action that is known here.`, 'See flow/flow.ts.');
}

function readPort(text: string): OutputPort {
  const word = text.toLowerCase();
  const named = word === 'controller' ? word : PORT_WORDS.find((w) => w === word);
  return named ?? readNumber('output', text, 0xffff);
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
  const field = fieldName(key) ?? refuse('actions', `There is no field ${quote(key)}.`, knownFields());
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
  if (!/^(0x[0-9a-f]{1,32}|\d{1,39})$/i.test(valueText)) unreadable('load', valueText);
  const ones = (1n << BigInt(to - from + 1)) - 1n;
  const value = BigInt(valueText);
  if (value > ones) unreadable('load', valueText);
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

/** `A->B` */
function arrow(text: string): readonly [string, string] {
  const at = text.indexOf('->');
  if (at < 0) refuse('actions', `${quote(text)} has no "->".`, 'Write value->field.');
  return [text.slice(0, at).trim(), text.slice(at + 2).trim()];
}

const NXM_NAMES: ReadonlyMap<string, FieldName> = new Map([
  ...FIELD_NAMES.map((name) => [fieldOf(name).nxm, name] as const),
  // The OpenFlow 1.2 names of fields that Open vSwitch prints by their older ones.
  ...(
    [
      ['OXM_OF_TUNNEL_ID', 'tun_id'],
      ['OXM_OF_ETH_SRC', 'eth_src'],
      ['OXM_OF_ETH_DST', 'eth_dst'],
      ['OXM_OF_ETH_TYPE', 'eth_type'],
      ['OXM_OF_IPV4_SRC', 'ip_src'],
      ['OXM_OF_IPV4_DST', 'ip_dst'],
      ['OXM_OF_IPV6_SRC', 'ipv6_src'],
      ['OXM_OF_IPV6_DST', 'ipv6_dst'],
      ['OXM_OF_IP_PROTO', 'ip_proto'],
      ['OXM_OF_ARP_OP', 'arp_op'],
      ['OXM_OF_ARP_SPA', 'arp_spa'],
      ['OXM_OF_ARP_TPA', 'arp_tpa'],
      ['OXM_OF_ARP_SHA', 'arp_sha'],
      ['OXM_OF_ARP_THA', 'arp_tha'],
      ['OXM_OF_TCP_SRC', 'tcp_src'],
      ['OXM_OF_TCP_DST', 'tcp_dst'],
      ['OXM_OF_TCP_FLAGS', 'tcp_flags'],
      ['OXM_OF_UDP_SRC', 'udp_src'],
      ['OXM_OF_UDP_DST', 'udp_dst'],
      ['OXM_OF_ICMPV4_TYPE', 'icmp_type'],
      ['OXM_OF_ICMPV4_CODE', 'icmp_code'],
      ['OXM_OF_ICMPV6_TYPE', 'icmpv6_type'],
      ['OXM_OF_ICMPV6_CODE', 'icmpv6_code'],
      ['OXM_OF_IPV6_ND_TARGET', 'nd_target'],
      ['OXM_OF_IPV6_ND_SLL', 'nd_sll'],
      ['OXM_OF_IPV6_ND_TLL', 'nd_tll'],
    ] as const
  ).map(([nxm, name]) => [nxm, name] as const),
]);

/** `NXM_NX_REG0[0..15]`, `NXM_NX_REG0[]`, `reg0[3]`, `reg0`. */
function readBits(text: string): FieldBits {
  const read = /^(\w+)(?:\[(?:(\d+)(?:\.\.(\d+))?)?\])?$/.exec(text);
  const name = read?.[1] ?? '';
  const field =
    NXM_NAMES.get(name) ??
    fieldName(name) ??
    refuse('actions', `There are no bits ${quote(text)}.`, knownFields());
  const from = read?.[2] === undefined ? 0 : Number(read[2]);
  const to = read?.[2] === undefined ? fieldOf(field).bits - 1 : Number(read[3] ?? from);
  if (from > to || to >= fieldOf(field).bits) unreadable(name, text);
  return { field, from, to };
}

// -------------------------------------------------------------------------------------------------- errors

function readNumber(key: string, text: string, limit: number): number {
  const value = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text) ? Number(text) : Number.NaN;
  return value <= limit ? value : unreadable(key, text);
}

function unreadable(key: string, text: string): never {
  return refuse(
    key,
    `${quote(text)} is not a value of ${quote(key)}.`,
    'See ovs-fields(7) for what it takes.',
  );
}

function knownFields(): string {
  return 'Fields are named as in ovs-fields(7); those known here stand in flow/fields.ts.';
}

function refuse(path: string, message: string, remedy: string): never {
  throw new NetloomError([finding('flow-invalid', path.slice(0, 60), message, remedy)]);
}

function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
