/**
 * ICMP for IPv4 (RFC 792; next-hop MTU RFC 1191).
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +---------------+---------------+-------------------------------+
 *     |     type      |     code      |           checksum            |
 *     +---------------+---------------+-------------------------------+
 *     |  by type:  identifier, sequence  |  0, next-hop MTU  |  0 …    |
 *     +---------------------------------------------------------------+
 *     |   data of the echo, or the IP header that the error is about  |
 */
import { read16, read32, write16, write32 } from './bytes.ts';
import { checksumFor } from './checksum.ts';
import { fits, View } from './view.ts';

export const ICMP = { TYPE: 0, CODE: 1, CHECKSUM: 2, REST: 4, ID: 4, SEQ: 6, MTU: 6, SIZE: 8 } as const;

export const ICMP_TYPE = {
  ECHO_REPLY: 0,
  UNREACHABLE: 3,
  REDIRECT: 5,
  ECHO_REQUEST: 8,
  TIME_EXCEEDED: 11,
} as const;

/** Codes of ICMP_TYPE.UNREACHABLE. */
export const ICMP_UNREACHABLE = { NET: 0, HOST: 1, PORT: 3, FRAGMENTATION_NEEDED: 4 } as const;

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

  get isEcho(): boolean {
    return this.type === ICMP_TYPE.ECHO_REQUEST || this.type === ICMP_TYPE.ECHO_REPLY;
  }

  /** What the checksum has to be. */
  expectedChecksum(): number {
    return checksumFor(this.bytes, this.offset, this.end, this.offset + ICMP.CHECKSUM);
  }
}
