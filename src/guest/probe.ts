/**
 * Probing for an address before it is used: by ARP (RFC 5227 section 2.1), or by neighbour solicitation (RFC 4862
 * section 5.4) with the same timing.
 */
import type { Clock } from '../base/clock.ts';

/** Milliseconds, and a count. */
export interface ProbeTiming {
  /** The first probe leaves within this time, at random. */
  readonly wait: number;
  readonly probes: number;
  /** Between two probes, at random from..to. */
  readonly between: readonly [from: number, to: number];
  /** From the last probe until the address is used. */
  readonly settle: number;
}

/** The times of RFC 5227 section 1.1. An address is usable after 4 to 7 seconds. */
export const RFC_5227_TIMING: ProbeTiming = { wait: 1000, probes: 3, between: [1000, 2000], settle: 2000 };

/** One probe and no waiting: for wires that deliver within the call, where an answer is there when `send` returns. */
export const INSTANT_TIMING: ProbeTiming = { wait: 0, probes: 1, between: [0, 0], settle: 0 };

/** Milliseconds between the two announcements of a new address (RFC 5227: ANNOUNCE_INTERVAL). */
export const ANNOUNCE_INTERVAL = 2000;

export interface ProbeEnvironment {
  readonly clock: Clock;
  /** 0 <= random() < 1 */
  readonly random: () => number;
  readonly timing: ProbeTiming;
}

/** Sends the probes, then calls `done`. The result stops it: that is what a conflict does. */
export function startProbing(env: ProbeEnvironment, send: () => void, done: () => void): () => void {
  const { clock, random, timing } = env;
  const [from, to] = timing.between;
  let left = timing.probes;
  let cancel = clock.after(random() * timing.wait, step);
  function step(): void {
    if (left === 0) {
      done();
      return;
    }
    left -= 1;
    // The timer first: the answer may come, and stop us, within `send`.
    cancel = clock.after(left === 0 ? timing.settle : from + random() * (to - from), step);
    send();
  }
  return () => cancel();
}
