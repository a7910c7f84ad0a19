/**
 * ARP for IPv4 over Ethernet (RFC 826), and reverse ARP, which has the same form (RFC 903); other hardware and protocols are not taken.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-------------------------------+-------------------------------+
 *     |     hardware type = 1         |    protocol type = 0x0800     |
 *     +---------------+---------------+-------------------------------+
 *     |    hlen = 6   |    plen = 4   |           operation           |
 *     +---------------+---------------+-------------------------------+
 *     |                 sender hardware address (sha)                 |
 *     |                               +-------------------------------+
 *     |                               |sender protocol address (spa)  |
 *     +-------------------------------+-------------------------------+
 *     |                               |                               |
 *     +-------------------------------+ target hardware address (tha) |
 *     |                                                               |
 *     +---------------------------------------------------------------+
 *     |                 target protocol address (tpa)                 |
 *     +---------------------------------------------------------------+
 */
import { type Ipv4, ipv4FromNumber, ipv4ToNumber, type Mac, macFromNumber, macToNumber } from './address.ts';
import { read16, read32, read48, write16, write32, write48 } from './bytes.ts';
import { ETHERTYPE } from './ethernet.ts';
import { fits, View } from './view.ts';

export const ARP = {
  HARDWARE_TYPE: 0,
  PROTOCOL_TYPE: 2,
  HARDWARE_LENGTH: 4,
  PROTOCOL_LENGTH: 5,
  OPERATION: 6,
  SHA: 8,
  SPA: 14,
  THA: 18,
  TPA: 24,
  SIZE: 28,
} as const;

export const ARP_OPERATION = { REQUEST: 1, REPLY: 2, REVERSE_REQUEST: 3, REVERSE_REPLY: 4 } as const;

/** The eight bytes before the addresses, without the operation. */
export const ARP_ETHERNET_IPV4 = {
  hardwareType: 1,
  protocolType: ETHERTYPE.IPV4,
  hardwareLength: 6,
  protocolLength: 4,
} as const;

export class ArpView extends View {
  static at(bytes: Uint8Array, offset: number, end = bytes.length): ArpView | undefined {
    if (!fits(bytes, offset, end, ARP.SIZE)) return undefined;
    const kind = ARP_ETHERNET_IPV4;
    if (read16(bytes, offset + ARP.HARDWARE_TYPE) !== kind.hardwareType) return undefined;
    if (read16(bytes, offset + ARP.PROTOCOL_TYPE) !== kind.protocolType) return undefined;
    if (bytes[offset + ARP.HARDWARE_LENGTH] !== kind.hardwareLength) return undefined;
    if (bytes[offset + ARP.PROTOCOL_LENGTH] !== kind.protocolLength) return undefined;
    return new ArpView(bytes, offset, offset + ARP.SIZE);
  }

  get headerLength(): number {
    return ARP.SIZE;
  }

  /** See ARP_OPERATION. */
  get operation(): number {
    return read16(this.bytes, this.offset + ARP.OPERATION);
  }
  set operation(value: number) {
    write16(this.bytes, this.offset + ARP.OPERATION, value);
  }

  get sha(): number {
    return read48(this.bytes, this.offset + ARP.SHA);
  }
  set sha(value: number) {
    write48(this.bytes, this.offset + ARP.SHA, value);
  }

  get spa(): number {
    return read32(this.bytes, this.offset + ARP.SPA);
  }
  set spa(value: number) {
    write32(this.bytes, this.offset + ARP.SPA, value);
  }

  get tha(): number {
    return read48(this.bytes, this.offset + ARP.THA);
  }
  set tha(value: number) {
    write48(this.bytes, this.offset + ARP.THA, value);
  }

  get tpa(): number {
    return read32(this.bytes, this.offset + ARP.TPA);
  }
  set tpa(value: number) {
    write32(this.bytes, this.offset + ARP.TPA, value);
  }

  get senderMac(): Mac {
    return macFromNumber(this.sha);
  }
  set senderMac(value: Mac) {
    this.sha = macToNumber(value);
  }

  get senderIp(): Ipv4 {
    return ipv4FromNumber(this.spa);
  }
  set senderIp(value: Ipv4) {
    this.spa = ipv4ToNumber(value);
  }

  get targetMac(): Mac {
    return macFromNumber(this.tha);
  }
  set targetMac(value: Mac) {
    this.tha = macToNumber(value);
  }

  get targetIp(): Ipv4 {
    return ipv4FromNumber(this.tpa);
  }
  set targetIp(value: Ipv4) {
    this.tpa = ipv4ToNumber(value);
  }
}
