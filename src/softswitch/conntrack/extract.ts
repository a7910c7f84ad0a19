/**
 * Which connection a packet belongs to, as its bytes say (conn_key_extract of lib/conntrack.c in Open vSwitch). A
 * packet that is broken, or whose checksums are wrong, belongs to none.
 */
import { read16, read32 } from '../../packet/bytes.ts';
import { checksumHolds, sumRange } from '../../packet/checksum.ts';
import { IP_PROTOCOL, IPV4 } from '../../packet/ipv4.ts';
import { IPV6 } from '../../packet/ipv6.ts';
import { CONNECTION_KEY, type ConnectionKey, newConnectionKey, reversed, zoneOf } from './connection-key.ts';

const { SRC, SRC_PORT, DST, DST_PORT } = CONNECTION_KEY;

/** Headers of an IP packet that is no fragment. */
export interface Headers {
  readonly bytes: Uint8Array;
  readonly family: 4 | 6;
  readonly protocol: number;
  readonly l3: number;
  readonly l4: number;
  readonly end: number;
}

export interface Extracted {
  readonly key: ConnectionKey;
  /** An ICMP error: the key is that of the packet which it quotes, seen from who sends the error. */
  readonly isRelated: boolean;
}

/** Of an ICMP error that quotes it, this much of a transport header is enough (RFC 792). */
const QUOTED = 8;

/** Undefined for a packet that belongs to no connection. */
export function extract(headers: Headers, zone: number): Extracted | undefined {
  const { bytes, family, protocol, l3, l4, end } = headers;
  if (family === 4 && !checksumHolds(bytes, l3, l4)) return undefined;
  const key = newConnectionKey(zone, family, protocol);
  readAddresses(bytes, l3, family, key);
  switch (protocol) {
    case IP_PROTOCOL.TCP: {
      const length = end - l4 < 20 ? 0 : (bytes[l4 + 12]! >>> 4) * 4;
      if (length < 20 || length > end - l4 || !transportHolds(headers)) return undefined;
      return readPorts(bytes, l4, key) ? { key, isRelated: false } : undefined;
    }
    case IP_PROTOCOL.UDP: {
      const length = end - l4 < 8 ? 0 : read16(bytes, l4 + 4);
      if (length < 8 || length > end - l4) return undefined;
      const isUnchecked = family === 4 && read16(bytes, l4 + 6) === 0;
      if (!isUnchecked && !transportHolds(headers)) return undefined;
      return readPorts(bytes, l4, key) ? { key, isRelated: false } : undefined;
    }
    case IP_PROTOCOL.ICMP:
      if (family !== 4) break;
      if (!checksumHolds(bytes, l4, end) || end - l4 < 8) return undefined;
      return extractIcmp(bytes, l4, end, key);
    case IP_PROTOCOL.ICMPV6:
      if (family !== 6) break;
      if (!transportHolds(headers) || end - l4 < 8) return undefined;
      return extractIcmpv6(bytes, l4, end, key);
  }
  return { key, isRelated: false };
}

/** Whether the checksum over transport header, data and pseudo header is right. */
function transportHolds({ bytes, family, protocol, l3, l4, end }: Headers): boolean {
  return checksumHolds(bytes, l4, end, pseudoHeaderOf(bytes, l3, family, protocol, end - l4));
}

/** As pseudoHeaderSum, for a header whose version may be a wrong one: the type before it counts. */
export function pseudoHeaderOf(
  bytes: Uint8Array,
  l3: number,
  family: 4 | 6,
  protocol: number,
  length: number,
): number {
  const from = l3 + (family === 4 ? IPV4.SRC : IPV6.SRC);
  return sumRange(bytes, from, from + (family === 4 ? 8 : 32), protocol + length);
}

function readAddresses(bytes: Uint8Array, l3: number, family: 4 | 6, key: ConnectionKey): void {
  if (family === 4) {
    key[SRC] = read32(bytes, l3 + IPV4.SRC);
    key[DST] = read32(bytes, l3 + IPV4.DST);
    return;
  }
  for (let i = 0; i < 4; i++) {
    key[SRC + i] = read32(bytes, l3 + IPV6.SRC + 4 * i);
    key[DST + i] = read32(bytes, l3 + IPV6.DST + 4 * i);
  }
}

/** Port 0 stands for no port, so it is none. */
function readPorts(bytes: Uint8Array, l4: number, key: ConnectionKey): boolean {
  const [source, destination] = [read16(bytes, l4), read16(bytes, l4 + 2)];
  key[SRC_PORT] = (source << 16) >>> 0;
  key[DST_PORT] = (destination << 16) >>> 0;
  return source !== 0 && destination !== 0;
}

/** Question and answer of what is asked by ICMP: echo, timestamp, information. */
const ICMP_ANSWERS: ReadonlyMap<number, number> = new Map([
  [8, 0],
  [0, 8],
  [13, 14],
  [14, 13],
  [15, 16],
  [16, 15],
]);
const ICMPV6_ANSWERS: ReadonlyMap<number, number> = new Map([
  [128, 129],
  [129, 128],
]);

/** The type that answers an ICMP type, or that it answers; undefined: it belongs to another connection, or to none. */
export function icmpAnswer(type: number, family: 4 | 6): number | undefined {
  return (family === 4 ? ICMP_ANSWERS : ICMPV6_ANSWERS).get(type);
}

/** Destination unreachable, source quench, redirect, time exceeded, parameter problem. */
const ICMP_ERRORS: ReadonlySet<number> = new Set([3, 4, 5, 11, 12]);
/** Destination unreachable, packet too big, time exceeded, parameter problem. */
const ICMPV6_ERRORS: ReadonlySet<number> = new Set([1, 2, 3, 4]);

/** Whether it is a question or an answer; conversations of this kind are told apart by an identifier. */
function readIcmp(bytes: Uint8Array, l4: number, family: 4 | 6, key: ConnectionKey): boolean {
  const type = bytes[l4]!;
  const answer = icmpAnswer(type, family);
  if (answer === undefined || bytes[l4 + 1] !== 0) return false;
  const identifier = read16(bytes, l4 + 4) << 16;
  key[SRC_PORT] = (identifier | (type << 8)) >>> 0;
  key[DST_PORT] = (identifier | (answer << 8)) >>> 0;
  return true;
}

function extractIcmp(bytes: Uint8Array, l4: number, end: number, key: ConnectionKey): Extracted | undefined {
  if (!ICMP_ERRORS.has(bytes[l4]!))
    return readIcmp(bytes, l4, 4, key) ? { key, isRelated: false } : undefined;
  const quoted = quotedIpv4(bytes, l4 + 8, end);
  return quoted && relatedTo(quoted, key, QUOTED);
}

function extractIcmpv6(
  bytes: Uint8Array,
  l4: number,
  end: number,
  key: ConnectionKey,
): Extracted | undefined {
  if (!ICMPV6_ERRORS.has(bytes[l4]!)) {
    return readIcmp(bytes, l4, 6, key) ? { key, isRelated: false } : undefined;
  }
  const quoted = quotedIpv6(bytes, l4 + 8, end);
  return quoted && relatedTo(quoted, key, 20);
}

/** The quoted packet has to come from where the error goes to. `tcp`: bytes of a TCP header that have to be there. */
function relatedTo(quoted: Headers, outer: ConnectionKey, tcp: number): Extracted | undefined {
  const { bytes, family, protocol, l3, l4, end } = quoted;
  const key = newConnectionKey(zoneOf(outer), family, protocol);
  readAddresses(bytes, l3, family, key);
  for (let i = 0; i < 4; i++) if (key[SRC + i] !== outer[DST + i]) return undefined;
  const size = end - l4;
  switch (protocol) {
    case IP_PROTOCOL.TCP:
      if (size < tcp || !readPorts(bytes, l4, key)) return undefined;
      break;
    case IP_PROTOCOL.UDP:
      if (size < 8 || !readPorts(bytes, l4, key)) return undefined;
      break;
    case IP_PROTOCOL.ICMP:
      if (family === 4 && (size < 8 || !readIcmp(bytes, l4, family, key))) return undefined;
      break;
    case IP_PROTOCOL.ICMPV6:
      if (family === 6 && (size < 8 || !readIcmp(bytes, l4, family, key))) return undefined;
      break;
  }
  return { key: reversed(key), isRelated: true };
}

/** The packet that an ICMP error quotes; it is cut short, so its lengths are not looked at. */
export function quotedIpv4(bytes: Uint8Array, l3: number, end: number): Headers | undefined {
  if (end - l3 < IPV4.SIZE) return undefined;
  const length = (bytes[l3]! & 15) * 4;
  const isFragment = (read16(bytes, l3 + IPV4.FRAGMENT) & 0x3fff) !== 0;
  if (length < IPV4.SIZE || end - l3 < length || isFragment) return undefined;
  return { bytes, family: 4, protocol: bytes[l3 + IPV4.PROTOCOL]!, l3, l4: l3 + length, end };
}

/** The same for ICMPv6; it may have extension headers. */
export function quotedIpv6(bytes: Uint8Array, l3: number, end: number): Headers | undefined {
  if (end - l3 < IPV6.SIZE) return undefined;
  let protocol = bytes[l3 + IPV6.NEXT]!;
  let l4 = l3 + IPV6.SIZE;
  while (IPV6_EXTENSIONS.has(protocol)) {
    if (end - l4 < 8) return undefined;
    const kind = protocol;
    protocol = bytes[l4]!;
    if (kind === IP_PROTOCOL.FRAGMENT) {
      if (read16(bytes, l4 + 2) !== 0) return undefined;
      l4 += 8;
    } else {
      const units = bytes[l4 + 1]!;
      l4 += kind === IP_PROTOCOL.AUTHENTICATION ? (units + 2) * 4 : (units + 1) * 8;
      if (l4 > end) return undefined;
    }
  }
  return { bytes, family: 6, protocol, l3, l4, end };
}

const IPV6_EXTENSIONS: ReadonlySet<number> = new Set([
  IP_PROTOCOL.HOP_BY_HOP,
  IP_PROTOCOL.ROUTING,
  IP_PROTOCOL.FRAGMENT,
  IP_PROTOCOL.AUTHENTICATION,
  IP_PROTOCOL.DESTINATION,
]);
