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
 *
 *     frame --> FastPath --knows it------------------------------------> out      fast-path.ts, cache/
 *                  |                                                      ^
 *                  +--does not--> FrameQueue --> SlowPath --> Run --------+       frame-queue.ts, slow-path.ts
 *                                                  |           |
 *                                              PortTable   FlowStore, MacTable    engine.ts and what it runs over
 */
import { type Finding, throwIfErrors, warning } from '../base/error.ts';
import { groupFindings, meterFindings } from '../flow/check-group.ts';
import type { Datapath, FlowChange, FlowStats, Group, Meter, PacketIn, PortSpec } from '../flow/datapath.ts';
import type { Action } from '../flow/flow.ts';
import type { FlowExport } from '../flow/flow-export.ts';
import type { Mirror, MirrorStats } from '../flow/mirror.ts';
import type { PortTraffic } from '../flow/port-traffic.ts';
import { type Mac, mac } from '../packet/address.ts';
import { type GroupStats, GroupTable } from './actions/group.ts';
import { type MeterStats, MeterTable } from './actions/meter.ts';
import { filtered, type LimitDrops } from './bandwidth/port-limits.ts';
import type { FrameBatch } from './batch.ts';
import { type LearnedMac, MAC_TABLE_LIMIT, MacTable } from './bridge/mac-learning.ts';
import { Mirrors } from './bridge/mirrors.ts';
import type { BatchSource } from './cache/batch-path.ts';
import { FastPath } from './cache/fast-path.ts';
import { CACHE_LIMITS, type CacheLimits, type CacheStatistics, FlowCache } from './cache/flow-cache.ts';
import { CONNECTION_LIMITS, type ConnectionLimits } from './conntrack/connection-table.ts';
import { ConnectionTracker } from './conntrack/tracker.ts';
import type { EngineParts } from './engine/engine-parts.ts';
import { FrameQueue, type Turn } from './engine/frame-queue.ts';
import { packetOutFindings } from './engine/packet-out.ts';
import { type Job, SlowPath } from './engine/slow-path.ts';
import type { DecapsulationDrop, Observer } from './events.ts';
import { FlowStore } from './flows/flow-store.ts';
import type { KernelChoice } from './kernel/kernel.ts';
import type { Port } from './ports/port.ts';
import { PortTable } from './ports/port-table.ts';
import { countBatch, countFrame } from './ports/tally.ts';
import { trafficOf } from './ports/traffic.ts';
import { type TeamStatus, teamStatus } from './team/team-status.ts';
import type { Underlay } from './tunnel/tunnel.ts';

/** Bytes: 4096 frames of 2048 bytes. Pages that nobody touches cost nothing. */
const FRAME_MEMORY = 8 * 2 ** 20;
/** An address of nobody's; a switch that has teams with LACP is given one of its own. */
const SYSTEM = mac('02:00:00:00:00:01');

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

export interface SoftSwitchOptions {
  /** Monotonic milliseconds: learnt addresses age by it, flows and connections end by it. */
  readonly now: () => number;
  /** `false` sends every frame through the tables, which comes to the same and takes longer. */
  readonly cache?: CacheLimits | false;
  /** How many are remembered. */
  readonly connections?: ConnectionLimits;
  /** Of what is picked at random. */
  readonly seed?: number;
  /** How the switch calls itself to the partners of its teams; no two of them are called the same. */
  readonly system?: Mac;
  /** Called after `nextWake` may have changed. */
  readonly onWake?: () => void;
  /** What does the work on batches: `wasm` (where there is WebAssembly), or `typescript`, which comes to the same. */
  readonly kernel?: KernelChoice;
  /** Bytes of `frameMemory()`. */
  readonly frameMemory?: number;
}

/** The network below a tunnel, as it gives packets to the switch: IP packets, from the start of their header. */
export interface UnderlayAttachment {
  receive(packet: Uint8Array): void;
  /** Many packets, in order; their memory is lent until this returns. */
  receiveBatch(batch: FrameBatch): void;
}

export class SoftSwitch implements Datapath {
  readonly #cache: FlowCache | undefined;
  readonly #macs: MacTable;
  readonly #mirrors = new Mirrors();
  #flowExport: FlowExport | undefined;
  readonly #ports: PortTable;
  readonly #flows: FlowStore;
  readonly #groups = new GroupTable();
  readonly #meters = new MeterTable();
  /** What the engine runs over. */
  readonly #parts: EngineParts;
  readonly #queue: FrameQueue<Job>;
  readonly #fastPath: FastPath;
  readonly #slowPath: SlowPath;
  readonly #handlers: ((packet: PacketIn) => void)[] = [];
  /** The port that the fast path is sending for. */
  #receiving: Port | undefined;

  constructor(options: SoftSwitchOptions) {
    this.#cache = options.cache === false ? undefined : new FlowCache(options.cache ?? CACHE_LIMITS);
    this.#macs = new MacTable(MAC_TABLE_LIMIT, (key) => {
      this.#cache?.forgetMac(key);
      this.#slowPath.macChanged(key);
    });
    this.#ports = new PortTable(this.#macs, this.#mirrors, () => this.#cache?.clear(), {
      system: options.system ?? SYSTEM,
      now: options.now,
      onWake: options.onWake ?? (() => {}),
      onLimit: (port, reason, frame) => this.#parts.observer?.({ type: 'drop', reason, port, frame }),
    });
    this.#flows = new FlowStore({
      groups: this.#groups,
      meters: this.#meters,
      now: options.now,
      onChange: (tables) => {
        this.#cache?.forgetTables(tables);
        this.#slowPath.tablesChanged(tables);
      },
    });
    this.#parts = {
      flows: this.#flows,
      groups: this.#groups,
      meters: this.#meters,
      ports: this.#ports,
      macs: this.#macs,
      connections: new ConnectionTracker(options.connections ?? CONNECTION_LIMITS, options.seed ?? 0),
      mirrors: this.#mirrors,
      now: options.now,
      observer: undefined,
    };
    this.#queue = new FrameQueue<Job>(
      (job) => this.#slowPath.process(job),
      (job) => this.#slowPath.drop(job),
    );
    this.#fastPath = new FastPath(
      this.#cache,
      this.#parts,
      this.#ports,
      this.#turn(),
      (cable, frame) => this.#queue.push({ type: 'frame', cable, frame }),
      { kernel: options.kernel ?? 'wasm', frameMemory: options.frameMemory ?? FRAME_MEMORY },
    );
    this.#slowPath = new SlowPath(this.#parts, this.#ports, this.#fastPath, (packet) => {
      for (const handler of this.#handlers) handler(packet);
    });
  }

  /** What the fast path sends is sent by the port that is receiving. */
  #turn(): Turn {
    const queue = this.#queue;
    return {
      get isBusy() {
        return queue.isBusy;
      },
      enter: () => {
        this.#ports.limits.sender = this.#receiving;
        queue.enter();
      },
      leave: (done) => queue.leave(done),
    };
  }

  /** Memory of this switch for frames, the same each time: batches in it are done quickest (batch.ts). */
  frameMemory(): Uint8Array {
    return this.#fastPath.frameMemory();
  }

  /** Tells an observer what happens to each frame from now on; undefined ends it. */
  observe(observer: Observer | undefined): void {
    this.#parts.observer = observer;
  }

  // ------------------------------------------------------------------------------------------------- ports

  async setPort(spec: PortSpec): Promise<number> {
    return this.#ports.set(spec).number;
  }

  async removePort(name: string): Promise<void> {
    this.#ports.remove(name);
  }

  async traffic(): Promise<readonly PortTraffic[]> {
    return [...this.#ports.all()].flatMap(trafficOf);
  }

  async ports(): Promise<ReadonlyMap<string, { readonly number: number; readonly spec: PortSpec }>> {
    return new Map([...this.#ports.all()].map(({ number, spec }) => [spec.name, { number, spec }]));
  }

  async setMirrors(mirrors: readonly Mirror[]): Promise<void> {
    // What the frames were counted for goes to the mirrors that counted them.
    this.#cache?.clear();
    this.#mirrors.set(mirrors);
  }

  /** Remembers it and does nothing: nobody outside of this process is told about traffic that never leaves it. */
  async setFlowExport(flowExport: FlowExport | undefined): Promise<readonly Finding[]> {
    this.#flowExport = flowExport;
    if (!flowExport) return [];
    return [
      warning(
        'flow-export-none',
        '',
        'The softswitch tells no collector about its traffic.',
        'Nothing needs to be done: on hosts with Open vSwitch it is told.',
      ),
    ];
  }

  async flowExport(): Promise<FlowExport | undefined> {
    return this.#flowExport;
  }

  async mirrors(): Promise<readonly MirrorStats[]> {
    this.#cache?.settle();
    return this.#mirrors.stats();
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
    const cable = this.#ports.plug(name, nic, deliver, deliverBatch);
    const { port } = cable;
    const { received } = cable.tally;
    const { limits } = this.#ports;
    const take = (frame: Uint8Array) => {
      if (!this.#queue.isBusy) this.#receiving = port;
      this.#fastPath.take(cable, frame);
    };
    const source: BatchSource = {
      ingress: cable.ingress,
      tunnel: undefined,
      take,
      get isOpen() {
        return cable.isOpen;
      },
    };
    const takeBatch = (batch: FrameBatch) => {
      if (!this.#queue.isBusy) this.#receiving = port;
      this.#fastPath.takeBatch(source, batch);
    };
    const takePart = filtered(takeBatch, (frame) => limits.mayEnter(port, frame));
    return {
      receive: (frame) => {
        if (!cable.isOpen || !cable.up) return;
        countFrame(received, frame);
        if (limits.mayEnter(port, frame)) take(frame);
      },
      receiveBatch: (batch) => {
        if (!cable.isOpen || !cable.up) return;
        countBatch(received, batch);
        if (port.limit.policer) takePart(batch);
        else takeBatch(batch);
      },
      setLink: (up) => {
        if (!cable.isOpen) return;
        this.#ports.setLink(cable, up);
        this.poll();
      },
      detach: () => {
        if (!cable.isOpen) return;
        this.#ports.unplug(cable);
        this.poll();
      },
    };
  }

  /**
   * Lets teams do what is due: what they say goes out by their NICs. To be called at `nextWake`; earlier does no harm.
   */
  poll(): void {
    this.#queue.push({ type: 'teams' });
  }

  /**
   * When `poll` is to be called next, in milliseconds of `now`; a time that is over: at once. Infinity: not until a
   * frame comes in, or a port or link changes.
   */
  get nextWake(): number {
    return this.#ports.nextWake;
  }

  /** How the NICs of an uplink are doing, as `ovs-appctl bond/show` and `lacp/show` tell it. Throws (not-found). */
  teamStatus(name: string): TeamStatus {
    return teamStatus(this.#ports.named(name));
  }

  /** Frames that came in by a port and were too many for its policing, or its share of an uplink. Throws (not-found). */
  limitDrops(name: string): Readonly<LimitDrops> {
    return this.#ports.named(name).limit.drops;
  }

  /** Connects a tunnel port to the network below it. Throws NetloomError (not-found). */
  attachUnderlay(name: string, underlay: Underlay): UnderlayAttachment {
    const port = this.#ports.connect(name, underlay);
    const received = port.tallies.get('')?.received;
    const receive = (outer: Uint8Array) => {
      if (port.underlay === underlay) this.#queue.push({ type: 'tunnel', port, outer });
    };
    const source: BatchSource = {
      ingress: port.ingress,
      take: receive,
      get tunnel() {
        return port.tunnel;
      },
      get isOpen() {
        return port.underlay === underlay;
      },
    };
    return {
      receive: (outer) => {
        if (received && source.isOpen) countFrame(received, outer);
        receive(outer);
      },
      receiveBatch: (batch) => {
        if (received && source.isOpen) countBatch(received, batch);
        this.#fastPath.takeBatch(source, batch);
      },
    };
  }

  /** How many packets from the underlay a tunnel port refused, by reason. */
  tunnelDrops(name: string): ReadonlyMap<DecapsulationDrop, bigint> {
    return this.#ports.named(name).tunnelDrops;
  }

  // ------------------------------------------------------------------------------------------------- flows

  async applyFlows(change: FlowChange): Promise<void> {
    this.#flows.apply(change);
  }

  /** By table, then the highest priority first. */
  async dumpFlows(): Promise<readonly FlowStats[]> {
    this.#cache?.settle();
    return this.#flows.dump();
  }

  async setGroup(group: Group): Promise<void> {
    throwIfErrors(groupFindings(group));
    this.#cache?.forgetGroup(group.id);
    this.#groups.set(group);
  }

  async removeGroup(id: number): Promise<void> {
    this.#cache?.forgetGroup(id);
    if (this.#groups.remove(id)) this.#flows.removeUsers(`group ${id}`);
  }

  /** What each group and its buckets have counted since it was set, by id. */
  groupStats(): readonly GroupStats[] {
    this.#cache?.settle();
    return this.#groups.dump();
  }

  async setMeter(meter: Meter): Promise<void> {
    throwIfErrors(meterFindings(meter));
    this.#meters.set(meter, this.#parts.now());
  }

  async removeMeter(id: number): Promise<void> {
    if (this.#meters.remove(id)) this.#flows.removeUsers(`meter ${id}`);
  }

  async meters(): Promise<ReadonlyMap<number, Meter>> {
    return this.#meters.list();
  }

  /** What came to each meter and what its bands dropped since it was set, by id. */
  meterStats(): readonly MeterStats[] {
    return this.#meters.dump();
  }

  /** Where addresses were seen last, as `ovs-appctl fdb/show` tells it. */
  learnedMacs(): readonly LearnedMac[] {
    return this.#macs.list(this.#parts.now());
  }

  /** How well the cache does; without one, nothing but zeros. */
  cacheStatistics(): CacheStatistics {
    return this.#fastPath.statistics();
  }

  // ------------------------------------------------------------------------------------------- connections

  /** The connections that are remembered, as `ovs-appctl dpctl/dump-conntrack` prints them; `timeouts` as with `-s`. */
  dumpConnections(options: { readonly timeouts?: boolean } = {}): readonly string[] {
    return this.#parts.connections.dump(this.#parts.now(), options);
  }

  /** Forgets the connections of a zone; undefined: of all zones. */
  flushConnections(zone: number | undefined): void {
    this.#parts.connections.table.flush(zone);
  }

  /** How many connections a zone may have (ConnectionTable.limitZone). */
  limitConnections(zone: number | undefined, limit: number | undefined): void {
    this.#parts.connections.table.limitZone(zone, limit);
  }

  // ------------------------------------------------------------------------------------------------ frames

  async packetOut(inPort: number, frame: Uint8Array, actions: readonly Action[]): Promise<void> {
    throwIfErrors(packetOutFindings(inPort, frame, actions, this.#parts));
    this.#queue.push({ type: 'packet-out', inPort, frame, actions });
  }

  onPacketIn(handler: (packet: PacketIn) => void): void {
    this.#handlers.push(handler);
  }

  onReset(): void {
    // Nothing is lost but with the process.
  }

  onForeignChange(): void {
    // Nobody outside the process can change anything.
  }

  async close(): Promise<void> {
    this.#queue.close();
    this.#parts.observer = undefined;
    this.#handlers.length = 0;
    for (const { spec } of [...this.#ports.all()]) this.#ports.remove(spec.name);
    this.#cache?.clear();
    this.#flows.clear();
    this.#groups.clear();
    this.#meters.clear();
    this.#macs.clear();
  }
}
