/**
 * Hosts and machines of a lab, following where their policy comes from: each host is a softswitch host with an agent that
 * is connected by the policy stream, each port record of a VM a running guest.
 */
import { Agent } from '../agent/agent.ts';
import { changesOf, recordsOf } from '../agent/changes.ts';
import { Counting } from '../agent/counting.ts';
import { Reporter } from '../agent/reporter.ts';
import { advertiseRegularly } from '../agent/router-advertiser.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { type Finding, NetloomError, throwIfErrors } from '../base/error.ts';
import { hostScope, type PolicyRecord, type PortRecord, recordKey } from '../policy/records.ts';
import type { SwitchEvent } from '../softswitch/events.ts';
import type { SoftSwitch } from '../softswitch/switch.ts';
import { PolicyClient } from '../stream/client.ts';
import { memoryTransport } from '../stream/memory.ts';
import { policyRoutes } from '../stream/server.ts';
import { Machine } from './machine.ts';
import { PhysicalFabric } from './physical.ts';
import type { PolicySource } from './policy-source.ts';
import { SoftHost } from './soft-host.ts';

export interface FabricOptions {
  readonly source: PolicySource;
  /** Time of guests and switches. The stream to the agents runs on real time. */
  readonly clock: Clock;
  readonly random: () => number;
  /** Of Netloom, as agents report it. */
  readonly version?: string;
  /** Milliseconds between two looks at whether hosts are as they should be; absent: only when asked. */
  readonly inspectEvery?: number;
  /** Every frame on a machine's virtual cable, and on the cables between hosts and physical networks. */
  readonly onFrame?: (place: FramePlace, frame: Uint8Array) => void;
  /** Awaited by a host before it takes in a change of its policy: to let hosts learn of it at different moments. */
  readonly beforePolicy?: (host: string) => Promise<void>;
  /** Something went wrong that no caller waits for; the host is '' when it concerns no particular one. */
  readonly onTrouble?: (host: string, findings: readonly Finding[]) => void;
}

export type FramePlace =
  | { readonly type: 'vnic'; readonly port: PortRecord; readonly direction: 'from' | 'to' }
  /** An internal port of the host; `id` is a vNIC id or `provider/<logical network>`. */
  | { readonly type: 'stack'; readonly host: string; readonly id: string; readonly direction: 'from' | 'to' }
  | { readonly type: 'wire'; readonly host: string; readonly nic: string };

/** What happens in a switch; `host` is undefined for the switch of a physical network. */
export type FabricObserver = (host: string | undefined, name: string, event: SwitchEvent) => void;

export interface FabricHost {
  readonly soft: SoftHost;
  readonly agent: Agent;
  readonly client: PolicyClient;
  /** Ends the looks at whether the host is as it should be. */
  readonly stopLooking: () => void;
  /** Ends what the routers of its virtual subnets say unasked. */
  readonly stopAdvertising: () => void;
}

export class Fabric {
  readonly #options: FabricOptions;
  readonly physical: PhysicalFabric;
  readonly #hosts = new Map<string, FabricHost>();
  /** vNIC id -> the guest behind it */
  readonly #machines = new Map<string, Machine>();
  readonly #transport;
  readonly #observers = new Set<FabricObserver>();
  #work: Promise<void> = Promise.resolve();
  /** What kept the hosts from being as the source has them, the last time. */
  #failure: NetloomError | undefined;
  #stopWatching = () => {};
  #byHand = false;

  constructor(options: FabricOptions) {
    this.#options = options;
    this.physical = new PhysicalFabric(options.clock);
    this.#transport = memoryTransport(policyRoutes(options.source.feed, { clock: systemClock }));
  }

  get hosts(): ReadonlyMap<string, FabricHost> {
    return this.#hosts;
  }

  get machines(): ReadonlyMap<string, Machine> {
    return this.#machines;
  }

  /**
   * Tells what happens to every frame in all switches, those that are yet to come included; the answer ends it. No
   * frame takes the short way through a flow cache meanwhile.
   */
  observe(observer: FabricObserver): () => void {
    this.#observers.add(observer);
    this.#watchAll();
    return () => {
      this.#observers.delete(observer);
      this.#watchAll();
    };
  }

  #watchAll(): void {
    for (const [host, { soft }] of this.#hosts)
      for (const [name, ofHost] of soft.switches) this.#watch(host, name, ofHost);
    for (const [name, physical] of this.physical.switches) this.#watch(undefined, name, physical);
  }

  #watch(host: string | undefined, name: string, soft: SoftSwitch): void {
    const tell = (event: SwitchEvent) => {
      for (const observer of this.#observers) observer(host, name, event);
    };
    soft.observe(this.#observers.size > 0 ? tell : undefined);
  }

  /** Brings the hosts up, and keeps following the source. */
  async start(): Promise<void> {
    this.#stopWatching = this.#options.source.watch(() => this.#follow());
    this.#follow();
    await this.settled();
  }

  /** All hosts have the latest revision in force. Throws what a host could not do. */
  async settled(): Promise<void> {
    const { feed } = this.#options.source;
    await this.#work;
    if (this.#failure) throw this.#failure;
    const statuses = await feed.whenApplied(feed.revision, [...this.#hosts.keys()]);
    throwIfErrors(statuses.flatMap(({ outcome }) => outcome?.findings ?? []));
  }

  /**
   * Plays the hypervisor: the machine stops on the host where it is and goes on, with all that it knows, on another.
   * `vm` is its key. From now on a machine that migrates moves by this call alone, and not with the switch-over.
   */
  move(vm: string, host: string): void {
    this.#byHand = true;
    const target = this.#hosts.get(host);
    if (!target) throw new Error(`there is no host ${host}`);
    for (const machine of this.#machines.values()) {
      if (machine.port.origin !== `VirtualMachine/${vm}`) continue;
      const record = target.agent.records().get(recordKey(machine.port));
      machine.update(record?.kind === 'port' ? record : machine.port, target.soft);
    }
  }

  async close(): Promise<void> {
    this.#stopWatching();
    await this.#work;
    for (const machine of this.#machines.values()) machine.close();
    for (const name of [...this.#hosts.keys()]) await this.#removeHost(name);
  }

  #follow(): void {
    // Never rejects: one failure must not keep the hosts from following what comes after it.
    this.#work = this.#work.then(async () => {
      try {
        await this.#sync();
        this.#failure = undefined;
      } catch (thrown) {
        this.#failure = NetloomError.from(thrown);
        this.#options.onTrouble?.('', this.#failure.findings);
      }
    });
  }

  async #sync(): Promise<void> {
    const { source } = this.#options;
    for (const { name, joinedWith } of source.physicalNetworks())
      await this.physical.setNetwork(name, joinedWith);
    this.#watchAll();
    const wanted = new Set(source.hosts());
    for (const name of [...this.#hosts.keys()]) if (!wanted.has(name)) await this.#removeHost(name);
    for (const name of wanted) if (!this.#hosts.has(name)) this.#addHost(name);
  }

  #addHost(name: string): void {
    const { source, clock, random, onFrame, onTrouble } = this.#options;
    const soft = new SoftHost({
      host: name,
      clock,
      random,
      physical: this.physical,
      onSwitch: (ofHost, made) => this.#watch(name, ofHost, made),
      networkOf: (nic) => source.nics(name).find((n) => n.name === nic)?.physicalNetwork,
      nics: () => source.nics(name).map(({ physicalNetwork: _cable, ...fact }) => fact),
      ...(onFrame
        ? {
            onWire: (nic, frame) => onFrame({ type: 'wire', host: name, nic }, frame),
            onStack: (id, direction, frame) => onFrame({ type: 'stack', host: name, id, direction }, frame),
          }
        : {}),
    });
    const agent = new Agent(name, soft);
    const counting = new Counting(agent, clock);
    const reporter = new Reporter({
      agent,
      engine: soft,
      version: this.#options.version ?? '',
      send: (report) => client.report(report),
    });
    const client = new PolicyClient({
      host: name,
      bootNonce: `lab-${name}`,
      transport: this.#transport,
      clock: systemClock,
      // Not the lab's: how often the stream draws depends on real time, and would change what the guests draw.
      random: Math.random,
      handler: {
        onSnapshot: async (policy) => {
          const records = recordsOf(policy);
          const { findings } = await agent.replace(records);
          for (const record of records) this.#machine(soft, record);
          return findings;
        },
        onDelta: async (delta) => {
          await this.#options.beforePolicy?.(name);
          const changes = changesOf(delta);
          const old = changes.map(({ key }) => agent.records().get(key));
          const { findings } = await agent.apply(changes);
          for (const [i, { record }] of changes.entries()) {
            if (record) this.#machine(soft, record);
            else this.#removeMachine(soft, old[i]);
          }
          return findings;
        },
        onCheck: (repair) => reporter.report(repair),
        onCount: () => counting.count(),
      },
      onTrouble: (trouble) => trouble && onTrouble?.(name, [trouble]),
    });
    const { inspectEvery } = this.#options;
    const stopLooking = inspectEvery === undefined ? () => {} : reporter.start(clock, inspectEvery);
    const stopAdvertising = advertiseRegularly(agent, clock);
    this.#hosts.set(name, { soft, agent, client, stopLooking, stopAdvertising });
    client.start();
  }

  async #removeHost(name: string): Promise<void> {
    const host = this.#hosts.get(name);
    if (!host) return;
    this.#hosts.delete(name);
    host.stopLooking();
    host.stopAdvertising();
    await host.client.stop();
    await host.soft.close();
  }

  #machine(soft: SoftHost, record: PolicyRecord): void {
    if (record.kind !== 'port' || record.owner !== 'vm') return;
    const present = this.#machines.get(record.id);
    // A host that stands by has everything that the machine needs but the machine.
    if (record.migration === 'standby' && present?.host !== soft.host) return;
    if (present) {
      const stays = present.host !== soft.host && record.migration !== undefined && this.#byHand;
      if (!stays) present.update(record, soft);
      return;
    }
    const { clock, random, onFrame } = this.#options;
    const machine = new Machine(record, soft, {
      clock,
      random,
      onFrame: (port, direction, frame) => onFrame?.({ type: 'vnic', port, direction }, frame),
    });
    this.#machines.set(record.id, machine);
  }

  /** A machine that is on another host by now, or is about to be, keeps running. */
  #removeMachine(soft: SoftHost, record: PolicyRecord | undefined): void {
    if (record?.kind !== 'port' || record.owner !== 'vm') return;
    const machine = this.#machines.get(record.id);
    if (machine?.host !== soft.host) return;
    const { policy } = this.#options.source.feed;
    const key = recordKey(record);
    if ([...this.#hosts.keys()].some((host) => host !== soft.host && policy.get(hostScope(host), key))) {
      soft.unplug(record.id);
      return;
    }
    machine.close();
    this.#machines.delete(record.id);
  }
}
