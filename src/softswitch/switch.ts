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
import { type IpAddress, ip, ipToBigint, isIpv4, parseIp, parseMac } from '../packet/address.ts';
import { read32 } from '../packet/bytes.ts';
import { IPV4 } from '../packet/ipv4.ts';
import { BATCH_FRAMES, type FrameBatch, newBatch } from './batch.ts';
import { type Admission, Team } from './bond.ts';
import { CACHE_LIMITS, type CacheLimits, type CacheStatistics, FlowCache } from './cache/flow-cache.ts';
import { newFrameKey, readFrameKey } from './cache/frame-key.ts';
import { areKnown, type Delivery, type Outlet } from './cache/recipe.ts';
import { Recording } from './cache/recording.ts';
import { type Arrival, type Effect, type EnginePorts, Run } from './engine.ts';
import type { DecapsulationDrop, DropReason, Observer } from './events.ts';
import { type FlowKey, isVisible, prerequisiteHolds, readField, WORD } from './key.ts';
import { isGroup, MAC_TABLE_LIMIT, MacTable } from './mac-learning.ts';
import { type BridgePort, NO_VLAN } from './normal.ts';
import { Packet } from './packet.ts';
import { FlowTable, newRule, type Rule } from './table.ts';
import { decapsulate, encapsulate, type Tunnel, type Underlay } from './tunnel.ts';

/** Frames that may wait while others are on their way. */
const QUEUE_LIMIT = 65_536;
/** Frames that may come of one before it counts as going round in a circle. */
const CHAIN_LIMIT = 100_000;
/** The cache does not know what comes of a frame, but could; or it cannot. */
const MISS = -1;
const UNCACHEABLE = -2;
/** Of the first word of an Ethernet address. */
const GROUP_BIT = 0x0100_0000;
/** A packet-out belongs to no flow (OpenFlow 1.3, 7.4.1). */
const NO_COOKIE = 0xffff_ffff_ffff_ffffn;

export interface Attachment {
  /** A frame comes in from the other end. */
  receive(frame: Uint8Array): void;
  /** Many frames, in order; their memory is lent until this returns. */
  receiveBatch(batch: FrameBatch): void;
  /** The link is up from the start. */
  setLink(up: boolean): void;
  /** Nothing goes either way any more. */
  detach(): void;
}

interface Cable extends Outlet {
  /** Tells the cache where a frame came in. */
  readonly ingress: number;
  up: boolean;
}

interface Port {
  readonly number: number;
  /** Of what comes out of a tunnel. */
  readonly ingress: number;
  spec: PortSpec;
  /** What is attached, by NIC; a port that is not an uplink has one, under ''. */
  readonly cables: Map<string, Cable>;
  /** Of an uplink. */
  team: Team | undefined;
  /** Of a tunnel. */
  tunnel: Tunnel | undefined;
  underlay: Underlay | undefined;
  underlayOutlet: Outlet | undefined;
  readonly tunnelDrops: Map<DecapsulationDrop, bigint>;
}

type Job =
  | {
      readonly type: 'frame';
      readonly port: Port;
      readonly nic: string;
      readonly cable: Cable;
      readonly frame: Uint8Array;
    }
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
  readonly #macs = new MacTable(MAC_TABLE_LIMIT, (key) => this.#macChanged(key));
  readonly #cache: FlowCache | undefined;
  /** Of the frame that is on its way. */
  readonly #frameKey = newFrameKey();
  #recording: Recording | undefined;
  /** While a batch is looked up: when it came. */
  #moment: number | undefined;
  readonly #found = new Int32Array(BATCH_FRAMES);
  /** Outlets that have frames waiting. */
  readonly #waiting: Outlet[] = [];
  #nextIngress = 0;
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

  /**
   * `now`: monotonic milliseconds; learnt addresses age by it. `cache: false` sends every frame through the tables,
   * which comes to the same and takes longer.
   */
  constructor(options: { readonly now: () => number; readonly cache?: CacheLimits | false }) {
    this.#now = options.now;
    this.#cache = options.cache === false ? undefined : new FlowCache(options.cache ?? CACHE_LIMITS);
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
    this.#cache?.clear();
    if (old && old.spec.type !== spec.type) {
      unplug(old);
    }
    // Addresses were learnt in the VLANs that the port had.
    if (old && JSON.stringify(old.spec) !== JSON.stringify(spec)) this.#macs.removePort(old.number);
    port.spec = spec;
    port.team = spec.type === 'uplink' ? teamOf(spec, port.team) : undefined;
    const isTunnel = spec.type === 'tunnel';
    port.tunnel = isTunnel ? { encapsulation: spec.encapsulation, local: ip(spec.local) } : undefined;
    if (spec.type === 'uplink') {
      for (const [nic, cable] of port.cables) {
        if (spec.nics.includes(nic)) continue;
        cable.isOpen = false;
        port.cables.delete(nic);
      }
    }
    return port.number;
  }

  async removePort(name: string): Promise<void> {
    const port = this.#byName.get(name);
    if (!port) return;
    this.#cache?.clear();
    this.#byName.delete(name);
    this.#byNumber.delete(port.number);
    this.#macs.removePort(port.number);
    unplug(port);
  }

  async ports(): Promise<ReadonlyMap<string, { readonly number: number; readonly spec: PortSpec }>> {
    return new Map([...this.#byName].map(([name, { number, spec }]) => [name, { number, spec }]));
  }

  /**
   * Plugs something into a port; `nic` names the NIC of an uplink and is undefined for other ports. Throws NetloomError
   * where there is no such place (not-found), or something is plugged in already (in-use). With `deliverBatch`, most
   * frames that came in as a batch go out as one.
   */
  attach(
    name: string,
    nic: string | undefined,
    deliver: (frame: Uint8Array) => void,
    deliverBatch?: (batch: FrameBatch) => void,
  ): Attachment {
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
    const cable: Cable = { ingress: this.#nextIngress++, up: true, ...outletOf(deliver, deliverBatch) };
    this.#cache?.clear();
    port.cables.set(place, cable);
    port.team?.setLink(place, true);
    const isThere = () => this.#byNumber.get(port.number) === port && port.cables.get(place) === cable;
    return {
      receive: (frame) => {
        if (!isThere() || !cable.up) return;
        if (!this.#takeShortCut(cable, frame))
          this.#enqueue({ type: 'frame', port, nic: place, cable, frame });
      },
      receiveBatch: (batch) => {
        if (isThere() && cable.up) this.#receiveBatch(port, place, cable, batch);
      },
      setLink: (up) => {
        if (!isThere()) return;
        this.#cache?.clear();
        cable.up = up;
        port.team?.setLink(place, up);
      },
      detach: () => {
        if (!isThere()) return;
        this.#cache?.clear();
        cable.isOpen = false;
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
    this.#cache?.clear();
    port.underlay = underlay;
    port.underlayOutlet = outletOf(
      (packet, destination) => underlay.send(packet, destination!),
      underlay.sendBatch && ((batch) => underlay.sendBatch?.(batch)),
    );
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
      ingress: this.#nextIngress++,
      spec,
      cables: new Map(),
      team: undefined,
      tunnel: undefined,
      underlay: undefined,
      underlayOutlet: undefined,
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
    this.#cache?.forgetTables(new Set([...change.add, ...change.remove].map(({ table }) => table)));
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
    this.#cache?.settle();
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
    this.#cache?.clear();
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
    if (!this.#isRunning) this.#drain(0);
  }

  /** `done`: frames of this chain that went before. */
  #drain(done: number): void {
    this.#isRunning = true;
    try {
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
        return this.#frameIn(job.port, job.nic, job.cable, job.frame);
      case 'tunnel':
        return this.#tunnelIn(job.port, job.outer);
      case 'packet-out': {
        const packet = Packet.read(job.frame);
        packet.key[WORD.IN_PORT] = job.inPort;
        const port = this.#byNumber.get(job.inPort);
        const arrival = { port: job.inPort, bridge: port && bridgePort(port, 'accept') };
        return this.#run(packet, arrival, undefined).actions(packet, job.actions, NO_COOKIE);
      }
    }
  }

  #frameIn(port: Port, place: string, cable: Cable, frame: Uint8Array): readonly Effect[] {
    if (this.#byNumber.get(port.number) !== port) return [];
    const cached = this.#lookup(cable.ingress, frame, 0, frame.length, 0, 0, 0);
    if (cached >= 0) {
      this.#repeat(cached, frame);
      return [];
    }
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
    return this.#pipeline(packet, port, admission, cached === MISS);
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
    const cached = isIpv4(source)
      ? this.#lookup(
          port.ingress,
          inner,
          0,
          inner.length,
          Number(tunnelId),
          read32(outer, IPV4.SRC),
          read32(outer, IPV4.DST),
        )
      : UNCACHEABLE;
    if (cached >= 0) {
      this.#repeat(cached, inner);
      return [];
    }
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
    return this.#pipeline(packet, port, 'accept', cached === MISS);
  }

  /** `recorded`: so that the cache knows it the next time; its key is in #frameKey. */
  #pipeline(packet: Packet, port: Port, admission: Admission, recorded: boolean): readonly Effect[] {
    const arrival = { port: port.number, bridge: bridgePort(port, admission) };
    if (!recorded || !this.#cache) return this.#run(packet, arrival, undefined).pipeline(packet);
    const recording = new Recording(prerequisiteHolds('ip', packet.key));
    packet.follow(recording.trail);
    // What a team admits depends on whether the frame is for a group.
    if (port.team) recording.trail.look(WORD.ETH, GROUP_BIT);
    this.#recording = recording;
    const effects = this.#run(packet, arrival, recording).pipeline(packet);
    this.#recording = undefined;
    const recipe = recording.recipe(this.#frameKey);
    if (recipe) this.#cache.insert(recipe);
    return effects;
  }

  #run(packet: Packet, arrival: Arrival, recording: Recording | undefined): Run {
    const { length } = packet;
    this.#lastKey = packet.key;
    return new Run(
      this.#tables,
      this.#enginePorts,
      this.#macs,
      this.#now(),
      arrival,
      length,
      this.#observer,
      recording,
    );
  }

  // ------------------------------------------------------------------------------------------------- cache

  /** How well the cache does; without one, nothing but zeros. */
  cacheStatistics(): CacheStatistics {
    return this.#cache?.statistics() ?? { megaflows: 0, hits: 0, misses: 0 };
  }

  /** Sends a frame at once when the cache knows what comes of it and nothing waits before it. */
  #takeShortCut(cable: Cable, frame: Uint8Array): boolean {
    if (this.#isRunning || this.#isClosed) return false;
    const cached = this.#lookup(cable.ingress, frame, 0, frame.length, 0, 0, 0);
    if (cached < 0) return false;
    this.#isRunning = true;
    try {
      this.#repeat(cached, frame);
    } finally {
      this.#isRunning = false;
    }
    if (this.#queue.length > 0) this.#drain(1);
    return true;
  }

  /** The number of the recipe for a frame, MISS or UNCACHEABLE. An observer sees every step, so nothing is skipped. */
  #lookup(
    ingress: number,
    bytes: Uint8Array,
    at: number,
    length: number,
    tunnelId: number,
    source: number,
    destination: number,
  ): number {
    const cache = this.#cache;
    const key = this.#frameKey;
    if (!cache || this.#observer || !readFrameKey(bytes, at, length, key)) return UNCACHEABLE;
    key[0] = ingress;
    key[10] = tunnelId;
    key[11] = source;
    key[12] = destination;
    const id = cache.find(key);
    if (id < 0) return MISS;
    const recipe = cache.recipe(id);
    if (length > recipe.longest) return UNCACHEABLE;
    if (recipe.known.length === 0) return id;
    const now = this.#moment ?? this.#now();
    if (!areKnown(recipe.known, now)) {
      cache.forget(id);
      return MISS;
    }
    const { sources } = recipe;
    for (let i = 0; i < sources.length; i++) this.#macs.touch(sources[i]!, now);
    return id;
  }

  #repeat(id: number, frame: Uint8Array): void {
    this.#cache?.count(id, frame.length);
    const deliveries = this.#cache?.recipe(id).deliveries ?? [];
    for (let i = 0; i < deliveries.length; i++) {
      const delivery = deliveries[i]!;
      const made = delivery.make(frame);
      const outlet = this.#outletOf(delivery);
      if (outlet?.isOpen) outlet.deliver(made, delivery.header?.destination);
    }
  }

  #outletOf(delivery: Delivery): Outlet | undefined {
    if (delivery.outlet) return delivery.outlet;
    const port = this.#byNumber.get(delivery.port);
    delivery.outlet = delivery.header ? port?.underlayOutlet : port?.cables.get(delivery.nic ?? '');
    return delivery.outlet;
  }

  /** Frames that leave by one port, and may be changed where they are, go on together; the others one by one. */
  #receiveBatch(port: Port, nic: string, cable: Cable, batch: FrameBatch): void {
    if (this.#isRunning || this.#isClosed || this.#observer || !this.#cache) {
      for (let i = 0; i < batch.count; i++) this.#receiveOne(port, nic, cable, batch, i);
      return;
    }
    for (let first = 0; first < batch.count; first += BATCH_FRAMES) {
      this.#takeTogether(port, nic, cable, batch, first, Math.min(batch.count, first + BATCH_FRAMES));
    }
  }

  #takeTogether(port: Port, nic: string, cable: Cable, batch: FrameBatch, first: number, end: number): void {
    const { bytes, at, length } = batch;
    this.#moment = this.#now();
    for (let i = first; i < end; i++) {
      this.#found[i - first] = this.#lookup(cable.ingress, bytes, at[i]!, length[i]!, 0, 0, 0);
    }
    // Whoever gets a frame may change the switch, or send one; from then on nothing is sure that was looked up.
    let isSure = true;
    for (let i = first; i < end; i++) {
      const id = this.#found[i - first]!;
      if (isSure && id >= 0 && this.#moveOn(id, batch, i)) continue;
      this.#flush();
      this.#moment = undefined;
      if (cable.isOpen) this.#receiveOne(port, nic, cable, batch, i);
      isSure = false;
    }
    this.#moment = undefined;
    this.#flush();
  }

  /** False where the frame cannot go on where it is. */
  #moveOn(id: number, batch: FrameBatch, i: number): boolean {
    const cache = this.#cache!;
    const { deliveries } = cache.recipe(id);
    const length = batch.length[i]!;
    if (deliveries.length === 0) {
      cache.count(id, length);
      return true;
    }
    const delivery = deliveries[0]!;
    const outlet = this.#outletOf(delivery);
    const waiting = outlet?.waiting;
    const at = batch.at[i]!;
    if (deliveries.length > 1 || !waiting || delivery.headroom > batch.headroom) return false;
    cache.count(id, length);
    if (waiting.count === 0) {
      waiting.bytes = batch.bytes;
      waiting.headroom = batch.headroom;
      this.#waiting.push(outlet);
    }
    const start = delivery.isPlain ? at : delivery.makeAt(batch.bytes, at, length);
    waiting.at[waiting.count] = start;
    waiting.length[waiting.count] = at + length - start;
    waiting.headroom = Math.min(waiting.headroom, batch.headroom - at + start);
    waiting.count++;
    return true;
  }

  /** Hands on what waits. */
  #flush(): void {
    if (this.#waiting.length === 0) return;
    this.#isRunning = true;
    try {
      for (const outlet of this.#waiting) {
        if (outlet.waiting && outlet.isOpen) outlet.deliverBatch?.(outlet.waiting);
        if (outlet.waiting) outlet.waiting.count = 0;
      }
    } finally {
      this.#waiting.length = 0;
      this.#isRunning = false;
    }
    if (this.#queue.length > 0) this.#drain(0);
  }

  #receiveOne(port: Port, nic: string, cable: Cable, { bytes, at, length }: FrameBatch, i: number): void {
    const frame = bytes.slice(at[i]!, at[i]! + length[i]!);
    if (!this.#takeShortCut(cable, frame)) this.#enqueue({ type: 'frame', port, nic, cable, frame });
  }

  #macChanged(key: string): void {
    this.#cache?.forgetMac(key);
    this.#recording?.changed(key);
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case 'send':
        this.#byNumber
          .get(effect.port)
          ?.cables.get(effect.nic ?? '')
          ?.deliver(effect.frame, undefined);
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
    if (port.team?.isBalanced) packet.trail?.lookAtHeaders();
    const nic = port.team?.choose(packet.key);
    if (port.team && nic === undefined) return { drop: 'link-down' };
    if (port.cables.get(nic ?? '')?.up !== true) return { drop: 'link-down' };
    return { type: 'send', port: number, nic, frame: packet.share() };
  }

  *#bridgePorts(): Iterable<BridgePort> {
    for (const port of this.#byNumber.values()) yield bridgePort(port, 'accept');
  }
}

/** Whatever is attached to the port is attached no more. */
function unplug(port: Port): void {
  for (const cable of port.cables.values()) cable.isOpen = false;
  port.cables.clear();
  if (port.underlayOutlet) port.underlayOutlet.isOpen = false;
  port.underlay = undefined;
}

function outletOf(
  deliver: (frame: Uint8Array, destination: IpAddress | undefined) => void,
  deliverBatch: ((batch: FrameBatch) => void) | undefined,
): Outlet {
  const waiting = deliverBatch && newBatch(new Uint8Array(0));
  return { isOpen: true, deliver, deliverBatch, waiting };
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
