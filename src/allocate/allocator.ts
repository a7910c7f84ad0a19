/**
 * Grants demands: unique values in each scope, kept for as long as they fit, the lowest free one otherwise.
 *
 * One change is granted as a whole, in this order, so that the result does not hang on the order in which its parts
 * were said: what nobody needs any more is given back; fixed values are claimed; the rest takes from the pools, former
 * owners what they had before. Within a step, owners go in alphabetical order. What is given back to a pool that has a
 * quarantine is inactive for that long (`quarantine.ts`).
 */
import type { OutputChange } from '../base/derive.ts';
import type { Finding } from '../base/error.ts';
import { entryOf } from '../base/map.ts';
import { type Allocation, type HoldingChanges, Holdings, type PoolUse } from './holdings.ts';
import type { Demand, Need, Pool } from './need.ts';
import { STANDING_POOLS } from './pools.ts';
import type { Inactive, InactiveChange } from './quarantine.ts';
import { quarantined, taken, unserved } from './refusals.ts';
import { contains, numberOf, textOf } from './space.ts';

/** What a change comes to: either everything is granted, or nothing is and the findings say why. */
export interface Grant extends HoldingChanges {
  readonly findings: readonly Finding[];
}

type NeedChange = OutputChange<Need>;

export class Allocator {
  /** scope -> owner -> demand */
  readonly #demands = new Map<string, Map<string, Demand>>();
  readonly #holdings = new Holdings();
  readonly #uuid: () => string;
  #undo: readonly NeedChange[] = [];

  /** `uuid` gives a random UUID in canonical form each time. */
  constructor(uuid: () => string) {
    this.#uuid = uuid;
    for (const pool of STANDING_POOLS) this.#holdings.setPool(pool.key, undefined, pool);
  }

  /** Takes over what was handed out before: from the store at start, or by another controller. */
  restore(
    allocations: Iterable<{ scope: string; owner: string; value: string | null }>,
    inactive: Iterable<Inactive> = [],
  ): void {
    this.#holdings.restore(allocations, inactive);
  }

  value(scope: string, owner: string): string | undefined {
    return this.#holdings.value(scope, owner);
  }

  owner(scope: string, value: string): string | undefined {
    return this.#holdings.owner(scope, value);
  }

  /** Value -> owner, of everything that is handed out in a scope. */
  holders(scope: string): ReadonlyMap<string, string> {
    return this.#holdings.holders(scope);
  }

  /** Everything that is handed out, sorted by scope and owner. */
  allocations(): Allocation[] {
    return this.#holdings.all();
  }

  pool(key: string): Pool | undefined {
    return this.#holdings.pool(key);
  }

  /** What is inactive in a scope at the time `now`, sorted by value. */
  inactive(scope: string, now: number): Inactive[] {
    return this.#holdings.inactive(scope, now);
  }

  /** How full a pool is at the time `now`. */
  poolUse(key: string, now: number): PoolUse | undefined {
    return this.#holdings.poolUse(key, now);
  }

  /** Grants what changed by the time `now`, or leaves everything as it was and says all the reasons. */
  apply(needs: readonly NeedChange[], now: number): Grant {
    this.#begin(now);
    this.#undo = needs.map(inverse);
    const touched = this.#take(needs);
    for (const { before } of needs) if (before?.kind === 'pool') this.#holdings.forgetUnpooled(before.scope);
    const findings: Finding[] = [];
    for (const [scope, owners] of [...touched].sort(byKey))
      findings.push(...this.#grant(scope, [...owners].sort(), now));
    if (findings.length > 0) {
      this.undo();
      return { changes: [], inactive: [], findings };
    }
    return { ...this.#holdings.changes(), findings };
  }

  /**
   * Ends the quarantine of values of a pool: of all that are inactive in it, or of those that are named. The others are
   * named back.
   */
  release(
    key: string,
    values: readonly string[] | undefined,
    now: number,
  ): { readonly inactive: readonly InactiveChange[]; readonly rest: readonly string[] } {
    this.#begin(now);
    const rest = this.#holdings.release(key, values);
    return { inactive: this.#holdings.changes().inactive, rest };
  }

  /** Takes back the last `apply` or `release`: for a dry run, or when the change could not be committed. */
  undo(): void {
    this.#take(this.#undo);
    this.#holdings.undo();
    this.#undo = [];
  }

  /**
   * Gives back what no demand stands behind: after `restore` and the first `apply`, what a crash left over. Forgets the
   * inactive values whose time is over.
   */
  sweep(now: number): HoldingChanges {
    this.#begin(now);
    this.#holdings.sweep((scope, owner) => this.#demands.get(scope)?.has(owner) === true);
    return this.#holdings.changes();
  }

  #begin(now: number): void {
    this.#undo = [];
    this.#holdings.begin(now);
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
      if (before?.kind === 'demand') this.#demandsOf(before.scope).delete(before.owner);
      else if (before?.kind === 'pool') this.#holdings.setPool(before.key, before, undefined);
    }
    for (const { after } of needs) {
      if (after?.kind === 'demand') this.#demandsOf(after.scope).set(after.owner, after);
      else if (after?.kind === 'pool') this.#holdings.setPool(after.key, undefined, after);
    }
    return touched;
  }

  #demandsOf(scope: string): Map<string, Demand> {
    return entryOf(this.#demands, scope, () => new Map<string, Demand>());
  }

  #grant(scope: string, owners: readonly string[], now: number): Finding[] {
    const demands = this.#demandsOf(scope);
    this.#holdings.expire(scope);
    const open: Demand[] = [];
    for (const owner of owners) {
      const demand = demands.get(owner);
      const held = this.value(scope, owner);
      const keeps = held !== undefined && demand !== undefined && fits(demand, held);
      if (held !== undefined && !keeps) this.#holdings.set(scope, owner, undefined);
      if (demand && (!keeps || lacksPool(demand))) open.push(demand);
    }
    const findings: Finding[] = [];
    for (const demand of open) {
      const { owner, value } = demand;
      if (value === undefined) continue;
      const refusal = this.#refusalOf(demand, value);
      if (refusal) findings.push(refusal);
      else this.#holdings.set(scope, owner, value);
    }
    const without = new Map<string, Demand[]>();
    for (const demand of open) {
      if (demand.value !== undefined) continue;
      const value = lacksPool(demand) ? undefined : (this.#former(demand) ?? this.#next(demand));
      if (value !== undefined) this.#holdings.set(scope, demand.owner, value);
      else entryOf(without, demand.pools.join('\n'), (): Demand[] => []).push(demand);
    }
    for (const group of without.values()) findings.push(unserved(group, this.#useOf(group[0]!.pools, now)));
    return findings;
  }

  /**
   * Why the demand cannot have the value that is fixed for it. An address that another gave up in this very change is free;
   * so is any MAC address and number, which nobody fixes unless they know whose it is.
   */
  #refusalOf(demand: Demand, value: string): Finding | undefined {
    const { scope, space, owner } = demand;
    const holder = this.owner(scope, value);
    if (holder !== undefined) return taken(demand, value, holder);
    if (space !== 'ipv4' && space !== 'ipv6') return undefined;
    const inactive = this.#holdings.keptBack(scope, value);
    const [pool] = this.#holdings.poolsWith(scope, value);
    if (!inactive || inactive.owner === owner || !pool) return undefined;
    return quarantined(demand, inactive, pool.key);
  }

  /** What the demand's owner had before, if it still fits and its pools still give it out. */
  #former({ scope, owner, pools, ...demand }: Demand): string | undefined {
    const value = this.#holdings.formerValue(scope, owner);
    if (value === undefined || !fits(demand, value)) return undefined;
    return this.#holdings.poolsWith(scope, value).some(({ key }) => pools.includes(key)) ? value : undefined;
  }

  #useOf(pools: readonly string[], now: number): Pick<PoolUse, 'size' | 'inactive'> {
    const uses = pools.map((key) => this.poolUse(key, now));
    return {
      size: uses.reduce((sum, use) => sum + (use?.size ?? 0n), 0n),
      inactive: uses.reduce((sum, use) => sum + (use?.inactive ?? 0n), 0n),
    };
  }

  #next({ scope, space, pools }: Demand): string | undefined {
    if (space === 'uuid') {
      for (;;) {
        const value = this.#uuid();
        if (this.owner(scope, value) === undefined) return value;
      }
    }
    for (const key of pools) {
      const lowest = this.#holdings.lowestFree(key);
      if (lowest !== undefined) return textOf(space, lowest);
    }
    return undefined;
  }
}

/** Whether an owner may keep what it holds. */
function fits({ value, within, space }: Pick<Demand, 'value' | 'within' | 'space'>, held: string): boolean {
  if (value !== undefined) return value === held;
  if (!within || space === 'uuid') return true;
  const family = held.includes(':') ? 'ipv6' : 'ipv4';
  return family === space && contains(within, numberOf(space, held));
}

/** Also for one who holds a value already: so the last pool of a subnet in use cannot be removed. */
function lacksPool(demand: Demand): boolean {
  return demand.value === undefined && demand.space !== 'uuid' && demand.pools.length === 0;
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
