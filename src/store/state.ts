/**
 * Objects and allocations of one revision as maps, and commits applied to them forwards and backwards.
 * The in-memory store is one of these; the SQL store fills one with the rows that a transaction touches, so that both
 * decide with the same code (`plan.ts`).
 */

import type { Allocation, Commit, SecretWrite, Snapshot, StoredObject } from './contract.ts';

/** Names never hold NUL (`plan.ts` sees to that), so two names joined by it are one unmistakable key. */
function pair(a: string, b: string): string {
  return `${a}\0${b}`;
}

export class State {
  readonly #objects = new Map<string, StoredObject>();
  readonly #allocations = new Map<string, Allocation>();
  /** Scope and value to owner: the other direction of #allocations. */
  readonly #holders = new Map<string, string>();
  readonly #secrets = new Set<string>();

  constructor(
    objects: Iterable<StoredObject> = [],
    allocations: Iterable<Allocation> = [],
    secrets: Iterable<Pick<SecretWrite, 'owner' | 'name'>> = [],
  ) {
    for (const object of objects) this.#objects.set(pair(object.kind, object.key), object);
    for (const allocation of allocations) this.#allocate(allocation);
    for (const { owner, name } of secrets) this.#secrets.add(pair(owner, name));
  }

  object(kind: string, key: string): StoredObject | undefined {
    return this.#objects.get(pair(kind, key));
  }

  /** The value that the owner has in the scope. */
  allocated(scope: string, owner: string): string | undefined {
    return this.#allocations.get(pair(scope, owner))?.value;
  }

  /** The owner that has the value in the scope. */
  holder(scope: string, value: string): string | undefined {
    return this.#holders.get(pair(scope, value));
  }

  /** Whether there is such a secret; what it is, is of no concern here. */
  hasSecret(owner: string, name: string): boolean {
    return this.#secrets.has(pair(owner, name));
  }

  /** Takes the state from the revision before the commit to the commit's. */
  apply(commit: Commit): void {
    for (const { kind, key, after } of commit.objects) {
      this.#setObject(
        kind,
        key,
        after === null ? undefined : { kind, key, revision: commit.revision, value: after },
      );
    }
    // Releases first: within one commit a value may pass from one owner to another.
    for (const { scope, owner, before } of commit.allocations)
      if (before !== null) this.#release(scope, owner);
    for (const { scope, owner, after } of commit.allocations) {
      if (after !== null) this.#allocate({ scope, owner, value: after });
    }
    for (const { owner, name, action } of commit.secrets ?? []) {
      if (action === 'set') this.#secrets.add(pair(owner, name));
      else this.#secrets.delete(pair(owner, name));
    }
  }

  /** Takes the state from the commit's revision to the one before it. */
  revert(commit: Commit): void {
    for (const { kind, key, before, beforeRevision } of commit.objects) {
      const was = before !== null && beforeRevision !== null;
      this.#setObject(kind, key, was ? { kind, key, revision: beforeRevision, value: before } : undefined);
    }
    for (const { scope, owner, after } of commit.allocations) if (after !== null) this.#release(scope, owner);
    for (const { scope, owner, before } of commit.allocations) {
      if (before !== null) this.#allocate({ scope, owner, value: before });
    }
  }

  /** The whole state, in the order of rule [R1]. */
  snapshot(revision: number): Snapshot {
    return {
      revision,
      objects: sorted(this.#objects),
      allocations: sorted(this.#allocations),
    };
  }

  #setObject(kind: string, key: string, object: StoredObject | undefined): void {
    if (object) this.#objects.set(pair(kind, key), object);
    else this.#objects.delete(pair(kind, key));
  }

  #allocate(allocation: Allocation): void {
    const { scope, owner, value } = allocation;
    this.#allocations.set(pair(scope, owner), allocation);
    this.#holders.set(pair(scope, value), owner);
  }

  #release(scope: string, owner: string): void {
    const allocation = this.#allocations.get(pair(scope, owner));
    if (!allocation) return;
    this.#allocations.delete(pair(scope, owner));
    this.#holders.delete(pair(scope, allocation.value));
  }
}

/** The values of a map by key; NUL sorts before every other character, so this is first name first, then second. */
function sorted<T>(map: ReadonlyMap<string, T>): T[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}
