/**
 * Reads flows in the language of ovs-ofctl(8): what `formatFlow` writes, what people type, and what
 * `ovs-ofctl dump-flows` prints. Only the part of the language that Netloom uses; the rest is refused by name.
 */
import { checkFlow } from './check.ts';
import type { Flow, Match } from './flow.ts';
import { canonicalMatch, matchOf } from './match.ts';
import { parseActions } from './parse-actions.ts';
import { readHead } from './parse-match.ts';
import { checkLength, refuse } from './parse-tools.ts';
import { DEFAULT_PRIORITY } from './text-actions.ts';

/** Throws NetloomError (flow-invalid). Table 0, priority 32768 and cookie 0 where the text has none. */
export function parseFlow(text: string): Flow {
  checkLength(text);
  const at = /(?:^|[\s,])actions?=/.exec(text);
  if (!at) return refuse('actions', 'The flow has no actions.', 'Add actions=…, or actions=drop.');
  const head = readHead(text.slice(0, at.index));
  const idleTimeout = head.numbers.get('idle_timeout') ?? 0;
  const hardTimeout = head.numbers.get('hard_timeout') ?? 0;
  const flow: Flow = {
    table: head.numbers.get('table') ?? 0,
    priority: head.numbers.get('priority') ?? DEFAULT_PRIORITY,
    match: head.match,
    actions: parseActions(text.slice(at.index + at[0].length)),
    cookie: head.cookie,
    ...(idleTimeout === 0 ? {} : { idleTimeout }),
    ...(hardTimeout === 0 ? {} : { hardTimeout }),
  };
  checkFlow(flow);
  return { ...flow, match: canonicalMatch(flow.match) };
}

/** A match alone: `tcp,in_port=5,nw_src=10.0.0.0/8`. Throws NetloomError (flow-invalid). */
export function parseMatch(text: string): Match {
  const head = readHead(text);
  const [other] = head.numbers.keys();
  if (other !== undefined) refuse(other, `${other} is not part of a match.`, 'Leave it out.');
  return matchOf(head.match);
}
