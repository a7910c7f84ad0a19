/**
 * Inactive addresses: their owner is gone, and until their quarantine is over nobody else is given them, because caches,
 * sessions and rules elsewhere may still mean the former owner by them. Whoever had one and comes back gets it again.
 *
 * Kept beside the allocations, in the store too: a row whose scope begins with `~`, which undo leaves alone.
 */
import { type Finding, finding } from '../base/error.ts';
import { entryOf } from '../base/map.ts';

/** `value` of `scope` belonged to `owner` until `since`, and is kept back until `until`; wall-clock milliseconds. */
export interface Inactive {
  readonly scope: string;
  readonly value: string;
  readonly owner: string;
  readonly since: number;
  readonly until: number;
}

/** `null`: it is not inactive. */
export interface InactiveChange {
  readonly scope: string;
  readonly value: string;
  readonly before: Inactive | null;
  readonly after: Inactive | null;
}

interface Scope {
  readonly entries: Map<string, Inactive>;
  /** Former owner -> the value that it gave up last. */
  readonly former: Map<string, string>;
  /**
   * In the order of `until`, so that a change looks only at what is over. Made when it is asked for, and kept up to date as
   * long as what comes is the latest; may hold what is gone.
   */
  due: Inactive[] | undefined;
}

/** The inactive values of all scopes, with the changes since `begin`. */
export class Quarantine {
  readonly #scopes = new Map<string, Scope>();
  /** scope -> value -> what was there at `begin` */
  #journal = new Map<string, Map<string, Inactive | undefined>>();

  /** Forgets which changes were made so far, and so the way back. */
  begin(): void {
    this.#journal = new Map();
  }

  get(scope: string, value: string): Inactive | undefined {
    return this.#scopes.get(scope)?.entries.get(value);
  }

  /** What a former owner gave up last in the scope, while it is still inactive. */
  formerValue(scope: string, owner: string): string | undefined {
    return this.#scopes.get(scope)?.former.get(owner);
  }

  /** Everything that is inactive in a scope, in no particular order. */
  of(scope: string): Iterable<Inactive> {
    return this.#scopes.get(scope)?.entries.values() ?? [];
  }

  scopes(): readonly string[] {
    return [...this.#scopes.keys()];
  }

  /** Whether it became inactive since `begin`: whoever is named in the same change may take it over. */
  isFresh(entry: Inactive): boolean {
    const journal = this.#journal.get(entry.scope);
    return journal?.has(entry.value) === true && journal.get(entry.value) !== entry;
  }

  put(entry: Inactive): void {
    this.#remember(entry.scope, entry.value);
    this.#assign(entry.scope, entry.value, entry);
  }

  remove(scope: string, value: string): void {
    if (!this.get(scope, value)) return;
    this.#remember(scope, value);
    this.#assign(scope, value, undefined);
  }

  /** Removes what is over at the time `now`, and says which values these are. */
  takeExpired(name: string, now: number): string[] {
    const scope = this.#scopes.get(name);
    if (!scope) return [];
    scope.due ??= [...scope.entries.values()].sort(byTime);
    const { due, entries } = scope;
    let end = 0;
    while (due[end] && due[end]!.until <= now) end += 1;
    const over = due.splice(0, end).filter((entry) => entries.get(entry.value) === entry);
    for (const { value } of over) this.remove(name, value);
    return over.map(({ value }) => value);
  }

  /** Puts back what was there at `begin`; what changed by that, as it is now. */
  undo(): { readonly scope: string; readonly value: string }[] {
    const restored = [...this.#journal].flatMap(([scope, values]) =>
      [...values].map(([value, before]) => {
        this.#assign(scope, value, before);
        return { scope, value };
      }),
    );
    this.begin();
    return restored;
  }

  /** What is otherwise than at `begin`, sorted by scope and value. */
  changes(): InactiveChange[] {
    const changes: InactiveChange[] = [];
    for (const [scope, values] of [...this.#journal].sort(byKey)) {
      for (const [value, was] of [...values].sort(byKey)) {
        const is = this.get(scope, value);
        if (was !== is) changes.push({ scope, value, before: was ?? null, after: is ?? null });
      }
    }
    return changes;
  }

  #remember(scope: string, value: string): void {
    const journal = entryOf(this.#journal, scope, () => new Map<string, Inactive | undefined>());
    if (!journal.has(value)) journal.set(value, this.get(scope, value));
  }

  #assign(name: string, value: string, entry: Inactive | undefined): void {
    const scope = entryOf(
      this.#scopes,
      name,
      (): Scope => ({ entries: new Map(), former: new Map(), due: undefined }),
    );
    const old = scope.entries.get(value);
    if (old && scope.former.get(old.owner) === value) scope.former.delete(old.owner);
    if (entry) {
      scope.entries.set(value, entry);
      scope.former.set(entry.owner, value);
      const last = scope.due?.at(-1);
      if (!last || byTime(last, entry) < 0) scope.due?.push(entry);
      else scope.due = undefined;
    } else scope.entries.delete(value);
    if (scope.entries.size === 0) this.#scopes.delete(name);
  }
}

const STORED_SCOPE = '~inactive/';
const STORED_VALUE = /^(\d{1,15}) (\d{1,15}) (\S+) (.+)$/s;

/** How a change of inactive values stands in the store. The value stands twice, so that no two rows are alike. */
export function inactiveRow({ scope, value, after }: InactiveChange): {
  scope: string;
  owner: string;
  value: string | null;
} {
  const text = after && `${after.since} ${after.until} ${value} ${after.owner}`;
  return { scope: STORED_SCOPE + scope, owner: value, value: text };
}

interface Row {
  readonly scope: string;
  readonly owner: string;
  readonly value: string;
}

/** Takes the rows of the store apart again; findings for those that no version of Netloom wrote. */
export function readRows<T extends Row>(
  rows: Iterable<T>,
): { readonly allocations: T[]; readonly inactive: Inactive[]; readonly findings: Finding[] } {
  const allocations: T[] = [];
  const inactive: Inactive[] = [];
  const findings: Finding[] = [];
  for (const row of rows) {
    if (!isInactiveRow(row)) {
      allocations.push(row);
      continue;
    }
    const [, since, until, value, owner] = STORED_VALUE.exec(row.value) ?? [];
    if (owner === undefined || value !== row.owner) findings.push(unreadable(row));
    else {
      const scope = row.scope.slice(STORED_SCOPE.length);
      inactive.push({ scope, value, owner, since: Number(since), until: Number(until) });
    }
  }
  return { allocations, inactive, findings };
}

/** Whether a row of the store says that an address is inactive, rather than who has it. */
export function isInactiveRow({ scope }: { readonly scope: string }): boolean {
  return scope.startsWith(STORED_SCOPE);
}

function unreadable({ scope, owner, value }: Row): Finding {
  return finding(
    'store-corrupt',
    `${scope}/${owner}`,
    `The data says of the inactive address ${owner} ${JSON.stringify(value)}, which this version does not understand.`,
    'Start the version that wrote it, or restore a backup.',
  );
}

function byTime(a: Inactive, b: Inactive): number {
  return a.until - b.until || (a.value < b.value ? -1 : a.value > b.value ? 1 : 0);
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
