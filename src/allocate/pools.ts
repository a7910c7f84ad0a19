/** The pools that values are given out from: the operator's, and those that are always there. */
import type { Rule } from '../base/derive.ts';
import { get, objects, type Reader } from '../model/facts.ts';
import { QUARANTINE_DEFAULT } from '../model/fields.ts';
import { DEFAULT_MAC_POOL } from '../model/kinds/mac-pool.ts';
import { siteKey } from '../model/kinds/network-site.ts';
import { prefixFor, subnetKey, VSID_MAXIMUM } from '../model/kinds/vm-subnet.ts';
import { type Host, type IpPool, isKind, type MacPool, type ModelObject, objectKey } from '../model/kinds.ts';
import { parseAddressRange } from '../model/range.ts';
import { groupPath } from '../model/uplinks.ts';
import {
  broadcastAddress,
  firstHost,
  type IpAddress,
  ipToBigint,
  isIpv4,
  lastAddress,
  macToNumber,
  type Prefix,
  prefixParts,
} from '../packet/address.ts';
import { Intervals } from './intervals.ts';
import type { Need, Pool } from './need.ts';
import { ACL_NUMBER, DOMAIN_NUMBER, fabricScope, MAC, subnetScope, VSID } from './scopes.ts';
import type { Range } from './space.ts';

/** First VSID that the controller chooses. People who fix VSIDs write four to six digits (5001, 6001, 100200). */
const VSID_CHOSEN_FROM = 0x100000;
const DOMAIN_NUMBER_MAXIMUM = 0xffffff;
const ACL_NUMBER_MAXIMUM = 0xffffff;

const DEFAULT_MACS = 'default MAC pool';

/** There whatever the operator says. Their keys are not object keys, so that no object can take one's place. */
export const STANDING_POOLS: readonly Pool[] = [
  macPool(DEFAULT_MACS, DEFAULT_MAC_POOL),
  {
    kind: 'pool',
    key: 'VSIDs',
    scope: VSID,
    space: 'number',
    ranges: [numbers(VSID_CHOSEN_FROM, VSID_MAXIMUM)],
    quarantineSeconds: QUARANTINE_DEFAULT,
  },
  {
    kind: 'pool',
    key: 'domain numbers',
    scope: DOMAIN_NUMBER,
    space: 'number',
    ranges: [numbers(1, DOMAIN_NUMBER_MAXIMUM)],
    quarantineSeconds: QUARANTINE_DEFAULT,
  },
  {
    kind: 'pool',
    key: 'ACL numbers',
    scope: ACL_NUMBER,
    space: 'number',
    ranges: [numbers(1, ACL_NUMBER_MAXIMUM)],
  },
];

export const VSID_POOLS = ['VSIDs'];
export const DOMAIN_NUMBER_POOLS = ['domain numbers'];
export const ACL_NUMBER_POOLS = ['ACL numbers'];

export const macPoolRule: Rule<ModelObject, Need> = {
  name: 'mac-pool',
  units: (key, object) => (isKind(object, 'MacPool') ? [key] : []),
  *derive(key, read) {
    const pool = read.get(key);
    if (isKind(pool, 'MacPool')) yield macPool(key, pool);
  },
};

/**
 * Keys of the MAC pools for vNICs on the host: those for the nearest of its host groups, else those for every host,
 * else the default pool. A VM that moves keeps the MAC address that it has.
 */
export function macPoolsOf(read: Reader, host: Host | undefined): string[] {
  const pools = objects(read, 'MacPool', 'macPools', '');
  for (const group of host ? groupPath(read, host.group) : []) {
    const nearest = pools.filter((pool) => pool.hostGroups.includes(group));
    if (nearest.length > 0) return nearest.map(objectKey);
  }
  const general = pools.filter((pool) => pool.hostGroups.length === 0);
  return general.length > 0 ? general.map(objectKey) : [DEFAULT_MACS];
}

export const ipPoolRule: Rule<ModelObject, Need> = {
  name: 'ip-pool',
  units: (key, object) => (isKind(object, 'IpPool') ? [key] : []),
  *derive(key, read) {
    const pool = read.get(key);
    const subnet = isKind(pool, 'IpPool') ? subnetOfPool(read, pool) : undefined;
    if (!isKind(pool, 'IpPool') || !subnet) return;
    yield {
      kind: 'pool',
      key,
      scope: subnet.scope,
      space: isIpv4(pool.from) ? 'ipv4' : 'ipv6',
      quarantineSeconds: pool.quarantineSeconds,
      ranges: Intervals.of(
        [addresses(pool.from, pool.to)],
        [
          ...[...pool.reserved, ...pool.vips]
            .map((text) => parseAddressRange(text))
            .filter((range) => range !== undefined)
            .map((range) => addresses(range.from, range.to)),
          ...[...subnet.taken, ...pool.gateways.map((g) => g.address)].map((address) =>
            addresses(address, address),
          ),
        ],
      ).ranges(),
    };
  },
};

/** The scope of a pool's addresses, and those that no machine can have. Undefined while what it belongs to is missing. */
function subnetOfPool(read: Reader, pool: IpPool): { scope: string; taken: IpAddress[] } | undefined {
  if (pool.vmNetwork !== undefined && pool.subnet !== undefined) {
    const subnet = get(read, 'VmSubnet', subnetKey(pool.vmNetwork, pool.subnet));
    if (!subnet) return undefined;
    const prefix = prefixFor(subnet, pool.from);
    return {
      scope: subnetScope(pool.vmNetwork, pool.subnet, prefixParts(prefix).family),
      taken: [...unusable(prefix), firstHost(prefix)],
    };
  }
  const network = get(read, 'LogicalNetwork', pool.logicalNetwork ?? '');
  const site = get(read, 'NetworkSite', siteKey(pool.logicalNetwork ?? '', pool.site ?? ''));
  const row = site?.subnets.find(({ prefix }) => prefix === pool.prefix);
  if (!network || !row?.prefix) return undefined;
  return {
    scope: fabricScope(network, row),
    taken: [...unusable(row.prefix), ...(row.gateway ? [row.gateway] : [])],
  };
}

/**
 * The addresses of a subnet that are nobody's: network and broadcast address with IPv4 (none in a /31, RFC 3021), the
 * anycast address of all routers with IPv6 (RFC 4291 section 2.6.1; none in a /127, RFC 6164).
 */
function unusable(prefix: Prefix): IpAddress[] {
  const { address, length, family } = prefixParts(prefix);
  if (length >= (family === 4 ? 31 : 127)) return [];
  const broadcast = broadcastAddress(prefix);
  return broadcast ? [address, broadcast] : [address];
}

/** All addresses of a subnet. */
export function rangeOfPrefix(prefix: Prefix): Range {
  return addresses(prefixParts(prefix).address, lastAddress(prefix));
}

function addresses(from: IpAddress, to: IpAddress): Range {
  return { from: ipToBigint(from), to: ipToBigint(to) };
}

function macPool(key: string, { from, to, quarantineSeconds }: MacPool): Pool {
  const ranges = [numbers(macToNumber(from), macToNumber(to))];
  return { kind: 'pool', key, scope: MAC, space: 'mac', ranges, quarantineSeconds };
}

function numbers(from: number, to: number): Range {
  return { from: BigInt(from), to: BigInt(to) };
}
