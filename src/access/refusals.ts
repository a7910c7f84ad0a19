/**
 * What was refused to whom: logins that failed, requests of somebody who may not, or who is nobody. For an administrator to
 * see that somebody tries. In memory, so it ends with the process; what was done stands in the journal.
 *
 * The same refusal over and over is one entry that is counted, so that whoever tries often does not push out the others.
 */
import type { Clock } from '../base/clock.ts';
import type { ErrorCode } from '../base/codes.ts';
import { originOf } from '../base/origin.ts';

/** The errors that say no to somebody. What is not seen is "not found", and a wrong name is the same: neither is here. */
const REFUSED: ReadonlySet<ErrorCode> = new Set([
  'token-missing',
  'login-failed',
  'throttled',
  'setup-refused',
  'forbidden',
  'field-forbidden',
  'origin-refused',
  'name-refused',
  // To agents.
  'join-refused',
  'certificate-refused',
  'host-forbidden',
  'host-duplicate',
]);

/** Entries that are kept; the one that happened longest ago makes room. */
const KEPT = 1000;

export interface Refusal {
  readonly code: ErrorCode;
  /** The user who asked, or whom somebody wanted to be: `red:ann`, `operator`. Undefined: nobody that there is. */
  readonly user: string | undefined;
  /** Address that it came from; of IPv6, the first half, which is one network. */
  readonly from: string;
  /** `POST /api/v1/login`; parameters by their names. */
  readonly request: string;
}

export interface RefusalView extends Refusal {
  readonly count: number;
  /** Wall-clock milliseconds. */
  readonly first: number;
  readonly last: number;
}

export class Refusals {
  readonly #clock: Clock;
  /** From that which happened longest ago to the latest. */
  readonly #kept = new Map<string, RefusalView>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes an error, if it is one that says no. */
  note({ code, user, from, request }: Refusal): void {
    if (!REFUSED.has(code)) return;
    const refusal = { code, user, from: originOf(from), request };
    const key = JSON.stringify(Object.values(refusal));
    const last = this.#clock.wall();
    const { count = 0, first = last } = this.#kept.get(key) ?? {};
    this.#kept.delete(key);
    this.#kept.set(key, { ...refusal, count: count + 1, first, last });
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT && oldest !== undefined) this.#kept.delete(oldest);
  }

  /** The latest first. */
  list(): RefusalView[] {
    return [...this.#kept.values()].reverse();
  }
}
