import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frame } from './build.ts';
import { fromHex, toHex } from './bytes.ts';
import { DNS_RCODE, DnsView } from './dns.ts';
import { readDns } from './dns-read.ts';
import { parseQuestion, parseRecord } from './dns-record.ts';
import { formatFrame, parseLayers, parseNotation } from './notation.ts';

const UDP = 'eth()/ipv4(src=10.0.0.1,dst=10.0.0.2)/udp(sport=53,dport=4000)/';

/** The message of a frame in text. */
function message(text: string): Uint8Array {
  return parseNotation(UDP + text).slice(14 + 20 + 8);
}

/** A header with these counts, and what stands behind it, in hexadecimal. */
function raw(counts: string, rest: string): Uint8Array {
  return fromHex(`12348180${counts}${rest}`)!;
}

const WEB = '03776562036c616207657861 6d706c6500'.replaceAll(' ', '');

describe('DNS', () => {
  it('reads an answer: names, types, data', () => {
    const bytes = message(
      'dns(id=0x1234,response,rd,ra,question="www.lab.example A",answer="www.lab.example 60 CNAME web.lab.example",answer="web.lab.example 61 A 192.0.2.20")',
    );
    const view = DnsView.at(bytes, 0)!;
    expect([view.id, view.isResponse, view.responseCode, view.count(1)]).toEqual([0x1234, true, 0, 2]);
    expect(view.headerLength).toBe(bytes.length);
    expect(readDns(view, 'all')).toEqual({
      question: ['www.lab.example A'],
      answer: ['www.lab.example 60 CNAME web.lab.example', 'web.lab.example 61 A 192.0.2.20'],
      authority: [],
      additional: [],
    });
    // "lab.example" stands there once.
    expect(toHex(bytes).match(/036c6162/g)).toHaveLength(1);
  });

  it('writes names in the three ways that servers have', () => {
    const text = (names: string) =>
      `dns(response${names},question="a.b.example A",answer="c.b.example 1 CNAME a.b.example",answer="a.b.example 1 A 1.2.3.4")`;
    const lengths = ['', ',repeated', ',whole'].map((names) => message(text(names)).length);
    expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
    expect(new Set(lengths).size).toBe(3);
    for (const names of ['', ',repeated', ',whole']) {
      const frameBytes = parseNotation(UDP + text(names));
      expect(formatFrame(frameBytes)).toContain(`dns(id=0x0000,response${names},question=`);
    }
  });

  it('keeps the questions as text where the rest has no text, or is written in another way', () => {
    // The pointer goes into the middle of the owner, as nobody of ours writes it.
    const bytes = raw('0001000100000000', `${WEB}00010001c010000500010000003c0002c00c`);
    const text = formatFrame(
      frame(
        { layer: 'eth' },
        { layer: 'ipv4' },
        { layer: 'udp', sport: 53, dport: 4000 },
        { layer: 'data', bytes },
      ),
    );
    expect(text).toContain('dns(id=0x1234,response,rd,ra,question="web.lab.example A"');
    expect(parseNotation(text)).toEqual(
      frame(
        { layer: 'eth' },
        { layer: 'ipv4' },
        { layer: 'udp', sport: 53, dport: 4000 },
        { layer: 'data', bytes },
      ),
    );
  });

  it.each([
    ['a header that is cut short', fromHex('123481800001')!],
    ['a question that is not there', raw('0001000000000000', '')],
    ['more entries than any message has', raw('ffffffffffffffff', '00'.repeat(2000))],
    ['a name that goes beyond the end', raw('0001000000000000', '3f6161')],
    ['a label of a kind that is no more', raw('0001000000000000', '4061000001 0001'.replaceAll(' ', ''))],
    ['data that go beyond the end', raw('0000000100000000', '000001000100000000ffff01020304')],
  ])('refuses %s', (_, bytes) => {
    expect(DnsView.at(bytes, 0)).toBeUndefined();
  });

  it.each([
    ['a pointer to itself', raw('0001000000000000', 'c00c00010001')],
    ['pointers in a circle', raw('0002000000000000', 'c01200010001c00c00010001')],
    ['a pointer forwards', raw('0001000000000000', 'c02000010001')],
    ['a name of 256 bytes', raw('0001000000000000', `${`3f${'61'.repeat(63)}`.repeat(4)}0000010001`)],
    ['a name that would write on a terminal', raw('0001000000000000', '041b5b324a0000010001')],
    ['letters that are no UTF-8', raw('0001000000000000', '02fffe0000010001')],
  ])('has no text for %s', (_, bytes) => {
    const view = DnsView.at(bytes, 0);
    expect(view).toBeDefined();
    expect(readDns(view!, 'all')).toBeUndefined();
    expect(readDns(view!, 'questions')).toBeUndefined();
  });

  it('shows nothing that is not written so: data of another length than their type, a dot within a label', () => {
    const address = (data: string) => raw('0000000100000000', `00000100010000003c${data}`);
    const wrong = [
      ...['0003c0a801', '000501020304ff', '0000'].map(address),
      raw('0001000000000000', '03612e620000010001'),
    ];
    for (const bytes of wrong) {
      const whole = parseNotation(`${UDP}data(${toHex(bytes)})`);
      expect(formatFrame(whole)).not.toMatch(/ A[ "]/);
      expect(parseNotation(formatFrame(whole))).toEqual(whole);
    }
  });

  it('questions and records are one text each, and no other', () => {
    for (const good of ['. ANY', 'lab.example TYPE1234', '_x.lab.example CLASS3 TXT']) {
      expect(parseQuestion(good)).toBeDefined();
    }
    for (const bad of [
      '',
      'lab.example',
      'lab.example a',
      'lab..example A',
      'lab.example A ',
      'x CLASS70000 A',
    ]) {
      expect([bad, parseQuestion(bad)]).toEqual([bad, undefined]);
    }
    for (const good of [
      "lab.example 0 TXT '' 'a b'",
      'lab.example 4294967295 MX 10 .',
      'lab.example 1 TYPE65 0x00',
      '. 32768 CLASS1232 OPT 0x',
      'lab.example 1 AAAA 0x20010db8000000000000000000000001',
    ])
      expect([good, parseRecord(good)]).toEqual([good, expect.anything()]);
    for (const bad of [
      'lab.example A 1.2.3.4',
      'lab.example 4294967296 A 1.2.3.4',
      'lab.example 1 A 1.2.3',
      'lab.example 1 MX lab.example',
      "lab.example 1 TXT 'open",
      'lab.example 1 CAA ca.example',
      'lab.example 1 A',
    ])
      expect([bad, parseRecord(bad)]).toEqual([bad, undefined]);
    expect(() => parseLayers('dns(question="x y z")')).toThrowError(/question is a question such as/);
    expect(DNS_RCODE.NXDOMAIN).toBe(3);
  });

  it('any message of ours is read as it was written', () => {
    const label = fc.stringMatching(/^[a-z0-9_-]{1,8}$/);
    const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.'));
    const number = fc.nat(0xffff);
    const data = fc.oneof(
      fc.ipV4().map((address) => `A ${address}`),
      name.map((to) => `CNAME ${to}`),
      name.map((to) => `NS ${to}`),
      fc.tuple(number, name).map(([preference, to]) => `MX ${preference} ${to}`),
      fc.tuple(number, number, number, name).map((parts) => `SRV ${parts.join(' ')}`),
      fc
        .array(fc.stringMatching(/^[ a-z=]{0,20}$/), { minLength: 1, maxLength: 3 })
        .map((s) => `TXT '${s.join("' '")}'`),
      fc.uint8Array({ maxLength: 20 }).map((bytes) => `TYPE99 0x${toHex(bytes)}`),
    );
    const record = fc.tuple(name, fc.nat(), data).map((parts) => parts.join(' '));
    const records = fc.array(record, { maxLength: 4 });
    fc.assert(
      fc.property(
        fc.array(name, { maxLength: 2 }),
        records,
        records,
        records,
        fc.constantFrom('', ',repeated', ',whole'),
        (questions, answer, authority, additional, names) => {
          const list = (kind: string, texts: readonly string[]) =>
            texts.map((text) => `,${kind}="${text}"`).join('');
          const asked = questions.map((question) => `${question} A`);
          const bytes = message(
            `dns(response${names}${list('question', asked)}${list('answer', answer)}${list('authority', authority)}${list('additional', additional)})`,
          );
          const view = DnsView.at(bytes, 0)!;
          expect(readDns(view, 'all')).toEqual({ question: asked, answer, authority, additional });
          const whole = parseNotation(`${UDP}data(${toHex(bytes)})`);
          expect(formatFrame(whole)).not.toContain('/data(');
          expect(parseNotation(formatFrame(whole))).toEqual(whole);
        },
      ),
    );
  });
});
