/** How fuzzers change good inputs. */

/** Numbers of 0..2^32-1 from a seed (Marsaglia's xorshift32). */
export function randomOf(seed: number): () => number {
  // The state is never 0.
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

const EDGES_8 = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 192, 254, 255];

/** One change: a byte, a bit, a 16-bit length, a piece cut out, doubled or taken from another input. */
export function change(bytes: Uint8Array, others: readonly Uint8Array[], random: () => number): Uint8Array {
  const { length } = bytes;
  const at = length === 0 ? 0 : random() % length;
  const size = 1 + (random() % 16);
  switch (random() % 10) {
    case 0:
      if (length > 0) bytes[at] = random();
      return bytes;
    case 1:
      if (length > 0) bytes[at]! ^= 1 << (random() % 8);
      return bytes;
    case 2:
    case 3:
    case 4:
      if (length > 0) bytes[at] = EDGES_8[random() % EDGES_8.length]!;
      return bytes;
    case 5: {
      if (length < 2) return bytes;
      const to = Math.min(at, length - 2);
      const edges = [0, 1, 0xffff, 0x8000, length, length - to, length - to - 2, length - to - 1, length + 1];
      const value = edges[random() % edges.length]!;
      bytes[to] = value >>> 8;
      bytes[to + 1] = value;
      return bytes;
    }
    case 6:
      return bytes.slice(0, at);
    case 7:
      return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + size)]);
    case 8:
      return Uint8Array.from([...bytes.subarray(0, at + size), ...bytes.subarray(at)]);
    default: {
      const other = others[random() % others.length]!;
      const from = other.length === 0 ? 0 : random() % other.length;
      return Uint8Array.from([...bytes.subarray(0, at), ...other.subarray(from)]);
    }
  }
}
