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
import type { Datapath, FlowChange, FlowStats, PacketIn, PortSpec } from '../flow/datapath.ts';
import type { ExplainedFlow, Flow } from '../flow/flow.ts';
import { flowKey, sameFlow } from '../flow/same.ts';
import { type Binding, factKey, type PipelineFact, portOf } from '../pipeline/facts.ts';
import { Pipeline } from '../pipeline/pipeline.ts';
import { metersOf, PUNT } from '../pipeline/punt.ts';
import { type MirrorRecord, type PolicyRecord, type PortRecord, recordKey } from '../policy/records.ts';
import type { AclCount, DropCount, PortCounter } from '../stream/counted.ts';
import type { Drift, SwitchFact } from '../stream/report.ts';
import { type AclDecision, countersOf, readDecision } from './acl-report.ts';
import { dropsOf } from './drops.ts';
import type { Engine } from './engine.ts';
import { flowDifference } from './flow-difference.ts';
import { mirrorsOf } from './mirrors.ts';
import { type Neighbour, neighbourQuestion, Peers } from './neighbours.ts';
import { portsOf, type WantedPort } from './ports.ts';
import { answerTo } from './questions.ts';
import { portWithId, type Records, subnetOf } from './records.ts';
import { Advertiser } from './router-advertiser.ts';
import { releasesFirst, withoutMinimum } from './shares.ts';
import { check, type Repaired, type Running, repair } from './upkeep.ts';

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

/** A switch whose engine was started anew, and what came of giving its flows back to it. */
export interface Restored extends Applied {
  readonly switch: string;
}

/** What has been counted on a host. */
interface Counts {
  readonly ports: readonly PortCounter[];
  /** Of every rule, those that decided nothing included. */
  readonly acls: readonly AclCount[];
  /** What was dropped most often comes first. */
  readonly drops: readonly DropCount[];
}

interface Switch {
  readonly datapath: Datapath;
  /** The engine may not have what the pipeline wants: compare before anything else. */
  stale: boolean;
  /** The mirrors that the engine has, as text; undefined: that is not known. */
  mirrors: string | undefined;
  /** The flow export that the engine has, as text, and what it does not do of it; undefined: that is not known. */
  flowExport: { readonly text: string; readonly findings: readonly Finding[] } | undefined;
}

interface BoundPort extends WantedPort {
  readonly number: number;
}

export class Agent {
  readonly host: string;
  readonly #engine: Engine;
  readonly #pipeline = new Pipeline();
  readonly #records = new Map<string, PolicyRecord>();
  /** Those of the records that ask for mirrors. */
  readonly #mirrors = new Map<string, MirrorRecord>();
  readonly #switches = new Map<string, Switch>();
  readonly #ports = new Map<string, BoundPort>();
  /** place(switch, number) -> what the port is for */
  readonly #numbers = new Map<string, string>();
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
   * How the switches differ from what the policy wants: ports, flows and limits that are gone, changed, or there without
   * need. Changes nothing. Ports and flows of others are nobody's business here.
   */
  check(): Promise<readonly Drift[]> {
    return this.#enqueue(() => check(this.#running()));
  }

  /** Makes everything as the policy wants it, in one bundle a switch, and looks again. */
  repair(): Promise<Repaired> {
    return this.#enqueue(() => repair(this.#running()));
  }

  /** The virtual switches that there are, with what is on them. */
  switches(): Promise<readonly SwitchFact[]> {
    return this.#enqueue(async () => {
      const facts: SwitchFact[] = [];
      for (const [name, { datapath }] of this.#switches) {
        const [ports, flows] = [await datapath.ports(), await datapath.dumpFlows()];
        facts.push({ name, ports: ports.size, flows: flows.length });
      }
      return facts.sort((a, b) => (a.name < b.name ? -1 : 1));
    });
  }

  /** The router of each virtual subnet with IPv6 tells every guest about itself (router-advertiser.ts). */
  advertise(): Promise<void> {
    return this.#enqueue(() => this.#advertise([...this.#records.values()]));
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
  async ask(neighbours: readonly Neighbour[]): Promise<void> {
    for (const { logicalNetwork, address } of neighbours) {
      const provider = this.#records.get(`provider/${logicalNetwork}`);
      const bound = this.#ports.get(portOf.provider(logicalNetwork));
      if (provider?.kind !== 'provider' || !bound) continue;
      const datapath = this.#switches.get(bound.switch)?.datapath;
      const question = neighbourQuestion(provider, address);
      // What is lost now is asked again later.
      await datapath?.packetOut(bound.number, question, [output('normal')]).catch(() => {});
    }
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
    return this.#enqueue(async () => {
      const flows: FlowStats[] = [];
      const ports: PortCounter[] = [];
      const drops: DropCount[] = [];
      const portOfName = new Map(
        [...this.#ports.values()].map(({ switch: name, spec, port }) => [place(name, spec.name), port]),
      );
      for (const [name, { datapath }] of this.#switches) {
        for (const { name: portName, ...traffic } of await datapath.traffic()) {
          const port = portOfName.get(place(name, portName));
          if (port !== undefined) ports.push({ port, ...traffic });
        }
        const dumped = await datapath.dumpFlows();
        flows.push(...dumped);
        drops.push(...dropsOf(name, dumped, (flow) => this.explain(name, flow)));
      }
      return { ports, acls: countersOf(this.#records, flows), drops: drops.sort(mostFirst) };
    });
  }

  /** What rules have dropped, over all switches; what was dropped most often comes first. */
  async drops(): Promise<readonly DropCount[]> {
    return (await this.counts()).drops;
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
      const { wanted, unwanted, closing, gone } = this.#take(changes, facts);
      for (const port of unwanted) this.#unbind(port, facts, leaving);
      for (const { switch: name, spec } of leaving) await this.#release(name, spec);
      const inOrder = releasesFirst(wanted, (port) => this.#ports.get(port)?.spec);
      for (const port of inOrder) await this.#bind(port, facts, leaving);
      const flows = await this.#program(facts);
      await this.#mirror();
      const findings = await this.#export();
      for (const { switch: name, spec, port, number } of leaving) {
        const datapath = closing.has(name) ? undefined : this.#switches.get(name)?.datapath;
        await datapath?.removePort(spec.name);
        if (isVnic(port)) for (const { id } of metersOf(number)) await datapath?.removeMeter(id);
      }
      for (const name of closing) {
        this.#switches.delete(name);
        await this.#engine.removeSwitch(name);
      }
      for (const id of gone) this.#advertiser.forget(id);
      await this.#advertise(changes.flatMap(({ record }) => record ?? []));
      return { ok: true, findings, flows };
    } catch (thrown) {
      for (const entry of this.#switches.values()) entry.stale = true;
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
      if (old?.kind === 'switch' && !record) closing.add(old.name);
      if (old?.kind === 'port' && !record) gone.push(old.id);
    }
    const unwanted = [...before].filter((port) => !wanted.has(port));
    return { wanted: wanted.values(), unwanted, closing, gone };
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
    if (isVnic(wanted.port)) for (const meter of metersOf(number)) await datapath.setMeter(meter);
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
      entry = { datapath, stale: true, mirrors: undefined, flowExport: undefined };
      this.#switches.set(name, entry);
      datapath.onPacketIn((packet) => void this.#answer(name, datapath, packet));
      datapath.onForeignChange(() => this.#onForeignChange());
      datapath.onReset(() => {
        void this.#enqueue(() => this.#restore(name, datapath)).then((restored) =>
          this.#onRestored(restored),
        );
      });
    }
    return entry;
  }

  /** All flows in one bundle; the limits that they name are there again (flow/datapath.ts, onReset). Never rejects. */
  async #restore(name: string, datapath: Datapath): Promise<Restored> {
    const entry = this.#switches.get(name);
    if (entry?.datapath !== datapath) return { switch: name, ...NOTHING_DONE };
    entry.stale = true;
    entry.mirrors = undefined;
    try {
      const flows = await this.#program(new Map());
      await this.#mirror();
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
    if (poor) await this.#switches.get(switchName)?.datapath.setPort(poor);
  }

  /** The mirrors that the policy asks for, on every switch that may have others. */
  async #mirror(): Promise<void> {
    for (const [name, entry] of this.#switches) {
      const mirrors = mirrorsOf(name, this.#mirrors.values());
      const text = JSON.stringify(mirrors);
      if (entry.mirrors === text) continue;
      entry.mirrors = undefined;
      await entry.datapath.setMirrors(mirrors);
      entry.mirrors = text;
    }
  }

  /** Whom each switch tells about its traffic. The result: what the engines do not do of it. */
  async #export(): Promise<readonly Finding[]> {
    const all: Finding[] = [];
    for (const [name, entry] of this.#switches) {
      const record = this.#records.get(`switch/${name}`);
      const wanted = record?.kind === 'switch' ? record.flowExport : undefined;
      const text = JSON.stringify(wanted ?? null);
      if (entry.flowExport?.text !== text) {
        entry.flowExport = undefined;
        const findings = await entry.datapath.setFlowExport(wanted);
        const path = `LogicalSwitch/${name}.flowExport`;
        entry.flowExport = { text, findings: findings.map((each) => ({ ...each, path })) };
      }
      all.push(...entry.flowExport.findings);
    }
    return all;
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
      const change = entry.stale ? await this.#missing(name, entry.datapath) : bySwitch.get(name);
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

  /** What upkeep looks at and works with. */
  #running(): Running {
    const facts = new Map<string, PipelineFact | undefined>();
    return {
      engine: this.#engine,
      records: this.#records,
      switches: this.#switches,
      flows: () => this.#pipeline.outputs(),
      numberOf: ({ port, switch: name }) => {
        const bound = this.#ports.get(port);
        return bound?.switch === name ? bound.number : undefined;
      },
      forget: (name) => void this.#switches.delete(name),
      open: (name) => this.#open(name),
      bind: (port) => this.#bind(port, facts, []),
      program: async () => {
        for (const entry of this.#switches.values()) {
          entry.stale = true;
          entry.mirrors = undefined;
          entry.flowExport = undefined;
        }
        // Numbers may have gone from one port to another.
        this.#numbers.clear();
        for (const { switch: name, number, port } of this.#ports.values())
          this.#numbers.set(place(name, number), port);
        await this.#program(facts);
        await this.#mirror();
        await this.#export();
      },
    };
  }

  /** The change that makes the flows of a switch what they should be, whatever they are. */
  async #missing(name: string, datapath: Datapath): Promise<FlowChange> {
    const wanted = this.flows().filter((flow) => flow.switch === name);
    const actual = await datapath.dumpFlows();
    const { missing, changed, extra } = flowDifference(
      wanted,
      actual.map(({ flow }) => flow),
    );
    return { add: [...missing, ...changed.map((each) => each.wanted)], remove: extra };
  }

  #portRecord(switchName: string, number: number): PortRecord | undefined {
    const port = this.portAt(switchName, number);
    return port && isVnic(port) ? portWithId(this.#records, port.slice(VNIC.length)) : undefined;
  }

  async #answer(switchName: string, datapath: Datapath, packet: PacketIn): Promise<void> {
    if (packet.userdata === PUNT.aclLog) {
      const decision = readDecision(packet, this.#records, (number) => this.#portRecord(switchName, number));
      if (decision) this.#onDecision(decision);
      return;
    }
    const port = this.#portRecord(switchName, packet.inPort);
    const answer = port && answerTo(port, packet, this.#records);
    // An answer that the switch does not take is lost, and asked for again.
    if (answer) await datapath.packetOut(packet.inPort, answer, [output('in_port')]).catch(() => {});
  }

  /** To the guests whom one of the records concerns. */
  async #advertise(records: readonly PolicyRecord[]): Promise<void> {
    const subnets = new Set(records.flatMap((record) => (record.kind === 'subnet' ? [record.vsid] : [])));
    const ports = new Set(records.flatMap((record) => (record.kind === 'port' ? [record.id] : [])));
    if (subnets.size === 0 && ports.size === 0) return;
    for (const port of this.#records.values()) {
      if (port.kind !== 'port') continue;
      const subnet = subnetOf(this.#records, port);
      const bound = this.#ports.get(portOf.vnic(port.id));
      if (!bound || !(ports.has(port.id) || (subnet && subnets.has(subnet.vsid)))) continue;
      const datapath = this.#switches.get(bound.switch)?.datapath;
      const offered = port.dhcpv6Server === undefined ? undefined : subnet;
      for (const frame of this.#advertiser.frames(port, offered)) {
        // What is lost now is said again later.
        await datapath?.packetOut(bound.number, frame, [output('in_port')]).catch(() => {});
      }
    }
  }
}

const NOTHING_DONE: Applied = { ok: true, findings: [], flows: { added: 0, removed: 0 } };

/** What `portOf` puts before the id of a vNIC. */
const VNIC = portOf.vnic('');

function isVnic(port: string): boolean {
  return port.startsWith(VNIC);
}

function mostFirst(a: DropCount, b: DropCount): number {
  return b.packets - a.packets || (a.words < b.words ? -1 : 1);
}

/** A port of a switch, by its number or its name. */
function place(switchName: string, port: number | string): string {
  return `${switchName} ${port}`;
}
