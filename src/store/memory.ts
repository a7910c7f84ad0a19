import { randomUUID } from 'node:crypto';
import type { Commit, Store } from './contract.ts';
import { storeClosed } from './faults.ts';
import { checkLimit, checkRetained, planCommit, planCompaction, planUndo, readTransaction } from './plan.ts';
import { State } from './state.ts';
import { Turns } from './turns.ts';
import { Watchers } from './watchers.ts';

/**
 * A store that lives and dies with the process: for `netloom try`, for tests, and for what-if.
 *
 * @param epoch given where a run must be repeatable; made up otherwise.
 */
export function createMemoryStore(epoch: string = randomUUID()): Store {
  const state = new State();
  const watchers = new Watchers();
  const turns = new Turns();
  /** The journal without the forgotten part: revision n stands at index n - 1 - compactedTo. */
  const journal: Commit[] = [];
  const requests = new Map<string, Commit>();
  let compactedTo = 0;
  let closed = false;

  const latest = () => compactedTo + journal.length;
  const after = (revision: number) => journal.slice(revision - compactedTo);
  const checkOpen = () => {
    if (closed) throw storeClosed();
  };

  return {
    epoch,

    async revision() {
      checkOpen();
      return latest();
    },

    async snapshot(at = latest()) {
      checkOpen();
      checkRetained(at, compactedTo, latest());
      if (at === latest()) return state.snapshot(at);
      const now = state.snapshot(latest());
      const past = new State(now.objects, now.allocations);
      for (const commit of after(at).reverse()) past.revert(commit);
      return past.snapshot(at);
    },

    async commit(transaction) {
      const tx = readTransaction(transaction);
      const { requestId } = tx;
      return turns.run(() => {
        checkOpen();
        const known = requestId === undefined ? undefined : requests.get(requestId);
        if (known) return known;
        const commit = planCommit(tx, state, latest());
        state.apply(commit);
        journal.push(commit);
        if (requestId !== undefined) requests.set(requestId, commit);
        watchers.tell(commit);
        return commit;
      });
    },

    async changes(since, limit) {
      checkOpen();
      checkLimit(limit);
      if (since >= 0 && since < compactedTo) return { compactedTo };
      checkRetained(since, compactedTo, latest());
      return { commits: after(since).slice(0, limit), revision: latest() };
    },

    watch: (handler) => watchers.add(handler),

    async history({ limit, before = Number.POSITIVE_INFINITY, object }) {
      checkOpen();
      checkLimit(limit);
      return journal
        .filter(({ revision }) => revision < before)
        .filter(({ objects }) => !object || objects.some((o) => isAbout(o, object)))
        .reverse()
        .slice(0, limit);
    },

    async undo(revision) {
      checkOpen();
      checkRetained(revision, compactedTo + 1, latest());
      return planUndo(journal[revision - 1 - compactedTo]!, state, latest());
    },

    compact(before) {
      return turns.run(() => {
        checkOpen();
        const to = planCompaction(before, compactedTo, latest());
        for (const { requestId } of journal.splice(0, to - compactedTo)) {
          if (requestId !== undefined) requests.delete(requestId);
        }
        compactedTo = to;
        return to;
      });
    },

    close() {
      return turns.run(() => {
        closed = true;
        watchers.clear();
      });
    },
  };
}

function isAbout(o: { kind: string; key: string }, filter: { kind: string; key?: string }): boolean {
  return o.kind === filter.kind && (filter.key === undefined || o.key === filter.key);
}
