/**
 * Which bucket of a `select` group a frame takes. Three ways, as in Open vSwitch (ofproto-dpif.c,
 * group_set_selection_method; ofproto-dpif-xlate.c, pick_*_select_group), so that a frame takes the same bucket here
 * and there:
 *
 *     dp_hash   a table of 16 or more slots, dealt out to the buckets by weight (Webster); the hash picks a slot, and
 *               the next slots stand in where a bucket is not alive. Also the way where no method is named.
 *     hash      a hash of the fields that the group names; the bucket with the highest score, hash times weight.
 *     default   the same with a hash of addresses and ports: for what does not fit a table, or names no fields.
 */
import type { Bucket, Group } from '../../flow/datapath.ts';
import type { FieldName } from '../../flow/fields.ts';
import { fieldOf } from '../../flow/fields.ts';
import { hash64, hashField, hashSymmetricL4, hashWords } from '../frame/hash-fields.ts';
import { prerequisiteHolds, WORD } from '../frame/key.ts';
import type { Packet } from '../frame/packet.ts';

/** Slots that Open vSwitch takes at most (MAX_SELECT_GROUP_HASH_VALUES), and where no method is named. */
const MOST_SLOTS = 65_536;
const MOST_SLOTS_UNASKED = 256;
const FEWEST_SLOTS = 16;

export type Selection =
  /** `symmetric`: the hash is the same for both directions; else it is that of the frame as it came in. */
  | {
      readonly type: 'dp_hash';
      readonly symmetric: boolean;
      readonly basis: number;
      /** A power of two of them. */
      readonly slots: readonly Bucket[];
    }
  | { readonly type: 'hash'; readonly basis: number; readonly fields: readonly FieldName[] }
  | { readonly type: 'default' };

/** How the group selects, which is for good as long as the group stays as it is. */
export function selectionOf({ selection, buckets }: Group): Selection {
  if (selection?.method === 'hash') {
    if (selection.fields.length === 0) return { type: 'default' };
    const fields = FIELD_ORDER.filter((name) => selection.fields.includes(name));
    return { type: 'hash', basis: hash64(selection.param), fields };
  }
  const slots = slotsOf(buckets, selection ? MOST_SLOTS : MOST_SLOTS_UNASKED);
  if (!slots) return { type: 'default' };
  // The upper half of the parameter names the algorithm: 0 = of the frame as it came in, 1 = symmetric.
  const symmetric = !selection || selection.param >> 32n === 1n;
  const basis = Number((selection?.param ?? 0n) & 0xffffffffn);
  return { type: 'dp_hash', symmetric, basis, slots };
}

/**
 * Slots for the buckets by their weights, after Webster: each slot goes to the bucket with the highest weight by
 * 2n + 1, where n is the number of slots that it has. Undefined where no bucket has a weight, or where `most` slots
 * are too few for the lightest one to get its share.
 */
export function slotsOf(buckets: readonly Bucket[], most: number): readonly Bucket[] | undefined {
  const weights = buckets.map((b) => b.weight).filter((weight) => weight > 0);
  if (weights.length === 0) return undefined;
  const total = weights.reduce((sum, weight) => sum + weight);
  const least = Math.ceil(total / Math.min(...weights));
  const wanted = Math.max(least, Math.min(buckets.length * 4, MOST_SLOTS));
  const count = Math.max(FEWEST_SLOTS, 2 ** Math.ceil(Math.log2(wanted)));
  if (count > most) return undefined;
  const shares = buckets.map((bucket) => ({ bucket, divisor: 1, value: bucket.weight }));
  return Array.from({ length: count }, () => {
    let winner = shares[0]!;
    for (const share of shares) if (share.value > winner.value) winner = share;
    winner.divisor += 2;
    winner.value = winner.bucket.weight / winner.divisor;
    return winner.bucket;
  });
}

/** The bucket of the slot, or of the next one whose bucket is alive. */
export function bucketOfSlot(
  slots: readonly Bucket[],
  hash: number,
  isAlive: (bucket: Bucket) => boolean,
): Bucket | undefined {
  for (let i = 0; i < slots.length; i++) {
    const bucket = slots[(hash + i) & (slots.length - 1)]!;
    if (isAlive(bucket)) return bucket;
  }
  return undefined;
}

/** The bucket with the highest score; among equals the last. */
export function bestBucket(
  buckets: readonly Bucket[],
  basis: number,
  isAlive: (bucket: Bucket) => boolean,
): Bucket | undefined {
  let best: Bucket | undefined;
  let bestScore = 0;
  for (const bucket of buckets) {
    if (!isAlive(bucket)) continue;
    // 16 bits by 16 bits.
    const score = (hashWords(bucket.id, basis) & 0xffff) * bucket.weight;
    if (score >= bestScore) [best, bestScore] = [bucket, score];
  }
  return best;
}

/** The basis for the score of a packet, from the fields that it has. */
export function basisOf({ key, trail }: Packet, selection: Selection & { type: 'hash' | 'default' }): number {
  if (selection.type === 'default') return hashSymmetricL4(key, trail, 0);
  let basis = selection.basis;
  for (const name of selection.fields) {
    const { needs } = fieldOf(name);
    // The other prerequisites are in every megaflow.
    if (needs.startsWith('nd')) trail?.look(WORD.PORTS, 0xffffffff);
    if (!prerequisiteHolds(needs, key)) continue;
    trail?.lookAt(name);
    basis = hashField(key, name, basis);
  }
  return basis;
}

const names = (...list: FieldName[]) => list;

/** The order in which Open vSwitch hashes fields: that of enum mf_field_id (meta-flow.h). */
export const FIELD_ORDER: readonly FieldName[] = [
  ...names('tun_id', 'tun_src', 'tun_dst', 'tun_ipv6_src', 'tun_ipv6_dst', 'metadata', 'in_port'),
  ...names('ct_state', 'ct_zone', 'ct_mark', 'ct_label'),
  ...names('reg0', 'reg1', 'reg2', 'reg3', 'reg4', 'reg5', 'reg6', 'reg7'),
  ...names('reg8', 'reg9', 'reg10', 'reg11', 'reg12', 'reg13', 'reg14', 'reg15'),
  ...names('xreg0', 'xreg1', 'xreg2', 'xreg3', 'xreg4', 'xreg5', 'xreg6', 'xreg7'),
  ...names('xxreg0', 'xxreg1', 'xxreg2', 'xxreg3'),
  ...names('eth_src', 'eth_dst', 'eth_type', 'vlan_tci', 'vlan_vid', 'vlan_pcp'),
  ...names('ip_src', 'ip_dst', 'ipv6_src', 'ipv6_dst', 'ip_proto', 'ip_dscp', 'ip_ecn', 'ip_ttl', 'ip_frag'),
  ...names('arp_op', 'arp_spa', 'arp_tpa', 'arp_sha', 'arp_tha'),
  ...names('tcp_src', 'tcp_dst', 'tcp_flags', 'udp_src', 'udp_dst'),
  ...names('icmp_type', 'icmp_code', 'icmpv6_type', 'icmpv6_code'),
  ...names('nd_target', 'nd_sll', 'nd_tll', 'nd_reserved', 'nd_options_type'),
];
