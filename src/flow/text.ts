/** Flows as text, in the language and the order of `ovs-ofctl dump-flows`. `parse.ts` reads it back. */
import type { FieldName } from './fields.ts';
import type { Flow, Masked, Match, UnknownParts } from './flow.ts';
import { textOfCanonical } from './match.ts';
import { formatActions } from './text-actions.ts';
import { formatMasked } from './values.ts';

/** eth_type and ip_proto that have a word of their own. */
const TYPE_WORDS: ReadonlyMap<bigint, string> = new Map([
  [0x0800n, 'ip'],
  [0x86ddn, 'ipv6'],
  [0x0806n, 'arp'],
  [0x8035n, 'rarp'],
]);
const PROTOCOL_WORDS: ReadonlyMap<string, string> = new Map([
  ['ip 1', 'icmp'],
  ['ip 6', 'tcp'],
  ['ip 17', 'udp'],
  ['ip 132', 'sctp'],
  ['ipv6 6', 'tcp6'],
  ['ipv6 17', 'udp6'],
  ['ipv6 58', 'icmp6'],
  ['ipv6 132', 'sctp6'],
]);

/** Printed before the protocol. */
const CONNECTION: readonly FieldName[] = ['ct_state', 'ct_zone', 'ct_mark', 'ct_label'];
/** The order in which Open vSwitch prints the others, and the names it prints there. */
const PRINTED: readonly (readonly [FieldName, string])[] = [
  ...Array.from({ length: 16 }, (_, i) => [`reg${i}` as FieldName, `reg${i}`] as const),
  ['tun_id', 'tun_id'],
  ['tun_src', 'tun_src'],
  ['tun_dst', 'tun_dst'],
  ['tun_ipv6_src', 'tun_ipv6_src'],
  ['tun_ipv6_dst', 'tun_ipv6_dst'],
  ['metadata', 'metadata'],
  ['in_port', 'in_port'],
  ['vlan_tci', 'vlan_tci'],
  ['eth_src', 'dl_src'],
  ['eth_dst', 'dl_dst'],
  ['eth_type', 'dl_type'],
  ['ipv6_src', 'ipv6_src'],
  ['ipv6_dst', 'ipv6_dst'],
  ['arp_spa', 'arp_spa'],
  ['arp_tpa', 'arp_tpa'],
  ['ip_src', 'nw_src'],
  ['ip_dst', 'nw_dst'],
  ['ip_proto', 'nw_proto'],
  ['arp_op', 'arp_op'],
  ['arp_sha', 'arp_sha'],
  ['arp_tha', 'arp_tha'],
  ['ip_dscp', 'nw_tos'],
  ['ip_ecn', 'nw_ecn'],
  ['ip_ttl', 'nw_ttl'],
  ['ip_frag', 'nw_frag'],
  ['icmp_type', 'icmp_type'],
  ['icmp_code', 'icmp_code'],
  ['icmpv6_type', 'icmp_type'],
  ['icmpv6_code', 'icmp_code'],
  ['nd_target', 'nd_target'],
  ['nd_sll', 'nd_sll'],
  ['nd_tll', 'nd_tll'],
  ['nd_reserved', 'nd_reserved'],
  ['nd_options_type', 'nd_options_type'],
  ['tcp_src', 'tp_src'],
  ['tcp_dst', 'tp_dst'],
  ['udp_src', 'tp_src'],
  ['udp_dst', 'tp_dst'],
  ['tcp_flags', 'tcp_flags'],
];

/** `table=3,priority=100,cookie=0x1,idle_timeout=60,tcp,in_port=5,actions=output:7`; zeros are left out. */
export function formatFlow(flow: Flow): string {
  const head = [
    `table=${flow.table}`,
    `priority=${flow.priority}`,
    flow.cookie !== 0n && `cookie=0x${flow.cookie.toString(16)}`,
    flow.idleTimeout && `idle_timeout=${flow.idleTimeout}`,
    flow.hardTimeout && `hard_timeout=${flow.hardTimeout}`,
    formatMatch(flow.match),
    `actions=${formatActions(flow.actions)}`,
    flow.unknown && formatUnknown(flow.unknown),
  ];
  return head.filter(Boolean).join(',');
}

/** In the place of an action; no parser takes it. */
function formatUnknown({ match, actions }: UnknownParts): string {
  const parts = [match && `match=${match}`, actions && `actions=${actions}`];
  return `unknown(${parts.filter(Boolean).join(',')})`;
}

/** The canonical match as text; empty when it matches every frame. */
export function formatMatch(match: Match): string {
  return textOfCanonical(match, formatCanonical);
}

function formatCanonical(canonical: Match): string {
  const { eth_type: type, ip_proto: protocol } = canonical;
  const typeWord = type && TYPE_WORDS.get(type.value);
  const word = (protocol && PROTOCOL_WORDS.get(`${typeWord} ${protocol.value}`)) ?? typeWord;
  const parts = CONNECTION.flatMap((name) => formatIfThere(canonical, name));
  if (word !== undefined) parts.push(word);
  for (const [name, printed] of PRINTED) {
    const masked = canonical[name];
    if (!masked) continue;
    if (name === 'eth_type' && typeWord !== undefined) continue;
    if (name === 'ip_proto' && word !== typeWord) continue;
    parts.push(formatField(name, printed, masked));
  }
  return parts.join(',');
}

function formatIfThere(canonical: Match, name: FieldName): string[] {
  const masked = canonical[name];
  return masked ? [`${name}=${formatMasked(name, masked)}`] : [];
}

function formatField(name: FieldName, printed: string, masked: Masked): string {
  switch (name) {
    case 'vlan_tci':
      return formatTci(masked);
    case 'eth_type':
      return `dl_type=0x${masked.value.toString(16).padStart(4, '0')}`;
    case 'ip_dscp':
      // ovs-ofctl prints the whole octet, without the two bits of ECN.
      return `nw_tos=${masked.value << 2n}`;
    default:
      return `${printed}=${formatMasked(name, masked)}`;
  }
}

/** `dl_vlan=7`, `dl_vlan=7,dl_vlan_pcp=3`, `dl_vlan_pcp=3`; everything else as `vlan_tci=value/mask`. */
function formatTci({ value, mask }: Masked): string {
  const vid = mask & 0xfffn;
  const priority = mask >> 13n;
  const whole =
    (vid === 0n || vid === 0xfffn) && (priority === 0n || priority === 7n) && (vid | priority) !== 0n;
  if ((value & mask & 0x1000n) !== 0n && whole) {
    const words = vid === 0n ? [] : [`dl_vlan=${value & 0xfffn}`];
    return [...words, ...(priority === 0n ? [] : [`dl_vlan_pcp=${value >> 13n}`])].join(',');
  }
  const hex = (v: bigint) => `0x${v.toString(16).padStart(4, '0')}`;
  return mask === 0xffffn ? `vlan_tci=${hex(value)}` : `vlan_tci=${hex(value)}/${hex(mask)}`;
}
