/**
 * A host of a lab: softswitches as its engine, its NICs cabled to the physical networks, the host's own stack behind
 * internal ports, and virtual machines behind the others.
 *
 *     machine --tap-- | switch | --uplink-- NIC --cable-- physical network
 *     host stack -----|        |
 *           `-- tunnel underlay: what the tunnel port sends leaves by the provider interface like any packet
 */
import type { Engine } from '../agent/engine.ts';
import type { Clock } from '../base/clock.ts';
import { entryOf } from '../base/map.ts';
import type { Datapath, PortSpec } from '../flow/datapath.ts';
import { delegateTo } from '../flow/delegate.ts';
import { GuestNic } from '../guest/nic.ts';
import { INSTANT_TIMING } from '../guest/probe.ts';
import { mac } from '../packet/address.ts';
import type { SoftSwitch } from '../softswitch/switch.ts';
import { wokenSwitch } from '../softswitch/woken-switch.ts';
import type { NicFact } from '../stream/report.ts';
import type { Cable, PhysicalFabric } from './physical.ts';

export interface SoftHostOptions {
  readonly host: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly physical: PhysicalFabric;
  /** The physical network that a NIC is cabled to. */
  readonly networkOf: (nic: string) => string | undefined;
  /** The NICs of the machine, all with a link. */
  readonly nics: () => readonly NicFact[];
  /** A frame on a cable between the host and a physical network. */
  readonly onWire?: (nic: string, frame: Uint8Array) => void;
  /** A switch is there, and nothing has gone through it yet. */
  readonly onSwitch?: (name: string, soft: SoftSwitch) => void;
  /** A frame between the host's own stack and the switch, by the id of the internal port. */
  readonly onStack?: (id: string, direction: 'from' | 'to', frame: Uint8Array) => void;
}

/** A machine's end of its virtual cable. */
export interface Tap {
  send(frame: Uint8Array): void;
}

/** The two ends of a tap, each there or not yet. */
interface TapEnds {
  deliver?: (frame: Uint8Array) => void;
  receive?: (frame: Uint8Array) => void;
  /** Of the port: it has a link while a machine is plugged in. */
  setLink?: (up: boolean) => void;
}

/** What is wired to one port of the engine; undone when the port goes. */
interface Wiring {
  readonly spec: PortSpec;
  readonly undo: (() => void)[];
}

/** The link of a UDP tunnel may leave the checksum out over IPv6 (RFC 6935). */
const TUNNEL_PORTS = [4789, 6081];

export class SoftHost implements Engine {
  readonly #options: SoftHostOptions;
  readonly #switches = new Map<string, SoftSwitch>();
  readonly #wiring = new Map<string, Wiring>();
  readonly #stacks = new Map<string, GuestNic>();
  /** Internal port id -> the switch's end of it. */
  readonly #ends = new Map<string, (frame: Uint8Array) => void>();
  readonly #cables = new Map<string, Cable>();
  /** Sets the link at both ends of a cable. */
  readonly #links = new Map<string, (up: boolean) => void>();
  /** NICs that are not as they are described. */
  readonly #altered = new Map<string, Partial<NicFact>>();
  /** vNIC id -> where frames from the switch go, and the port's own end while it exists. */
  readonly #taps = new Map<string, TapEnds>();

  constructor(options: SoftHostOptions) {
    this.#options = options;
  }

  get host(): string {
    return this.#options.host;
  }

  get switches(): ReadonlyMap<string, SoftSwitch> {
    return this.#switches;
  }

  /** The host's own stack behind an internal port, by the port's id. */
  stack(id: string): GuestNic | undefined {
    return this.#stacks.get(id);
  }

  cable(nic: string): Cable | undefined {
    return this.#cables.get(nic);
  }

  /** Connects a machine's NIC to the port with this vNIC id, which may come later or go and come back. */
  plug(id: string, deliver: (frame: Uint8Array) => void): Tap {
    const tap = entryOf(this.#taps, id, (): TapEnds => ({}));
    tap.deliver = deliver;
    tap.setLink?.(true);
    return { send: (frame) => tap.receive?.(frame) };
  }

  unplug(id: string): void {
    const tap = this.#taps.get(id);
    if (!tap) return;
    tap.setLink?.(false);
    delete tap.deliver;
  }

  async openSwitch(name: string): Promise<Datapath> {
    const { clock } = this.#options;
    const soft = wokenSwitch(clock, `host/${this.host}/${name}`);
    this.#switches.set(name, soft);
    this.#options.onSwitch?.(name, soft);
    return delegateTo(soft, {
      setPort: async (spec) => {
        const number = await soft.setPort(spec);
        await this.#wire(soft, spec);
        return number;
      },
      removePort: async (port) => {
        this.#unwire(port);
        await soft.removePort(port);
      },
    });
  }

  async removeSwitch(name: string): Promise<void> {
    const soft = this.#switches.get(name);
    if (!soft) return;
    for (const port of (await soft.ports()).keys()) this.#unwire(port);
    await soft.close();
    this.#switches.delete(name);
  }

  async switchNames(): Promise<readonly string[]> {
    return [...this.#switches.keys()];
  }

  async about(): Promise<string> {
    return 'softswitch';
  }

  /** As the host's description has them; their links, and what else was made otherwise by hand, as they are. */
  async nics(): Promise<readonly NicFact[]> {
    return this.#options.nics().map((nic) => ({ ...nic, ...this.#altered.get(nic.name) }));
  }

  /** Makes a NIC another one than the description says, or pulls its cable out (`link: false`). */
  alterNic(name: string, alteration: Partial<NicFact>): void {
    this.#altered.set(name, { ...this.#altered.get(name), ...alteration });
    if (alteration.link !== undefined) this.#links.get(name)?.(alteration.link);
  }

  async close(): Promise<void> {
    for (const name of [...this.#switches.keys()]) await this.removeSwitch(name);
  }

  async #wire(soft: SoftSwitch, spec: PortSpec): Promise<void> {
    this.#unwire(spec.name);
    const undo: (() => void)[] = [];
    this.#wiring.set(spec.name, { spec, undo });
    switch (spec.type) {
      case 'vif': {
        const tap = entryOf(this.#taps, spec.id, (): TapEnds => ({}));
        const end = soft.attach(spec.name, undefined, (frame) => tap.deliver?.(frame));
        tap.receive = (frame) => end.receive(frame);
        tap.setLink = (up) => end.setLink(up);
        if (!tap.deliver) end.setLink(false);
        undo.push(() => {
          delete tap.receive;
          delete tap.setLink;
          end.detach();
        });
        break;
      }
      case 'internal': {
        const stack = this.#stack(spec);
        const end = soft.attach(spec.name, undefined, (frame) => {
          this.#options.onStack?.(spec.id, 'to', frame);
          stack.receive(frame);
        });
        this.#ends.set(spec.id, (frame) => end.receive(frame));
        undo.push(() => {
          end.detach();
          this.#ends.delete(spec.id);
          this.#stacks.delete(spec.id);
          stack.close();
        });
        break;
      }
      case 'uplink':
        for (const nic of spec.nics) undo.push(await this.#cable(soft, spec, nic));
        break;
      case 'tunnel':
        undo.push(this.#underlay(soft, spec));
        break;
    }
  }

  #unwire(port: string): void {
    for (const step of this.#wiring.get(port)?.undo.reverse() ?? []) step();
    this.#wiring.delete(port);
  }

  #stack(spec: Extract<PortSpec, { type: 'internal' }>): GuestNic {
    const { clock, random, host, onStack } = this.#options;
    const stack = new GuestNic({
      name: `${host}/${spec.id}`,
      mac: mac(spec.mac),
      clock,
      random,
      send: (frame) => {
        onStack?.(spec.id, 'from', frame);
        this.#ends.get(spec.id)?.(frame);
      },
      probing: INSTANT_TIMING,
      zeroChecksumPorts: TUNNEL_PORTS,
      ...(spec.mtu === undefined ? {} : { mtu: spec.mtu }),
    });
    for (const address of spec.addresses ?? []) stack.configure(address);
    this.#stacks.set(spec.id, stack);
    return stack;
  }

  async #cable(soft: SoftSwitch, spec: PortSpec & { type: 'uplink' }, nic: string): Promise<() => void> {
    const { physical, networkOf, host, onWire } = this.#options;
    const network = networkOf(nic);
    if (network === undefined) return () => {};
    // The switch at the other end speaks LACP where the host does.
    const team = spec.lacp === 'off' ? undefined : `${host}/${spec.name}`;
    const deliver = (frame: Uint8Array) => {
      onWire?.(nic, frame);
      end.receive(frame);
    };
    const cable = await physical.plug(network, `${host}/${nic}`, deliver, team);
    const end = soft.attach(spec.name, nic, (frame) => {
      onWire?.(nic, frame);
      cable.send(frame);
    });
    this.#cables.set(nic, cable);
    this.#links.set(nic, (up) => {
      cable.setLink(up);
      end.setLink(up);
    });
    if (this.#altered.get(nic)?.link === false) this.#links.get(nic)?.(false);
    return () => {
      end.detach();
      this.#cables.delete(nic);
      this.#links.delete(nic);
      void cable.unplug();
    };
  }

  /** The tunnel sends and receives through the interface that bears its local address. */
  #underlay(soft: SoftSwitch, spec: Extract<PortSpec, { type: 'tunnel' }>): () => void {
    const bearer = () =>
      [...this.#stacks.values()].find((stack) => stack.addresses.some((own) => own.address === spec.local));
    const end = soft.attachUnderlay(spec.name, {
      send: (packet, destination) => bearer()?.sendPacket(packet, destination),
    });
    bearer()?.onPacket((packet) => end.receive(packet.bytes));
    return () => {};
  }
}
