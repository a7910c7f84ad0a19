import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { NetloomError } from '../base/error.ts';
import type { ObjectKey } from '../model/definition.ts';
import { parseDocuments } from '../model/input.ts';
import { isKind, type ModelObject, objectKey } from '../model/kinds.ts';
import { recordText } from '../policy/text.ts';
import { createMemoryStore } from '../store/memory.ts';
import { Controller } from './controller.ts';
import { writeStored } from './stored.ts';

function example(name: string): ModelObject[] {
  const file = new URL(`../../examples/${name}.yaml`, import.meta.url);
  return parseDocuments(readFileSync(file), name).objects.map(({ object }) => object);
}

/** UUIDs in order, so that two runs can be compared. */
function counter(): () => string {
  let next = 0;
  return () => `00000000-0000-4000-8000-${String(++next).padStart(12, '0')}`;
}

function open(store = createMemoryStore(), uuid = counter()) {
  return Controller.open({ store, clock: new FakeClock(), uuid });
}

const author = { author: 'test' };
const set = (objects: readonly ModelObject[]) => objects.map((object) => ({ object }));

async function loaded(name: string) {
  const store = createMemoryStore();
  const controller = await open(store);
  await controller.apply(set(example(name)), author);
  return { store, controller };
}

function splitOnce(key: string): [string, string] {
  const slash = key.indexOf('/');
  return [key.slice(0, slash), key.slice(slash + 1)];
}

const policy = (controller: Controller) =>
  [...controller.network.records()].map(({ scope, record }) => `${scope} ${recordText(record)}`).sort();

async function refusal(promise: Promise<unknown>): Promise<NetloomError> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  );
  if (error instanceof NetloomError) return error;
  throw new Error('it was not refused');
}

describe('apply', () => {
  it.each(['blue-red', 'campus'])('takes %s as a whole, without a warning', async (name) => {
    const controller = await open();
    const objects = example(name);
    const summary = await controller.apply(set(objects), author);
    expect(summary.findings).toEqual([]);
    expect(summary.revision).toBe(1);
    expect(summary.objects.map((o) => o.action)).toEqual(objects.map(() => 'create'));
    expect(summary.hosts.every((host) => host.added.length > 0)).toBe(true);
  });

  it('goes on as before after a change that runs into a defect', async () => {
    const { controller } = await loaded('blue-red');
    const before = policy(controller);
    // No reader lets such a host through: a stand-in for a defect in the middle of the compilation.
    const broken = JSON.parse('{"kind":"Host","name":"late","group":"x","nics":[]}') as ModelObject;
    await expect(controller.apply(set([broken]), author)).rejects.toThrow(TypeError);
    expect(policy(controller)).toEqual(before);
    expect(controller.network.get('Host/late')).toBeUndefined();
    const group: ModelObject = { kind: 'HostGroup', name: 'new' };
    expect(await controller.apply(set([group]), author)).toMatchObject({ revision: 2 });
    const summary = await controller.apply(set(example('blue-red')), author);
    expect(summary).toMatchObject({ objects: [], hosts: [] });
  });

  it('makes no revision for what is there already', async () => {
    const { controller } = await loaded('blue-red');
    const summary = await controller.apply(set(example('blue-red')), author);
    expect(summary).toMatchObject({ objects: [], hosts: [] });
    expect(summary.revision).toBeUndefined();
    expect(summary.unchanged).toHaveLength(example('blue-red').length);
    expect(controller.revision).toBe(1);
  });

  it('says what differs, field by field, and which host gets what', async () => {
    const { controller } = await loaded('blue-red');
    const blue1 = controller.network.get('VirtualMachine/blue1')!.object;
    if (!isKind(blue1, 'VirtualMachine')) throw new Error();
    const summary = await controller.apply([{ object: { ...blue1, host: 'host2' } }], author);
    expect(summary.objects).toEqual([
      {
        key: 'VirtualMachine/blue1',
        action: 'update',
        fields: [{ path: 'host', before: 'host1', after: 'host2' }],
      },
    ]);
    expect(summary.hosts.map((h) => h.host)).toEqual(['host1', 'host2']);
    expect(summary.hosts[1]!.changed.some((key) => key.startsWith('lookup/5001/'))).toBe(true);
  });

  it('refuses a change as a whole and leaves no trace, whatever is wrong with one part of it', async () => {
    const { controller, store } = await loaded('blue-red');
    const before = { policy: policy(controller), snapshot: await store.snapshot() };
    const blue1 = controller.network.get('VirtualMachine/blue1')!.object;
    if (!isKind(blue1, 'VirtualMachine')) throw new Error();
    const fine: ModelObject = { kind: 'HostGroup', name: 'a fine group' };
    const wrong: ModelObject[] = [
      { ...blue1, name: 'x', host: 'nowhere' },
      { ...blue1, name: 'y' },
    ];
    for (const object of wrong) {
      await refusal(controller.apply(set([fine, object]), author));
      expect(controller.network.get('HostGroup/a fine group')).toBeUndefined();
      expect(policy(controller)).toEqual(before.policy);
      expect(await store.snapshot()).toEqual(before.snapshot);
    }
    // The positive control: without the wrong part it is taken.
    expect(await controller.apply(set([fine]), author)).toMatchObject({ revision: 2 });
  });

  it('says everything that is wrong at once', async () => {
    const controller = await open();
    const error = await refusal(
      controller.apply(
        set([
          { kind: 'HostGroup', name: 'a', parent: 'nobody' },
          { kind: 'VmSubnet', name: 's', vmNetwork: 'none', prefix: '10.0.0.0/24' },
          { kind: 'VirtualMachine', name: 'v', host: 'h', vnics: [] },
        ] as ModelObject[]),
        author,
      ),
    );
    expect(new Set(error.findings.map((f) => f.path))).toEqual(
      new Set(['HostGroup/a.parent', 'VmSubnet/none/s.vmNetwork', 'VirtualMachine/v.host']),
    );
  });

  it('changes nothing in a dry run, and says the same as the real one', async () => {
    const dry = await open();
    const real = await open();
    const objects = set(example('campus'));
    const planned = await dry.apply(objects, { ...author, dryRun: true });
    const done = await real.apply(objects, author);
    expect(planned.revision).toBeUndefined();
    expect({ ...planned, dryRun: false, allocations: planned.allocations.length }).toEqual({
      ...done,
      revision: undefined,
      job: undefined,
      allocations: done.allocations.length,
    });
    expect(policy(dry)).toEqual([]);
    expect([...dry.network.keys()]).toEqual([]);
  });

  it('keeps a change apart from what somebody else did in the meantime', async () => {
    const { controller } = await loaded('blue-red');
    const group: ModelObject = { kind: 'HostGroup', name: 'racks' };
    await controller.apply([{ object: group, expect: 'absent' }], author);
    expect(
      (
        await refusal(
          controller.apply([{ object: { ...group, description: 'x' }, expect: 'absent' }], author),
        )
      ).code,
    ).toBe('conflict');
    expect(
      (await refusal(controller.apply([{ object: { ...group, description: 'x' }, expect: 1 }], author))).code,
    ).toBe('conflict');
    expect(
      await controller.apply([{ object: { ...group, description: 'x' }, expect: 2 }], author),
    ).toMatchObject({ revision: 3 });
  });
});

describe('delete', () => {
  it('refuses what is in use, with the list of users', async () => {
    const { controller } = await loaded('blue-red');
    const error = await refusal(controller.apply([{ delete: 'VmSubnet/Blue/Blue subnet' }], author));
    expect(error.code).toBe('in-use');
    expect(error.message).toContain('VirtualMachine/blue1');
    expect(error.message).toContain('VirtualMachine/blue2');
  });

  it('takes everything away in one change, users and all', async () => {
    const { controller, store } = await loaded('campus');
    const keys = [...controller.network.keys()];
    await controller.apply(
      keys.map((key) => ({ delete: key })),
      author,
    );
    expect(policy(controller)).toEqual([]);
    const { objects, allocations } = await store.snapshot();
    expect(objects).toEqual([]);
    // What is left are the quarantines of what was given back; they are gone when they are over.
    expect(allocations.filter(({ scope }) => !scope.startsWith('~inactive/'))).toEqual([]);
    const later = new FakeClock(Date.UTC(2026, 0, 1, 0, 5));
    await Controller.open({ store, clock: later, uuid: counter() });
    expect((await store.snapshot()).allocations).toEqual([]);
  });

  it('explains that an implied VM network goes with its logical network', async () => {
    const { controller } = await loaded('campus');
    const error = await refusal(controller.apply([{ delete: 'VmNetwork/Management' }], author));
    expect(error.message).toContain('sameNameVmNetwork');
  });
});

describe('undo', () => {
  it('takes a commit back, allocations included', async () => {
    const { controller } = await loaded('campus');
    const before = policy(controller);
    await controller.apply([{ delete: 'VirtualMachine/app-web02' }], author);
    expect(policy(controller)).not.toEqual(before);
    await controller.undo(2, author);
    // Ids are given anew; everything that was chosen or handed out by pool is as it was.
    const withoutIds = (texts: string[]) =>
      texts.map((t) => t.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'id')).sort();
    expect(withoutIds(policy(controller))).toEqual(withoutIds(before));
  });
});

describe('a request id', () => {
  it('carries a request out once, and answers the second time as the first, also after a restart', async () => {
    const { store, controller } = await loaded('blue-red');
    const options = { ...author, requestId: 'r1' };
    const first = await controller.apply([{ delete: 'VirtualMachine/blue1' }], options);
    for (const again of [controller, await open(store)]) {
      const second = await again.apply([{ delete: 'VirtualMachine/blue1' }], options);
      expect(second).toMatchObject({ revision: 2, repeated: true, objects: first.objects });
      expect(again.revision).toBe(2);
    }
  });

  it('that belongs to a request of long ago is refused, and nothing is changed', async () => {
    const { controller } = await loaded('blue-red');
    const group = (name: string) => [{ object: { kind: 'HostGroup', name } as const }];
    await controller.apply(group('old'), { ...author, requestId: 'old' });
    for (let i = 0; i < 100; i++) await controller.apply(group(`g${i}`), { ...author, requestId: `r${i}` });
    const before = policy(controller);
    const error = await refusal(controller.apply(group('new'), { ...author, requestId: 'old' }));
    expect(error.code).toBe('conflict');
    expect([controller.revision, controller.network.get('HostGroup/new')]).toEqual([102, undefined]);
    expect(policy(controller)).toEqual(before);
    expect(await controller.apply(group('new'), author)).toMatchObject({ revision: 103 });
  });
});

describe('watch', () => {
  it('tells of a commit when it is what is held', async () => {
    const controller = await open();
    const seen: unknown[] = [];
    const stop = controller.watch(({ revision }) =>
      seen.push([
        revision,
        controller.revision,
        controller.feed.revision,
        controller.network.list('Host').length,
      ]),
    );
    await controller.apply(set(example('blue-red')), author);
    stop();
    await controller.apply([{ delete: 'VirtualMachine/blue1' }], author);
    expect(seen).toEqual([[1, 1, 1, 2]]);
  });
});

describe('a restart', () => {
  it('comes to the same policy from what the store holds', async () => {
    const { controller, store } = await loaded('campus');
    await controller.apply([{ delete: 'VirtualMachine/app-web02' }], author);
    const again = await open(store);
    expect(policy(again)).toEqual(policy(controller));
    expect(again.revision).toBe(controller.revision);
  });

  it('hands out what this version needs and an earlier one did not, and takes back what nothing needs', async () => {
    const store = createMemoryStore();
    await store.commit({
      author: 'x',
      message: '',
      time: 0,
      objects: example('blue-red').map((object) => {
        const [kind, key] = splitOnce(objectKey(object));
        return { kind, key, value: writeStored(object, `id of ${key}`) };
      }),
      allocations: [{ scope: 'mac', owner: 'VirtualMachine/gone/eth0', value: '00:1d:d8:b7:1c:77' }],
    });
    const controller = await open(store);
    const { allocations } = await store.snapshot();
    expect(allocations.some((a) => a.owner.includes('gone'))).toBe(false);
    expect(allocations.some((a) => a.owner === 'VirtualMachine/blue1/eth0')).toBe(true);
    expect(policy(await open(store))).toEqual(policy(controller));
  });

  it('is refused on data that this version does not understand, rather than starting from less', async () => {
    const store = createMemoryStore();
    await store.commit({
      author: 'x',
      message: '',
      time: 0,
      objects: [
        {
          kind: 'HostGroup',
          key: 'g',
          value: { kind: 'HostGroup', name: 'g', later: true, meta: { id: 'i' } },
        },
      ],
      allocations: [],
    });
    expect((await refusal(open(store))).code).toBe('store-corrupt');
  });
});

describe('any sequence of changes', () => {
  it('comes to what one change from nothing comes to, and to what agents are told', async () => {
    const objects = example('blue-red');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(objects.length - 1), { minLength: 1, maxLength: 6 }), { maxLength: 10 }),
        async (steps) => {
          const store = createMemoryStore();
          const controller = await open(store);
          await controller.apply(set(objects), author);
          for (const step of steps) {
            const changes = [...new Set(step)].map((index) => {
              const object = objects[index]!;
              const key = objectKey(object) as ObjectKey;
              return controller.network.get(key) ? { delete: key } : { object };
            });
            await controller.apply(changes, author).catch((error: unknown) => {
              if (!(error instanceof NetloomError) || error.code === 'internal') throw error;
            });
            expect(policy(await open(store))).toEqual(policy(controller));
          }
          // The feed was told all of it: a new agent gets the policy that the controller has.
          const told = controller.feed.policy.text();
          expect(told.split('\n').filter(Boolean).sort()).toEqual(policy(controller));
        },
      ),
      { numRuns: 25 },
    );
  });
});
