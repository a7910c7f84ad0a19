/**
 * Bytes as they are made. One buffer for a whole change, which grows as needed: new bytes are zeros, so padding and
 * reserved fields need only be stepped over.
 */
import { write16, write32 } from '../../../packet/bytes.ts';
import { WireError } from './reader.ts';

export class Writer {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity = 1024) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  /** What was written, without a copy: the writer is not to be used any more. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  u8(value: number): void {
    const at = this.zeros(1);
    this.#bytes[at] = value;
  }

  u16(value: number): void {
    const at = this.zeros(2);
    write16(this.#bytes, at, value);
  }

  u32(value: number): void {
    const at = this.zeros(4);
    write32(this.#bytes, at, value);
  }

  u64(value: bigint): void {
    this.u32(Number((value >> 32n) & 0xffffffffn));
    this.u32(Number(value & 0xffffffffn));
  }

  /** An unsigned number in this many bytes, most significant first. */
  uint(value: bigint, size: number): void {
    if (size === 4) {
      this.u32(Number(value));
      return;
    }
    if (size === 2) {
      this.u16(Number(value));
      return;
    }
    const at = this.zeros(size);
    let rest = value;
    let end = at + size;
    for (; end - at >= 4; end -= 4, rest >>= 32n) {
      write32(this.#bytes, end - 4, Number(rest & 0xffffffffn));
    }
    for (; end > at; end--, rest >>= 8n) this.#bytes[end - 1] = Number(rest & 0xffn);
  }

  raw(bytes: Uint8Array): void {
    const at = this.zeros(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Pairs of hexadecimal digits. */
  hex(digits: string): void {
    const at = this.zeros(digits.length / 2);
    for (let i = 0; i < digits.length / 2; i++) {
      this.#bytes[at + i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
    }
  }

  /** Text in a field of fixed size, cut where it is longer; the rest of the field is NUL. */
  text(value: string, size: number): void {
    const at = this.zeros(size);
    this.#bytes.set(Buffer.from(value, 'latin1').subarray(0, size), at);
  }

  /** Where the zeros begin. */
  zeros(count: number): number {
    const at = this.#length;
    const end = at + count;
    if (end > this.#bytes.length) this.#grow(end);
    this.#length = end;
    return at;
  }

  /** Zeros until a multiple of 8 bytes from `start` is full. */
  pad8(start: number): void {
    this.zeros(-(this.#length - start) & 7);
  }

  /**
   * Writes the length since `start` to a 16-bit field that was left empty before. Throws WireError when it has more than
   * these bits.
   */
  lengthAt(at: number, start: number): void {
    if (this.#length - start > 0xffff) {
      throw new WireError(`${this.#length - start} bytes are more than a length of 16 bits can say`);
    }
    write16(this.#bytes, at, this.#length - start);
  }

  /** Takes back what was written since `length`. */
  cut(length: number): void {
    this.#bytes.fill(0, length, this.#length);
    this.#length = length;
  }

  #grow(least: number): void {
    const bigger = new Uint8Array(Math.max(least, 2 * this.#bytes.length));
    bigger.set(this.#bytes);
    this.#bytes = bigger;
  }
}
