import {
  broadcastAddress,
  type IpAddress,
  type Prefix,
  prefix,
  prefixContains,
  prefixOverlaps,
  prefixParts,
} from '../../packet/address.ts';
import type { CheckResult } from './check.ts';

/** Rules about prefixes and the addresses in them, shared by sites, VM subnets, pools and vNICs. */

/** Prefixes that hosts of a subnet cannot have (RFC 6890), with what they are for. */
const SPECIAL: readonly (readonly [Prefix, string])[] = [
  [prefix('0.0.0.0/8'), '"this network" (RFC 1122)'],
  [prefix('127.0.0.0/8'), 'the host itself (RFC 1122)'],
  [prefix('169.254.0.0/16'), 'addresses that interfaces choose themselves (RFC 3927)'],
  [prefix('224.0.0.0/3'), 'multicast and reserved (RFC 5771, RFC 1112)'],
  [prefix('::/127'), 'unspecified and loopback (RFC 4291)'],
  [prefix('::ffff:0:0/96'), 'IPv4 addresses mapped into IPv6 (RFC 4291)'],
  [prefix('fe80::/10'), 'addresses that interfaces choose themselves (RFC 4291)'],
  [prefix('ff00::/8'), 'multicast (RFC 4291)'],
];

/** A subnet must have room for a router and one host, and be of addresses that hosts can have. */
export function* checkPrefix(path: string, p: Prefix): Generator<CheckResult> {
  const { length, family } = prefixParts(p);
  const longest = family === 4 ? 30 : 126;
  if (length > longest) {
    yield {
      path,
      code: 'value-invalid',
      message: `${p} has no room for a router and a host.`,
      remedy: `Use a prefix length of at most ${longest}.`,
    };
  }
  const special = SPECIAL.find(([other]) => prefixOverlaps(p, other));
  if (special) {
    yield {
      path,
      code: 'value-invalid',
      message: `${p} overlaps ${special[0]}, which is for ${special[1]}.`,
      remedy:
        'Use other addresses, for example private ones (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fd00::/8).',
    };
  }
}

/** A subnet that an address can be in, and its addresses that no vNIC can have: routers, with their words. */
export interface Holder {
  readonly prefix: Prefix;
  /** `subnet "test" (10.0.0.0/24)`; begins a sentence after "is not in". */
  readonly words: string;
  readonly routers: readonly IpAddress[];
}

/** A fixed address must be in one of the subnets and have no other use there. */
export function* checkAddress(
  path: string,
  address: IpAddress,
  holders: readonly Holder[],
): Generator<CheckResult> {
  if (holders.length === 0) return;
  const holder = holders.find((h) => prefixContains(h.prefix, address));
  if (!holder) {
    yield {
      path,
      code: 'address-outside',
      message: `${address} is not in ${holders.map((h) => h.words).join(' nor in ')}.`,
      remedy: 'Use an address of the subnet.',
    };
    return;
  }
  const use = holder.routers.includes(address) ? 'the router’s address' : endUse(holder.prefix, address);
  if (use !== undefined) {
    yield {
      path,
      code: 'address-reserved',
      message: `${address} is ${use} of ${holder.words}.`,
      remedy: 'Use another address of the subnet.',
    };
  }
}

/** What an address at either end of a prefix is for; undefined for all others. */
export function endUse(p: Prefix, address: IpAddress): string | undefined {
  if (address === prefixParts(p).address) return 'the network address';
  if (address === broadcastAddress(p)) return 'the broadcast address';
  return undefined;
}
