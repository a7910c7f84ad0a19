import { describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { Refusals } from './refusals.ts';

const one = { code: 'login-failed', user: 'ann', from: '10.0.0.1', request: 'POST /api/v1/login' } as const;

describe('refusals', () => {
  it('are counted where they are the same, and the latest stands first', () => {
    const clock = new FakeClock();
    const refusals = new Refusals(clock);
    const began = clock.wall();
    refusals.note(one);
    clock.advance(1000);
    refusals.note({ ...one, user: undefined });
    refusals.note({ ...one, from: '::ffff:10.0.0.1' });
    expect(refusals.list()).toEqual([
      { ...one, count: 2, first: began, last: began + 1000 },
      { ...one, user: undefined, count: 1, first: began + 1000, last: began + 1000 },
    ]);
  });

  it('are no other errors', () => {
    const refusals = new Refusals(new FakeClock());
    refusals.note({ ...one, code: 'not-found' });
    expect(refusals.list()).toEqual([]);
  });

  it('stay within their bounds, and one that goes on stays among them', () => {
    const refusals = new Refusals(new FakeClock());
    for (let i = 0; i < 3000; i++) {
      refusals.note(one);
      refusals.note({ ...one, from: `10.1.${i >> 8}.${i & 255}` });
    }
    expect(refusals.list()).toHaveLength(1000);
    expect(refusals.list().find(({ from }) => from === one.from)).toMatchObject({ count: 3000 });
  });
});
