/** The flows of a host, switch by switch, for people. */
import { formatFlow } from '../flow/text.ts';
import type { Fabric } from './fabric.ts';

export interface SwitchFlows {
  readonly switch: string;
  readonly flows: readonly { readonly flow: string; readonly words: string; readonly origin: string }[];
}

/** What the policy of the host comes to, by table and then by falling priority. Undefined without such a host. */
export function flowsOf(fabric: Fabric, host: string): SwitchFlows[] | undefined {
  const agent = fabric.hosts.get(host)?.agent;
  if (!agent) return undefined;
  const sorted = agent.flows().toSorted((a, b) => a.table - b.table || b.priority - a.priority);
  const bySwitch = Map.groupBy(sorted, (flow) => flow.switch);
  return [...bySwitch].map(([name, flows]) => ({
    switch: name,
    flows: flows.map((flow) => ({ flow: formatFlow(flow), words: flow.words, origin: flow.origin })),
  }));
}
