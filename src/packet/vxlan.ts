/**
 * VXLAN (RFC 7348, section 5): over UDP port 4789, followed by a whole Ethernet frame.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-----------------------------------------------+
 *     |R|R|R|R|I|R|R|R|                   reserved                    |
 *     +-+-+-+-+-+-+-+-+-------------------------------+---------------+
 *     |       VXLAN network identifier (VNI)          |   reserved    |
 *     +-----------------------------------------------+---------------+
 *
 * I must be 1; reserved bits are sent as 0 and not looked at.
 */
import { read24, read32, write24 } from './bytes.ts';
import { fits, View } from './view.ts';

export const VXLAN = { FLAGS: 0, VNI: 4, SIZE: 8 } as const;

/** The I flag, in the first byte: the VNI is valid. */
export const VXLAN_FLAG = { VNI: 0x08 } as const;

export class VxlanView extends View {
  static at(bytes: Uint8Array, offset: number, end = bytes.length): VxlanView | undefined {
    if (!fits(bytes, offset, end, VXLAN.SIZE)) return undefined;
    return bytes[offset]! & VXLAN_FLAG.VNI ? new VxlanView(bytes, offset, end) : undefined;
  }

  get headerLength(): number {
    return VXLAN.SIZE;
  }

  /** The first 32 bits: flags and reserved. */
  get flagsWord(): number {
    return read32(this.bytes, this.offset + VXLAN.FLAGS);
  }

  /** 24 bits. */
  get vni(): number {
    return read24(this.bytes, this.offset + VXLAN.VNI);
  }
  set vni(value: number) {
    write24(this.bytes, this.offset + VXLAN.VNI, value);
  }

  /** The last byte. */
  get reserved(): number {
    return this.bytes[this.offset + VXLAN.VNI + 3]!;
  }
}
