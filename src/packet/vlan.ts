/**
 * The part of a VLAN tag that follows its EtherType (IEEE 802.1Q, 9.6): control information, and the type of what is
 * inside the tag.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-----+-+-----------------------+-------------------------------+
 *     | PCP |D|        VLAN id        |           EtherType           |
 *     +-----+-+-----------------------+-------------------------------+
 *
 * VLAN id 0 is a priority tag: the frame is in no VLAN. 4095 is reserved.
 */
import { read16, write16 } from './bytes.ts';
import { ETHERNET, ETHERTYPE } from './ethernet.ts';
import { fits, View } from './view.ts';

export const VLAN = { TCI: 0, TYPE: 2, SIZE: 4 } as const;

/** Whether an EtherType announces a VLAN tag. */
export function isVlanType(etherType: number): boolean {
  return etherType === ETHERTYPE.VLAN || etherType === ETHERTYPE.SERVICE_VLAN;
}

export class VlanView extends View {
  static at(bytes: Uint8Array, offset: number, end = bytes.length): VlanView | undefined {
    return fits(bytes, offset, end, VLAN.SIZE) ? new VlanView(bytes, offset, end) : undefined;
  }

  get headerLength(): number {
    return VLAN.SIZE;
  }

  /** Tag control information: all 16 bits. */
  get tci(): number {
    return read16(this.bytes, this.offset + VLAN.TCI);
  }
  set tci(value: number) {
    write16(this.bytes, this.offset + VLAN.TCI, value);
  }

  /** 0..4095. */
  get vid(): number {
    return this.tci & 0xfff;
  }
  set vid(value: number) {
    this.tci = (this.tci & 0xf000) | (value & 0xfff);
  }

  /** Priority code point, 0..7. */
  get pcp(): number {
    return this.tci >>> 13;
  }
  set pcp(value: number) {
    this.tci = (this.tci & 0x1fff) | ((value & 7) << 13);
  }

  /** Drop eligible indicator. */
  get dei(): boolean {
    return (this.tci & 0x1000) !== 0;
  }
  set dei(value: boolean) {
    this.tci = (this.tci & 0xefff) | (value ? 0x1000 : 0);
  }

  /** Type of what is inside the tag. */
  get etherType(): number {
    return read16(this.bytes, this.offset + VLAN.TYPE);
  }
  set etherType(value: number) {
    write16(this.bytes, this.offset + VLAN.TYPE, value);
  }
}

/** A copy of the frame with one more tag, the outermost. The frame has at least an Ethernet header. */
export function pushVlan(frame: Uint8Array, tci: number, etherType: number = ETHERTYPE.VLAN): Uint8Array {
  const tagged = new Uint8Array(frame.length + VLAN.SIZE);
  tagged.set(frame.subarray(0, ETHERNET.TYPE));
  write16(tagged, ETHERNET.TYPE, etherType);
  write16(tagged, ETHERNET.SIZE, tci);
  tagged.set(frame.subarray(ETHERNET.TYPE), ETHERNET.SIZE + 2);
  return tagged;
}

/** A copy of the frame without its outermost tag; the frame itself when it has none. */
export function popVlan(frame: Uint8Array): Uint8Array {
  if (!fits(frame, 0, frame.length, ETHERNET.SIZE + VLAN.SIZE)) return frame;
  if (!isVlanType(read16(frame, ETHERNET.TYPE))) return frame;
  const untagged = new Uint8Array(frame.length - VLAN.SIZE);
  untagged.set(frame.subarray(0, ETHERNET.TYPE));
  untagged.set(frame.subarray(ETHERNET.TYPE + VLAN.SIZE), ETHERNET.TYPE);
  return untagged;
}
