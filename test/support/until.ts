/** Waiting in a test for what comes about elsewhere: a program, a switch, a machine. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Waits for what `holds` says; throws with `what` after `seconds`. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  seconds = 20,
): Promise<void> {
  for (const limit = Date.now() + seconds * 1000; !(await holds()); await sleep(20))
    if (Date.now() > limit) throw new Error(`after ${seconds} s: not ${what}`);
}
