import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Throttle } from './throttle.ts';

const OPTIONS = { free: 3, first: 1000, longest: 60_000 };

describe('a throttle', () => {
  it('lets a few attempts through, and then makes each wait twice as long, up to a limit', () => {
    const throttle = new Throttle(OPTIONS);
    const waits: number[] = [];
    let now = 0;
    for (let i = 0; i < 12; i++) {
      throttle.attempt('ann', now);
      waits.push(throttle.wait('ann', now));
      now += throttle.wait('ann', now);
    }
    expect(waits).toEqual([0, 0, 0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000]);
  });

  it('of 10,000 tries in a row looks at a few', () => {
    const throttle = new Throttle(OPTIONS);
    let looked = 0;
    for (let now = 0; now < 10_000; now++) {
      if (throttle.wait('ann', now) > 0) continue;
      throttle.attempt('ann', now);
      looked += 1;
    }
    expect(looked).toBe(7);
  });

  it('forgets after a success, and after a time of quiet', () => {
    const throttle = new Throttle(OPTIONS);
    for (let i = 0; i < 4; i++) throttle.attempt('ann', 0);
    expect(throttle.wait('ann', 0)).toBe(1000);
    throttle.succeeded('ann');
    expect(throttle.wait('ann', 0)).toBe(0);
    for (let i = 0; i < 4; i++) throttle.attempt('bob', 0);
    throttle.attempt('bob', 61_000);
    expect(throttle.wait('bob', 61_000)).toBe(0);
  });

  it('keeps names apart, and does not grow with them', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (a, b) => {
        const throttle = new Throttle(OPTIONS);
        for (let i = 0; i < 5; i++) throttle.attempt(a, 0);
        expect(throttle.wait(b, 0) > 0).toBe(a === b);
      }),
    );
    const throttle = new Throttle(OPTIONS);
    for (let i = 0; i < 4; i++) throttle.attempt('first', 0);
    for (let i = 0; i < 10_000; i++) throttle.attempt(`name ${i}`, 0);
    expect(throttle.wait('first', 0)).toBe(0);
  });
});
