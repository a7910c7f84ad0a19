import { describe, expect, it } from 'vitest';
import { fillingStore } from '../../../test/support/filling-store.ts';
import { put, refusal, tx } from '../contract-suite.ts';

const small = (key: string) => tx({ objects: [put('Net', key, {})] });
const large = (key: string) => tx({ objects: [put('Net', key, { text: 'x'.repeat(100_000) })] });

async function outcomes(asked: readonly Promise<unknown>[]): Promise<string[]> {
  const all = await Promise.all(asked.map((each) => refusal(each)));
  return all.map(([found]) => found ?? 'taken');
}

describe('a group of writes', () => {
  it.each([
    ['with room for all of it, holds', false, ['taken', 'taken', 'taken', 'taken'], [1, 2, 3, 4]],
    [
      '[G3] in which one finds no room, is lost as a whole but for what comes after',
      true,
      ['store-full memory', 'store-full memory', 'store-full memory', 'taken'],
      [1],
    ],
  ] as const)('%s', async (_what, isSmall, wanted, told) => {
    const { store, limit } = fillingStore();
    const heard: number[] = [];
    store.watch(({ revision }) => heard.push(revision));
    limit(isSmall);
    const asked = [small('a'), small('b'), large('c'), small('d')];
    expect(await outcomes(asked.map((each) => store.commit(each)))).toEqual(wanted);
    expect(heard).toEqual(told);
    const { revision, objects } = await store.snapshot();
    expect(revision).toBe(told.length);
    expect(objects.map(({ key, revision: changed }) => [key, changed])).toEqual(
      isSmall ? [['d', 1]] : ['a', 'b', 'c', 'd'].map((key, i) => [key, i + 1]),
    );
    limit(false);
    expect((await store.commit(large('e'))).revision).toBe(told.length + 1);
    await store.close();
  });

  it('[G3] says of each write that was lost that it was', async () => {
    const { store, limit } = fillingStore();
    limit(true);
    const first = await store.write(small('a'));
    expect(first.commit.revision).toBe(1);
    expect(await refusal(store.write(large('b')))).toEqual(['store-full memory']);
    expect(await refusal(first.durable)).toEqual(['store-full memory']);
    expect(await store.revision()).toBe(0);
    await store.close();
  });

  it('[G2] that is lost was in no answer', async () => {
    const { store, limit } = fillingStore();
    limit(true);
    await store.write(small('a'));
    // Asked while a is taken, answered when it is known what becomes of it.
    const seen = store.snapshot();
    expect(await refusal(store.write(large('b')))).toEqual(['store-full memory']);
    expect(await seen).toMatchObject({ revision: 0, objects: [] });
    await store.close();
  });
});
