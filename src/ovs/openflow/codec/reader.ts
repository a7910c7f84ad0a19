/** A cursor over bytes that somebody else wrote: it never reads past its end, and says so instead. */
import { read16, read32, toHex } from '../../../packet/bytes.ts';

/** What a message says of itself cannot be. Stays inside the codec: `decode` makes a value of it. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

export class Reader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, from = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = end;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** Where it stands, for `hexSince`. */
  get position(): number {
    return this.#at;
  }

  u8(): number {
    return this.#bytes[this.#take(1)]!;
  }

  u16(): number {
    return read16(this.#bytes, this.#take(2));
  }

  u32(): number {
    return read32(this.#bytes, this.#take(4));
  }

  u64(): bigint {
    return (BigInt(this.u32()) << 32n) | BigInt(this.u32());
  }

  /** An unsigned number of this many bytes, most significant first. */
  uint(size: number): bigint {
    let value = 0n;
    let left = size;
    for (; left >= 4; left -= 4) value = (value << 32n) | BigInt(this.u32());
    for (; left > 0; left--) value = (value << 8n) | BigInt(this.u8());
    return value;
  }

  skip(count: number): void {
    this.#take(count);
  }

  /** The same bytes, not a copy. */
  view(count: number): Uint8Array {
    const at = this.#take(count);
    return this.#bytes.subarray(at, at + count);
  }

  /** A copy, which stays when the buffer is used again. */
  copy(count: number): Uint8Array {
    // Not `slice`, which makes no copy of a Buffer.
    return new Uint8Array(this.view(count));
  }

  hex(count: number): string {
    const at = this.#take(count);
    return toHex(this.#bytes, at, at + count);
  }

  /** The next bytes as a cursor of their own. */
  part(count: number): Reader {
    const at = this.#take(count);
    return new Reader(this.#bytes, at, at + count);
  }

  /**
   * The next element of a list: its length, itself included, stands in 16 bits `lengthAt` bytes from its beginning, and it
   * is padded to a multiple of `align`.
   */
  element(lengthAt: number, least: number, align = 1): Reader {
    if (this.left < lengthAt + 2) throw new WireError(`an element of ${this.left} bytes has no length`);
    const length = read16(this.#bytes, this.#at + lengthAt);
    if (length < least) throw new WireError(`an element says that it is ${length} bytes long`);
    const part = this.part(length);
    this.skip(Math.min(-length & (align - 1), this.left));
    return part;
  }

  /** Another cursor at the same place: what it reads is not taken. */
  ahead(): Reader {
    return new Reader(this.#bytes, this.#at, this.#end);
  }

  /** The next 16 bits, which are not taken. */
  peek16(): number {
    if (this.left < 2) throw new WireError(`2 bytes are wanted where ${this.left} are left`);
    return read16(this.#bytes, this.#at);
  }

  /** Bytes from an earlier position on, in hexadecimal. */
  hexSince(position: number): string {
    return toHex(this.#bytes, position, this.#at);
  }

  /** Text in a field of fixed size: up to the first NUL, an octet a character. */
  text(size: number): string {
    const bytes = this.view(size);
    const end = bytes.indexOf(0);
    return Buffer.from(bytes.subarray(0, end < 0 ? size : end)).toString('latin1');
  }

  #take(count: number): number {
    if (count < 0 || count > this.left) {
      throw new WireError(`${count} bytes are wanted where ${this.left} are left`);
    }
    const at = this.#at;
    this.#at += count;
    return at;
  }
}

/** The value of a list that has this number; throws WireError when there is none. */
export function named<T>(what: string, values: readonly T[], number: number): T {
  const value = values[number];
  if (value === undefined) throw new WireError(`there is no ${what} ${number}`);
  return value;
}
