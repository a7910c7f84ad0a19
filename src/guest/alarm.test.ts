import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { Alarm } from './alarm.ts';

it('rings at its time and not before, however far that is, and asks no timer for more than it can', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 34 }), (at) => {
      const clock = new FakeClock();
      const delays: number[] = [];
      const alarm = new Alarm({
        now: () => clock.now(),
        wall: () => clock.wall(),
        after: (delay, run) => {
          delays.push(delay);
          return clock.after(delay, run);
        },
      });
      let rung = 0;
      alarm.until(at, () => (rung += 1));
      clock.advance(at - 1);
      expect(rung).toBe(0);
      clock.advance(1);
      expect(rung).toBe(1);
      expect(Math.max(...delays)).toBeLessThan(2 ** 31);
    }),
  );
});

it('waits for one thing at a time, and for nothing once it is cancelled', () => {
  const clock = new FakeClock();
  const alarm = new Alarm(clock);
  const rung: string[] = [];
  alarm.after(10, () => rung.push('first'));
  alarm.after(20, () => rung.push('second'));
  clock.advance(30);
  expect(rung).toEqual(['second']);
  alarm.after(10, () => rung.push('cancelled'));
  alarm.cancel();
  alarm.after(10, () => rung.push('given up'));
  alarm.until(Infinity, () => rung.push('never'));
  clock.advance(1000);
  expect(rung).toEqual(['second']);
});
