/**
 * UDP (RFC 768; over IPv6 RFC 8200 8.1, RFC 6935).
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-------------------------------+-------------------------------+
 *     |          source port          |       destination port        |
 *     +-------------------------------+-------------------------------+
 *     |            length             |           checksum            |
 *     +-------------------------------+-------------------------------+
 *
 * The length counts header and data. A checksum of 0 means "none"; one that comes out as 0 is sent as 0xffff.
 */
import { read16, write16 } from './bytes.ts';
import { checksumFor, pseudoHeaderSum } from './checksum.ts';
import { IP_PROTOCOL } from './ipv4.ts';
import { fits, View } from './view.ts';

export const UDP = { SPORT: 0, DPORT: 2, LENGTH: 4, CHECKSUM: 6, SIZE: 8 } as const;

/** Well-known ports that are looked into. */
export const UDP_PORT = {
  DNS: 53,
  DHCP_SERVER: 67,
  DHCP_CLIENT: 68,
  DHCP6_CLIENT: 546,
  DHCP6_SERVER: 547,
  BFD: 3784,
  BFD_MULTIHOP: 4784,
  VXLAN: 4789,
  GENEVE: 6081,
} as const;

export class UdpView extends View {
  /** `isFirstFragment`: the length then counts data that come in other fragments, and may go beyond `end`. */
  static at(
    bytes: Uint8Array,
    offset: number,
    end = bytes.length,
    isFirstFragment = false,
  ): UdpView | undefined {
    if (!fits(bytes, offset, end, UDP.SIZE)) return undefined;
    const length = read16(bytes, offset + UDP.LENGTH);
    if (length < UDP.SIZE) return undefined;
    if (length <= end - offset) return new UdpView(bytes, offset, offset + length);
    return isFirstFragment ? new UdpView(bytes, offset, end) : undefined;
  }

  get headerLength(): number {
    return UDP.SIZE;
  }

  get srcPort(): number {
    return read16(this.bytes, this.offset + UDP.SPORT);
  }
  set srcPort(value: number) {
    write16(this.bytes, this.offset + UDP.SPORT, value);
  }

  get dstPort(): number {
    return read16(this.bytes, this.offset + UDP.DPORT);
  }
  set dstPort(value: number) {
    write16(this.bytes, this.offset + UDP.DPORT, value);
  }

  get length(): number {
    return read16(this.bytes, this.offset + UDP.LENGTH);
  }
  set length(value: number) {
    write16(this.bytes, this.offset + UDP.LENGTH, value);
  }

  get checksum(): number {
    return read16(this.bytes, this.offset + UDP.CHECKSUM);
  }
  set checksum(value: number) {
    write16(this.bytes, this.offset + UDP.CHECKSUM, value);
  }

  /** What the checksum has to be under the IP header at `ip`. */
  expectedChecksum(ip: number): number {
    return udpChecksum(this.bytes, ip, this.offset, this.end);
  }
}

/** The checksum of the datagram offset..end under the IP header at `ip`; never 0. */
export function udpChecksum(bytes: Uint8Array, ip: number, offset: number, end: number): number {
  const pseudo = pseudoHeaderSum(bytes, ip, IP_PROTOCOL.UDP, end - offset);
  return checksumFor(bytes, offset, end, offset + UDP.CHECKSUM, pseudo) || 0xffff;
}
