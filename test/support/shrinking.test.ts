import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundedShrinking } from './shrinking.ts';

/** 2 ** 40 smaller ones, one bit after the other. */
const bits = fc.array(fc.boolean(), { minLength: 40, maxLength: 40 });
const plugins = [boundedShrinking(5)];

describe('shrinking', () => {
  it('ends after so many attempts with the failure that it has found', () => {
    let runs = 0;
    const property = fc.property(bits, () => {
      runs++;
      throw new Error('as expected');
    });
    const found = fc.check(property, { plugins });
    expect(found).toMatchObject({ failed: true, numRuns: 1, errorInstance: new Error('as expected') });
    expect(runs).toBe(6);
    runs = 0;
    expect(fc.check(property, { plugins: [boundedShrinking(20)] }).failed).toBe(true);
    expect(runs).toBeGreaterThan(6);
  });

  it('does so for asynchronous properties, between whose runs the event loop has its turn', async () => {
    let [runs, turns] = [0, 0];
    const property = fc.asyncProperty(bits, async () => {
      runs++;
      setImmediate(() => turns++);
      throw new Error('as expected');
    });
    const found = await fc.check(property, { plugins });
    expect(found).toMatchObject({ failed: true, errorInstance: new Error('as expected') });
    expect(runs).toBe(6);
    expect(turns).toBe(runs);
  });

  it('is not counted in what skips a value, nor in what passes', () => {
    let runs = 0;
    const property = fc.property(fc.nat(), (n) => {
      fc.pre(n % 2 === 0);
      runs++;
    });
    expect(fc.check(property, { plugins })).toMatchObject({ failed: false, interrupted: false });
    expect(runs).toBe(100);
  });
});
