/**
 * cache/frame-key.ts once more, for frames that begin 2 bytes behind a multiple of 4: everything behind the Ethernet
 * header then stands in whole words of 32 bits, which are read at once. `w`: the word with the first two bytes of the
 * frame in its upper half; words are as a little-endian machine reads them, and so are those of keys.
 */
import { SHAPE } from '../cache/frame-key.ts';

const TYPE = {
  IPV4: 0x0008,
  IPV6: 0xdd86,
  ARP: 0x0608,
  RARP: 0x3580,
  TAG: 0x0081,
  SERVICE_TAG: 0xa888,
} as const;

/** Fills the key at `k`, but for where the frame came in. False: the frame has none. */
export function readKey(frames: Int32Array, w: number, length: number, keys: Int32Array, k: number): boolean {
  if (length < 18) return false;
  let last = frames[w + 3]!;
  let type = last >>> 16;
  let l3 = w + 4;
  let left = length - 14;
  let shape = 0;
  let tag = 0;
  if (type === TYPE.TAG || type === TYPE.SERVICE_TAG) {
    const word = frames[w + 4]!;
    tag = type | (word << 16);
    last = (last & 0xffff) | (word & 0xffff0000);
    type = word >>> 16;
    shape = SHAPE.TAGGED;
    l3++;
    left -= 4;
  }
  keys[k + 1] = frames[w + 1]!;
  keys[k + 2] = frames[w + 2]!;
  keys[k + 3] = last;
  keys[k + 4] = frames[w]! >>> 16;
  keys[k + 9] = tag;
  if (type === TYPE.IPV4) {
    const first = frames[l3]!;
    const total = ((first >>> 8) & 0xff00) | (first >>> 24);
    const third = frames[l3 + 2]!;
    const protocol = (third >>> 8) & 0xff;
    // No options, not a fragment, all there.
    if ((first & 0xff) !== 0x45 || total < 20 || total > left) return false;
    if ((frames[l3 + 1]! & 0xff3f0000) !== 0 || protocol === 58) return false;
    keys[k + 5] =
      ((first >>> 8) & 0xff) | ((third & 0xff) << 8) | (protocol << 16) | ((shape | SHAPE.IPV4) << 24);
    keys[k + 6] = frames[l3 + 3]!;
    keys[k + 7] = frames[l3 + 4]!;
    return readTransport(frames, l3 + 5, total - 20, protocol, keys, k);
  }
  if (type === TYPE.IPV6) return left >= 40 && readIpv6(frames, l3, left, shape, keys, k);
  if (type === TYPE.ARP || type === TYPE.RARP) return left >= 28 && readArp(frames, l3, shape, keys, k);
  const value = ((type & 0xff) << 8) | (type >>> 8);
  if (value < 0x0600 || type === TYPE.TAG || type === TYPE.SERVICE_TAG) return false;
  keys[k + 5] = (shape | SHAPE.OTHER) << 24;
  keys[k + 6] = 0;
  keys[k + 7] = 0;
  keys[k + 8] = 0;
  return true;
}

function readTransport(
  frames: Int32Array,
  l4: number,
  size: number,
  protocol: number,
  keys: Int32Array,
  k: number,
): boolean {
  if (protocol === 17) {
    if (size < 8) return false;
    keys[k + 8] = frames[l4]!;
    return true;
  }
  if (protocol === 6) {
    if (size < 20) return false;
    const word = frames[l4 + 3]!;
    const header = ((word >>> 4) & 0xf) * 4;
    if (header < 20 || header > size) return false;
    keys[k + 8] = frames[l4]!;
    keys[k + 4]! |= ((word & 0x0f) << 16) | ((word & 0xff00) << 16);
    return true;
  }
  if (protocol === 1 || protocol === 58) {
    if (size < 8) return false;
    const word = frames[l4]!;
    const type = word & 0xff;
    if (protocol === 58 && (type === 135 || type === 136)) return false;
    keys[k + 8] = (type << 8) | ((word & 0xff00) << 16);
    return true;
  }
  keys[k + 8] = 0;
  return protocol !== 132;
}

function readIpv6(
  frames: Int32Array,
  l3: number,
  left: number,
  shape: number,
  keys: Int32Array,
  k: number,
): boolean {
  const first = frames[l3]!;
  const second = frames[l3 + 1]!;
  const payload = ((second & 0xff) << 8) | ((second >>> 8) & 0xff);
  const protocol = (second >>> 16) & 0xff;
  if (payload + 40 > left || protocol === 1) return false;
  // Extension headers.
  if (protocol === 0 || protocol === 43 || protocol === 44 || protocol === 51 || protocol === 60)
    return false;
  const tos = ((first & 0x0f) << 4) | ((first >>> 12) & 0x0f);
  keys[k + 5] = tos | ((second >>> 24) << 8) | (protocol << 16) | ((shape | SHAPE.IPV6 | SHAPE.WIDE) << 24);
  keys[k + 6] = frames[l3 + 2]!;
  keys[k + 7] = frames[l3 + 6]!;
  for (let i = 0; i < 3; i++) {
    keys[k + 13 + i] = frames[l3 + 3 + i]!;
    keys[k + 16 + i] = frames[l3 + 7 + i]!;
  }
  return readTransport(frames, l3 + 10, payload, protocol, keys, k);
}

function readArp(frames: Int32Array, l3: number, shape: number, keys: Int32Array, k: number): boolean {
  const second = frames[l3 + 1]!;
  if (frames[l3] !== 0x00080100 || (second & 0xffff) !== 0x0406) return false;
  const [fourth, fifth] = [frames[l3 + 3]!, frames[l3 + 4]!];
  // Above 255 the operation reads as 0.
  const operation = ((second >>> 16) & 0xff) === 0 ? second >>> 24 : 0;
  keys[k + 5] = (operation << 16) | ((shape | SHAPE.ARP | SHAPE.WIDE) << 24);
  keys[k + 6] = (fourth >>> 16) | (fifth << 16);
  keys[k + 7] = frames[l3 + 6]!;
  keys[k + 8] = 0;
  keys[k + 13] = frames[l3 + 2]!;
  keys[k + 14] = (fourth & 0xffff) | (fifth & 0xffff0000);
  keys[k + 15] = frames[l3 + 5]!;
  keys[k + 16] = 0;
  keys[k + 17] = 0;
  keys[k + 18] = 0;
  return true;
}

/** Two sums side by side, which a processor computes at the same time. Neither 0 nor KNOWN. */
export function hashKey(keys: Int32Array, k: number): number {
  let a = Math.imul(keys[k + 6]! ^ (keys[k + 6]! >>> 16), 0x85ebca6b) ^ keys[k + 1]!;
  let b = Math.imul(keys[k + 7]! ^ keys[k]!, 0xc2b2ae35) ^ keys[k + 2]!;
  a = Math.imul((a ^ (a >>> 15) ^ keys[k + 8]!) | 0, 0x27d4eb2f) ^ keys[k + 3]! ^ keys[k + 10]!;
  b = Math.imul((b ^ (b >>> 13) ^ keys[k + 5]!) | 0, 0x165667b1) ^ keys[k + 4]! ^ keys[k + 9]!;
  if (((keys[k + 5]! >>> 24) & SHAPE.WIDE) !== 0) {
    for (let i = k + 13; i < k + 19; i += 2) {
      a = Math.imul(a ^ (a >>> 15) ^ keys[i]!, 0x85ebca6b);
      b = Math.imul(b ^ (b >>> 13) ^ keys[i + 1]!, 0xc2b2ae35);
    }
  }
  a = Math.imul(a ^ (a >>> 16) ^ keys[k + 11]! ^ (b >>> 7), 0x9e3779b1) ^ b ^ keys[k + 12]!;
  a = Math.imul(a ^ (a >>> 15), 0x85ebca6b);
  a ^= a >>> 13;
  return a >>> 1 === 0 ? 2 : a;
}
