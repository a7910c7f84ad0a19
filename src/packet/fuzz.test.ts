// A slice of the fuzzing of test/fuzz/packets.ts, which is to be run with more inputs when readers change.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { check, checkView, fuzz, seedsOf, TARGETS } from '../../test/fuzz/packet-fuzzer.ts';
import { fromHex, toHex } from './bytes.ts';
import { View } from './view.ts';

const HOSTILE = readFileSync(new URL('../../test/fixtures/hostile-packets.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [, target = '', hex = '', what = ''] = /^(\S+) (\S+) (.+)$/.exec(line) ?? [];
    return { target, what, input: fromHex(hex) };
  });

/** Believes its length field. */
class Credulous extends View {
  static at(bytes: Uint8Array, offset: number, end: number): Credulous | undefined {
    return end > offset ? new Credulous(bytes, offset, end) : undefined;
  }
  get headerLength(): number {
    return 1;
  }
  get last(): number {
    return this.bytes[this.offset + this.bytes[this.offset]!] ?? 0;
  }
}

describe('hostile packets', () => {
  // One seed for all views, drawn anew in each run; it is named in the failure.
  const [seed = 0] = fc.sample(fc.integer({ min: 1, max: 2 ** 31 }), 1);

  it.each(TARGETS)(`%s withstands changed inputs (seed ${seed})`, (target) => {
    const crash = fuzz(target, 1500, seed);
    expect(crash && `${crash.target} ${toHex(crash.input)}: ${crash.what} (seed ${seed})`).toBeUndefined();
  });

  it.each(HOSTILE)('$target withstands $what', ({ target, input }) => {
    expect(input).toBeDefined();
    expect(TARGETS).toContain(target);
    expect(check(target, input!)).toBeUndefined();
  });

  it('good inputs are good: no view refuses them', () => {
    for (const target of TARGETS) {
      expect([target, seedsOf(target).length > 0]).toEqual([target, true]);
      for (const input of seedsOf(target))
        expect([target, check(target, input)]).toEqual([target, undefined]);
    }
  });

  it('a view that believes its length field is found out', () => {
    expect(checkView(Credulous.at, Uint8Array.of(1, 7), true)).toBeUndefined();
    expect(checkView(Credulous.at, Uint8Array.of(2, 7), true)).toContain('depends on what is outside');
  });
});
