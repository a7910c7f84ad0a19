/** What a pool tells the users of its addresses. */
import type { AddressSubnet } from '../allocate/subnets.ts';
import type { IpPool } from '../model/kinds.ts';
import { inRange } from '../model/range.ts';
import { type IpAddress, isIpv4 } from '../packet/address.ts';

/** Whether one of the subnet's pools has the address, given out or reserved. */
export function isPooled(subnet: AddressSubnet, address: IpAddress): boolean {
  return subnet.pools.some((pool) => inRange(pool, address));
}

/**
 * Router and DNS servers for a user of the address: those of the pool that has the address, else of the subnet's first
 * pool. A pool that names no gateway leaves it at the subnet's own router.
 */
export function routerAndDns(
  subnet: AddressSubnet,
  address: IpAddress,
): { readonly gateway?: IpAddress; readonly dns: readonly IpAddress[] } {
  const pool = subnet.pools.find((p) => inRange(p, address)) ?? subnet.pools[0];
  const gateway = pool === undefined ? subnet.router : (preferred(pool, address) ?? subnet.router);
  return { ...(gateway === undefined ? {} : { gateway }), dns: pool?.dns ?? [] };
}

/** The pool's gateway of the address's family with the lowest metric, the first of several. */
function preferred(pool: IpPool, address: IpAddress): IpAddress | undefined {
  const [best] = pool.gateways
    .filter((gateway) => isIpv4(gateway.address) === isIpv4(address))
    .sort((a, b) => a.metric - b.metric);
  return best?.address;
}
