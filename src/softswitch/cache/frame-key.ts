/**
 * The key that the cache finds a frame by: what softswitch/frame/key.ts has, of the usual frames only, in 19 words that are
 * quick to fill. Bytes stand in a word as in memory, the first one lowest.
 *
 *     0      where it came in                     8      ports, or ICMP type and code
 *     1 2 3  eth_dst from its third byte on,      9      VLAN tag, type and control information; 0 = none
 *            eth_src, eth_type                    10     tun_id
 *     4      eth_dst, its first two bytes;        11 12  tun_src, tun_dst
 *            tcp_flags                            13..18 IPv6: rest of source and destination;
 *     5      tos, ttl, ip_proto or arp_op, shape         ARP: arp_sha, arp_tha
 *     6 7    ip_src, ip_dst, or those of ARP,
 *            or the first words of those of IPv6
 *
 * The shape says which headers there are, so frames of one key have them at the same places. A frame that is out of
 * the ordinary (fragments, options, extension headers, two tags, neighbour discovery, cut short) has no key, and goes
 * the slow path each time.
 */
import { type FlowKey, WORD } from '../frame/key.ts';

export type FrameKey = Int32Array;

/** Words of a key. */
export const FRAME_KEY = { WORDS: 19 } as const;

export const SHAPE = { TAGGED: 1, WIDE: 2, OTHER: 4, ARP: 8, IPV4: 16, IPV6: 32 } as const;

export function newFrameKey(): FrameKey {
  return new Int32Array(FRAME_KEY.WORDS);
}

export function isWide(key: FrameKey): boolean {
  return ((key[5]! >>> 24) & SHAPE.WIDE) !== 0;
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Fills words 1..9 and, when it is wide, 13..18. False: the frame has no key. */
export function readFrameKey(bytes: Uint8Array, at: number, length: number, key: FrameKey): boolean {
  if (length < 18) return false;
  key[1] = word(bytes, at + 2);
  key[2] = word(bytes, at + 6);
  let type = (bytes[at + 12]! << 8) | bytes[at + 13]!;
  let shape = 0;
  let l3 = at + 14;
  if (type === 0x8100 || type === 0x88a8) {
    shape = SHAPE.TAGGED;
    key[9] = word(bytes, at + 12);
    type = (bytes[at + 16]! << 8) | bytes[at + 17]!;
    l3 = at + 18;
  } else {
    key[9] = 0;
  }
  key[3] = bytes[at + 10]! | (bytes[at + 11]! << 8) | (bytes[l3 - 2]! << 16) | (bytes[l3 - 1]! << 24);
  key[4] = bytes[at]! | (bytes[at + 1]! << 8);
  const left = at + length - l3;
  if (type === 0x0800) return readIpv4(bytes, l3, left, shape, key);
  if (type === 0x86dd) return readIpv6(bytes, l3, left, shape, key);
  if (type === 0x0806 || type === 0x8035) return readArp(bytes, l3, left, shape, key);
  if (type < 0x0600 || type === 0x8100 || type === 0x88a8) return false;
  key[5] = (shape | SHAPE.OTHER) << 24;
  key[6] = 0;
  key[7] = 0;
  key[8] = 0;
  return true;
}

function readIpv4(bytes: Uint8Array, l3: number, left: number, shape: number, key: FrameKey): boolean {
  const total = (bytes[l3 + 2]! << 8) | bytes[l3 + 3]!;
  // No options, not a fragment, all there.
  if (left < 20 || bytes[l3] !== 0x45 || total < 20 || total > left) return false;
  if ((bytes[l3 + 6]! & 0x3f) !== 0 || bytes[l3 + 7] !== 0) return false;
  const protocol = bytes[l3 + 9]!;
  key[5] = bytes[l3 + 1]! | (bytes[l3 + 8]! << 8) | (protocol << 16) | ((shape | SHAPE.IPV4) << 24);
  key[6] = word(bytes, l3 + 12);
  key[7] = word(bytes, l3 + 16);
  return protocol !== 58 && readTransport(bytes, l3 + 20, total - 20, protocol, key);
}

function readIpv6(bytes: Uint8Array, l3: number, left: number, shape: number, key: FrameKey): boolean {
  if (left < 40) return false;
  const payload = (bytes[l3 + 4]! << 8) | bytes[l3 + 5]!;
  const protocol = bytes[l3 + 6]!;
  if (payload + 40 > left || isExtension(protocol) || protocol === 1) return false;
  const tos = ((bytes[l3]! << 4) | (bytes[l3 + 1]! >>> 4)) & 0xff;
  key[5] = tos | (bytes[l3 + 7]! << 8) | (protocol << 16) | ((shape | SHAPE.IPV6 | SHAPE.WIDE) << 24);
  key[6] = word(bytes, l3 + 8);
  key[7] = word(bytes, l3 + 24);
  for (let i = 0; i < 3; i++) {
    key[13 + i] = word(bytes, l3 + 12 + 4 * i);
    key[16 + i] = word(bytes, l3 + 28 + 4 * i);
  }
  return readTransport(bytes, l3 + 40, payload, protocol, key);
}

function isExtension(protocol: number): boolean {
  return protocol === 0 || protocol === 43 || protocol === 44 || protocol === 51 || protocol === 60;
}

function readTransport(
  bytes: Uint8Array,
  l4: number,
  size: number,
  protocol: number,
  key: FrameKey,
): boolean {
  key[8] = 0;
  switch (protocol) {
    case 6: {
      const header = size < 20 ? 0 : (bytes[l4 + 12]! >>> 4) * 4;
      if (header < 20 || header > size) return false;
      key[8] = word(bytes, l4);
      key[4]! |= ((bytes[l4 + 12]! & 0x0f) << 16) | (bytes[l4 + 13]! << 24);
      return true;
    }
    case 17:
      if (size < 8) return false;
      key[8] = word(bytes, l4);
      return true;
    case 1:
    case 58:
      // Type and code stand in the low bytes of the halves of a word.
      if (size < 8 || (protocol === 58 && (bytes[l4] === 135 || bytes[l4] === 136))) return false;
      key[8] = (bytes[l4]! << 8) | (bytes[l4 + 1]! << 24);
      return true;
    default:
      // SCTP has ports too, and is rare.
      return protocol !== 132;
  }
}

function readArp(bytes: Uint8Array, l3: number, left: number, shape: number, key: FrameKey): boolean {
  if (left < 28 || word(bytes, l3) !== 0x00080100 || bytes[l3 + 4] !== 6 || bytes[l3 + 5] !== 4) return false;
  // Above 255 the operation reads as 0.
  const operation = bytes[l3 + 6] === 0 ? bytes[l3 + 7]! : 0;
  key[5] = (operation << 16) | ((shape | SHAPE.ARP | SHAPE.WIDE) << 24);
  key[6] = word(bytes, l3 + 14);
  key[7] = word(bytes, l3 + 24);
  key[8] = 0;
  key[13] = word(bytes, l3 + 8);
  key[14] = bytes[l3 + 12]! | (bytes[l3 + 13]! << 8) | (bytes[l3 + 18]! << 16) | (bytes[l3 + 19]! << 24);
  key[15] = word(bytes, l3 + 20);
  key[16] = 0;
  key[17] = 0;
  key[18] = 0;
  return true;
}

/** The bits of a frame key that stand for these bits of the flow key; the shape, types and tag always count. */
export function frameMask(looked: FlowKey, key: FrameKey): FrameKey {
  const mask = newFrameKey();
  const at = (from: number) => swap(looked[from]!);
  const [first, second, third] = [looked[WORD.ETH]!, looked[WORD.ETH + 1]!, looked[WORD.ETH + 2]!];
  const ip = looked[WORD.IP]!;
  mask[0] = -1;
  mask[1] = swap((first << 16) | (second >>> 16));
  mask[2] = swap((second << 16) | (third >>> 16));
  mask[3] = swap((third << 16) | 0xffff);
  mask[4] = swap((first & 0xffff0000) | (looked[WORD.TYPE]! & 0xffff));
  mask[5] = ((ip >>> 16) & 0xff) | (ip & 0xff00) | 0xffff0000;
  mask[8] = at(WORD.PORTS);
  mask[9] = -1;
  mask[10] = looked[WORD.TUN_ID + 1]!;
  mask[11] = looked[WORD.TUN_SRC]!;
  mask[12] = looked[WORD.TUN_DST]!;
  const isIpv6 = ((key[5]! >>> 24) & SHAPE.IPV6) !== 0;
  mask[6] = at(isIpv6 ? WORD.IPV6_SRC : WORD.IP_SRC);
  mask[7] = at(isIpv6 ? WORD.IPV6_DST : WORD.IP_DST);
  if (!isWide(key)) return mask;
  for (let i = 0; i < 3; i++) {
    mask[13 + i] = at(isIpv6 ? WORD.IPV6_SRC + 1 + i : WORD.ARP + i);
    mask[16 + i] = isIpv6 ? at(WORD.IPV6_DST + 1 + i) : 0;
  }
  return mask;
}

/** The four bytes the other way round. */
function swap(bits: number): number {
  return (bits << 24) | ((bits & 0xff00) << 8) | ((bits >>> 8) & 0xff00) | (bits >>> 24);
}
