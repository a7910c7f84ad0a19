/** Whether the engine is as the policy wants it, and what makes it so again. The agent itself only knows what it did. */
import { type Finding, NetloomError } from '../base/error.ts';
import { entryOf } from '../base/map.ts';
import type { Datapath } from '../flow/datapath.ts';
import type { ExplainedFlow } from '../flow/flow.ts';
import type { FlowExport } from '../flow/flow-export.ts';
import { metersOf } from '../pipeline/punt.ts';
import type { MirrorRecord } from '../policy/records.ts';
import type { Drift, SwitchFact } from '../stream/report.ts';
import type { Engine } from './engine.ts';
import { type InspectedPort, inspect, isAsWanted, sameMeter, type WantedSwitch, wordsOf } from './inspect.ts';
import { mirrorsOf } from './mirrors.ts';
import { isInterfaceName, portsOf, type WantedPort } from './ports.ts';
import type { Records } from './records.ts';
import { releasesFirst } from './shares.ts';

/** What an agent has made so far, and how it makes it. */
export interface Running {
  readonly engine: Engine;
  readonly records: Records;
  readonly switches: ReadonlyMap<string, { readonly datapath: Datapath }>;
  flows(): Iterable<ExplainedFlow>;
  /** The number that the flows of a port name; undefined for one that could not be made. */
  numberOf(port: WantedPort): number | undefined;
  /** A switch is not there any more. */
  forget(name: string): void;
  open(name: string): Promise<Datapath>;
  /** Makes a port, or sets it right. */
  bind(port: WantedPort): Promise<void>;
  /** Compares all flows and mirrors, and sets them right, now that the ports are. */
  program(): Promise<void>;
}

/** What a look came to. */
export interface Checked {
  /** How the switches differ from what is wanted. */
  readonly drift: readonly Drift[];
  /** Those that are wanted and there, by name. */
  readonly switches: readonly SwitchFact[];
}

/** What a repair came to, and what is so after it. */
export interface Repaired extends Checked {
  /** What was not as it should be, and is now. */
  readonly repaired: readonly Drift[];
  /** What stood in the way. */
  readonly findings: readonly Finding[];
}

/** Looks at all switches. Changes nothing; what is not ours is nobody's business here. */
export async function check(running: Running): Promise<Checked> {
  const present = new Set(await running.engine.switchNames());
  const wanted = wantedSwitches(running);
  const drift: Drift[] = [];
  const switches: SwitchFact[] = [];
  for (const each of wanted.values()) {
    const datapath = present.has(each.name) ? running.switches.get(each.name)?.datapath : undefined;
    if (datapath) {
      const found = await inspect(each, datapath);
      drift.push(...found.drift);
      switches.push(found.fact);
    } else {
      const words = `The virtual switch ${each.name} is gone.`;
      drift.push({ what: 'switch-missing', switch: each.name, object: each.origin, count: 1, words });
    }
  }
  for (const name of present) {
    if (wanted.has(name)) continue;
    const words = `There is a virtual switch that nobody wants: ${name}.`;
    drift.push({ what: 'switch-extra', switch: name, object: '', count: 1, words });
  }
  return { drift, switches: switches.sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

/** Makes everything as it is wanted, in one bundle a switch, and looks again. */
export async function repair(running: Running): Promise<Repaired> {
  const { drift: found } = await check(running);
  let findings: readonly Finding[] = [];
  try {
    if (found.length > 0) await setRight(running);
  } catch (thrown) {
    findings = NetloomError.from(thrown).findings;
  }
  const after = await check(running);
  const left = new Set(after.drift.map(identity));
  return { ...after, repaired: found.filter((d) => !left.has(identity(d))), findings };
}

async function setRight(running: Running): Promise<void> {
  const { engine, switches } = running;
  const present = new Set(await engine.switchNames());
  const wanted = wantedSwitches(running);
  for (const name of present) if (!wanted.has(name)) await engine.removeSwitch(name);
  for (const name of [...switches.keys()]) if (!present.has(name)) running.forget(name);
  for (const { name, ports } of wanted.values()) {
    const datapath = await running.open(name);
    await setPortsRight(running, datapath, ports);
  }
  await running.program();
}

async function setPortsRight(
  running: Running,
  datapath: Datapath,
  ports: readonly InspectedPort[],
): Promise<void> {
  const actual = await datapath.ports();
  const names = new Set(ports.map(({ spec }) => spec.name));
  for (const extra of actual.keys())
    if (!names.has(extra) && isInterfaceName(extra)) await datapath.removePort(extra);
  const wrong = ports.filter((port) => port.number === undefined || !isAsWanted(port, actual));
  const specs = new Map(wrong.map(({ port, spec }) => [port, actual.get(spec.name)?.spec]));
  for (const { port, switch: name, spec } of releasesFirst(wrong, (of) => specs.get(of))) {
    if ((specs.get(port)?.type ?? spec.type) !== spec.type) await datapath.removePort(spec.name);
    await running.bind({ port, switch: name, spec });
  }
  const meters = await datapath.meters();
  for (const meter of ports.flatMap((port) => (wrong.includes(port) ? [] : port.meters))) {
    const there = meters.get(meter.id);
    if (!there || !sameMeter(there, meter)) await datapath.setMeter(meter);
  }
}

/** All that the records ask of each switch, also where it could not be carried out. */
function wantedSwitches(running: Running): ReadonlyMap<string, WantedSwitch> {
  const { records } = running;
  const switches = new Map<string, WantedSwitch & { ports: InspectedPort[]; flows: ExplainedFlow[] }>();
  const originOf = new Map<string, string>();
  const exports = new Map<string, FlowExport | undefined>();
  const mirrors: MirrorRecord[] = [];
  for (const record of records.values()) {
    if (record.kind === 'switch') {
      originOf.set(record.name, record.origin);
      exports.set(record.name, record.flowExport);
    }
    if (record.kind === 'mirror') mirrors.push(record);
  }
  const on = (name: string) =>
    entryOf(switches, name, () => {
      const origin = originOf.get(name) ?? '';
      const flowExport = exports.get(name);
      return { name, origin, ports: [], flows: [], mirrors: mirrorsOf(name, mirrors), flowExport };
    });
  // A switch without an uplink is not made before a vNIC needs it.
  for (const name of running.switches.keys()) if (originOf.has(name)) on(name);
  for (const record of records.values()) {
    for (const port of portsOf(record)) {
      const number = running.numberOf(port);
      const meters = number !== undefined && record.kind === 'port' ? metersOf(number) : [];
      const about = { words: wordsOf(port, record), origin: record.origin };
      on(port.switch).ports.push({ ...port, number, meters, ...about });
    }
  }
  for (const flow of running.flows()) switches.get(flow.switch)?.flows.push(flow);
  return switches;
}

function identity({ what, switch: name, port = '', object }: Drift): string {
  return [what, name, port, object].join('\n');
}
