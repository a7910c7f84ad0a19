/**
 * A token bucket that polices: what does not fit is dropped, nothing is held back. With the meaning of
 * ingress_policing_rate and ingress_policing_burst of Open vSwitch (ovs-vswitchd.conf.db(5), table Interface).
 *
 * Over any time t it lets through `burst + rate × t` at most. A token is a bit, so a rate in kbit/s is one in tokens a
 * millisecond.
 */
import type { Policing } from '../../flow/bandwidth.ts';

/** What Open vSwitch takes for a burst of 0. */
const DEFAULT_BURST_KB = 8000;

export class TokenBucket {
  readonly #rate: number;
  readonly #size: number;
  #tokens: number;
  #filled: number;

  /** Full at the time `now`, in milliseconds. */
  constructor({ rateKbps, burstKb }: Policing, now: number) {
    this.#rate = rateKbps;
    this.#size = (burstKb || DEFAULT_BURST_KB) * 1000;
    this.#tokens = this.#size;
    this.#filled = now;
  }

  /** Takes the tokens for so many bytes; false, and none are taken, where there are too few. */
  take(bytes: number, now: number): boolean {
    if (now > this.#filled) {
      this.#tokens = Math.min(this.#size, this.#tokens + (now - this.#filled) * this.#rate);
      this.#filled = now;
    }
    const bits = bytes * 8;
    if (this.#tokens < bits) return false;
    this.#tokens -= bits;
    return true;
  }
}
