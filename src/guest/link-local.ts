/** An IPv4 address of one's own choice when nobody gives one: 169.254.x.x (RFC 3927 section 2). */
import type { Clock } from '../base/clock.ts';
import { type Ipv4, ipv4FromNumber } from '../packet/address.ts';
import type { AddressBook } from './addresses.ts';

const FIRST = 0xa9fe0100; // 169.254.1.0: the first and the last 256 addresses are reserved
const COUNT = 0xfe00;
/** Conflicts after which choosing slows down, and the milliseconds between two choices then. */
export const MAX_CONFLICTS = 10;
export const RATE_LIMIT_INTERVAL = 60_000;

export class LinkLocal {
  readonly #addresses: AddressBook;
  readonly #clock: Clock;
  readonly #random: () => number;
  #address: Ipv4 | undefined;
  #conflicts = 0;
  #cancel: (() => void) | undefined;

  constructor(addresses: AddressBook, clock: Clock, random: () => number) {
    this.#addresses = addresses;
    this.#clock = clock;
    this.#random = random;
  }

  /** Without effect when there is an address, or one is being probed for. */
  start(): void {
    if (this.#address === undefined && this.#cancel === undefined) this.#choose();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#address !== undefined) this.#addresses.release(this.#address);
    this.#address = undefined;
    this.#conflicts = 0;
  }

  #choose(): void {
    this.#cancel = undefined;
    const address = ipv4FromNumber(FIRST + Math.floor(this.#random() * COUNT));
    this.#address = address;
    const lost = () => {
      this.#address = undefined;
      this.#conflicts += 1;
      const delay = this.#conflicts < MAX_CONFLICTS ? 0 : RATE_LIMIT_INTERVAL;
      this.#cancel = this.#clock.after(delay, () => this.#choose());
    };
    this.#addresses.claim({ address, prefixLength: 16 }, 'link-local', { probe: true, yields: true, lost });
  }
}
