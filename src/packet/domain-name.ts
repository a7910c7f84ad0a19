/**
 * Lists of domain names in options: the labels of RFC 1035, 3.1, one name behind the other. DHCPv4's search list may
 * be compressed (RFC 3397): a pointer, counted from the first byte of the list, stands for the rest of a name.
 *
 *     3 'l' 'a' 'b' 7 'e' … 'e' 3 'c' 'o' 'm' 0      lab.example.com
 *     4 'c' 'o' 'r' 'p' 0xc0 0x04                    corp.example.com: the rest is at byte 4
 *
 * Names come from strangers and end up in resolver settings. So a name is taken only when it consists of letters,
 * digits, hyphens and underscores, and pointers may only go backwards: there is no loop to be caught in.
 */
import { read16 } from './bytes.ts';

/** Bytes of a name with all lengths and the final 0 (RFC 1035, 2.3.4). */
const LONGEST_NAME = 255;
const LABEL = /^[a-z0-9_-]{1,63}$/i;
const POINTER = 0xc0;

/** Whether the text is a domain name of one label or more, without a dot at the end. */
export function isDomainName(text: string): boolean {
  return text.length + 2 <= LONGEST_NAME && text.split('.').every((label) => LABEL.test(label));
}

/**
 * The names; undefined when there is none, a length or pointer leads out of the data, or a name is not one that
 * `isDomainName` takes. Pointers are followed only where `compressed` says that they may occur.
 */
export function decodeDomainNames(data: Uint8Array, compressed: boolean): readonly string[] | undefined {
  const names: string[] = [];
  for (let at = 0; at < data.length; ) {
    const read = readName(data, at, compressed);
    if (!read || !isDomainName(read.name)) return undefined;
    names.push(read.name);
    at = read.next;
  }
  return names.length > 0 ? names : undefined;
}

function readName(
  data: Uint8Array,
  start: number,
  compressed: boolean,
): { name: string; next: number } | undefined {
  const labels: string[] = [];
  let next: number | undefined;
  let room = LONGEST_NAME;
  // Where the labels that are being read began: a pointer goes to before that.
  let run = start;
  for (let at = start; at < data.length; ) {
    const length = data[at]!;
    if (length === 0) return { name: labels.join('.'), next: next ?? at + 1 };
    if (length >= POINTER) {
      if (!compressed || at + 2 > data.length) return undefined;
      const target = read16(data, at) & 0x3fff;
      if (target >= run) return undefined;
      next ??= at + 2;
      at = run = target;
      continue;
    }
    room -= 1 + length;
    if (length > 63 || at + 1 + length > data.length || room < 1) return undefined;
    const label = String.fromCharCode(...data.subarray(at + 1, at + 1 + length));
    // Here, since a dot within a label would look like one between two.
    if (!LABEL.test(label)) return undefined;
    labels.push(label);
    at += 1 + length;
  }
  return undefined;
}

/** Throws RangeError for a name that is none, and for no names. */
export function encodeDomainNames(names: readonly string[], compressed: boolean): Uint8Array {
  if (names.length === 0) throw new RangeError('a list of domain names has at least one');
  const bytes: number[] = [];
  const seen = new Map<string, number>();
  for (const name of names) {
    if (!isDomainName(name))
      throw new RangeError(`${JSON.stringify(name.slice(0, 80))} is not a domain name`);
    writeName(bytes, name, compressed ? seen : undefined);
  }
  return Uint8Array.from(bytes);
}

/** Adds the name to the bytes; '' is the root. `seen`: where names and ends of names stand; without it, no pointers. */
export function writeName(bytes: number[], name: string, seen: Map<string, number> | undefined): void {
  for (let rest = name; rest !== ''; ) {
    const known = seen?.get(rest);
    if (known !== undefined) {
      bytes.push(POINTER | (known >>> 8), known & 0xff);
      return;
    }
    // 14 bits is what a pointer has.
    if (bytes.length <= 0x3fff) seen?.set(rest, bytes.length);
    const [label = ''] = rest.split('.', 1);
    bytes.push(label.length, ...new TextEncoder().encode(label));
    rest = rest.slice(label.length + 1);
  }
  bytes.push(0);
}
