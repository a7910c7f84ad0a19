/**
 * The first level of the cache: from the hash of a frame's whole key to the number of the megaflow that such a frame
 * was in the last time. It is a hint only. Whoever takes it looks whether that megaflow has the frame, and whatever
 * megaflow has it is right, so nothing here needs to be found when a megaflow goes, and two flows with one hash do no
 * harm (Open vSwitch calls this a signature match cache; lib/dpif-netdev.c).
 *
 * Eight hints are a bucket, which is one cache line (BUCKET in kernel/layout.ts): 8 bytes a flow, so that a million
 * flows are 16 MB.
 *
 * Whoever brings many flows does not push out the others: where a bucket is full, the hint of the port which holds most
 * of the table goes, and if that port holds fewer than the newcomer's, the newcomer stays out. Ports are told apart by
 * eight bits of the number of where the frame came in.
 */
import { BUCKET } from '../kernel/layout.ts';

const WAYS = BUCKET.WAYS;
const FIRST_CAPACITY = 64;
const ID_MASK = (1 << BUCKET.PORT_SHIFT) - 1;

export class HintTable {
  readonly #limit: number;
  readonly #isLive: (id: number) => boolean;
  #words: Int32Array = new Int32Array(0);
  /** Where the first bucket begins. */
  #at = 0;
  /** Hints that it has room for, and those that are there. */
  #capacity = 0;
  #used = 0;
  /** Memory of fixed size for all of them, once there is a kernel. */
  #isFixed = false;
  /** Hints by port. */
  readonly #held = new Int32Array(256);

  /** `limit`: hints, a power of two, at least 64. `isLive`: whether there is a megaflow of this number. */
  constructor(limit: number, isLive: (id: number) => boolean) {
    this.#limit = limit;
    this.#isLive = isLive;
  }

  /** Buckets, less one; -1 before the first hint. */
  get mask(): number {
    return this.#capacity / WAYS - 1;
  }

  /** A number, to be looked at, or -1. */
  find(hash: number): number {
    if (this.#capacity === 0) return -1;
    const words = this.#words;
    const bucket = this.#bucket(hash);
    for (let way = bucket; way < bucket + WAYS; way++) {
      if (words[way] === hash) return words[way + WAYS]! & ID_MASK;
    }
    return -1;
  }

  insert(hash: number, id: number, ingress: number): void {
    if (this.#used * 8 >= this.#capacity * 3 && this.#capacity < this.#limit) {
      this.#resize(Math.max(FIRST_CAPACITY, this.#capacity * 2));
    }
    this.#put(hash, id, ingress & 0xff);
  }

  /** From now on the hints stand in this memory, which has room for all of them. */
  moveTo(words: Int32Array, at: number): void {
    const old = this.#entries();
    this.#words = words;
    this.#at = at;
    this.#isFixed = true;
    this.#fill(Math.max(FIRST_CAPACITY, this.#capacity), old);
  }

  #bucket(hash: number): number {
    return this.#at + ((hash & (this.#capacity / WAYS - 1)) << BUCKET.SHIFT);
  }

  #put(hash: number, id: number, port: number): void {
    const words = this.#words;
    const bucket = this.#bucket(hash);
    let victim = -1;
    let most = this.#held[port]! - 1;
    // Who looks for it begins at the way that the hash says.
    for (let i = 0; i < WAYS; i++) {
      const way = bucket + (((hash >>> 29) + i) & (WAYS - 1));
      const held = words[way]!;
      const value = words[way + WAYS]!;
      if (held === 0 || held === hash || !this.#isLive(value & ID_MASK)) {
        victim = way;
        break;
      }
      const share = this.#held[value >>> BUCKET.PORT_SHIFT]!;
      if (share > most) {
        most = share;
        victim = way;
      }
    }
    if (victim < 0) return;
    if (words[victim] === 0) this.#used++;
    else this.#held[words[victim + WAYS]! >>> BUCKET.PORT_SHIFT]!--;
    this.#held[port]!++;
    words[victim] = hash;
    words[victim + WAYS] = id | (port << BUCKET.PORT_SHIFT);
  }

  #resize(capacity: number): void {
    const old = this.#entries();
    if (!this.#isFixed) this.#words = new Int32Array(2 * capacity);
    this.#fill(capacity, old);
  }

  #entries(): Int32Array {
    return this.#words.slice(this.#at, this.#at + 2 * this.#capacity);
  }

  /** Hints of megaflows that have gone are left behind. */
  #fill(capacity: number, old: Int32Array): void {
    this.#capacity = capacity;
    this.#used = 0;
    this.#held.fill(0);
    this.#words.fill(0, this.#at, this.#at + 2 * capacity);
    for (let bucket = 0; bucket < old.length; bucket += 1 << BUCKET.SHIFT) {
      for (let way = bucket; way < bucket + WAYS; way++) {
        const value = old[way + WAYS]!;
        if (old[way] !== 0 && this.#isLive(value & ID_MASK)) {
          this.#put(old[way]!, value & ID_MASK, value >>> BUCKET.PORT_SHIFT);
        }
      }
    }
  }
}
