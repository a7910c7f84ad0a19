/** What the ports half knows of its host: what is wanted on each switch, and the rows of the database. */
import type { Clock } from '../../base/clock.ts';
import { finding, NetloomError } from '../../base/error.ts';
import type { RunTool } from '../../base/run-tool.ts';
import type { PortSpec } from '../../flow/datapath.ts';
import type { FlowExport } from '../../flow/flow-export.ts';
import type { Mirror } from '../../flow/mirror.ts';
import type { Database } from '../ovsdb/client.ts';
import type { Row } from '../ovsdb/columns.ts';
import type { Operation } from '../ovsdb/operations.ts';
import { AddressBook } from './addresses/book.ts';
import { type Bindings, bindingsOf, type WantedVif } from './binding.ts';
import { flowExportOf } from './export-rows.ts';
import { writtenMirrors } from './mirror-rows.ts';
import { MARK } from './names.ts';
import { isNumberFor, numberFor } from './numbers.ts';
import { fixedPorts } from './reading.ts';
import { registeredVif, registeredVifs } from './registry.ts';
import { type Surroundings, specOf } from './spec-rows.ts';
import { View } from './view.ts';

export interface HostStateOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** `system`: the datapath of the kernel; `netdev`: the one in userspace. */
  readonly datapathType: 'system' | 'netdev';
  /** NICs are used by AF_XDP on the userspace datapath, where this Open vSwitch has it and the NIC takes it. Default true. */
  readonly afXdp?: boolean;
  /** Runs `ip`; default: as a program of the machine, in the network namespace of this process. */
  readonly run?: RunTool;
}

export interface WantedPortSpec {
  readonly number: number;
  readonly spec: PortSpec;
}

/** A logical switch that is there. */
interface KnownSwitch {
  readonly name: string;
  readonly ports: Map<string, WantedPortSpec>;
  mirrors: readonly Mirror[];
  flowExport: FlowExport | undefined;
}

/** Interface:type of a NIC that is served by AF_XDP, by the main thread. */
export const AF_XDP = 'afxdp-nonpmd';
const COMMENT = 'netloom: ports';
/** Milliseconds from a device to its being set up, with room to spare: hypervisors take one or two. */
export const SETTLING = 300;

export class HostState {
  readonly database: Database;
  readonly datapathType: 'system' | 'netdev';
  readonly book: AddressBook;
  /** By the name of the bridge. */
  readonly switches = new Map<string, KnownSwitch>();
  /** Where a vNIC was asked for last: while it goes from one switch to another, both have it. */
  readonly latest = new Map<string, string>();
  /** NICs that Open vSwitch could not open with AF_XDP. */
  readonly notByXdp = new Set<string>();
  /** Interfaces whose device has just come -> when. */
  readonly #fresh = new Map<string, number>();
  readonly clock: Clock;
  readonly #afXdp: boolean;

  constructor({ database, clock, datapathType, afXdp = true, run }: HostStateOptions) {
    this.database = database;
    this.clock = clock;
    this.datapathType = datapathType;
    this.#afXdp = afXdp;
    this.book = new AddressBook(run);
    const view = this.view();
    for (const bridge of this.bridges(view)) this.adopt(view, bridge);
    for (const each of view.interfaces.values()) {
      if (each.external_ids.get(MARK.xdp) === 'no') this.notByXdp.add(each.name);
      const id = each.external_ids.get(MARK.ifaceId);
      const port = view.portOf(each);
      const bridge = port?.external_ids.has(MARK.port) ? view.bridgeOf(port)?.name : undefined;
      if (id !== undefined && bridge !== undefined) this.latest.set(id, bridge);
    }
  }

  /** The device of an interface has come, or another one of its name. */
  noticeDevice(name: string): void {
    this.#fresh.set(name, this.clock.now());
  }

  /** The interface is gone. */
  forgetDevice(name: string): void {
    this.#fresh.delete(name);
  }

  /**
   * Whether somebody is likely to be setting the device up at this moment. Who moves a port then may take it down: Open vSwitch
   * closes the device and writes back the flags that it remembers, which are those of before (lib/netdev-linux.c, update_flags).
   */
  isSettling({ name, admin_state }: Pick<Row<'Interface'>, 'name' | 'admin_state'>): boolean {
    const since = this.#fresh.get(name);
    if (since === undefined) return false;
    if (admin_state !== 'up' && this.clock.now() - since < SETTLING) return true;
    this.#fresh.delete(name);
    return false;
  }

  view(): View {
    return new View(this.database);
  }

  /** Bridges of logical switches. */
  bridges(view: View): readonly Row<'Bridge'>[] {
    return [...view.bridges.values()].filter((bridge) => bridge.external_ids.has(MARK.switch));
  }

  /** Takes what is on a bridge for what is wanted there, until somebody says otherwise. */
  adopt(view: View, bridge: Row<'Bridge'>): void {
    const name = bridge.external_ids.get(MARK.switch) ?? '';
    const mirrors = writtenMirrors(view.mirrorsOf(bridge));
    const seen = flowExportOf(view, bridge);
    // What somebody changed beyond our words cannot be written again.
    const flowExport = seen?.sampling === 0 ? undefined : seen;
    this.switches.set(bridge.name, { name, ports: this.portsIn(view, bridge), mirrors, flowExport });
  }

  /** The ports that are written down for a bridge, with vNICs that have no tap. */
  portsIn(view: View, bridge: Row<'Bridge'>): Map<string, WantedPortSpec> {
    const ports = new Map<string, WantedPortSpec>(registeredVifs(bridge));
    for (const [name, port] of fixedPorts(view, bridge)) {
      const present = view.present(port);
      const spec = specOf(present);
      const number = present.interfaces[0]?.ofport_request;
      if (spec && number) ports.set(name, { number, spec });
    }
    return ports;
  }

  /** Nothing is wanted on this bridge any more. */
  forget(bridge: string): void {
    this.switches.delete(bridge);
    for (const [id, at] of this.latest) if (at === bridge) this.latest.delete(id);
  }

  /** Throws `not-found` where the switch is not open. */
  switch(bridge: string): KnownSwitch {
    const known = this.switches.get(bridge);
    if (known) return known;
    throw gone(bridge);
  }

  /** Throws `not-found` where somebody took the bridge away. */
  row(view: View, bridge: string): Row<'Bridge'> {
    const row = view.bridges.get(bridge);
    if (row) return row;
    throw gone(this.switches.get(bridge)?.name ?? bridge);
  }

  /** All ports that are wanted, on all switches. */
  *ports(): Generator<WantedPortSpec> {
    for (const { ports } of this.switches.values()) yield* ports.values();
  }

  /** Which tap is which vNIC's, as things are. */
  bindings(view: View): Bindings {
    const vifs = new Map<string, WantedVif>();
    for (const [bridge, { ports }] of this.switches) {
      for (const { number, spec } of ports.values()) {
        if (spec.type !== 'vif') continue;
        const isElsewhere = vifs.has(spec.id) && this.latest.get(spec.id) !== bridge;
        if (!isElsewhere) vifs.set(spec.id, { bridge, number, spec });
      }
    }
    return bindingsOf(view, vifs.values(), new Set(this.switches.keys()));
  }

  /** The number that a port has had, on whatever switch, or has in its row already, or a new one. */
  numberOf({ type, name }: PortSpec): number {
    const taken = new Set<number>();
    for (const { ports } of this.switches.values()) {
      const before = ports.get(name);
      if (before) return before.number;
      for (const { number } of ports.values()) taken.add(number);
    }
    const written = this.#writtenNumber(name);
    if (written !== undefined && isNumberFor(type, written) && !taken.has(written)) return written;
    for (const { ofport, ofport_request } of this.database.rows('Interface').values()) {
      if (ofport !== null) taken.add(ofport);
      if (ofport_request !== null) taken.add(ofport_request);
    }
    const number = numberFor({ type, name }, (each) => taken.has(each));
    if (number !== undefined) return number;
    throw new NetloomError([
      finding('port-invalid', name, 'The host has no port number left.', 'Move machines to other hosts.'),
    ]);
  }

  /** Of a port whose row was written when nobody could say so any more: the switch, or the database, was silent. */
  #writtenNumber(name: string): number | undefined {
    const view = this.view();
    const port = view.ports.get(name);
    if (port?.external_ids.get(MARK.port) === name)
      return view.interfacesOf(port)[0]?.ofport_request ?? undefined;
    const [vif] = this.bridges(view).flatMap((bridge) => registeredVif(bridge, name) ?? []);
    return vif?.number;
  }

  /** What rows depend on besides the spec. */
  around(): Surroundings {
    const { iface_types = [] } = this.view().root ?? {};
    const isXdp = this.#afXdp && this.datapathType === 'netdev' && iface_types.includes(AF_XDP);
    return {
      datapathType: this.datapathType,
      nicUse: (nic) => {
        const isRefused = this.notByXdp.has(nic);
        return {
          type: isXdp && !isRefused ? AF_XDP : '',
          external_ids: { [MARK.xdp]: isXdp && isRefused ? 'no' : undefined },
        };
      },
    };
  }

  /** Writes it, and does not wait for the switch. */
  async transact(operations: readonly Operation[]): Promise<void> {
    if (operations.length > 0) await this.database.transact(operations, { comment: COMMENT });
  }

  /** Writes it, and settles when the switch has done it. */
  async configure(operations: readonly Operation[]): Promise<void> {
    if (operations.length > 0) await this.database.configure(operations, { comment: COMMENT });
  }
}

function gone(name: string): NetloomError {
  return new NetloomError([
    finding('not-found', name, 'The virtual switch is gone.', 'It is made again by the next repair.'),
  ]);
}
