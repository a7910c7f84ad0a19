/**
 * For tests: a lab without guests. The test sends frames as the machines, and as a station on a physical network, and is
 * told who hears them and with which tag.
 */
import type { Clock } from '../base/clock.ts';
import type { ModelObject } from '../model/kinds.ts';
import type { Mac } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import type { Layer } from '../packet/layer.ts';
import { parseFrame } from '../packet/parse.ts';
import { Lab } from './lab.ts';
import type { Machine } from './machine.ts';
import type { Cable } from './physical.ts';
import type { Tap } from './soft-host.ts';

const OUTSIDE = 'outside';

export class RawLab {
  readonly lab: Lab;
  readonly #taps = new Map<string, Tap>();
  readonly #heard: { readonly who: string; readonly frame: Uint8Array }[] = [];

  private constructor(lab: Lab) {
    this.lab = lab;
  }

  /** With the station `outside` on that physical network. With a `clock`, time is as the test has it move. */
  static async open(
    objects: readonly ModelObject[],
    physicalNetwork: string,
    clock?: Clock,
  ): Promise<RawLab> {
    const lab = await Lab.open({ objects, ...(clock ? { time: 'real', clock } : {}) });
    // Guests that wait for an address would wait for ever where time stands still.
    if (!clock) await lab.ready();
    const raw = new RawLab(lab);
    raw.takeOver();
    const cable: Cable = await lab.fabric.physical.plug(physicalNetwork, OUTSIDE, (bytes) =>
      raw.#heard.push({ who: OUTSIDE, frame: bytes }),
    );
    raw.#taps.set(OUTSIDE, cable);
    return raw;
  }

  /** What guests would hear and say is the test's, from now on. To be said again when machines have changed. */
  takeOver(): void {
    for (const machine of this.lab.fabric.machines.values()) this.#takeOver(machine);
  }

  get machines(): readonly string[] {
    return [...this.lab.fabric.machines.values()].map(nameOf);
  }

  macOf(machine: string): Mac {
    return this.#machine(machine).port.mac;
  }

  /** Who hears the frame, sorted: `staff2`, with a tag `router 20`, and with a priority `router 20p5`. */
  send(from: string, ...layers: Layer[]): string[] {
    return this.sendFrame(from, frame(...layers)).map(({ who, frame: bytes }) => {
      const tags = parseFrame(bytes).vlans.map(({ vid, pcp }) => ` ${vid}${pcp > 0 ? `p${pcp}` : ''}`);
      return `${who}${tags.join('')}`;
    });
  }

  /** The frames that somebody hears, sorted by who it is. */
  sendFrame(from: string, bytes: Uint8Array): { readonly who: string; readonly frame: Uint8Array }[] {
    this.#heard.length = 0;
    this.#taps.get(from)!.send(bytes);
    return [...this.#heard].sort((a, b) => (a.who < b.who ? -1 : 1));
  }

  close(): Promise<void> {
    return this.lab.close();
  }

  #machine(name: string): Machine {
    const machine = [...this.lab.fabric.machines.values()].find((m) => nameOf(m) === name);
    if (!machine) throw new Error(`there is no machine ${name}`);
    return machine;
  }

  #takeOver(machine: Machine): void {
    const who = nameOf(machine);
    const host = this.lab.fabric.hosts.get(machine.host)!.soft;
    this.#taps.set(
      who,
      host.plug(machine.port.id, (bytes) => this.#heard.push({ who, frame: bytes })),
    );
  }
}

/** A machine with one vNIC is called by its own name. */
function nameOf({ port }: Machine): string {
  return port.name.replace('/eth0', '');
}
