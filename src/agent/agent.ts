/**
 * The agent of one host: it makes the engine agree with the host policy, and answers what the switch asks.
 *
 *     policy records --portsOf--> ports of the engine --numbers--> bindings
 *            \_____________________ facts ____________________________/
 *                                     |
 *                        pipeline: flows that come and go --> one bundle a switch
 *
 * Order: ports appear before flows speak of them, and go after the flows are gone. Flows are desired minus actual;
 * only flows with our cookie are ever touched, and nothing is flushed at the start.
 */
import { type Finding, NetloomError } from '../base/error.ts';
import { entryOf } from '../base/map.ts';
import { output } from '../flow/actions.ts';
import type { Datapath, PacketIn } from '../flow/datapath.ts';
import type { ExplainedFlow, Flow } from '../flow/flow.ts';
import { flowKey, sameFlow } from '../flow/same.ts';
import { isOurs } from '../pipeline/cookies.ts';
import { type Binding, factKey, type PipelineFact, portOf } from '../pipeline/facts.ts';
import { Pipeline } from '../pipeline/pipeline.ts';
import { errorMeter, PUNT } from '../pipeline/punt.ts';
import { type PolicyRecord, type PortRecord, recordKey } from '../policy/records.ts';
import { answerDhcp } from './dhcp-responder.ts';
import type { Engine } from './engine.ts';
import { answerError } from './error-responder.ts';
import { portsOf, type WantedPort } from './ports.ts';

/** A record that is new or has changed; without `record`, one that is gone. */
export interface RecordChange {
  readonly key: string;
  readonly record?: PolicyRecord;
}

export interface Applied {
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  /** Flows added and removed, over all switches. */
  readonly flows: { readonly added: number; readonly removed: number };
}

interface Switch {
  readonly datapath: Datapath;
  /** The engine may not have what the pipeline wants: compare before anything else. */
  stale: boolean;
}

interface BoundPort extends WantedPort {
  readonly number: number;
}

export class Agent {
  readonly host: string;
  readonly #engine: Engine;
  readonly #pipeline = new Pipeline();
  readonly #records = new Map<string, PolicyRecord>();
  readonly #switches = new Map<string, Switch>();
  readonly #ports = new Map<string, BoundPort>();
  /** place(switch, number) -> what the port is for */
  readonly #numbers = new Map<string, string>();
  #work: Promise<unknown> = Promise.resolve();

  constructor(host: string, engine: Engine) {
    this.host = host;
    this.#engine = engine;
  }

  /** Takes in changes of the policy. Changes are carried out one after another, in the order of the calls. */
  apply(changes: readonly RecordChange[]): Promise<Applied> {
    return this.#enqueue(() => this.#apply(changes));
  }

  /** Replaces the whole policy: what the new one lacks goes. */
  replace(records: Iterable<PolicyRecord>): Promise<Applied> {
    return this.#enqueue(() => {
      const wanted = new Map([...records].map((record) => [recordKey(record), record]));
      const gone = [...this.#records.keys()].filter((key) => !wanted.has(key)).map((key) => ({ key }));
      return this.#apply([...gone, ...[...wanted].map(([key, record]) => ({ key, record }))]);
    });
  }

  /** Everything that was asked for so far is done. */
  async idle(): Promise<void> {
    await this.#work;
  }

  /** The flows that the policy comes to, with the words that explain them. */
  flows(): readonly ExplainedFlow[] {
    return [...this.#pipeline.outputs()];
  }

  /** The explanation of a flow that the engine reported. */
  explain(switchName: string, flow: Flow): ExplainedFlow | undefined {
    return this.#pipeline.output(`${switchName} ${flowKey(flow)}`);
  }

  records(): ReadonlyMap<string, PolicyRecord> {
    return this.#records;
  }

  /** Where a port is in the engine; undefined while it is not there. */
  port(
    port: string,
  ): { readonly switch: string; readonly name: string; readonly number: number } | undefined {
    const bound = this.#ports.get(port);
    return bound && { switch: bound.switch, name: bound.spec.name, number: bound.number };
  }

  /** What a port number of a switch is for. */
  portAt(switchName: string, number: number): string | undefined {
    return this.#numbers.get(place(switchName, number));
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#work.then(work);
    this.#work = result.catch(() => {});
    return result;
  }

  async #apply(changes: readonly RecordChange[]): Promise<Applied> {
    const facts = new Map<string, PipelineFact | undefined>();
    const leaving: BoundPort[] = [];
    try {
      const { wanted, unwanted, closing } = this.#take(changes, facts);
      for (const port of unwanted) this.#unbind(port, facts, leaving);
      for (const port of wanted) await this.#bind(port, facts, leaving);
      const flows = await this.#program(facts);
      for (const { switch: name, spec, port, number } of leaving) {
        const datapath = closing.has(name) ? undefined : this.#switches.get(name)?.datapath;
        await datapath?.removePort(spec.name);
        if (isVnic(port)) await datapath?.removeMeter(number);
      }
      for (const name of closing) {
        this.#switches.delete(name);
        await this.#engine.removeSwitch(name);
      }
      return { ok: true, findings: [], flows };
    } catch (thrown) {
      for (const entry of this.#switches.values()) entry.stale = true;
      // The facts are taken in all the same: they are what is wanted, and the next change finds what is missing.
      if (facts.size > 0) this.#pipeline.apply(facts);
      return { ok: false, findings: NetloomError.from(thrown).findings, flows: { added: 0, removed: 0 } };
    }
  }

  /** Notes the new records, and which ports and switches they add and take away. */
  #take(changes: readonly RecordChange[], facts: Map<string, PipelineFact | undefined>) {
    const before = new Set<string>();
    const wanted = new Map<string, WantedPort>();
    const closing = new Set<string>();
    for (const { key, record } of changes) {
      const old = this.#records.get(key);
      for (const { port } of old ? portsOf(old) : []) before.add(port);
      for (const port of record ? portsOf(record) : []) wanted.set(port.port, port);
      facts.set(key, record);
      if (record) this.#records.set(key, record);
      else this.#records.delete(key);
      if (old?.kind === 'switch' && !record) closing.add(old.name);
    }
    const unwanted = [...before].filter((port) => !wanted.has(port));
    return { wanted: wanted.values(), unwanted, closing };
  }

  #unbind(port: string, facts: Map<string, PipelineFact | undefined>, leaving: BoundPort[]): void {
    const bound = this.#ports.get(port);
    if (!bound) return;
    leaving.push(bound);
    this.#ports.delete(port);
    this.#numbers.delete(place(bound.switch, bound.number));
    facts.set(factKey({ kind: 'binding', port, number: bound.number }), undefined);
  }

  async #bind(
    wanted: WantedPort,
    facts: Map<string, PipelineFact | undefined>,
    leaving: BoundPort[],
  ): Promise<void> {
    const old = this.#ports.get(wanted.port);
    if (old && old.switch !== wanted.switch) leaving.push(old);
    const { datapath } = await this.#open(wanted.switch);
    const number = await datapath.setPort(wanted.spec);
    if (isVnic(wanted.port)) await datapath.setMeter(errorMeter(number));
    this.#ports.set(wanted.port, { ...wanted, number });
    if (old) this.#numbers.delete(place(old.switch, old.number));
    this.#numbers.set(place(wanted.switch, number), wanted.port);
    const binding: Binding = { kind: 'binding', port: wanted.port, number };
    if (old?.number !== number || old.switch !== wanted.switch) facts.set(factKey(binding), binding);
  }

  async #open(name: string): Promise<Switch> {
    let entry = this.#switches.get(name);
    if (!entry) {
      const datapath = await this.#engine.openSwitch(name);
      // What an earlier life of this agent left there is compared with what is wanted, never flushed.
      entry = { datapath, stale: true };
      this.#switches.set(name, entry);
      datapath.onPacketIn((packet) => void this.#answer(name, datapath, packet));
    }
    return entry;
  }

  /** Desired flows minus actual ones, one bundle a switch. */
  async #program(facts: Map<string, PipelineFact | undefined>): Promise<Applied['flows']> {
    const changes = this.#pipeline.apply(facts);
    facts.clear();
    const bySwitch = new Map<string, { add: ExplainedFlow[]; remove: ExplainedFlow[] }>();
    const on = (name: string) => entryOf(bySwitch, name, () => ({ add: [], remove: [] }));
    for (const { before, after } of changes) {
      if (after) {
        // New words for the same flow are no news to the engine.
        if (!before || !sameFlow(before, after)) on(after.switch).add.push(after);
      } else if (before) on(before.switch).remove.push(before);
    }
    const count = { added: 0, removed: 0 };
    for (const [name, entry] of this.#switches) {
      const change = entry.stale ? await this.#compare(name, entry.datapath) : bySwitch.get(name);
      if (!change || (change.add.length === 0 && change.remove.length === 0)) {
        entry.stale = false;
        continue;
      }
      entry.stale = true;
      await entry.datapath.applyFlows(change);
      entry.stale = false;
      count.added += change.add.length;
      count.removed += change.remove.length;
    }
    return count;
  }

  async #compare(name: string, datapath: Datapath): Promise<{ add: Flow[]; remove: Flow[] }> {
    const actual = new Map<string, Flow>();
    for (const { flow } of await datapath.dumpFlows())
      if (isOurs(flow.cookie)) actual.set(flowKey(flow), flow);
    const add: Flow[] = [];
    for (const flow of this.#pipeline.outputs()) {
      if (flow.switch !== name) continue;
      const key = flowKey(flow);
      const present = actual.get(key);
      if (!present || !sameFlow(present, flow)) add.push(flow);
      actual.delete(key);
    }
    return { add, remove: [...actual.values()] };
  }

  /** What the switch asks of the agent. A question that has no good answer stays unanswered. */
  async #answer(switchName: string, datapath: Datapath, packet: PacketIn): Promise<void> {
    const port = this.portAt(switchName, packet.inPort);
    const record = port && isVnic(port) ? this.#records.get(`port/${port.slice('vnic/'.length)}`) : undefined;
    if (record?.kind !== 'port' || port !== portOf.vnic(record.id)) return;
    const reply = this.#replyTo(record, packet);
    if (reply) await datapath.packetOut(packet.inPort, reply, [output('in_port')]);
  }

  #replyTo(port: PortRecord, packet: PacketIn): Uint8Array | undefined {
    switch (packet.userdata) {
      case PUNT.dhcp:
        return answerDhcp(port, packet.frame);
      case PUNT.routerError:
        return answerError(port, packet, this.#records);
      default:
        return undefined;
    }
  }
}

function isVnic(port: string): boolean {
  return port.startsWith(portOf.vnic(''));
}

function place(switchName: string, number: number): string {
  return `${switchName} ${number}`;
}
