/**
 * Hosts and machines of a lab, following the controller: each Host object gets a softswitch host with an agent that is
 * connected by the policy stream, each port record of a VM a running guest.
 */
import { Agent, type RecordChange } from '../agent/agent.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { type Finding, NetloomError, throwIfErrors } from '../base/error.ts';
import type { Controller } from '../controller/controller.ts';
import type { Host, PhysicalNetwork } from '../model/kinds.ts';
import { isKind } from '../model/kinds.ts';
import { hostScope, type PolicyRecord, type PortRecord, recordKey } from '../policy/records.ts';
import type { PolicyDelta, PolicyView } from '../policy/set.ts';
import type { SwitchEvent } from '../softswitch/events.ts';
import type { SoftSwitch } from '../softswitch/switch.ts';
import { PolicyClient } from '../stream/client.ts';
import { memoryTransport } from '../stream/memory.ts';
import { policyRoutes } from '../stream/server.ts';
import { Machine } from './machine.ts';
import { PhysicalFabric } from './physical.ts';
import { SoftHost } from './soft-host.ts';

export interface FabricOptions {
  readonly controller: Controller;
  /** Time of guests and switches. The stream between controller and agents runs on real time. */
  readonly clock: Clock;
  readonly random: () => number;
  /** Every frame on a machine's virtual cable, and on the cables between hosts and physical networks. */
  readonly onFrame?: (place: FramePlace, frame: Uint8Array) => void;
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
  /** What kept the hosts from being as the controller has them, the last time. */
  #failure: NetloomError | undefined;
  #stopWatching = () => {};

  constructor(options: FabricOptions) {
    this.#options = options;
    this.physical = new PhysicalFabric(options.clock);
    this.#transport = memoryTransport(policyRoutes(options.controller.feed, { clock: systemClock }));
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

  /** Brings the hosts up, and keeps following the controller. */
  async start(): Promise<void> {
    const { controller } = this.#options;
    this.#stopWatching = controller.watch((commit) => {
      if (commit.objects.some(({ kind }) => kind === 'Host' || kind === 'PhysicalNetwork')) this.#follow();
    });
    this.#follow();
    await this.settled();
  }

  /** All hosts have the latest revision in force. Throws what a host could not do. */
  async settled(): Promise<void> {
    const { feed } = this.#options.controller;
    await this.#work;
    if (this.#failure) throw this.#failure;
    const statuses = await feed.whenApplied(feed.revision, [...this.#hosts.keys()]);
    throwIfErrors(statuses.flatMap(({ outcome }) => outcome?.findings ?? []));
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
    const { network } = this.#options.controller;
    for (const { object } of network.list('PhysicalNetwork')) {
      if (isKind(object, 'PhysicalNetwork')) await this.#physicalNetwork(object);
    }
    this.#watchAll();
    const wanted = new Map<string, Host>();
    for (const { object } of network.list('Host'))
      if (isKind(object, 'Host')) wanted.set(object.name, object);
    for (const name of [...this.#hosts.keys()]) if (!wanted.has(name)) await this.#removeHost(name);
    for (const host of wanted.values()) if (!this.#hosts.has(host.name)) this.#addHost(host.name);
  }

  #physicalNetwork(network: PhysicalNetwork): Promise<void> {
    return this.physical.setNetwork(network.name, network.joinedWith);
  }

  #addHost(name: string): void {
    const { controller, clock, random, onFrame, onTrouble } = this.#options;
    const soft = new SoftHost({
      host: name,
      clock,
      random,
      physical: this.physical,
      onSwitch: (ofHost, made) => this.#watch(name, ofHost, made),
      networkOf: (nic) => {
        const host = controller.network.fact(`Host/${name}`);
        return isKind(host, 'Host') ? host.nics.find((n) => n.name === nic)?.physicalNetwork : undefined;
      },
      ...(onFrame
        ? {
            onWire: (nic, frame) => onFrame({ type: 'wire', host: name, nic }, frame),
            onStack: (id, direction, frame) => onFrame({ type: 'stack', host: name, id, direction }, frame),
          }
        : {}),
    });
    const agent = new Agent(name, soft);
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
          const changes = changesOf(delta);
          const old = changes.map(({ key }) => agent.records().get(key));
          const { findings } = await agent.apply(changes);
          for (const [i, { record }] of changes.entries()) {
            if (record) this.#machine(soft, record);
            else this.#removeMachine(soft, old[i]);
          }
          return findings;
        },
      },
      onTrouble: (trouble) => trouble && onTrouble?.(name, [trouble]),
    });
    this.#hosts.set(name, { soft, agent, client });
    client.start();
  }

  async #removeHost(name: string): Promise<void> {
    const host = this.#hosts.get(name);
    if (!host) return;
    this.#hosts.delete(name);
    await host.client.stop();
    await host.soft.close();
  }

  #machine(soft: SoftHost, record: PolicyRecord): void {
    if (record.kind !== 'port' || record.owner !== 'vm') return;
    const present = this.#machines.get(record.id);
    if (present) {
      present.update(record, soft);
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
    const { policy } = this.#options.controller.feed;
    const key = recordKey(record);
    if ([...this.#hosts.keys()].some((host) => host !== soft.host && policy.get(hostScope(host), key))) {
      soft.unplug(record.id);
      return;
    }
    machine.close();
    this.#machines.delete(record.id);
  }
}

function recordsOf(policy: PolicyView): PolicyRecord[] {
  return policy.scopes().flatMap((scope) => [...policy.scope(scope).values()]);
}

/** Without scopes: a key that leaves one scope and enters another in the same delta is there. */
function changesOf(delta: PolicyDelta): RecordChange[] {
  const present = new Set(delta.changes.flatMap(({ record }) => (record ? recordKey(record) : [])));
  return delta.changes
    .filter(({ key, record }) => record !== undefined || !present.has(key))
    .map(({ key, record }) => ({ key, ...(record ? { record } : {}) }));
}
