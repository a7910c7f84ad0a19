/**
 * The store: what the operator said (objects) and what was handed out (allocations), one revision at a time, and the
 * journal of how they came to be. The journal is at once the audit log, the feed of a watch, the undo, and the
 * way to ask what the network was at an earlier revision.
 *
 * Rules, cited by the tests (`contract-suite.ts`, which runs on every implementation):
 *
 * Commit
 * - [C1] A commit gets the next revision; the first is 1, and no revision is left out.
 * - [C2] All or nothing: a refused transaction leaves no trace, and every reason for refusal is reported at once.
 * - [C3] Only real changes are kept. A transaction that changes nothing is refused (`no-change`).
 * - [C4] `expect` names the revision at which the object was last changed, or says that it must be absent; else
 *        `conflict`. An entry that changes nothing still has its expectation checked: it is a guard.
 * - [C5] `base` names the revision at which the change was decided; a store that has moved on refuses (`conflict`).
 * - [C6] A request id is committed once: a second time gives the first commit back, whatever else it says.
 * - [C7] Deleting an object that does not exist, or releasing what was not allocated, is `not-found`.
 * - [C8] In a scope an owner has at most one value and a value at most one owner (`conflict`), judged when the whole
 *        transaction is applied: two owners may swap their values in one.
 * - [C9] A transaction of the wrong shape is refused (`value-invalid`): an empty name, the same object twice, …
 * - [C10] Values are kept as canonical JSON and nobody can change them from outside.
 *
 * Write
 * - [G1] `write` takes a transaction: it has its revision, and later ones are decided on it. It is a commit when its
 *        `durable` resolves; those taken before it are durable by then, and all of them are told to the watchers.
 * - [G2] Nothing that is asked of the store tells of a transaction that is not durable yet: the answer waits.
 * - [G3] Where `durable` rejects, the transaction is lost, and so is everything taken after it; the next commit gets the
 *        revision that the first one lost had. A transaction that is refused takes no other along.
 *
 * Read
 * - [R1] A snapshot is one whole revision, in a fixed order (kind, key; scope, owner).
 * - [R2] A snapshot at any retained revision is what a snapshot gave when that revision was the latest.
 * - [R3] `changes(since)` gives every commit after `since`, in order; all of them applied to the snapshot at `since`
 *        give the snapshot at the last one.
 * - [R4] A revision that is not retained, or not made yet, is never answered with something else: `changes` says
 *        `compactedTo`, everything else is `not-found`.
 * - [R5] `history` gives commits from new to old, optionally only those that touched one kind or object, that one author
 *        made, or that were made since a time.
 *
 * Watch
 * - [W1] Each handler is told each commit once, in order, when it is durable and before `commit` returns.
 * - [W2] A handler is never told of a transaction that was refused, nor again of one whose request id was repeated.
 * - [W3] A handler that throws harms neither the commit nor the other handlers.
 *
 * Undo and compaction
 * - [U1] `undo(n)` gives the transaction that takes back commit n: committed at once, objects and allocations that
 *        n touched are as they were before n.
 * - [U2] Where a later commit touched the same, `conflict` says what and when, one finding each.
 * - [U3] `compact(n)` forgets the commits before n; objects and allocations stay as they are.
 * - [U4] An allocation whose scope begins with `~` is a note on the past, such as who had an address before. Undo neither
 *        looks at it nor takes it back; in everything else it is an allocation.
 *
 * Jobs
 * - [J1] A job that comes with a transaction is stored with its commit, and bears its revision; where nothing is
 *        committed (a refusal, a request id that was known), it is not stored either.
 * - [J2] `putJobs` stores all of them or none. A job of the same id is replaced; the revision that it bears stays.
 * - [J3] `jobs` gives them in the order of their ids; `forgetJobs` forgets some, and those that are not there.
 * - [J4] Jobs are no part of any revision: no snapshot, no change and no watch tells of them, and compaction leaves them.
 *
 * Secrets
 * - [S1] A secret that a transaction writes is stored with its commit, or not at all. The commit says whose and which, and
 *        whether it was set or removed; never what it is.
 * - [S2] Secrets are no part of any snapshot, and `undo` leaves them as they are.
 * - [S3] Removing a secret that does not exist is `not-found`. A set one replaces the one of the same owner and name.
 * - [S4] When a secret was last used is noted beside it, and is no part of any revision; setting it anew forgets it.
 *
 * Life
 * - [L1] The epoch names this line of revisions: it stays over restarts, and another store, or data brought back from
 *        a backup, has another one. A revision means nothing outside its epoch.
 * - [L2] `close` lets the commits under way finish; afterwards everything is refused (`store-unavailable`).
 */

import type { JsonObject } from '../base/json.ts';

export interface StoredObject {
  readonly kind: string;
  /** Unique among the objects of the kind. */
  readonly key: string;
  /** The commit that last changed it. */
  readonly revision: number;
  readonly value: JsonObject;
}

/** Something handed out from a pool: `value` (an address, a MAC, a VSID, …) of `scope` (the pool) to `owner`. */
export interface Allocation {
  readonly scope: string;
  readonly owner: string;
  readonly value: string;
}

/** What a transaction says about one object. */
export interface ObjectWrite {
  readonly kind: string;
  readonly key: string;
  /** The new value; `null` deletes. */
  readonly value: JsonObject | null;
  /** The revision at which the object must have been changed last, or `absent`. Not given: whatever is there. */
  readonly expect?: number | 'absent';
}

/** What a transaction says about one owner in one scope. */
export interface AllocationWrite {
  readonly scope: string;
  readonly owner: string;
  /** The value that the owner has from now on; `null` releases it. */
  readonly value: string | null;
}

/** How a change, or other work that takes its time, came along; the store looks only at the id. */
export interface JobWrite {
  /** A whole number from 1. */
  readonly id: number;
  readonly value: JsonObject;
}

export interface StoredJob extends JobWrite {
  /** The commit that it came with; `null` where it was stored without one. */
  readonly revision: number | null;
}

/** What a transaction says about a secret: a verifier such as the hash of a password, of which only the owner is known. */
export interface SecretWrite {
  /** The object that it belongs to: `User/ann`. */
  readonly owner: string;
  /** Which of the owner's: `password`, `token/4f2a`. */
  readonly name: string;
  /** `null` removes it. */
  readonly value: JsonObject | null;
}

export interface StoredSecret extends SecretWrite {
  readonly value: JsonObject;
  /** When it was last used, wall-clock milliseconds; `null`: never. */
  readonly used: number | null;
}

/** What the journal says of a secret. */
export type SecretChange = {
  readonly owner: string;
  readonly name: string;
  readonly action: 'set' | 'removed';
};

/** The changes of a transaction, without who makes them and when. */
export interface TransactionChanges {
  /** Why, for the people who read the journal. May be empty. */
  readonly message: string;
  readonly objects: readonly ObjectWrite[];
  readonly allocations: readonly AllocationWrite[];
  /** The revision at which the change was decided; a store that has moved on refuses it. */
  readonly base?: number;
}

export interface Transaction extends TransactionChanges {
  /** Who. */
  readonly author: string;
  /** Wall-clock milliseconds since 1970, for people; order comes from the revision alone. */
  readonly time: number;
  /** Chosen by the caller; makes it safe to commit again when the answer got lost. Known until compacted. */
  readonly requestId?: string;
  readonly secrets?: readonly SecretWrite[];
  /** The job that this is the commit of. */
  readonly job?: JobWrite;
}

/** A type, not an interface, so that TypeScript sees that it is JSON; it is stored as such. */
export type ObjectChange = {
  readonly kind: string;
  readonly key: string;
  /** `null`: there was none. */
  readonly before: JsonObject | null;
  /** The commit that made `before`; `null` where there was none. */
  readonly beforeRevision: number | null;
  /** `null`: deleted. */
  readonly after: JsonObject | null;
};

export type AllocationChange = {
  readonly scope: string;
  readonly owner: string;
  readonly before: string | null;
  readonly after: string | null;
};

/** A row of the journal. Nothing in it is ever changed. */
export interface Commit {
  readonly revision: number;
  readonly time: number;
  readonly author: string;
  readonly message: string;
  readonly requestId?: string;
  readonly objects: readonly ObjectChange[];
  readonly allocations: readonly AllocationChange[];
  /** Absent where none were written. */
  readonly secrets?: readonly SecretChange[];
}

export interface Snapshot {
  readonly revision: number;
  readonly objects: readonly StoredObject[];
  readonly allocations: readonly Allocation[];
}

export type Changes =
  /** The commits after the revision that was asked for, and the latest revision; a `limit` may leave a rest. */
  | { readonly commits: readonly Commit[]; readonly revision: number }
  /** The journal does not reach back: take a snapshot. Commits up to this one are forgotten. */
  | { readonly compactedTo: number };

export interface HistoryFilter {
  /** At most so many commits. */
  readonly limit: number;
  /** Only commits with a smaller revision: the next page. */
  readonly before?: number;
  /** Only commits that touched an object of this kind, and with this key if one is given. */
  readonly object?: { readonly kind: string; readonly key?: string };
  /** Only commits of this author. */
  readonly author?: string;
  /** Only commits at this time (milliseconds since 1970) or later. */
  readonly since?: number;
}

/** A transaction that was taken. */
export interface Written {
  /** The commit that it is, once it is durable. */
  readonly commit: Commit;
  /** See [G1] and [G3]. One that nobody looks at is no unhandled rejection. */
  readonly durable: Promise<void>;
}

/** Every call that cannot be answered rejects with a NetloomError. */
export interface Store {
  /** The name of this line of revisions; see [L1]. */
  readonly epoch: string;
  /** The latest revision; 0 before the first commit. */
  revision(): Promise<number>;
  /** Everything, as it is or as it was at revision `at`. */
  snapshot(at?: number): Promise<Snapshot>;
  /** Takes the transaction; transactions taken before any of them is durable become durable together. */
  write(transaction: Transaction): Promise<Written>;
  /** Takes the transaction. When this resolves, the commit is durable and told to every watcher. */
  commit(transaction: Transaction): Promise<Commit>;
  /** The commits after revision `since`, at most `limit` of them. */
  changes(since: number, limit?: number): Promise<Changes>;
  /** Calls `handler` with every commit from now on. The result stops it. */
  watch(handler: (commit: Commit) => void): () => void;
  history(filter: HistoryFilter): Promise<readonly Commit[]>;
  /** The inverse of a commit, to be committed by whoever wants it undone; it is decided at the latest revision. */
  undo(revision: number): Promise<TransactionChanges>;
  /** Stores jobs, all or none. */
  putJobs(jobs: readonly JobWrite[]): Promise<void>;
  /** All jobs that are stored. */
  jobs(): Promise<readonly StoredJob[]>;
  forgetJobs(ids: readonly number[]): Promise<void>;
  /** All secrets, by owner and name. */
  secrets(): Promise<readonly StoredSecret[]>;
  /** Notes that a secret was used at a time; one that there is no more is left alone. */
  noteUse(owner: string, name: string, time: number): Promise<void>;
  /** Forgets the commits before revision `before` and says which is the last one forgotten. */
  compact(before: number): Promise<number>;
  close(): Promise<void>;
}
