/** What QEMU says over QMP, cut into lines and read (docs/interop/qmp-spec.txt of QEMU). Pure. */
import type { JsonObject, JsonValue } from '../../base/json.ts';

export type QmpMessage =
  | { readonly type: 'greeting' }
  | {
      readonly type: 'event';
      readonly event: string;
      readonly data: JsonObject;
      /** When, by the clock of QEMU's machine: milliseconds since 1970, with a fraction; NaN where it does not say. */
      readonly at: number;
    }
  | { readonly type: 'return'; readonly id: number; readonly value: JsonValue }
  | { readonly type: 'error'; readonly id: number; readonly words: string }
  | { readonly type: 'unreadable'; readonly words: string };

/** The longest answers are lists of devices and properties; none comes near this. Bytes. */
const MAX_LINE = 4 * 1024 * 1024;
const NEWLINE = 0x0a;

/** Cuts a stream of bytes into lines. */
export class QmpLines {
  readonly #decoder = new TextDecoder();
  #pieces: Uint8Array[] = [];
  #length = 0;

  /** The lines that end in these bytes, without their ends; empty ones are left out. Undefined when one is too long. */
  read(bytes: Uint8Array): string[] | undefined {
    const lines: string[] = [];
    let from = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
      this.#add(bytes.subarray(from, end));
      const line = this.#take().trim();
      if (line !== '') lines.push(line);
      from = end + 1;
    }
    this.#add(bytes.subarray(from));
    return this.#length > MAX_LINE ? undefined : lines;
  }

  #add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  #take(): string {
    const whole = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#length = 0;
    return this.#decoder.decode(whole);
  }
}

/** Reads one line; never throws. */
export function readMessage(line: string): QmpMessage {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return unreadable(line);
  }
  if (!isObject(value)) return unreadable(line);
  if ('QMP' in value) return { type: 'greeting' };
  const { event, data, id } = value;
  if (typeof event === 'string')
    return { type: 'event', event, data: isObject(data) ? data : {}, at: timeOf(value) };
  // An answer to what cannot be told from other commands is nobody's: a line that QEMU could not read has none.
  const number = typeof id === 'number' ? id : -1;
  if (isObject(value.error)) {
    const { desc } = value.error;
    return { type: 'error', id: number, words: typeof desc === 'string' ? desc : 'refused without a word' };
  }
  if ('return' in value) return { type: 'return', id: number, value: value.return ?? null };
  return unreadable(line);
}

function timeOf({ timestamp }: JsonObject): number {
  if (typeof timestamp !== 'object' || timestamp === null || !('seconds' in timestamp)) return Number.NaN;
  return Number(timestamp.seconds) * 1000 + Number(timestamp.microseconds) / 1000;
}

function unreadable(line: string): QmpMessage {
  return { type: 'unreadable', words: JSON.stringify(line.slice(0, 80)) };
}

/** What came out of JSON.parse is JSON. */
function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
