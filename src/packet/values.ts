/** What the bytes of options mean: numbers, addresses, texts, names (see ValueType in option.ts). */
import {
  type Ipv4,
  type Ipv6,
  ipv4FromNumber,
  ipv4ToNumber,
  ipv6FromBigint,
  ipv6ToBigint,
  type Mac,
  macFromNumber,
  macToNumber,
  parseIpv4,
  parseIpv6,
  parseMac,
} from './address.ts';
import { fromHex, read16, read32, read48, read128, toHex, write32, write48, write128 } from './bytes.ts';
import { decodeDomainNames, encodeDomainNames, isDomainName } from './domain-name.ts';
import type { ValueType } from './option.ts';

/** An unsigned number of 8, 16 or 32 bits. */
function uint(bytes: 1 | 2 | 4): ValueType<number> {
  const max = 2 ** (8 * bytes) - 1;
  return {
    what: `a number of 0..${max}`,
    decode(data) {
      if (data.length !== bytes) return undefined;
      return bytes === 1 ? data[0]! : bytes === 2 ? read16(data, 0) : read32(data, 0);
    },
    encode(value) {
      if (!Number.isInteger(value) || value < 0 || value > max)
        throw new RangeError(`${value} is not a number of 0..${max}`);
      const data = new Uint8Array(4);
      write32(data, 0, value);
      return data.slice(4 - bytes);
    },
    format: (value) => `${value}`,
    parse: (text) => parseUint(text, max),
  };
}

/** A decimal number; undefined for any other text, and above `max`. */
export function parseUint(text: string, max: number): number | undefined {
  return /^\d{1,10}$/.test(text) && Number(text) <= max ? Number(text) : undefined;
}

export const UINT8 = uint(1);
export const UINT16 = uint(2);
export const UINT32 = uint(4);

/** No data: that the option is there is all it says. In text: `yes`. */
export const NOTHING: ValueType<true> = {
  what: 'yes, the only thing that it says',
  decode: (data) => (data.length === 0 ? true : undefined),
  encode: () => new Uint8Array(0),
  format: () => 'yes',
  parse: (text) => (text === 'yes' ? true : undefined),
};

export const MAC_ADDRESS: ValueType<Mac> = {
  what: 'a MAC address',
  decode: (data) => (data.length === 6 ? macFromNumber(read48(data, 0)) : undefined),
  encode(value) {
    const data = new Uint8Array(6);
    write48(data, 0, macToNumber(value));
    return data;
  },
  format: (value) => value,
  parse: parseMac,
};

export const IPV4_ADDRESS: ValueType<Ipv4> = {
  what: 'an IPv4 address',
  decode: (data) => (data.length === 4 ? ipv4FromNumber(read32(data, 0)) : undefined),
  encode(value) {
    const data = new Uint8Array(4);
    write32(data, 0, ipv4ToNumber(value));
    return data;
  },
  format: (value) => value,
  parse: parseIpv4,
};

export const IPV6_ADDRESS: ValueType<Ipv6> = {
  what: 'an IPv6 address',
  decode: (data) => (data.length === 16 ? ipv6FromBigint(read128(data, 0)) : undefined),
  encode(value) {
    const data = new Uint8Array(16);
    write128(data, 0, ipv6ToBigint(value));
    return data;
  },
  format: (value) => value,
  parse: parseIpv6,
};

/** One or more of something that takes `size` bytes. */
function listOf<T>(element: ValueType<T>, size: number, what: string): ValueType<readonly T[]> {
  return {
    what,
    decode(data) {
      if (data.length === 0 || data.length % size !== 0) return undefined;
      const parts = Array.from({ length: data.length / size }, (_, i) =>
        element.decode(data.subarray(size * i, size * (i + 1))),
      );
      return everyOne(parts) ? parts : undefined;
    },
    encode(values) {
      if (values.length === 0) throw new RangeError('a list has at least one element');
      return joined(values.map((value) => element.encode(value)));
    },
    format: (values) => values.map((value) => element.format(value)).join('+'),
    parse(text) {
      const parts = text.split('+').map((part) => element.parse(part));
      return everyOne(parts) ? parts : undefined;
    },
  };
}

export const IPV4_ADDRESSES = listOf(IPV4_ADDRESS, 4, 'IPv4 addresses joined by +');
export const IPV6_ADDRESSES = listOf(IPV6_ADDRESS, 16, 'IPv6 addresses joined by +');
export const CODES_8 = listOf(UINT8, 1, 'option codes joined by +');
export const CODES_16 = listOf(UINT16, 2, 'option codes joined by +');

/** UTF-8 without control characters, one character at least. Zeros at the end are not part of it (RFC 2132, 2). */
export const TEXT: ValueType<string> = {
  what: 'at most 255 bytes of text',
  isText: true,
  decode(data) {
    let end = data.length;
    while (end > 0 && data[end - 1] === 0) end--;
    const bytes = data.subarray(0, end);
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
    // U+FFFD stands for what is no UTF-8.
    return end > 0 && !/[\p{Cc}\uFFFD]/u.test(text) ? text : undefined;
  },
  encode: (value) => new TextEncoder().encode(value),
  format: (value) => value,
  parse: (text) => text,
};

/** Bytes without meaning to us. */
export const BYTES: ValueType<Uint8Array> = {
  what: 'pairs of hexadecimal digits',
  decode: (data) => data,
  encode: (value) => value,
  format: (value) => toHex(value),
  parse: fromHex,
};

function domainNames(compressed: boolean): ValueType<readonly string[]> {
  return {
    what: 'domain names joined by +',
    decode: (data) => decodeDomainNames(data, compressed),
    encode: (names) => encodeDomainNames(names, compressed),
    format: (names) => names.join('+'),
    parse(text) {
      const names = text.split('+');
      return names.every(isDomainName) ? names : undefined;
    },
  };
}

export const DOMAIN_NAMES = domainNames(false);
/** With pointers (RFC 3397). */
export const COMPRESSED_DOMAIN_NAMES = domainNames(true);

/** Whether nothing is missing in the list. */
export function everyOne<T>(list: readonly (T | undefined)[]): list is readonly T[] {
  return list.every((item) => item !== undefined);
}

/** One byte string of several. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
