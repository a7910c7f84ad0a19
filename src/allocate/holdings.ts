/**
 * Who holds which value, what is inactive, and what is free in each pool; with a way back from the changes since `begin`.
 * The allocator decides, this keeps account: `free + used + inactive === size` of every pool, at any time.
 */
import { entryOf } from '../base/map.ts';
import { Intervals } from './intervals.ts';
import type { Pool } from './need.ts';
import { type Inactive, type InactiveChange, Quarantine } from './quarantine.ts';
import { contains, numberOf } from './space.ts';

/** `value` of `scope` belongs to `owner`. */
export interface Allocation {
  readonly scope: string;
  readonly owner: string;
  readonly value: string;
}

/** `null`: none. Never null on both sides. */
export interface AllocationChange {
  readonly scope: string;
  readonly owner: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** What is otherwise than at `begin`. */
export interface HoldingChanges {
  /** Sorted by scope and owner. */
  readonly changes: readonly AllocationChange[];
  /** What became inactive, and what no longer is; sorted by scope and value. */
  readonly inactive: readonly InactiveChange[];
}

/** How full a pool is; `free + used + inactive === size`. */
export interface PoolUse {
  readonly size: bigint;
  readonly used: bigint;
  /** Owner gone, quarantine not over. */
  readonly inactive: bigint;
  readonly free: bigint;
}

interface Scope {
  /** Owner -> value, and back. */
  readonly held: Map<string, string>;
  readonly holders: Map<string, string>;
  /** Keys of the pools that give values of the scope out. */
  readonly pools: Set<string>;
}

interface PoolState {
  readonly pool: Pool;
  /** What nobody holds and is not inactive; counted when it is first asked for. */
  free?: Intervals;
}

export class Holdings {
  readonly #scopes = new Map<string, Scope>();
  readonly #pools = new Map<string, PoolState>();
  readonly #quarantine = new Quarantine();
  /** Wall-clock milliseconds of the change under way. */
  #now = 0;
  /** scope -> owner -> value at `begin` */
  #journal = new Map<string, Map<string, string | undefined>>();

  /** A change begins, at the time `now`. There is no way back any more from those before. */
  begin(now: number): void {
    this.#now = now;
    this.#journal = new Map();
    this.#quarantine.begin();
  }

  /** Takes over what was handed out before. */
  restore(
    allocations: Iterable<{ scope: string; owner: string; value: string | null }>,
    inactive: Iterable<Inactive>,
  ): void {
    const all = [...allocations];
    for (const { scope, owner } of all) this.#assign(this.#scope(scope), owner, undefined);
    for (const { scope, owner, value } of all) this.#assign(this.#scope(scope), owner, value ?? undefined);
    for (const entry of inactive) {
      this.#quarantine.put(entry);
      this.#account(entry.scope, entry.value);
    }
    this.begin(this.#now);
  }

  // ------------------------------------------------------------------------------------------- reading

  value(scope: string, owner: string): string | undefined {
    return this.#scopes.get(scope)?.held.get(owner);
  }

  owner(scope: string, value: string): string | undefined {
    return this.#scopes.get(scope)?.holders.get(value);
  }

  /** Value -> owner, of everything that is handed out in a scope. */
  holders(scope: string): ReadonlyMap<string, string> {
    return this.#scopes.get(scope)?.holders ?? new Map<string, string>();
  }

  /** Everything that is handed out, sorted by scope and owner. */
  all(): Allocation[] {
    const all: Allocation[] = [];
    for (const [scope, { held }] of this.#scopes) {
      for (const [owner, value] of held) all.push({ scope, owner, value });
    }
    return all.sort(byScopeAndOwner);
  }

  pool(key: string): Pool | undefined {
    return this.#pools.get(key)?.pool;
  }

  /** The pools of the scope that give the value out. */
  poolsWith(scope: string, value: string): Pool[] {
    return [...(this.#scopes.get(scope)?.pools ?? [])]
      .map((key) => this.#pools.get(key)!.pool)
      .filter((pool) => givesOut(pool, value));
  }

  /** The lowest value that is free in the pool. */
  lowestFree(key: string): bigint | undefined {
    const state = this.#pools.get(key);
    return state && this.#free(state).lowest();
  }

  /** What is inactive in a scope at the time `now`, sorted by value. */
  inactive(scope: string, now: number): Inactive[] {
    return [...this.#quarantine.of(scope)]
      .filter(({ until }) => until > now)
      .sort((a, b) => (a.value < b.value ? -1 : 1));
  }

  /** What a former owner gave up last, while that is inactive. */
  formerValue(scope: string, owner: string): string | undefined {
    return this.#quarantine.formerValue(scope, owner);
  }

  /** The quarantine that the value is in, unless it came into it by the change under way. */
  keptBack(scope: string, value: string): Inactive | undefined {
    const entry = this.#quarantine.get(scope, value);
    return entry && !this.#quarantine.isFresh(entry) ? entry : undefined;
  }

  /** At the time `now`: what is over by then is free, whether a change has noticed or not. */
  poolUse(key: string, now: number): PoolUse | undefined {
    const state = this.#pools.get(key);
    if (!state) return undefined;
    const { pool } = state;
    const size = Intervals.of(pool.ranges).size();
    const entries = this.#inactiveIn(pool);
    const inactive = BigInt(entries.filter(({ until }) => until > now).length);
    const used = size - this.#free(state).size() - BigInt(entries.length);
    return { size, used, inactive, free: size - used - inactive };
  }

  // ------------------------------------------------------------------------------------------ changing

  setPool(key: string, before: Pool | undefined, after: Pool | undefined): void {
    if (before) {
      this.#scope(before.scope).pools.delete(key);
      this.#pools.delete(key);
    }
    if (after) {
      this.#scope(after.scope).pools.add(key);
      this.#pools.set(key, { pool: after });
    }
  }

  /** The owner holds this value from now on, or none. What it held before is inactive for as long as its pool says. */
  set(name: string, owner: string, value: string | undefined): void {
    const scope = this.#scope(name);
    const before = entryOf(this.#journal, name, () => new Map<string, string | undefined>());
    const held = scope.held.get(owner);
    if (!before.has(owner)) before.set(owner, held);
    this.#assign(scope, owner, value);
    if (held !== undefined && held !== value) this.#retire(name, owner, held);
    if (value !== undefined) this.#reactivate(name, value);
  }

  /** What is inactive and over by now is free. */
  expire(scope: string): void {
    for (const value of this.#quarantine.takeExpired(scope, this.#now)) this.#account(scope, value);
  }

  /** Where no pool is left, nothing is given out that could be given out too soon. */
  forgetUnpooled(scope: string): void {
    if (this.#scope(scope).pools.size > 0) return;
    for (const { value } of [...this.#quarantine.of(scope)]) this.#reactivate(scope, value);
  }

  /** Ends the quarantine of values of a pool: of all, or of those named. Which of these are not inactive in it. */
  release(key: string, values?: readonly string[]): string[] {
    const pool = this.pool(key);
    const chosen = (pool ? this.#inactiveIn(pool) : []).filter(
      ({ value }) => values === undefined || values.includes(value),
    );
    for (const { scope, value } of chosen) this.#reactivate(scope, value);
    return (values ?? []).filter((value) => !chosen.some((entry) => entry.value === value));
  }

  /** Gives back what `isWanted` does not stand behind, and forgets what is over or has no pool any more. */
  sweep(isWanted: (scope: string, owner: string) => boolean): void {
    for (const [name, { held }] of this.#scopes) {
      for (const owner of [...held.keys()]) if (!isWanted(name, owner)) this.set(name, owner, undefined);
    }
    for (const name of this.#quarantine.scopes()) {
      this.expire(name);
      this.forgetUnpooled(name);
    }
  }

  /** Back to `begin`. Pools are put back by whoever set them, before. */
  undo(): void {
    for (const [name, owners] of this.#journal) {
      const scope = this.#scope(name);
      for (const owner of owners.keys()) this.#assign(scope, owner, undefined);
      for (const [owner, value] of owners) this.#assign(scope, owner, value);
    }
    for (const { scope, value } of this.#quarantine.undo()) this.#account(scope, value);
    this.begin(this.#now);
  }

  changes(): HoldingChanges {
    const changes: AllocationChange[] = [];
    for (const [scope, owners] of this.#journal) {
      for (const [owner, value] of owners) {
        const before = value ?? null;
        const after = this.value(scope, owner) ?? null;
        if (before !== after) changes.push({ scope, owner, before, after });
      }
    }
    return { changes: changes.sort(byScopeAndOwner), inactive: this.#quarantine.changes() };
  }

  #inactiveIn(pool: Pool): Inactive[] {
    return [...this.#quarantine.of(pool.scope)].filter(({ value }) => givesOut(pool, value));
  }

  #retire(scope: string, owner: string, value: string): void {
    const seconds = this.poolsWith(scope, value).map(({ quarantineSeconds = 0 }) => quarantineSeconds);
    const until = this.#now + 1000 * Math.max(0, ...seconds);
    if (until === this.#now) return;
    this.#quarantine.put({ scope, value, owner, since: this.#now, until });
    this.#account(scope, value);
  }

  #reactivate(scope: string, value: string): void {
    if (!this.#quarantine.get(scope, value)) return;
    this.#quarantine.remove(scope, value);
    this.#account(scope, value);
  }

  #free(state: PoolState): Intervals {
    if (state.free) return state.free;
    const { ranges, scope, space } = state.pool;
    const inactive = [...this.#quarantine.of(scope)].map(({ value }) => value);
    const taken = [...this.holders(scope).keys(), ...inactive].map((value) => numberOf(space, value));
    state.free = Intervals.of(
      ranges,
      taken.map((number) => ({ from: number, to: number })),
    );
    return state.free;
  }

  /** Whether the value is free now, entered where free values are counted. */
  #account(name: string, value: string): void {
    const { pools, holders } = this.#scope(name);
    const free = !holders.has(value) && !this.#quarantine.get(name, value);
    for (const key of pools) {
      const state = this.#pools.get(key)!;
      if (!state.free || !givesOut(state.pool, value)) continue;
      const number = numberOf(state.pool.space, value);
      if (free) state.free.add(number);
      else state.free.delete(number);
    }
  }

  /** The only place that changes who holds what. */
  #assign(scope: Scope, owner: string, value: string | undefined): void {
    const held = scope.held.get(owner);
    if (held === value) return;
    if (held !== undefined) {
      scope.held.delete(owner);
      scope.holders.delete(held);
    }
    if (value !== undefined) {
      scope.held.set(owner, value);
      scope.holders.set(value, owner);
    }
    for (const key of scope.pools) {
      const { pool, free } = this.#pools.get(key)!;
      if (!free) continue;
      if (held !== undefined && givesOut(pool, held)) free.add(numberOf(pool.space, held));
      if (value !== undefined) free.delete(numberOf(pool.space, value));
    }
  }

  #scope(name: string): Scope {
    return entryOf(this.#scopes, name, () => ({ held: new Map(), holders: new Map(), pools: new Set() }));
  }
}

function givesOut({ space, ranges }: Pool, value: string): boolean {
  if (space !== 'number' && value.includes(':') !== (space !== 'ipv4')) return false;
  const number = numberOf(space, value);
  return ranges.some((range) => contains(range, number));
}

function byScopeAndOwner(a: Allocation | AllocationChange, b: Allocation | AllocationChange): number {
  return a.scope === b.scope ? (a.owner < b.owner ? -1 : 1) : a.scope < b.scope ? -1 : 1;
}
