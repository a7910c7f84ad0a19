/**
 * A virtual switch in this process: ports, flows and the engine, behind the same contract as Open vSwitch
 * (flow/datapath.ts).
 *
 *     const sw = new SoftSwitch({ now: () => clock.now() });
 *     await sw.setPort({ type: 'vif', name: 'vnic1', id: '…', vlan: { mode: 'trunk', trunks: [] } });
 *     const vnic1 = sw.attach('vnic1', undefined, (frame) => guest.receive(frame));
 *     vnic1.receive(frame);
 *
 * Frames are values: whoever hands one in does not change it afterwards, nor does whoever gets one. A frame that
 * comes in while another is on its way waits in a queue, so a guest may answer from within `deliver`.
 */
import { type Finding, finding, NetloomError, throwIfErrors } from '../base/error.ts';
import { actionFindings, flowFindings } from '../flow/check.ts';
import type { Datapath, FlowChange, FlowStats, PacketIn, PortSpec, PortVlan } from '../flow/datapath.ts';
import { FIELD_NAMES, type FieldName, fullMask } from '../flow/fields.ts';
import type { Action, Masked, Match } from '../flow/flow.ts';
import { flowKey } from '../flow/same.ts';
import { FIRST_RESERVED_PORT } from '../flow/values.ts';
import { ip, ipToBigint, isIpv4, parseIp, parseMac } from '../packet/address.ts';
import { type Admission, Team } from './bond.ts';
import { type Arrival, type Effect, type EnginePorts, Run } from './engine.ts';
import type { DecapsulationDrop, DropReason, Observer } from './events.ts';
import { type FlowKey, isVisible, readField, WORD } from './key.ts';
import { isGroup, MacTable } from './mac-learning.ts';
import { type BridgePort, NO_VLAN } from './normal.ts';
import { Packet } from './packet.ts';
import { FlowTable, newRule, type Rule } from './table.ts';
import { decapsulate, encapsulate, type Tunnel, type Underlay } from './tunnel.ts';

/** Frames that may wait while others are on their way. */
const QUEUE_LIMIT = 65_536;
/** Frames that may come of one before it counts as going round in a circle. */
const CHAIN_LIMIT = 100_000;
/** A packet-out belongs to no flow (OpenFlow 1.3, 7.4.1). */
const NO_COOKIE = 0xffff_ffff_ffff_ffffn;

export interface Attachment {
  /** A frame comes in from the other end. */
  receive(frame: Uint8Array): void;
  /** The link is up from the start. */
  setLink(up: boolean): void;
  /** Nothing goes either way any more. */
  detach(): void;
}

interface Cable {
  readonly deliver: (frame: Uint8Array) => void;
  up: boolean;
}

interface Port {
  readonly number: number;
  spec: PortSpec;
  /** What is attached, by NIC; a port that is not an uplink has one, under ''. */
  readonly cables: Map<string, Cable>;
  /** Of an uplink. */
  team: Team | undefined;
  /** Of a tunnel. */
  tunnel: Tunnel | undefined;
  underlay: Underlay | undefined;
  readonly tunnelDrops: Map<DecapsulationDrop, bigint>;
}

type Job =
  | { readonly type: 'frame'; readonly port: Port; readonly nic: string; readonly frame: Uint8Array }
  | { readonly type: 'tunnel'; readonly port: Port; readonly outer: Uint8Array }
  | {
      readonly type: 'packet-out';
      readonly inPort: number;
      readonly frame: Uint8Array;
      readonly actions: readonly Action[];
    };

export class SoftSwitch implements Datapath {
  readonly #now: () => number;
  readonly #byName = new Map<string, Port>();
  readonly #byNumber = new Map<number, Port>();
  #nextNumber = 1;
  readonly #tables = new Map<number, FlowTable>();
  /** Every flow by what identifies it. */
  readonly #rules = new Map<string, Rule>();
  readonly #macs = new MacTable();
  readonly #handlers: ((packet: PacketIn) => void)[] = [];
  #observer: Observer | undefined;
  readonly #queue: Job[] = [];
  #isRunning = false;
  /** Of the packet that went through the pipeline last, for the observer. */
  #lastKey: FlowKey | undefined;
  #isClosed = false;
  readonly #enginePorts: EnginePorts = {
    name: (port) => this.#byNumber.get(port)?.spec.name ?? String(port),
    numbers: () => [...this.#byNumber.keys()],
    bridgePorts: () => this.#bridgePorts(),
    send: (packet, port) => this.#send(packet, port),
  };

  /** `now`: monotonic milliseconds; learnt addresses age by it. */
  constructor(options: { readonly now: () => number }) {
    this.#now = options.now;
  }

  /** Tells an observer what happens to each frame from now on; undefined ends it. */
  observe(observer: Observer | undefined): void {
    this.#observer = observer;
  }

  // ------------------------------------------------------------------------------------------------- ports

  async setPort(spec: PortSpec): Promise<number> {
    throwIfErrors(this.#portFindings(spec));
    const old = this.#byName.get(spec.name);
    const port = old ?? this.#newPort(spec);
    if (old && old.spec.type !== spec.type) {
      old.cables.clear();
      old.underlay = undefined;
    }
    // Addresses were learnt in the VLANs that the port had.
    if (old && JSON.stringify(old.spec) !== JSON.stringify(spec)) this.#macs.removePort(old.number);
    port.spec = spec;
    port.team = spec.type === 'uplink' ? teamOf(spec, port.team) : undefined;
    const isTunnel = spec.type === 'tunnel';
    port.tunnel = isTunnel ? { encapsulation: spec.encapsulation, local: ip(spec.local) } : undefined;
    if (spec.type === 'uplink') {
      for (const nic of port.cables.keys()) if (!spec.nics.includes(nic)) port.cables.delete(nic);
    }
    return port.number;
  }

  async removePort(name: string): Promise<void> {
    const port = this.#byName.get(name);
    if (!port) return;
    this.#byName.delete(name);
    this.#byNumber.delete(port.number);
    this.#macs.removePort(port.number);
    port.cables.clear();
    port.underlay = undefined;
  }

  async ports(): Promise<ReadonlyMap<string, { readonly number: number; readonly spec: PortSpec }>> {
    return new Map([...this.#byName].map(([name, { number, spec }]) => [name, { number, spec }]));
  }

  /**
   * Plugs something into a port; `nic` names the NIC of an uplink and is undefined for other ports. Throws NetloomError
   * where there is no such place (not-found), or something is plugged in already (in-use).
   */
  attach(name: string, nic: string | undefined, deliver: (frame: Uint8Array) => void): Attachment {
    const port = this.#portNamed(name);
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
    const cable: Cable = { deliver, up: true };
    port.cables.set(place, cable);
    port.team?.setLink(place, true);
    const isThere = () => this.#byNumber.get(port.number) === port && port.cables.get(place) === cable;
    return {
      receive: (frame) => {
        if (isThere() && cable.up) this.#enqueue({ type: 'frame', port, nic: place, frame });
      },
      setLink: (up) => {
        if (!isThere()) return;
        cable.up = up;
        port.team?.setLink(place, up);
      },
      detach: () => {
        if (!isThere()) return;
        port.cables.delete(place);
        port.team?.setLink(place, false);
      },
    };
  }

  /** Connects a tunnel port to the network below it. Throws NetloomError (not-found). */
  attachUnderlay(name: string, underlay: Underlay): { receive(packet: Uint8Array): void } {
    const port = this.#portNamed(name);
    if (!port.tunnel) {
      throw new NetloomError([
        finding('not-found', name, `Port ${name} is no tunnel.`, 'Name a tunnel port.'),
      ]);
    }
    port.underlay = underlay;
    return {
      receive: (outer) => {
        if (port.underlay === underlay) this.#enqueue({ type: 'tunnel', port, outer });
      },
    };
  }

  /** How many packets from the underlay a tunnel port refused, by reason. */
  tunnelDrops(name: string): ReadonlyMap<DecapsulationDrop, bigint> {
    return this.#portNamed(name).tunnelDrops;
  }

  #portNamed(name: string): Port {
    const port = this.#byName.get(name);
    if (port) return port;
    throw new NetloomError([finding('not-found', name, `There is no port ${name}.`, 'Add it with setPort.')]);
  }

  #newPort(spec: PortSpec): Port {
    while (this.#byNumber.has(this.#nextNumber)) this.#nextNumber = nextNumber(this.#nextNumber);
    const number = this.#nextNumber;
    this.#nextNumber = nextNumber(number);
    const port: Port = {
      number,
      spec,
      cables: new Map(),
      team: undefined,
      tunnel: undefined,
      underlay: undefined,
      tunnelDrops: new Map(),
    };
    this.#byName.set(spec.name, port);
    this.#byNumber.set(number, port);
    return port;
  }

  #portFindings(spec: PortSpec): Finding[] {
    const findings: Finding[] = [];
    const refuse = (field: string, message: string, remedy: string) =>
      findings.push(finding('port-invalid', `${spec.name}.${field}`, message, remedy));
    if (spec.name === '') refuse('name', 'The port has no name.', 'Give it one.');
    if (!this.#byName.has(spec.name) && this.#byName.size >= FIRST_RESERVED_PORT - 1) {
      refuse('name', 'The switch is full.', `It takes ${FIRST_RESERVED_PORT - 1} ports.`);
    }
    if (spec.type !== 'tunnel') {
      for (const problem of vlanProblems(spec.vlan)) refuse('vlan', problem, 'VLAN ids are 0..4095.');
    }
    if (spec.type === 'internal' && parseMac(spec.mac) === undefined) {
      refuse('mac', `${JSON.stringify(spec.mac)} is not a MAC address.`, 'Write it as 00:1d:d8:b7:1c:00.');
    }
    if (spec.type === 'tunnel' && parseIp(spec.local) === undefined) {
      refuse(
        'local',
        `${JSON.stringify(spec.local)} is not an IP address.`,
        'Use the provider address of the host.',
      );
    }
    if (spec.type === 'uplink') {
      if (spec.nics.length === 0) refuse('nics', 'The uplink has no NIC.', 'Give it at least one.');
      if (new Set(spec.nics).size < spec.nics.length)
        refuse('nics', 'A NIC stands there twice.', 'Name it once.');
      for (const other of this.#byName.values()) {
        if (other.spec.type !== 'uplink' || other.spec.name === spec.name) continue;
        const shared = other.spec.nics.filter((nic) => spec.nics.includes(nic));
        if (shared.length > 0)
          refuse('nics', `${shared} belongs to ${other.spec.name}.`, 'A NIC is in one uplink.');
      }
    }
    return findings;
  }

  // ------------------------------------------------------------------------------------------------- flows

  async applyFlows(change: FlowChange): Promise<void> {
    // Everything that can fail comes first, so that a refused change has changed nothing.
    throwIfErrors([...change.add, ...change.remove].flatMap(flowFindings));
    const added = change.add.map((flow) => [flowKey(flow), newRule(flow)] as const);
    const removed = change.remove.map(flowKey);
    for (const key of removed) this.#removeRule(key);
    for (const [key, rule] of added) {
      this.#removeRule(key);
      this.#rules.set(key, rule);
      const table = this.#tables.get(rule.flow.table) ?? new FlowTable();
      table.add(rule);
      this.#tables.set(rule.flow.table, table);
    }
  }

  /** By table, then the highest priority first. */
  async dumpFlows(): Promise<readonly FlowStats[]> {
    return [...this.#rules.values()]
      .map(({ flow, packets, bytes }) => ({ flow, packets, bytes }))
      .sort((a, b) => a.flow.table - b.flow.table || b.flow.priority - a.flow.priority);
  }

  #removeRule(key: string): void {
    const rule = this.#rules.get(key);
    if (!rule) return;
    this.#rules.delete(key);
    this.#tables.get(rule.flow.table)?.remove(rule);
  }

  // ------------------------------------------------------------------------------------------------ frames

  async packetOut(inPort: number, frame: Uint8Array, actions: readonly Action[]): Promise<void> {
    if (!Number.isInteger(inPort) || inPort < 0 || inPort > 0xffff) {
      throwIfErrors([finding('flow-invalid', 'inPort', `There is no port ${inPort}.`, 'Use 0..65535.')]);
    }
    const packet = Packet.read(frame);
    throwIfErrors(actionFindings(actions, matchOfFrame(packet)));
    this.#enqueue({ type: 'packet-out', inPort, frame, actions });
  }

  onPacketIn(handler: (packet: PacketIn) => void): void {
    this.#handlers.push(handler);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#queue.length = 0;
    this.#observer = undefined;
    this.#handlers.length = 0;
    for (const name of [...this.#byName.keys()]) await this.removePort(name);
    this.#rules.clear();
    this.#tables.clear();
    this.#macs.clear();
  }

  #enqueue(job: Job): void {
    if (this.#isClosed) return;
    if (this.#queue.length >= QUEUE_LIMIT) {
      this.#dropJob(job);
      return;
    }
    this.#queue.push(job);
    if (!this.#isRunning) this.#drain();
  }

  #drain(): void {
    this.#isRunning = true;
    try {
      let done = 0;
      for (let job = this.#queue.shift(); job; job = this.#queue.shift()) {
        if (++done > CHAIN_LIMIT) this.#dropJob(job);
        else this.#process(job);
      }
    } finally {
      this.#isRunning = false;
    }
  }

  #dropJob(job: Job): void {
    const frame = job.type === 'tunnel' ? job.outer : job.frame;
    const port = job.type === 'packet-out' ? job.inPort : job.port.number;
    this.#observer?.({ type: 'drop', reason: 'too-many-frames', port, frame });
  }

  #process(job: Job): void {
    this.#lastKey = undefined;
    const effects = this.#effectsOf(job);
    for (const effect of effects) this.#carryOut(effect);
    this.#observer?.({ type: 'done', key: this.#lastKey });
  }

  #effectsOf(job: Job): readonly Effect[] {
    switch (job.type) {
      case 'frame':
        return this.#frameIn(job.port, job.nic, job.frame);
      case 'tunnel':
        return this.#tunnelIn(job.port, job.outer);
      case 'packet-out': {
        const packet = Packet.read(job.frame);
        packet.key[WORD.IN_PORT] = job.inPort;
        const port = this.#byNumber.get(job.inPort);
        const arrival = { port: job.inPort, bridge: port && bridgePort(port, 'accept') };
        return this.#run(packet, arrival).actions(packet, job.actions, NO_COOKIE);
      }
    }
  }

  #frameIn(port: Port, place: string, frame: Uint8Array): readonly Effect[] {
    if (this.#byNumber.get(port.number) !== port) return [];
    const { name } = port.spec;
    const nic = place === '' ? undefined : place;
    this.#observer?.({ type: 'frame-in', port: port.number, name, nic, frame });
    const packet = Packet.read(frame);
    const admission = port.team?.admit(place, Number(packet.get('eth_dst'))) ?? 'accept';
    if (admission === 'drop') {
      const isToGroup = isGroup(Number(packet.get('eth_dst')));
      const reason: DropReason = isToGroup ? 'team-loop' : 'team-inactive-member';
      this.#observer?.({ type: 'drop', reason, port: port.number, frame });
      return [];
    }
    packet.key[WORD.IN_PORT] = port.number;
    return this.#run(packet, { port: port.number, bridge: bridgePort(port, admission) }).pipeline(packet);
  }

  #tunnelIn(port: Port, outer: Uint8Array): readonly Effect[] {
    if (!port.tunnel || this.#byNumber.get(port.number) !== port) return [];
    const read = decapsulate(port.tunnel, outer);
    if ('drop' in read) {
      port.tunnelDrops.set(read.drop, (port.tunnelDrops.get(read.drop) ?? 0n) + 1n);
      this.#observer?.({ type: 'drop', reason: read.drop, port: port.number, frame: outer });
      return [];
    }
    const { inner, tunnelId, source, destination } = read;
    this.#observer?.({ type: 'decapsulate', port: port.number, outer, inner, tunnelId });
    const { name } = port.spec;
    this.#observer?.({ type: 'frame-in', port: port.number, name, nic: undefined, frame: inner });
    const packet = Packet.read(inner);
    packet.key[WORD.IN_PORT] = port.number;
    packet.set('tun_id', tunnelId);
    const family = isIpv4(source)
      ? (['tun_src', 'tun_dst'] as const)
      : (['tun_ipv6_src', 'tun_ipv6_dst'] as const);
    packet.set(family[0], ipToBigint(source));
    packet.set(family[1], ipToBigint(destination));
    return this.#run(packet, { port: port.number, bridge: bridgePort(port, 'accept') }).pipeline(packet);
  }

  #run(packet: Packet, arrival: Arrival): Run {
    const { length } = packet;
    this.#lastKey = packet.key;
    return new Run(this.#tables, this.#enginePorts, this.#macs, this.#now(), arrival, length, this.#observer);
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        this.#byNumber
          .get(effect.port)
          ?.cables.get(effect.nic ?? '')
          ?.deliver(effect.frame);
        break;
      case 'tunnel':
        this.#byNumber.get(effect.port)?.underlay?.send(effect.outer, effect.destination);
        break;
      case 'packet-in':
        for (const handler of this.#handlers) handler(effect.packet);
        break;
    }
  }

  #send(packet: Packet, number: number): Effect | { readonly drop: DropReason } {
    const port = this.#byNumber.get(number);
    if (!port) return { drop: 'no-such-port' };
    if (port.tunnel) {
      const made = encapsulate(port.tunnel, packet);
      if ('drop' in made) return made;
      if (!port.underlay) return { drop: 'link-down' };
      return { type: 'tunnel', port: number, ...made, inner: packet.share() };
    }
    const nic = port.team?.choose(packet.key);
    if (port.team && nic === undefined) return { drop: 'link-down' };
    if (port.cables.get(nic ?? '')?.up !== true) return { drop: 'link-down' };
    return { type: 'send', port: number, nic, frame: packet.share() };
  }

  *#bridgePorts(): Iterable<BridgePort> {
    for (const port of this.#byNumber.values()) yield bridgePort(port, 'accept');
  }
}

function bridgePort({ number, spec, team }: Port, admission: Admission): BridgePort {
  const vlan = spec.type === 'tunnel' ? NO_VLAN : spec.vlan;
  return { number, vlan, admission, isTeam: team?.isTeam === true };
}

function teamOf(spec: PortSpec & { type: 'uplink' }, old: Team | undefined): Team {
  const lacp = spec.lacp !== 'off';
  if (!old) return new Team(spec.nics, spec.mode, lacp);
  old.configure(spec.nics, spec.mode, lacp);
  return old;
}

function nextNumber(number: number): number {
  return number + 1 < FIRST_RESERVED_PORT ? number + 1 : 1;
}

function vlanProblems(vlan: PortVlan): string[] {
  const ids = [...(vlan.mode === 'trunk' ? [] : [vlan.tag]), ...(vlan.mode === 'access' ? [] : vlan.trunks)];
  return ids
    .filter((id) => !Number.isInteger(id) || id < 0 || id > 4095)
    .map((id) => `${id} is not a VLAN id.`);
}

/** What a frame is, as a match: the prerequisites that actions on it may rely on. */
function matchOfFrame({ key }: Packet): Match {
  const match: Partial<Record<FieldName, Masked>> = {};
  const names: readonly FieldName[] = [
    'eth_type',
    'ip_proto',
    'ip_frag',
    'icmpv6_type',
    'icmpv6_code',
    'vlan_tci',
  ];
  for (const name of FIELD_NAMES) {
    if (names.includes(name) && isVisible(name, key)) {
      match[name] = { value: readField(key, name), mask: fullMask(name) };
    }
  }
  return match;
}
