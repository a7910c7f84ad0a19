/**
 * Geneve (RFC 8926, 3.4): over UDP port 6081, followed by what the protocol type says, mostly a whole Ethernet frame.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +---+-----------+-+-+-----------+-------------------------------+
 *     |ver|  opt len  |O|C|     0     |         protocol type         |
 *     +---+-----------+-+-+-----------+---------------+---------------+
 *     |        virtual network identifier (VNI)       |       0       |
 *     +-----------------------------------------------+---------------+
 *     |         option class          |C|    type     |  0  | length  |   opt len in 4 bytes: the options;
 *     +-------------------------------+-+-------------+-----+---------+   length in 4 bytes: the data of one
 *     |                            data …                             |
 *
 * O: a control packet. C of the header: some option is critical, which is what C of an option means: who does not
 * know it has to drop the packet.
 */
import { read16, read24, write16, write24 } from './bytes.ts';
import { type Option, type OptionLimits, type OptionNotation, optionNotation } from './option.ts';
import { fits, View } from './view.ts';

export const GENEVE = { LENGTH: 0, FLAGS: 1, PROTOCOL: 2, VNI: 4, RESERVED: 7, SIZE: 8 } as const;

export const GENEVE_FLAG = { CONTROL: 0x80, CRITICAL: 0x40 } as const;

/** Bit C in the code of an option: class * 256 + C and type. */
export const GENEVE_CRITICAL_OPTION = 0x80;

/** What an option can be. */
export const GENEVE_LIMITS: OptionLimits = { lowest: 0, highest: 0xffffff, longest: 124, unit: 4 };

/** `o66176=00000001`: class 0x0102, C, type 0. Nobody has registered meanings that we know. */
export const GENEVE_NOTATION: OptionNotation = optionNotation([], GENEVE_LIMITS);

/** Offsets within an option. */
const OPTION = { CODE: 0, LENGTH: 3, SIZE: 4 } as const;

export class GeneveView extends View {
  /** Undefined also for other versions than 0, and options whose lengths do not hold (RFC 8926, 3.4 and 3.5). */
  static at(bytes: Uint8Array, offset: number, end = bytes.length): GeneveView | undefined {
    if (!fits(bytes, offset, end, GENEVE.SIZE)) return undefined;
    const first = bytes[offset + GENEVE.LENGTH]!;
    const optionsEnd = offset + GENEVE.SIZE + 4 * (first & 0x3f);
    if (first >>> 6 !== 0 || optionsEnd > end) return undefined;
    return readOptions(bytes, offset + GENEVE.SIZE, optionsEnd)
      ? new GeneveView(bytes, offset, end)
      : undefined;
  }

  /** With all options. */
  get headerLength(): number {
    return GENEVE.SIZE + 4 * (this.bytes[this.offset + GENEVE.LENGTH]! & 0x3f);
  }

  /** O: not data, but a message between the ends of the tunnel. */
  get control(): boolean {
    return this.#flag(GENEVE_FLAG.CONTROL);
  }
  set control(value: boolean) {
    this.#setFlag(GENEVE_FLAG.CONTROL, value);
  }

  /** C: some option is critical. */
  get critical(): boolean {
    return this.#flag(GENEVE_FLAG.CRITICAL);
  }
  set critical(value: boolean) {
    this.#setFlag(GENEVE_FLAG.CRITICAL, value);
  }

  /** EtherType of the payload. */
  get protocolType(): number {
    return read16(this.bytes, this.offset + GENEVE.PROTOCOL);
  }
  set protocolType(value: number) {
    write16(this.bytes, this.offset + GENEVE.PROTOCOL, value);
  }

  /** 24 bits. */
  get vni(): number {
    return read24(this.bytes, this.offset + GENEVE.VNI);
  }
  set vni(value: number) {
    write24(this.bytes, this.offset + GENEVE.VNI, value);
  }

  /** In order. The code is class * 256 + C and type: 24 bits. */
  options(): readonly Option[] {
    return readOptions(this.bytes, this.offset + GENEVE.SIZE, this.payloadOffset) ?? [];
  }

  #flag(bit: number): boolean {
    return (this.bytes[this.offset + GENEVE.FLAGS]! & bit) !== 0;
  }

  #setFlag(bit: number, value: boolean): void {
    const at = this.offset + GENEVE.FLAGS;
    this.bytes[at] = value ? this.bytes[at]! | bit : this.bytes[at]! & ~bit;
  }
}

/** Undefined when a length goes beyond the end. */
function readOptions(bytes: Uint8Array, offset: number, end: number): readonly Option[] | undefined {
  const options: Option[] = [];
  while (offset < end) {
    const data = offset + OPTION.SIZE;
    if (data > end) return undefined;
    const next = data + 4 * (bytes[offset + OPTION.LENGTH]! & 0x1f);
    if (next > end) return undefined;
    options.push({ code: read24(bytes, offset + OPTION.CODE), data: bytes.subarray(data, next) });
    offset = next;
  }
  return options;
}

/** Bytes that the options take. */
export function geneveOptionsLength(options: readonly Option[]): number {
  return options.reduce((sum, o) => sum + OPTION.SIZE + o.data.length, 0);
}

export function writeGeneveOptions(bytes: Uint8Array, offset: number, options: readonly Option[]): void {
  for (const { code, data } of options) {
    write24(bytes, offset + OPTION.CODE, code);
    bytes[offset + OPTION.LENGTH] = data.length / 4;
    bytes.set(data, offset + OPTION.SIZE);
    offset += OPTION.SIZE + data.length;
  }
}
