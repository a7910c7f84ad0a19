/**
 * A DNS message to its layer. Servers compress names in different ways; a message that is written in none of those that
 * we write (DNS_NAMES) keeps its questions as text, and the rest is data.
 */
import { sameBytes } from './bytes.ts';
import { DNS_FLAG, DNS_NAMES, type DnsView } from './dns.ts';
import { type DnsTexts, readDns } from './dns-read.ts';
import { headerOf } from './headers.ts';
import type { DnsLayer } from './layer.ts';
import { unless } from './unless.ts';

/** The layer, and where what it holds ends; undefined when not even the questions have a text. */
export function dnsLayer(v: DnsView): { readonly layer: DnsLayer; readonly end: number } | undefined {
  const head = headOf(v);
  const all = readDns(v, 'all');
  if (all) {
    for (const names of [DNS_NAMES.SHORT, DNS_NAMES.REPEATED, DNS_NAMES.WHOLE]) {
      const layer = { ...head, ...unless('names', names, DNS_NAMES.SHORT), ...sections(all) };
      if (holds(layer, v, v.payloadOffset)) return { layer, end: v.payloadOffset };
    }
  }
  const asked = readDns(v, 'questions');
  if (!asked) return undefined;
  const end = v.entries()[asked.question.length]?.offset ?? v.payloadOffset;
  const partly: DnsLayer = {
    ...head,
    ...sections(asked),
    ...unless('ancount', v.count(1), 0),
    ...unless('nscount', v.count(2), 0),
    ...unless('arcount', v.count(3), 0),
  };
  return holds(partly, v, end) ? { layer: partly, end } : undefined;
}

function headOf(v: DnsView): DnsLayer {
  const flag = (name: 'response' | 'aa' | 'tc' | 'rd' | 'ra' | 'z' | 'ad' | 'cd', bit: number) =>
    unless(name, (v.flags & bit) !== 0, false);
  return {
    layer: 'dns',
    id: v.id,
    ...flag('response', DNS_FLAG.RESPONSE),
    ...unless('opcode', v.opcode, 0),
    ...flag('aa', DNS_FLAG.AUTHORITATIVE),
    ...flag('tc', DNS_FLAG.TRUNCATED),
    ...flag('rd', DNS_FLAG.RECURSION_DESIRED),
    ...flag('ra', DNS_FLAG.RECURSION_AVAILABLE),
    ...flag('z', DNS_FLAG.RESERVED),
    ...flag('ad', DNS_FLAG.AUTHENTIC),
    ...flag('cd', DNS_FLAG.CHECKING_DISABLED),
    ...unless('rcode', v.responseCode, 0),
  };
}

/** Without the sections that have nothing. */
function sections(texts: DnsTexts): Partial<DnsLayer> {
  return Object.fromEntries(Object.entries(texts).filter(([, list]) => list.length > 0));
}

/** Whether writing the layer gives the bytes up to `end` again. */
function holds(layer: DnsLayer, v: DnsView, end: number): boolean {
  const bytes = written(layer);
  return bytes !== undefined && sameBytes(bytes, v.bytes.subarray(v.offset, end));
}

/** Undefined when the text that was read is none that can be written. */
function written(layer: DnsLayer): Uint8Array | undefined {
  try {
    const header = headerOf(layer);
    const bytes = new Uint8Array(header.size);
    header.write({ bytes, at: 0, end: header.size, next: undefined, ip: undefined });
    return bytes;
  } catch (thrown) {
    if (thrown instanceof RangeError) return undefined;
    throw thrown;
  }
}
