/**
 * Random transactions against a store and against a model of it that is too small to be wrong: a list of states, one
 * for each revision, each two plain records. Both must take and refuse the same, and tell the same afterwards.
 */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AllocationWrite, Commit, ObjectWrite, Snapshot, Store, Transaction } from './contract.ts';
import { State } from './state.ts';

interface Entry {
  readonly value: number;
  readonly revision: number;
}

/** The network at one revision: objects by `kind/key`, owners' values by `scope/owner`. */
interface ModelState {
  readonly objects: Readonly<Record<string, Entry>>;
  readonly allocations: Readonly<Record<string, string>>;
}

type Step =
  | { readonly do: 'commit'; readonly tx: Transaction }
  | { readonly do: 'undo'; readonly back: number }
  | { readonly do: 'compact'; readonly back: number };

// Few names and values, so that transactions meet each other often.
const expectation = fc.oneof(
  { weight: 5, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.constant('absent' as const) },
  { weight: 2, arbitrary: fc.nat(12) },
);
const objectWrite: fc.Arbitrary<ObjectWrite> = fc
  .record({
    kind: fc.constantFrom('Net', 'VM'),
    key: fc.constantFrom('blue', 'red', 'green'),
    value: fc.option(
      fc.nat(3).map((n) => ({ n })),
      { freq: 3 },
    ),
    expect: expectation,
  })
  .map(({ expect, ...write }) => (expect === undefined ? write : { ...write, expect }));
const allocationWrite: fc.Arbitrary<AllocationWrite> = fc.record({
  scope: fc.constantFrom('mac', 'pool'),
  owner: fc.constantFrom('vm1', 'vm2', 'vm3'),
  value: fc.option(fc.constantFrom('a', 'b', 'c'), { freq: 3 }),
});
const transaction: fc.Arbitrary<Transaction> = fc
  .record({
    author: fc.constantFrom('alice', 'bob'),
    message: fc.constantFrom('', 'a change'),
    time: fc.nat(),
    objects: fc.uniqueArray(objectWrite, { maxLength: 3, selector: ({ kind, key }) => `${kind}/${key}` }),
    allocations: fc.uniqueArray(allocationWrite, {
      maxLength: 3,
      selector: ({ scope, owner }) => `${scope}/${owner}`,
    }),
    base: fc.option(fc.nat(12), { freq: 8, nil: undefined }),
    requestId: fc.option(fc.constantFrom('r1', 'r2', 'r3'), { freq: 4, nil: undefined }),
  })
  .map(({ base, requestId, ...rest }) => ({
    ...rest,
    ...(base === undefined ? {} : { base }),
    ...(requestId === undefined ? {} : { requestId }),
  }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: transaction.map((tx): Step => ({ do: 'commit', tx })) },
  { weight: 3, arbitrary: fc.nat(4).map((back): Step => ({ do: 'undo', back })) },
  { weight: 1, arbitrary: fc.nat(6).map((back): Step => ({ do: 'compact', back })) },
);

class Model {
  /** The state at each revision; the index is the revision. */
  readonly states: ModelState[] = [{ objects: {}, allocations: {} }];
  readonly requests = new Map<string, number>();
  compactedTo = 0;

  get revision(): number {
    return this.states.length - 1;
  }

  /** The revision that the transaction is committed at, or `refused`. */
  commit(tx: Transaction): number | 'refused' {
    const known = tx.requestId === undefined ? undefined : this.requests.get(tx.requestId);
    if (known !== undefined && known > this.compactedTo) return known;

    const now = this.states[this.revision]!;
    const [objects, allocations] = [{ ...now.objects }, { ...now.allocations }];
    const revision = this.revision + 1;
    if (tx.base !== undefined && tx.base !== this.revision) return 'refused';
    for (const { kind, key, value, expect } of tx.objects) {
      const name = `${kind}/${key}`;
      const is = now.objects[name];
      if (expect !== undefined && expect !== (is?.revision ?? 'absent')) return 'refused';
      if (value === null) {
        if (!is && expect !== 'absent') return 'refused';
        delete objects[name];
      } else if (is?.value !== value.n) objects[name] = { value: Number(value.n), revision };
    }
    for (const { scope, owner, value } of tx.allocations) {
      const name = `${scope}/${owner}`;
      if (value !== null) allocations[name] = value;
      else if (name in now.allocations) delete allocations[name];
      else return 'refused';
    }
    // Uniqueness is looked at in the end, over everything.
    const held = Object.entries(allocations).map(([name, value]) => `${name.split('/')[0]} ${value}`);
    if (new Set(held).size < held.length) return 'refused';
    if (sameState({ objects, allocations }, now)) return 'refused';

    this.states.push({ objects, allocations });
    if (tx.requestId !== undefined) this.requests.set(tx.requestId, revision);
    return revision;
  }

  /** What the state would be with commit `n` taken back, or `refused` where something has changed since. */
  undo(n: number): ModelState | 'refused' {
    if (n < 1 || n <= this.compactedTo) return 'refused';
    const [before, made, now] = [this.states[n - 1]!, this.states[n]!, this.states[this.revision]!];
    const objects = takeBack(
      before.objects,
      made.objects,
      now.objects,
      (a, b) => a?.revision === b?.revision,
    );
    const allocations = takeBack(before.allocations, made.allocations, now.allocations, (a, b) => a === b);
    if (!objects || !allocations) return 'refused';
    const held = Object.entries(allocations).map(([name, value]) => `${name.split('/')[0]} ${value}`);
    return new Set(held).size < held.length ? 'refused' : { objects, allocations };
  }
}

/** `now` with everything that differs between `before` and `made` as it was before; undefined if `now` has others. */
function takeBack<T>(
  before: Readonly<Record<string, T>>,
  made: Readonly<Record<string, T>>,
  now: Readonly<Record<string, T>>,
  same: (a: T | undefined, b: T | undefined) => boolean,
): Record<string, T> | undefined {
  const result = { ...now };
  for (const name of new Set([...Object.keys(before), ...Object.keys(made)])) {
    if (same(before[name], made[name])) continue;
    if (!same(made[name], now[name])) return undefined;
    const was = before[name];
    if (was === undefined) delete result[name];
    else result[name] = was;
  }
  return result;
}

const values = ({ objects, allocations }: ModelState) => ({
  objects: Object.fromEntries(Object.entries(objects).map(([name, { value }]) => [name, value])),
  allocations,
});

function sameState(a: ModelState, b: ModelState): boolean {
  const text = (state: ModelState) => {
    const { objects, allocations } = values(state);
    return JSON.stringify([Object.entries(objects).sort(), Object.entries(allocations).sort()]);
  };
  return text(a) === text(b);
}

/** A snapshot as the model would write it. */
function toModel({ objects, allocations }: Snapshot): ModelState {
  return {
    objects: Object.fromEntries(
      objects.map(({ kind, key, value, revision }) => [
        `${kind}/${key}`,
        { value: Number(value.n), revision },
      ]),
    ),
    allocations: Object.fromEntries(
      allocations.map(({ scope, owner, value }) => [`${scope}/${owner}`, value]),
    ),
  };
}

async function accepted(call: Promise<Commit>): Promise<number | 'refused'> {
  return call.then(
    ({ revision }) => revision,
    (error: Error) => {
      expect(error.name).toBe('NetloomError');
      return 'refused';
    },
  );
}

async function runStep(step: Step, store: Store, model: Model): Promise<void> {
  switch (step.do) {
    case 'commit':
      expect(await accepted(store.commit(step.tx))).toBe(model.commit(step.tx));
      return;
    case 'compact':
      model.compactedTo = Math.max(
        model.compactedTo,
        Math.min(model.revision - step.back, model.revision),
        0,
      );
      expect(await store.compact(model.revision - step.back + 1)).toBe(model.compactedTo);
      return;
    case 'undo': {
      const n = model.revision - step.back;
      const wanted = model.undo(n);
      const inverse = await store.undo(n).catch(() => undefined);
      expect(inverse ? 'given' : 'refused').toBe(wanted === 'refused' ? 'refused' : 'given');
      if (!inverse || wanted === 'refused') return;
      const tx = { ...inverse, author: 'undo', time: 0 };
      expect(await accepted(store.commit(tx))).toBe(model.commit(tx));
      expect(values(toModel(await store.snapshot()))).toEqual(values(wanted));
    }
  }
}

/** Everything that can be asked, compared with the model. */
async function compareAll(store: Store, model: Model): Promise<void> {
  const { revision, compactedTo } = model;
  expect(await store.revision()).toBe(revision);
  for (let at = compactedTo; at <= revision; at++) {
    const snapshot = await store.snapshot(at);
    expect(toModel(snapshot)).toEqual(model.states[at]);
    const changes = await store.changes(at);
    if ('compactedTo' in changes) throw new Error(`revision ${at} is not there`);
    expect(changes.commits.map((commit) => commit.revision)).toEqual(
      Array.from({ length: revision - at }, (_, i) => at + 1 + i),
    );
    const sum = new State(snapshot.objects, snapshot.allocations);
    for (const commit of changes.commits) sum.apply(commit);
    expect(sum.snapshot(revision)).toEqual(await store.snapshot());
  }
  if (compactedTo > 0) expect(await store.changes(compactedTo - 1)).toEqual({ compactedTo });
}

export function describeStoreModel(name: string, open: () => Promise<Store>): void {
  describe(`${name}: against the model`, () => {
    it('[C1-C8] [R2-R4] [W1] [W2] [U1-U3] takes, refuses and tells what the model does', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14, size: 'max' }), async (steps) => {
          const store = await open();
          const model = new Model();
          const told: number[] = [];
          const stop = store.watch(({ revision }) => told.push(revision));
          for (const each of steps) await runStep(each, store, model);
          stop();
          expect(told).toEqual(Array.from({ length: model.revision }, (_, i) => i + 1));
          await compareAll(store, model);
          await store.close();
        }),
        { numRuns: 60 },
      );
    });
  });
}
