import { describe, expect, it } from 'vitest';
import { inTurns, sideBySide } from './in-turns.ts';

describe('work on many things at once', () => {
  it('has ended altogether when what one of them threw is thrown', async () => {
    const open = Promise.withResolvers<void>();
    const done: string[] = [];
    const slow = open.promise.then(() => done.push('slow'));
    const all = sideBySide([Promise.reject(new Error('broken')), slow]).catch(({ message }) =>
      done.push(message),
    );
    // Whatever would come of the failure alone has had its turn.
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toEqual([]);
    open.resolve();
    await all;
    expect(done).toEqual(['slow', 'broken']);
  });

  it('begins nothing anew after a failure', async () => {
    const begun: number[] = [];
    const work = inTurns(2, [1, 2, 3, 4, 5], async (each) => {
      begun.push(each);
      if (each === 2) throw new Error('broken');
      await new Promise((resolve) => setImmediate(resolve));
    });
    await expect(work).rejects.toThrow('broken');
    expect(begun).toEqual([1, 2]);
  });
});
