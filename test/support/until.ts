/** Waiting in a test for what comes about elsewhere: a program, a switch, a machine. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Patience {
  /** Default: 60. Nothing that works takes as long, so the limit says nothing of how fast it has to be. */
  readonly seconds?: number;
  /** Ends the waiting with the signal's reason: that of a test, so that nothing of it runs on when its time is over. */
  readonly signal?: AbortSignal | undefined;
}

/** What there is, as opposed to what is still waited for. */
export type Found<T> = Exclude<T, false | undefined>;

/** Looks until there is something other than undefined or false, which is the answer. Throws with `what` when it is late. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  patience: Patience = {},
): Promise<Found<T>> {
  const found = await untilIsSo(what, look, (value) => value !== undefined && value !== false, patience);
  return found as Found<T>;
}

/** The same for a value that is there all the time and becomes right; the error says what it was last. */
export async function untilIsSo<T>(
  what: string,
  look: () => T | Promise<T>,
  isSo: (value: T) => boolean,
  { seconds = 60, signal }: Patience = {},
): Promise<T> {
  for (const end = performance.now() + seconds * 1000; ; await sleep(20, undefined, { signal })) {
    signal?.throwIfAborted();
    const value = await look();
    if (isSo(value)) return value;
    if (performance.now() > end) throw new Error(`after ${seconds} s: not ${what}${shown(value)}`);
  }
}

function shown(value: unknown): string {
  return value === undefined || typeof value === 'boolean' ? '' : `, but ${JSON.stringify(value)}`;
}
