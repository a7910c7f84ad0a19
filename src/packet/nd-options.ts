/**
 * What the options of Neighbor Discovery mean (RFC 4861, 4.6; route RFC 4191, DNS RFC 8106), for `Icmpv6View.read`.
 * The data of such an option are what stands behind type and length:
 *
 *     3  prefix   | length | L A R 0 | valid (4) | preferred (4) | 0 (4) | prefix (16) |
 *     5  MTU      | 0 (2) | MTU (4) |
 *     24 route    | length | preference in bits 3 and 4 | lifetime (4) | prefix (0, 8 or 16) |
 *     25 RDNSS    | 0 (2) | lifetime (4) | addresses (16 each) |
 *     31 DNSSL    | 0 (2) | lifetime (4) | domain names, zeros up to a multiple of 8 |
 *
 * Times are in seconds, 0xffffffff = for ever.
 */
import {
  type Ipv6,
  ipv6FromBigint,
  ipv6ToBigint,
  type Prefix,
  parsePrefix,
  prefixOf,
  prefixParts,
} from './address.ts';
import { read32, read128, write32, write128 } from './bytes.ts';
import { decodeDomainNames, encodeDomainNames } from './domain-name.ts';
import { ND_OPTION } from './icmpv6.ts';
import {
  type OptionLimits,
  type OptionNotation,
  optionNotation,
  optionType,
  type ValueType,
} from './option.ts';
import { DOMAIN_NAMES, IPV6_ADDRESSES, parseUint } from './values.ts';

/** The length of an option is a number of 8 bytes, type and length included, and is never 0. */
export const ND_OPTION_LIMITS: OptionLimits = { lowest: 0, highest: 255, longest: 2038, unit: 8, spare: 6 };

export interface NdPrefix {
  readonly prefix: Prefix;
  /** L: addresses of the prefix are on this link. */
  readonly onLink: boolean;
  /** A: hosts may make addresses of it. */
  readonly autonomous: boolean;
  readonly valid: number;
  readonly preferred: number;
}

const ON_LINK = 0x80;
const AUTONOMOUS = 0x40;
const MAX_32 = 0xffffffff;

const PREFIX_VALUE: ValueType<NdPrefix> = {
  what: 'prefix, flags of LA or -, valid and preferred seconds: "2001:db8::/64 LA 2592000 604800"',
  decode(data) {
    const length = data[0]!;
    if (data.length !== 30 || length > 128) return undefined;
    return {
      prefix: prefixOf(ipv6FromBigint(read128(data, 14)), length),
      onLink: (data[1]! & ON_LINK) !== 0,
      autonomous: (data[1]! & AUTONOMOUS) !== 0,
      valid: read32(data, 2),
      preferred: read32(data, 6),
    };
  },
  encode({ prefix, onLink, autonomous, valid, preferred }) {
    const data = new Uint8Array(30);
    const { address, length } = ipv6Parts(prefix);
    data[0] = length;
    data[1] = (onLink ? ON_LINK : 0) | (autonomous ? AUTONOMOUS : 0);
    write32(data, 2, valid);
    write32(data, 6, preferred);
    write128(data, 14, address);
    return data;
  },
  format({ prefix, onLink, autonomous, valid, preferred }) {
    const flags = `${onLink ? 'L' : ''}${autonomous ? 'A' : ''}` || '-';
    return `${prefix} ${flags} ${valid} ${preferred}`;
  },
  parse(text) {
    const [to = '', flags = '', first = '', second = '', ...more] = text.split(' ');
    const prefix = parsePrefix(to);
    const valid = parseUint(first, MAX_32);
    const preferred = parseUint(second, MAX_32);
    if (!prefix || prefixParts(prefix).family !== 6 || !/^(?:L?A?|-)$/.test(flags) || more.length > 0)
      return undefined;
    if (valid === undefined || preferred === undefined) return undefined;
    const [onLink, autonomous] = [flags.includes('L'), flags.includes('A')];
    return { prefix, onLink, autonomous, valid, preferred };
  },
};

const MTU_VALUE: ValueType<number> = {
  what: `a number of 0..${MAX_32}`,
  decode: (data) => (data.length === 6 ? read32(data, 2) : undefined),
  encode(mtu) {
    const data = new Uint8Array(6);
    write32(data, 2, mtu);
    return data;
  },
  format: (mtu) => `${mtu}`,
  parse: (text) => parseUint(text, MAX_32),
};

/** How a route compares with others; `low` also for what is not told apart (RFC 4191, 2.1). */
export type RoutePreference = 'low' | 'medium' | 'high';
const PREFERENCE_BITS: Readonly<Record<RoutePreference, number>> = { medium: 0, high: 1, low: 3 };

export interface NdRoute {
  readonly prefix: Prefix;
  readonly preference: RoutePreference;
  readonly lifetime: number;
}

const ROUTE_VALUE: ValueType<NdRoute> = {
  what: 'prefix, preference and seconds: "2001:db8:1::/48 medium 1800"',
  decode(data) {
    const length = data[0]!;
    // As many bytes of the prefix as its length needs, or more (RFC 4191, 2.3).
    const room = data.length - 6;
    if ((room !== 0 && room !== 8 && room !== 16) || length > 8 * room) return undefined;
    const preference = preferenceOf((data[1]! >>> 3) & 3);
    // The reserved value: the option is ignored (RFC 4191, 2.3).
    if (!preference) return undefined;
    const whole = new Uint8Array(16);
    whole.set(data.subarray(6));
    const prefix = prefixOf(ipv6FromBigint(read128(whole, 0)), length);
    return { prefix, preference, lifetime: read32(data, 2) };
  },
  encode({ prefix, preference, lifetime }) {
    const { address, length } = ipv6Parts(prefix);
    const whole = new Uint8Array(16);
    write128(whole, 0, address);
    const data = new Uint8Array(6 + 8 * Math.ceil(length / 64));
    data[0] = length;
    data[1] = PREFERENCE_BITS[preference] << 3;
    write32(data, 2, lifetime);
    data.set(whole.subarray(0, data.length - 6), 6);
    return data;
  },
  format: ({ prefix, preference, lifetime }) => `${prefix} ${preference} ${lifetime}`,
  parse(text) {
    const [to = '', word = '', seconds = '', ...more] = text.split(' ');
    const prefix = parsePrefix(to);
    const lifetime = parseUint(seconds, MAX_32);
    if (!prefix || prefixParts(prefix).family !== 6 || lifetime === undefined || more.length > 0)
      return undefined;
    return isPreference(word) ? { prefix, preference: word, lifetime } : undefined;
  },
};

function preferenceOf(bits: number): RoutePreference | undefined {
  return Object.keys(PREFERENCE_BITS)
    .filter(isPreference)
    .find((name) => PREFERENCE_BITS[name] === bits);
}

function isPreference(word: string): word is RoutePreference {
  return Object.hasOwn(PREFERENCE_BITS, word);
}

export interface NdDnsServers {
  readonly lifetime: number;
  readonly servers: readonly Ipv6[];
}

const RDNSS_VALUE: ValueType<NdDnsServers> = {
  what: 'seconds and addresses joined by +: "1800 2001:db8::53"',
  decode(data) {
    const servers = data.length < 6 ? undefined : IPV6_ADDRESSES.decode(data.subarray(6));
    return servers && { lifetime: read32(data, 2), servers };
  },
  encode: ({ lifetime, servers }) => withLifetime(lifetime, IPV6_ADDRESSES.encode(servers)),
  format: ({ lifetime, servers }) => `${lifetime} ${IPV6_ADDRESSES.format(servers)}`,
  parse(text) {
    const [seconds = '', list = '', ...more] = text.split(' ');
    const lifetime = parseUint(seconds, MAX_32);
    const servers = IPV6_ADDRESSES.parse(list);
    return lifetime !== undefined && servers && more.length === 0 ? { lifetime, servers } : undefined;
  },
};

export interface NdDnsSearch {
  readonly lifetime: number;
  readonly domains: readonly string[];
}

const DNSSL_VALUE: ValueType<NdDnsSearch> = {
  what: 'seconds and domain names joined by +: "1800 example.com"',
  decode(data) {
    if (data.length < 6) return undefined;
    // The zeros that fill the option up; the names end with one too.
    let end = data.length;
    while (end > 7 && data[end - 1] === 0 && data[end - 2] === 0) end--;
    const domains = decodeDomainNames(data.subarray(6, end), false);
    return domains && { lifetime: read32(data, 2), domains };
  },
  encode({ lifetime, domains }) {
    const names = encodeDomainNames(domains, false);
    const room = new Uint8Array(8 * Math.ceil(names.length / 8));
    room.set(names);
    return withLifetime(lifetime, room);
  },
  format: ({ lifetime, domains }) => `${lifetime} ${DOMAIN_NAMES.format(domains)}`,
  parse(text) {
    const [seconds = '', list = '', ...more] = text.split(' ');
    const lifetime = parseUint(seconds, MAX_32);
    const domains = DOMAIN_NAMES.parse(list);
    return lifetime !== undefined && domains && more.length === 0 ? { lifetime, domains } : undefined;
  },
};

function withLifetime(lifetime: number, rest: Uint8Array): Uint8Array {
  const data = new Uint8Array(6 + rest.length);
  write32(data, 2, lifetime);
  data.set(rest, 6);
  return data;
}

function ipv6Parts(prefix: Prefix): { readonly address: bigint; readonly length: number } {
  const { address, length, family } = prefixParts(prefix);
  if (family !== 6) throw new RangeError(`${prefix} is not an IPv6 prefix`);
  return { address: ipv6ToBigint(address as Ipv6), length };
}

/** The options that we know, by what they say. Link-layer addresses are `Icmpv6View.linkAddress`. */
export const ND_VALUE = {
  prefix: optionType(ND_OPTION.PREFIX, 'prefix', PREFIX_VALUE),
  mtu: optionType(ND_OPTION.MTU, 'linkmtu', MTU_VALUE),
  route: optionType(ND_OPTION.ROUTE, 'route', ROUTE_VALUE),
  dnsServers: optionType(ND_OPTION.RDNSS, 'rdnss', RDNSS_VALUE),
  dnsSearch: optionType(ND_OPTION.DNSSL, 'dnssl', DNSSL_VALUE),
} as const;

/** `prefix="2001:db8::/64 LA 2592000 604800"`, `linkmtu=1458`, `o14=…`. */
export const ND_NOTATION: OptionNotation = optionNotation(Object.values(ND_VALUE), ND_OPTION_LIMITS);
