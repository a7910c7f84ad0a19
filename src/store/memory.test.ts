import { describe, expect, it } from 'vitest';
import { describeStoreContract, put, tx } from './contract-suite.ts';
import { createMemoryStore } from './memory.ts';

describeStoreContract('memory', async () => createMemoryStore());

describe('memory', () => {
  it('[L1] takes the epoch that it is given, so that a run can be repeated', async () => {
    const runs = [1, 2].map(async () => {
      const store = createMemoryStore('epoch-1');
      await store.commit(tx({ objects: [put('Net', 'blue', {})] }));
      return { epoch: store.epoch, changes: await store.changes(0) };
    });
    const [a, b] = await Promise.all(runs);
    expect(a).toEqual(b);
    expect(a?.epoch).toBe('epoch-1');
  });
});
