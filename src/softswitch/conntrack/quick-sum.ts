/**
 * The sum of packet/checksum.ts for long ranges in memory that holds many frames, in words of 32 bits: ones' complement
 * sums do not care in which byte order the words are added (RFC 1071, 2), so they are added as the machine has them.
 */
import { fold, sumRange } from '../../packet/checksum.ts';

/** Shorter ranges are added byte by byte. */
const SHORT = 64;

/** The memory of the last range, as words. */
let memory: ArrayBufferLike | undefined;
let words: Int32Array = new Int32Array(0);

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** As sumRange, but folded into 16 bits. */
export function quickSum(bytes: Uint8Array, from: number, to: number, sum: number): number {
  const start = bytes.byteOffset + from;
  if (to - from < SHORT || (start & 1) !== 0) return fold(sumRange(bytes, from, to, sum));
  if (bytes.buffer !== memory) {
    memory = bytes.buffer;
    words = new Int32Array(memory, 0, memory.byteLength >> 2);
  }
  const first = (start + 3) >> 2;
  const last = (bytes.byteOffset + to) >> 2;
  let high = 0;
  let low = 0;
  for (let i = first; i < last; i++) {
    const word = words[i]!;
    high += word >>> 16;
    low += word & 0xffff;
  }
  const inner = fold(high + low);
  const swapped = IS_LITTLE_ENDIAN ? ((inner & 0xff) << 8) | (inner >>> 8) : inner;
  const head = sumRange(bytes, from, first * 4 - bytes.byteOffset, sum + swapped);
  return fold(sumRange(bytes, last * 4 - bytes.byteOffset, to, head));
}
