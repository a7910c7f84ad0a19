/**
 * The ports of a switch: which there are, what is plugged into them, and what it takes to send a frame by one.
 */
import { finding, NetloomError, throwIfErrors } from '../../base/error.ts';
import { entryOf } from '../../base/map.ts';
import type { PortSpec } from '../../flow/datapath.ts';
import { portFindings } from '../../flow/port-findings.ts';
import { FIRST_RESERVED_PORT } from '../../flow/values.ts';
import type { IpAddress } from '../../packet/address.ts';
import { type LimitListener, newPortLimit, PortLimits } from '../bandwidth/port-limits.ts';
import type { FrameBatch } from '../batch.ts';
import type { MacTable } from '../bridge/mac-learning.ts';
import type { Mirrors } from '../bridge/mirrors.ts';
import type { BridgePort } from '../bridge/normal.ts';
import { NO_VLAN } from '../bridge/vlan-modes.ts';
import type { Outlet } from '../cache/recipe.ts';
import type { Effect, EnginePorts, Sent } from '../engine/engine-parts.ts';
import type { Packet } from '../frame/packet.ts';
import type { Admission } from '../team/bond.ts';
import { type TeamOptions, Teams } from '../team/teams.ts';
import { encapsulate, type Underlay } from '../tunnel/tunnel.ts';
import { type Cable, close, outletOf, type Port, tunnelOf, unplugAll } from './port.ts';
import { counted, countedBatch, newTally, type Tally } from './tally.ts';

export class PortTable implements EnginePorts {
  readonly #macs: MacTable;
  readonly #mirrors: Mirrors;
  readonly #onChange: () => void;
  readonly #teams: Teams;
  readonly #onWake: () => void;
  readonly limits: PortLimits<Port>;
  readonly #byName = new Map<string, Port>();
  readonly #byNumber = new Map<number, Port>();
  #nextNumber = 1;
  #nextIngress = 0;

  /**
   * `onChange` is called before anything changes, `onLimit` for each frame that was too much. Addresses that were learnt
   * on a port go with it.
   */
  constructor(
    macs: MacTable,
    mirrors: Mirrors,
    onChange: () => void,
    options: TeamOptions & { readonly onLimit: LimitListener },
  ) {
    this.#teams = new Teams(options, macs, onChange);
    this.#onWake = options.onWake;
    this.limits = new PortLimits(() => this.all(), options.now, options.onLimit);
    this.#macs = macs;
    this.#mirrors = mirrors;
    this.#onChange = onChange;
  }

  // ------------------------------------------------------------------------------------------- what there is

  get(number: number): Port | undefined {
    return this.#byNumber.get(number);
  }

  /** Throws NetloomError (not-found). */
  named(name: string): Port {
    const port = this.#byName.get(name);
    if (port) return port;
    throw new NetloomError([finding('not-found', name, `There is no port ${name}.`, 'Add it with setPort.')]);
  }

  /** Whether the port is one still. */
  has(port: Port): boolean {
    return this.#byNumber.get(port.number) === port;
  }

  all(): Iterable<Port> {
    return this.#byNumber.values();
  }

  name(number: number): string {
    return this.#byNumber.get(number)?.spec.name ?? String(number);
  }

  numbers(): readonly number[] {
    return [...this.#byNumber.keys()];
  }

  *bridgePorts(): Iterable<BridgePort> {
    for (const port of this.#byNumber.values()) yield this.asBridgePort(port, 'accept');
  }

  bridgePort(number: number): BridgePort | undefined {
    const port = this.#byNumber.get(number);
    return port && this.asBridgePort(port, 'accept');
  }

  /** The port as NORMAL sees it; `admission`: what its team says about a frame that came in. */
  asBridgePort({ number, spec, team }: Port, admission: Admission): BridgePort {
    const vlan = spec.type === 'tunnel' ? NO_VLAN : spec.vlan;
    const { name } = spec;
    const isMirrorOutput = !this.#mirrors.isEmpty && this.#mirrors.of(name).isOutput;
    return { number, name, vlan, admission, isTeam: team?.isTeam === true, isMirrorOutput };
  }

  // ----------------------------------------------------------------------------------------- what changes it

  /** Adds or changes a port. Throws NetloomError (port-invalid), and nothing has changed. */
  set(spec: PortSpec): Port {
    throwIfErrors(
      portFindings(
        spec,
        [...this.#byName.values()].map((port) => port.spec),
      ),
    );
    this.#onChange();
    const old = this.#byName.get(spec.name);
    const port = old ?? this.#add(spec);
    if (old && old.spec.type !== spec.type) unplugAll(old);
    // Addresses were learnt in the VLANs that the port had.
    if (old && JSON.stringify(old.spec) !== JSON.stringify(spec)) this.#macs.removePort(old.number);
    const before = old?.spec;
    port.spec = spec;
    port.team = spec.type === 'uplink' ? this.#teams.configured(spec, port) : undefined;
    port.tunnel = spec.type === 'tunnel' ? tunnelOf(spec) : undefined;
    if (spec.type === 'uplink') {
      for (const cable of port.cables.values()) if (!spec.nics.includes(cable.nic)) close(cable);
    }
    this.limits.changed(port, before);
    if (port.team) this.#onWake();
    return port;
  }

  remove(name: string): void {
    const port = this.#byName.get(name);
    if (!port) return;
    this.#onChange();
    this.#byName.delete(name);
    this.#byNumber.delete(port.number);
    this.#macs.removePort(port.number);
    unplugAll(port);
    if (port.team) this.#onWake();
    this.limits.changed(port, port.spec);
  }

  /** Throws NetloomError where there is no such place (not-found), or something is there already (in-use). */
  plug(
    name: string,
    nic: string | undefined,
    deliver: (frame: Uint8Array) => void,
    deliverBatch: ((batch: FrameBatch) => void) | undefined,
  ): Cable {
    const port = this.named(name);
    const { spec } = port;
    const takes = spec.type === 'uplink' ? nic !== undefined && spec.nics.includes(nic) : nic === undefined;
    if (spec.type === 'tunnel' || !takes) {
      const remedy = 'Name a NIC of an uplink, and no NIC for a vif or an internal port.';
      throw new NetloomError([
        finding('not-found', name, `Port ${name} has no place ${nic ?? '(none)'}.`, remedy),
      ]);
    }
    const place = nic ?? '';
    if (port.cables.has(place)) {
      throw new NetloomError([
        finding('in-use', name, `Something is attached to ${name} ${place} already.`, 'Detach it first.'),
      ]);
    }
    this.#onChange();
    const ingress = this.#nextIngress++;
    const tally = entryOf(port.tallies, place, newTally);
    const outlet =
      spec.type === 'uplink'
        ? this.#limitedOutlet(port, tally, deliver, deliverBatch)
        : outletOf(counted(tally.sent, deliver), countedBatch(tally.sent, deliverBatch));
    const cable: Cable = { port, nic: place, tally, ingress, up: true, ...outlet };
    port.cables.set(place, cable);
    this.#setLink(port, place, true);
    return cable;
  }

  unplug(cable: Cable): void {
    this.#onChange();
    close(cable);
    this.#setLink(cable.port, cable.nic, false);
  }

  setLink(cable: Cable, up: boolean): void {
    this.#onChange();
    cable.up = up;
    this.#setLink(cable.port, cable.nic, up);
  }

  #setLink({ team }: Port, nic: string, up: boolean): void {
    if (team) this.#teams.setLink(team, nic, up);
  }

  /** Puts a network below a tunnel. Throws NetloomError (not-found). */
  connect(name: string, underlay: Underlay): Port {
    const port = this.named(name);
    if (!port.tunnel) {
      throw new NetloomError([
        finding('not-found', name, `Port ${name} is no tunnel.`, 'Name a tunnel port.'),
      ]);
    }
    this.#onChange();
    port.underlay = underlay;
    port.underlayOutlet = this.#limitedOutlet(
      port,
      entryOf(port.tallies, '', newTally),
      (packet, destination) => underlay.send(packet, destination!),
      underlay.sendBatch && ((batch) => underlay.sendBatch?.(batch)),
    );
    return port;
  }

  #add(spec: PortSpec): Port {
    while (this.#byNumber.has(this.#nextNumber)) this.#nextNumber = nextNumber(this.#nextNumber);
    const number = this.#nextNumber;
    this.#nextNumber = nextNumber(number);
    const port: Port = {
      number,
      ingress: this.#nextIngress++,
      spec,
      cables: new Map(),
      team: undefined,
      tunnel: undefined,
      underlay: undefined,
      underlayOutlet: undefined,
      tunnelDrops: new Map(),
      limit: newPortLimit(),
      tallies: new Map(),
    };
    this.#byName.set(spec.name, port);
    this.#byNumber.set(number, port);
    return port;
  }

  /** Whether a frame could leave by the port: it is there, and there is a link. */
  isLive(number: number): boolean {
    const port = this.#byNumber.get(number);
    if (!port) return false;
    if (port.tunnel) return port.underlay !== undefined;
    if (port.team) return port.team.active !== undefined;
    return [...port.cables.values()].some((cable) => cable.up);
  }

  /** Of an uplink or a tunnel. */
  #limitedOutlet(
    port: Port,
    { sent }: Tally,
    deliver: (frame: Uint8Array, destination: IpAddress | undefined) => void,
    deliverBatch: ((batch: FrameBatch) => void) | undefined,
  ): Outlet {
    const { limits } = this;
    const deliverAll = countedBatch(sent, deliverBatch);
    return outletOf(
      limits.limited(port, counted(sent, deliver)),
      deliverAll && limits.limitedBatch(port, deliverAll),
    );
  }

  // ------------------------------------------------------------------------------------------------- teams

  /** A team hears what its partner says. */
  hear({ port, nic }: Cable, frame: Uint8Array): void {
    if (port.team) this.#teams.hear(port.team, nic, frame);
  }

  /** What teams have to say now. */
  teamFrames(): readonly Extract<Effect, { type: 'send' }>[] {
    return this.#teams.frames(this.#byNumber.values());
  }

  /** When `teamFrames` has to be asked again, in milliseconds of `now`; a time that is over: at once. */
  get nextWake(): number {
    return this.#teams.nextWake(this.#byNumber.values());
  }

  // --------------------------------------------------------------------------------------------- sending by it

  send(packet: Packet, number: number): Sent {
    const port = this.#byNumber.get(number);
    if (!port) return { drop: 'no-such-port' };
    if (port.tunnel) {
      const made = encapsulate(port.tunnel, packet);
      if ('drop' in made) return made;
      if (!port.underlay) return { drop: 'link-down' };
      return { type: 'tunnel', port: number, ...made, inner: packet.share() };
    }
    if (port.team?.isBalanced) packet.trail?.lookAtHeaders();
    const nic = port.team?.choose(packet.key);
    if (port.team && nic === undefined) return { drop: port.team.whyNone };
    if (port.cables.get(nic ?? '')?.up !== true) return { drop: 'link-down' };
    return { type: 'send', port: number, nic, frame: packet.share() };
  }
}

function nextNumber(number: number): number {
  return number + 1 < FIRST_RESERVED_PORT ? number + 1 : 1;
}
