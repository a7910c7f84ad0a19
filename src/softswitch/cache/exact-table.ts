/**
 * The first level: the whole key of a frame -> the megaflow that it is in. One entry is 64 bytes, a cache line:
 *
 *     words 0..12 the key    13 the megaflow    14 its stamp, 0 = free    15 not used
 *
 * A frame may stand in any of eight entries from where its hash points to. An entry whose megaflow has gone carries a
 * stamp that is no longer that of the megaflow, so nothing needs to be searched when a megaflow goes.
 *
 * Whoever brings many flows does not push out the others: where all eight entries are taken, that of the port which
 * holds most of the table goes, and if that port holds fewer than the newcomer's, the newcomer stays out.
 */
import { FRAME_KEY, type FrameKey } from './frame-key.ts';

const ENTRY = { ID: FRAME_KEY.NARROW, STAMP: FRAME_KEY.NARROW + 1, SIZE: 16, SHIFT: 4 } as const;
const WAYS = 8;
const FIRST_CAPACITY = 64;

export class ExactTable {
  readonly #limit: number;
  #words = new Int32Array(0);
  #mask = -1;
  #used = 0;
  /** Entries by where their frames came in. */
  readonly #held = new Map<number, number>();

  /** `limit`: entries, a power of two. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The number of the megaflow, or -1. `stamps`: of megaflows by their number. */
  find(key: FrameKey, stamps: Int32Array): number {
    const words = this.#words;
    if (words.length === 0) return -1;
    let entry = hashOf(key) & this.#mask;
    for (let i = 0; i < WAYS; i++) {
      const at = entry << ENTRY.SHIFT;
      const stamp = words[at + ENTRY.STAMP]!;
      if (stamp === 0) return -1;
      if (isAt(words, at, key)) {
        const id = words[at + ENTRY.ID]!;
        return stamps[id] === stamp ? id : -1;
      }
      entry = (entry + 1) & this.#mask;
    }
    return -1;
  }

  insert(key: FrameKey, id: number, stamps: Int32Array): void {
    if (this.#used * 2 >= this.#words.length >> ENTRY.SHIFT) this.#grow(stamps);
    this.#put(key, id, stamps);
  }

  #put(key: FrameKey, id: number, stamps: Int32Array): void {
    const words = this.#words;
    const first = hashOf(key) & this.#mask;
    const own = this.#held.get(key[0]!) ?? 0;
    let victim = -1;
    let most = own - 1;
    for (let i = 0; i < WAYS; i++) {
      const at = ((first + i) & this.#mask) << ENTRY.SHIFT;
      const stamp = words[at + ENTRY.STAMP]!;
      if (stamp === 0 || stamps[words[at + ENTRY.ID]!] !== stamp || isAt(words, at, key)) {
        victim = at;
        break;
      }
      const held = this.#held.get(words[at]!) ?? 0;
      if (held > most) {
        most = held;
        victim = at;
      }
    }
    if (victim < 0) return;
    if (words[victim + ENTRY.STAMP] === 0) this.#used++;
    else this.#count(words[victim]!, -1);
    this.#count(key[0]!, 1);
    for (let i = 0; i < FRAME_KEY.NARROW; i++) words[victim + i] = key[i]!;
    words[victim + ENTRY.ID] = id;
    words[victim + ENTRY.STAMP] = stamps[id]!;
  }

  #count(port: number, by: number): void {
    const held = (this.#held.get(port) ?? 0) + by;
    if (held > 0) this.#held.set(port, held);
    else this.#held.delete(port);
  }

  /** Entries whose megaflow has gone are left behind. */
  #grow(stamps: Int32Array): void {
    const old = this.#words;
    const capacity = old.length >> ENTRY.SHIFT;
    if (capacity >= this.#limit) return;
    this.#words = new Int32Array((capacity === 0 ? FIRST_CAPACITY : capacity * 2) << ENTRY.SHIFT);
    this.#mask = (this.#words.length >> ENTRY.SHIFT) - 1;
    this.#used = 0;
    this.#held.clear();
    for (let at = 0; at < old.length; at += ENTRY.SIZE) {
      const id = old[at + ENTRY.ID]!;
      const stamp = old[at + ENTRY.STAMP]!;
      if (stamp !== 0 && stamps[id] === stamp) this.#put(old.subarray(at, at + FRAME_KEY.NARROW), id, stamps);
    }
  }
}

function isAt(words: Int32Array, at: number, key: FrameKey): boolean {
  return (
    words[at + 6] === key[6] &&
    words[at + 8] === key[8] &&
    words[at + 7] === key[7] &&
    words[at] === key[0] &&
    words[at + 1] === key[1] &&
    words[at + 2] === key[2] &&
    words[at + 3] === key[3] &&
    words[at + 4] === key[4] &&
    words[at + 5] === key[5] &&
    words[at + 9] === key[9] &&
    words[at + 10] === key[10] &&
    words[at + 11] === key[11] &&
    words[at + 12] === key[12]
  );
}

/** Two sums side by side, which a processor computes at the same time. */
function hashOf(key: FrameKey): number {
  let a = Math.imul(key[6]! ^ (key[6]! >>> 16), 0x85ebca6b) ^ key[1]!;
  let b = Math.imul(key[7]! ^ key[0]!, 0xc2b2ae35) ^ key[2]!;
  a = Math.imul((a ^ (a >>> 15) ^ key[8]!) | 0, 0x27d4eb2f) ^ key[3]! ^ key[10]!;
  b = Math.imul((b ^ (b >>> 13) ^ key[5]!) | 0, 0x165667b1) ^ key[4]! ^ key[9]!;
  a = Math.imul(a ^ (a >>> 16) ^ key[11]! ^ (b >>> 7), 0x9e3779b1) ^ b ^ key[12]!;
  return a ^ (a >>> 15);
}
