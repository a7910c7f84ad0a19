/** Reads matches, and what stands before the actions of a flow. */
import { type FieldName, fullMask } from './fields.ts';
import type { Masked, Match } from './flow.ts';
import { UNTAGGED, VLAN_PRESENT } from './match.ts';
import { fieldName, KNOWN_FIELDS, quote, readNumber, readWide, refuse, unreadable } from './parse-tools.ts';
import { parseMasked } from './values.ts';

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

/** What dump-flows says about a flow that is not part of it. */
const STATISTICS = new Set(['duration', 'n_packets', 'n_bytes', 'idle_age', 'hard_age']);

function whole(name: FieldName, value: bigint): Masked {
  return { value, mask: fullMask(name) };
}

/** Numbers of a flow that are not part of its match. */
export type HeadNumber = 'table' | 'priority' | 'idle_timeout' | 'hard_timeout';

const HEAD_NUMBERS: ReadonlySet<string> = new Set<HeadNumber>([
  'table',
  'priority',
  'idle_timeout',
  'hard_timeout',
]);

export interface Head {
  readonly match: Match;
  readonly numbers: ReadonlyMap<HeadNumber, number>;
  readonly cookie: bigint;
}

/** Everything before the actions. Throws NetloomError (flow-invalid). */
export function readHead(text: string): Head {
  const match: Partial<Record<FieldName, Masked>> = {};
  const numbers = new Map<HeadNumber, number>();
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
    } else if (HEAD_NUMBERS.has(key)) {
      numbers.set(key as HeadNumber, readNumber(key, value, 0xffff));
    } else if (key === 'cookie') {
      cookie = readWide(key, value, 64);
    } else if (LATE.has(key)) {
      late.push([key, value]);
    } else if (!STATISTICS.has(key)) {
      const name = fieldName(key) ?? refuse(key, `There is no field ${quote(key)}.`, KNOWN_FIELDS);
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
