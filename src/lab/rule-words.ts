/** The rules that a frame meets in the switch of a host, in words. */
import { tableAt } from '../pipeline/tables.ts';
import type { SwitchEvent } from '../softswitch/events.ts';
import type { Fabric } from './fabric.ts';

export interface RuleWords {
  /** Name of the table. */
  readonly table: string;
  /** What the rule says; for a miss, what a miss means. */
  readonly words: string;
  /** The operator's object that the rule came from; absent for rules that are always there. */
  readonly origin?: string;
}

/** Of what a table said to a frame in the switch `name` of `host`. */
export function ruleWords(
  fabric: Fabric,
  host: string | undefined,
  name: string,
  { table: number, flow }: Extract<SwitchEvent, { type: 'match' }>,
): RuleWords {
  const table = tableAt(number);
  const agent = host === undefined ? undefined : fabric.hosts.get(host)?.agent;
  const explained = flow && agent?.explain(name, flow);
  return {
    table: table?.name ?? String(number),
    words: flow ? (explained?.words ?? 'a rule that is not ours') : `no rule matches: ${table?.miss ?? ''}`,
    ...(explained?.origin ? { origin: explained.origin } : {}),
  };
}
