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

/**
 * What attempts from an address are counted under. Whoever has an IPv6 address has all of its /64, and a fresh one for each
 * attempt (RFC 4291, 2.5.4); an IPv4 address is written in several ways.
 */
export function originOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !address.includes(':')) return mapped ?? address;
  const [left = '', right = ''] = address.toLowerCase().split('%')[0]!.split('::');
  const groups = (text: string) => (text === '' ? [] : text.split(':'));
  const zeros = 8 - groups(left).length - groups(right).length;
  const all = [...groups(left), ...Array<string>(Math.max(0, zeros)).fill('0'), ...groups(right)];
  return all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
