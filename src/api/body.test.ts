import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson } from './body.ts';

const parse = (text: string) => parseJson(Buffer.from(text));

describe('parseJson', () => {
  it('reads what JSON.parse reads, as it reads it', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 5, stringUnit: 'binary' }), (text) => {
        // The names that reach into every object are refused, which has a test of its own.
        fc.pre(!/"(__proto__|constructor|prototype)"/.test(text));
        expect(parse(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('refuses what JSON.parse refuses, and never otherwise than with a finding', () => {
    const piece = fc.constantFrom('{', '}', '[', ']', ':', ',', '"', '\\', '"a"', '"b":', '1', ' ', 'null');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const text = pieces.join('');
        const readable = () => JSON.parse(text);
        try {
          parse(text);
        } catch (thrown) {
          expect(thrown).toMatchObject({ name: 'NetloomError', code: 'input-unreadable' });
          if (!String(thrown).includes('there twice')) expect(readable).toThrow();
          return;
        }
        expect(readable).not.toThrow();
      }),
    );
  });

  it('bounds what a body comes to before any of it is made', () => {
    const list = (n: number) => `[${Array(n).fill('{}').join()}]`;
    expect(() => parse(list(1_100_000))).toThrow('more than 2,000,000 values');
    expect(parse(list(1000))).toHaveLength(1000);
    const fields = (n: number) => `{${Array.from({ length: n }, (_, i) => `"k${i}":1`).join()}}`;
    expect(() => parse(fields(1001))).toThrow('more than 1000 fields');
    expect(Object.keys(parse(fields(1000)) as object)).toHaveLength(1000);
    expect(() => parse('['.repeat(33))).toThrow('deeper than 32');
    expect(() => parse('['.repeat(32))).toThrow('not JSON');
  });
});
