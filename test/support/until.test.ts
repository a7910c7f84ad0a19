import { expect, it } from 'vitest';
import { until, untilIsSo } from './until.ts';

it('answers what there is at last', async () => {
  const looks = [undefined, false, 0, 'later'] as const;
  let number = 0;
  expect(await until('something', () => looks[number++])).toBe(0);
  number = 0;
  expect(
    await untilIsSo(
      'the last',
      () => looks[number++],
      (value) => value === 'later',
    ),
  ).toBe('later');
});

it('says what was waited for, and what there was instead', async () => {
  const never = until('an answer', async () => false, { seconds: 0 });
  await expect(never).rejects.toThrow('after 0 s: not an answer');
  const wrong = untilIsSo(
    'one flow',
    () => ['a', 'b'],
    ({ length }) => length === 1,
    { seconds: 0 },
  );
  await expect(wrong).rejects.toThrow('after 0 s: not one flow, but ["a","b"]');
});

it('looks no more when it is to end, and what it looks at may throw', async () => {
  const stop = new AbortController();
  let looks = 0;
  const waiting = until(
    'anything',
    () => {
      looks += 1;
      if (looks === 2) stop.abort(new Error('over'));
    },
    { signal: stop.signal },
  );
  await expect(waiting).rejects.toThrow();
  expect(looks).toBe(2);
  await expect(until('anything', () => true, { signal: stop.signal })).rejects.toThrow('over');
  await expect(until('anything', () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
});
