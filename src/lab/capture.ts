/** Keeps the frames of a lab for a pcapng file: an interface for each cable, physical and virtual. */
import type { Clock } from '../base/clock.ts';
import { PcapngWriter } from '../packet/pcapng.ts';
import type { FramePlace } from './fabric.ts';

export class Capture {
  readonly #clock: Clock;
  readonly #writer = new PcapngWriter();
  readonly #interfaces = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  onFrame(place: FramePlace, frame: Uint8Array): void {
    // What passes an internal port is on the wire as well, or on another virtual cable.
    if (place.type === 'stack') return;
    const name = place.type === 'vnic' ? place.port.name : `${place.host}/${place.nic}`;
    let number = this.#interfaces.get(name);
    if (number === undefined) {
      number = this.#writer.interface(name);
      this.#interfaces.set(name, number);
    }
    this.#writer.packet(number, nanoseconds(this.#clock.wall()), frame);
  }

  finish(): Uint8Array {
    return this.#writer.finish();
  }
}

/** Whole milliseconds apart from the rest: together they would not fit a double. */
function nanoseconds(milliseconds: number): bigint {
  const whole = Math.floor(milliseconds);
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((milliseconds - whole) * 1e6));
}
