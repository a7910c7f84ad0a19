/** The guard taken away, for the positive control: the same frame, sent by the same machine, arrives then. */
import { resubmit } from '../../src/flow/actions.ts';
import type { ExplainedFlow, Flow } from '../../src/flow/flow.ts';
import { tableNumber } from '../../src/pipeline/tables.ts';

/**
 * A rule above the one by which `classify` lets in what this port sends: it knows the same of the frame, and passes the
 * guards by. To be taken away again.
 */
export function unguarded(flows: readonly ExplainedFlow[], port: number): Flow {
  const [classify, guard] = [tableNumber('classify'), tableNumber('spoof-guard')];
  const own = flows.find((flow) => {
    const isOfPort = flow.match.in_port?.value === BigInt(port);
    return (
      isOfPort &&
      flow.table === classify &&
      flow.actions.some((a) => a.type === 'resubmit' && a.table === guard)
    );
  });
  if (!own) throw new Error(`no rule lets in what port ${port} sends`);
  const { table, match, cookie } = own;
  const actions = own.actions.map((action) =>
    action.type === 'resubmit' ? resubmit(tableNumber('forward')) : action,
  );
  return { table, match, cookie, actions, priority: own.priority + 100 };
}
