/**
 * What a recipe does to the bytes of a frame, as a program of a kernel: the addresses move when a tag comes or goes,
 * some words get new bits, checksums follow, and a header is put before all of it (PROGRAM in layout.ts).
 *
 * The edits of a recipe are run here once, on halves of words that know where they came from. All frames of a megaflow
 * have the same headers at the same places, so what comes out holds for each of them.
 */

import { fold } from '../../packet/checksum.ts';
import { ETHERNET } from '../../packet/ethernet.ts';
import { IP_PROTOCOL, IPV4 } from '../../packet/ipv4.ts';
import { IPV6 } from '../../packet/ipv6.ts';
import { UDP } from '../../packet/udp.ts';
import { VLAN } from '../../packet/vlan.ts';
import { EDIT } from '../cache/edits.ts';
import { type FrameKey, SHAPE } from '../cache/frame-key.ts';
import type { Delivery } from '../cache/recipe.ts';
import { COUNTS_IN, KIND, NONE, PROGRAM } from './layout.ts';

/** Halves of words that edits can reach: behind a tag and an IPv6 header, the whole of a TCP header. */
const HALVES = 48;
/** Of the key of a frame: where its TTL and its type of service are. */
const TTL_BITS = 0xffff;
/** Halves of a tag, and of what stands before it. */
const TAG = 2;
const ADDRESSES = 6;

interface Half {
  /** Which half of the frame that came in it was; undefined in a new tag. */
  readonly from: number | undefined;
  /** Bits that were written, and what; in network order. */
  mask: number;
  value: number;
  counts: number;
}

interface Edited {
  readonly halves: readonly Half[];
  /** Tags more, or less. */
  readonly tags: number;
  readonly checksum: number;
  readonly isUdp: boolean;
  readonly ipChecksum: number;
}

export const SLOW_PROGRAM: readonly number[] = programOf(KIND.SLOW);
export const DROP_PROGRAM: readonly number[] = programOf(KIND.DROP);

function programOf(kind: number): number[] {
  const words = new Array<number>(1 << PROGRAM.SHIFT).fill(0);
  words[PROGRAM.OUTLET] = NONE;
  words[PROGRAM.KIND] = kind;
  return words;
}

/** `key`: of one of the frames, and `mask`: what they have in common. SLOW_PROGRAM where a program cannot say it. */
export function compileProgram(
  delivery: Delivery,
  outlet: number,
  key: FrameKey,
  mask: FrameKey,
): readonly number[] {
  const shape = key[5]! >>> 24;
  const edited = run(delivery.edits, (shape & SHAPE.TAGGED) !== 0, (shape & SHAPE.IPV4) !== 0);
  const { header } = delivery;
  const words = programOf(KIND.SEND);
  // A frame that is cut off is longer than what leaves.
  if (!edited || Math.abs(edited.tags) > 1 || delivery.limit > 0) return SLOW_PROGRAM;
  if ((shape & SHAPE.IPV4) !== 0 && (mask[5]! & TTL_BITS) === TTL_BITS) takeTtl(words, edited, key);
  const writes = writesOf(edited.halves, ADDRESSES);
  const addresses = writesOf(edited.halves.slice(0, ADDRESSES), 0);
  if (writes.length > 4 * PROGRAM.WRITE_LIMIT) return SLOW_PROGRAM;
  const late = header?.late;
  const lateByte = late ? (31 - Math.clz32(late.mask)) >> 3 : 0;
  if (late && ((shape & (SHAPE.IPV4 | SHAPE.IPV6)) === 0 || late.shift >> 3 !== lateByte))
    return SLOW_PROGRAM;
  const size = header?.bytes.length ?? 0;
  if (size % 4 !== 0 || size / 4 >= PROGRAM.HEADER_LIMIT) return SLOW_PROGRAM;
  words[PROGRAM.OUTLET] = outlet;
  // Headers are written in whole words.
  words[PROGRAM.HEADROOM] = delivery.headroom + (header ? 2 : 0);
  words[PROGRAM.MOVE] = edited.tags;
  words[PROGRAM.WRITES] = writes.length / 4;
  words[PROGRAM.IP_CHECKSUM] = edited.ipChecksum && edited.ipChecksum + 1;
  words[PROGRAM.CHECKSUM] = edited.checksum && edited.checksum + 1;
  words[PROGRAM.IS_UDP] = Number(edited.isUdp);
  words[PROGRAM.GROWS] = size + 4 * edited.tags;
  for (const [i, word] of writes.entries()) words[PROGRAM.WRITE + i] = word;
  words[PROGRAM.HAS_ADDRESSES] = Number(addresses.length > 0);
  words.fill(-1, PROGRAM.ADDRESSES, PROGRAM.ADDRESSES + 4);
  for (let i = 0; i < addresses.length; i += 4) {
    words[PROGRAM.ADDRESSES + addresses[i]!] = addresses[i + 1]!;
    words[PROGRAM.ADDRESSES + 4 + addresses[i]!] = addresses[i + 2]!;
  }
  if (!header) return words;
  words[PROGRAM.HEADER] = size / 4;
  for (const [i, byte] of header.bytes.entries()) {
    // The header begins in the upper half of a word; its lengths and checksum are of each frame.
    const at = i + 2;
    words[PROGRAM.BYTES + (at >> 2)]! |= byte << (8 * (at & 3));
  }
  const isIpv4 = header.bytes[0]! >>> 4 === 4;
  words[PROGRAM.SUM] = isIpv4 ? outerSum(header.bytes) : -1;
  const ipSize = isIpv4 ? IPV4.SIZE : IPV6.SIZE;
  const isUdp = header.bytes[isIpv4 ? IPV4.PROTOCOL : IPV6.NEXT] === IP_PROTOCOL.UDP;
  if (isUdp) words[PROGRAM.UDP_LENGTH] = ipSize + UDP.LENGTH;
  if (late) {
    words[PROGRAM.BASIS] = late.basis | 0;
    words[PROGRAM.LINKS] = late.links;
    words[PROGRAM.LATE_SHIFT] = late.shift - 8 * lateByte;
    words[PROGRAM.LATE_MASK] = late.mask >>> (8 * lateByte);
    words[PROGRAM.LATE_BYTE] = 24 - 8 * lateByte;
    clearLate(words, size, late.mask);
  }
  return words;
}

/** Takes the new TTL out of what is to be written, and a type of service that stays as it is. */
function takeTtl(words: number[], { halves, tags }: Edited, key: FrameKey): void {
  const isTagged = ((key[5]! >>> 24) & SHAPE.TAGGED) !== 0;
  const l3 = ETHERNET.SIZE / 2 + TAG * (Number(isTagged) + tags);
  const first = halves[l3]!;
  if (first.counts === COUNTS_IN.IP && first.mask === 0xff && (first.value & 0xff) === (key[5]! & 0xff)) {
    first.mask = 0;
  }
  const at = l3 + IPV4.TTL / 2;
  const half = halves[at]!;
  if (half.counts !== COUNTS_IN.IP) return;
  const before = (key[5]! & 0xff00) | ((key[5]! >>> 16) & 0xff);
  const after = (before & ~half.mask) | (half.value & half.mask);
  half.mask = 0;
  if (after === before) return;
  words[PROGRAM.TTL_WORD] = (at + 1) >> 1;
  words[PROGRAM.TTL] = swap16(after);
  const change = swap16(after) - swap16(before);
  words[PROGRAM.TTL_CHANGE] = change < 0 ? change + 0xffff : change;
}

/** The bits of the key, which ends the header, are each frame's own. */
function clearLate(words: number[], size: number, mask: number): void {
  for (let byte = 0; byte < 4; byte++) {
    const at = size - 4 + byte + 2;
    words[PROGRAM.BYTES + (at >> 2)]! &= ~(((mask >>> (24 - 8 * byte)) & 0xff) << (8 * (at & 3)));
  }
}

/** Undefined where a tag is taken off that may not be there, or an edit reaches too far. */
function run(edits: Int32Array, isTagged: boolean, isIpv4: boolean): Edited | undefined {
  const halves: Half[] = Array.from({ length: HALVES }, (_, from) => ({
    from,
    mask: 0,
    value: 0,
    counts: 0,
  }));
  let onFrame = isTagged ? 1 : 0;
  let tags = 0;
  let checksum = 0;
  let ipChecksum = 0;
  let isUdp = false;
  for (let i = 0; i < edits.length; i += EDIT.SIZE) {
    const type = edits[i]!;
    const first = edits[i + 1]!;
    const second = edits[i + 2]!;
    const mask = edits[i + 3]!;
    let sumAt = edits[i + 4]!;
    let headerAt = edits[i + 5]!;
    // What is only in the IP header counts in no other sum, and is told as if it were the only one.
    if (isIpv4 && headerAt === 0 && sumAt === ETHERNET.SIZE + VLAN.SIZE * onFrame + IPV4.CHECKSUM) {
      [sumAt, headerAt] = [0, sumAt];
    }
    if (type === EDIT.PUSH) {
      halves.splice(ADDRESSES, 0, newHalf(first), newHalf(second));
      onFrame++;
      tags++;
    } else if (type === EDIT.POP) {
      if (onFrame === 0) return undefined;
      halves.splice(ADDRESSES, TAG);
      onFrame--;
      tags--;
    } else {
      const half = halves[first >> 1];
      if (!half || first % 2 !== 0) return undefined;
      const counts = (headerAt === 0 ? 0 : COUNTS_IN.IP) | (sumAt === 0 ? 0 : COUNTS_IN.TRANSPORT);
      // Two updates of the checksum of UDP may come to another 0 than one; that of an IP header is never the other 0.
      const again = half.mask === 0 || half.counts === counts;
      if (!again || (half.mask !== 0 && (counts & COUNTS_IN.TRANSPORT) !== 0)) return undefined;
      half.value = (half.value & ~mask) | (second & mask);
      half.mask |= mask;
      half.counts = counts;
      if (headerAt !== 0) ipChecksum = headerAt / 2 - TAG * tags;
      if (sumAt !== 0) {
        const place = sumAt / 2 - TAG * tags;
        if (checksum !== 0 && place !== checksum) return undefined;
        checksum = place;
        isUdp = type === EDIT.WRITE_UDP;
      }
    }
  }
  // From the frame as it goes out.
  const out = (at: number) => at && at + TAG * tags;
  return { halves, tags, isUdp, checksum: out(checksum), ipChecksum: out(ipChecksum) };
}

function newHalf(value: number): Half {
  return { from: undefined, mask: 0xffff, value, counts: 0 };
}

/** Four numbers each: word, bits that stay, new bits, checksums. Halves of one word go together where they can. */
function writesOf(halves: readonly Half[], from: number): number[] {
  const writes: number[] = [];
  let last = -1;
  for (let i = from; i < halves.length; i++) {
    const { mask, value, counts } = halves[i]!;
    if (mask === 0) continue;
    // The first half of a frame is the upper one of its word 0.
    const word = (i + 1) >> 1;
    const shift = ((i + 1) & 1) * 16;
    if (last < 0 || writes[last] !== word || writes[last + 3] !== counts) {
      last = writes.length;
      writes.push(word, -1, 0, counts);
    }
    writes[last + 1]! &= ~(swap16(mask) << shift);
    writes[last + 2]! |= swap16(value & mask) << shift;
  }
  return writes;
}

function swap16(value: number): number {
  return ((value & 0xff) << 8) | ((value >>> 8) & 0xff);
}

/** Of the outer IPv4 header without its length and its checksum, in the order of memory. */
function outerSum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < IPV4.SIZE; i += 2) {
    if (i !== IPV4.LENGTH && i !== IPV4.CHECKSUM) sum += bytes[i]! | (bytes[i + 1]! << 8);
  }
  return fold(sum);
}
