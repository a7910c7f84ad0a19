import { describe, expect, it } from 'vitest';
import { FakeClock, guardedClock } from './clock.ts';

describe('guardedClock', () => {
  it('goes on after a timer that throws', () => {
    const fake = new FakeClock();
    const thrown: unknown[] = [];
    const clock = guardedClock(fake, (what) => thrown.push(what));
    const rang: number[] = [];
    clock.after(1, () => {
      throw new Error('first');
    });
    clock.after(2, () => rang.push(clock.now()));
    const cancel = clock.after(3, () => rang.push(clock.now()));
    cancel();
    fake.advance(5);
    expect(thrown).toEqual([new Error('first')]);
    expect(rang).toEqual([2]);
    expect(clock.wall()).toBe(fake.wall());
  });
});
