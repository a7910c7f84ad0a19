/**
 * The capacity of a link, shared by those who send there: hierarchical token buckets that police.
 *
 *     link  --capacity-->  excess  --by weight-->  share of each sender
 *                            ^                          |
 *              what minimums use, is not there          v
 *     minimum of a sender  ------------------------> frame, if the maximum of the sender allows it
 *
 * A frame takes from the minimum of its sender, or from its share where the minimum has too little left. The excess is
 * dealt out every millisecond, to the shares that are not full: who sends less than his due has a full share and leaves
 * the rest to the others. So, over any time t, with `hold` for what a share holds at most:
 *
 *     a sender that offers its minimum gets it
 *     a sender gets at most  maximum × t + hold
 *     senders i, j who always want more get  x_i / weight_i = x_j / weight_j  of the excess, give or take hold / weight
 *     all together get at most  capacity × t + (number of senders) × 2 hold, and no less while they want it
 *
 * Tokens are bits, times milliseconds, rates kbit/s: bits a millisecond.
 */
import type { Bandwidth } from '../../flow/bandwidth.ts';

/** How often the excess is dealt out. */
const TICK_MS = 1;
/** A share holds what the link carries in so many milliseconds, and any frame in any case. */
const HOLD_MS = 2;
const LONGEST_FRAME = 65_536 * 8;
/** A weight of 0 gets next to nothing while others want something. */
const LEAST_WEIGHT = 0.001;

export class LinkShare {
  #capacity = 0;
  #hold = 0;
  /** Port number -> its place in the arrays below, -1 = none. */
  #places = new Int32Array(0);
  #ports: readonly number[] = [];
  #minimum = new Float64Array(0);
  #maximum = new Float64Array(0);
  #weight = new Float64Array(0);
  /** Tokens of the minimum, of the share, and of the maximum. */
  #own = new Float64Array(0);
  #share = new Float64Array(0);
  #ceiling = new Float64Array(0);
  #filled = new Float64Array(0);
  /** What has not been dealt out, or, below 0, what minimums took before it was there. */
  #excess = 0;
  #dealt: number;

  /** `now` in milliseconds. Nobody sends there before `configure`. */
  constructor(now: number) {
    this.#dealt = now;
  }

  /** Who sends there, by port number. Who stays keeps what it has; who comes begins with full buckets. */
  configure(capacityKbps: number, senders: ReadonlyMap<number, Bandwidth>, now: number): void {
    const [places, own, share, ceiling, filled] = [
      this.#places,
      this.#own,
      this.#share,
      this.#ceiling,
      this.#filled,
    ];
    this.#capacity = capacityKbps;
    this.#hold = holdOf(capacityKbps);
    this.#ports = [...senders.keys()];
    this.#places = new Int32Array(Math.max(-1, ...this.#ports) + 1).fill(-1);
    const column = (value: (bandwidth: Bandwidth, old: number) => number) =>
      Float64Array.from(senders, ([port, bandwidth]) => value(bandwidth, places[port] ?? -1));
    const kept = (tokens: Float64Array) =>
      column((_, old) => Math.min(this.#hold, tokens[old] ?? this.#hold));
    for (const [i, port] of this.#ports.entries()) this.#places[port] = i;
    this.#minimum = column(({ minimumKbps = 0 }) => minimumKbps);
    this.#maximum = column(({ maximumKbps = capacityKbps }) => maximumKbps);
    this.#weight = column(({ weight = 1 }) => weight || LEAST_WEIGHT);
    this.#own = column(({ minimumKbps = 0 }, old) => (minimumKbps > 0 ? (own[old] ?? this.#hold) : 0));
    this.#share = kept(share);
    this.#ceiling = kept(ceiling);
    this.#filled = column((_, old) => filled[old] ?? now);
  }

  /** Takes the tokens for a frame of so many bytes that came in by this port; false: it is too much. */
  take(port: number, bytes: number, now: number): boolean {
    const i = this.#places[port] ?? -1;
    if (i < 0) return true;
    this.#fill(i, now);
    const bits = bytes * 8;
    if (this.#ceiling[i]! < bits) return false;
    if (this.#own[i]! >= bits) {
      this.#own[i]! -= bits;
      this.#excess -= bits;
    } else {
      if (now - this.#dealt >= TICK_MS) this.#deal(now);
      if (this.#share[i]! < bits) return false;
      this.#share[i]! -= bits;
    }
    this.#ceiling[i]! -= bits;
    return true;
  }

  #fill(i: number, now: number): void {
    const time = now - this.#filled[i]!;
    if (time <= 0) return;
    this.#filled[i] = now;
    this.#own[i] = Math.min(this.#hold, this.#own[i]! + time * this.#minimum[i]!);
    this.#ceiling[i] = Math.min(this.#hold, this.#ceiling[i]! + time * this.#maximum[i]!);
  }

  /** Deals the excess out by weight, again and again among those whose share is not full yet. */
  #deal(now: number): void {
    this.#excess += (now - this.#dealt) * this.#capacity;
    this.#dealt = now;
    const { length } = this.#ports;
    for (let round = 0; round < length && this.#excess > 0; round++) {
      let weights = 0;
      for (let i = 0; i < length; i++) if (this.#share[i]! < this.#hold) weights += this.#weight[i]!;
      if (weights === 0) break;
      const each = this.#excess / weights;
      for (let i = 0; i < length; i++) {
        const room = this.#hold - this.#share[i]!;
        if (room <= 0) continue;
        const due = each * this.#weight[i]!;
        // Not a sum: a full share is exactly full.
        this.#share[i] = due >= room ? this.#hold : this.#share[i]! + due;
        this.#excess -= Math.min(room, due);
      }
    }
    // What nobody has room for is gone.
    this.#excess = Math.min(this.#excess, 0);
  }
}

function holdOf(capacityKbps: number): number {
  return Math.max(LONGEST_FRAME, capacityKbps * HOLD_MS);
}
