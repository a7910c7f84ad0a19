/**
 * What follows an EtherType that is a length: LLC (IEEE 802.2), and SNAP (IEEE 802, 9.4; RFC 1042) behind it.
 *
 *     LLC                                           SNAP
 *     +---------------+---------------+----------+  +-----------------------------------+-------------------+
 *     |     DSAP      |     SSAP      | control  |  | organization (24 bits)            | protocol (16)     |
 *     +---------------+---------------+----------+  +-----------------------------------+-------------------+
 *
 * Control has one byte when its two lowest bits are 1 (an unnumbered frame), otherwise two; as a number its first
 * byte is the low one. DSAP and SSAP 0xaa with control 3 announce SNAP. In SNAP with organization 0 the protocol is an
 * EtherType.
 */
import { read16, read24, write16, write24 } from './bytes.ts';
import { fits, View } from './view.ts';

export const LLC = { DSAP: 0, SSAP: 1, CONTROL: 2, SIZE: 3 } as const;

/** Service access points, and the control field of "unnumbered information". */
export const LLC_SAP = { SNAP: 0xaa, SPANNING_TREE: 0x42 } as const;
export const LLC_UNNUMBERED = 3;

/** The highest EtherType field that is a length (IEEE 802.3, 3.2.6). */
export const LONGEST_802_3 = 1500;

export const SNAP = { ORGANIZATION: 0, PROTOCOL: 3, SIZE: 5 } as const;

/** Bytes of the control field, from its first byte. */
export function llcControlSize(first: number): 1 | 2 {
  return (first & 3) === 3 ? 1 : 2;
}

export class LlcView extends View {
  static at(bytes: Uint8Array, offset: number, end = bytes.length): LlcView | undefined {
    if (!fits(bytes, offset, end, LLC.SIZE)) return undefined;
    const size = LLC.CONTROL + llcControlSize(bytes[offset + LLC.CONTROL]!);
    return size <= end - offset ? new LlcView(bytes, offset, end) : undefined;
  }

  get headerLength(): number {
    return LLC.CONTROL + llcControlSize(this.bytes[this.offset + LLC.CONTROL]!);
  }

  get dsap(): number {
    return this.bytes[this.offset + LLC.DSAP]!;
  }
  set dsap(value: number) {
    this.bytes[this.offset + LLC.DSAP] = value;
  }

  get ssap(): number {
    return this.bytes[this.offset + LLC.SSAP]!;
  }
  set ssap(value: number) {
    this.bytes[this.offset + LLC.SSAP] = value;
  }

  /** One byte or two, the first one the low one. */
  get control(): number {
    const at = this.offset + LLC.CONTROL;
    const first = this.bytes[at]!;
    return llcControlSize(first) === 1 ? first : first | (this.bytes[at + 1]! << 8);
  }

  /** Whether a SNAP header follows. */
  get isSnap(): boolean {
    return this.dsap === LLC_SAP.SNAP && this.ssap === LLC_SAP.SNAP && this.control === LLC_UNNUMBERED;
  }
}

export class SnapView extends View {
  static at(bytes: Uint8Array, offset: number, end = bytes.length): SnapView | undefined {
    return fits(bytes, offset, end, SNAP.SIZE) ? new SnapView(bytes, offset, end) : undefined;
  }

  get headerLength(): number {
    return SNAP.SIZE;
  }

  /** 24 bits; 0 = the protocol is an EtherType. */
  get organization(): number {
    return read24(this.bytes, this.offset + SNAP.ORGANIZATION);
  }
  set organization(value: number) {
    write24(this.bytes, this.offset + SNAP.ORGANIZATION, value);
  }

  get protocol(): number {
    return read16(this.bytes, this.offset + SNAP.PROTOCOL);
  }
  set protocol(value: number) {
    write16(this.bytes, this.offset + SNAP.PROTOCOL, value);
  }
}
