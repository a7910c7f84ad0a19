/**
 * The flow key: every field that a flow can match, at a fixed place in 32-bit words, highest bit first.
 *
 *     words  0      in_port                 31..33  eth_dst, eth_src
 *            1  2   tun_id                  34      eth_type | tcp_flags or nd_options_type
 *            3  4   tun_src, tun_dst        35 36   outer and inner VLAN tag, each tpid | tci
 *            5..8   tun_ipv6_src            37..44  ipv6_src, ipv6_dst
 *            9..12  tun_ipv6_dst            45      ip_frag | tos | ip_ttl | ip_proto, or arp_op
 *           13 14   metadata                46 47   ip_src, ip_dst, or arp_spa, arp_tpa
 *           15..30  reg0..reg15             48      ports, or ICMP type and code
 *                                           49..52  nd_target
 *                                           53..55  arp_sha, arp_tha, or nd_sll, nd_tll
 *                                           56      nd_reserved
 *                                           57 58   ct_state, ct_zone
 *                                           59      ct_mark
 *                                           60..63  ct_label
 *
 * Fields that never stand in one frame share bits, as in Open vSwitch's `struct flow` (lib/flow.h): the addresses of
 * ARP with those of IPv4, the ARP operation with the IP protocol, the ports with the ICMP type and code. A frame's
 * eth_type and ip_proto say which is meant, and a match has to name them.
 */
import { FIELD_NAMES, FIELDS, type FieldName, fullMask } from '../../flow/fields.ts';
import type { Match } from '../../flow/flow.ts';
import { entriesOf } from '../../flow/match.ts';

export type FlowKey = Uint32Array;

/** First words of what spans words, and the words that hold one thing. */
export const WORD = {
  IN_PORT: 0,
  TUN_ID: 1,
  TUN_SRC: 3,
  TUN_DST: 4,
  TUN_IPV6_SRC: 5,
  TUN_IPV6_DST: 9,
  METADATA: 13,
  REG: 15,
  /** eth_dst in the upper 48 bits, eth_src in the lower. */
  ETH: 31,
  /** eth_type in the upper half; tcp_flags, or the ND option type, in the lower. */
  TYPE: 34,
  /** Tag protocol id in the upper half, tag control information with bit 0x1000 set in the lower; 0 = no tag. */
  TAG: 35,
  INNER_TAG: 36,
  IPV6_SRC: 37,
  IPV6_DST: 41,
  /** ip_frag (8 bits), TOS, TTL, protocol; or the ARP operation in the lower half. */
  IP: 45,
  IP_SRC: 46,
  IP_DST: 47,
  /** Source and destination port, or ICMP type and code. */
  PORTS: 48,
  ND_TARGET: 49,
  /** arp_sha or nd_sll in the upper 48 bits, arp_tha or nd_tll in the lower. */
  ARP: 53,
  ND_RESERVED: 56,
  CT_STATE: 57,
  /** In the lower half. */
  CT_ZONE: 58,
  CT_MARK: 59,
  CT_LABEL: 60,
} as const;

export const KEY_WORDS = 64;

export function newKey(): FlowKey {
  return new Uint32Array(KEY_WORDS);
}

/** How many bits lie before the field, counted from the highest bit of word 0. */
const PLACES: Record<FieldName, number> = {
  in_port: at(WORD.IN_PORT, 16),
  tun_id: at(WORD.TUN_ID),
  tun_src: at(WORD.TUN_SRC),
  tun_dst: at(WORD.TUN_DST),
  tun_ipv6_src: at(WORD.TUN_IPV6_SRC),
  tun_ipv6_dst: at(WORD.TUN_IPV6_DST),
  metadata: at(WORD.METADATA),
  reg0: at(WORD.REG),
  reg1: at(WORD.REG + 1),
  reg2: at(WORD.REG + 2),
  reg3: at(WORD.REG + 3),
  reg4: at(WORD.REG + 4),
  reg5: at(WORD.REG + 5),
  reg6: at(WORD.REG + 6),
  reg7: at(WORD.REG + 7),
  reg8: at(WORD.REG + 8),
  reg9: at(WORD.REG + 9),
  reg10: at(WORD.REG + 10),
  reg11: at(WORD.REG + 11),
  reg12: at(WORD.REG + 12),
  reg13: at(WORD.REG + 13),
  reg14: at(WORD.REG + 14),
  reg15: at(WORD.REG + 15),
  xreg0: at(WORD.REG),
  xreg1: at(WORD.REG + 2),
  xreg2: at(WORD.REG + 4),
  xreg3: at(WORD.REG + 6),
  xreg4: at(WORD.REG + 8),
  xreg5: at(WORD.REG + 10),
  xreg6: at(WORD.REG + 12),
  xreg7: at(WORD.REG + 14),
  xxreg0: at(WORD.REG),
  xxreg1: at(WORD.REG + 4),
  xxreg2: at(WORD.REG + 8),
  xxreg3: at(WORD.REG + 12),
  ct_state: at(WORD.CT_STATE),
  ct_zone: at(WORD.CT_ZONE, 16),
  ct_mark: at(WORD.CT_MARK),
  ct_label: at(WORD.CT_LABEL),
  eth_dst: at(WORD.ETH),
  eth_src: at(WORD.ETH, 48),
  eth_type: at(WORD.TYPE),
  vlan_tci: at(WORD.TAG, 16),
  vlan_vid: at(WORD.TAG, 19),
  vlan_pcp: at(WORD.TAG, 16),
  arp_op: at(WORD.IP, 16),
  arp_spa: at(WORD.IP_SRC),
  arp_tpa: at(WORD.IP_DST),
  arp_sha: at(WORD.ARP),
  arp_tha: at(WORD.ARP, 48),
  ip_src: at(WORD.IP_SRC),
  ip_dst: at(WORD.IP_DST),
  ipv6_src: at(WORD.IPV6_SRC),
  ipv6_dst: at(WORD.IPV6_DST),
  ip_proto: at(WORD.IP, 24),
  ip_dscp: at(WORD.IP, 8),
  ip_ecn: at(WORD.IP, 14),
  ip_ttl: at(WORD.IP, 16),
  ip_frag: at(WORD.IP, 6),
  icmp_type: at(WORD.PORTS, 8),
  icmp_code: at(WORD.PORTS, 24),
  icmpv6_type: at(WORD.PORTS, 8),
  icmpv6_code: at(WORD.PORTS, 24),
  nd_target: at(WORD.ND_TARGET),
  nd_sll: at(WORD.ARP),
  nd_tll: at(WORD.ARP, 48),
  nd_reserved: at(WORD.ND_RESERVED),
  nd_options_type: at(WORD.TYPE, 24),
  tcp_src: at(WORD.PORTS),
  tcp_dst: at(WORD.PORTS, 16),
  udp_src: at(WORD.PORTS),
  udp_dst: at(WORD.PORTS, 16),
  tcp_flags: at(WORD.TYPE, 20),
};

function at(word: number, bit = 0): number {
  return word * 32 + bit;
}

/** A piece of a field within one word. */
interface Piece {
  readonly word: number;
  /** Distance of the piece from the lowest bit of the word. */
  readonly shift: number;
  /** The bits of the word that the piece has. */
  readonly mask: number;
  /** Distance of the piece from the lowest bit of the field. */
  readonly low: bigint;
}

const PIECES: Readonly<Record<FieldName, readonly Piece[]>> = Object.fromEntries(
  FIELD_NAMES.map((name): readonly [FieldName, readonly Piece[]] => [name, piecesOf(name)]),
) as Record<FieldName, readonly Piece[]>;

function piecesOf(name: FieldName): Piece[] {
  const pieces: Piece[] = [];
  const end = PLACES[name] + FIELDS[name].bits;
  for (let from = PLACES[name]; from < end; ) {
    const word = Math.floor(from / 32);
    const to = Math.min(end, word * 32 + 32);
    const shift = word * 32 + 32 - to;
    const ones = to - from === 32 ? 0xffffffff : 2 ** (to - from) - 1;
    pieces.push({ word, shift, mask: (ones << shift) >>> 0, low: BigInt(end - to) });
    from = to;
  }
  return pieces;
}

export function readField(key: FlowKey, name: FieldName): bigint {
  let value = 0n;
  for (const { word, shift, mask, low } of PIECES[name]) {
    value |= BigInt((key[word]! & mask) >>> shift) << low;
  }
  return value;
}

/** Writes the bits of `mask`; the value has no others. */
export function writeField(key: FlowKey, name: FieldName, value: bigint, mask = fullMask(name)): void {
  for (const { word, shift, mask: ones, low } of PIECES[name]) {
    const bits = Number((value >> low) & 0xffffffffn) << shift;
    const where = (Number((mask >> low) & 0xffffffffn) << shift) & ones;
    key[word] = ((key[word]! & ~where) | (bits & where)) >>> 0;
  }
}

/** The bits of a field, all or some, as pairs of a word and a mask. */
export function maskWords(name: FieldName, mask = fullMask(name)): (readonly [word: number, mask: number])[] {
  return PIECES[name].map(({ word, shift, mask: ones, low }) => [
    word,
    ((Number((mask >> low) & 0xffffffffn) << shift) & ones) >>> 0,
  ]);
}

/** A match as tests on words: `(key[word] & mask) === value` for all of them. */
export interface CompiledMatch {
  /** Ascending. */
  readonly words: readonly number[];
  readonly masks: readonly number[];
  readonly values: readonly number[];
}

export function compileMatch(match: Match): CompiledMatch {
  const tests = new Map<number, { readonly mask: number; readonly value: number }>();
  for (const [name, { value, mask }] of entriesOf(match)) {
    const isWhole = mask === fullMask(name);
    for (const { word, shift, mask: ones, low } of PIECES[name]) {
      const where = isWhole ? ones : (Number((mask >> low) & 0xffffffffn) << shift) & ones;
      if (where === 0) continue;
      const bits = (Number((value >> low) & 0xffffffffn) << shift) & where;
      const before = tests.get(word);
      tests.set(word, {
        mask: ((before?.mask ?? 0) | where) >>> 0,
        value: ((before?.value ?? 0) | bits) >>> 0,
      });
    }
  }
  const words = [...tests.keys()].sort((a, b) => a - b);
  return {
    words,
    masks: words.map((w) => tests.get(w)!.mask),
    values: words.map((w) => tests.get(w)!.value),
  };
}

/** Fields whose bits differ, each bit under one name: views such as xreg0 are left out, as are names of other layers. */
export function changedFields(
  before: FlowKey,
  after: FlowKey,
): { readonly field: FieldName; readonly before: bigint; readonly after: bigint }[] {
  if (before.every((word, i) => word === after[i])) return [];
  return FIELD_NAMES.filter((name) => isVisible(name, after)).flatMap((field) => {
    const [was, is] = [readField(before, field), readField(after, field)];
    return was === is ? [] : [{ field, before: was, after: is }];
  });
}

/** Whether a person would call these bits by this name in a frame with this key. */
export function isVisible(name: FieldName, key: FlowKey): boolean {
  if (name.startsWith('x') || name === 'vlan_vid' || name === 'vlan_pcp') return false;
  const { needs } = FIELDS[name];
  return needs === 'nothing' || prerequisiteHolds(needs, key);
}

/** Whether a frame with this key has the layer (lib/meta-flow.c, mf_are_prereqs_ok). */
export function prerequisiteHolds(needs: (typeof FIELDS)[FieldName]['needs'], key: FlowKey): boolean {
  const type = key[WORD.TYPE]! >>> 16;
  const protocol = key[WORD.IP]! & 0xff;
  const isIp = type === 0x0800 || type === 0x86dd;
  switch (needs) {
    case 'nothing':
      return true;
    case 'vlan':
      return (key[WORD.TAG]! & 0x1000) !== 0;
    case 'arp':
      return type === 0x0806 || type === 0x8035;
    case 'ipv4':
      return type === 0x0800;
    case 'ipv6':
      return type === 0x86dd;
    case 'ip':
      return isIp;
    case 'tcp':
      return isIp && protocol === 6 && !isLaterFragment(key);
    case 'udp':
      return isIp && protocol === 17 && !isLaterFragment(key);
    case 'icmp':
      return type === 0x0800 && protocol === 1;
    case 'icmp6':
      return type === 0x86dd && protocol === 58;
    case 'nd':
      return isNeighbourDiscovery(key);
    case 'nd-solicit':
      return isNeighbourDiscovery(key) && key[WORD.PORTS]! >>> 16 === 135;
    case 'nd-advert':
      return isNeighbourDiscovery(key) && key[WORD.PORTS]! >>> 16 === 136;
  }
}

function isNeighbourDiscovery(key: FlowKey): boolean {
  const ports = key[WORD.PORTS]!;
  const icmpv6 = key[WORD.TYPE]! >>> 16 === 0x86dd && (key[WORD.IP]! & 0xff) === 58;
  return icmpv6 && (ports & 0xffff) === 0 && (ports >>> 16 === 135 || ports >>> 16 === 136);
}

/** Any fragment, the first one included. */
export function isFragment(key: FlowKey): boolean {
  return (key[WORD.IP]! & 0x0100_0000) !== 0;
}

export function isLaterFragment(key: FlowKey): boolean {
  return (key[WORD.IP]! & 0x0200_0000) !== 0;
}
