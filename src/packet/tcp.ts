/**
 * TCP (RFC 9293).
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-------------------------------+-------------------------------+
 *     |          source port          |       destination port        |
 *     +-------------------------------+-------------------------------+
 *     |                        sequence number                        |
 *     +---------------------------------------------------------------+
 *     |                    acknowledgment number                      |
 *     +-------+-------+---------------+-------------------------------+
 *     |data of| resvd |C E U A P R S F|            window             |
 *     +-------+-------+---------------+-------------------------------+
 *     |           checksum            |        urgent pointer         |
 *     +-------------------------------+-------------------------------+
 *     |            options, data offset * 4 - 20 bytes …              |
 *     +---------------------------------------------------------------+
 */
import { read16, read32, write16, write32 } from './bytes.ts';
import { checksumFor, pseudoHeaderSum } from './checksum.ts';
import { IP_PROTOCOL } from './ipv4.ts';
import { fits, View } from './view.ts';

export const TCP = {
  SPORT: 0,
  DPORT: 2,
  SEQ: 4,
  ACK: 8,
  DATA_OFFSET: 12,
  FLAGS: 13,
  WINDOW: 14,
  CHECKSUM: 16,
  URGENT: 18,
  /** Without options. */
  SIZE: 20,
} as const;

export const TCP_FLAG = { FIN: 1, SYN: 2, RST: 4, PSH: 8, ACK: 16, URG: 32, ECE: 64, CWR: 128 } as const;

export class TcpView extends View {
  static at(bytes: Uint8Array, offset: number, end = bytes.length): TcpView | undefined {
    if (!fits(bytes, offset, end, TCP.SIZE)) return undefined;
    const headerLength = (bytes[offset + TCP.DATA_OFFSET]! >>> 4) * 4;
    if (headerLength < TCP.SIZE || headerLength > end - offset) return undefined;
    return new TcpView(bytes, offset, end);
  }

  get headerLength(): number {
    return (this.bytes[this.offset + TCP.DATA_OFFSET]! >>> 4) * 4;
  }

  get srcPort(): number {
    return read16(this.bytes, this.offset + TCP.SPORT);
  }
  set srcPort(value: number) {
    write16(this.bytes, this.offset + TCP.SPORT, value);
  }

  get dstPort(): number {
    return read16(this.bytes, this.offset + TCP.DPORT);
  }
  set dstPort(value: number) {
    write16(this.bytes, this.offset + TCP.DPORT, value);
  }

  get seq(): number {
    return read32(this.bytes, this.offset + TCP.SEQ);
  }
  set seq(value: number) {
    write32(this.bytes, this.offset + TCP.SEQ, value);
  }

  get ack(): number {
    return read32(this.bytes, this.offset + TCP.ACK);
  }
  set ack(value: number) {
    write32(this.bytes, this.offset + TCP.ACK, value);
  }

  /** The four bits between data offset and flags. */
  get reserved(): number {
    return this.bytes[this.offset + TCP.DATA_OFFSET]! & 15;
  }

  /** See TCP_FLAG. */
  get flags(): number {
    return this.bytes[this.offset + TCP.FLAGS]!;
  }
  set flags(value: number) {
    this.bytes[this.offset + TCP.FLAGS] = value;
  }

  get window(): number {
    return read16(this.bytes, this.offset + TCP.WINDOW);
  }
  set window(value: number) {
    write16(this.bytes, this.offset + TCP.WINDOW, value);
  }

  get checksum(): number {
    return read16(this.bytes, this.offset + TCP.CHECKSUM);
  }
  set checksum(value: number) {
    write16(this.bytes, this.offset + TCP.CHECKSUM, value);
  }

  get urgent(): number {
    return read16(this.bytes, this.offset + TCP.URGENT);
  }
  set urgent(value: number) {
    write16(this.bytes, this.offset + TCP.URGENT, value);
  }

  /** A window on the options. */
  options(): Uint8Array {
    return this.bytes.subarray(this.offset + TCP.SIZE, this.payloadOffset);
  }

  /** What the checksum has to be under the IP header at `ip`. */
  expectedChecksum(ip: number): number {
    return tcpChecksum(this.bytes, ip, this.offset, this.end);
  }
}

/** The checksum of the segment offset..end under the IP header at `ip`. */
export function tcpChecksum(bytes: Uint8Array, ip: number, offset: number, end: number): number {
  const pseudo = pseudoHeaderSum(bytes, ip, IP_PROTOCOL.TCP, end - offset);
  return checksumFor(bytes, offset, end, offset + TCP.CHECKSUM, pseudo);
}
