/** A row of the journal as it goes out. */
import type { JsonValue } from '../base/json.ts';
import { commitSummaries, type ObjectSummary } from '../controller/change.ts';
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
    allocations: commit.allocations,
  };
}
