/** A softswitch with something at the other end of its ports, for tests. */
import { FakeClock } from '../../src/base/clock.ts';
import type { PortSpec } from '../../src/flow/datapath.ts';
import { parseFlow } from '../../src/flow/parse.ts';
import { toHex } from '../../src/packet/bytes.ts';
import type { SwitchEvent } from '../../src/softswitch/events.ts';
import { type Attachment, SoftSwitch } from '../../src/softswitch/switch.ts';

export class Rig {
  readonly clock = new FakeClock();
  readonly datapath: SoftSwitch;
  readonly events: SwitchEvent[] = [];
  readonly #plugs = new Map<string, Attachment>();
  readonly #taken = new Map<string, Uint8Array[]>();

  constructor(options: { readonly cache?: false } = {}) {
    this.datapath = new SoftSwitch({ now: () => this.clock.now(), ...options });
  }

  /** Everything that happens goes to `events` from now on. */
  watch(): this {
    this.datapath.observe((event) => this.events.push(event));
    return this;
  }

  async port(spec: PortSpec): Promise<number> {
    const number = await this.datapath.setPort(spec);
    if (spec.type === 'uplink') for (const nic of spec.nics) this.plug(spec.name, nic);
    else if (spec.type !== 'tunnel') this.plug(spec.name);
    return number;
  }

  /** Flows in ovs-ofctl's language. */
  async flows(...texts: readonly string[]): Promise<void> {
    await this.datapath.applyFlows({ add: texts.map(parseFlow), remove: [] });
  }

  plug(port: string, nic?: string): Attachment {
    const place = nic ?? port;
    const attachment = this.datapath.attach(port, nic, (frame) => {
      this.#taken.set(place, [...(this.#taken.get(place) ?? []), frame]);
    });
    this.#plugs.set(place, attachment);
    return attachment;
  }

  /** `place` is a port, or a NIC of an uplink. */
  at(place: string): Attachment {
    const attachment = this.#plugs.get(place);
    if (!attachment) throw new RangeError(`nothing is plugged into ${place}`);
    return attachment;
  }

  inject(place: string, frame: Uint8Array): void {
    this.at(place).receive(frame);
  }

  /** What came out since the last call. */
  taken(place: string): readonly Uint8Array[] {
    const frames = this.#taken.get(place) ?? [];
    this.#taken.delete(place);
    return frames;
  }

  hex(place: string): readonly string[] {
    return this.taken(place).map((frame) => toHex(frame));
  }

  /** Reasons of the drops that were seen since the last call, in order. */
  drops(): readonly string[] {
    const reasons = this.events.flatMap((event) => (event.type === 'drop' ? [event.reason] : []));
    this.events.length = 0;
    return reasons;
  }
}
