/** What the switches of a host have counted, and what is on them. */
import type { Datapath, FlowStats } from '../flow/datapath.ts';
import type { ExplainedFlow, Flow } from '../flow/flow.ts';
import type { AclRecord } from '../policy/records.ts';
import type { AclCount, DropCount, PortCounter } from '../stream/counted.ts';
import type { SwitchFact } from '../stream/report.ts';
import { countersOf } from './acl-report.ts';
import type { Bindings } from './bindings.ts';
import { dropsOf } from './drops.ts';

/** What has been counted on a host. */
export interface Counts {
  readonly ports: readonly PortCounter[];
  /** Of every rule, those that decided nothing included. */
  readonly acls: readonly AclCount[];
  /** What was dropped most often comes first. */
  readonly drops: readonly DropCount[];
}

/** What there is on a host. */
export interface Overview {
  /** By name. */
  readonly switches: readonly SwitchFact[];
  /** What was dropped most often comes first. */
  readonly drops: readonly DropCount[];
}

type Switches = ReadonlyMap<string, { readonly datapath: Datapath }>;
type Explain = (switchName: string, flow: Flow) => ExplainedFlow | undefined;

/** What went through the ports of the policy, and what rules decided and dropped; over all switches. */
export async function countsOf(
  switches: Switches,
  bindings: Bindings,
  acls: Iterable<AclRecord>,
  explain: Explain,
): Promise<Counts> {
  const flows: FlowStats[] = [];
  const ports: PortCounter[] = [];
  const drops: DropCount[] = [];
  const portOf = bindings.byName();
  for (const [name, { datapath }] of switches) {
    for (const { name: portName, ...traffic } of await datapath.traffic()) {
      const port = portOf(name, portName);
      if (port !== undefined) ports.push({ port, ...traffic });
    }
    const dumped = await datapath.dumpFlows();
    flows.push(...dumped);
    drops.push(...dropsOf(name, dumped, (flow) => explain(name, flow)));
  }
  return { ports, acls: countersOf(acls, flows), drops: drops.sort(mostFirst) };
}

/** The virtual switches that there are, with what is on them and what they have dropped. */
export async function overviewOf(switches: Switches, explain: Explain): Promise<Overview> {
  const facts: SwitchFact[] = [];
  const drops: DropCount[] = [];
  for (const [name, { datapath }] of switches) {
    const [ports, flows] = [await datapath.ports(), await datapath.dumpFlows()];
    facts.push({ name, ports: ports.size, flows: flows.length });
    drops.push(...dropsOf(name, flows, (flow) => explain(name, flow)));
  }
  return { switches: facts.sort((a, b) => (a.name < b.name ? -1 : 1)), drops: drops.sort(mostFirst) };
}

function mostFirst(a: DropCount, b: DropCount): number {
  return b.packets - a.packets || (a.words < b.words ? -1 : 1);
}
