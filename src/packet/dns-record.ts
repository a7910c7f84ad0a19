/**
 * Questions and records of DNS as text, nearly as in a zone file (RFC 1035, 5.1):
 *
 *     question   www.lab.example A
 *     record     www.lab.example 60 CNAME web.lab.example        name, TTL, type, data
 *                lab.example 60 TXT 'v=spf1 -all' 'more'
 *                lab.example 60 TYPE257 0x000569737375           a type without a form of its own (RFC 3597 has \#)
 *                . 0 CLASS1232 OPT 0x                            a class other than IN stands before the type
 *
 * and the text as fields, for the writer: what the data of a type consist of is in DATA, once.
 */
import { parseIpv4, parseIpv6 } from './address.ts';
import { fromHex } from './bytes.ts';
import { isDomainName } from './domain-name.ts';
import { IPV4_ADDRESS, IPV6_ADDRESS, parseUint, UINT16, UINT32 } from './values.ts';

/** Types by name; others are TYPE and their number (RFC 3597, 5). */
export const DNS_TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  RRSIG: 46,
  DNSKEY: 48,
  SVCB: 64,
  HTTPS: 65,
  ANY: 255,
  CAA: 257,
} as const;

/** The Internet. */
export const DNS_CLASS_IN = 1;

/** What the data of a record consist of. */
type Element =
  | 'ipv4'
  | 'ipv6'
  | 'u16'
  | 'u32'
  /** The rest of it may be a pointer (RFC 3597, 4: only in the types of RFC 1035). */
  | 'name'
  /** Never a pointer. */
  | 'whole-name'
  /** One or more, each with its length; last of the data. */
  | 'strings';

const DATA: Readonly<Record<number, readonly Element[]>> = {
  [DNS_TYPE.A]: ['ipv4'],
  [DNS_TYPE.AAAA]: ['ipv6'],
  [DNS_TYPE.NS]: ['name'],
  [DNS_TYPE.CNAME]: ['name'],
  [DNS_TYPE.PTR]: ['name'],
  [DNS_TYPE.MX]: ['u16', 'name'],
  [DNS_TYPE.SRV]: ['u16', 'u16', 'u16', 'whole-name'],
  [DNS_TYPE.SOA]: ['name', 'name', 'u32', 'u32', 'u32', 'u32', 'u32'],
  [DNS_TYPE.TXT]: ['strings'],
};

/** Whether the data of this type have a form here; if not, they stand as hexadecimal digits. */
export function hasDataForm(type: number): boolean {
  return DATA[type] !== undefined;
}

/** A piece of a message: bytes as they are, or a name, which the writer may shorten. */
export type DnsPiece = { readonly bytes: Uint8Array } | { readonly name: string; readonly mayPoint: boolean };

export interface DnsQuestion {
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

export interface DnsRecord extends DnsQuestion {
  /** Seconds. */
  readonly ttl: number;
  readonly data: readonly DnsPiece[];
}

/** A name that we write and show: letters, digits, hyphens, underscores; `.` is the root. */
export function isDnsName(text: string): boolean {
  return text === '.' || isDomainName(text);
}

export function typeName(type: number): string {
  return Object.entries(DNS_TYPE).find(([, number]) => number === type)?.[0] ?? `TYPE${type}`;
}

/** Name, class unless IN, and type: the text of a question. */
export function questionText({ name, type, class: klass }: DnsQuestion): string {
  return [name, ...(klass === DNS_CLASS_IN ? [] : [`CLASS${klass}`]), typeName(type)].join(' ');
}

/** `data`: the text of the data, or hexadecimal digits with 0x. */
export function recordText({ name, type, class: klass }: DnsQuestion, ttl: number, data: string): string {
  return [name, ttl, ...(klass === DNS_CLASS_IN ? [] : [`CLASS${klass}`]), typeName(type), data].join(' ');
}

/** Undefined for a text that is no question. */
export function parseQuestion(text: string): DnsQuestion | undefined {
  const read = parseHead(text.split(' '));
  return read && read.rest.length === 0 ? read.head : undefined;
}

/** Undefined for a text that is no record, or one without bytes. */
export function parseRecord(text: string): DnsRecord | undefined {
  const [name = '', time = '', ...words] = text.split(' ');
  const ttl = parseUint(time, 0xffffffff);
  const read = parseHead([name, ...words]);
  const data = read && parseData(read.head.type, read.rest);
  return read && data && ttl !== undefined ? { ...read.head, ttl, data } : undefined;
}

function parseHead(words: readonly string[]): { head: DnsQuestion; rest: readonly string[] } | undefined {
  const [name = '', first = '', ...more] = words;
  const klass = parseNumbered(first, 'CLASS');
  const [typeWord = '', ...rest] = klass === undefined ? [first, ...more] : more;
  const known: Readonly<Record<string, number>> = DNS_TYPE;
  const type = Object.hasOwn(known, typeWord) ? known[typeWord] : parseNumbered(typeWord, 'TYPE');
  if (type === undefined || !isDnsName(name)) return undefined;
  return { head: { name, type, class: klass ?? DNS_CLASS_IN }, rest };
}

function parseNumbered(text: string, word: string): number | undefined {
  return text.startsWith(word) ? parseUint(text.slice(word.length), 0xffff) : undefined;
}

function parseData(type: number, words: readonly string[]): readonly DnsPiece[] | undefined {
  const bytes = hexData(words);
  if (bytes) return bytes.length <= 0xffff ? [{ bytes }] : undefined;
  const elements = DATA[type];
  if (!elements) return undefined;
  if (elements[0] === 'strings') return parseStrings(words.join(' '));
  if (elements.length !== words.length) return undefined;
  const pieces = elements.map((element, i) => parseElement(element, words[i] ?? ''));
  return pieces.every((piece) => piece !== undefined) ? pieces : undefined;
}

/** Undefined for what is a name that begins like a number: 0x_a. */
function hexData([digits = '', ...more]: readonly string[]): Uint8Array | undefined {
  return more.length === 0 && digits.startsWith('0x') ? fromHex(digits.slice(2)) : undefined;
}

function parseElement(element: Element, word: string): DnsPiece | undefined {
  switch (element) {
    case 'ipv4': {
      const address = parseIpv4(word);
      return address && { bytes: IPV4_ADDRESS.encode(address) };
    }
    case 'ipv6': {
      const address = parseIpv6(word);
      return address && { bytes: IPV6_ADDRESS.encode(address) };
    }
    case 'u16':
    case 'u32': {
      const form = element === 'u16' ? UINT16 : UINT32;
      const value = form.parse(word);
      return value === undefined ? undefined : { bytes: form.encode(value) };
    }
    case 'name':
    case 'whole-name':
      return isDnsName(word) ? { name: word, mayPoint: element === 'name' } : undefined;
    case 'strings':
      return undefined;
  }
}

/** Printable ASCII without quotation marks, which the notation could not show, and backslashes. */
const STRING = /^[ !#-&(-[\]-~]{0,255}$/;

/** Whether a string of a TXT record can stand in its text. */
export function isDnsString(text: string): boolean {
  return STRING.test(text);
}

function parseStrings(text: string): readonly DnsPiece[] | undefined {
  if (!/^'[^']*'(?: '[^']*')*$/.test(text)) return undefined;
  const strings = text.slice(1, -1).split("' '");
  if (!strings.every(isDnsString)) return undefined;
  return strings.map((part) => {
    const bytes = new TextEncoder().encode(part);
    return { bytes: Uint8Array.of(bytes.length, ...bytes) };
  });
}
