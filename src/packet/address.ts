/**
 * Addresses as values. An address is a string in its one canonical form, branded with its type, so that `===`, Map
 * keys, JSON and logs need no conversion, and a text that nobody has checked cannot be passed for an address.
 *
 *     type         canonical form              from text         number
 *     Mac          00:1d:d8:b7:1c:00           parseMac   mac    48 bits, a safe integer
 *     Ipv4         10.0.0.5                    parseIpv4  ipv4   uint32
 *     Ipv6         2001:db8::5    (RFC 5952)   parseIpv6  ipv6   bigint of 128 bits
 *     IpAddress    Ipv4 or Ipv6                parseIp    ip     bigint of 32 or 128 bits
 *     Prefix       10.0.0.0/24  2001:db8::/64  parsePrefix prefix
 *
 * `parseX` is for what people typed: undefined means "not valid". `x` is for constants and for values that were
 * checked before: it throws a RangeError that names the text. What is accepted is what node:net's isIP accepts,
 * without zone ids: no leading zeros, no `127.1`, no octal, no surrounding spaces (`address.test.ts` compares them).
 */
import { OCTET } from './bytes.ts';

declare const brand: unique symbol;

/** A 48-bit Ethernet address: lower case, colons. */
export type Mac = string & { readonly [brand]: 'mac' };
/** An IPv4 address: dotted quad without leading zeros. */
export type Ipv4 = string & { readonly [brand]: 'ipv4' };
/** An IPv6 address in the form of RFC 5952; no zone id. IPv4-mapped addresses are written `::ffff:192.0.2.1`. */
export type Ipv6 = string & { readonly [brand]: 'ipv6' };
export type IpAddress = Ipv4 | Ipv6;
/** `address/length`, all bits behind the length zero. */
export type Prefix = string & { readonly [brand]: 'prefix' };

/** IP version. */
export type Family = 4 | 6;

// ---------------------------------------------------------------------------------------------------- MAC

const MAC_TEXT = /^[0-9a-f]{2}(?:(?::[0-9a-f]{2}){5}|(?:-[0-9a-f]{2}){5})$/i;
const MAC_LIMIT = 2 ** 48;

/** Colons or dashes (not both), any case. */
export function parseMac(text: string): Mac | undefined {
  return MAC_TEXT.test(text) ? (text.toLowerCase().replaceAll('-', ':') as Mac) : undefined;
}

/** Throws RangeError when the text is not a MAC address. */
export function mac(text: string): Mac {
  return parseMac(text) ?? refuse(text, 'a MAC address such as 00:1d:d8:b7:1c:00');
}

/** The 48 bits as an integer, the first octet on the wire in the highest bits. */
export function macToNumber(m: Mac): number {
  return Number.parseInt(m.replaceAll(':', ''), 16);
}

/** Throws RangeError outside 0..2^48-1. */
export function macFromNumber(value: number): Mac {
  if (!Number.isInteger(value) || value < 0 || value >= MAC_LIMIT) refuse(value, 'a number of 48 bits');
  const high = Math.floor(value / 2 ** 24);
  const low = value % 2 ** 24;
  return `${OCTET[high >>> 16]}:${OCTET[(high >>> 8) & 255]}:${OCTET[high & 255]}:${OCTET[low >>> 16]}:${OCTET[(low >>> 8) & 255]}:${OCTET[low & 255]}` as Mac;
}

/** Whether the group bit is set (IEEE 802-2014, 8.2): multicast, and broadcast too. */
export function isMulticastMac(m: Mac): boolean {
  return (Number.parseInt(m.slice(0, 2), 16) & 1) === 1;
}

export const BROADCAST_MAC = 'ff:ff:ff:ff:ff:ff' as Mac;
export const ZERO_MAC = '00:00:00:00:00:00' as Mac;

// --------------------------------------------------------------------------------------------------- IPv4

const IPV4_TEXT = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

export function parseIpv4(text: string): Ipv4 | undefined {
  return IPV4_TEXT.test(text) ? (text as Ipv4) : undefined;
}

/** Throws RangeError when the text is not an IPv4 address. */
export function ipv4(text: string): Ipv4 {
  return parseIpv4(text) ?? refuse(text, 'an IPv4 address such as 10.0.0.5');
}

export function ipv4ToNumber(a: Ipv4): number {
  let value = 0;
  for (const octet of a.split('.')) value = value * 256 + Number(octet);
  return value;
}

/** Throws RangeError outside 0..2^32-1. */
export function ipv4FromNumber(value: number): Ipv4 {
  if (value >>> 0 !== value) refuse(value, 'a number of 32 bits');
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}` as Ipv4;
}

// --------------------------------------------------------------------------------------------------- IPv6

const GROUP_TEXT = /^[0-9a-f]{1,4}$/i;
/** The upper 96 bits of an IPv4-mapped address, ::ffff:0:0/96 (RFC 4291, 2.5.5.2). */
const MAPPED = 0xffffn;

export function parseIpv6(text: string): Ipv6 | undefined {
  const value = readIpv6(text);
  return value === undefined ? undefined : ipv6FromBigint(value);
}

/** Throws RangeError when the text is not an IPv6 address. */
export function ipv6(text: string): Ipv6 {
  return parseIpv6(text) ?? refuse(text, 'an IPv6 address such as 2001:db8::5');
}

export function ipv6ToBigint(a: Ipv6): bigint {
  return readIpv6(a) ?? refuse(a, 'an IPv6 address');
}

/** Throws RangeError outside 0..2^128-1. */
export function ipv6FromBigint(value: bigint): Ipv6 {
  if (value < 0n || value >> 128n !== 0n) refuse(value, 'a number of 128 bits');
  if (value >> 32n === MAPPED) return `::ffff:${ipv4FromNumber(Number(value & 0xffffffffn))}` as Ipv6;
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  const run = longestZeroRun(groups);
  const hex = (part: number[]) => part.map((g) => g.toString(16)).join(':');
  // RFC 5952, 4.2.2: a single zero group is not shortened.
  if (run.length < 2) return hex(groups) as Ipv6;
  return `${hex(groups.slice(0, run.start))}::${hex(groups.slice(run.start + run.length))}` as Ipv6;
}

/** The longest run of zero groups, the first one where several are as long (RFC 5952, 4.2.3). */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  groups.forEach((group, i) => {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: i - length + 1, length };
  });
  return best;
}

function readIpv6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const last = halves.length - 1;
  const parts = halves.map((half, i) => readGroups(half, i === last));
  const head = parts[0];
  const tail = last === 1 ? parts[1] : [];
  if (!head || !tail) return undefined;
  const missing = 8 - head.length - tail.length;
  // `::` stands for at least one group (RFC 4291, 2.2), and without it all eight are written out.
  if (last === 1 ? missing < 1 : missing !== 0) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail].reduce(
    (v, g) => (v << 16n) | BigInt(g),
    0n,
  );
}

/** Groups between colons; the last may be a dotted quad, which counts as two. */
function readGroups(text: string, mayEndDotted: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const words = text.split(':');
  for (const [i, word] of words.entries()) {
    if (GROUP_TEXT.test(word)) {
      groups.push(Number.parseInt(word, 16));
    } else {
      const quad = mayEndDotted && i === words.length - 1 ? parseIpv4(word) : undefined;
      if (!quad) return undefined;
      const value = ipv4ToNumber(quad);
      groups.push(value >>> 16, value & 0xffff);
    }
  }
  return groups;
}

// ------------------------------------------------------------------------------------------------ either IP

export function parseIp(text: string): IpAddress | undefined {
  return parseIpv4(text) ?? parseIpv6(text);
}

/** Throws RangeError when the text is neither an IPv4 nor an IPv6 address. */
export function ip(text: string): IpAddress {
  return parseIp(text) ?? refuse(text, 'an IP address such as 10.0.0.5 or 2001:db8::5');
}

export function isIpv4(a: IpAddress): a is Ipv4 {
  return !a.includes(':');
}

export function isIpv6(a: IpAddress): a is Ipv6 {
  return a.includes(':');
}

/** 32 or 128: the bits of the address. */
export function addressWidth(a: IpAddress): 32 | 128 {
  return isIpv4(a) ? 32 : 128;
}

/** The bits as a number, of `addressWidth` bits. 0.0.0.1 and ::1 are both 1: keep the family beside it. */
export function ipToBigint(a: IpAddress): bigint {
  return isIpv4(a) ? BigInt(ipv4ToNumber(a)) : ipv6ToBigint(a);
}

/** Throws RangeError when the number does not fit the family. */
export function ipFromBigint(value: bigint, family: Family): IpAddress {
  if (family === 6) return ipv6FromBigint(value);
  return ipv4FromNumber(
    value >= 0n && value <= 0xffffffffn ? Number(value) : refuse(value, 'a number of 32 bits'),
  );
}

/** Whether the address names a group: 224.0.0.0/4 or ff00::/8. */
export function isMulticastIp(a: IpAddress): boolean {
  return isIpv4(a) ? ipv4ToNumber(a) >>> 28 === 0xe : a.startsWith('ff') && a.indexOf(':') === 4;
}

/** The link-local address that an interface makes from its MAC (modified EUI-64: RFC 4291, appendix A). */
export function linkLocalOf(m: Mac): Ipv6 {
  const value = BigInt(macToNumber(m));
  // The universal/local bit is turned over, and ff:fe goes between the halves.
  const identifier = ((value >> 24n) << 40n) | 0xff_fe00_0000n | (value & 0xffffffn);
  return ipv6FromBigint((0xfe80n << 112n) | (identifier ^ (2n << 56n)));
}

/** The group that neighbor solicitations for an address go to, ff02::1:ffXX:XXXX (RFC 4291, 2.7.1). */
export function solicitedNodeOf(a: Ipv6): Ipv6 {
  return ipv6FromBigint((0xff02n << 112n) | (1n << 32n) | 0xff00_0000n | (ipv6ToBigint(a) & 0xffffffn));
}

/** The Ethernet group address of a multicast IP address (RFC 1112 6.4, RFC 2464 7). */
export function multicastMacOf(a: IpAddress): Mac {
  if (isIpv4(a)) return macFromNumber(0x0100_5e00_0000 + (ipv4ToNumber(a) & 0x7fffff));
  return macFromNumber(0x3333_0000_0000 + Number(ipv6ToBigint(a) & 0xffffffffn));
}

// -------------------------------------------------------------------------------------------------- prefix

export interface PrefixParts {
  /** The network address: all host bits zero. */
  readonly address: IpAddress;
  readonly length: number;
  readonly family: Family;
}

const LENGTH_TEXT = /^(?:0|[1-9]\d{0,2})$/;

/** What `address/length` lacks to be a prefix, in words; undefined when it is one. */
export function prefixProblem(text: string): string | undefined {
  const read = readPrefix(text);
  return typeof read === 'string' ? read : undefined;
}

export function parsePrefix(text: string): Prefix | undefined {
  const read = readPrefix(text);
  return typeof read === 'string' ? undefined : joinPrefix(read);
}

/** Throws RangeError when the text is not a prefix; the message says why (host bits, length, address). */
export function prefix(text: string): Prefix {
  const read = readPrefix(text);
  if (typeof read === 'string') throw new RangeError(read);
  return joinPrefix(read);
}

/** The prefix of this length that the address lies in. Throws RangeError when the length does not fit the family. */
export function prefixOf(a: IpAddress, length: number): Prefix {
  const width = addressWidth(a);
  if (!Number.isInteger(length) || length < 0 || length > width)
    refuse(length, `a prefix length of 0..${width}`);
  const family = isIpv4(a) ? 4 : 6;
  return joinPrefix({
    address: ipFromBigint(ipToBigint(a) & maskBits(width, length), family),
    length,
    family,
  });
}

export function prefixParts(p: Prefix): PrefixParts {
  const slash = p.indexOf('/');
  const address = p.slice(0, slash) as IpAddress;
  return { address, length: Number(p.slice(slash + 1)), family: isIpv4(address) ? 4 : 6 };
}

/** Ones for the network bits, zeros for the host bits, in the width of the family. */
export function prefixMask(p: Prefix): bigint {
  const { length, family } = prefixParts(p);
  return maskBits(family === 4 ? 32 : 128, length);
}

/** False also where the families differ. */
export function prefixContains(p: Prefix, a: IpAddress): boolean {
  const { address } = prefixParts(p);
  return isIpv4(address) === isIpv4(a) && (ipToBigint(a) & prefixMask(p)) === ipToBigint(address);
}

/** Whether some address lies in both, which means that one contains the other. */
export function prefixOverlaps(p: Prefix, q: Prefix): boolean {
  const [a, b] = [prefixParts(p), prefixParts(q)];
  return a.length <= b.length ? prefixContains(p, b.address) : prefixContains(q, a.address);
}

/** The network address plus one; for a prefix of a single address, that address. */
export function firstHost(p: Prefix): IpAddress {
  const { address, length, family } = prefixParts(p);
  if (length === addressWidth(address)) return address;
  return ipFromBigint(ipToBigint(address) + 1n, family);
}

/** The highest address of the prefix. */
export function lastAddress(p: Prefix): IpAddress {
  const { address, family, length } = prefixParts(p);
  const hostBits = BigInt(addressWidth(address) - length);
  return ipFromBigint(ipToBigint(address) | ((1n << hostBits) - 1n), family);
}

/** The directed broadcast address. None in IPv6, nor in a /31 (RFC 3021) or a /32. */
export function broadcastAddress(p: Prefix): Ipv4 | undefined {
  const last = lastAddress(p);
  return isIpv4(last) && prefixParts(p).length <= 30 ? last : undefined;
}

function readPrefix(text: string): PrefixParts | string {
  const slash = text.indexOf('/');
  const address = slash < 0 ? undefined : parseIp(text.slice(0, slash));
  if (!address) return wording(text, 'a prefix such as 10.0.0.0/24 or 2001:db8::/64');
  const width = addressWidth(address);
  const lengthText = text.slice(slash + 1);
  const length = Number(lengthText);
  if (!LENGTH_TEXT.test(lengthText) || length > width) {
    return `${quote(text)} has the prefix length ${quote(lengthText)}; it must be 0..${width}`;
  }
  const host = ipToBigint(address) & ~maskBits(width, length);
  if (host !== 0n) return `${quote(text)} has host bits set; the prefix is ${prefixOf(address, length)}`;
  return { address, length, family: width === 32 ? 4 : 6 };
}

function joinPrefix(parts: PrefixParts): Prefix {
  return `${parts.address}/${parts.length}` as Prefix;
}

function maskBits(width: number, length: number): bigint {
  return ((1n << BigInt(length)) - 1n) << BigInt(width - length);
}

// -------------------------------------------------------------------------------------------------- errors

function refuse(value: string | number | bigint, what: string): never {
  throw new RangeError(wording(value, what));
}

function wording(value: string | number | bigint, what: string): string {
  return `${typeof value === 'string' ? quote(value) : value} is not ${what}`;
}

/** Long texts are cut: a message must not grow with hostile input. */
function quote(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
