/** Time as the shell sees it. The core never asks for the time; it is given one of these, or a plain `now`. */
export interface Clock {
  /** Monotonic milliseconds since some moment; for durations and timers. */
  now(): number;
  /** Wall-clock milliseconds since 1970; for what people read. */
  wall(): number;
  /** Calls `run` once, `delay` milliseconds from now. The result cancels it. */
  after(delay: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(delay, run) {
    const timer = setTimeout(run, delay);
    return () => clearTimeout(timer);
  },
};

/** A clock whose timers tell `onThrow` of what they throw, where it would otherwise end the program. */
export function guardedClock(clock: Clock, onThrow: (thrown: unknown) => void): Clock {
  return {
    now: () => clock.now(),
    wall: () => clock.wall(),
    after: (delay, run) =>
      clock.after(delay, () => {
        try {
          run();
        } catch (thrown) {
          onThrow(thrown);
        }
      }),
  };
}

interface Timer {
  readonly at: number;
  readonly sequence: number;
  readonly run: () => void;
}

/** Time that moves only when told to. Timers fire in order of due time, then of creation. */
export class FakeClock implements Clock {
  #now = 0;
  #sequence = 0;
  readonly #start: number;
  readonly #timers: Timer[] = [];

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#start = start;
  }

  now(): number {
    return this.#now;
  }

  wall(): number {
    return this.#start + this.#now;
  }

  after(delay: number, run: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, delay), sequence: this.#sequence++, run };
    this.#timers.push(timer);
    return () => {
      const index = this.#timers.indexOf(timer);
      if (index >= 0) this.#timers.splice(index, 1);
    };
  }

  /** When the next timer is due, or undefined without one. */
  next(): number | undefined {
    return this.#earliest()?.at;
  }

  /** Moves time forward by `ms`, firing every timer that falls due on the way. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let timer = this.#earliest(); timer && timer.at <= end; timer = this.#earliest()) {
      this.#timers.splice(this.#timers.indexOf(timer), 1);
      this.#now = timer.at;
      timer.run();
    }
    this.#now = end;
  }

  #earliest(): Timer | undefined {
    return this.#timers.reduce<Timer | undefined>(
      (best, t) => (!best || t.at < best.at || (t.at === best.at && t.sequence < best.sequence) ? t : best),
      undefined,
    );
  }
}
