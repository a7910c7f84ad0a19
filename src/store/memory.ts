import { randomUUID } from 'node:crypto';
import type {
  Commit,
  HistoryFilter,
  JobWrite,
  Store,
  StoredJob,
  StoredSecret,
  Transaction,
  Written,
} from './contract.ts';
import { storeClosed } from './faults.ts';
import {
  checkLimit,
  checkRetained,
  planCommit,
  planCompaction,
  planUndo,
  readJobs,
  readTransaction,
} from './plan.ts';
import { State } from './state.ts';
import { Turns } from './turns.ts';
import { Watchers } from './watchers.ts';

/** As durable as anything here gets. */
const DURABLE = Promise.resolve();

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
  const jobs = new Map<number, StoredJob>();
  const secrets = new Map<string, StoredSecret>();
  let compactedTo = 0;
  let closed = false;

  const latest = () => compactedTo + journal.length;
  const after = (revision: number) => journal.slice(revision - compactedTo);
  const putJob = ({ id, value }: JobWrite, revision: number | null) =>
    jobs.set(id, { id, revision: jobs.get(id)?.revision ?? revision, value });
  const checkOpen = () => {
    if (closed) throw storeClosed();
  };

  async function write(transaction: Transaction): Promise<Written> {
    const tx = readTransaction(transaction);
    const { requestId } = tx;
    return turns.run(() => {
      checkOpen();
      const known = requestId === undefined ? undefined : requests.get(requestId);
      if (known) return { commit: known, durable: DURABLE };
      const commit = planCommit(tx, state, latest());
      state.apply(commit);
      journal.push(commit);
      if (requestId !== undefined) requests.set(requestId, commit);
      if (tx.job) putJob(tx.job, commit.revision);
      for (const { owner, name, value } of tx.secrets ?? []) {
        if (value === null) secrets.delete(`${owner}\0${name}`);
        else secrets.set(`${owner}\0${name}`, { owner, name, value, used: null });
      }
      watchers.tell(commit);
      return { commit, durable: DURABLE };
    });
  }

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

    write,

    commit: async (transaction) => (await write(transaction)).commit,

    async changes(since, limit) {
      checkOpen();
      checkLimit(limit);
      if (since >= 0 && since < compactedTo) return { compactedTo };
      checkRetained(since, compactedTo, latest());
      return { commits: after(since).slice(0, limit), revision: latest() };
    },

    watch: (handler) => watchers.add(handler),

    async history(filter) {
      checkOpen();
      checkLimit(filter.limit);
      return journal
        .filter((commit) => passes(commit, filter))
        .reverse()
        .slice(0, filter.limit);
    },

    async undo(revision) {
      checkOpen();
      checkRetained(revision, compactedTo + 1, latest());
      return planUndo(journal[revision - 1 - compactedTo]!, state, latest());
    },

    async putJobs(written) {
      const read = readJobs(written);
      return turns.run(() => {
        checkOpen();
        for (const job of read) putJob(job, null);
      });
    },

    async jobs() {
      checkOpen();
      return [...jobs.values()].sort((a, b) => a.id - b.id);
    },

    forgetJobs(ids) {
      return turns.run(() => {
        checkOpen();
        for (const id of ids) jobs.delete(id);
      });
    },

    async secrets() {
      checkOpen();
      return [...secrets].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, secret]) => secret);
    },

    noteUse(owner, name, time) {
      return turns.run(() => {
        checkOpen();
        const secret = secrets.get(`${owner}\0${name}`);
        if (secret) secrets.set(`${owner}\0${name}`, { ...secret, used: time });
      });
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

function passes(commit: Commit, { before, object, author, since }: HistoryFilter): boolean {
  return (
    (before === undefined || commit.revision < before) &&
    (author === undefined || commit.author === author) &&
    (since === undefined || commit.time >= since) &&
    (!object || commit.objects.some((changed) => isAbout(changed, object)))
  );
}

function isAbout(o: { kind: string; key: string }, filter: { kind: string; key?: string }): boolean {
  return o.kind === filter.kind && (filter.key === undefined || o.key === filter.key);
}
