/** When two flows are the same flow, and when one takes the place of the other. */
import type { Flow } from './flow.ts';
import { formatFlow, formatMatch } from './text.ts';

/** What identifies a flow in a switch (OpenFlow 1.3, 6.4): table, priority and match. */
export function flowKey(flow: Flow): string {
  const key = `${flow.table} ${flow.priority} ${formatMatch(flow.match)}`;
  return flow.unknown?.match ? `${key} unknown=${flow.unknown.match}` : key;
}

/** The same identity, actions and cookie. */
export function sameFlow(a: Flow, b: Flow): boolean {
  return formatFlow(a) === formatFlow(b);
}
