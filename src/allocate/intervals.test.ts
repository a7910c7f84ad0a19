import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Intervals } from './intervals.ts';

const range = fc
  .tuple(fc.bigInt(0n, 40n), fc.bigInt(0n, 8n))
  .map(([from, length]) => ({ from, to: from + length }));

function numbers(ranges: readonly { from: bigint; to: bigint }[]): Set<bigint> {
  const all = new Set<bigint>();
  for (const { from, to } of ranges) for (let i = from; i <= to; i++) all.add(i);
  return all;
}

describe('Intervals', () => {
  it('is a set of numbers: union, holes, additions and removals', () => {
    const edit = fc.tuple(fc.boolean(), fc.bigInt(0n, 50n));
    fc.assert(
      fc.property(fc.array(range), fc.array(range), fc.array(edit), (ranges, holes, edits) => {
        const intervals = Intervals.of(ranges, holes);
        const model = numbers(ranges).difference(numbers(holes));
        for (const [add, value] of edits) {
          if (add) {
            intervals.add(value);
            model.add(value);
          } else {
            intervals.delete(value);
            model.delete(value);
          }
        }
        expect(numbers(intervals.ranges())).toEqual(model);
        expect(intervals.size()).toBe(BigInt(model.size));
        expect(intervals.lowest()).toBe([...model].sort((a, b) => Number(a - b))[0]);
        for (let i = 0n; i <= 50n; i++) expect(intervals.has(i)).toBe(model.has(i));
      }),
    );
  });

  it('keeps as few intervals as there are gaps', () => {
    fc.assert(
      fc.property(fc.array(fc.bigInt(0n, 30n)), (values) => {
        const intervals = Intervals.of([]);
        for (const value of values) intervals.add(value);
        for (const [i, { from }] of intervals.ranges().entries()) {
          const before = intervals.ranges()[i - 1];
          if (before) expect(from).toBeGreaterThan(before.to + 1n);
        }
      }),
    );
  });
});
