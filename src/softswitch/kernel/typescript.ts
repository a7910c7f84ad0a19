/**
 * The kernel in TypeScript: three passes over a batch, so that the waits for memory of one frame overlap with the
 * work on the others (the figures are in docs/decisions/0012).
 *
 *     read     the key of each frame, and its hash
 *     find     a hint for the hash, and whether the megaflow that it names has this key
 *     apply    what its program says
 *
 * The one in WebAssembly (assembly/index.ts) does the same, step by step. `frames`: the memory that the frames are in,
 * as words; the kernel's own or any other. The loops are long because a call for each frame costs more than what most
 * of them do, and because memory that is handed to a function has to be checked there again.
 */
import { SHAPE } from '../cache/frame-key.ts';
import { hashAdd, hashFinish } from '../frame/hash.ts';
import {
  ALIGNMENT,
  BUCKET,
  COUNTS_IN,
  KEY,
  type KernelLayout,
  KIND,
  KNOWN,
  LIST,
  MISSES,
  NONE,
  PROGRAM,
  RECORD,
  TRIES,
  UNGATED,
  UNKEYED,
} from './layout.ts';
import { hashKey, readKey } from './parse.ts';
import type { KernelPasses } from './passes.ts';

/** Words of a header of IPv4 and GRE with a key. */
const NVGRE_WORDS = 7;

export class TypeScriptKernel implements KernelPasses {
  readonly #words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #hints: number;
  readonly #records: number;

  constructor(memory: ArrayBuffer, layout: KernelLayout) {
    this.#words = new Int32Array(memory);
    this.#doubles = new Float64Array(memory);
    this.#hints = layout.hints;
    this.#records = layout.records;
  }

  read(
    frames: Int32Array,
    base: number,
    size: number,
    count: number,
    ingress: number,
    guess: number,
    isTunnel: number,
  ): number {
    const words = this.#words;
    const r = this.#records + (guess << RECORD.SHIFT);
    const m = guess < 0 ? 0 : words[r + RECORD.MASK]!;
    const mask1 = words[m + 1]!;
    const mask2 = words[m + 2]!;
    const mask3 = words[m + 3]!;
    const mask4 = words[m + 4]!;
    const mask5 = words[m + 5]!;
    const mask6 = words[m + 6]!;
    const mask7 = words[m + 7]!;
    const mask8 = words[m + 8]!;
    const bits1 = words[r + 1]!;
    const bits2 = words[r + 2]!;
    const bits3 = words[r + 3]!;
    const bits4 = words[r + 4]!;
    const bits5 = words[r + 5]!;
    const bits6 = words[r + 6]!;
    const bits7 = words[r + 7]!;
    const bits8 = words[r + 8]!;
    // Frames in a row are often of one megaflow; where they are not, it is not tried for long.
    let tries = guess < 0 || words[r] !== ingress ? 0 : TRIES;
    let known = 0;
    for (let i = 0; i < count; i++) {
      const k = KEY.AT + i * KEY.SIZE;
      const at = words[LIST.AT + i]!;
      const length = words[LIST.LENGTH + i]!;
      if (((at + base) & 3) !== ALIGNMENT || at < 0 || length < 18 || length > size - at) {
        words[LIST.HASH + i] = 0;
        continue;
      }
      words[k] = ingress;
      if (isTunnel === 0) {
        words[k + 10] = 0;
        words[k + 11] = 0;
        words[k + 12] = 0;
      }
      const w = (at + base) >> 2;
      const third = frames[w + 3]!;
      const first = frames[w + 4]!;
      // Most frames are IPv4 without a tag and without options, with UDP or TCP; the others take longer.
      if (third >>> 16 === 0x0008 && (first & 0xff) === 0x45) {
        const total = ((first >>> 8) & 0xff00) | (first >>> 24);
        const word = frames[w + 6]!;
        const protocol = (word >>> 8) & 0xff;
        const isWhole = total <= length - 14 && (frames[w + 5]! & 0xff3f0000) === 0;
        let flags = 0;
        let isUsual = isWhole && protocol === 17 && total >= 28;
        if (isWhole && protocol === 6 && total >= 40) {
          const offsets = frames[w + 12]!;
          const header = ((offsets >>> 4) & 0xf) * 4;
          isUsual = header >= 20 && header <= total - 20;
          flags = ((offsets & 0x0f) << 16) | ((offsets & 0xff00) << 16);
        }
        if (isUsual) {
          const k1 = frames[w + 1]!;
          const k2 = frames[w + 2]!;
          const k4 = (frames[w]! >>> 16) | flags;
          const k5 = ((first >>> 8) & 0xff) | ((word & 0xff) << 8) | (protocol << 16) | (SHAPE.IPV4 << 24);
          const k6 = frames[w + 7]!;
          const k7 = frames[w + 8]!;
          const k8 = frames[w + 9]!;
          words[k + 1] = k1;
          words[k + 2] = k2;
          words[k + 3] = third;
          words[k + 4] = k4;
          words[k + 5] = k5;
          words[k + 6] = k6;
          words[k + 7] = k7;
          words[k + 8] = k8;
          words[k + 9] = 0;
          if (tries > 0) {
            const differs =
              ((k1 & mask1) ^ bits1) |
              ((k2 & mask2) ^ bits2) |
              ((third & mask3) ^ bits3) |
              ((k4 & mask4) ^ bits4) |
              ((k5 & mask5) ^ bits5) |
              ((k6 & mask6) ^ bits6) |
              ((k7 & mask7) ^ bits7) |
              ((k8 & mask8) ^ bits8);
            const differsOutside =
              isTunnel === 0
                ? 0
                : ((words[k + 10]! & words[m + 10]!) ^ words[r + 10]!) |
                  ((words[k + 11]! & words[m + 11]!) ^ words[r + 11]!) |
                  ((words[k + 12]! & words[m + 12]!) ^ words[r + 12]!);
            if ((differs | differsOutside) === 0) {
              words[LIST.HASH + i] = KNOWN;
              words[LIST.FOUND + i] = guess;
              known++;
              continue;
            }
            tries--;
          }
          // hashKey, of these words.
          if (isTunnel !== 0) {
            words[LIST.HASH + i] = hashKey(words, k);
            continue;
          }
          let a = Math.imul(k6 ^ (k6 >>> 16), 0x85ebca6b) ^ k1;
          let b = Math.imul(k7 ^ ingress, 0xc2b2ae35) ^ k2;
          a = Math.imul(a ^ (a >>> 15) ^ k8, 0x27d4eb2f) ^ third;
          b = Math.imul(b ^ (b >>> 13) ^ k5, 0x165667b1) ^ k4;
          a = Math.imul(a ^ (a >>> 16) ^ (b >>> 7), 0x9e3779b1) ^ b;
          a = Math.imul(a ^ (a >>> 15), 0x85ebca6b);
          a ^= a >>> 13;
          words[LIST.HASH + i] = a >>> 1 === 0 ? 2 : a;
          continue;
        }
      }
      words[LIST.HASH + i] = readKey(frames, w, length, words, k) ? hashKey(words, k) : 0;
    }
    return known;
  }

  find(count: number, buckets: number, step: number, isTunnel: number): number {
    const words = this.#words;
    const hints = this.#hints;
    const records = this.#records;
    // Waits for many buckets at once: there is so little in this loop that the processor asks for them all.
    let touched = 0;
    for (let i = 0; i < count; i++) {
      touched |= words[hints + ((words[LIST.HASH + i]! & buckets) << BUCKET.SHIFT)]!;
    }
    // What it comes to is of no interest.
    words[LIST.MOST] = touched;
    for (let i = 0; i < count; i++) {
      const hash = words[LIST.HASH + i]!;
      if (hash === KNOWN) continue;
      let found: number = hash === 0 ? UNKEYED : NONE;
      const bucket = hints + ((hash & buckets) << BUCKET.SHIFT);
      let tries = hash === 0 ? 0 : BUCKET.WAYS;
      for (let way = hash >>> 29; tries > 0; way = (way + 1) & (BUCKET.WAYS - 1), tries--) {
        if (words[bucket + way] === hash) {
          found = words[bucket + way + BUCKET.WAYS]! & 0xffffff;
          break;
        }
      }
      words[LIST.FOUND + i] = found;
    }
    let asked = 0;
    let misses = 0;
    for (let i = 0; i < count; i++) {
      const id = words[LIST.FOUND + i]!;
      if (id < 0) {
        if (id === NONE) misses++;
        continue;
      }
      const r = records + (id << RECORD.SHIFT);
      const m = words[r + RECORD.MASK]!;
      const k = KEY.AT + i * KEY.SIZE;
      const shape = words[k + 5]!;
      let differs =
        (words[k]! ^ words[r]!) |
        ((words[k + 1]! & words[m + 1]!) ^ words[r + 1]!) |
        ((words[k + 2]! & words[m + 2]!) ^ words[r + 2]!) |
        ((words[k + 3]! & words[m + 3]!) ^ words[r + 3]!) |
        ((words[k + 4]! & words[m + 4]!) ^ words[r + 4]!) |
        ((shape & words[m + 5]!) ^ words[r + 5]!) |
        ((words[k + 6]! & words[m + 6]!) ^ words[r + 6]!) |
        ((words[k + 7]! & words[m + 7]!) ^ words[r + 7]!) |
        ((words[k + 8]! & words[m + 8]!) ^ words[r + 8]!);
      // Where a frame came in and its shape always count, and say whether it has more: a tag, a tunnel, a wide key.
      const more = ((shape >>> 24) & (SHAPE.WIDE | SHAPE.TAGGED)) | isTunnel;
      if (more !== 0) {
        for (let j = 9; j < KEY.SIZE - 1; j++) differs |= (words[k + j]! & words[m + j]!) ^ words[r + j]!;
      }
      if (differs !== 0 && words[LIST.HASH + i] !== KNOWN) {
        words[LIST.FOUND + i] = NONE;
        misses++;
        continue;
      }
      const last = words[r + RECORD.ASKED]!;
      if (last !== UNGATED && last !== step) {
        words[r + RECORD.ASKED] = step;
        words[LIST.ASK + asked++] = id;
      }
    }
    return asked + misses * MISSES;
  }

  apply(frames: Int32Array, halves: Uint16Array, base: number, end: number, headroom: number): number {
    const words = this.#words;
    const doubles = this.#doubles;
    const records = this.#records;
    let differs = 0;
    let most = 0;
    let alike: number = NONE;
    // Of the program of the frame before: that of the next one is the same more often than not.
    let p = -1;
    let record = -1;
    let packets = 0;
    let size = 0;
    let longest = 0;
    let program = 0;
    let kind: number = KIND.SLOW;
    let outlet: number = NONE;
    let grows = 0;
    let move = 0;
    let writes = 0;
    let hasAddresses = 0;
    let stay0 = 0;
    let stay1 = 0;
    let stay2 = 0;
    let stay3 = 0;
    let new0 = 0;
    let new1 = 0;
    let new2 = 0;
    let new3 = 0;
    let header = 0;
    let links = 0;
    let sum = 0;
    let udp = 0;
    let ttlWord = 0;
    let ttl = 0;
    let ttlChange = 0;
    let basis = 0;
    let lateShift = 0;
    let lateMask = 0;
    let lateByte = 0;
    let word1 = 0;
    let word2 = 0;
    let word3 = 0;
    let word4 = 0;
    let word5 = 0;
    let word6 = 0;
    let word7 = 0;
    let word8 = 0;
    for (let i = 0; i < end; i++) {
      const id = words[LIST.FOUND + i]!;
      if (id < 0) {
        end = i;
        break;
      }
      const r = records + (id << RECORD.SHIFT);
      if (r !== record) {
        if (packets > 0) {
          doubles[(record + RECORD.PACKETS) >> 1]! += packets;
          doubles[(record + RECORD.BYTES) >> 1]! += size;
        }
        packets = 0;
        size = 0;
        record = r;
        longest = words[r + RECORD.LONGEST]!;
        program = words[r + RECORD.PROGRAM]!;
      }
      if (program !== p) {
        p = program;
        kind = words[p + PROGRAM.HEADROOM]! > headroom ? KIND.SLOW : words[p + PROGRAM.KIND]!;
        outlet = words[p + PROGRAM.OUTLET]!;
        grows = words[p + PROGRAM.GROWS]!;
        move = words[p + PROGRAM.MOVE]!;
        writes = words[p + PROGRAM.WRITES]!;
        hasAddresses = words[p + PROGRAM.HAS_ADDRESSES]!;
        stay0 = words[p + PROGRAM.ADDRESSES]!;
        stay1 = words[p + PROGRAM.ADDRESSES + 1]!;
        stay2 = words[p + PROGRAM.ADDRESSES + 2]!;
        stay3 = words[p + PROGRAM.ADDRESSES + 3]!;
        new0 = words[p + PROGRAM.ADDRESSES + 4]!;
        new1 = words[p + PROGRAM.ADDRESSES + 5]!;
        new2 = words[p + PROGRAM.ADDRESSES + 6]!;
        new3 = words[p + PROGRAM.ADDRESSES + 7]!;
        header = words[p + PROGRAM.HEADER]!;
        links = words[p + PROGRAM.LINKS]!;
        sum = words[p + PROGRAM.SUM]!;
        udp = words[p + PROGRAM.UDP_LENGTH]!;
        ttlWord = words[p + PROGRAM.TTL_WORD]!;
        ttl = words[p + PROGRAM.TTL]!;
        ttlChange = words[p + PROGRAM.TTL_CHANGE]!;
        basis = words[p + PROGRAM.BASIS]!;
        lateShift = words[p + PROGRAM.LATE_SHIFT]!;
        lateMask = words[p + PROGRAM.LATE_MASK]!;
        lateByte = words[p + PROGRAM.LATE_BYTE]!;
        word1 = words[p + PROGRAM.BYTES]!;
        word2 = words[p + PROGRAM.BYTES + 1]!;
        word3 = words[p + PROGRAM.BYTES + 2]!;
        word4 = words[p + PROGRAM.BYTES + 3]!;
        word5 = words[p + PROGRAM.BYTES + 4]!;
        word6 = words[p + PROGRAM.BYTES + 5]!;
        word7 = words[p + PROGRAM.BYTES + 6]!;
        word8 = words[p + PROGRAM.BYTES + 7]!;
        if (i === 0) alike = outlet;
        differs |= outlet ^ alike;
        if (grows > most) most = grows;
      }
      const length = words[LIST.LENGTH + i]!;
      if (kind === KIND.SLOW || length > longest) {
        end = i;
        break;
      }
      packets++;
      size += length;
      words[LIST.OUTLET + i] = outlet;
      if (kind === KIND.DROP) continue;
      const at = words[LIST.AT + i]!;
      const total = length + grows;
      words[LIST.OUT_AT + i] = at - grows;
      words[LIST.OUT_LENGTH + i] = total;
      const w = ((at + base) >> 2) - move;
      if (move !== 0) moveAddresses(frames, w, move);
      let word0 = frames[w]!;
      if (hasAddresses !== 0) {
        word0 = (word0 & stay0) | new0;
        frames[w] = word0;
        frames[w + 1] = (frames[w + 1]! & stay1) | new1;
        frames[w + 2] = (frames[w + 2]! & stay2) | new2;
        frames[w + 3] = (frames[w + 3]! & stay3) | new3;
      }
      if (ttlWord !== 0) {
        const changed = (~frames[w + ttlWord]! >>> 16) + ttlChange;
        frames[w + ttlWord] = (~((changed & 0xffff) + (changed >>> 16)) << 16) | ttl;
      }
      if (writes !== 0) {
        let ip = 0;
        let transport = 0;
        const last = p + PROGRAM.WRITE + 4 * writes;
        for (let j = p + PROGRAM.WRITE; j < last; j += 4) {
          const to = w + words[j]!;
          const before = frames[to]!;
          const after = (before & words[j + 1]!) | words[j + 2]!;
          frames[to] = after;
          const counts = words[j + 3]!;
          // What each half adds to the sum: its change, in ones' complement (RFC 1624, equation 3).
          const lower = (after & 0xffff) - (before & 0xffff);
          const upper = (after >>> 16) - (before >>> 16);
          const change = lower + (lower >>> 16) + upper + (upper >>> 16);
          if ((counts & COUNTS_IN.IP) !== 0) ip += change;
          if ((counts & COUNTS_IN.TRANSPORT) !== 0) transport += change;
        }
        if (ip !== 0) {
          const to = 2 * w + words[p + PROGRAM.IP_CHECKSUM]!;
          const sum = (~halves[to]! & 0xffff) + ip;
          const folded = (sum & 0xffff) + (sum >>> 16);
          halves[to] = ~(folded + (folded >>> 16));
        }
        if (transport !== 0) {
          const to = 2 * w + words[p + PROGRAM.CHECKSUM]!;
          const isUdp = words[p + PROGRAM.IS_UDP] !== 0;
          const old = halves[to]!;
          if (!isUdp || old !== 0) {
            const sum = (~old & 0xffff) + transport;
            const folded = (sum & 0xffff) + (sum >>> 16);
            const updated = ~(folded + (folded >>> 16)) & 0xffff;
            halves[to] = isUdp && updated === 0 ? 0xffff : updated;
          }
        }
      }
      if (header === 0) continue;
      let late = 0;
      if (links !== 0) {
        const hash = hashSymmetricKey(words, KEY.AT + i * KEY.SIZE, basis);
        const link = (links & (links - 1)) === 0 ? hash & (links - 1) : (hash >>> 0) % links;
        late = ((link << lateShift) & lateMask) << lateByte;
      }
      const first = w - header;
      if (header === NVGRE_WORDS) {
        frames[first] = word1;
        frames[first + 1] = word2;
        frames[first + 2] = word3;
        frames[first + 3] = word4;
        frames[first + 4] = word5;
        frames[first + 5] = word6;
        frames[first + 6] = word7 | (late << 16);
        frames[w] = (word0 & 0xffff0000) | word8 | (late >>> 16);
      } else {
        const bytes = p + PROGRAM.BYTES;
        for (let j = 0; j < header - 1; j++) frames[first + j] = words[bytes + j]!;
        frames[w - 1] = words[bytes + header - 1]! | (late << 16);
        frames[w] = (word0 & 0xffff0000) | words[bytes + header]! | (late >>> 16);
      }
      // The outer header begins with the upper half of `first`.
      const half = first * 2 + 1;
      if (sum >= 0) {
        const swapped = ((total & 0xff) << 8) | (total >>> 8);
        halves[half + 1] = swapped;
        const folded = sum + swapped;
        halves[half + 5] = ~((folded & 0xffff) + (folded >>> 16));
      } else {
        const payload = total - 40;
        halves[half + 2] = ((payload & 0xff) << 8) | (payload >>> 8);
      }
      if (udp !== 0) {
        const rest = total - udp + 4;
        halves[half + (udp >> 1)] = ((rest & 0xff) << 8) | (rest >>> 8);
      }
    }
    if (packets > 0) {
      doubles[(record + RECORD.PACKETS) >> 1]! += packets;
      doubles[(record + RECORD.BYTES) >> 1]! += size;
    }
    words[LIST.MOST] = most;
    words[LIST.IS_ALIKE] = Number(differs === 0 && alike !== NONE);
    return end;
  }
}

/** A tag comes or goes behind the two addresses: these take its place, from word `w` on. */
function moveAddresses(frames: Int32Array, w: number, move: number): void {
  const from = w + move;
  const first = frames[from]!;
  const second = frames[from + 1]!;
  const third = frames[from + 2]!;
  const last = frames[from + 3]!;
  frames[w] = (frames[w]! & 0xffff) | (first & 0xffff0000);
  frames[w + 1] = second;
  frames[w + 2] = third;
  frames[w + 3] = (frames[w + 3]! & 0xffff0000) | (last & 0xffff);
}

/** hashSymmetric (softswitch/frame/hash.ts) of a frame by its key, which is IPv4 or IPv6. */
function hashSymmetricKey(keys: Int32Array, k: number, basis: number): number {
  const shape = keys[k + 5]!;
  const protocol = (shape >>> 16) & 0xff;
  let hash = hashAdd(basis, keys[k + 6]! ^ keys[k + 7]!);
  if (((shape >>> 24) & SHAPE.IPV6) !== 0) {
    for (let i = 0; i < 3; i++) hash = hashAdd(hash, keys[k + 13 + i]! ^ keys[k + 16 + i]!);
  }
  hash = hashAdd(hash, protocol);
  if (protocol === 6 || protocol === 17) {
    const ports = keys[k + 8]!;
    hash = hashAdd(hash, (ports ^ (ports >>> 16)) & 0xffff);
  }
  return hashFinish(hash, basis);
}
