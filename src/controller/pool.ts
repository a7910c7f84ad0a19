/** Pools as people look at them: how full they are, and who has which address. */
import { Intervals } from '../allocate/intervals.ts';
import { numberOf } from '../allocate/space.ts';
import { type Finding, finding } from '../base/error.ts';
import type { ObjectKey } from '../model/definition.ts';
import { type IpPool, isKind, type MacPool } from '../model/kinds.ts';
import { inRange, parseAddressRange } from '../model/range.ts';
import { isIpv4, parseIp } from '../packet/address.ts';
import type { NetworkView } from './network.ts';

/**
 * Counts are decimal numbers in text: a pool of IPv6 addresses can have more than JSON numbers can tell apart.
 * `size` is what is given out, and `free + used + inactive` is `size`. `reserved` and `vip` are the rest from first to
 * last address: kept for load balancers, and what no machine is given for another reason.
 */
export function statusOfPool(
  network: NetworkView,
  key: ObjectKey,
  pool: IpPool | MacPool,
  now: number,
): object {
  const use = network.poolUse(key, now);
  if (!use) return {};
  const counts = {
    size: String(use.size),
    used: String(use.used),
    free: String(use.free),
    inactive: String(use.inactive),
  };
  if (!isKind(pool, 'IpPool')) return counts;
  const space = isIpv4(pool.from) ? 'ipv4' : 'ipv6';
  const total = numberOf(space, pool.to) - numberOf(space, pool.from) + 1n;
  const vip = sizeOf(pool.vips, space);
  return {
    ...counts,
    reserved: String(total - use.size - vip),
    vip: String(vip),
  };
}

function sizeOf(ranges: readonly string[], space: 'ipv4' | 'ipv6'): bigint {
  const parsed = ranges.map((text) => parseAddressRange(text)).filter((range) => range !== undefined);
  return Intervals.of(
    parsed.map(({ from, to }) => ({ from: numberOf(space, from), to: numberOf(space, to) })),
  ).size();
}

/** One address between the first and the last one of a pool, or a range of them that is kept for something. */
export interface PoolAddress {
  /** `10.10.1.100`; `10.10.1.120-10.10.1.129` for what is kept. */
  readonly address: string;
  readonly state: 'used' | 'inactive' | 'reserved' | 'vip' | 'gateway';
  /** Who has it, or had it. */
  readonly owner?: string;
  /** Inactive: when the owner went, and until when it is given to nobody else. ISO 8601. */
  readonly since?: string;
  readonly until?: string;
}

/** What is not free in a pool, in the order of addresses. Undefined when there is no such pool. */
export function poolAddresses(
  network: NetworkView,
  key: ObjectKey,
  now: number,
): readonly PoolAddress[] | undefined {
  const pool = network.get(key)?.object;
  const scope = network.pool(key)?.scope;
  if (!isKind(pool, 'IpPool') || scope === undefined) return undefined;
  const inPool = (text: string) => {
    const address = parseIp(text);
    return address !== undefined && inRange(pool, address);
  };
  const used = [...network.holders(scope)]
    .filter(([address]) => inPool(address))
    .map(([address, owner]): PoolAddress => ({ address, state: 'used', owner }));
  const inactive = network
    .inactive(scope, now)
    .filter(({ value }) => inPool(value))
    .map(
      ({ value, owner, since, until }): PoolAddress => ({
        address: value,
        state: 'inactive',
        owner,
        since: new Date(since).toISOString(),
        until: new Date(until).toISOString(),
      }),
    );
  const kept = [
    ...pool.reserved.map((address): PoolAddress => ({ address, state: 'reserved' })),
    ...pool.vips.map((address): PoolAddress => ({ address, state: 'vip' })),
    ...pool.gateways
      .filter(({ address }) => inPool(address))
      .map(({ address }): PoolAddress => ({ address, state: 'gateway' })),
  ];
  const space = isIpv4(pool.from) ? 'ipv4' : 'ipv6';
  const order = ({ address }: PoolAddress) => numberOf(space, address.split('-')[0] ?? address);
  return [...used, ...inactive, ...kept].sort((a, b) => Number(order(a) - order(b)));
}

/** Why an address of a pool cannot be released. */
export function notInactive(network: NetworkView, pool: ObjectKey, address: string): Finding {
  const scope = network.pool(pool)?.scope;
  const holder = scope === undefined ? undefined : network.holders(scope).get(address);
  return holder === undefined
    ? finding(
        'not-found',
        pool,
        `${address} is not an inactive address of ${pool}.`,
        'See "netloom pool show" for those that are.',
      )
    : finding(
        'in-use',
        pool,
        `${address} is held by ${holder}.`,
        'An address is released after its owner has gone; delete that first, or give it another address.',
      );
}
