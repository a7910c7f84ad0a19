/** Flows as text, in the language and the order of `ovs-ofctl dump-flows`. `parse.ts` reads it back. */
import { type FieldName, fieldOf, fullMask } from './fields.ts';
import type { Action, FieldBits, Flow, Masked, Match } from './flow.ts';
import { textOfCanonical } from './match.ts';
import { formatMask, formatMasked, formatValue } from './values.ts';

/** Open vSwitch's own names, where they are not ours. */
const OVS_NAMES: Partial<Record<FieldName, string>> = { ip_ttl: 'nw_ttl', ip_proto: 'nw_proto' };

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

/** The order in which Open vSwitch prints fields, and the names it prints there. */
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

/** `table=3,priority=100,cookie=0x1,tcp,in_port=5,actions=output:7`; a zero cookie is left out. */
export function formatFlow(flow: Flow): string {
  const cookie = flow.cookie === 0n ? '' : `cookie=0x${flow.cookie.toString(16)},`;
  const match = formatMatch(flow.match);
  return `table=${flow.table},priority=${flow.priority},${cookie}${match && `${match},`}actions=${formatActions(flow.actions)}`;
}

/** The canonical match as text; empty when it matches every frame. */
export function formatMatch(match: Match): string {
  return textOfCanonical(match, formatCanonical);
}

function formatCanonical(canonical: Match): string {
  const { eth_type: type, ip_proto: protocol } = canonical;
  const typeWord = type && TYPE_WORDS.get(type.value);
  const word = (protocol && PROTOCOL_WORDS.get(`${typeWord} ${protocol.value}`)) ?? typeWord;
  const parts = word === undefined ? [] : [word];
  for (const [name, printed] of PRINTED) {
    const masked = canonical[name];
    if (!masked) continue;
    if (name === 'eth_type' && typeWord !== undefined) continue;
    if (name === 'ip_proto' && word !== typeWord) continue;
    parts.push(formatField(name, printed, masked));
  }
  return parts.join(',');
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

/** `drop` for an empty list. */
export function formatActions(actions: readonly Action[]): string {
  return actions.map(formatAction).join(',') || 'drop';
}

export function formatAction(action: Action): string {
  switch (action.type) {
    case 'output':
      if (typeof action.port === 'number') return `output:${action.port}`;
      return action.port === 'controller' ? 'CONTROLLER:65535' : action.port.toUpperCase();
    case 'controller': {
      if (action.userdata === '') return `CONTROLLER:${action.maxLength}`;
      const length = action.maxLength === 0xffff ? '' : `max_len=${action.maxLength},`;
      return `controller(${length}userdata=${action.userdata.replace(/..(?=.)/g, '$&.')})`;
    }
    case 'set': {
      const whole = action.mask === fullMask(action.field);
      const text = whole
        ? formatValue(action.field, action.value)
        : formatMaskedSet(action.field, action.value, action.mask);
      return `set_field:${text}->${OVS_NAMES[action.field] ?? action.field}`;
    }
    case 'move':
      return `move:${formatBits(action.from)}->${formatBits(action.to)}`;
    case 'resubmit':
      return `resubmit(,${action.table})`;
    case 'clone':
      return `clone(${formatActions(action.actions)})`;
    case 'dec_ttl':
      return 'dec_ttl';
    case 'push_vlan':
      return `push_vlan:0x${action.ethertype.toString(16)}`;
    case 'strip_vlan':
      return 'pop_vlan';
    case 'multipath': {
      const { basis, links, to } = action;
      return `multipath(symmetric_l3l4+udp,${basis},modulo_n,${links},0,${formatBits(to)})`;
    }
    case 'drop':
      return 'drop';
  }
}

/** Numbers with a mask in hexadecimal, on both sides of the slash. */
function formatMaskedSet(field: FieldName, value: bigint, mask: bigint): string {
  const { form } = fieldOf(field);
  if (form === 'mac' || form === 'ipv4' || form === 'ipv6') {
    return `${formatValue(field, value)}/${formatMask(field, mask)}`;
  }
  return `0x${value.toString(16)}/0x${mask.toString(16)}`;
}

/** `NXM_NX_REG0[]`, `NXM_NX_REG0[3]`, `NXM_NX_REG0[0..15]`. */
function formatBits({ field, from, to }: FieldBits): string {
  const { nxm, bits } = fieldOf(field);
  if (from === 0 && to === bits - 1) return `${nxm}[]`;
  return from === to ? `${nxm}[${from}]` : `${nxm}[${from}..${to}]`;
}
