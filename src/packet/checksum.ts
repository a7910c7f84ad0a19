/**
 * The Internet checksum: the ones' complement of the ones' complement sum of 16-bit words (RFC 1071), its update when
 * a word changes (RFC 1624), and the pseudo headers that TCP, UDP and ICMPv6 add (RFC 9293 3.1, RFC 8200 8.1).
 *
 * A "sum" is a number that further words may be added to; `finish` folds it into 16 bits and complements it. Ranges
 * must begin at an even distance from the start of what is summed.
 */
import { read16 } from './bytes.ts';

/** Adds the 16-bit words of a range to a sum; an odd last byte counts as the high half of a word. */
export function sumRange(bytes: Uint8Array, from: number, to: number, sum = 0): number {
  const even = to - ((to - from) & 1);
  for (let i = from; i < even; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  return even < to ? sum + (bytes[even]! << 8) : sum;
}

/** Folds the carries back in; the result has 16 bits. */
export function fold(sum: number): number {
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return sum;
}

/** The checksum that goes with a sum. */
export function finish(sum: number): number {
  return ~fold(sum) & 0xffff;
}

/** What the two bytes at `field` have to be so that the range is right. The range begins with `sum` added before. */
export function checksumFor(bytes: Uint8Array, from: number, to: number, field: number, sum = 0): number {
  return finish(sumRange(bytes, field + 2, to, sumRange(bytes, from, field, sum)));
}

/** Whether the range, which includes its checksum, is right. */
export function checksumHolds(bytes: Uint8Array, from: number, to: number, sum = 0): boolean {
  return fold(sumRange(bytes, from, to, sum)) === 0xffff;
}

/** Sum of the pseudo header for the IPv4 or IPv6 header at `ip`; `length` is that of transport header and data. */
export function pseudoHeaderSum(bytes: Uint8Array, ip: number, protocol: number, length: number): number {
  const isVersion4 = bytes[ip]! >>> 4 === 4;
  const addresses = isVersion4 ? sumRange(bytes, ip + 12, ip + 20) : sumRange(bytes, ip + 8, ip + 40);
  return addresses + protocol + (length >>> 16) + (length & 0xffff);
}

/** The checksum after one 16-bit word of the data changed: HC' = ~(~HC + ~m + m') (RFC 1624, equation 3). */
export function updateChecksum(checksum: number, before: number, after: number): number {
  return finish((~checksum & 0xffff) + (~before & 0xffff) + after);
}

/** The same for 32 bits that begin at an even distance: an IPv4 address, a TCP sequence number. */
export function updateChecksum32(checksum: number, before: number, after: number): number {
  const high = updateChecksum(checksum, before >>> 16, after >>> 16);
  return updateChecksum(high, before & 0xffff, after & 0xffff);
}

/** The same for whole words that are replaced by as many others, such as an IPv6 address. */
export function updateChecksumBytes(checksum: number, before: Uint8Array, after: Uint8Array): number {
  for (let i = 0; i + 1 < before.length; i += 2)
    checksum = updateChecksum(checksum, read16(before, i), read16(after, i));
  return checksum;
}
