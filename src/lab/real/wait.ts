/** Waiting for something that comes about elsewhere. */
import { setTimeout as sleep } from 'node:timers/promises';
import { finding, NetloomError } from '../../base/error.ts';

/** Milliseconds between two looks. */
const EVERY_MS = 50;

/**
 * Looks until there is something other than undefined or false, which is the answer. Throws `lab-failed` with `what`, which
 * says what did not happen, after `limit` milliseconds.
 */
export async function until<T>(
  what: string | (() => string),
  look: () => T | undefined | false | Promise<T | undefined | false>,
  limit = 30_000,
): Promise<T> {
  for (const deadline = performance.now() + limit; ; await sleep(EVERY_MS)) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw late(typeof what === 'string' ? what : what());
  }
}

function late(what: string): NetloomError {
  return new NetloomError([
    finding(
      'lab-failed',
      '',
      what,
      'Look into the logs in the directory of the lab; "netloom lab status" says where it is.',
    ),
  ]);
}
