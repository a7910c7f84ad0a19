import { afterEach, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../base/codes.ts';
import { canonicalJson, type JsonObject } from '../base/json.ts';
import type { AllocationWrite, Changes, Commit, ObjectWrite, Store, Transaction } from './contract.ts';
import { describeStoreModel } from './contract-model.ts';

const TIME = Date.UTC(2026, 0, 1);

/** A transaction by alice; the tests say what matters to them. */
export function tx(parts: Partial<Transaction>): Transaction {
  return { author: 'alice', message: 'test', time: TIME, objects: [], allocations: [], ...parts };
}

export function put(
  kind: string,
  key: string,
  value: JsonObject | null,
  expect?: number | 'absent',
): ObjectWrite {
  return { kind, key, value, ...(expect === undefined ? {} : { expect }) };
}

export function give(scope: string, owner: string, value: string | null): AllocationWrite {
  return { scope, owner, value };
}

/** The findings of a call that is refused, as `code path`. */
export async function refusal(call: Promise<unknown>): Promise<string[]> {
  const thrown = await call.then(
    () => undefined,
    (error: { findings: { code: ErrorCode; path: string }[] }) => error,
  );
  return (thrown?.findings ?? []).map(({ code, path }) => `${code} ${path}`.trimEnd());
}

function commitsOf(changes: Changes): readonly Commit[] {
  if ('compactedTo' in changes) throw new Error(`compacted to ${changes.compactedTo}`);
  return changes.commits;
}

/**
 * The rules of `contract.ts`, checked on one implementation.
 *
 * @param create gives a new, empty store, each time another.
 */
export function describeStoreContract(name: string, create: () => Promise<Store>): void {
  const opened: Store[] = [];
  const open = async () => {
    const store = await create();
    opened.push(store);
    return store;
  };
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });

  describe(`${name}: commit`, () => {
    it('[C1] gives each commit the next revision, from 1', async () => {
      const store = await open();
      expect(await store.revision()).toBe(0);
      expect(await store.snapshot()).toEqual({ revision: 0, objects: [], allocations: [] });
      for (const n of [1, 2, 3]) {
        const commit = await store.commit(tx({ objects: [put('Net', 'blue', { n })] }));
        expect(commit.revision).toBe(n);
        expect(await store.revision()).toBe(n);
      }
    });

    it('[C1] leaves no gap after a refused transaction', async () => {
      const store = await open();
      await store.commit(tx({ objects: [put('Net', 'blue', {})] }));
      await expect(store.commit(tx({ base: 0, objects: [put('Net', 'red', {})] }))).rejects.toThrow();
      expect((await store.commit(tx({ objects: [put('Net', 'red', {})] }))).revision).toBe(2);
    });

    it('[C1] gives commits that were asked for at once revisions in the order of asking', async () => {
      const store = await open();
      const asked = Array.from({ length: 20 }, (_, n) =>
        store.commit(tx({ objects: [put('Net', 'blue', { n })] })),
      );
      const commits = await Promise.all(asked);
      expect(commits.map(({ revision }) => revision)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
      expect((await store.snapshot()).objects[0]?.value).toEqual({ n: 19 });
    });

    it('says who, when, why, and each change before and after', async () => {
      const store = await open();
      await store.commit(
        tx({ objects: [put('Net', 'blue', { n: 1 })], allocations: [give('pool', 'vm1', '10.0.0.5')] }),
      );
      const commit = await store.commit({
        author: 'bob',
        message: 'renumber',
        time: TIME + 5,
        requestId: 'r-2',
        objects: [put('Net', 'blue', { n: 2 }), put('Net', 'red', { n: 1 })],
        allocations: [give('pool', 'vm1', '10.0.0.7')],
      });
      expect(commit).toEqual({
        revision: 2,
        author: 'bob',
        message: 'renumber',
        time: TIME + 5,
        requestId: 'r-2',
        objects: [
          { kind: 'Net', key: 'blue', before: { n: 1 }, beforeRevision: 1, after: { n: 2 } },
          { kind: 'Net', key: 'red', before: null, beforeRevision: null, after: { n: 1 } },
        ],
        allocations: [{ scope: 'pool', owner: 'vm1', before: '10.0.0.5', after: '10.0.0.7' }],
      });
      expect(commitsOf(await store.changes(1))).toEqual([commit]);
    });

    it('[C2] refuses the whole transaction with every reason', async () => {
      const store = await open();
      await store.commit(tx({ objects: [put('Net', 'blue', {})], allocations: [give('pool', 'vm1', 'a')] }));
      const before = await store.snapshot();
      const mixed = tx({
        base: 7,
        objects: [put('Net', 'good', {}), put('Net', 'blue', { n: 1 }, 'absent'), put('Net', 'gone', null)],
        allocations: [give('pool', 'vm3', 'c'), give('pool', 'vm2', 'a')],
      });
      expect(await refusal(store.commit(mixed))).toEqual([
        'conflict',
        'conflict Net/blue',
        'not-found Net/gone',
        'conflict pool/vm2',
      ]);
      expect(await store.snapshot()).toEqual(before);
      expect(commitsOf(await store.changes(0))).toHaveLength(1);
      // The good part alone would have been taken.
      await store.commit(tx({ objects: [put('Net', 'good', {})], allocations: [give('pool', 'vm3', 'c')] }));
    });

    it('[C3] keeps only real changes', async () => {
      const store = await open();
      await store.commit(
        tx({
          objects: [put('Net', 'blue', { a: 1, b: 2 }), put('Net', 'red', {})],
          allocations: [give('pool', 'vm1', 'a')],
        }),
      );
      const commit = await store.commit(
        tx({
          objects: [put('Net', 'blue', { b: 2, a: 1 }), put('Net', 'red', { n: 1 })],
          allocations: [give('pool', 'vm1', 'a')],
        }),
      );
      expect(commit.objects.map(({ key }) => key)).toEqual(['red']);
      expect(commit.allocations).toEqual([]);
      expect((await store.snapshot()).objects.map(({ key, revision }) => [key, revision])).toEqual([
        ['blue', 1],
        ['red', 2],
      ]);
    });

    it('[C3] refuses a transaction that changes nothing', async () => {
      const store = await open();
      await store.commit(tx({ objects: [put('Net', 'blue', { n: 1 })] }));
      expect(await refusal(store.commit(tx({})))).toEqual(['no-change']);
      expect(await refusal(store.commit(tx({ objects: [put('Net', 'blue', { n: 1 })] })))).toEqual([
        'no-change',
      ]);
      expect(await store.revision()).toBe(1);
    });

    it('[C4] checks the revision that an object is expected to have', async () => {
      const store = await open();
      await store.commit(tx({ objects: [put('Net', 'blue', { n: 1 }, 'absent')] }));
      await store.commit(tx({ objects: [put('Net', 'blue', { n: 2 }, 1)] }));
      expect(await refusal(store.commit(tx({ objects: [put('Net', 'blue', { n: 3 }, 1)] })))).toEqual([
        'conflict Net/blue',
      ]);
      expect(await refusal(store.commit(tx({ objects: [put('Net', 'blue', null, 1)] })))).toEqual([
        'conflict Net/blue',
      ]);
      expect(await refusal(store.commit(tx({ objects: [put('Net', 'red', {}, 1)] })))).toEqual([
        'conflict Net/red',
      ]);
      expect(await refusal(store.commit(tx({ objects: [put('Net', 'blue', {}, 'absent')] })))).toEqual([
        'conflict Net/blue',
      ]);
      expect((await store.commit(tx({ objects: [put('Net', 'blue', null, 2)] }))).revision).toBe(3);
    });

    it('[C4] takes an expectation without a change as a guard', async () => {
      const store = await open();
      await store.commit(tx({ objects: [put('Net', 'blue', { n: 1 })] }));
      const guarded = (expect: number | 'absent') => [
        put('Net', 'blue', { n: 1 }, expect),
        put('Net', 'red', null, 'absent'),
        put('Net', 'green', {}),
      ];
      expect(await refusal(store.commit(tx({ objects: guarded('absent') })))).toEqual(['conflict Net/blue']);
      const commit = await store.commit(tx({ objects: guarded(1) }));
      expect(commit.objects.map(({ key }) => key)).toEqual(['green']);
    });

    it('[C5] refuses a change that was decided at another revision', async () => {
      const store = await open();
      await store.commit(tx({ base: 0, objects: [put('Net', 'blue', {})] }));
      expect(await refusal(store.commit(tx({ base: 0, objects: [put('Net', 'red', {})] })))).toEqual([
        'conflict',
      ]);
      expect(await refusal(store.commit(tx({ base: 2, objects: [put('Net', 'red', {})] })))).toEqual([
        'conflict',
      ]);
      expect((await store.commit(tx({ base: 1, objects: [put('Net', 'red', {})] }))).revision).toBe(2);
    });

    it('[C6] commits a request once', async () => {
      const store = await open();
      const request = tx({ requestId: 'r-1', base: 0, objects: [put('Net', 'blue', {}, 'absent')] });
      const first = await store.commit(request);
      await store.commit(tx({ requestId: 'r-2', objects: [put('Net', 'blue', { n: 2 })] }));
      expect(await store.commit(request)).toEqual(first);
      expect(await store.revision()).toBe(2);
      const [a, b] = await Promise.all(
        [1, 2].map((n) => store.commit(tx({ requestId: 'r-3', objects: [put('Net', 'red', { n })] }))),
      );
      expect(a).toEqual(b);
      expect(await store.revision()).toBe(3);
      expect((await store.commit(tx({ objects: [put('Net', 'green', {})] }))).revision).toBe(4);
    });

    it('[C6] does not remember a request that was refused', async () => {
      const store = await open();
      expect(
        await refusal(store.commit(tx({ requestId: 'r', objects: [put('Net', 'blue', null)] }))),
      ).toEqual(['not-found Net/blue']);
      expect((await store.commit(tx({ requestId: 'r', objects: [put('Net', 'blue', {})] }))).revision).toBe(
        1,
      );
    });

    it('[C7] does not delete or release what is not there', async () => {
      const store = await open();
      expect(await refusal(store.commit(tx({ objects: [put('Net', 'blue', null)] })))).toEqual([
        'not-found Net/blue',
      ]);
      expect(await refusal(store.commit(tx({ allocations: [give('pool', 'vm1', null)] })))).toEqual([
        'not-found pool/vm1',
      ]);
    });

    it('[C8] gives a value of a scope to one owner only', async () => {
      const store = await open();
      await store.commit(tx({ allocations: [give('pool', 'vm1', 'a'), give('other', 'vm2', 'a')] }));
      expect(await refusal(store.commit(tx({ allocations: [give('pool', 'vm2', 'a')] })))).toEqual([
        'conflict pool/vm2',
      ]);
      expect(
        await refusal(
          store.commit(tx({ allocations: [give('pool', 'vm2', 'b'), give('pool', 'vm3', 'b')] })),
        ),
      ).toEqual(['conflict pool/vm3']);
      await store.commit(tx({ allocations: [give('pool', 'vm2', 'b')] }));
      expect((await store.snapshot()).allocations).toEqual([
        { scope: 'other', owner: 'vm2', value: 'a' },
        { scope: 'pool', owner: 'vm1', value: 'a' },
        { scope: 'pool', owner: 'vm2', value: 'b' },
      ]);
    });

    it('[C8] lets owners swap values, and a value pass on, within one transaction', async () => {
      const store = await open();
      await store.commit(tx({ allocations: [give('pool', 'vm1', 'a'), give('pool', 'vm2', 'b')] }));
      await store.commit(tx({ allocations: [give('pool', 'vm1', 'b'), give('pool', 'vm2', 'a')] }));
      await store.commit(tx({ allocations: [give('pool', 'vm3', 'a'), give('pool', 'vm2', null)] }));
      expect((await store.snapshot()).allocations.map(({ owner, value }) => owner + value)).toEqual([
        'vm1b',
        'vm3a',
      ]);
      expect((await store.snapshot(1)).allocations.map(({ owner, value }) => owner + value)).toEqual([
        'vm1a',
        'vm2b',
      ]);
    });

    it.each<[string, Partial<Transaction>, string]>([
      ['an empty kind', { objects: [put('', 'k', {})] }, '/k'],
      ['an empty key', { objects: [put('Net', '', {})] }, 'Net/'],
      ['NUL in a name', { objects: [put('Net', 'a\0b', {})] }, 'Net/a\0b'],
      ['half a surrogate pair', { objects: [put('Net', '\ud800', {})] }, 'Net/\ud800'],
      ['a name without end', { objects: [put('Net', 'x'.repeat(1025), {})] }, `Net/${'x'.repeat(1025)}`],
      ['an object twice', { objects: [put('Net', 'a', {}), put('Net', 'a', null)] }, 'Net/a'],
      ['a value that is not JSON', { objects: [put('Net', 'a', { n: Number.NaN })] }, 'Net/a.n'],
      ['an expectation that is no revision', { objects: [put('Net', 'a', {}, -1)] }, 'Net/a'],
      ['an owner twice', { allocations: [give('pool', 'vm1', 'a'), give('pool', 'vm1', 'b')] }, 'pool/vm1'],
      ['an empty value', { allocations: [give('pool', 'vm1', '')] }, 'pool/vm1'],
      ['an empty author', { author: '', objects: [put('Net', 'a', {})] }, 'author'],
      ['a time that is none', { time: 0.5, objects: [put('Net', 'a', {})] }, 'time'],
      ['a base that is no revision', { base: 0.5, objects: [put('Net', 'a', {})] }, 'base'],
      ['an empty request id', { requestId: '', objects: [put('Net', 'a', {})] }, 'requestId'],
    ])('[C9] refuses %s', async (_what, parts, path) => {
      const store = await open();
      expect(await refusal(store.commit(tx(parts)))).toEqual([`value-invalid ${path}`]);
      expect(await store.revision()).toBe(0);
    });

    it('[C9] takes every other text as a name', async () => {
      const store = await open();
      const names = [
        "'; drop table objects; --",
        '🧵',
        '\u{ffff}',
        ' ',
        'a/b',
        'é',
        'e\u0301',
        '%_',
        '__proto__',
      ];
      await store.commit(tx({ objects: names.map((key) => put(key, key, { [key]: key })) }));
      await store.commit(tx({ allocations: names.map((value) => give(value, value, value)) }));
      const { objects, allocations } = await store.snapshot();
      const inOrder = [...names].sort();
      expect(objects.map(({ key }) => key)).toEqual(inOrder);
      expect(allocations.map(({ value }) => value)).toEqual(inOrder);
      for (const { key, value } of objects) expect(Object.entries(value)).toEqual([[key, key]]);
    });

    it('[C10] keeps values in canonical order', async () => {
      const store = await open();
      const value = { b: [{ y: 1, x: 2 }], a: null };
      const commit = await store.commit(tx({ objects: [put('Net', 'blue', value)] }));
      const texts = [commit.objects[0]?.after, (await store.snapshot()).objects[0]?.value].map((v) =>
        JSON.stringify(v),
      );
      expect(texts).toEqual([canonicalJson(value), canonicalJson(value)]);
    });

    it('[C10] is not changed by whoever wrote or read a value', async () => {
      const store = await open();
      const value = { list: [1] };
      const asked = store.commit(tx({ objects: [put('Net', 'blue', value)] }));
      value.list.push(2);
      await asked;
      const read = (await store.snapshot()).objects[0]!.value.list;
      expect(read).toEqual([1]);
      try {
        (read as number[]).push(3);
      } catch {
        // Frozen: as good as a copy.
      }
      expect((await store.snapshot()).objects[0]!.value).toEqual({ list: [1] });
      expect(commitsOf(await store.changes(0))[0]!.objects[0]!.after).toEqual({ list: [1] });
    });

    it('takes a thousand objects and allocations in one commit', async () => {
      const store = await open();
      const names = Array.from({ length: 1000 }, (_, n) => `vm${String(n).padStart(4, '0')}`);
      const all = (n: number | null) =>
        tx({
          objects: names.map((key) => put('VM', key, n === null ? null : { n })),
          allocations: names.map((owner) => give('pool', owner, n === null ? null : `${n}-${owner}`)),
        });
      await store.commit(all(1));
      expect(await store.commit(all(2))).toMatchObject({
        objects: { length: 1000 },
        allocations: { length: 1000 },
      });
      expect((await store.snapshot()).objects.map(({ key }) => key)).toEqual(names);
      await store.commit(all(null));
      expect(await store.snapshot()).toEqual({ revision: 3, objects: [], allocations: [] });
      expect((await store.snapshot(1)).allocations).toHaveLength(1000);
    });
  });

  describe(`${name}: write`, () => {
    const write = (store: Store, n: number) =>
      store.write(tx({ base: n - 1, objects: [put('Net', `n${n}`, { n })] }));

    it('[G1] decides on what was taken before, and tells in order when it is durable', async () => {
      const store = await open();
      const told: number[] = [];
      store.watch(({ revision }) => told.push(revision));
      // More than become durable together.
      const taken = [];
      for (let n = 1; n <= 150; n++) taken.push(await write(store, n));
      const revisions = Array.from({ length: 150 }, (_, i) => i + 1);
      expect(taken.map(({ commit }) => commit.revision)).toEqual(revisions);
      await taken[9]!.durable;
      expect(told.slice(0, 10)).toEqual(revisions.slice(0, 10));
      await taken[149]!.durable;
      expect(told).toEqual(revisions);
      for (const { durable } of taken) await durable;
      expect(commitsOf(await store.changes(0))).toEqual(taken.map(({ commit }) => commit));
    });

    it('[G2] answers with what is durable only', async () => {
      const store = await open();
      for (const n of [1, 2, 3]) {
        const { durable } = await write(store, n);
        let isDurable = false;
        void durable.then(() => {
          isDurable = true;
        });
        const asked = [store.revision, () => store.snapshot(), () => store.changes(0), () => store.undo(n)];
        await asked[n % asked.length]!();
        expect(isDurable).toBe(true);
      }
    });

    it('[G3] takes no other along where a transaction is refused', async () => {
      const store = await open();
      const asked = [1, 7, 2, 7, 3].map((n) => write(store, n));
      const codes = await Promise.all(asked.map((each) => refusal(each)));
      expect(codes).toEqual([[], ['conflict'], [], ['conflict'], []]);
      expect((await store.snapshot()).objects.map(({ key, revision }) => [key, revision])).toEqual([
        ['n1', 1],
        ['n2', 2],
        ['n3', 3],
      ]);
    });

    it('[C6] knows a request that is taken and not durable yet', async () => {
      const store = await open();
      const request = tx({ requestId: 'r', objects: [put('Net', 'blue', {})] });
      const [first, second] = [await store.write(request), await store.write(request)];
      expect(second.commit).toEqual(first.commit);
      await second.durable;
      expect(await store.revision()).toBe(1);
    });

    it('[L2] is finished before the store closes', async () => {
      const store = await open();
      const { durable } = await write(store, 1);
      await store.close();
      await durable;
    });
  });

  describe(`${name}: read`, () => {
    /** Five commits: blue made, red made, blue changed, red deleted, blue changed. */
    async function five(): Promise<Store> {
      const store = await open();
      await store.commit(
        tx({ objects: [put('Net', 'blue', { n: 1 })], allocations: [give('pool', 'vm1', 'a')] }),
      );
      await store.commit(tx({ objects: [put('Net', 'red', { n: 2 }), put('VM', 'red', {})] }));
      await store.commit(
        tx({ objects: [put('Net', 'blue', { n: 3 })], allocations: [give('pool', 'vm1', null)] }),
      );
      await store.commit(tx({ objects: [put('Net', 'red', null)] }));
      await store.commit(tx({ objects: [put('Net', 'blue', { n: 5 })] }));
      return store;
    }

    it('[R1] gives a snapshot in a fixed order', async () => {
      const store = await open();
      await store.commit(
        tx({
          objects: [put('b', 'x', {}), put('a', 'y', {}), put('a', 'x', {})],
          allocations: [give('t', 'x', '1'), give('s', 'y', '1'), give('s', 'x', '2')],
        }),
      );
      const { objects, allocations } = await store.snapshot();
      expect(objects.map(({ kind, key }) => kind + key)).toEqual(['ax', 'ay', 'bx']);
      expect(allocations.map(({ scope, owner }) => scope + owner)).toEqual(['sx', 'sy', 'tx']);
    });

    it('[R2] gives the state of an earlier revision, down to the revision of each object', async () => {
      const store = await five();
      expect(await store.snapshot(0)).toEqual({ revision: 0, objects: [], allocations: [] });
      expect(await store.snapshot(4)).toEqual({
        revision: 4,
        objects: [
          { kind: 'Net', key: 'blue', revision: 3, value: { n: 3 } },
          { kind: 'VM', key: 'red', revision: 2, value: {} },
        ],
        allocations: [],
      });
      expect((await store.snapshot(2)).allocations).toEqual([{ scope: 'pool', owner: 'vm1', value: 'a' }]);
    });

    it('[R3] gives the commits after a revision, in order, with a limit a page of them', async () => {
      const store = await five();
      const revisions = async (since: number, limit?: number) =>
        commitsOf(await store.changes(since, limit)).map(({ revision }) => revision);
      expect(await revisions(0)).toEqual([1, 2, 3, 4, 5]);
      expect(await revisions(3)).toEqual([4, 5]);
      expect(await revisions(5)).toEqual([]);
      expect(await revisions(1, 2)).toEqual([2, 3]);
      expect(await store.changes(1, 2)).toMatchObject({ revision: 5 });
    });

    it('[R4] does not answer for a revision that is not made yet', async () => {
      const store = await five();
      expect(await refusal(store.changes(6))).toEqual(['not-found']);
      expect(await refusal(store.snapshot(6))).toEqual(['not-found']);
      expect(await refusal(store.undo(6))).toEqual(['not-found']);
      expect(await refusal(store.undo(0))).toEqual(['not-found']);
      expect(await refusal(store.changes(-1))).toEqual(['not-found']);
      expect(await refusal(store.snapshot(1.5))).toEqual(['value-invalid']);
      expect(await refusal(store.changes(0, 0))).toEqual(['value-invalid']);
      expect(await refusal(store.history({ limit: -1 }))).toEqual(['value-invalid']);
    });

    it('[R5] gives the history from new to old, by page, kind and object', async () => {
      const store = await five();
      const revisions = async (filter: Parameters<Store['history']>[0]) =>
        (await store.history(filter)).map(({ revision }) => revision);
      expect(await revisions({ limit: 9 })).toEqual([5, 4, 3, 2, 1]);
      expect(await revisions({ limit: 2 })).toEqual([5, 4]);
      expect(await revisions({ limit: 2, before: 4 })).toEqual([3, 2]);
      expect(await revisions({ limit: 9, object: { kind: 'VM' } })).toEqual([2]);
      expect(await revisions({ limit: 9, object: { kind: 'Net', key: 'red' } })).toEqual([4, 2]);
      expect(await revisions({ limit: 1, before: 5, object: { kind: 'Net', key: 'blue' } })).toEqual([3]);
      expect(await revisions({ limit: 9, object: { kind: 'Net', key: 'green' } })).toEqual([]);
      expect(await store.history({ limit: 5 })).toEqual(commitsOf(await store.changes(0)).toReversed());
    });

    it('[R5] gives the history of one author, and since a time', async () => {
      const store = await open();
      for (const [n, author] of ['alice', 'bob', 'alice', 'bob'].entries())
        await store.commit(tx({ author, time: TIME + n, objects: [put('Net', 'blue', { n })] }));
      const revisions = async (filter: Parameters<Store['history']>[0]) =>
        (await store.history(filter)).map(({ revision }) => revision);
      expect(await revisions({ limit: 9, author: 'bob' })).toEqual([4, 2]);
      expect(await revisions({ limit: 1, author: 'alice', before: 3 })).toEqual([1]);
      expect(await revisions({ limit: 9, since: TIME + 1 })).toEqual([4, 3, 2]);
      expect(await revisions({ limit: 9, since: TIME + 1, author: 'alice' })).toEqual([3]);
      expect(await revisions({ limit: 9, author: 'carol' })).toEqual([]);
    });
  });

  describe(`${name}: watch`, () => {
    it('[W1] tells every handler each commit once, in order, before commit returns', async () => {
      const store = await open();
      const told: string[] = [];
      store.watch(({ revision }) => told.push(`a${revision}`));
      const stop = store.watch(({ revision }) => told.push(`b${revision}`));
      await store.commit(tx({ objects: [put('Net', 'blue', {})] }));
      told.push('returned');
      stop();
      stop();
      await Promise.all([1, 2, 3].map((n) => store.commit(tx({ objects: [put('Net', 'blue', { n })] }))));
      expect(told).toEqual(['a1', 'b1', 'returned', 'a2', 'a3', 'a4']);
    });

    it('[W1] tells what reading gives by then', async () => {
      const store = await open();
      const told: Commit[] = [];
      const read: Promise<Commit | undefined>[] = [];
      store.watch((commit) => {
        told.push(commit);
        read.push(store.changes(commit.revision - 1).then((changes) => commitsOf(changes)[0]));
      });
      await store.commit(tx({ objects: [put('Net', 'blue', { n: 1 })] }));
      await store.commit(tx({ objects: [put('Net', 'blue', null)] }));
      expect(await Promise.all(read)).toEqual(told);
    });

    it('[W1] keeps the order when a handler commits', async () => {
      const store = await open();
      const told: string[] = [];
      let inner: Promise<Commit> | undefined;
      store.watch(({ revision }) => {
        told.push(`a${revision}`);
        inner ??= store.commit(tx({ objects: [put('Net', 'red', {})] }));
      });
      store.watch(({ revision }) => told.push(`b${revision}`));
      await store.commit(tx({ objects: [put('Net', 'blue', {})] }));
      await inner;
      expect(told).toEqual(['a1', 'b1', 'a2', 'b2']);
    });

    it('[W1] a watch that begins or stops in a handler does so at once', async () => {
      const store = await open();
      const told: string[] = [];
      let stopLate = () => {};
      let begun = false;
      store.watch(({ revision }) => {
        told.push(`a${revision}`);
        stopLate();
        if (!begun) store.watch((commit) => told.push(`new${commit.revision}`));
        begun = true;
      });
      stopLate = store.watch(({ revision }) => told.push(`late${revision}`));
      await store.commit(tx({ objects: [put('Net', 'blue', {})] }));
      await store.commit(tx({ objects: [put('Net', 'red', {})] }));
      expect(told).toEqual(['a1', 'a2', 'new2']);
    });

    it('[W2] tells nobody of a refused or a repeated transaction', async () => {
      const store = await open();
      const told: number[] = [];
      store.watch(({ revision }) => told.push(revision));
      const request = tx({ requestId: 'r', objects: [put('Net', 'blue', {})] });
      await store.commit(request);
      await store.commit(request);
      await refusal(store.commit(tx({ objects: [put('Net', 'red', null)] })));
      await store.commit(tx({ objects: [put('Net', 'red', {})] }));
      expect(told).toEqual([1, 2]);
    });

    it('[W3] is not stopped by a handler that throws', async () => {
      const store = await open();
      const warnings: string[] = [];
      const onWarning = (warning: Error) => warnings.push(warning.message);
      process.on('warning', onWarning);
      try {
        const told: number[] = [];
        store.watch(() => {
          throw new Error('a defect');
        });
        store.watch(({ revision }) => told.push(revision));
        await store.commit(tx({ objects: [put('Net', 'blue', {})] }));
        expect(told).toEqual([1]);
        await new Promise(setImmediate);
        expect(warnings).toEqual(['a defect']);
      } finally {
        process.off('warning', onWarning);
      }
    });
  });

  describe(`${name}: undo and compaction`, () => {
    const undo = async (store: Store, revision: number) =>
      store.commit(tx({ ...(await store.undo(revision)), author: 'bob' }));

    it('[U1] takes a commit back', async () => {
      const store = await open();
      await store.commit(
        tx({
          objects: [put('Net', 'blue', { n: 1 }), put('Net', 'red', {})],
          allocations: [give('pool', 'vm1', 'a')],
        }),
      );
      const before = await store.snapshot();
      await store.commit(
        tx({
          message: 'mistake',
          objects: [put('Net', 'blue', { n: 2 }), put('Net', 'red', null), put('Net', 'green', {})],
          allocations: [give('pool', 'vm1', null), give('pool', 'vm2', 'a')],
        }),
      );
      const commit = await undo(store, 2);
      expect(commit).toMatchObject({ revision: 3, author: 'bob', message: 'Undo revision 2: mistake' });
      const after = await store.snapshot();
      expect(after.objects.map(({ kind, key, value }) => ({ kind, key, value }))).toEqual(
        before.objects.map(({ kind, key, value }) => ({ kind, key, value })),
      );
      expect(after.allocations).toEqual(before.allocations);
    });

    it('[U1] takes an undo back', async () => {
      const store = await open();
      await store.commit(tx({ objects: [put('Net', 'blue', { n: 1 })] }));
      await undo(store, 1);
      expect((await store.snapshot()).objects).toEqual([]);
      await undo(store, 2);
      expect((await store.snapshot()).objects).toEqual([
        { kind: 'Net', key: 'blue', revision: 3, value: { n: 1 } },
      ]);
    });

    it('[U2] leaves later changes of others alone, and refuses where they touched the same', async () => {
      const store = await open();
      await store.commit(
        tx({ objects: [put('Net', 'blue', {}), put('Net', 'red', {}), put('Net', 'green', {})] }),
      );
      await store.commit(tx({ objects: [put('Net', 'blue', { n: 2 }), put('Net', 'red', null)] }));
      expect(await refusal(store.undo(1))).toEqual(['conflict Net/blue', 'conflict Net/red']);
      await store.commit(tx({ objects: [put('Net', 'red', {})] }));
      expect(await refusal(store.undo(2))).toEqual(['conflict Net/red']);
      await store.commit(tx({ objects: [put('Net', 'yellow', {})] }));
      await undo(store, 3);
      expect((await store.snapshot()).objects.map(({ key }) => key)).toEqual(['blue', 'green', 'yellow']);
    });

    it('[U2] does not take an allocation from whoever has it by now', async () => {
      const store = await open();
      await store.commit(tx({ allocations: [give('pool', 'vm1', 'a')] }));
      await store.commit(tx({ allocations: [give('pool', 'vm1', null)] }));
      await store.commit(tx({ allocations: [give('pool', 'vm2', 'a')] }));
      expect(await refusal(store.undo(1))).toEqual(['conflict pool/vm1']);
      expect(await refusal(store.undo(2))).toEqual(['conflict pool/vm1']);
    });

    it('[U4] leaves notes on the past as they are', async () => {
      const store = await open();
      await store.commit(tx({ allocations: [give('pool', 'vm1', 'a')] }));
      await store.commit(tx({ allocations: [give('pool', 'vm1', null), give('~pool', 'a', 'vm1')] }));
      await store.commit(tx({ allocations: [give('~pool', 'a', null)] }));
      expect((await store.undo(2)).allocations).toEqual([give('pool', 'vm1', 'a')]);
      // The same in a scope without the sign is what undo refuses.
      await store.commit(tx({ allocations: [give('note', 'a', 'vm1')] }));
      await store.commit(tx({ allocations: [give('note', 'a', null)] }));
      expect(await refusal(store.undo(4))).toEqual(['conflict note/a']);
    });

    it('[U2] an undo that others overtook is refused when it is committed', async () => {
      const store = await open();
      await store.commit(tx({ objects: [put('Net', 'blue', {})] }));
      const inverse = await store.undo(1);
      await store.commit(tx({ objects: [put('Net', 'red', {})] }));
      expect(await refusal(store.commit(tx(inverse)))).toEqual(['conflict']);
    });

    it('[U3] forgets commits, not what they made', async () => {
      const store = await open();
      for (const n of [1, 2, 3, 4]) {
        await store.commit(
          tx({ requestId: `r${n}`, objects: [put('Net', 'blue', { n }), put('Net', `n${n}`, {})] }),
        );
      }
      const [whole, second] = [await store.snapshot(), await store.snapshot(2)];
      expect(await store.compact(3)).toBe(2);
      expect(await store.snapshot()).toEqual(whole);
      expect(await store.snapshot(2)).toEqual(second);
      expect(await store.changes(1)).toEqual({ compactedTo: 2 });
      expect(commitsOf(await store.changes(2)).map(({ revision }) => revision)).toEqual([3, 4]);
      expect((await store.history({ limit: 9 })).map(({ revision }) => revision)).toEqual([4, 3]);
      expect((await store.history({ limit: 9, object: { kind: 'Net', key: 'n1' } })).length).toBe(0);
      expect(await refusal(store.snapshot(1))).toEqual(['not-found']);
      expect(await refusal(store.undo(2))).toEqual(['not-found']);
      expect(await refusal(store.undo(4))).toEqual([]);
      // The request of a forgotten commit is a new one.
      expect(await refusal(store.commit(tx({ requestId: 'r4' })))).toEqual([]);
      expect(await refusal(store.commit(tx({ requestId: 'r1' })))).toEqual(['no-change']);
    });

    it('[U3] forgets nothing twice, and not what is still to come', async () => {
      const store = await open();
      await store.commit(tx({ objects: [put('Net', 'blue', { n: 1 })] }));
      await store.commit(tx({ objects: [put('Net', 'blue', { n: 2 })] }));
      expect(await store.compact(2)).toBe(1);
      expect(await store.compact(1)).toBe(1);
      expect(await refusal(store.compact(Number.NaN))).toEqual(['value-invalid']);
      expect(await store.compact(100)).toBe(2);
      expect(await store.changes(2)).toEqual({ commits: [], revision: 2 });
      expect((await store.commit(tx({ objects: [put('Net', 'blue', { n: 3 }, 2)] }))).revision).toBe(3);
      expect((await store.snapshot(2)).objects[0]?.value).toEqual({ n: 2 });
    });
  });

  describe(`${name}: secrets`, () => {
    const owner = 'User/ann';
    const hash = (text: string) => ({ owner, name: 'password', value: { hash: text } });
    const stored = async (store: Store) =>
      (await store.secrets()).map(({ name, value }) => ({ name, value }));

    it('[S1] stores a secret with its commit, which says that and not what', async () => {
      const store = await open();
      const told: Commit[] = [];
      store.watch((commit) => told.push(commit));
      await store.commit(tx({ objects: [put('User', 'ann', {})], secrets: [hash('canary-1')] }));
      await store.commit(tx({ secrets: [hash('canary-2')] }));
      expect(await stored(store)).toEqual([{ name: 'password', value: { hash: 'canary-2' } }]);
      expect(told.map(({ secrets }) => secrets)).toEqual([
        [{ owner, name: 'password', action: 'set' }],
        [{ owner, name: 'password', action: 'set' }],
      ]);
      const everything = [
        told,
        await store.snapshot(),
        await store.history({ limit: 9 }),
        await store.changes(0),
      ];
      expect(JSON.stringify(everything)).not.toContain('canary');
    });

    it('[S1] stores nothing of a transaction that is refused, or whose request id was known', async () => {
      const store = await open();
      await store.commit(tx({ secrets: [hash('a')], requestId: 'r' }));
      await store.commit(tx({ secrets: [hash('b')], requestId: 'r' }));
      await refusal(store.commit(tx({ secrets: [hash('c')], base: 0 })));
      await refusal(store.commit(tx({ secrets: [hash('c'), hash('d')] })));
      expect(await stored(store)).toEqual([{ name: 'password', value: { hash: 'a' } }]);
    });

    it('[S2] leaves secrets as they are when a commit is undone', async () => {
      const store = await open();
      await store.commit(tx({ objects: [put('User', 'ann', { n: 1 })], secrets: [hash('a')] }));
      await store.commit(tx({ ...(await store.undo(1)) }));
      expect(await stored(store)).toHaveLength(1);
    });

    it('[S3] removes a secret once', async () => {
      const store = await open();
      await store.commit(tx({ secrets: [hash('a')] }));
      const removal = tx({ secrets: [{ owner, name: 'password', value: null }] });
      expect((await store.commit(removal)).secrets).toEqual([{ owner, name: 'password', action: 'removed' }]);
      expect(await stored(store)).toEqual([]);
      expect(await refusal(store.commit(removal))).toEqual([`not-found ${owner}/password`]);
    });

    it('[S4] notes when a secret was used, without a revision, until it is set anew', async () => {
      const store = await open();
      await store.commit(tx({ secrets: [hash('a')] }));
      await store.noteUse(owner, 'password', TIME);
      await store.noteUse(owner, 'no such', TIME);
      expect(await store.secrets()).toMatchObject([{ name: 'password', used: TIME }]);
      expect(await store.revision()).toBe(1);
      await store.commit(tx({ secrets: [hash('b')] }));
      expect(await store.secrets()).toMatchObject([{ name: 'password', used: null }]);
    });
  });

  describe(`${name}: jobs`, () => {
    const job = (id: number, state: string) => ({ id, value: { state } });

    it('[J1] stores a job with its commit, and not without', async () => {
      const store = await open();
      const objects = [put('Net', 'blue', {})];
      await store.commit(tx({ objects, requestId: 'r', job: job(7, 'committing') }));
      await store.commit(tx({ objects, requestId: 'r', job: job(8, 'again') }));
      await refusal(store.commit(tx({ objects, job: job(9, 'no change') })));
      expect(await store.jobs()).toEqual([{ id: 7, revision: 1, value: { state: 'committing' } }]);
      expect(commitsOf(await store.changes(0))[0]).not.toHaveProperty('job');
    });

    it('[J2] replaces a job, but for its revision, and stores all or none', async () => {
      const store = await open();
      await store.commit(tx({ objects: [put('Net', 'blue', {})], job: job(2, 'committing') }));
      await store.putJobs([job(2, 'done'), job(3, 'running')]);
      const stored = [
        { id: 2, revision: 1, value: { state: 'done' } },
        { id: 3, revision: null, value: { state: 'running' } },
      ];
      expect(await store.jobs()).toEqual(stored);
      for (const wrong of [0, 1.5, 3]) {
        expect(await refusal(store.putJobs([job(3, 'changed'), job(wrong, 'x')]))).toEqual(['value-invalid']);
      }
      expect(await store.jobs()).toEqual(stored);
    });

    it('[J2] gives a job that was there before its commit the revision of it', async () => {
      const store = await open();
      await store.putJobs([job(1, 'running')]);
      await store.commit(tx({ objects: [put('Net', 'blue', {})], job: job(1, 'committing') }));
      expect(await store.jobs()).toEqual([{ id: 1, revision: 1, value: { state: 'committing' } }]);
    });

    it('[J3] gives jobs in order, more than one statement takes, and forgets what it is told', async () => {
      const store = await open();
      const ids = Array.from({ length: 1200 }, (_, n) => n + 1);
      await store.putJobs(ids.toReversed().map((id) => job(id, 'x')));
      expect((await store.jobs()).map(({ id }) => id)).toEqual(ids);
      await store.forgetJobs([...ids.slice(0, 1100), 5000]);
      expect((await store.jobs()).map(({ id }) => id)).toEqual(ids.slice(1100));
    });

    it('[J4] keeps jobs out of revisions', async () => {
      const store = await open();
      const told: number[] = [];
      store.watch(({ revision }) => told.push(revision));
      await store.commit(tx({ objects: [put('Net', 'blue', {})], job: job(1, 'committing') }));
      await store.putJobs([job(1, 'done')]);
      expect(told).toEqual([1]);
      expect(await store.revision()).toBe(1);
      await store.compact(2);
      expect(await store.jobs()).toHaveLength(1);
    });
  });

  describe(`${name}: life`, () => {
    it('[L1] gives each store another epoch', async () => {
      const [a, b] = [await open(), await open()];
      expect(a.epoch).not.toBe('');
      expect(a.epoch).not.toBe(b.epoch);
    });

    it('[L2] finishes what is under way, then refuses everything', async () => {
      const store = await open();
      const told: number[] = [];
      store.watch(({ revision }) => told.push(revision));
      const asked = [1, 2, 3].map((n) => store.commit(tx({ objects: [put('Net', 'blue', { n })] })));
      await Promise.all([...asked, store.close()]);
      expect(told).toEqual([1, 2, 3]);
      await store.close();
      const calls = [
        store.revision(),
        store.snapshot(),
        store.changes(0),
        store.history({ limit: 1 }),
        store.undo(1),
        store.compact(1),
        store.commit(tx({ objects: [put('Net', 'red', {})] })),
        store.jobs(),
        store.putJobs([]),
        store.forgetJobs([]),
        store.secrets(),
        store.noteUse('User/ann', 'password', 1),
      ];
      for (const call of calls) expect(await refusal(call)).toEqual(['store-unavailable']);
    });
  });

  describeStoreModel(name, open);
}
