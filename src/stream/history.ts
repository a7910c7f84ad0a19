import type { PolicyRecord, Scope } from '../policy/records.ts';
import type { PolicyChange } from '../policy/set.ts';

interface Entry {
  readonly revision: number;
  readonly key: string;
  readonly before: PolicyRecord | undefined;
}

/**
 * What the records of the latest commits were before them, by scope: enough to say what anybody who stopped at one of
 * these revisions lacks. It keeps the latest `limit` changes; older commits are forgotten, each as a whole.
 */
export class History {
  readonly #limit: number;
  /** By revision, the oldest first. */
  readonly #commits = new Map<number, { hosts: readonly string[]; scopes: readonly Scope[] }>();
  readonly #scopes = new Map<Scope, Entry[]>();
  #size = 0;
  #floor: number;

  /** `revision`: where it starts; nothing before it is known. */
  constructor(revision: number, limit: number) {
    this.#floor = revision;
    this.#limit = limit;
  }

  /** Number of changes kept. */
  get size(): number {
    return this.#size;
  }

  /** Takes in a commit: its changes, what `before` says that their records were, and the hosts that it touched. */
  add(
    revision: number,
    changes: readonly PolicyChange[],
    before: (change: PolicyChange) => PolicyRecord | undefined,
    hosts: readonly string[],
  ): void {
    if (changes.length === 0) return;
    for (const change of changes) {
      const entries = this.#scopes.get(change.scope) ?? [];
      entries.push({ revision, key: change.key, before: before(change) });
      this.#scopes.set(change.scope, entries);
    }
    this.#commits.set(revision, { hosts, scopes: changes.map(({ scope }) => scope) });
    this.#size += changes.length;
    this.#forget();
  }

  /** Whether all that was committed after this revision is known. */
  covers(revision: number): boolean {
    return revision >= this.#floor;
  }

  /** The hosts that this commit touched; undefined when it is forgotten. */
  hosts(revision: number): readonly string[] | undefined {
    return this.covers(revision - 1) ? (this.#commits.get(revision)?.hosts ?? []) : undefined;
  }

  /** The records of a scope that changed after this revision, by key, as they were at it. */
  since(scope: Scope, revision: number): Map<string, PolicyRecord | undefined> {
    const entries = this.#scopes.get(scope) ?? [];
    const before = new Map<string, PolicyRecord | undefined>();
    // From the newest back: of several changes to one record the oldest says what it was.
    for (let i = entries.length - 1; i >= 0 && entries[i]!.revision > revision; i--) {
      before.set(entries[i]!.key, entries[i]!.before);
    }
    return before;
  }

  #forget(): void {
    for (const [revision, { scopes }] of this.#commits) {
      if (this.#size <= this.#limit) return;
      this.#commits.delete(revision);
      this.#floor = revision;
      this.#size -= scopes.length;
      for (const scope of scopes) {
        const entries = this.#scopes.get(scope)!;
        entries.shift();
        if (entries.length === 0) this.#scopes.delete(scope);
      }
    }
  }
}
