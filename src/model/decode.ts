/** From the bytes that somebody gave to text. */
import { type Finding, finding, type SourcePosition } from '../base/error.ts';

/** Bytes of one file. */
export const MAX_INPUT_BYTES = 32 * 1024 * 1024;

/** Characters that no text contains: control characters other than tab and line ends (YAML 1.2.2, 5.1). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const BINARY = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffe\uffff]/;

/** The text of a file, or why it is none. */
export function decodeInput(input: string | Uint8Array, file: string): string | Finding {
  const size = typeof input === 'string' ? input.length : input.byteLength;
  if (size > MAX_INPUT_BYTES) {
    return finding(
      'input-too-large',
      '',
      `${file} has ${megabytes(size)} MiB; at most ${megabytes(MAX_INPUT_BYTES)} MiB are read.`,
      'Split the file and apply the parts one after the other.',
    );
  }
  const text = typeof input === 'string' ? input : decodeUtf8(input);
  const good = typeof text !== 'string' ? text.good : text.isWellFormed() ? undefined : '';
  if (typeof text !== 'string' || good !== undefined) {
    return unreadable(file, good ?? '', 'is not UTF-8 text from here on');
  }
  const binary = BINARY.exec(text);
  if (binary) {
    const code = binary[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
    return unreadable(
      file,
      text.slice(0, binary.index),
      `contains the character U+${code}, so it is not text`,
    );
  }
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

function unreadable(file: string, good: string, what: string): Finding {
  return {
    ...finding('input-unreadable', '', `${file} ${what}.`, 'Give a YAML or JSON file, saved as UTF-8.'),
    source: endOf(good, file),
  };
}

/** The text, or the part of it before the first byte that is not UTF-8. */
function decodeUtf8(bytes: Uint8Array): string | { readonly good: string } {
  const decoded = (end: number): string | undefined => {
    try {
      // With `stream`, a character that is cut off at the end is not an error.
      const options = { stream: end < bytes.byteLength };
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, end), options);
    } catch {
      return undefined;
    }
  };
  const text = decoded(bytes.byteLength);
  if (text !== undefined) return text;
  let [good, bad] = [0, bytes.byteLength];
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (decoded(middle) === undefined) bad = middle;
    else good = middle;
  }
  return { good: decoded(good) ?? '' };
}

/** The position just behind a text. */
function endOf(text: string, file: string): SourcePosition {
  const lines = text.split('\n');
  return { file, line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}

function megabytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(0);
}
