/**
 * Sessions of people: 256 random bits in a cookie, and here, in memory, what they stand for. Only hashes are kept, so
 * that a copy of the memory opens no session. They end with the process, when nobody used them for a while, and after
 * half a day.
 */
import { randomBytes } from 'node:crypto';
import { hashSecret, makeSecret } from './credentials.ts';

export const IDLE_MS = 15 * 60_000;
export const ABSOLUTE_MS = 12 * 3_600_000;

/** Of one user; the one that was used longest ago makes room. */
const PER_USER = 20;

export interface Session {
  /** Names the session to its owner; opens nothing. */
  readonly id: string;
  /** Key of the user, `red:ann`; undefined: the local operator. */
  readonly user: string | undefined;
  /** Where it was opened from: an address. */
  readonly from: string;
  /** Wall-clock milliseconds, for people. */
  readonly opened: number;
}

interface Held extends Session {
  readonly begun: number;
  used: number;
}

export class Sessions {
  /** By the hash of the secret. */
  readonly #held = new Map<string, Held>();

  /** A new session, always with a secret of its own: whatever the browser had before means nothing any more. */
  open(
    user: string | undefined,
    from: string,
    now: number,
    wall: number,
  ): { session: Session; secret: string } {
    this.#sweep(now);
    const own = [...this.#held]
      .filter(([, held]) => held.user === user)
      .sort(([, a], [, b]) => a.used - b.used);
    for (const [hash] of own.slice(0, Math.max(0, own.length - PER_USER + 1))) this.#held.delete(hash);
    const secret = makeSecret();
    const session = { id: randomBytes(8).toString('hex'), user, from, opened: wall };
    this.#held.set(hashSecret(secret), { ...session, begun: now, used: now });
    return { session, secret };
  }

  /** The session of a secret, which is used by that; undefined when it ended, or never was. */
  use(secret: string, now: number): Session | undefined {
    const hash = hashSecret(secret);
    const held = this.#held.get(hash);
    if (!held || !isAlive(held, now)) {
      this.#held.delete(hash);
      return undefined;
    }
    held.used = now;
    return held;
  }

  list(now: number): Session[] {
    this.#sweep(now);
    return [...this.#held.values()].map(({ id, user, from, opened }) => ({ id, user, from, opened }));
  }

  /** Ends those that are meant; says how many there were. */
  end(which: (session: Session) => boolean): number {
    const ended = [...this.#held].filter(([, held]) => which(held));
    for (const [hash] of ended) this.#held.delete(hash);
    return ended.length;
  }

  #sweep(now: number): void {
    for (const [hash, held] of this.#held) if (!isAlive(held, now)) this.#held.delete(hash);
  }
}

function isAlive({ begun, used }: Held, now: number): boolean {
  return now - used < IDLE_MS && now - begun < ABSOLUTE_MS;
}
