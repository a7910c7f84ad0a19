/** What the stream brings, as an agent takes it: without scopes. */
import { type PolicyRecord, recordKey } from '../policy/records.ts';
import type { PolicyDelta, PolicyView } from '../policy/set.ts';
import type { RecordChange } from './agent.ts';

/** All records of a policy. */
export function recordsOf(policy: PolicyView): PolicyRecord[] {
  return policy.scopes().flatMap((scope) => [...policy.scope(scope).values()]);
}

/** The changes of a delta. A key that leaves one scope and enters another in the same delta is there. */
export function changesOf(delta: PolicyDelta): RecordChange[] {
  const present = new Set(delta.changes.flatMap(({ record }) => (record ? recordKey(record) : [])));
  return delta.changes
    .filter(({ key, record }) => record !== undefined || !present.has(key))
    .map(({ key, record }) => ({ key, ...(record ? { record } : {}) }));
}
