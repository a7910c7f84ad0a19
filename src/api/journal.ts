/** A row of the journal as it goes out. */
import type { JsonObject, JsonValue } from '../base/json.ts';
import { commitSummaries, handedOut, type ObjectSummary } from '../controller/change.ts';
import type { Net } from '../controller/revisions.ts';
import type { AllocationChange, Commit } from '../store/contract.ts';

export interface CommitSummary {
  readonly revision: number;
  readonly time: string;
  readonly author: string;
  readonly message: string;
  readonly objects: readonly ObjectSummary[];
}

export interface CommitView extends CommitSummary {
  readonly values: readonly { readonly key: string; readonly before: JsonValue; readonly after: JsonValue }[];
  readonly allocations: readonly AllocationChange[];
}

export function commitSummary(commit: Commit): CommitSummary {
  const { revision, author, message } = commit;
  return {
    revision,
    time: new Date(commit.time).toISOString(),
    author,
    message,
    objects: commitSummaries(commit),
  };
}

export function commitView(commit: Commit): CommitView {
  return {
    ...commitSummary(commit),
    values: commit.objects.map(({ kind, key, before, after }) => ({ key: `${kind}/${key}`, before, after })),
    allocations: handedOut(commit),
  };
}

export interface DiffView {
  readonly from: number;
  readonly to: number;
  readonly objects: readonly (ObjectSummary & { readonly before: JsonValue; readonly after: JsonValue })[];
  readonly allocations: readonly AllocationChange[];
}

/** What differs between two revisions; without the ids that objects were given. */
export function diffView(from: number, to: number, net: Net): DiffView {
  const summaries = commitSummaries(net);
  return {
    from,
    to,
    objects: net.objects.map(({ before, after }, i) => ({
      ...summaries[i]!,
      fields: summaries[i]!.fields.filter(({ path }) => !path.startsWith('meta')),
      before: withoutMeta(before),
      after: withoutMeta(after),
    })),
    allocations: handedOut(net),
  };
}

function withoutMeta(value: JsonObject | null): JsonValue {
  if (value === null) return null;
  const { meta: _id, ...fields } = value;
  return fields;
}
