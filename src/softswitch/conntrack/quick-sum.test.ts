import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fold, sumRange } from '../../packet/checksum.ts';
import { quickSum } from './quick-sum.ts';

it('is the sum of the checksum, wherever the range begins and ends', () => {
  const octets = fc.uint8Array({ minLength: 0, maxLength: 300 });
  fc.assert(
    fc.property(octets, fc.nat(9), fc.nat(9), fc.nat(9), fc.nat(2 ** 20), (data, offset, from, less, sum) => {
      const memory = new Uint8Array(data.length + 16);
      memory.set(data, offset);
      const bytes = memory.subarray(offset, offset + data.length);
      const start = Math.min(from, data.length);
      const end = Math.max(start, data.length - less);
      expect(quickSum(bytes, start, end, sum)).toBe(fold(sumRange(bytes, start, end, sum)));
    }),
    { numRuns: 1000 },
  );
});
