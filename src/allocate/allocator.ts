/**
 * Grants demands: unique values in each scope, kept for as long as they fit, the lowest free one otherwise.
 *
 * One change is granted as a whole, in this order, so that the result does not hang on the order in which its parts
 * were said: what nobody needs any more is given back; fixed values are claimed; the rest takes from the pools. Within
 * a step, owners go in alphabetical order.
 */
import type { OutputChange } from '../base/derive.ts';
import { type Finding, finding } from '../base/error.ts';
import { entryOf } from '../base/map.ts';
import { Intervals } from './intervals.ts';
import type { Demand, Need, Pool } from './need.ts';
import { STANDING_POOLS } from './pools.ts';
import { numberOf, type Range, textOf } from './space.ts';

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

/** What a change comes to: either everything is granted, or nothing is and the findings say why. */
export interface Grant {
  /** Sorted by scope and owner. */
  readonly changes: readonly AllocationChange[];
  readonly findings: readonly Finding[];
}

/** How full a pool is; `free + used === size`. */
export interface PoolUse {
  readonly size: bigint;
  readonly used: bigint;
  readonly free: bigint;
}

interface Scope {
  readonly demands: Map<string, Demand>;
  readonly held: Map<string, string>;
  readonly holders: Map<string, string>;
  readonly pools: Set<string>;
}

interface PoolState {
  readonly pool: Pool;
  /** What nobody holds; counted when it is first asked for. Values in quarantine will be left out here as well. */
  free?: Intervals;
}

/** scope -> owner -> value before this change */
type Journal = Map<string, Map<string, string | undefined>>;

type NeedChange = OutputChange<Need>;

/** How many owners a finding names before it counts the others. */
const NAMED = 3;

export class Allocator {
  readonly #scopes = new Map<string, Scope>();
  readonly #pools = new Map<string, PoolState>();
  readonly #uuid: () => string;
  #journal: Journal = new Map();
  #undo: readonly NeedChange[] = [];

  /** `uuid` gives a random UUID in canonical form each time. */
  constructor(uuid: () => string) {
    this.#uuid = uuid;
    for (const pool of STANDING_POOLS) this.#setPool(pool.key, undefined, pool);
  }

  /** Takes over what was handed out before: from the store at start, or by another controller. */
  restore(allocations: Iterable<{ scope: string; owner: string; value: string | null }>): void {
    const all = [...allocations];
    for (const { scope, owner } of all) this.#assign(this.#scope(scope), owner, undefined);
    for (const { scope, owner, value } of all) this.#assign(this.#scope(scope), owner, value ?? undefined);
  }

  value(scope: string, owner: string): string | undefined {
    return this.#scopes.get(scope)?.held.get(owner);
  }

  owner(scope: string, value: string): string | undefined {
    return this.#scopes.get(scope)?.holders.get(value);
  }

  /** Everything that is handed out, sorted by scope and owner. */
  allocations(): Allocation[] {
    const all: Allocation[] = [];
    for (const [scope, { held }] of this.#scopes) {
      for (const [owner, value] of held) all.push({ scope, owner, value });
    }
    return all.sort(byScopeAndOwner);
  }

  poolUse(key: string): PoolUse | undefined {
    const state = this.#pools.get(key);
    if (!state) return undefined;
    const size = Intervals.of(state.pool.ranges).size();
    const free = this.#free(state).size();
    return { size, used: size - free, free };
  }

  /** Grants what changed, or leaves everything as it was and says all the reasons. */
  apply(needs: readonly NeedChange[]): Grant {
    this.#journal = new Map();
    this.#undo = needs.map(inverse);
    const touched = this.#take(needs);
    const findings: Finding[] = [];
    for (const [name, owners] of [...touched].sort(byKey))
      findings.push(...this.#grant(name, [...owners].sort()));
    if (findings.length > 0) {
      this.undo();
      return { changes: [], findings };
    }
    return { changes: this.#changes(), findings };
  }

  /** Takes back the last `apply`: for a dry run, or when the change could not be committed. */
  undo(): void {
    this.#take(this.#undo);
    for (const [name, owners] of this.#journal) {
      const scope = this.#scope(name);
      for (const owner of owners.keys()) this.#assign(scope, owner, undefined);
      for (const [owner, value] of owners) this.#assign(scope, owner, value);
    }
    this.#journal = new Map();
    this.#undo = [];
  }

  /** Gives back what no demand stands behind: after `restore` and the first `apply`, what a crash left over. */
  sweep(): AllocationChange[] {
    this.#journal = new Map();
    this.#undo = [];
    for (const [name, scope] of this.#scopes) {
      for (const owner of [...scope.held.keys()]) {
        if (!scope.demands.has(owner)) this.#set(name, scope, owner, undefined);
      }
    }
    return this.#changes();
  }

  /** Takes in the needs; returns the owners whose demand changed, by scope. */
  #take(needs: readonly NeedChange[]): Map<string, Set<string>> {
    const touched = new Map<string, Set<string>>();
    for (const { before, after } of needs) {
      for (const need of [before, after]) {
        if (need?.kind !== 'demand') continue;
        entryOf(touched, need.scope, () => new Set<string>()).add(need.owner);
      }
    }
    for (const { before } of needs) {
      if (before?.kind === 'demand') this.#scope(before.scope).demands.delete(before.owner);
      else if (before?.kind === 'pool') this.#setPool(before.key, before, undefined);
    }
    for (const { after } of needs) {
      if (after?.kind === 'demand') this.#scope(after.scope).demands.set(after.owner, after);
      else if (after?.kind === 'pool') this.#setPool(after.key, undefined, after);
    }
    return touched;
  }

  #grant(name: string, owners: readonly string[]): Finding[] {
    const scope = this.#scope(name);
    const open: Demand[] = [];
    for (const owner of owners) {
      const demand = scope.demands.get(owner);
      const held = scope.held.get(owner);
      if (held !== undefined && !(demand && fits(demand, held))) this.#set(name, scope, owner, undefined);
      if (demand && !scope.held.has(owner)) open.push(demand);
      else if (demand && lacksPool(demand)) open.push(demand);
    }
    const findings: Finding[] = [];
    for (const demand of open) {
      if (demand.value === undefined) continue;
      const holder = scope.holders.get(demand.value);
      if (holder === undefined) this.#set(name, scope, demand.owner, demand.value);
      else findings.push(taken(demand, demand.value, holder));
    }
    const unserved = new Map<string, Demand[]>();
    for (const demand of open) {
      if (demand.value !== undefined) continue;
      const value = lacksPool(demand) ? undefined : this.#next(scope, demand);
      if (value !== undefined) this.#set(name, scope, demand.owner, value);
      else {
        entryOf(unserved, demand.pools.join('\n'), (): Demand[] => []).push(demand);
      }
    }
    for (const demands of unserved.values()) findings.push(this.#unserved(demands));
    return findings;
  }

  #next(scope: Scope, demand: Demand): string | undefined {
    if (demand.space === 'uuid') {
      for (;;) {
        const value = this.#uuid();
        if (!scope.holders.has(value)) return value;
      }
    }
    for (const key of demand.pools) {
      const state = this.#pools.get(key);
      const lowest = state && this.#free(state).lowest();
      if (lowest !== undefined) return textOf(demand.space, lowest);
    }
    return undefined;
  }

  #free(state: PoolState): Intervals {
    const { ranges, scope, space } = state.pool;
    state.free ??= Intervals.of(
      ranges,
      [...(this.#scopes.get(scope)?.holders.keys() ?? [])].map((value) => {
        const number = numberOf(space, value);
        return { from: number, to: number };
      }),
    );
    return state.free;
  }

  #set(name: string, scope: Scope, owner: string, value: string | undefined): void {
    const before = entryOf(this.#journal, name, () => new Map<string, string | undefined>());
    if (!before.has(owner)) before.set(owner, scope.held.get(owner));
    this.#assign(scope, owner, value);
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
      if (held !== undefined) {
        const number = numberOf(pool.space, held);
        if (pool.ranges.some((range) => contains(range, number))) free.add(number);
      }
      if (value !== undefined) free.delete(numberOf(pool.space, value));
    }
  }

  #setPool(key: string, before: Pool | undefined, after: Pool | undefined): void {
    if (before) {
      this.#scope(before.scope).pools.delete(key);
      this.#pools.delete(key);
    }
    if (after) {
      this.#scope(after.scope).pools.add(key);
      this.#pools.set(key, { pool: after });
    }
  }

  #scope(name: string): Scope {
    return entryOf(this.#scopes, name, newScope);
  }

  #changes(): AllocationChange[] {
    const changes: AllocationChange[] = [];
    for (const [scope, owners] of this.#journal) {
      for (const [owner, value] of owners) {
        const before = value ?? null;
        const after = this.value(scope, owner) ?? null;
        if (before !== after) changes.push({ scope, owner, before, after });
      }
    }
    return changes.sort(byScopeAndOwner);
  }

  #unserved(demands: readonly Demand[]): Finding {
    const first = demands[0]!;
    const owners = demands.slice(0, NAMED).map((demand) => demand.owner);
    const others = demands.length - owners.length;
    const who = `${owners.join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
    if (first.pools.length === 0) {
      return finding(
        'pool-missing',
        first.path,
        `There is no pool for ${first.place}, so nothing to give to ${who}.`,
        first.remedy,
      );
    }
    const size = first.pools.reduce((sum, key) => sum + (this.poolUse(key)?.size ?? 0n), 0n);
    return finding(
      'pool-exhausted',
      first.path,
      `All ${size} values of ${first.pools.join(' and ')} are in use, and ${demands.length} more ${demands.length === 1 ? 'is' : 'are'} needed: by ${who}.`,
      'Make the pool larger, add another one, or remove what no longer needs a value.',
    );
  }
}

function newScope(): Scope {
  return { demands: new Map(), held: new Map(), holders: new Map(), pools: new Set() };
}

/** Whether an owner may keep what it holds. */
function fits(demand: Demand, held: string): boolean {
  if (demand.value !== undefined) return demand.value === held;
  if (!demand.within || demand.space === 'uuid') return true;
  const family = held.includes(':') ? 'ipv6' : 'ipv4';
  return family === demand.space && contains(demand.within, numberOf(demand.space, held));
}

/** Also for one who holds a value already: so the last pool of a subnet in use cannot be removed. */
function lacksPool(demand: Demand): boolean {
  return demand.value === undefined && demand.space !== 'uuid' && demand.pools.length === 0;
}

function taken(demand: Demand, value: string, holder: string): Finding {
  return finding(
    demand.space === 'number' || demand.space === 'uuid' ? 'value-duplicate' : 'address-taken',
    demand.path,
    `${value} is already held by ${holder}, on ${demand.place}.`,
    'Choose another value, or leave it out to be given a free one.',
  );
}

function contains(range: Range, value: bigint): boolean {
  return range.from <= value && value <= range.to;
}

function inverse({ key, before, after }: NeedChange): NeedChange {
  return {
    key,
    ...(after === undefined ? {} : { before: after }),
    ...(before === undefined ? {} : { after: before }),
  };
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function byScopeAndOwner(a: Allocation | AllocationChange, b: Allocation | AllocationChange): number {
  return a.scope === b.scope ? (a.owner < b.owner ? -1 : 1) : a.scope < b.scope ? -1 : 1;
}
