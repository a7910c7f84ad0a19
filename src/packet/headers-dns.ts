/**
 * How DNS messages are written, with names as short as DNS_NAMES says (RFC 1035, 4.1.4).
 */
import { write16, write32 } from './bytes.ts';
import { DNS, DNS_FLAG, DNS_NAMES } from './dns.ts';
import { type DnsPiece, type DnsQuestion, parseQuestion, parseRecord } from './dns-record.ts';
import { writeName } from './domain-name.ts';
import type { Header } from './header.ts';
import type { DnsLayer } from './layer.ts';

/** The whole message as it would be written. Throws RangeError for a text that is no question or record. */
function messageOf(l: DnsLayer): Uint8Array {
  const out: number[] = Array.from({ length: DNS.SIZE }, () => 0);
  const seen = new Map<string, number>();
  const names = l.names ?? DNS_NAMES.SHORT;
  const put = (piece: DnsPiece) => {
    if ('bytes' in piece) out.push(...piece.bytes);
    else if (names === DNS_NAMES.REPEATED) putRepeated(out, piece, seen);
    else writeName(out, bare(piece.name), piece.mayPoint && names === DNS_NAMES.SHORT ? seen : undefined);
  };
  const head = ({ name, type, class: klass }: DnsQuestion) => {
    put({ name, mayPoint: true });
    out.push(type >>> 8, type & 0xff, klass >>> 8, klass & 0xff);
  };
  for (const text of l.question ?? []) head(parseQuestion(text) ?? refuse(text));
  for (const text of [...(l.answer ?? []), ...(l.authority ?? []), ...(l.additional ?? [])]) {
    const record = parseRecord(text) ?? refuse(text);
    head(record);
    const at = out.length;
    out.push(0, 0, 0, 0, 0, 0);
    for (const piece of record.data) put(piece);
    const fixed = new Uint8Array(6);
    write32(fixed, 0, record.ttl);
    write16(fixed, 4, out.length - at - 6);
    out.splice(at, 6, ...fixed);
  }
  return Uint8Array.from(out);
}

/** The root has no label. */
function bare(name: string): string {
  return name === '.' ? '' : name;
}

/** A pointer where the whole name stood before, all of it where not. */
function putRepeated(
  out: number[],
  { name, mayPoint }: Extract<DnsPiece, { name: string }>,
  seen: Map<string, number>,
): void {
  const known = mayPoint ? seen.get(name) : undefined;
  // 14 bits is what a pointer has.
  if (out.length <= 0x3fff && known === undefined && name !== '.') seen.set(name, out.length);
  writeName(out, bare(name), known === undefined ? undefined : seen);
}

function refuse(text: string): never {
  throw new RangeError(`${JSON.stringify(text.slice(0, 80))} is no question or record`);
}

export function dnsHeader(l: DnsLayer): Header {
  const message = messageOf(l);
  write16(message, DNS.ID, l.id ?? 0);
  write16(message, DNS.FLAGS, flagsOf(l));
  const counts = [
    l.question?.length,
    l.ancount ?? l.answer?.length,
    l.nscount ?? l.authority?.length,
    l.arcount ?? l.additional?.length,
  ];
  counts.forEach((count, section) => {
    write16(message, DNS.COUNTS + 2 * section, count ?? 0);
  });
  return { size: message.length, write: ({ bytes, at }) => bytes.set(message, at) };
}

function flagsOf(l: DnsLayer): number {
  const flag = (value: boolean | undefined, bit: number) => (value ? bit : 0);
  return (
    flag(l.response, DNS_FLAG.RESPONSE) |
    ((l.opcode ?? 0) << 11) |
    flag(l.aa, DNS_FLAG.AUTHORITATIVE) |
    flag(l.tc, DNS_FLAG.TRUNCATED) |
    flag(l.rd, DNS_FLAG.RECURSION_DESIRED) |
    flag(l.ra, DNS_FLAG.RECURSION_AVAILABLE) |
    flag(l.z, DNS_FLAG.RESERVED) |
    flag(l.ad, DNS_FLAG.AUTHENTIC) |
    flag(l.cd, DNS_FLAG.CHECKING_DISABLED) |
    (l.rcode ?? 0)
  );
}
