/**
 * Makes guessing slow: after a few failures, an account, or an address that the attempts come from, has to wait before
 * the next attempt is looked at, twice as long each time. Pure: the time is passed in, monotonic milliseconds.
 */

export interface ThrottleOptions {
  /** Failures that cost nothing. */
  readonly free: number;
  /** The first wait, and the longest, in milliseconds. */
  readonly first: number;
  readonly longest: number;
}

interface Failures {
  readonly count: number;
  /** Until when nothing is looked at. */
  readonly until: number;
}

/** Names that are remembered; the one that failed longest ago is forgotten first. */
const REMEMBERED = 10_000;

export class Throttle {
  readonly #options: ThrottleOptions;
  readonly #failures = new Map<string, Failures>();

  constructor(options: ThrottleOptions) {
    this.#options = options;
  }

  /** Milliseconds to wait before an attempt under this name is looked at; 0: now. */
  wait(name: string, now: number): number {
    return Math.max(0, (this.#failures.get(name)?.until ?? 0) - now);
  }

  /** Counted before the attempt is looked at, so that attempts at the same time do not slip through together. */
  attempt(name: string, now: number): void {
    const { free, first, longest } = this.#options;
    const before = this.#failures.get(name);
    // Whoever was quiet for as long as the longest wait begins anew.
    const count = before && now - before.until < longest ? before.count + 1 : 1;
    const delay = count <= free ? 0 : Math.min(longest, first * 2 ** Math.min(count - free - 1, 30));
    this.#failures.delete(name);
    this.#failures.set(name, { count, until: now + delay });
    for (const oldest of this.#failures.keys()) {
      if (this.#failures.size <= REMEMBERED) break;
      this.#failures.delete(oldest);
    }
  }

  succeeded(name: string): void {
    this.#failures.delete(name);
  }
}
