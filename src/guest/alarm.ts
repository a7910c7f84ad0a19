import type { Clock } from '../base/clock.ts';

/** The longest that a timer of Node.js can run, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** The one thing that somebody waits for; waiting for another one gives it up. */
export class Alarm {
  readonly #clock: Clock;
  #cancel = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `run` in `delay` milliseconds, LONGEST_TIMER at most. */
  after(delay: number, run: () => void): void {
    this.#cancel();
    this.#cancel = this.#clock.after(delay, run);
  }

  /** Calls `run` when the clock shows `at`; never for Infinity. */
  until(at: number, run: () => void): void {
    this.#cancel();
    if (at === Infinity) return;
    const left = at - this.#clock.now();
    if (left > LONGEST_TIMER) this.after(LONGEST_TIMER, () => this.until(at, run));
    else this.after(left, run);
  }

  cancel(): void {
    this.#cancel();
  }
}
