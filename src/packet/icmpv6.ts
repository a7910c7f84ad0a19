/**
 * ICMPv6 (RFC 4443) and Neighbor Discovery (RFC 4861, router preference RFC 4191; what options mean: nd-options.ts).
 * Multicast Listener Discovery has a view of its own, mld.ts.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +---------------+---------------+-------------------------------+
 *     |     type      |     code      |           checksum            |
 *     +---------------+---------------+-------------------------------+
 *     | by type:  id, seq | MTU | 0 | R S O 0 | hop limit, M O, lifetime |
 *     +---------------------------------------------------------------+
 *     | NS, NA: target (16)   RA: reachable (4), retrans (4)   redirect: target (16), destination (16) |
 *     +---------------+---------------+-------------------------------+
 *     | ND options:  type | length in 8 bytes, never 0 | …            |
 */
import { type Ipv6, ipv6FromBigint, ipv6ToBigint, type Mac, macFromNumber, macToNumber } from './address.ts';
import { read16, read32, read48, read128, write16, write32, write48, write128 } from './bytes.ts';
import { checksumFor, pseudoHeaderSum } from './checksum.ts';
import { IP_PROTOCOL } from './ipv4.ts';
import type { OptionType } from './option.ts';
import { type QuotedPacket, quotedPacket } from './quote.ts';
import { fits, View } from './view.ts';

export const ICMPV6 = {
  TYPE: 0,
  CODE: 1,
  CHECKSUM: 2,
  REST: 4,
  ID: 4,
  SEQ: 6,
  SIZE: 8,
  /** Of solicitation, advertisement and redirect. */
  TARGET: 8,
  /** Of a redirect. */
  DESTINATION: 24,
  /** Of a router advertisement. */
  HOP_LIMIT: 4,
  ROUTER_FLAGS: 5,
  LIFETIME: 6,
  REACHABLE: 8,
  RETRANS: 12,
} as const;

export const ICMPV6_TYPE = {
  UNREACHABLE: 1,
  PACKET_TOO_BIG: 2,
  TIME_EXCEEDED: 3,
  PARAMETER_PROBLEM: 4,
  ECHO_REQUEST: 128,
  ECHO_REPLY: 129,
  /** Multicast Listener Discovery: mld.ts. */
  MLD_QUERY: 130,
  MLD_REPORT: 131,
  MLD_DONE: 132,
  ROUTER_SOLICITATION: 133,
  ROUTER_ADVERTISEMENT: 134,
  NEIGHBOR_SOLICITATION: 135,
  NEIGHBOR_ADVERTISEMENT: 136,
  REDIRECT: 137,
  MLD2_REPORT: 143,
} as const;

/** Codes of ICMPV6_TYPE.UNREACHABLE (RFC 4443, 3.1). */
export const ICMPV6_UNREACHABLE = {
  NO_ROUTE: 0,
  PROHIBITED: 1,
  BEYOND_SCOPE: 2,
  ADDRESS: 3,
  PORT: 4,
  SOURCE_POLICY: 5,
  REJECT_ROUTE: 6,
} as const;

/** In `rest` of a neighbor advertisement. */
export const NEIGHBOR_FLAG = { ROUTER: 0x80000000, SOLICITED: 0x40000000, OVERRIDE: 0x20000000 } as const;

/** In the flags of a router advertisement. */
export const ROUTER_FLAG = { MANAGED: 0x80, OTHER: 0x40 } as const;
/** The two bits of the flags that say how a router compares with others (RFC 4191, 2.2), from the lower one. */
export const ROUTER_PREFERENCE_SHIFT = 3;

/** What a router advertisement says before its options. */
export interface RouterAdvertisement {
  /** For packets of hosts; 0 = not said. */
  readonly hopLimit: number;
  /** M: addresses by DHCPv6. */
  readonly managed: boolean;
  /** O: other configuration by DHCPv6. */
  readonly other: boolean;
  /** 0 = medium, 1 = high, 3 = low; 2 is reserved, and to be taken for medium. */
  readonly preference: number;
  /** Seconds for which it is a default router; 0 = it is none. */
  readonly lifetime: number;
  /** Milliseconds for which a neighbour counts as reachable; 0 = not said. */
  readonly reachable: number;
  /** Milliseconds between solicitations; 0 = not said. */
  readonly retrans: number;
}

/** What they mean: nd-options.ts. */
export const ND_OPTION = {
  SOURCE_LINK: 1,
  TARGET_LINK: 2,
  PREFIX: 3,
  REDIRECTED: 4,
  MTU: 5,
  NONCE: 14,
  ROUTE: 24,
  RDNSS: 25,
  DNSSL: 31,
} as const;

/** One Neighbor Discovery option: `length` bytes from `offset`, type and length included. */
export interface NdOption {
  readonly type: number;
  readonly offset: number;
  readonly length: number;
}

/** Bytes before the options of a Neighbor Discovery message; undefined for any other type. */
export function ndHeaderLength(type: number): number | undefined {
  switch (type) {
    case ICMPV6_TYPE.ROUTER_SOLICITATION:
      return 8;
    case ICMPV6_TYPE.ROUTER_ADVERTISEMENT:
      return 16;
    case ICMPV6_TYPE.NEIGHBOR_SOLICITATION:
    case ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT:
      return 24;
    case ICMPV6_TYPE.REDIRECT:
      return 40;
    default:
      return undefined;
  }
}

export class Icmpv6View extends View {
  /** A Neighbor Discovery message with a length that does not hold is none: it "MUST" be discarded (RFC 4861, 6.1, 7.1). */
  static at(bytes: Uint8Array, offset: number, end = bytes.length): Icmpv6View | undefined {
    if (!fits(bytes, offset, end, ICMPV6.SIZE)) return undefined;
    const nd = ndHeaderLength(bytes[offset + ICMPV6.TYPE]!);
    if (nd !== undefined && (nd > end - offset || !readNdOptions(bytes, offset + nd, end))) return undefined;
    return new Icmpv6View(bytes, offset, end);
  }

  /** Of a Neighbor Discovery message: up to its options. */
  get headerLength(): number {
    return ndHeaderLength(this.type) ?? ICMPV6.SIZE;
  }

  /** See ICMPV6_TYPE. */
  get type(): number {
    return this.bytes[this.offset + ICMPV6.TYPE]!;
  }

  get code(): number {
    return this.bytes[this.offset + ICMPV6.CODE]!;
  }
  set code(value: number) {
    this.bytes[this.offset + ICMPV6.CODE] = value;
  }

  get checksum(): number {
    return read16(this.bytes, this.offset + ICMPV6.CHECKSUM);
  }
  set checksum(value: number) {
    write16(this.bytes, this.offset + ICMPV6.CHECKSUM, value);
  }

  /** The four bytes behind the checksum, whatever they mean. */
  get rest(): number {
    return read32(this.bytes, this.offset + ICMPV6.REST);
  }
  set rest(value: number) {
    write32(this.bytes, this.offset + ICMPV6.REST, value);
  }

  get isEcho(): boolean {
    return this.type === ICMPV6_TYPE.ECHO_REQUEST || this.type === ICMPV6_TYPE.ECHO_REPLY;
  }

  /** Of an echo. */
  get id(): number {
    return read16(this.bytes, this.offset + ICMPV6.ID);
  }
  set id(value: number) {
    write16(this.bytes, this.offset + ICMPV6.ID, value);
  }

  /** Of an echo. */
  get seq(): number {
    return read16(this.bytes, this.offset + ICMPV6.SEQ);
  }
  set seq(value: number) {
    write16(this.bytes, this.offset + ICMPV6.SEQ, value);
  }

  /** The address that a solicitation, advertisement or redirect is about; undefined for other types. */
  get targetIp(): Ipv6 | undefined {
    return this.#hasTarget() ? ipv6FromBigint(read128(this.bytes, this.offset + ICMPV6.TARGET)) : undefined;
  }
  /** Without effect on a type that has no target. */
  set targetIp(value: Ipv6) {
    if (this.#hasTarget()) write128(this.bytes, this.offset + ICMPV6.TARGET, ipv6ToBigint(value));
  }

  /** What a router advertisement says before its options; undefined for other types. */
  router(): RouterAdvertisement | undefined {
    if (this.type !== ICMPV6_TYPE.ROUTER_ADVERTISEMENT) return undefined;
    const { bytes, offset } = this;
    const flags = bytes[offset + ICMPV6.ROUTER_FLAGS]!;
    return {
      hopLimit: bytes[offset + ICMPV6.HOP_LIMIT]!,
      managed: (flags & ROUTER_FLAG.MANAGED) !== 0,
      other: (flags & ROUTER_FLAG.OTHER) !== 0,
      preference: (flags >>> ROUTER_PREFERENCE_SHIFT) & 3,
      lifetime: read16(bytes, offset + ICMPV6.LIFETIME),
      reachable: read32(bytes, offset + ICMPV6.REACHABLE),
      retrans: read32(bytes, offset + ICMPV6.RETRANS),
    };
  }

  /** The options of a Neighbor Discovery message; none for other types. */
  options(): readonly NdOption[] {
    const nd = ndHeaderLength(this.type);
    return nd === undefined ? [] : (readNdOptions(this.bytes, this.offset + nd, this.end) ?? []);
  }

  /** The link-layer address option: ND_OPTION.SOURCE_LINK or TARGET_LINK. */
  linkAddress(option: number): Mac | undefined {
    const found = this.options().find((o) => o.type === option && o.length === 8);
    return found && macFromNumber(read48(this.bytes, found.offset + 2));
  }

  /** The value of the first option of this type (ND_VALUE); undefined when there is none, or it has another form. */
  read<T>(type: OptionType<T>): T | undefined {
    const [found] = this.readAll(type);
    return found;
  }

  /** The values of all options of this type that have its form. */
  readAll<T>(type: OptionType<T>): readonly T[] {
    return this.options()
      .filter((o) => o.type === type.code)
      .map((o) => type.decode(this.bytes.subarray(o.offset + 2, o.offset + o.length)))
      .filter((value) => value !== undefined);
  }

  /** Whether the message reports on a packet: types below 128 (RFC 4443, 2.1). */
  get isError(): boolean {
    return this.type < 128;
  }

  /** The packet that an error is about; undefined for other types, and where no whole IPv6 header came back. */
  quoted(): QuotedPacket | undefined {
    return this.isError ? quotedPacket(this.bytes, this.payloadOffset, this.end) : undefined;
  }

  /** What the checksum has to be under the IPv6 header at `ip`. */
  expectedChecksum(ip: number): number {
    return icmpv6Checksum(this.bytes, ip, this.offset, this.end);
  }

  #hasTarget(): boolean {
    return (ndHeaderLength(this.type) ?? 0) >= 24;
  }
}

/** The checksum of the message offset..end under the IPv6 header at `ip`. */
export function icmpv6Checksum(bytes: Uint8Array, ip: number, offset: number, end: number): number {
  const pseudo = pseudoHeaderSum(bytes, ip, IP_PROTOCOL.ICMPV6, end - offset);
  return checksumFor(bytes, offset, end, offset + ICMPV6.CHECKSUM, pseudo);
}

/** Undefined when a length is 0 or goes beyond the end. */
function readNdOptions(bytes: Uint8Array, offset: number, end: number): readonly NdOption[] | undefined {
  const options: NdOption[] = [];
  while (offset < end) {
    if (end - offset < 8) return undefined;
    const length = bytes[offset + 1]! * 8;
    if (length === 0 || length > end - offset) return undefined;
    options.push({ type: bytes[offset]!, offset, length });
    offset += length;
  }
  return options;
}

/** A source or target link-layer address option (RFC 4861, 4.6.1). */
export function linkAddressOption(type: number, address: Mac): Uint8Array {
  const option = new Uint8Array(8);
  option[0] = type;
  option[1] = 1;
  write48(option, 2, macToNumber(address));
  return option;
}
