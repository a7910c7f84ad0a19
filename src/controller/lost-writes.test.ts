import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillingStore } from '../../test/support/filling-store.ts';
import { FakeClock } from '../base/clock.ts';
import { NetloomError } from '../base/error.ts';
import type { ModelObject } from '../model/kinds.ts';
import type { Store } from '../store/contract.ts';
import { createMemoryStore } from '../store/memory.ts';
import type { Change } from './change.ts';
import { Controller } from './controller.ts';

const author = { author: 'test' };
const group = (name: string, description = ''): ModelObject => ({
  kind: 'HostGroup',
  name,
  ...(description === '' ? {} : { description }),
});
/** More than there is room for when the room is small. */
const many = (text: string): Change[] =>
  Array.from({ length: 60 }, (_, i) => ({ object: group(`many${i}`, text.padEnd(1000, 'x')) }));

function open(store: Store) {
  let next = 0;
  const uuid = () => `00000000-0000-4000-8000-${String(++next).padStart(12, '0')}`;
  return Controller.open({ store, clock: new FakeClock(), uuid });
}

/** The revision that a change became, or the code of its refusal. */
async function outcome(asked: Promise<{ readonly revision?: number }>): Promise<number | string> {
  return asked.then(
    ({ revision }) => revision ?? 'nothing',
    (thrown: unknown) => NetloomError.from(thrown).code,
  );
}

function groups(controller: Controller) {
  return controller.network.list('HostGroup').map(({ key, object, held }) => [key, object, held?.revision]);
}

describe('changes that wait for the disk', () => {
  it('are each a revision, and told in order when they are durable', async () => {
    const { store } = fillingStore();
    const controller = await open(store);
    const told: unknown[] = [];
    controller.watch(({ revision }) => told.push([revision, controller.feed.revision]));
    const asked = ['a', 'b', 'a', 'c'].map((name) =>
      outcome(controller.apply([{ object: group(name), expect: 'absent' }], author)),
    );
    expect(await Promise.all(asked)).toEqual([1, 2, 'conflict', 3]);
    expect(told).toEqual([1, 2, 3].map((revision) => [revision, revision]));
    expect(controller.isSettled).toBe(true);
    await controller.close();
  });

  it('are lost together, with what was decided on them, and nobody was told', async () => {
    const { store, limit } = fillingStore();
    const controller = await open(store);
    const told: number[] = [];
    controller.watch(({ revision }) => told.push(revision));
    await controller.apply([{ object: group('before') }], author);
    limit(true);
    const asked = [
      controller.apply([{ object: group('a') }], { ...author, requestId: 'r' }),
      // Refused, and nothing to change: both because of a.
      controller.apply([{ object: group('a'), expect: 'absent' }], author),
      controller.apply([{ object: group('a') }], author),
      controller.apply(many('b'), author),
    ];
    expect(await Promise.all(asked.map(outcome))).toEqual(asked.map(() => 'store-full'));
    await controller.settled();
    expect([controller.revision, controller.feed.revision, told]).toEqual([1, 1, [1]]);
    expect(groups(controller).map(([key]) => key)).toEqual(['HostGroup/before']);
    limit(false);
    // The id of a request that was lost is free.
    expect(await outcome(controller.apply([{ object: group('c') }], { ...author, requestId: 'r' }))).toBe(2);
    expect(groups(await open(store))).toEqual(groups(controller));
    await controller.close();
  });

  it('take secrets along when they are lost', async () => {
    const { store, limit } = fillingStore();
    const controller = await open(store);
    const user: ModelObject = { kind: 'User', name: 'ann', role: 'read-only-administrator', disabled: false };
    const secrets = [{ owner: 'User/ann', name: 'password', value: { hash: 'h' } }];
    limit(true);
    const asked = [
      controller.apply([{ object: user }], { ...author, secrets }),
      controller.apply(many('b'), author),
    ];
    expect(await Promise.all(asked.map(outcome))).toEqual(['store-full', 'store-full']);
    await controller.settled();
    expect(controller.secrets.of('User/ann')).toEqual([]);
    limit(false);
    await controller.apply([{ object: user }], { ...author, secrets });
    expect(controller.secrets.of('User/ann')).toHaveLength(1);
    await controller.close();
  });

  it('come to what the acknowledged ones come to one after the other, whatever the disk does', async () => {
    const names = ['a', 'b', 'c'];
    const change = fc.record({
      name: fc.constantFrom(...names),
      what: fc.constantFrom('make', 'change', 'delete', 'many'),
      n: fc.nat(3),
    });
    const burst = fc.record({
      small: fc.boolean(),
      changes: fc.array(change, { minLength: 1, maxLength: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(burst, { minLength: 1, maxLength: 5 }), async (bursts) => {
        const { store, limit } = fillingStore();
        const controller = await open(store);
        const told: number[] = [];
        controller.watch(({ revision }) => told.push(revision));
        const acknowledged = new Map<number, Change[]>();
        for (const { small, changes } of bursts) {
          limit(small);
          await Promise.all(
            changes.map(async ({ name, what, n }) => {
              const asked: Change[] =
                what === 'many'
                  ? many(`${n}`)
                  : what === 'delete'
                    ? [{ delete: `HostGroup/${name}` }]
                    : [{ object: group(name, `${n}`), ...(what === 'make' ? { expect: 'absent' } : {}) }];
              const revision = await outcome(controller.apply(asked, author));
              if (typeof revision === 'number') {
                expect(acknowledged.has(revision)).toBe(false);
                acknowledged.set(revision, asked);
              } else expect(revision).not.toBe('internal');
            }),
          );
        }
        limit(false);
        await controller.settled();
        const revisions = Array.from({ length: acknowledged.size }, (_, i) => i + 1);
        expect([...acknowledged.keys()].sort((a, b) => a - b)).toEqual(revisions);
        expect(told).toEqual(revisions);
        const serial = await open(createMemoryStore());
        for (const revision of revisions) await serial.apply(acknowledged.get(revision)!, author);
        expect(groups(controller)).toEqual(groups(serial));
        expect(groups(await open(store))).toEqual(groups(serial));
        await controller.close();
      }),
      { numRuns: 20 },
    );
  });
});
