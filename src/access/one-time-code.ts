/**
 * One-time codes of a start: that with which the first administrator is made, and that of the link which logs the
 * operator's browser in. Each is good once, for a while, and for a few wrong tries.
 */
import type { Clock } from '../base/clock.ts';
import { finding, NetloomError } from '../base/error.ts';
import { hashSecret, makeSecret, sameSecret } from './credentials.ts';

/** How long a code is good. */
const CODE_MS = 30 * 60_000;
const TRIES = 5;

interface Made {
  readonly hash: string;
  readonly until: number;
  readonly tries: number;
}

export class OneTimeCode {
  readonly #clock: Clock;
  #made: Made | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A new code; the one before is good for nothing any more. */
  make(): string {
    const code = makeSecret();
    this.#made = { hash: hashSecret(code), until: this.#clock.now() + CODE_MS, tries: TRIES };
    return code;
  }

  /**
   * Uses the code up, at once, so that of many who bring it at the same time one is let through. The result makes it
   * good again, for when nothing came of it. Throws `setup-refused`.
   */
  take(code: string): () => void {
    const made = this.#made;
    if (!made || made.until <= this.#clock.now()) {
      this.#made = undefined;
      throw codeRefused();
    }
    if (!sameSecret(code, made.hash)) {
      this.#made = made.tries > 1 ? { ...made, tries: made.tries - 1 } : undefined;
      throw codeRefused();
    }
    this.#made = undefined;
    return () => {
      this.#made ??= made;
    };
  }
}

/** The same, whatever is wrong with the code. */
export function codeRefused(): NetloomError {
  return new NetloomError([
    finding(
      'setup-refused',
      'code',
      'The code is not good, or not any more.',
      'Start the server again for a new one, or use "netloom user create" on its machine.',
    ),
  ]);
}
