/** For tests: a wire that joins network interfaces and keeps what passed, and interfaces on it. */
import { FakeClock } from '../base/clock.ts';
import { type Mac, macFromNumber } from '../packet/address.ts';
import { type Layers, parseFrame } from '../packet/parse.ts';
import { GuestNic, type GuestNicSettings } from './nic.ts';
import type { PingOptions, PingReport } from './ping.ts';

/** Delivers each frame to all others, within the call or `delay` later. `lose` may take frames away. */
export class Hub {
  readonly clock = new FakeClock();
  readonly frames: Uint8Array[] = [];
  /** Milliseconds. */
  delay = 0;
  lose: (frame: Uint8Array, from: number) => boolean = () => false;
  readonly #taps: ((frame: Uint8Array) => void)[] = [];

  /** Joins the wire; the result sends to the others. */
  join(receive: (frame: Uint8Array) => void): (frame: Uint8Array) => void {
    const index = this.#taps.push(receive) - 1;
    return (frame) => {
      this.frames.push(frame);
      if (this.lose(frame, index)) return;
      const deliver = () => {
        this.#taps.forEach((tap, i) => {
          if (i !== index) tap(frame);
        });
      };
      if (this.delay > 0) this.clock.after(this.delay, deliver);
      else deliver();
    };
  }

  /** An interface on the wire; number n has the MAC address 02:00:00:00:00:n. */
  nic(n: number, more: Partial<GuestNicSettings> = {}): GuestNic {
    const send = this.join((frame) => nic.receive(frame));
    const nic: GuestNic = new GuestNic({
      name: `guest${n}`,
      mac: macOf(n),
      clock: this.clock,
      random: randomFrom(n),
      send,
      ...more,
    });
    return nic;
  }

  /** What passed since the last call. */
  passed(): readonly Layers[] {
    return this.frames.splice(0).map((frame) => parseFrame(frame));
  }
}

export function macOf(n: number): Mac {
  return macFromNumber(0x020000000000 + n);
}

/** A generator of numbers 0 <= x < 1 that starts anywhere (xorshift32; Marsaglia, "Xorshift RNGs", 2003). */
function randomFrom(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

/** Pings and lets the time pass that it takes. */
export function pingNow(
  hub: Hub,
  from: GuestNic,
  to: Parameters<GuestNic['ping']>[0],
  options: PingOptions = {},
): PingReport {
  let report: PingReport | undefined;
  from.ping(to, options, (r) => {
    report = r;
  });
  const { count = 1, interval = 1000, timeout = 1000 } = options;
  if (!report) hub.clock.advance(count * interval + timeout);
  if (!report) throw new Error('the ping did not end in its time');
  return report;
}
