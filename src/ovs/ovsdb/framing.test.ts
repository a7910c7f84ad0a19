import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../base/json.ts';
import { JsonSplitter } from './framing.ts';

const encoder = new TextEncoder();

/** What comes out of a text that comes in these pieces. */
function split(pieces: readonly Uint8Array[], limit = 1e6): JsonValue[] {
  const splitter = new JsonSplitter(limit);
  return pieces.flatMap((piece) => splitter.push(piece));
}

const message = fc.oneof(
  fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()),
  fc.array(fc.jsonValue(), { maxLength: 5 }),
);

describe('JsonSplitter', () => {
  it('gives the same values wherever the bytes are cut', () => {
    const values = [
      { id: 1, result: ['a"b\\', '}]{[', 'ä€🙂', { 'x"}': [] }], error: null },
      [],
      { method: 'update3', params: ['m', { a: { b: -1.5e3 } }], id: null },
    ];
    const bytes = encoder.encode(values.map((v) => JSON.stringify(v)).join(' \r\n\t'));
    for (let at = 0; at <= bytes.length; at++)
      expect(split([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(values);
    expect(split([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(values);
  });

  it('gives back any values, cut anywhere (property)', () => {
    fc.assert(
      fc.property(fc.array(message), fc.array(fc.nat()), (values, cuts) => {
        const bytes = encoder.encode(values.map((v) => JSON.stringify(v)).join(''));
        const at = [0, ...cuts.map((c) => c % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
        const pieces = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
        expect(split(pieces)).toEqual(values.map((v) => JSON.parse(JSON.stringify(v))));
      }),
    );
  });

  it('keeps nothing of the buffer that it was given', () => {
    const splitter = new JsonSplitter(100);
    const bytes = encoder.encode('{"a":');
    splitter.push(bytes);
    bytes.fill(0);
    expect(splitter.push(encoder.encode('1}'))).toEqual([{ a: 1 }]);
  });

  it.each([
    ['a word', 'hello'],
    ['a bare value', '1 '],
    ['a bracket too many', ']'],
    ['brackets that do not belong together', '{]'],
    ['an object without names', '{1}'],
    ['a byte order mark', '\ufeff{}'],
  ])('refuses %s', (_, text) => {
    expect(() => split([encoder.encode(text)])).toThrow('is not JSON');
  });

  it('refuses what is not UTF-8', () => {
    expect(() => split([Uint8Array.of(0x5b, 0x22, 0xc3, 0x28, 0x22, 0x5d)])).toThrow('is not JSON');
  });

  it('refuses a value above the limit before it has all of it', () => {
    expect(() => split([encoder.encode(`["${'x'.repeat(50)}`), encoder.encode('y'.repeat(50))], 100)).toThrow(
      'longer than 100 bytes',
    );
    expect(split([encoder.encode(`["${'x'.repeat(96)}"]`)], 100)).toHaveLength(1);
  });

  it('throws nothing but findings, whatever comes (property)', () => {
    const octets = fc.oneof(
      fc.uint8Array(),
      fc.string({ unit: fc.constantFrom(...'[]{}",\\: a1') }).map((t) => encoder.encode(t)),
    );
    fc.assert(
      fc.property(fc.array(octets), (pieces) => {
        try {
          split(pieces, 64);
        } catch (thrown) {
          expect(thrown).toMatchObject({ name: 'NetloomError', code: 'ovsdb-protocol' });
        }
      }),
    );
  });
});
