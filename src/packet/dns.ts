/**
 * DNS messages (RFC 1035, 4.1), over UDP.
 *
 *     offset  0  id                          2  QR, opcode (4), AA, TC, RD, RA, Z, AD, CD, response code (4)
 *             4  entries in each section: questions, answers, authorities, additionals (2 each)
 *            12  question | name | type (2) | class (2) |
 *                record   | name | type (2) | class (2) | TTL (4) | length (2) | data … |
 *
 *     name    labels as in domain-name.ts; a pointer (0xc0 and above) stands for the rest of a name
 *
 * The view finds where the entries stand. It looks into no name and into no data; dns-read.ts does.
 */
import { read16, read32, write16 } from './bytes.ts';
import { fits, View } from './view.ts';

export const DNS = { ID: 0, FLAGS: 2, COUNTS: 4, SIZE: 12 } as const;

export const DNS_FLAG = {
  RESPONSE: 0x8000,
  AUTHORITATIVE: 0x0400,
  TRUNCATED: 0x0200,
  RECURSION_DESIRED: 0x0100,
  RECURSION_AVAILABLE: 0x0080,
  RESERVED: 0x0040,
  /** RFC 4035, 3.2.3. */
  AUTHENTIC: 0x0020,
  /** RFC 4035, 3.2.2. */
  CHECKING_DISABLED: 0x0010,
} as const;

/** RFC 1035, 4.1.1; RFC 2136, 2.2. */
export const DNS_RCODE = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
} as const;

/** How a writer of messages may shorten names: all three are met. */
export const DNS_NAMES = {
  /** What a name ends with is a pointer, if it stood before (BIND and most others). */
  SHORT: 0,
  /** A whole name is a pointer, if it stood before (dnsmasq). */
  REPEATED: 1,
  /** No pointers. */
  WHOLE: 2,
} as const;

/** More entries than this no message over UDP has; one that claims them is not read. */
const MOST_ENTRIES = 512;

/** One entry of a section. Offsets are those of the bytes that the view is over. */
export interface DnsEntry {
  /** 0 = questions, 1 = answers, 2 = authorities, 3 = additionals. */
  readonly section: 0 | 1 | 2 | 3;
  readonly offset: number;
  /** Where its type stands, behind the name. */
  readonly typeOffset: number;
  readonly type: number;
  readonly class: number;
  /** Seconds; 0 for a question. */
  readonly ttl: number;
  /** Where its data begin; `end` for a question. */
  readonly dataOffset: number;
  readonly end: number;
}

export class DnsView extends View {
  /** Undefined also when a section has fewer entries than it claims, or there are more than 512. */
  static at(bytes: Uint8Array, offset: number, end = bytes.length): DnsView | undefined {
    return entriesOf(bytes, offset, end) ? new DnsView(bytes, offset, end) : undefined;
  }

  /** To the end of the last entry. */
  get headerLength(): number {
    return (this.entries().at(-1)?.end ?? this.offset + DNS.SIZE) - this.offset;
  }

  get id(): number {
    return read16(this.bytes, this.offset + DNS.ID);
  }
  set id(value: number) {
    write16(this.bytes, this.offset + DNS.ID, value);
  }

  /** With opcode and response code: see DNS_FLAG. */
  get flags(): number {
    return read16(this.bytes, this.offset + DNS.FLAGS);
  }
  set flags(value: number) {
    write16(this.bytes, this.offset + DNS.FLAGS, value);
  }

  get isResponse(): boolean {
    return (this.flags & DNS_FLAG.RESPONSE) !== 0;
  }

  /** 0 = a query (RFC 1035, 4.1.1). */
  get opcode(): number {
    return (this.flags >>> 11) & 15;
  }

  /** See DNS_RCODE. */
  get responseCode(): number {
    return this.flags & 15;
  }

  /** How many entries the section has; 0 = questions … 3 = additionals. */
  count(section: 0 | 1 | 2 | 3): number {
    return read16(this.bytes, this.offset + DNS.COUNTS + 2 * section);
  }

  /** All sections, in order. */
  entries(): readonly DnsEntry[] {
    return entriesOf(this.bytes, this.offset, this.end) ?? [];
  }
}

const SECTIONS = [0, 1, 2, 3] as const;

function entriesOf(bytes: Uint8Array, offset: number, end: number): DnsEntry[] | undefined {
  if (!fits(bytes, offset, end, DNS.SIZE)) return undefined;
  const counts = SECTIONS.map((section) => read16(bytes, offset + DNS.COUNTS + 2 * section));
  if (counts.reduce((sum, count) => sum + count, 0) > MOST_ENTRIES) return undefined;
  const entries: DnsEntry[] = [];
  let at = offset + DNS.SIZE;
  for (const section of SECTIONS) {
    for (let left = counts[section]!; left > 0; left--) {
      const entry = entryAt(bytes, at, end, section);
      if (!entry) return undefined;
      entries.push(entry);
      at = entry.end;
    }
  }
  return entries;
}

function entryAt(bytes: Uint8Array, at: number, end: number, section: 0 | 1 | 2 | 3): DnsEntry | undefined {
  const typeOffset = endOfName(bytes, at, end);
  const fixed = section === 0 ? 4 : 10;
  if (typeOffset === undefined || end - typeOffset < fixed) return undefined;
  const dataOffset = typeOffset + fixed;
  const length = section === 0 ? 0 : read16(bytes, dataOffset - 2);
  if (length > end - dataOffset) return undefined;
  return {
    section,
    offset: at,
    typeOffset,
    type: read16(bytes, typeOffset),
    class: read16(bytes, typeOffset + 2),
    ttl: section === 0 ? 0 : read32(bytes, typeOffset + 4),
    dataOffset,
    end: dataOffset + length,
  };
}

/** A name ends with an empty label or a pointer. */
function endOfName(bytes: Uint8Array, at: number, end: number): number | undefined {
  while (at < end) {
    const length = bytes[at]!;
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2 <= end ? at + 2 : undefined;
    // 0x40 and 0x80 mean nothing any more (RFC 6891, 5).
    if (length > 63) return undefined;
    at += 1 + length;
  }
  return undefined;
}
