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
import { output } from '../flow/actions.ts';
import type { Datapath, PacketIn, PortSpec } from '../flow/datapath.ts';
import type { ExplainedFlow, Flow } from '../flow/flow.ts';
import { flowKey } from '../flow/same.ts';
import { type Binding, factKey, type PipelineFact, portOf } from '../pipeline/facts.ts';
import { Pipeline } from '../pipeline/pipeline.ts';
import { metersOf, PUNT } from '../pipeline/punt.ts';
import {
  type AclRecord,
  type MirrorRecord,
  type PolicyRecord,
  type PortRecord,
  recordKey,
} from '../policy/records.ts';
import { type AclDecision, readDecision } from './acl-report.ts';
import { Bindings, type BoundPort } from './bindings.ts';
import { type Counts, countsOf, type Overview, overviewOf } from './counts.ts';
import type { Engine } from './engine.ts';
import { advertiseTo, askNeighbours, type Sender } from './frames-out.ts';
import { type Neighbour, Peers } from './neighbours.ts';
import { portsOf, type WantedPort } from './ports.ts';
import { answerTo } from './questions.ts';
import { portWithId, type Records } from './records.ts';
import { Advertiser } from './router-advertiser.ts';
import { releasesFirst, withoutMinimum } from './shares.ts';
import { type FlowCount, Switches } from './switches.ts';
import { type Checked, check, type Repaired, type Running, repair } from './upkeep.ts';

/** A record that is new or has changed; without `record`, one that is gone. */
export interface RecordChange {
  readonly key: string;
  readonly record?: PolicyRecord;
}

export interface Applied {
  readonly ok: boolean;
  readonly findings: readonly Finding[];
  /** Flows added and removed, over all switches. */
  readonly flows: FlowCount;
}

/** A switch whose engine was started anew, and what came of giving its flows back to it. */
export interface Restored extends Applied {
  readonly switch: string;
}

export class Agent {
  readonly host: string;
  readonly #engine: Engine;
  readonly #pipeline = new Pipeline();
  readonly #records = new Map<string, PolicyRecord>();
  /** Those of the records that ask for mirrors. */
  readonly #mirrors = new Map<string, MirrorRecord>();
  /** Those that are port ACLs, by the number that their rules name. */
  readonly #acls = new Map<number, AclRecord>();
  /** Keys of the vNICs whose VM is being moved. */
  readonly #moving = new Set<string>();
  readonly #switches = new Switches();
  readonly #bindings = new Bindings();
  #onDecision: (decision: AclDecision) => void = () => {};
  #onRestored: (restored: Restored) => void = () => {};
  #onForeignChange: () => void = () => {};
  readonly #advertiser = new Advertiser();
  readonly #peers = new Peers();
  #hasNewPeers = false;
  #onNeighbours: (what: 'changed' | 'forgotten') => void = () => {};
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

  /**
   * The switches, and how they differ from what the policy wants: ports, flows and limits that are gone, changed, or there
   * without need. Changes nothing. Ports and flows of others are nobody's business here.
   */
  check(): Promise<Checked> {
    return this.#enqueue(() => check(this.#running()));
  }

  /** Makes everything as the policy wants it, in one bundle a switch, and looks again. */
  repair(): Promise<Repaired> {
    return this.#enqueue(() => repair(this.#running()));
  }

  /** The virtual switches that there are, with what is on them and what they have dropped. */
  overview(): Promise<Overview> {
    return this.#enqueue(() => overviewOf(this.#switches.all, (...flow) => this.explain(...flow)));
  }

  /** Whether the VM of any vNIC is being moved. */
  isMoving(): boolean {
    return this.#moving.size > 0;
  }

  /** The router of each virtual subnet with IPv6 tells every guest about itself (router-advertiser.ts). */
  advertise(): Promise<void> {
    return this.#enqueue(() => advertiseTo(this.#sender(), this.#advertiser, [...this.#records.values()]));
  }

  /** Whom this host sends encapsulated frames to, or the gateways to them. */
  neighbours(): readonly Neighbour[] {
    return this.#peers.neighbours(this.#records);
  }

  /** Told when `neighbours` may have changed, or when a switch has forgotten where they are. */
  onNeighbours(handler: (what: 'changed' | 'forgotten') => void): void {
    this.#onNeighbours = handler;
  }

  /** Asks neighbours where they are, so that the switch sees their answers. Never rejects. */
  ask(neighbours: readonly Neighbour[]): Promise<void> {
    return askNeighbours(this.#sender(), neighbours);
  }

  /** Told of each decision that a rule of a port ACL with `log` makes, as far as the limit for its port allows. */
  onAclDecision(handler: (decision: AclDecision) => void): void {
    this.#onDecision = handler;
  }

  /** Told each time that a switch has lost its flows, because its engine was started anew, and has been given them again. */
  onRestored(handler: (restored: Restored) => void): void {
    this.#onRestored = handler;
  }

  /** Told soon after somebody else has changed flows of a switch; `check` says what came of it. */
  onForeignChange(handler: () => void): void {
    this.#onForeignChange = handler;
  }

  /** What went through the ports of the policy, and what rules decided and dropped; over all switches. */
  counts(): Promise<Counts> {
    return this.#enqueue(() =>
      countsOf(this.#switches.all, this.#bindings, this.#acls.values(), (...flow) => this.explain(...flow)),
    );
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

  records(): Records {
    return this.#records;
  }

  /** Where a port is in the engine; undefined while it is not there. */
  port(
    port: string,
  ): { readonly switch: string; readonly name: string; readonly number: number } | undefined {
    const bound = this.#bindings.get(port);
    return bound && { switch: bound.switch, name: bound.spec.name, number: bound.number };
  }

  /** What a port number of a switch is for. */
  portAt(switchName: string, number: number): string | undefined {
    return this.#bindings.at(switchName, number);
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
      const { wanted, unwanted, closing, gone } = this.#take(changes, facts);
      for (const port of unwanted) this.#unbind(port, facts, leaving);
      for (const { switch: name, spec } of leaving) await this.#release(name, spec);
      const inOrder = releasesFirst(wanted, (port) => this.#bindings.get(port)?.spec);
      for (const port of inOrder) await this.#bind(port, facts, leaving);
      const flows = await this.#program(facts);
      await this.#switches.mirror(this.#mirrors);
      const findings = await this.#switches.export(this.#records);
      for (const { switch: name, spec, port, number } of leaving) {
        const datapath = closing.has(name) ? undefined : this.#switches.get(name);
        await datapath?.removePort(spec.name);
        if (isVnic(port)) for (const { id } of metersOf(number)) await datapath?.removeMeter(id);
      }
      for (const name of closing) {
        this.#switches.delete(name);
        await this.#engine.removeSwitch(name);
      }
      for (const id of gone) this.#advertiser.forget(id);
      await advertiseTo(
        this.#sender(),
        this.#advertiser,
        changes.flatMap(({ record }) => record ?? []),
      );
      return { ok: true, findings, flows };
    } catch (thrown) {
      this.#switches.flowsAreUnknown();
      // The facts are taken in all the same: they are what is wanted, and the next change finds what is missing.
      if (facts.size > 0) this.#pipeline.apply(facts);
      return { ok: false, findings: NetloomError.from(thrown).findings, flows: { added: 0, removed: 0 } };
    } finally {
      if (this.#hasNewPeers) this.#onNeighbours('changed');
      this.#hasNewPeers = false;
    }
  }

  /** Notes the new records, and which ports, switches and vNICs they add and take away. */
  #take(changes: readonly RecordChange[], facts: Map<string, PipelineFact | undefined>) {
    const before = new Set<string>();
    const wanted = new Map<string, WantedPort>();
    const closing = new Set<string>();
    const gone: string[] = [];
    for (const { key, record } of changes) {
      const old = this.#records.get(key);
      for (const { port } of old ? portsOf(old) : []) before.add(port);
      for (const port of record ? portsOf(record) : []) wanted.set(port.port, port);
      facts.set(key, record);
      if (this.#peers.take(old, record)) this.#hasNewPeers = true;
      if (record) this.#records.set(key, record);
      else this.#records.delete(key);
      if (record?.kind === 'mirror') this.#mirrors.set(key, record);
      else this.#mirrors.delete(key);
      if (old?.kind === 'acl' && this.#acls.get(old.number) === old) this.#acls.delete(old.number);
      if (record?.kind === 'acl') this.#acls.set(record.number, record);
      if (record?.kind === 'port' && record.migration) this.#moving.add(key);
      else this.#moving.delete(key);
      if (old?.kind === 'switch' && !record) closing.add(old.name);
      if (old?.kind === 'port' && !record) gone.push(old.id);
    }
    const unwanted = [...before].filter((port) => !wanted.has(port));
    return { wanted: wanted.values(), unwanted, closing, gone };
  }

  #unbind(port: string, facts: Map<string, PipelineFact | undefined>, leaving: BoundPort[]): void {
    const bound = this.#bindings.get(port);
    if (!bound) return;
    leaving.push(bound);
    this.#bindings.delete(bound);
    facts.set(factKey({ kind: 'binding', port, number: bound.number }), undefined);
  }

  async #bind(
    wanted: WantedPort,
    facts: Map<string, PipelineFact | undefined>,
    leaving: BoundPort[],
  ): Promise<void> {
    const old = this.#bindings.get(wanted.port);
    if (old && old.switch !== wanted.switch) leaving.push(old);
    const datapath = await this.#open(wanted.switch);
    const number = await datapath.setPort(wanted.spec);
    if (isVnic(wanted.port)) for (const meter of metersOf(number)) await datapath.setMeter(meter);
    this.#bindings.set(wanted, number);
    const binding: Binding = { kind: 'binding', port: wanted.port, number };
    if (old?.number !== number || old.switch !== wanted.switch) facts.set(factKey(binding), binding);
  }

  async #open(name: string): Promise<Datapath> {
    const known = this.#switches.get(name);
    if (known) return known;
    const datapath = await this.#engine.openSwitch(name);
    this.#switches.add(name, datapath);
    // A guest may send anything: what cannot be answered is no reason to end.
    datapath.onPacketIn((packet) => void this.#answer(name, datapath, packet).catch(() => {}));
    datapath.onForeignChange(() => this.#onForeignChange());
    datapath.onReset(() => {
      void this.#enqueue(() => this.#restore(name, datapath)).then((restored) => this.#onRestored(restored));
    });
    return datapath;
  }

  /** All flows in one bundle; the limits that they name are there again (flow/datapath.ts, onReset). Never rejects. */
  async #restore(name: string, datapath: Datapath): Promise<Restored> {
    if (this.#switches.get(name) !== datapath) return { switch: name, ...NOTHING_DONE };
    this.#switches.wasReset(name);
    try {
      const flows = await this.#program(new Map());
      await this.#switches.mirror(this.#mirrors);
      return { switch: name, ok: true, findings: [], flows };
    } catch (thrown) {
      return { switch: name, ...NOTHING_DONE, ok: false, findings: NetloomError.from(thrown).findings };
    } finally {
      this.#onNeighbours('forgotten');
    }
  }

  /** What a port that is about to go has of its uplink is for others from now on. */
  async #release(switchName: string, spec: PortSpec): Promise<void> {
    const poor = withoutMinimum(spec);
    if (poor) await this.#switches.get(switchName)?.setPort(poor);
  }

  /** What the facts change, to the switches. */
  #program(facts: Map<string, PipelineFact | undefined>): Promise<FlowCount> {
    const changes = this.#pipeline.apply(facts);
    facts.clear();
    return this.#switches.program(changes, () => this.flows());
  }

  /** What upkeep looks at and works with. */
  #running(): Running {
    const facts = new Map<string, PipelineFact | undefined>();
    return {
      engine: this.#engine,
      records: this.#records,
      switches: this.#switches.all,
      flows: () => this.#pipeline.outputs(),
      numberOf: ({ port, switch: name }) => {
        const bound = this.#bindings.get(port);
        return bound?.switch === name ? bound.number : undefined;
      },
      forget: (name) => this.#switches.delete(name),
      open: (name) => this.#open(name),
      bind: (port) => this.#bind(port, facts, []),
      program: async () => {
        this.#switches.allIsUnknown();
        this.#bindings.renumber();
        await this.#program(facts);
        await this.#switches.mirror(this.#mirrors);
        await this.#switches.export(this.#records);
      },
    };
  }

  #portRecord(switchName: string, number: number): PortRecord | undefined {
    const port = this.portAt(switchName, number);
    return port && isVnic(port) ? portWithId(this.#records, port.slice(VNIC.length)) : undefined;
  }

  async #answer(switchName: string, datapath: Datapath, packet: PacketIn): Promise<void> {
    if (packet.userdata === PUNT.aclLog) {
      const decision = readDecision(
        packet,
        (number) => this.#acls.get(number),
        (number) => this.#portRecord(switchName, number),
      );
      if (decision) this.#onDecision(decision);
      return;
    }
    const port = this.#portRecord(switchName, packet.inPort);
    const answer = port && answerTo(port, packet, this.#records);
    // An answer that the switch does not take is lost, and asked for again.
    if (answer) await datapath.packetOut(packet.inPort, answer, [output('in_port')]).catch(() => {});
  }

  /** What sending frames takes. */
  #sender(): Sender {
    const datapathOf = (name: string) => this.#switches.get(name);
    return { records: this.#records, bindings: this.#bindings, datapathOf };
  }
}

const NOTHING_DONE: Applied = { ok: true, findings: [], flows: { added: 0, removed: 0 } };

/** What `portOf` puts before the id of a vNIC. */
const VNIC = portOf.vnic('');

function isVnic(port: string): boolean {
  return port.startsWith(VNIC);
}
