import { type IpAddress, type Mac, type Prefix, prefixContains } from '../../packet/address.ts';
import { hasSlaacForm } from '../../packet/slaac.ts';
import { get, objects, type Reader } from '../facts.ts';
import { DEFAULT_MAC_POOL } from '../kinds/mac-pool.ts';
import { siteKey } from '../kinds/network-site.ts';
import { isAutonomous, prefixFor, subnetKey } from '../kinds/vm-subnet.ts';
import { type IpPool, type MacPool, objectKey } from '../kinds.ts';
import { inRange, isOrdered, parseAddressRange, rangesOverlap } from '../range.ts';
import { choices } from '../words.ts';
import { endUse } from './addresses.ts';
import { at, type Check, type CheckResult, repeated } from './check.ts';

/** The prefix that the pool is of; undefined when what it belongs to, or that prefix there, does not exist. */
function poolPrefix(read: Reader, pool: IpPool): Prefix | undefined {
  if (pool.vmNetwork !== undefined) {
    const subnet = get(read, 'VmSubnet', subnetKey(pool.vmNetwork, pool.subnet ?? ''));
    return subnet && prefixFor(subnet, pool.from);
  }
  const site = get(read, 'NetworkSite', siteKey(pool.logicalNetwork ?? '', pool.site ?? ''));
  return site?.subnets.some((row) => row.prefix === pool.prefix) ? pool.prefix : undefined;
}

/** A pool of a site names one of the subnets that the site has. */
export const poolPrefixExists: Check<IpPool> = function* (pool, read) {
  if (pool.logicalNetwork === undefined || pool.site === undefined || pool.prefix === undefined) return;
  const site = get(read, 'NetworkSite', siteKey(pool.logicalNetwork, pool.site));
  if (!site || site.subnets.some((row) => row.prefix === pool.prefix)) return;
  const prefixes = site.subnets.map((row) => row.prefix).filter((p) => p !== undefined);
  yield {
    path: 'prefix',
    code: 'subnet-missing',
    message: `Site "${site.name}" of logical network "${site.logicalNetwork}" has no subnet ${pool.prefix}.`,
    remedy:
      prefixes.length > 0
        ? `Use ${choices(prefixes)}, or add the subnet to the site.`
        : 'Add the subnet to the site.',
  };
};

/** The range runs upwards, inside the subnet, and spares the addresses at its ends. */
export const poolRangeFits: Check<IpPool> = function* (pool, read) {
  if (!isOrdered(pool.from, pool.to)) {
    yield {
      path: 'to',
      code: 'range-invalid',
      message: `The range ${pool.from} to ${pool.to} does not run from the lower to the higher address.`,
      remedy: 'Exchange from and to, or correct them.',
    };
  }
  const prefix = poolPrefix(read, pool);
  if (prefix === undefined) return;
  yield* inSubnet(prefix, 'from', pool.from);
  yield* inSubnet(prefix, 'to', pool.to);
  for (const [i, gateway] of pool.gateways.entries()) {
    yield* inSubnet(prefix, at('gateways', i, 'address'), gateway.address);
  }
};

function* inSubnet(prefix: Prefix, path: string, address: IpAddress): Generator<CheckResult> {
  if (!prefixContains(prefix, address)) {
    yield {
      path,
      code: 'address-outside',
      message: `${address} is not in the subnet of the pool, ${prefix}.`,
      remedy: 'Use an address of the subnet.',
    };
  }
  const use = endUse(prefix, address);
  if (use !== undefined) {
    yield {
      path,
      code: 'address-reserved',
      message: `${address} is ${use} of ${prefix}.`,
      remedy: 'Use another address of the subnet.',
    };
  }
}

/** Where machines make addresses themselves, a pool gives out none that one of them could make. */
export const poolSparesSlaac: Check<IpPool> = function* (pool, read) {
  const subnet = get(read, 'VmSubnet', subnetKey(pool.vmNetwork ?? '', pool.subnet ?? ''));
  if (!subnet || !isAutonomous(subnet, prefixFor(subnet, pool.from)) || !hasSlaacForm(pool.from, pool.to))
    return;
  yield {
    path: 'to',
    code: 'overlap',
    message: `The range ${pool.from} to ${pool.to} has addresses that machines make of their MAC addresses (ff:fe in the middle), as subnet "${subnet.name}" lets them.`,
    remedy: 'Use a smaller range, or ipv6AddressMode: managed on the subnet.',
  };
};

/** What is reserved or kept for load balancers lies in the pool: elsewhere it would have no effect. Never both. */
export const poolReservedFits: Check<IpPool> = function* (pool) {
  yield* inPool(pool, 'reserved', 'Reserve addresses of the pool; others need no reservation.');
  yield* inPool(
    pool,
    'vips',
    'Keep addresses of the pool for load balancers; others are not given out anyway.',
  );
  const reserved = pool.reserved.map((text) => ({ text, range: parseAddressRange(text) }));
  for (const [i, text] of pool.vips.entries()) {
    const vips = parseAddressRange(text);
    const both = reserved.find(({ range }) => vips && range && rangesOverlap(vips, range));
    if (!both) continue;
    yield {
      path: at('vips', i),
      code: 'overlap',
      message: `${text} is for load balancers, and ${both.text} is reserved: some addresses are in both.`,
      remedy: 'Say of each address what it is for, once.',
    };
  }
};

function* inPool(pool: IpPool, field: 'reserved' | 'vips', remedy: string): Generator<CheckResult> {
  for (const [i, text] of pool[field].entries()) {
    const range = parseAddressRange(text);
    if (!range || (inRange(pool, range.from) && inRange(pool, range.to))) continue;
    yield {
      path: at(field, i),
      code: 'address-outside',
      message: `${text} is not within the pool, ${pool.from} to ${pool.to}.`,
      remedy,
    };
  }
}

/** No address is in two pools of one VM subnet, or of one logical network (whose sites can share a subnet). */
export const poolsApart: Check<IpPool> = function* (pool, read) {
  const own = objectKey(pool);
  const neighbours =
    pool.logicalNetwork !== undefined
      ? objects(read, 'IpPool', 'fabricPools', pool.logicalNetwork)
      : objects(read, 'IpPool', 'pools', `VmSubnet/${subnetKey(pool.vmNetwork ?? '', pool.subnet ?? '')}`);
  const rival = neighbours.find((other) => objectKey(other) !== own && rangesOverlap(other, pool));
  if (!rival) return;
  yield {
    path: 'from',
    code: 'overlap',
    message: `The range ${pool.from} to ${pool.to} overlaps that of ${objectKey(rival)}, ${rival.from} to ${rival.to}.`,
    remedy: 'Make the ranges such that no address is in both.',
  };
};

/** One maker's prefix, upwards, and no address that another pool gives out too. */
export const macRangeFits: Check<MacPool> = function* (pool, read) {
  yield* repeated('hostGroups', '', pool.hostGroups, (group) => group, 'Host group');
  if (pool.from.slice(0, 8) !== pool.to.slice(0, 8)) {
    yield {
      path: 'to',
      code: 'range-invalid',
      message: `${pool.from} and ${pool.to} differ in their first three octets.`,
      remedy: 'Use one range for each prefix.',
    };
  } else if (pool.from > pool.to) {
    yield {
      path: 'to',
      code: 'range-invalid',
      message: `The range ${pool.from} to ${pool.to} does not run from the lower to the higher address.`,
      remedy: 'Exchange from and to, or correct them.',
    };
  }
  const overlaps = (other: { readonly from: Mac; readonly to: Mac }) =>
    pool.from <= other.to && other.from <= pool.to;
  const own = objectKey(pool);
  const rival = [DEFAULT_MAC_POOL, ...objects(read, 'MacPool', 'macPools', '')].find(
    (other) => (other === DEFAULT_MAC_POOL || objectKey(other) !== own) && overlaps(other),
  );
  if (!rival) return;
  yield {
    path: 'from',
    code: 'overlap',
    message: `The range ${pool.from} to ${pool.to} overlaps that of "${rival.name}", ${rival.from} to ${rival.to}.`,
    remedy: 'Make the ranges such that no address is in both.',
  };
};
