/** Desired flows beside actual ones: what makes the one of the other, and what drift is made of. */
import type { Flow } from '../flow/flow.ts';
import { flowKey, sameFlow } from '../flow/same.ts';
import { isOurs } from '../pipeline/cookies.ts';

export interface FlowDifference<F extends Flow> {
  readonly missing: readonly F[];
  /** There with other actions, or another cookie. */
  readonly changed: readonly { readonly wanted: F; readonly present: Flow }[];
  /** Ours, and not wanted; the flows of others are no difference. */
  readonly extra: readonly Flow[];
}

/** `wanted`: each identity (`flowKey`) once. */
export function flowDifference<F extends Flow>(
  wanted: Iterable<F>,
  actual: Iterable<Flow>,
): FlowDifference<F> {
  const extra = new Map<string, Flow>();
  for (const flow of actual) if (isOurs(flow.cookie)) extra.set(flowKey(flow), flow);
  const missing: F[] = [];
  const changed: { wanted: F; present: Flow }[] = [];
  for (const flow of wanted) {
    const key = flowKey(flow);
    const present = extra.get(key);
    extra.delete(key);
    if (!present) missing.push(flow);
    else if (!sameFlow(present, flow)) changed.push({ wanted: flow, present });
  }
  return { missing, changed, extra: [...extra.values()] };
}
