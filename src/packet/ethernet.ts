/**
 * Ethernet II and IEEE 802.3 (RFC 894, RFC 1042); the frame check sequence is not part of our frames.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +---------------------------------------------------------------+
 *     |                      destination address                      |
 *     |                               +-------------------------------+
 *     |                               |                               |
 *     +-------------------------------+        source address         |
 *     |                                                               |
 *     +-------------------------------+-------------------------------+
 *     |           EtherType           |           payload …
 *     +-------------------------------+
 *
 * An EtherType up to 1500 is a length: that of what follows, which then is LLC (llc.ts).
 */
import { type Mac, macFromNumber, macToNumber } from './address.ts';
import { read16, read48, write16, write48 } from './bytes.ts';
import { fits, View } from './view.ts';

export const ETHERNET = { DST: 0, SRC: 6, TYPE: 12, SIZE: 14 } as const;

/** EtherTypes (IANA "IEEE 802 numbers"). */
export const ETHERTYPE = {
  IPV4: 0x0800,
  ARP: 0x0806,
  /** Reverse ARP (RFC 903): hypervisors announce with it where a virtual machine has moved to. */
  RARP: 0x8035,
  /** Transparent Ethernet Bridging: a whole frame, in GRE (RFC 1701, RFC 7637). */
  TEB: 0x6558,
  /** 802.1Q customer tag. */
  VLAN: 0x8100,
  IPV6: 0x86dd,
  /** Slow protocols (IEEE 802.3, annex 57A): LACP. */
  SLOW: 0x8809,
  /** 802.1ad service tag. */
  SERVICE_VLAN: 0x88a8,
  LLDP: 0x88cc,
  /** IEEE 802 local experimental EtherType 1: for frames whose content means nothing. */
  EXPERIMENTAL: 0x88b5,
} as const;

export class EthernetView extends View {
  static at(bytes: Uint8Array, offset: number, end = bytes.length): EthernetView | undefined {
    return fits(bytes, offset, end, ETHERNET.SIZE) ? new EthernetView(bytes, offset, end) : undefined;
  }

  get headerLength(): number {
    return ETHERNET.SIZE;
  }

  /** 48 bits. */
  get dst(): number {
    return read48(this.bytes, this.offset + ETHERNET.DST);
  }
  set dst(value: number) {
    write48(this.bytes, this.offset + ETHERNET.DST, value);
  }

  get src(): number {
    return read48(this.bytes, this.offset + ETHERNET.SRC);
  }
  set src(value: number) {
    write48(this.bytes, this.offset + ETHERNET.SRC, value);
  }

  get dstMac(): Mac {
    return macFromNumber(this.dst);
  }
  set dstMac(value: Mac) {
    this.dst = macToNumber(value);
  }

  get srcMac(): Mac {
    return macFromNumber(this.src);
  }
  set srcMac(value: Mac) {
    this.src = macToNumber(value);
  }

  get etherType(): number {
    return read16(this.bytes, this.offset + ETHERNET.TYPE);
  }
  set etherType(value: number) {
    write16(this.bytes, this.offset + ETHERNET.TYPE, value);
  }
}
