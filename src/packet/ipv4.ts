/**
 * IPv4 (RFC 791; DSCP RFC 2474, ECN RFC 3168).
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-------+-------+-----------+---+-------------------------------+
 *     |version|  IHL  |   DSCP    |ECN|         total length          |
 *     +-------+-------+-----------+---+-----+-------------------------+
 *     |        identification         |0|D|M|     fragment offset     |
 *     +---------------+---------------+-----+-------------------------+
 *     | time to live  |   protocol    |        header checksum        |
 *     +---------------+---------------+-------------------------------+
 *     |                        source address                         |
 *     +---------------------------------------------------------------+
 *     |                      destination address                      |
 *     +---------------------------------------------------------------+
 *     |               options, IHL * 4 - 20 bytes …                   |
 *     +---------------------------------------------------------------+
 */
import { type Ipv4, ipv4FromNumber, ipv4ToNumber } from './address.ts';
import { read16, read32, write16, write32 } from './bytes.ts';
import { checksumFor, updateChecksum } from './checksum.ts';
import { fits, View } from './view.ts';

export const IPV4 = {
  VERSION_IHL: 0,
  TOS: 1,
  LENGTH: 2,
  ID: 4,
  FRAGMENT: 6,
  TTL: 8,
  PROTOCOL: 9,
  CHECKSUM: 10,
  SRC: 12,
  DST: 16,
  /** Without options. */
  SIZE: 20,
} as const;

/** Protocol numbers, for IPv4's protocol and IPv6's next header (IANA "protocol numbers"). */
export const IP_PROTOCOL = {
  HOP_BY_HOP: 0,
  ICMP: 1,
  IGMP: 2,
  TCP: 6,
  UDP: 17,
  ROUTING: 43,
  FRAGMENT: 44,
  GRE: 47,
  ESP: 50,
  AUTHENTICATION: 51,
  ICMPV6: 58,
  /** Nothing follows. */
  NONE: 59,
  DESTINATION: 60,
  /** For experiments (RFC 3692): data that mean nothing. */
  EXPERIMENTAL: 253,
} as const;

/** In the word at IPV4.FRAGMENT. */
export const IPV4_FLAG = { RESERVED: 0x8000, DF: 0x4000, MF: 0x2000 } as const;

export class Ipv4View extends View {
  static at(bytes: Uint8Array, offset: number, end = bytes.length): Ipv4View | undefined {
    if (!fits(bytes, offset, end, IPV4.SIZE)) return undefined;
    const versionIhl = bytes[offset + IPV4.VERSION_IHL]!;
    const headerLength = (versionIhl & 15) * 4;
    const total = read16(bytes, offset + IPV4.LENGTH);
    if (versionIhl >>> 4 !== 4 || headerLength < IPV4.SIZE) return undefined;
    if (total < headerLength || total > end - offset) return undefined;
    return new Ipv4View(bytes, offset, offset + total);
  }

  get headerLength(): number {
    return (this.bytes[this.offset + IPV4.VERSION_IHL]! & 15) * 4;
  }

  /** DSCP and ECN together. */
  get tos(): number {
    return this.bytes[this.offset + IPV4.TOS]!;
  }
  set tos(value: number) {
    this.bytes[this.offset + IPV4.TOS] = value;
  }

  get dscp(): number {
    return this.tos >>> 2;
  }
  set dscp(value: number) {
    this.tos = (this.tos & 3) | ((value & 63) << 2);
  }

  get ecn(): number {
    return this.tos & 3;
  }
  set ecn(value: number) {
    this.tos = (this.tos & 0xfc) | (value & 3);
  }

  /** Header and data in bytes. */
  get totalLength(): number {
    return read16(this.bytes, this.offset + IPV4.LENGTH);
  }
  set totalLength(value: number) {
    write16(this.bytes, this.offset + IPV4.LENGTH, value);
  }

  get id(): number {
    return read16(this.bytes, this.offset + IPV4.ID);
  }
  set id(value: number) {
    write16(this.bytes, this.offset + IPV4.ID, value);
  }

  /** Flags and fragment offset as they stand, 16 bits. */
  get fragmentWord(): number {
    return read16(this.bytes, this.offset + IPV4.FRAGMENT);
  }
  set fragmentWord(value: number) {
    write16(this.bytes, this.offset + IPV4.FRAGMENT, value);
  }

  get dontFragment(): boolean {
    return (this.fragmentWord & IPV4_FLAG.DF) !== 0;
  }
  set dontFragment(value: boolean) {
    this.fragmentWord = value ? this.fragmentWord | IPV4_FLAG.DF : this.fragmentWord & ~IPV4_FLAG.DF;
  }

  get moreFragments(): boolean {
    return (this.fragmentWord & IPV4_FLAG.MF) !== 0;
  }
  set moreFragments(value: boolean) {
    this.fragmentWord = value ? this.fragmentWord | IPV4_FLAG.MF : this.fragmentWord & ~IPV4_FLAG.MF;
  }

  /** In bytes, a multiple of 8. */
  get fragmentOffset(): number {
    return (this.fragmentWord & 0x1fff) * 8;
  }
  set fragmentOffset(value: number) {
    this.fragmentWord = (this.fragmentWord & 0xe000) | ((value >>> 3) & 0x1fff);
  }

  get ttl(): number {
    return this.bytes[this.offset + IPV4.TTL]!;
  }
  set ttl(value: number) {
    this.bytes[this.offset + IPV4.TTL] = value;
  }

  /** See IP_PROTOCOL. */
  get protocol(): number {
    return this.bytes[this.offset + IPV4.PROTOCOL]!;
  }
  set protocol(value: number) {
    this.bytes[this.offset + IPV4.PROTOCOL] = value;
  }

  get checksum(): number {
    return read16(this.bytes, this.offset + IPV4.CHECKSUM);
  }
  set checksum(value: number) {
    write16(this.bytes, this.offset + IPV4.CHECKSUM, value);
  }

  get src(): number {
    return read32(this.bytes, this.offset + IPV4.SRC);
  }
  set src(value: number) {
    write32(this.bytes, this.offset + IPV4.SRC, value);
  }

  get dst(): number {
    return read32(this.bytes, this.offset + IPV4.DST);
  }
  set dst(value: number) {
    write32(this.bytes, this.offset + IPV4.DST, value);
  }

  get srcIp(): Ipv4 {
    return ipv4FromNumber(this.src);
  }
  set srcIp(value: Ipv4) {
    this.src = ipv4ToNumber(value);
  }

  get dstIp(): Ipv4 {
    return ipv4FromNumber(this.dst);
  }
  set dstIp(value: Ipv4) {
    this.dst = ipv4ToNumber(value);
  }

  /** A window on the options. */
  options(): Uint8Array {
    return this.bytes.subarray(this.offset + IPV4.SIZE, this.payloadOffset);
  }

  /** What the header checksum has to be. */
  expectedChecksum(): number {
    return checksumFor(this.bytes, this.offset, this.payloadOffset, this.offset + IPV4.CHECKSUM);
  }

  /** One less, checksum updated along (RFC 1624). The TTL is at least 1. */
  decrementTtl(): void {
    const before = read16(this.bytes, this.offset + IPV4.TTL);
    this.ttl -= 1;
    this.checksum = updateChecksum(this.checksum, before, read16(this.bytes, this.offset + IPV4.TTL));
  }
}
