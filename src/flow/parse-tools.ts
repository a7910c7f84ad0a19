/** What the readers of flows, actions and groups share: numbers, names, parentheses, and how they refuse. */
import { finding, NetloomError } from '../base/error.ts';
import { FIELD_NAMES, FIELDS, type FieldName, fieldOf } from './fields.ts';
import type { FieldBits } from './flow.ts';

/** Longer texts are refused; a message must not grow with hostile input either. */
const LONGEST = 65_536;

export function checkLength(text: string): void {
  if (text.length > LONGEST)
    refuse('', `The text has ${text.length} characters.`, `Up to ${LONGEST} are read.`);
}

const ALIASES: Readonly<Record<string, FieldName>> = {
  dl_src: 'eth_src',
  dl_dst: 'eth_dst',
  dl_type: 'eth_type',
  nw_src: 'ip_src',
  nw_dst: 'ip_dst',
  nw_proto: 'ip_proto',
  nw_ttl: 'ip_ttl',
  nw_ecn: 'ip_ecn',
  nw_frag: 'ip_frag',
  tunnel_id: 'tun_id',
  icmp6_type: 'icmpv6_type',
  icmp6_code: 'icmpv6_code',
};

/** A field by our name or an older one; undefined when there is none. */
export function fieldName(key: string): FieldName | undefined {
  if (Object.hasOwn(FIELDS, key)) return key as FieldName;
  return Object.hasOwn(ALIASES, key) ? ALIASES[key] : undefined;
}

/** Throws NetloomError (flow-invalid) when there is no such field. */
export function readField(key: string, path = 'actions'): FieldName {
  return fieldName(key) ?? refuse(path, `There is no field ${quote(key)}.`, KNOWN_FIELDS);
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
      ['OXM_OF_IP_ECN', 'ip_ecn'],
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

/** `NXM_NX_REG0[0..15]`, `NXM_NX_REG0[]`, `reg0[3]`, `reg0`; undefined when the text names no field. */
export function maybeBits(text: string): FieldBits | undefined {
  const read = /^(\w+)(?:\[(?:(\d+)(?:\.\.(\d+))?)?\])?$/.exec(text);
  const name = read?.[1] ?? '';
  const field = NXM_NAMES.get(name) ?? fieldName(name);
  if (!field) return undefined;
  const from = read?.[2] === undefined ? 0 : Number(read[2]);
  const to = read?.[2] === undefined ? fieldOf(field).bits - 1 : Number(read[3] ?? from);
  if (from > to || to >= fieldOf(field).bits) unreadable(name, text);
  return { field, from, to };
}

/** Throws NetloomError (flow-invalid) when there are no such bits. */
export function readBits(text: string): FieldBits {
  return maybeBits(text) ?? refuse('actions', `There are no bits ${quote(text)}.`, KNOWN_FIELDS);
}

/** A number 0..`limit`, decimal or hexadecimal. Throws NetloomError (flow-invalid). */
export function readNumber(key: string, text: string, limit: number): number {
  const value = /^(0x[0-9a-f]{1,8}|\d{1,10})$/i.test(text) ? Number(text) : Number.NaN;
  return value <= limit ? value : unreadable(key, text);
}

/** A number of up to `bits` bits, decimal or hexadecimal. Throws NetloomError (flow-invalid). */
export function readWide(key: string, text: string, bits: number): bigint {
  const value = /^(0x[0-9a-f]{1,32}|\d{1,39})$/i.test(text) ? BigInt(text) : -1n;
  return value >= 0n && value < 1n << BigInt(bits) ? value : unreadable(key, text);
}

/** `A->B` */
export function arrow(text: string): readonly [string, string] {
  const at = text.indexOf('->');
  if (at < 0) refuse('actions', `${quote(text)} has no "->".`, 'Write value->field.');
  return [text.slice(0, at).trim(), text.slice(at + 2).trim()];
}

/** At commas and spaces that are not in parentheses. Throws NetloomError (flow-invalid). */
export function splitList(text: string): string[] {
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

/** A word with its value: `key`, `key=value`, `key:value` or `key(value)`. */
export interface KeyValue {
  readonly key: string;
  /** Empty where there is none. */
  readonly value: string;
}

/** The words of a list, each with its value. Throws NetloomError (flow-invalid). */
export function readKeyValues(text: string): KeyValue[] {
  return splitList(text).map((part) => {
    const read = /^([\w.[\]]+)(?:[=:](.*)|\((.*)\))?$/s.exec(part);
    if (!read) refuse('actions', `${quote(part)} is not understood.`, 'Write key=value or key(value).');
    return { key: read?.[1] ?? '', value: read?.[2] ?? read?.[3] ?? '' };
  });
}

export function unreadable(key: string, text: string): never {
  return refuse(
    key,
    `${quote(text)} is not a value of ${quote(key)}.`,
    'See ovs-fields(7) for what it takes.',
  );
}

export const KNOWN_FIELDS = 'Fields are named as in ovs-fields(7); those known here stand in flow/fields.ts.';

/** Throws NetloomError (flow-invalid). */
export function refuse(path: string, message: string, remedy: string): never {
  throw new NetloomError([finding('flow-invalid', path.slice(0, 60), message, remedy)]);
}

/** For messages: never longer than 60 characters and quotes. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
