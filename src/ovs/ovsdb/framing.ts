/**
 * Where one JSON value ends and the next begins, in bytes that come in pieces: JSON-RPC over a stream has no lengths
 * (RFC 7047, 4). Only objects and lists stand there, so it is enough to count brackets outside of strings. A piece may
 * end anywhere, also inside a character.
 */
import type { JsonValue } from '../../base/json.ts';
import { misunderstood } from './errors.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
/** Space, tab, newline, carriage return. */
const BLANKS: readonly (number | undefined)[] = [0x20, 0x09, 0x0a, 0x0d];

export class JsonSplitter {
  readonly #limit: number;
  /** A byte order mark is no white space to JSON (RFC 8259, 8.1). */
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  #pieces: Uint8Array[] = [];
  #length = 0;
  #depth = 0;
  #isInString = false;
  #isEscaped = false;

  /** `limit`: the most bytes that a value may have. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The values that end in this piece. Throws `ovsdb-protocol`; there is no going on after that. */
  push(piece: Uint8Array): JsonValue[] {
    const values: JsonValue[] = [];
    let start = 0;
    for (let i = 0; i < piece.length; i++) {
      if (!this.#endsAt(piece[i])) continue;
      this.#keep(piece.subarray(start, i + 1));
      start = i + 1;
      values.push(this.#take());
    }
    this.#keep(piece.subarray(start));
    return values;
  }

  /** Whether the value ends with this byte. */
  #endsAt(byte: number | undefined): boolean {
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === BACKSLASH) this.#isEscaped = true;
      else if (byte === QUOTE) this.#isInString = false;
      return false;
    }
    switch (byte) {
      case OPEN_OBJECT:
      case OPEN_LIST:
        this.#depth++;
        return false;
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        this.#depth--;
        // Below 0 there was nothing to close: JSON.parse says so.
        return this.#depth <= 0;
      default:
        if (this.#depth === 0 && !BLANKS.includes(byte)) throw misunderstood('it is not JSON');
        this.#isInString = byte === QUOTE;
        return false;
    }
  }

  #keep(piece: Uint8Array): void {
    this.#length += piece.length;
    if (this.#length > this.#limit) throw misunderstood(`it is longer than ${this.#limit} bytes`);
    // A copy: the buffer that it came in may be used again.
    if (piece.length > 0) this.#pieces.push(piece.slice());
  }

  #take(): JsonValue {
    const bytes = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#length = 0;
    this.#depth = 0;
    try {
      return JSON.parse(this.#decoder.decode(bytes));
    } catch {
      throw misunderstood('it is not JSON');
    }
  }
}
