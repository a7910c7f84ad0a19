/**
 * Real time that can jump: durations are measured as they are, and when a lab has nothing left to do but wait, it warps
 * to the next timer. So a round trip takes the time it takes, and a ping without an answer does not hold anyone up.
 */
import type { Clock } from '../base/clock.ts';

interface Timer {
  readonly at: number;
  readonly sequence: number;
  readonly run: () => void;
}

export class WarpClock implements Clock {
  readonly #real: Clock;
  /** Milliseconds that were skipped so far. */
  #skipped = 0;
  #sequence = 0;
  /** Sorted by due time, then by creation. */
  readonly #timers: Timer[] = [];

  constructor(real: Clock) {
    this.#real = real;
  }

  now(): number {
    return this.#real.now() + this.#skipped;
  }

  wall(): number {
    return this.#real.wall() + this.#skipped;
  }

  after(delay: number, run: () => void): () => void {
    const timer: Timer = { at: this.now() + Math.max(0, delay), sequence: this.#sequence++, run };
    let index = this.#timers.length;
    while (index > 0 && this.#timers[index - 1]!.at > timer.at) index--;
    this.#timers.splice(index, 0, timer);
    return () => {
      const at = this.#timers.indexOf(timer);
      if (at >= 0) this.#timers.splice(at, 1);
    };
  }

  /** Jumps to the next timer, if it is due within `limit` milliseconds, and fires it. False when there is none. */
  warp(limit = Number.POSITIVE_INFINITY): boolean {
    const timer = this.#timers[0];
    if (!timer || timer.at - this.now() > limit) return false;
    this.#timers.shift();
    this.#skipped += Math.max(0, timer.at - this.now());
    timer.run();
    return true;
  }
}
