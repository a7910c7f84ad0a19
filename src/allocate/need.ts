/**
 * What the operator's objects need to have handed out. The rules of demand.ts say it, the allocator grants it.
 *
 *     demand   somebody (the owner) needs one value that is unique in a scope: a fixed one, or any of some pools
 *     pool     the values that are given out in a scope
 */
import type { CountedSpace, Range, Space } from './space.ts';

export interface Demand {
  readonly kind: 'demand';
  /** A value has at most one owner in a scope; see scopes.ts. */
  readonly scope: string;
  /** An owner has at most one value in a scope; see scopes.ts. */
  readonly owner: string;
  readonly space: Space;
  /** The operator's choice, in canonical form. Without it any value of the pools will do. */
  readonly value?: string;
  /** Keys of the pools that a new value is taken from, in this order. Nothing for a UUID or a fixed value. */
  readonly pools: readonly string[];
  /**
   * Values outside do not fit (the subnet has another prefix now). What fits is kept, whatever becomes of the pools:
   * a pool says what is given out, and a machine does not get another address because a pool was narrowed.
   */
  readonly within?: Range;
  /** Where the value is unique, in words: `VM subnet "AAA/test", 10.10.0.0/16`. */
  readonly place: string;
  /** What to do when there is no pool. */
  readonly remedy: string;
  /** The field that the demand comes from, for findings. */
  readonly path: string;
}

export interface Pool {
  readonly kind: 'pool';
  /** Identity, that of its object where it has one: `IpPool/VmSubnet/AAA/test/CA Pool`. */
  readonly key: string;
  readonly scope: string;
  readonly space: CountedSpace;
  /** What is given out, reserved values already left out. */
  readonly ranges: readonly Range[];
  /** How long a value whose owner is gone is given to nobody else. Left out: not at all. */
  readonly quarantineSeconds?: number;
}

export type Need = Demand | Pool;

export function needKey(need: Need): string {
  switch (need.kind) {
    case 'demand':
      return `demand ${need.scope} ${need.owner}`;
    case 'pool':
      return `pool ${need.key}`;
  }
}

export function sameNeed(a: Need, b: Need): boolean {
  if (a.kind === 'demand' && b.kind === 'demand') {
    return (
      a.space === b.space &&
      a.value === b.value &&
      a.place === b.place &&
      a.remedy === b.remedy &&
      a.path === b.path &&
      a.within?.from === b.within?.from &&
      a.within?.to === b.within?.to &&
      a.pools.length === b.pools.length &&
      a.pools.every((pool, i) => pool === b.pools[i])
    );
  }
  if (a.kind === 'pool' && b.kind === 'pool') {
    return (
      a.scope === b.scope &&
      a.space === b.space &&
      a.quarantineSeconds === b.quarantineSeconds &&
      a.ranges.length === b.ranges.length &&
      a.ranges.every((range, i) => range.from === b.ranges[i]!.from && range.to === b.ranges[i]!.to)
    );
  }
  return false;
}

/** `{ [name]: value }`, or nothing: for fields that are either there or not. */
export function optional<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [N in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [N in Name]: Value });
}
