/**
 * What a transaction comes to, decided without any I/O: is it well formed, does it fit the state, which commit is it,
 * and which transaction takes a commit back. Every store decides with these functions.
 */

import type { ErrorCode } from '../base/codes.ts';
import { type Finding, finding, NetloomError, throwIfErrors } from '../base/error.ts';
import { frozenJson, sameJson } from '../base/json.ts';
import type {
  AllocationChange,
  AllocationWrite,
  Commit,
  JobWrite,
  ObjectChange,
  ObjectWrite,
  SecretChange,
  SecretWrite,
  Transaction,
  TransactionChanges,
} from './contract.ts';
import type { State } from './state.ts';

/** Longest name of anything (kind, key, scope, owner, value, author, request id), in UTF-16 code units. */
export const MAX_NAME = 1024;

/**
 * The transaction with its values in canonical form, shared with nobody; throws every fault of its shape (rule [C9]).
 * Needs no state.
 */
export function readTransaction(tx: Transaction): Transaction {
  const findings: Finding[] = [];
  const bad = (path: string, message: string, remedy: string) =>
    findings.push(finding('value-invalid', path, message, remedy));
  const name = (path: string, value: string) => {
    if (value === '') bad(path, 'The name is empty.', 'Give a name.');
    else if (value.length > MAX_NAME)
      bad(path, `The name is ${value.length} long.`, `Use at most ${MAX_NAME}.`);
    // NUL separates names inside the store, and half a surrogate pair would not survive UTF-8.
    else if (value.includes('\0') || !value.isWellFormed()) {
      bad(
        path,
        `${JSON.stringify(value)} holds NUL or half a surrogate pair.`,
        'Leave those characters out.',
      );
    }
  };
  const revision = (path: string, value: number) => {
    if (!Number.isSafeInteger(value) || value < 0) {
      bad(path, `${value} is no revision.`, 'Use a revision that the store gave: a whole number from 0.');
    }
  };
  const once = (path: string, seen: Set<string>, a: string, b: string) => {
    const both = JSON.stringify([a, b]);
    if (seen.has(both)) bad(path, `The transaction names ${a} ${b} twice.`, 'Say once what it shall become.');
    seen.add(both);
  };

  name('author', tx.author);
  if (!tx.message.isWellFormed()) bad('message', 'The message holds half a surrogate pair.', 'Leave it out.');
  if (!Number.isSafeInteger(tx.time)) {
    bad('time', `${tx.time} is no time.`, 'Use whole milliseconds since 1970.');
  }
  if (tx.base !== undefined) revision('base', tx.base);
  if (tx.requestId !== undefined) name('requestId', tx.requestId);

  const seenObjects = new Set<string>();
  const objects = tx.objects.map((write): ObjectWrite => {
    const { kind, key, expect } = write;
    const path = `${kind}/${key}`;
    name(path, kind);
    name(path, key);
    once(path, seenObjects, kind, key);
    if (expect !== undefined && expect !== 'absent') revision(path, expect);
    try {
      return { ...write, value: write.value && frozenJson(write.value, path) };
    } catch (thrown) {
      findings.push(...NetloomError.from(thrown).findings);
      return write;
    }
  });
  const seenAllocations = new Set<string>();
  for (const { scope, owner, value } of tx.allocations) {
    const path = `${scope}/${owner}`;
    name(path, scope);
    name(path, owner);
    if (value !== null) name(path, value);
    once(path, seenAllocations, scope, owner);
  }
  const seenSecrets = new Set<string>();
  const secrets = (tx.secrets ?? []).map((write): SecretWrite => {
    const path = `${write.owner}/${write.name}`;
    name(path, write.owner);
    name(path, write.name);
    once(path, seenSecrets, write.owner, write.name);
    return { ...write, value: write.value && frozenJson(write.value, path) };
  });
  throwIfErrors(findings);
  return {
    ...tx,
    objects,
    allocations: tx.allocations.map((write) => ({ ...write })),
    ...(tx.job ? { job: readJobs([tx.job])[0]! } : {}),
    ...(secrets.length > 0 ? { secrets } : {}),
  };
}

/** The jobs with their values in canonical form, shared with nobody; refuses ids that are none, or are there twice. */
export function readJobs(jobs: readonly JobWrite[]): JobWrite[] {
  const seen = new Set<number>();
  return jobs.map(({ id, value }) => {
    if (!Number.isSafeInteger(id) || id < 1 || seen.has(id)) {
      throw refusal('value-invalid', `${id} is no id of a job here.`, 'Use each whole number from 1 once.');
    }
    seen.add(id);
    return { id, value: frozenJson(value, `job ${id}`) };
  });
}

/**
 * The commit that follows revision `latest` when `tx`, as `readTransaction` gave it, is applied to
 * `state`; throws every reason why it cannot be.
 * Of the state it reads the objects and owners that `tx` names and the holders of the values that it asks for.
 */
export function planCommit(tx: Transaction, state: State, latest: number): Commit {
  const findings: Finding[] = [];
  if (tx.base !== undefined && tx.base !== latest) {
    findings.push(
      finding(
        'conflict',
        '',
        `The change was decided at revision ${tx.base}, but the store is at revision ${latest}.`,
        'Read again, decide again, and commit that.',
      ),
    );
  }
  const objects = tx.objects.flatMap((write) => planObject(write, state, findings));
  const allocations = planAllocations(tx.allocations, state, findings);
  const secrets = (tx.secrets ?? []).map((write) => planSecret(write, state, findings));
  throwIfErrors(findings);
  if (objects.length === 0 && allocations.length === 0 && secrets.length === 0) {
    throw new NetloomError([
      finding(
        'no-change',
        '',
        'Everything is already as the transaction wants it.',
        'There is nothing to do.',
      ),
    ]);
  }
  return Object.freeze({
    revision: latest + 1,
    time: tx.time,
    author: tx.author,
    message: tx.message,
    ...(tx.requestId === undefined ? {} : { requestId: tx.requestId }),
    objects: Object.freeze(objects),
    allocations: Object.freeze(allocations),
    ...(secrets.length > 0 ? { secrets: Object.freeze(secrets) } : {}),
  });
}

/** Rules [S1] and [S3]: what the journal says of it. */
function planSecret({ owner, name, value }: SecretWrite, state: State, findings: Finding[]): SecretChange {
  if (value === null && !state.hasSecret(owner, name)) {
    findings.push(finding('not-found', `${owner}/${name}`, `${owner} has no ${name}.`, 'Check the names.'));
  }
  return Object.freeze({ owner, name, action: value === null ? 'removed' : 'set' });
}

/** The one change that the write comes to, or none; what stands against it is added to the findings. */
function planObject(write: ObjectWrite, state: State, findings: Finding[]): ObjectChange[] {
  const { kind, key, value, expect } = write;
  const path = `${kind}/${key}`;
  const current = state.object(kind, key);

  if (expect === 'absent' && current) {
    findings.push(
      finding(
        'conflict',
        path,
        `${kind} ${key} exists already, since revision ${current.revision} at the latest.`,
        'Choose another name, or read the object and change it.',
      ),
    );
  } else if (typeof expect === 'number' && current?.revision !== expect) {
    const now = current ? `was last changed at revision ${current.revision}` : 'does not exist (any more)';
    findings.push(
      finding(
        'conflict',
        path,
        `${kind} ${key} ${now}, not at revision ${expect}.`,
        'Read it again and repeat.',
      ),
    );
  } else if (value === null && !current && expect !== 'absent') {
    findings.push(finding('not-found', path, `There is no ${kind} ${key} to delete.`, 'Check the name.'));
  }

  if (current ? value !== null && sameJson(current.value, value) : value === null) return [];
  return [
    Object.freeze({
      kind,
      key,
      before: current?.value ?? null,
      beforeRevision: current?.revision ?? null,
      after: value,
    }),
  ];
}

/** Rule [C8]: every write is compared with the state and with what the others of the transaction ask for. */
function planAllocations(
  writes: readonly AllocationWrite[],
  state: State,
  findings: Finding[],
): AllocationChange[] {
  const changes: AllocationChange[] = [];
  /** Owners that give up what they have. */
  const leaving = new Set<string>();
  for (const { scope, owner, value } of writes) {
    const before = state.allocated(scope, owner);
    if (value === null && before === undefined) {
      findings.push(
        finding(
          'not-found',
          `${scope}/${owner}`,
          `${owner} has nothing allocated in ${scope}.`,
          'Check the names.',
        ),
      );
    } else if (value !== before) {
      changes.push(Object.freeze({ scope, owner, before: before ?? null, after: value }));
      leaving.add(JSON.stringify([scope, owner]));
    }
  }
  const taken = new Map<string, string>();
  for (const { scope, owner, after } of changes) {
    if (after === null) continue;
    const wanted = JSON.stringify([scope, after]);
    const holder = state.holder(scope, after);
    const stays = holder !== undefined && !leaving.has(JSON.stringify([scope, holder]));
    const other = stays ? holder : taken.get(wanted);
    if (other !== undefined) {
      findings.push(
        finding(
          'conflict',
          `${scope}/${owner}`,
          `${after} in ${scope} belongs to ${other}; ${owner} cannot have it too.`,
          'Take another value, or release this one first.',
        ),
      );
    }
    taken.set(wanted, owner);
  }
  return changes;
}

/** How the scopes of notes begin: rule [U4]. */
const NOTES = '~';

/**
 * The transaction that takes `commit` back, decided at revision `latest` with `state` the state there; throws
 * one `conflict` for each thing that is no longer as the commit left it.
 */
export function planUndo(commit: Commit, state: State, latest: number): TransactionChanges {
  const findings: Finding[] = [];
  const against = (path: string, message: string) =>
    findings.push(
      finding('conflict', path, message, 'Undo the later change first, or make the wanted change by hand.'),
    );

  const objects = commit.objects.map(({ kind, key, before, after }): ObjectWrite => {
    const current = state.object(kind, key);
    if (after === null && current) {
      against(
        `${kind}/${key}`,
        `${kind} ${key} was made again after revision ${commit.revision}, at ${current.revision}.`,
      );
    } else if (after !== null && current?.revision !== commit.revision) {
      const later = current ? `changed again at revision ${current.revision}` : 'deleted';
      against(`${kind}/${key}`, `${kind} ${key} was ${later}, after revision ${commit.revision}.`);
    }
    return { kind, key, value: before, expect: after === null ? 'absent' : commit.revision };
  });

  const held = commit.allocations.filter(({ scope }) => !scope.startsWith(NOTES));
  const allocations = held.map(({ scope, owner, before, after }): AllocationWrite => {
    const current = state.allocated(scope, owner) ?? null;
    if (current !== after) {
      const has = current === null ? 'nothing' : current;
      against(`${scope}/${owner}`, `${owner} has ${has} in ${scope}, no longer ${after ?? 'nothing'}.`);
    }
    return { scope, owner, value: before };
  });
  // A value that this undo gives back may have gone to an owner that the commit did not touch.
  const touched = new Set(held.map(({ scope, owner }) => JSON.stringify([scope, owner])));
  for (const { scope, owner, value } of allocations) {
    const holder = value === null ? undefined : state.holder(scope, value);
    if (holder !== undefined && !touched.has(JSON.stringify([scope, holder]))) {
      against(
        `${scope}/${owner}`,
        `${value} in ${scope} belongs to ${holder} now; ${owner} cannot have it back.`,
      );
    }
  }
  throwIfErrors(findings);
  return {
    message: `Undo revision ${commit.revision}: ${commit.message}`.trimEnd(),
    objects,
    allocations,
    base: latest,
  };
}

/** Rule [R4]: refuses a revision outside of `oldest` (what the journal still reaches) and `latest`. */
export function checkRetained(revision: number, oldest: number, latest: number): void {
  if (!Number.isSafeInteger(revision)) {
    throw refusal('value-invalid', `${revision} is no revision.`, 'Use a whole number.');
  }
  if (revision > latest) {
    throw refusal(
      'not-found',
      `Revision ${revision} is not made yet; the latest is ${latest}.`,
      'If it was seen before, the data was restored from a backup: compare the epoch and take a snapshot.',
    );
  }
  if (revision < oldest) {
    throw refusal(
      'not-found',
      `Revision ${revision} is not kept; the oldest is ${oldest}.`,
      'Ask for one that is kept.',
    );
  }
}

/** The last commit that is forgotten when those before `before` shall be: never one to come, never one back. */
export function planCompaction(before: number, compactedTo: number, latest: number): number {
  if (!Number.isSafeInteger(before)) {
    throw refusal('value-invalid', `${before} is no revision.`, 'Use a whole number.');
  }
  return Math.max(compactedTo, Math.min(before - 1, latest));
}

/** Refuses a page of no commits, which whoever asks for page after page would never get past. */
export function checkLimit(limit: number | undefined): void {
  if (limit === undefined || (Number.isSafeInteger(limit) && limit > 0)) return;
  throw refusal('value-invalid', `${limit} is no number of commits.`, 'Ask for at least one.');
}

function refusal(code: ErrorCode, message: string, remedy: string): NetloomError {
  return new NetloomError([finding(code, '', message, remedy)]);
}
