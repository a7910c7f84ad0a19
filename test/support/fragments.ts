/** Cuts frames with an IP packet, without tags and extension headers, into fragments. */
import { read16, write16, write32 } from '../../src/packet/bytes.ts';
import { checksumFor } from '../../src/packet/checksum.ts';
import { IP_PROTOCOL } from '../../src/packet/ipv4.ts';

const L3 = 14;
const MORE_IPV4 = 0x2000;

/** `size`: bytes of transport header and data in each but the last, a multiple of 8. */
export function fragmentsOf(frame: Uint8Array, size: number, id: number): Uint8Array[] {
  const is4 = read16(frame, 12) === 0x0800;
  const l4 = L3 + (is4 ? 20 : 40);
  const end = is4 ? L3 + read16(frame, L3 + 2) : l4 + read16(frame, L3 + 4);
  const fragments: Uint8Array[] = [];
  for (let from = l4; from < end; from += size) {
    const part = frame.subarray(from, Math.min(end, from + size));
    const isLast = from + size >= end;
    fragments.push((is4 ? ipv4Fragment : ipv6Fragment)(frame, part, from - l4, isLast, id));
  }
  return fragments;
}

function ipv4Fragment(frame: Uint8Array, part: Uint8Array, offset: number, isLast: boolean, id: number) {
  const bytes = new Uint8Array(L3 + 20 + part.length);
  bytes.set(frame.subarray(0, L3 + 20));
  bytes.set(part, L3 + 20);
  write16(bytes, L3 + 2, 20 + part.length);
  write16(bytes, L3 + 4, id);
  write16(bytes, L3 + 6, (isLast ? 0 : MORE_IPV4) | (offset / 8));
  write16(bytes, L3 + 10, checksumFor(bytes, L3, L3 + 20, L3 + 10));
  return bytes;
}

function ipv6Fragment(frame: Uint8Array, part: Uint8Array, offset: number, isLast: boolean, id: number) {
  const l4 = L3 + 40;
  const bytes = new Uint8Array(l4 + 8 + part.length);
  bytes.set(frame.subarray(0, l4));
  bytes.set(part, l4 + 8);
  write16(bytes, L3 + 4, 8 + part.length);
  bytes[l4] = frame[L3 + 6]!;
  bytes[L3 + 6] = IP_PROTOCOL.FRAGMENT;
  write16(bytes, l4 + 2, offset | (isLast ? 0 : 1));
  write32(bytes, l4 + 4, id);
  return bytes;
}
