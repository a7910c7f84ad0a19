/** What the rules of a host have dropped: the first place to look for a guest that lies, or a stranger on the fabric. */
import type { FlowStats } from '../flow/datapath.ts';
import type { ExplainedFlow, Flow } from '../flow/flow.ts';
import type { DropCount } from '../stream/counted.ts';

/**
 * Those of one switch, by what they say. What no rule was about is not counted here: that is the miss of a table. `explain` knows our flows; those of others are nobody's
 * business here.
 */
export function dropsOf(
  name: string,
  stats: readonly FlowStats[],
  explain: (flow: Flow) => ExplainedFlow | undefined,
): DropCount[] {
  const drops = new Map<string, DropCount>();
  for (const { flow, packets } of stats) {
    if (flow.actions.length > 0 || packets === 0n) continue;
    const explained = explain(flow);
    if (!explained) continue;
    const { words, origin: object } = explained;
    const key = `${object}\n${words}`;
    const before = drops.get(key)?.packets ?? 0;
    drops.set(key, { switch: name, object, words, packets: before + Number(packets) });
  }
  return [...drops.values()];
}
