/** Why a demand is not granted, in words. */
import { type Finding, finding } from '../base/error.ts';
import type { PoolUse } from './holdings.ts';
import type { Demand } from './need.ts';
import type { Inactive } from './quarantine.ts';

/** How many owners a finding names before it counts the others. */
const NAMED = 3;

/** `demands` want a value of the same pools, and there is none left, or no pool. */
export function unserved(
  demands: readonly Demand[],
  { size, inactive }: Pick<PoolUse, 'size' | 'inactive'>,
): Finding {
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
  const waiting = inactive > 0n ? ` (${inactive} of them inactive, their owners gone)` : '';
  const release =
    inactive > 0n
      ? '"netloom pool release" frees the inactive ones before their quarantine is over. Or: '
      : '';
  return finding(
    'pool-exhausted',
    first.path,
    `All ${size} values of ${first.pools.join(' and ')} are in use${waiting}, and ${demands.length} more ${demands.length === 1 ? 'is' : 'are'} needed: by ${who}.`,
    `${release}Make the pool larger, add another one, or remove what no longer needs a value.`,
  );
}

/** A fixed value that somebody holds. */
export function taken(demand: Demand, value: string, holder: string): Finding {
  return finding(
    demand.space === 'number' || demand.space === 'uuid' ? 'value-duplicate' : 'address-taken',
    demand.path,
    `${value} is already held by ${holder}, on ${demand.place}.`,
    'Choose another value, or leave it out to be given a free one.',
  );
}

/** A fixed address that somebody else had until a moment ago; `pool` is the key of a pool that gives it out. */
export function quarantined(demand: Demand, { value, owner, until }: Inactive, pool: string): Finding {
  return finding(
    'address-quarantined',
    demand.path,
    `${value} belonged to ${owner} and is given to nobody else until ${new Date(until).toISOString()}, on ${demand.place}.`,
    `Wait, choose another address, or free it with: netloom pool release "${pool.replace('IpPool/', '')}" ${value}`,
  );
}
