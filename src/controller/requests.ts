/** Requests that come again: whoever got no answer asks once more, and gets the one that there was. */
import { isInactiveRow } from '../allocate/quarantine.ts';
import { type Finding, finding } from '../base/error.ts';
import type { Commit, Store } from '../store/contract.ts';
import { type ChangeSummary, commitSummaries, handedOut, NO_CHANGE } from './change.ts';
import type { Job } from './jobs/job.ts';

/** How many requests can be sent again and get the answer that they got. */
const REMEMBERED = 100;

export class Requests {
  /** Request id -> what became of the request, for the last ones. */
  readonly #known = new Map<string, Commit>();

  /** Those of the journal, and no others. */
  async recall(store: Pick<Store, 'history'>): Promise<void> {
    this.#known.clear();
    const recent = await store.history({ limit: REMEMBERED });
    for (const commit of recent.toReversed()) this.remember(commit);
  }

  /** What became of it when it came for the first time. */
  get(requestId: string | undefined): Commit | undefined {
    return requestId === undefined ? undefined : this.#known.get(requestId);
  }

  remember(commit: Commit): void {
    if (commit.requestId === undefined) return;
    this.#known.set(commit.requestId, commit);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= REMEMBERED) break;
      this.#known.delete(oldest);
    }
  }
}

/** The answer to a request that was carried out before. */
export function repeated(commit: Commit, job: Job | undefined): ChangeSummary {
  const { revision, objects, allocations } = commit;
  return {
    ...NO_CHANGE,
    revision,
    repeated: true,
    ...(job ? { job: job.id } : {}),
    objects: commitSummaries(commit),
    allocations: handedOut(commit),
    // A commit without objects is a release.
    ...(objects.length === 0
      ? { released: allocations.filter(isInactiveRow).map(({ owner }) => owner) }
      : {}),
  };
}

/** The id of a request that was carried out too long ago to be remembered. */
export function requestUsed(requestId: string | undefined, revision: number): Finding {
  return finding(
    'conflict',
    '',
    `The request id ${JSON.stringify(requestId)} belongs to the request that became revision ${revision}.`,
    'Nothing was changed. Use a new id for a new request.',
  );
}
