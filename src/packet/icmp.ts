/**
 * ICMP for IPv4 (RFC 792; next-hop MTU RFC 1191, router discovery RFC 1256, codes RFC 1812).
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +---------------+---------------+-------------------------------+
 *     |     type      |     code      |           checksum            |
 *     +---------------+---------------+-------------------------------+
 *     | by type:  identifier, sequence | 0, next-hop MTU | gateway | pointer, 0 | 0 |
 *     +---------------------------------------------------------------+
 *     |   data of the echo, or the packet that the error is about     |
 *     |   timestamps: originate, receive, transmit (4 each)           |
 */
import { type Ipv4, ipv4FromNumber, ipv4ToNumber } from './address.ts';
import { read16, read32, write16, write32 } from './bytes.ts';
import { checksumFor } from './checksum.ts';
import { type QuotedPacket, quotedPacket } from './quote.ts';
import { fits, View } from './view.ts';

export const ICMP = {
  TYPE: 0,
  CODE: 1,
  CHECKSUM: 2,
  REST: 4,
  ID: 4,
  SEQ: 6,
  /** Of "fragmentation needed". */
  MTU: 6,
  /** Of a redirect. */
  GATEWAY: 4,
  /** Of a parameter problem. */
  POINTER: 4,
  SIZE: 8,
} as const;

export const ICMP_TYPE = {
  ECHO_REPLY: 0,
  UNREACHABLE: 3,
  /** Deprecated (RFC 6633). */
  SOURCE_QUENCH: 4,
  REDIRECT: 5,
  ECHO_REQUEST: 8,
  ROUTER_ADVERTISEMENT: 9,
  ROUTER_SOLICITATION: 10,
  TIME_EXCEEDED: 11,
  PARAMETER_PROBLEM: 12,
  TIMESTAMP: 13,
  TIMESTAMP_REPLY: 14,
} as const;

/** Codes of ICMP_TYPE.UNREACHABLE; 9, 10 and 13: somebody forbids it (RFC 1812, 5.2.7.1). */
export const ICMP_UNREACHABLE = {
  NET: 0,
  HOST: 1,
  PROTOCOL: 2,
  PORT: 3,
  FRAGMENTATION_NEEDED: 4,
  SOURCE_ROUTE_FAILED: 5,
  NET_PROHIBITED: 9,
  HOST_PROHIBITED: 10,
  PROHIBITED: 13,
} as const;

/** The types that report on a packet, and quote it. */
const ERRORS: readonly number[] = [
  ICMP_TYPE.UNREACHABLE,
  ICMP_TYPE.SOURCE_QUENCH,
  ICMP_TYPE.REDIRECT,
  ICMP_TYPE.TIME_EXCEEDED,
  ICMP_TYPE.PARAMETER_PROBLEM,
];

export class IcmpView extends View {
  static at(bytes: Uint8Array, offset: number, end = bytes.length): IcmpView | undefined {
    return fits(bytes, offset, end, ICMP.SIZE) ? new IcmpView(bytes, offset, end) : undefined;
  }

  get headerLength(): number {
    return ICMP.SIZE;
  }

  /** See ICMP_TYPE. */
  get type(): number {
    return this.bytes[this.offset + ICMP.TYPE]!;
  }
  set type(value: number) {
    this.bytes[this.offset + ICMP.TYPE] = value;
  }

  get code(): number {
    return this.bytes[this.offset + ICMP.CODE]!;
  }
  set code(value: number) {
    this.bytes[this.offset + ICMP.CODE] = value;
  }

  get checksum(): number {
    return read16(this.bytes, this.offset + ICMP.CHECKSUM);
  }
  set checksum(value: number) {
    write16(this.bytes, this.offset + ICMP.CHECKSUM, value);
  }

  /** The four bytes behind the checksum, whatever they mean. */
  get rest(): number {
    return read32(this.bytes, this.offset + ICMP.REST);
  }
  set rest(value: number) {
    write32(this.bytes, this.offset + ICMP.REST, value);
  }

  /** Of an echo. */
  get id(): number {
    return read16(this.bytes, this.offset + ICMP.ID);
  }
  set id(value: number) {
    write16(this.bytes, this.offset + ICMP.ID, value);
  }

  /** Of an echo. */
  get seq(): number {
    return read16(this.bytes, this.offset + ICMP.SEQ);
  }
  set seq(value: number) {
    write16(this.bytes, this.offset + ICMP.SEQ, value);
  }

  /** Of "fragmentation needed": what the next link takes, in bytes of IP packet. */
  get mtu(): number {
    return read16(this.bytes, this.offset + ICMP.MTU);
  }
  set mtu(value: number) {
    write16(this.bytes, this.offset + ICMP.MTU, value);
  }

  /** Of a redirect: the better first hop. */
  get gateway(): Ipv4 {
    return ipv4FromNumber(this.rest);
  }
  set gateway(value: Ipv4) {
    this.rest = ipv4ToNumber(value);
  }

  /** Of a parameter problem: the byte of the quoted packet where it is. */
  get pointer(): number {
    return this.bytes[this.offset + ICMP.POINTER]!;
  }
  set pointer(value: number) {
    this.bytes[this.offset + ICMP.POINTER] = value;
  }

  get isEcho(): boolean {
    return this.type === ICMP_TYPE.ECHO_REQUEST || this.type === ICMP_TYPE.ECHO_REPLY;
  }

  get isError(): boolean {
    return ERRORS.includes(this.type);
  }

  /** The packet that an error is about; undefined for other types, and where no whole IP header came back. */
  quoted(): QuotedPacket | undefined {
    return this.isError ? quotedPacket(this.bytes, this.payloadOffset, this.end) : undefined;
  }

  /** What the checksum has to be. */
  expectedChecksum(): number {
    return checksumFor(this.bytes, this.offset, this.end, this.offset + ICMP.CHECKSUM);
  }
}
