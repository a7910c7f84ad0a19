/**
 * The life of blue3/eth0, for docs/life-of-a-vnic.md: life-of-a-vnic.yaml is applied to the lab of blue-red, then the
 * machine gets another address, moves to host2, and goes. Everything is done once; the blocks show parts of it.
 */
import { readFileSync } from 'node:fs';
import { create } from '@bufbuild/protobuf';
import picocolors from 'picocolors';
import { needs } from '../../src/allocate/demand.ts';
import type { Demand } from '../../src/allocate/need.ts';
import { Deriver } from '../../src/base/derive.ts';
import { describeFinding, NetloomError } from '../../src/base/error.ts';
import { canonicalJson, type JsonValue } from '../../src/base/json.ts';
import { changeText } from '../../src/cli/change-text.ts';
import { locateFindings } from '../../src/cli/input.ts';
import type { Change, ChangeSummary } from '../../src/controller/change.ts';
import { Controller } from '../../src/controller/controller.ts';
import type { PortSpec } from '../../src/flow/datapath.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { factChanges } from '../../src/model/facts.ts';
import { parseDocuments } from '../../src/model/input.ts';
import { type ModelObject, objectKey } from '../../src/model/kinds.ts';
import { formatFrame } from '../../src/packet/notation.ts';
import { portOf } from '../../src/pipeline/facts.ts';
import type { PolicyRecord } from '../../src/policy/records.ts';
import type { Commit } from '../../src/store/contract.ts';
import { type ControllerMessage, HelloSchema } from '../../src/stream/gen/policy_pb.ts';
import { PROTOCOL_VERSION } from '../../src/stream/messages.ts';
import { difference, dump, type FlowLine } from './flows.ts';
import { objectsIn, objectsOf, openExample, repeatable } from './labs.ts';
import { columns, fenced, ROOT } from './markdown.ts';

const FILE = 'docs/life-of-a-vnic.yaml';
const EXAMPLE = 'examples/blue-red.yaml';
const HOSTS = ['host1', 'host2'] as const;
const ORIGIN = 'VirtualMachine/blue3';
const OWNER = `${ORIGIN}/eth0`;
/** The second address that it gets. */
const SECOND = '10.0.0.200';

const yaml = () => readFileSync(ROOT + FILE, 'utf8');
const moreAddresses = (text: string) =>
  text.replace('{ vmNetwork: Blue }', `{ vmNetwork: Blue, addresses: [10.0.0.100, ${SECOND}] }`);
const otherHost = (text: string) => text.replace('host: host1', 'host: host2');

type Host = (typeof HOSTS)[number];

interface HostState {
  readonly flows: readonly FlowLine[];
  readonly records: ReadonlyMap<string, PolicyRecord>;
  /** Name of a port -> how it is in the engine. */
  readonly ports: ReadonlyMap<string, { readonly number: number; readonly spec: PortSpec }>;
}

interface Stage {
  readonly summary: ChangeSummary;
  readonly commit: Commit;
  readonly before: ReadonlyMap<Host, HostState>;
  readonly after: ReadonlyMap<Host, HostState>;
  /** Frames on the machine's virtual cable, in the text notation; `>` from it, `<` to it. */
  readonly frames: readonly string[];
  /** What blue1 gets when it pings the machine afterwards. */
  readonly ping: string;
}

const STAGES = {
  create: () => objectsIn(yaml(), FILE).map((object) => ({ object })),
  change: () => machine(moreAddresses(yaml())),
  move: () => machine(otherHost(moreAddresses(yaml()))),
  delete: () => [{ delete: 'VirtualMachine/blue3' as const }],
} satisfies Record<string, () => readonly Change[]>;

function machine(text: string): Change[] {
  return objectsIn(text, FILE)
    .filter(({ kind }) => kind === 'VirtualMachine')
    .map((object) => ({ object }));
}

let life: Promise<ReadonlyMap<string, Stage>> | undefined;

async function live(): Promise<ReadonlyMap<string, Stage>> {
  const lab = await openExample('blue-red');
  try {
    const stages = new Map<string, Stage>();
    for (const [name, changes] of Object.entries(STAGES))
      stages.set(name, await run(lab, changes(), `blue3: ${name}`));
    return stages;
  } finally {
    await lab.close();
  }
}

async function run(lab: Lab, changes: readonly Change[], message: string): Promise<Stage> {
  const before = await states(lab);
  const frames: { readonly port: string; readonly text: string }[] = [];
  for (const { soft } of lab.fabric.hosts.values())
    for (const virtual of soft.switches.values())
      virtual.observe((event) => {
        if (event.type === 'frame-in')
          frames.push({ port: event.name, text: `> ${formatFrame(event.frame)}` });
        if (event.type === 'output') frames.push({ port: event.name, text: `< ${formatFrame(event.frame)}` });
      });
  const summary = await lab.controller.apply(changes, { author: 'admin', message });
  await lab.ready();
  const after = await states(lab);
  for (const { soft } of lab.fabric.hosts.values())
    for (const virtual of soft.switches.values()) virtual.observe(undefined);
  const [commit] = await lab.controller.history({ limit: 1 });
  const id = lab.controller.network.allocation('vnic', OWNER);
  const own = [...lab.fabric.hosts.values()].flatMap(({ agent }) =>
    id === undefined ? [] : (agent.port(portOf.vnic(id))?.name ?? []),
  );
  return {
    summary,
    commit: commit!,
    before,
    after,
    frames: frames.filter(({ port }) => own.includes(port)).map(({ text }) => text),
    ping: await pinged(lab, id === undefined ? '10.0.0.100' : 'blue3'),
  };
}

async function states(lab: Lab): Promise<Map<Host, HostState>> {
  const all = new Map<Host, HostState>();
  for (const host of HOSTS) {
    const { agent, soft } = lab.fabric.hosts.get(host)!;
    const ports: [string, { number: number; spec: PortSpec }][] = [];
    for (const virtual of soft.switches.values()) ports.push(...(await virtual.ports()));
    all.set(host, {
      flows: await dump(lab, host),
      records: new Map(agent.records()),
      ports: new Map(ports),
    });
  }
  return all;
}

async function pinged(lab: Lab, to: string): Promise<string> {
  const { from, to: name, address, sent, received, dropped } = await lab.ping('blue1', to);
  const ends = name === address ? `${from} -> ${address}` : `${from} -> ${name} (${address})`;
  return `${ends}: ${received} of ${sent} answered${dropped ? `\n  dropped at ${dropped.at}: ${dropped.reason}` : ''}`;
}

// -------------------------------------------------------------------------------------------------- the blocks

/** A block of the document by its words: `records create host1`. */
export async function vnic(what: string, ...args: readonly string[]): Promise<string> {
  switch (what) {
    case 'yaml':
      return fenced(yaml(), 'yaml');
    case 'edit':
      return edit(args[0]);
    case 'parse':
      return parse();
    case 'wrong':
      return wrong(args[0] ?? '');
    case 'demands':
      return demands();
    case 'stream':
      return stream();
  }
  life ??= live();
  const stage = (await life).get(args[0] ?? '');
  if (!stage) throw new Error(`there is no stage ${args[0]}; there are ${Object.keys(STAGES).join(', ')}`);
  const host = HOSTS.find((h) => h === args[1]);
  switch (what) {
    case 'summary':
      return fenced(changeText(stage.summary, picocolors.createColors(false)));
    case 'hosts':
      return fenced(hostsText(stage.summary));
    case 'journal':
      return fenced(journalText(stage.commit));
    case 'frames':
      return fenced(stage.frames.join('\n'));
    case 'ping':
      return fenced(stage.ping);
    case 'records':
      return fenced(recordsText(stage, host!), 'json');
    case 'ports':
      return fenced(portsText(stage, host!));
    case 'flows':
      return fenced(flowsText(stage, host!), 'diff');
  }
  throw new Error(`vnic has no block ${what}`);
}

/** The lines of the file that a stage changes. */
function edit(stage: string | undefined): string {
  const [before, after] =
    stage === 'change'
      ? [yaml(), moreAddresses(yaml())]
      : [moreAddresses(yaml()), otherHost(moreAddresses(yaml()))];
  const [old, now] = [before.split('\n'), after.split('\n')];
  const lines = old.flatMap((line, i) => (line === now[i] ? [] : [`-${line}`, `+${now[i]}`]));
  return fenced(lines.join('\n'), 'diff');
}

/** What the reader makes of the file: objects that know where they stand in it. */
function parse(): string {
  const { objects } = parseDocuments(yaml(), FILE);
  const rows = objects.flatMap(({ key, object, position }) => {
    const at = (path: string) => {
      const { line, column } = position(path);
      return `${FILE}:${line}:${column}`;
    };
    const fields = object.kind === 'VirtualMachine' ? ['host', 'vnics[0].vmNetwork'] : ['from'];
    return [[at(''), key], ...fields.map((field) => [at(field), `${key}.${field}`])];
  });
  return fenced(columns(rows));
}

const WRONG: Readonly<Record<string, string>> = {
  shape: `kind: VirtualMachine
name: blue3
hots: host1
vnics:
  - { vmNetwork: Blue, addresses: [10.0.0.300] }
`,
  sense: `kind: VirtualMachine
name: blue3
host: host1
vnics:
  - { vmNetwork: Blue, addresses: [10.0.1.9] }
  - { vmNetwork: Bleu }
`,
};

/** A file with mistakes, and what `netloom apply` says about it. */
async function wrong(which: string): Promise<string> {
  const text = WRONG[which]!;
  const findings = await inController(async (controller) => {
    const parsed = parseDocuments(text, 'blue3.yaml');
    if (parsed.findings.length > 0) return parsed.findings;
    const changes = parsed.objects.map(({ object }) => ({ object }));
    return controller.apply(changes, { author: 'admin' }).then(
      ({ findings }) => findings,
      (thrown) => locateFindings(NetloomError.from(thrown).findings, parsed),
    );
  });
  return `${fenced(text, 'yaml')}\n\n${fenced(findings.map(describeFinding).join('\n'))}`;
}

/** With a controller of its own that holds the example. */
async function inController<T>(work: (controller: Controller) => Promise<T>): Promise<T> {
  const { store, clock, uuid } = repeatable();
  const controller = await Controller.open({ store, clock, uuid });
  try {
    const changes = objectsOf(EXAMPLE).map((object) => ({ object }));
    await controller.apply(changes, { author: 'netloom' });
    return await work(controller);
  } finally {
    await controller.close();
  }
}

function factsOf(objects: readonly ModelObject[]) {
  const byKey = new Map(objects.map((object) => [objectKey(object), object]));
  return factChanges(byKey.keys(), (key) => byKey.get(key));
}

/** What the machine asks the allocator for, and what it is given. */
async function demands(): Promise<string> {
  const deriver = new Deriver(needs);
  deriver.apply(factsOf(objectsOf(EXAMPLE)));
  const asked = deriver
    .apply(factsOf([...objectsOf(EXAMPLE), ...objectsIn(yaml(), FILE)]))
    .flatMap(({ after }) => (after?.kind === 'demand' ? [after] : []));
  life ??= live();
  const { allocations } = (await life).get('create')!.summary;
  const given = (demand: Demand) =>
    allocations.find(({ scope, owner }) => scope === demand.scope && owner === demand.owner)?.after ?? '';
  const rows = asked.map((demand) => [demand.scope, demand.owner, given(demand), source(demand)]);
  return fenced(columns([['scope', 'owner', 'value', 'taken from'], ...rows]));
}

function source({ value, space, pools }: Demand): string {
  if (value !== undefined) return 'fixed by the operator';
  return pools.length > 0 ? pools.join(', ') : `a random ${space}`;
}

/** The records of each host that a stage made new, changed and took away: `hosts` of `netloom apply -o json`. */
function hostsText({ hosts }: ChangeSummary): string {
  const rows = hosts.flatMap(({ host, added, changed, removed }) => [
    ...added.map((key) => [host, 'new', key]),
    ...changed.map((key) => [host, 'changed', key]),
    ...removed.map((key) => [host, 'gone', key]),
  ]);
  return columns(rows);
}

function text(value: JsonValue | undefined): string {
  return value === undefined ? '(nothing)' : canonicalJson(value);
}

function journalText({ revision, author, message, time, objects, allocations }: Commit): string {
  const lines = [`revision ${revision}  ${new Date(time).toISOString()}  ${author}: ${message}`];
  for (const { kind, key, before, after } of objects)
    lines.push(`${kind}/${key}`, `  before ${text(before)}`, `  after  ${text(after)}`);
  for (const { scope, owner, before, after } of allocations)
    lines.push(`${scope}  ${owner}`, `  before ${text(before)}`, `  after  ${text(after)}`);
  return lines.join('\n');
}

/** Records of the machine that a stage added to a host or changed there. */
function recordsText({ before, after }: Stage, host: Host): string {
  const old = before.get(host)!.records;
  const fresh = [...after.get(host)!.records].filter(
    ([key, record]) => old.get(key) !== record && record.origin === ORIGIN,
  );
  return fresh.map(([, record]) => JSON.stringify(record, null, 2)).join('\n');
}

/** Ports of a host's switch that a stage added and took away. */
function portsText({ before, after }: Stage, host: Host): string {
  const [old, now] = [before.get(host)!.ports, after.get(host)!.ports];
  const line = (sign: string, name: string, { number, spec }: { number: number; spec: PortSpec }) =>
    `${sign} port ${number}  ${name}  ${canonicalJson(JSON.parse(JSON.stringify(spec)))}`;
  return [
    ...[...old].filter(([name]) => !now.has(name)).map(([name, port]) => line('-', name, port)),
    ...[...now].filter(([name]) => !old.has(name)).map(([name, port]) => line('+', name, port)),
  ].join('\n');
}

function flowsText({ before, after }: Stage, host: Host): string {
  const [old, now] = [before.get(host)!.flows, after.get(host)!.flows];
  return `${difference(old, now)}\n# ${host} had ${old.length} flows, and has ${now.length}`;
}

/**
 * What goes over the policy stream when the file is applied, and then something that concerns no host: a controller,
 * and two agents that only listen.
 */
async function stream(): Promise<string> {
  const said: string[] = [];
  await inController(async (controller) => {
    const agents = HOSTS.map((host) =>
      controller.feed.connect(
        create(HelloSchema, { host, protocolVersion: PROTOCOL_VERSION, bootNonce: 'docs' }),
      ),
    );
    const listen = (when: string) => {
      said.push(when);
      for (const agent of agents)
        for (let message = agent.next(); message; message = agent.next())
          said.push(`  to ${agent.host}  ${messageText(message)}`);
    };
    listen('both agents have connected');
    await controller.apply(STAGES.create(), { author: 'admin' });
    listen(`${FILE} is applied`);
    const [group] = objectsOf(EXAMPLE).filter(({ kind }) => kind === 'HostGroup');
    const described = { object: { ...group!, description: 'by the window' } };
    await controller.apply([described], { author: 'admin' });
    for (const agent of agents) agent.heartbeat();
    listen('the host group gets a description; then it is time for a heartbeat');
  });
  return fenced(said.join('\n'));
}

function messageText({ sequence, body }: ControllerMessage): string {
  const head = `${sequence} ${body.case}`;
  switch (body.case) {
    case 'welcome':
      return `${head}: epoch ${body.value.epoch}, revision ${body.value.revision}`;
    case 'snapshot':
      return `${head}: revision ${body.value.revision}, ${body.value.changes.length} records`;
    case 'delta': {
      const { from, to, changes } = body.value;
      const lines = changes.map(
        ({ scope, key, record }) => `\n               ${record ? '+' : '-'} ${scope}  ${key}`,
      );
      return `${head}: revision ${from} to ${to}${lines.join('')}`;
    }
    case 'heartbeat':
      return `${head}: revision ${body.value.from} to ${body.value.to}`;
    default:
      return head;
  }
}
