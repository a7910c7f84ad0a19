/**
 * DNS messages to text (dns-record.ts). The meaning of names and data is read by dns-packet, whose reader believes what
 * a message says of itself; so it gets no more than one whole message whose structure DnsView has checked, and whoever
 * uses the texts writes them again and compares (dissect-dns.ts).
 */
import { type Answer, type DecodedPacket, decode } from 'dns-packet';
import { parseIpv6 } from './address.ts';
import { toHex, write16 } from './bytes.ts';
import { DNS, type DnsEntry, type DnsView } from './dns.ts';
import { hasDataForm, isDnsName, isDnsString, questionText, recordText } from './dns-record.ts';

/** Texts of the entries, by section. */
export interface DnsTexts {
  readonly question: readonly string[];
  readonly answer: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
}

/** Private use (RFC 6895, 3.1): dns-packet takes the data of such a type as they are. */
const PLAIN_TYPE = 0xff00;

/**
 * Of the whole message, or of its questions alone; not yet compared (see above). Never throws; undefined when anything
 * there has no text: a name of strange letters, say.
 */
export function readDns(view: DnsView, what: 'all' | 'questions'): DnsTexts | undefined {
  const entries = view.entries().filter(({ section }) => what === 'all' || section === 0);
  // A copy; the `slice` of a Buffer would be none.
  const message = Uint8Array.from(
    view.bytes.subarray(view.offset, entries.at(-1)?.end ?? view.offset + DNS.SIZE),
  );
  if (what === 'questions') message.fill(0, DNS.COUNTS + 2, DNS.SIZE);
  for (const { type, typeOffset, section } of entries)
    if (section > 0 && !hasDataForm(type)) write16(message, typeOffset - view.offset, PLAIN_TYPE);
  const decoded = decodeMessage(message);
  if (!decoded) return undefined;
  const questions = decoded.questions?.map(({ name }) => name) ?? [];
  const records = [
    ...(decoded.answers ?? []),
    ...(decoded.authorities ?? []),
    ...(decoded.additionals ?? []),
  ];
  const texts = [[], [], [], []] as [string[], string[], string[], string[]];
  for (const [i, entry] of entries.entries()) {
    const record = records[i - questions.length];
    const text = entry.section === 0 ? askedText(entry, questions[i]) : answerText(view, entry, record);
    if (text === undefined) return undefined;
    texts[entry.section].push(text);
  }
  const [question, answer, authority, additional] = texts;
  return { question, answer, authority, additional };
}

function decodeMessage(message: Uint8Array): DecodedPacket | undefined {
  try {
    return decode(Buffer.from(message.buffer, message.byteOffset, message.length));
  } catch {
    // It throws errors of many kinds at what is no message.
    return undefined;
  }
}

function askedText(entry: DnsEntry, name: string | undefined): string | undefined {
  return name !== undefined && isDnsName(name) ? questionText({ ...entry, name }) : undefined;
}

function answerText(view: DnsView, entry: DnsEntry, record: Answer | undefined): string | undefined {
  if (!record || !isDnsName(record.name)) return undefined;
  const data = hasDataForm(entry.type)
    ? dataText(record)
    : `0x${toHex(view.bytes.subarray(entry.dataOffset, entry.end))}`;
  return data === undefined ? undefined : recordText({ ...entry, name: record.name }, entry.ttl, data);
}

function dataText(record: Answer): string | undefined {
  switch (record.type) {
    case 'A':
    case 'NS':
    case 'CNAME':
    case 'PTR':
      return record.data;
    case 'AAAA':
      return parseIpv6(record.data);
    case 'MX':
      return `${record.data.preference ?? 0} ${record.data.exchange}`;
    case 'SRV': {
      const { priority = 0, weight = 0, port, target } = record.data;
      return [priority, weight, port, target].join(' ');
    }
    case 'SOA': {
      const { mname, rname, serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0 } = record.data;
      return [mname, rname, serial, refresh, retry, expire, minimum].join(' ');
    }
    case 'TXT':
      return stringsText(record.data);
    default:
      return undefined;
  }
}

function stringsText(data: string | Buffer | readonly (string | Buffer)[]): string | undefined {
  if (!Array.isArray(data)) return undefined;
  const strings = data.map((part) => String(part));
  return strings.length > 0 && strings.every(isDnsString)
    ? strings.map((s) => `'${s}'`).join(' ')
    : undefined;
}
