/** Watches everything that happens to frames in a lab while something runs in it: the raw material of the walk. */

import type { SwitchEvent } from '../softswitch/events.ts';
import type { Fabric, FramePlace } from './fabric.ts';

export type TraceEvent =
  /** `host` is undefined for the switch of a physical network. */
  | {
      readonly at: 'switch';
      readonly host: string | undefined;
      readonly name: string;
      readonly event: SwitchEvent;
    }
  | { readonly at: 'cable'; readonly place: FramePlace; readonly frame: Uint8Array };

/** Frames are copied: a switch may write on them afterwards. */
export class Tracer {
  readonly #fabric: Fabric;
  #events: TraceEvent[] | undefined;

  constructor(fabric: Fabric) {
    this.#fabric = fabric;
  }

  /** To be told of each frame on a cable. */
  onFrame(place: FramePlace, frame: Uint8Array): void {
    this.#events?.push({ at: 'cable', place, frame: frame.slice() });
  }

  /** What happens while `run` runs. One at a time. */
  async record(run: () => Promise<void>): Promise<readonly TraceEvent[]> {
    const events: TraceEvent[] = [];
    this.#events = events;
    const stop = this.#fabric.observe((host, name, event) =>
      events.push({ at: 'switch', host, name, event }),
    );
    try {
      await run();
    } finally {
      this.#events = undefined;
      stop();
    }
    return events;
  }
}
