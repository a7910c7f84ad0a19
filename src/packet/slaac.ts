/**
 * Addresses that machines make themselves (RFC 4862): a prefix of 64 bits, and behind it the MAC address in the form
 * "modified EUI-64" (RFC 4291, appendix A): a bit turned over, and ff:fe in the middle. Whoever knows the MAC address
 * knows the address.
 */
import {
  type IpAddress,
  type Ipv6,
  ipToBigint,
  ipv6FromBigint,
  isIpv4,
  linkLocalOf,
  type Mac,
  type Prefix,
  prefixParts,
} from './address.ts';

export const SLAAC_LENGTH = 64;

const IDENTIFIER = (1n << 64n) - 1n;
/** Bits 24 to 39 of the identifier. */
const MARK = 0xfffen;

/** The address that the machine with this MAC address makes of an IPv6 prefix of 64 bits. */
export function slaacAddress(prefix: Prefix, mac: Mac): Ipv6 {
  const identifier = ipToBigint(linkLocalOf(mac)) & IDENTIFIER;
  return ipv6FromBigint(ipToBigint(prefixParts(prefix).address) | identifier);
}

/** Whether one of the addresses has the form that machines make. Both are of one IP version, `from` not above `to`. */
export function hasSlaacForm(from: IpAddress, to: IpAddress): boolean {
  if (isIpv4(from)) return false;
  const first = ipToBigint(from);
  const [high, middle, low] = [first >> 40n, (first >> 24n) & 0xffffn, first & 0xffffffn];
  // The next one from `first` on.
  const next =
    middle > MARK
      ? ((high + 1n) << 40n) | (MARK << 24n)
      : (high << 40n) | (MARK << 24n) | (middle === MARK ? low : 0n);
  return next <= ipToBigint(to);
}
