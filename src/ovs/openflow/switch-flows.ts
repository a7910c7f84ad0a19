/**
 * The flow half of a Datapath on Open vSwitch: flows, groups, meters and packets of one bridge, over its OpenFlow connection.
 * (The other half, ports and mirrors, is in the database: ovs/ports.)
 *
 * What Open vSwitch forgets when it is started anew is given back to it here as far as this file knows it: the configuration of the
 * connection, groups, meters, and flows of the engine's own. The flows of the pipeline are the agent's to compare, who hears of it
 * by `onReset`.
 */
import type { Clock } from '../../base/clock.ts';
import { type Finding, NetloomError, throwIfErrors } from '../../base/error.ts';
import type { Policing } from '../../flow/bandwidth.ts';
import { flowFindings } from '../../flow/check.ts';
import type { Datapath, FlowChange, FlowStats, Group, Meter, PacketIn } from '../../flow/datapath.ts';
import type { Action, Flow } from '../../flow/flow.ts';
import { flowKey, sameFlow } from '../../flow/same.ts';
import { formatFlow } from '../../flow/text.ts';
import { commitBundle, type Refused } from './bundle.ts';
import { isDelete } from './codec/flow-messages.ts';
import type { FlowCommand, FlowMod, Message } from './codec/message.ts';
import { type Exchange, OpenflowConnection } from './connection.ts';
import { dumpedFlows, versionOf } from './dump.ts';
import { GroupsAndMeters } from './groups-and-meters.ts';
import { Packets } from './packets.ts';
import { entryPort } from './policing.ts';
import { PortPolicing } from './port-policing.ts';
import { refused } from './refusal.ts';
import { configure, restore, watchFlows } from './set-up.ts';

export interface SwitchFlowsOptions {
  /** The OpenFlow socket of the bridge. */
  readonly path: string;
  readonly clock: Clock;
  /** Gives numbers in [0, 1). */
  readonly random: () => number;
  readonly onTrouble?: (trouble: Finding | undefined) => void;
  /** The queue that what comes in by a port waits in where it leaves (ports/qos.ts). Default: none. */
  readonly queueOf?: (port: number) => number | undefined;
}

type FlowHalf = Pick<
  Datapath,
  | 'applyFlows'
  | 'dumpFlows'
  | 'setGroup'
  | 'removeGroup'
  | 'setMeter'
  | 'removeMeter'
  | 'meters'
  | 'packetOut'
  | 'onPacketIn'
  | 'onReset'
  | 'onForeignChange'
  | 'close'
>;

export class SwitchFlows implements FlowHalf {
  readonly #connection: OpenflowConnection;
  readonly #packetIns: ((packet: PacketIn) => void)[] = [];
  readonly #ownPacketIns: ((packet: PacketIn) => void)[] = [];
  readonly #resets: (() => void)[] = [];
  readonly #foreignChanges: (() => void)[] = [];
  readonly #onTrouble: (trouble: Finding) => void;
  readonly #queueOf: (port: number) => number | undefined;
  readonly #groupsAndMeters: GroupsAndMeters;
  readonly #packets: Packets;
  /** Flows that the engine has for itself, by identity. */
  #own = new Map<string, Flow>();
  readonly #policing: PortPolicing;
  #bundles = 0;

  constructor({ path, clock, random, onTrouble, queueOf }: SwitchFlowsOptions) {
    this.#queueOf = (port) => queueOf?.(port);
    this.#onTrouble = (trouble) => onTrouble?.(trouble);
    const exchange: Exchange = (messages, next) => this.#connection.exchange(messages, next);
    this.#groupsAndMeters = new GroupsAndMeters(exchange);
    this.#packets = new Packets(exchange);
    this.#policing = new PortPolicing({
      exchange,
      commit: (changes) => this.#commit(changes),
      putMeter: (meter) => this.#groupsAndMeters.putMeter(meter),
      deleteMeter: (id) => this.#groupsAndMeters.deleteMeter(id),
      isOwn: (flow) => this.#own.has(flowKey(flow)),
    });
    this.#connection = new OpenflowConnection({
      path,
      clock,
      random,
      setUp: (first) => this.#setUp(first),
      onMessage: (message) => this.#hear(message),
      onReady: (again) => {
        if (again) this.#tell(this.#resets, undefined);
      },
      ...(onTrouble ? { onTrouble } : {}),
    });
  }

  /** Packet-ins that were not heard, because the switch had too many answers to take. */
  get unheard(): number {
    return this.#packets.unheard;
  }

  // ------------------------------------------------------------------------------------------------------- flows

  async applyFlows({ add, remove }: FlowChange): Promise<void> {
    throwIfErrors(add.flatMap(flowFindings));
    await this.#commit([
      ...remove.map((flow) => flowMod('delete-strict', flow)),
      ...add.map((flow) => flowMod('add', this.#policing.loaded(flow))),
    ]);
  }

  async dumpFlows(): Promise<readonly FlowStats[]> {
    const flows = await dumpedFlows(this.#connection.exchange);
    return flows.flatMap((each) => {
      const own = this.#own.get(flowKey(each.flow));
      return own && sameFlow(own, each.flow) ? [] : [{ ...each, flow: this.#policing.read(each.flow) }];
    });
  }

  /** The flows that the engine has for itself, from now on: `dumpFlows` does not show them. Their packets come to `onOwnPacketIn`. */
  async setOwnFlows(flows: readonly Flow[]): Promise<void> {
    const wanted = new Map(flows.map((flow) => [flowKey(flow), flow]));
    const gone = [...this.#own].filter(([key]) => !wanted.has(key)).map(([, flow]) => flow);
    await this.#commit([
      ...gone.map((flow) => flowMod('delete-strict', flow)),
      ...flows.map((flow) => flowMod('add', flow)),
    ]);
    this.#own = wanted;
  }

  /** Polices what comes in by a port from now on, or does not any more. `dumpFlows` and `meters` do not show it. */
  setPolicing(port: number, policing: Policing | undefined): Promise<void> {
    return this.#policing.set(port, policing);
  }

  /** The ports that the switch does not police as it was told to. */
  unpoliced(): Promise<ReadonlySet<number>> {
    return this.#policing.unpoliced();
  }

  // ---------------------------------------------------------------------------------------------- groups, meters

  setGroup(group: Group): Promise<void> {
    return this.#groupsAndMeters.setGroup(group);
  }

  removeGroup(id: number): Promise<void> {
    return this.#groupsAndMeters.removeGroup(id);
  }

  setMeter(meter: Meter): Promise<void> {
    return this.#groupsAndMeters.setMeter(meter);
  }

  removeMeter(id: number): Promise<void> {
    return this.#groupsAndMeters.removeMeter(id);
  }

  meters(): Promise<ReadonlyMap<number, Meter>> {
    return this.#groupsAndMeters.readMeters();
  }

  /** Of Open vSwitch: `3.1.0`. */
  version(): Promise<string | undefined> {
    return versionOf(this.#connection.exchange);
  }

  // ----------------------------------------------------------------------------------------------------- packets

  packetOut(inPort: number, frame: Uint8Array, actions: readonly Action[]): Promise<void> {
    return this.#packets.send(inPort, frame, actions);
  }

  onPacketIn(handler: (packet: PacketIn) => void): void {
    this.#packetIns.push(handler);
  }

  /** Told of the packets that flows of the engine's own send here. */
  onOwnPacketIn(handler: (packet: PacketIn) => void): void {
    this.#ownPacketIns.push(handler);
  }

  onReset(handler: () => void): void {
    this.#resets.push(handler);
  }

  onForeignChange(handler: () => void): void {
    this.#foreignChanges.push(handler);
  }

  async close(): Promise<void> {
    this.#connection.close();
  }

  #hear(message: Message): void {
    if (message.type === 'reply' && message.about === 'flow-monitor') {
      // What we did ourselves comes as its transaction id alone.
      // Nobody else knows of the flows that are ours alone.
      if (message.updates.some((update) => 'flow' in update && this.#own.has(flowKey(update.flow))))
        void this.#giveBack(this.#connection.exchange).catch((thrown: unknown) => this.#troubles(thrown));
      if (message.updates.some(({ event }) => event !== 'abbreviated'))
        this.#tell(this.#foreignChanges, undefined);
      return;
    }
    const packet = message.type === 'packet-in' ? this.#packets.hear(message) : undefined;
    if (!packet) return;
    const isOwn = [...this.#own.values()].some(({ cookie }) => cookie === packet.cookie);
    this.#tell(isOwn ? this.#ownPacketIns : this.#packetIns, packet);
  }

  /** A defect of one handler is no reason to hang up on the switch. */
  #tell<T>(handlers: readonly ((what: T) => void)[], what: T): void {
    for (const handler of handlers) {
      try {
        handler(what);
      } catch (thrown) {
        this.#troubles(thrown);
      }
    }
  }

  #troubles(thrown: unknown): void {
    for (const trouble of NetloomError.from(thrown).findings) this.#onTrouble(trouble);
  }

  async #setUp(exchange: Exchange): Promise<void> {
    await configure(exchange);
    await this.#policing.find(exchange);
    await this.#giveBack(exchange);
    await watchFlows(exchange);
  }

  async #giveBack(exchange: Exchange): Promise<void> {
    const problem = await restore(exchange, {
      meters: [...this.#groupsAndMeters.meters, ...this.#policing.meters()],
      groups: this.#groupsAndMeters.groups,
      flows: [...this.#own.values()],
    });
    if (problem) this.#troubles(problem);
  }

  #bundle(messages: readonly FlowMod[]): Promise<Refused | undefined> {
    this.#bundles = (this.#bundles + 1) % 2 ** 32;
    return commitBundle(this.#connection.exchange, this.#bundles, messages);
  }

  /** With set_queue where frames of a port come in; what is read of a flow does not show it. */
  #queued(message: FlowMod): FlowMod {
    const port = isDelete(message.command) ? undefined : entryPort(message.flow);
    const queue = port === undefined ? undefined : this.#queueOf(port);
    return queue === undefined ? message : { ...message, queue };
  }

  async #commit(messages: readonly FlowMod[]): Promise<void> {
    if (messages.length === 0) return;
    const queued = messages.map((message) => this.#queued(message));
    let refusal = await this.#bundle(queued);
    if (refusal && /METER|GROUP/.test(refusal.error.name)) {
      // Somebody has taken away what was set: that is to be no reason to refuse every change from now on.
      await this.#giveBack(this.#connection.exchange);
      refusal = await this.#bundle(queued);
    }
    if (!refusal) return;
    const culprit = refusal.index === undefined ? undefined : messages[refusal.index];
    const what = culprit ? `The flow "${formatFlow(culprit.flow)}"` : 'A change of flows';
    throw refused(what, refusal.error);
  }
}

function flowMod(command: FlowCommand, flow: Flow): FlowMod {
  return { type: 'flow-mod', command, flow };
}
