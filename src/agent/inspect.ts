/** How one virtual switch differs from what is wanted of it, in words that name what it is about. */
import { type JsonObject, type JsonValue, sameJson } from '../base/json.ts';
import type { Datapath, Meter, PortSpec } from '../flow/datapath.ts';
import type { ExplainedFlow, Flow } from '../flow/flow.ts';
import type { FlowExport } from '../flow/flow-export.ts';
import type { Mirror } from '../flow/mirror.ts';
import { formatFlow } from '../flow/text.ts';
import { formatActions } from '../flow/text-actions.ts';
import { portOf } from '../pipeline/facts.ts';
import type { PolicyRecord } from '../policy/records.ts';
import type { Drift, SwitchFact } from '../stream/report.ts';
import { flowDifference } from './flow-difference.ts';
import { isInterfaceName, type WantedPort } from './ports.ts';

/** All that the policy wants of one virtual switch. */
export interface WantedSwitch {
  readonly name: string;
  /** The object that the switch comes from. */
  readonly origin: string;
  readonly ports: readonly InspectedPort[];
  readonly flows: readonly ExplainedFlow[];
  /** All of them: a switch has no others. */
  readonly mirrors: readonly Mirror[];
  readonly flowExport: FlowExport | undefined;
}

/** A port that is wanted, with what is known of it. */
export interface InspectedPort extends WantedPort {
  /** The number that its flows name; undefined while it has never been there. */
  readonly number: number | undefined;
  /** `blue1/eth0`, `the uplink` */
  readonly words: string;
  readonly origin: string;
  /** The limits that go with it, once it has a number. */
  readonly meters: readonly Meter[];
}

/** What the records of a port say about it to a person: its name, and the object that it comes from. */
export function wordsOf({ port }: WantedPort, record: PolicyRecord): string {
  if (record.kind === 'port') return `vNIC ${record.name}`;
  if (record.kind === 'switch') return 'the uplink';
  if (record.kind !== 'provider') return port;
  const what = port === portOf.tunnel(record.logicalNetwork) ? 'the tunnel' : 'the provider interface';
  return `${what} of ${record.logicalNetwork}`;
}

/** A virtual switch as it was found. */
export interface Inspected {
  /** Everything in which it differs from what is wanted. */
  readonly drift: readonly Drift[];
  readonly fact: SwitchFact;
}

/** Asks the switch for everything, each thing once; nothing of it is changed. */
export async function inspect(wanted: WantedSwitch, datapath: Datapath): Promise<Inspected> {
  const [ports, meters, flows, mirrors, flowExport] = await Promise.all([
    datapath.ports(),
    datapath.meters(),
    datapath.dumpFlows(),
    datapath.mirrors(),
    datapath.flowExport(),
  ]);
  const drift = [
    ...portDrift(wanted, ports),
    ...meterDrift(wanted, meters),
    ...flowDrift(
      wanted,
      flows.map(({ flow }) => flow),
    ),
    ...mirrorDrift(
      wanted,
      mirrors.map(({ mirror }) => mirror),
    ),
    ...exportDrift(wanted, flowExport),
  ];
  return { drift, fact: { name: wanted.name, ports: ports.size, flows: flows.length } };
}

type Ports = Awaited<ReturnType<Datapath['ports']>>;

function* portDrift(wanted: WantedSwitch, actual: Ports): Generator<Drift> {
  const known = new Set<string>();
  for (const port of wanted.ports) {
    known.add(port.spec.name);
    const about = { switch: wanted.name, port: port.port, object: port.origin, count: 1 };
    const present = actual.get(port.spec.name);
    if (!present) {
      yield { what: 'port-missing', ...about, words: `The port of ${port.words} is gone.` };
      continue;
    }
    for (const words of differences(port, present)) yield { what: 'port-changed', ...about, words };
  }
  for (const [name, { spec }] of actual) {
    if (known.has(name) || !isInterfaceName(name)) continue;
    const words = `There is a port that nobody wants: ${name}, of type ${spec.type}.`;
    yield { what: 'port-extra', switch: wanted.name, object: wanted.origin, count: 1, words };
  }
}

/** Whether the port is as it is wanted, and has the number that its flows name. */
export function isAsWanted(wanted: InspectedPort, actual: Ports): boolean {
  const present = actual.get(wanted.spec.name);
  return present !== undefined && [...differences(wanted, present)].length === 0;
}

/** What an administrator calls the settings of a port. */
const SETTINGS: Readonly<Record<string, string>> = {
  vlan: 'the VLAN mode',
  mac: 'the MAC address',
  addresses: 'the list of addresses',
  mtu: 'the MTU',
  mode: 'the load balancing',
  lacp: 'LACP',
  local: 'the local address',
  encapsulation: 'the encapsulation',
  bandwidth: 'the bandwidth',
  policing: 'the rate limit',
  capacityKbps: 'the capacity',
  altered: 'the list of what was changed by hand in the database of Open vSwitch',
};

function* differences(
  { spec, number, words }: InspectedPort,
  present: { readonly number: number; readonly spec: PortSpec },
): Generator<string> {
  const [is, be] = [jsonOf(present.spec), jsonOf(spec)];
  if (present.spec.type !== spec.type) {
    yield `The port of ${words} is of type ${present.spec.type}, and should be of type ${spec.type}.`;
    return;
  }
  if (spec.type === 'uplink' && present.spec.type === 'uplink') {
    const [nics, wanted] = [present.spec.nics, spec.nics];
    for (const nic of wanted) if (!nics.includes(nic)) yield `The uplink lacks NIC ${nic}.`;
    for (const nic of nics)
      if (!wanted.includes(nic)) yield `The uplink has NIC ${nic}, which it should not.`;
  }
  for (const name of new Set([...Object.keys(be), ...Object.keys(is)])) {
    if (name === 'nics' || sameJson(is[name] ?? null, be[name] ?? null)) continue;
    const what = SETTINGS[name] ?? name;
    yield `Of the port of ${words}, ${what} is ${textOf(is[name])}, and should be ${textOf(be[name])}.`;
  }
  if (number !== undefined && number !== present.number) {
    yield `The port of ${words} has number ${present.number}, and its flows name ${number}.`;
  }
}

/** As it goes over a wire: without what is not set. */
function jsonOf(value: PortSpec | Mirror | FlowExport | null): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}

/** `access 7`; for a person, so two values that differ may read alike. */
function textOf(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return 'not set';
  if (Array.isArray(value)) return value.map(textOf).join(', ') || 'empty';
  return typeof value === 'object' ? Object.values(value).map(textOf).join(' ') : String(value);
}

function* meterDrift(wanted: WantedSwitch, actual: ReadonlyMap<number, Meter>): Generator<Drift> {
  for (const { meters, port, origin, words } of wanted.ports) {
    for (const meter of meters) {
      const about = { switch: wanted.name, port, object: origin, count: 1 };
      const present = actual.get(meter.id);
      if (!present)
        yield { what: 'meter-missing', ...about, words: `Meter ${meter.id} of ${words} is gone.` };
      else if (!sameMeter(present, meter)) {
        yield { what: 'meter-changed', ...about, words: `Meter ${meter.id} of ${words} has other limits.` };
      }
    }
  }
}

export function sameMeter(a: Meter, b: Meter): boolean {
  const text = ({ unit, bands }: Meter) =>
    [unit, ...bands.map(({ type, rate, burst }) => `${type} ${rate} ${burst}`)].join();
  return text(a) === text(b);
}

function* mirrorDrift(wanted: WantedSwitch, actual: readonly Mirror[]): Generator<Drift> {
  const about = { switch: wanted.name, object: wanted.origin, count: 1 };
  const byName = new Map(actual.map((mirror) => [mirror.name, mirror]));
  for (const mirror of wanted.mirrors) {
    const present = byName.get(mirror.name);
    byName.delete(mirror.name);
    if (!present) yield { what: 'mirror-missing', ...about, words: `The mirror ${mirror.name} is gone.` };
    else if (!sameJson(jsonOf(present), jsonOf(mirror))) {
      yield { what: 'mirror-changed', ...about, words: `The mirror ${mirror.name} copies something else.` };
    }
  }
  for (const name of byName.keys()) {
    yield { what: 'mirror-extra', ...about, words: `There is a mirror that nobody wants: ${name}.` };
  }
}

function* exportDrift(wanted: WantedSwitch, actual: FlowExport | undefined): Generator<Drift> {
  if (sameJson(jsonOf(wanted.flowExport ?? null), jsonOf(actual ?? null))) return;
  const about = { switch: wanted.name, object: wanted.origin, count: 1 };
  const words = wanted.flowExport
    ? 'Collectors are not told about the traffic as they should be.'
    : 'Collectors are told about the traffic, and should not be.';
  yield { what: 'flow-export-changed', ...about, words };
}

/** Flows that should be there, and ours that should not. Those of one object that differ alike are told together. */
function flowDrift(wanted: WantedSwitch, flows: readonly Flow[]): Drift[] {
  const told = new Map<string, Drift>();
  const tell = (what: Drift['what'], object: string, words: () => string) => {
    const first = told.get(`${what} ${object}`);
    const drift = first ?? { what, switch: wanted.name, object, words: words(), count: 0 };
    told.set(`${what} ${object}`, { ...drift, count: drift.count + 1 });
  };
  const originOf = (flow: ExplainedFlow) => flow.origin || wanted.origin;
  const { missing, changed, extra } = flowDifference(wanted.flows, flows);
  for (const flow of missing) tell('flow-missing', originOf(flow), () => `A flow is missing: ${flow.words}.`);
  for (const { wanted: flow, present } of changed) {
    tell('flow-changed', originOf(flow), () => `A flow does something else: ${changeOf(flow, present)}.`);
  }
  const byCookie = new Map(wanted.flows.map((flow) => [flow.cookie, originOf(flow)]));
  for (const flow of extra) {
    const object = byCookie.get(flow.cookie) ?? wanted.origin;
    tell('flow-extra', object, () => `There is a flow that nobody wants: ${formatFlow(flow)}`);
  }
  return [...told.values()];
}

function changeOf(flow: ExplainedFlow, present: Flow): string {
  const [is, be] = [formatActions(present.actions), formatActions(flow.actions)];
  if (is === be) return `"${flow.words}" has another cookie or timeout`;
  return `for "${flow.words}" its actions are ${is || 'drop'}, and should be ${be || 'drop'}`;
}
