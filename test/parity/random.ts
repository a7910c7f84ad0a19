/** Chance that can be repeated: everything random in a run comes of its seed (xorshift128, Marsaglia 2003). */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  constructor(seed: number) {
    // Seeds that lie close together begin far apart.
    this.#a = mixed(seed);
    this.#b = mixed(this.#a + 1);
    this.#c = mixed(this.#b + 1);
    this.#d = mixed(this.#c + 1) | 1;
  }

  bits32(): number {
    const t = this.#a ^ (this.#a << 11);
    this.#a = this.#b;
    this.#b = this.#c;
    this.#c = this.#d;
    this.#d = (this.#d ^ (this.#d >>> 19) ^ t ^ (t >>> 8)) >>> 0;
    return this.#d;
  }

  /** 0..limit-1 */
  below(limit: number): number {
    return Math.floor((this.bits32() / 2 ** 32) * limit);
  }

  /** low..high, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True in `percent` of 100 cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(values: readonly [T, ...T[]] | readonly T[]): T {
    if (values.length === 0) throw new RangeError('nothing to pick from');
    return values[this.below(values.length)] as T;
  }

  /** Heavier ones more often. */
  weighted<T>(choices: readonly (readonly [weight: number, value: T])[]): T {
    let left = this.below(choices.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, value] of choices) {
      if (left < weight) return value;
      left -= weight;
    }
    throw new RangeError('nothing has a weight');
  }

  /** At most `count` of them, each once, in the order in which they stand. */
  some<T>(values: readonly T[], count: number): T[] {
    const left = [...values.keys()];
    const places: number[] = [];
    while (places.length < count && left.length > 0) places.push(...left.splice(this.below(left.length), 1));
    return places.sort((a, b) => a - b).map((place) => values[place] as T);
  }

  bits(count: number): bigint {
    let value = 0n;
    for (let i = 0; i < count; i += 32) value = (value << 32n) | BigInt(this.bits32());
    return value & ((1n << BigInt(count)) - 1n);
  }

  /** An independent one. */
  fork(): Random {
    return new Random(this.bits32());
  }
}

/** Every bit of the result depends on every bit of the value (MurmurHash3's finalizer). */
function mixed(value: number): number {
  let h = value >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
