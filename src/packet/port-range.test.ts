import fc from 'fast-check';
import { expect, it } from 'vitest';
import { portMasks } from './port-range.ts';

it('makes the ports of a range of blocks that share none, 30 at most', () => {
  const port = fc.integer({ min: 0, max: 65_535 });
  fc.assert(
    fc.property(port, port, fc.array(port), (a, b, others) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const masks = portMasks({ from, to });
      expect(masks.length).toBeLessThanOrEqual(30);
      const sizes = masks.map(({ mask }) => 65_536 - mask);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(to - from + 1);
      for (const each of [from, to, from - 1, to + 1, ...others]) {
        if (each < 0 || each > 65_535) continue;
        const holds = masks.filter(({ value, mask }) => (each & mask) === value).length;
        expect(holds, String(each)).toBe(each >= from && each <= to ? 1 : 0);
      }
    }),
  );
  expect(portMasks({ from: 1, to: 65_534 })).toHaveLength(30);
  expect(portMasks({ from: 0, to: 65_535 })).toEqual([{ value: 0, mask: 0 }]);
});
