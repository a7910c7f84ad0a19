import { describe, expect, it } from 'vitest';
import { Asks } from './asks.ts';

const COUNTED = { ports: [], acls: [], drops: [], log: [], complete: true };

describe('questions to an agent', () => {
  it('let go of those who wait no more, and are answered to the others', async () => {
    const asks = new Asks();
    const [leaving, staying] = [new AbortController(), new AbortController()];
    const left = asks.count(leaving.signal);
    const stayed = asks.count(staying.signal);
    const looked = asks.look(false, leaving.signal);
    expect(asks.take()).toEqual({ id: 1n, repair: false, count: true });
    leaving.abort();
    expect(await left).toBeUndefined();
    await looked;
    asks.answered(1n, COUNTED);
    expect(await stayed).toBe(COUNTED);
  });

  it('are over at once for one whose time is over', async () => {
    const asks = new Asks();
    expect(await asks.count(AbortSignal.abort())).toBeUndefined();
    // The control: the question itself is not lost for the next one.
    const answer = asks.count();
    asks.answered(asks.take()?.id ?? 0n, COUNTED);
    expect(await answer).toBe(COUNTED);
  });
});
