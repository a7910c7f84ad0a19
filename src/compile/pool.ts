/** What a pool tells the users of its addresses. */
import type { AddressSubnet } from '../allocate/subnets.ts';
import type { IpPool } from '../model/kinds.ts';
import { inRange } from '../model/range.ts';
import { type IpAddress, isIpv4 } from '../packet/address.ts';
import type { PortAddress } from '../policy/records.ts';

/** Whether one of the subnet's pools has the address, given out or reserved. */
export function isPooled(subnet: AddressSubnet, address: IpAddress): boolean {
  return subnet.pools.some((pool) => inRange(pool, address));
}

/**
 * Router, DNS servers and domain for a user of the address: those of the pool that has the address, else of the subnet's
 * first pool. A pool that names no gateway leaves it at the subnet's own router.
 */
export function routerAndDns(
  subnet: AddressSubnet,
  address: IpAddress,
): Omit<PortAddress, 'address' | 'prefixLength' | 'vlan'> {
  const pool = subnet.pools.find((p) => inRange(p, address)) ?? subnet.pools[0];
  const [best, ...otherGateways] = pool ? gatewaysOf(pool, address) : [];
  const gateway = best ?? subnet.router;
  const { dns = [], dnsSuffix, dnsSearch = [], wins = [] } = pool ?? {};
  return {
    ...(gateway === undefined ? {} : { gateway }),
    ...(otherGateways.length > 0 ? { otherGateways } : {}),
    dns,
    ...(dnsSuffix === undefined ? {} : { dnsSuffix }),
    ...(dnsSearch.length > 0 ? { dnsSearch } : {}),
    ...(wins.length > 0 && isIpv4(address) ? { wins } : {}),
  };
}

/** The pool's gateways of the address's IP version, the lowest metric first, and of the same metric as they are listed. */
function gatewaysOf(pool: IpPool, address: IpAddress): IpAddress[] {
  return pool.gateways
    .filter((gateway) => isIpv4(gateway.address) === isIpv4(address))
    .sort((a, b) => a.metric - b.metric)
    .map((gateway) => gateway.address);
}
