/**
 * GRE (RFC 2784, key and sequence number RFC 2890), and what NVGRE (RFC 7637) makes of the key.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-----------------+-----+-------------------------------+
 *     |C| |K|S|   reserved0     | ver |         protocol type         |
 *     +-+-+-+-+-----------------+-----+-------------------------------+
 *     |      checksum (if C)          |       reserved1 (if C)        |
 *     +-------------------------------+-------------------------------+
 *     |                           key (if K)                          |
 *     |        NVGRE: VSID (24 bits)                  | FlowID (8)    |
 *     +---------------------------------------------------------------+
 *     |                     sequence number (if S)                    |
 *     +---------------------------------------------------------------+
 *
 * NVGRE: C and S are 0, K is 1, the protocol type is 0x6558 and the payload a whole Ethernet frame.
 */
import { read16, read32, write16, write32 } from './bytes.ts';
import { checksumFor } from './checksum.ts';
import { ETHERTYPE } from './ethernet.ts';
import { fits, View } from './view.ts';

export const GRE = { FLAGS: 0, PROTOCOL: 2, OPTIONAL: 4, SIZE: 4 } as const;

export const GRE_FLAG = { CHECKSUM: 0x8000, KEY: 0x2000, SEQUENCE: 0x1000 } as const;

/** Bits 1, 4, 5 and the version: a packet that has one of these set must be discarded (RFC 2784, 2.3, 2.3.1). */
const REFUSED = 0x4000 | 0x0800 | 0x0400 | 0x0007;

/** Header length for a flags word. */
export function greLength(flags: number): number {
  const optional = (bit: number) => ((flags & bit) === 0 ? 0 : 4);
  return GRE.SIZE + optional(GRE_FLAG.CHECKSUM) + optional(GRE_FLAG.KEY) + optional(GRE_FLAG.SEQUENCE);
}

/** The key of NVGRE: VSID (24 bits) and FlowID (8 bits). */
export function nvgreKey(vsid: number, flowId: number): number {
  return (((vsid & 0xffffff) << 8) | (flowId & 0xff)) >>> 0;
}

export class GreView extends View {
  static at(bytes: Uint8Array, offset: number, end = bytes.length): GreView | undefined {
    if (!fits(bytes, offset, end, GRE.SIZE)) return undefined;
    const flags = read16(bytes, offset + GRE.FLAGS);
    if ((flags & REFUSED) !== 0 || greLength(flags) > end - offset) return undefined;
    return new GreView(bytes, offset, end);
  }

  get headerLength(): number {
    return greLength(this.flags);
  }

  /** The first 16 bits: see GRE_FLAG. */
  get flags(): number {
    return read16(this.bytes, this.offset + GRE.FLAGS);
  }

  /** EtherType of the payload. */
  get protocolType(): number {
    return read16(this.bytes, this.offset + GRE.PROTOCOL);
  }
  set protocolType(value: number) {
    write16(this.bytes, this.offset + GRE.PROTOCOL, value);
  }

  /** Checksum and reserved1 together; undefined without. */
  get checksumWord(): number | undefined {
    return this.flags & GRE_FLAG.CHECKSUM ? read32(this.bytes, this.offset + GRE.OPTIONAL) : undefined;
  }

  /** Undefined without. */
  get key(): number | undefined {
    return this.flags & GRE_FLAG.KEY ? read32(this.bytes, this.#keyOffset()) : undefined;
  }
  /** Without effect on a header without a key. */
  set key(value: number) {
    if (this.flags & GRE_FLAG.KEY) write32(this.bytes, this.#keyOffset(), value);
  }

  /** Upper 24 bits of the key; undefined without. */
  get vsid(): number | undefined {
    const key = this.key;
    return key === undefined ? undefined : key >>> 8;
  }

  /** Lower 8 bits of the key; undefined without. */
  get flowId(): number | undefined {
    const key = this.key;
    return key === undefined ? undefined : key & 0xff;
  }

  /** Undefined without. */
  get sequence(): number | undefined {
    if ((this.flags & GRE_FLAG.SEQUENCE) === 0) return undefined;
    return read32(this.bytes, this.payloadOffset - 4);
  }

  /** Whether this is NVGRE as RFC 7637 3.2 has it. */
  get isNvgre(): boolean {
    return this.flags === GRE_FLAG.KEY && this.protocolType === ETHERTYPE.TEB;
  }

  /** What the checksum has to be; of use only with one. */
  expectedChecksum(): number {
    return greChecksum(this.bytes, this.offset, this.end);
  }

  #keyOffset(): number {
    return this.offset + GRE.OPTIONAL + (this.flags & GRE_FLAG.CHECKSUM ? 4 : 0);
  }
}

/** The checksum of header and payload offset..end. */
export function greChecksum(bytes: Uint8Array, offset: number, end: number): number {
  return checksumFor(bytes, offset, end, offset + GRE.OPTIONAL);
}
