import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { NetloomError } from '../base/error.ts';
import type { ObjectKey } from '../model/definition.ts';
import { parseDocuments } from '../model/input.ts';
import { isKind, type ModelObject, objectKey } from '../model/kinds.ts';
import { createMemoryStore } from '../store/memory.ts';
import { Controller } from './controller.ts';
import { jsonOf } from './stored.ts';

const author = { author: 'test' };
const set = (objects: readonly ModelObject[]) => objects.map((object) => ({ object }));

function example(): ModelObject[] {
  const file = new URL('../../examples/blue-red.yaml', import.meta.url);
  return parseDocuments(readFileSync(file), 'blue-red').objects.map(({ object }) => object);
}

async function open() {
  const store = createMemoryStore();
  let next = 0;
  const uuid = () => `00000000-0000-4000-8000-${String(++next).padStart(12, '0')}`;
  const clock = new FakeClock();
  return { store, clock, controller: await Controller.open({ store, clock, uuid }) };
}

/** What the operator said, by key. */
const said = (controller: Controller) =>
  Object.fromEntries(
    [...controller.network.keys()].sort().map((key) => [key, jsonOf(controller.network.get(key)!.object)]),
  );

async function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'taken',
    (error: unknown) => NetloomError.from(error).code,
  );
}

describe('rollback', () => {
  it('makes the objects as they were at any revision, in one commit or not at all', async () => {
    const objects = example();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat(objects.length - 1), { minLength: 1, maxLength: 6 }), { maxLength: 6 }),
        async (steps) => {
          const { controller } = await open();
          await controller.apply(set(objects), author);
          const states = [{}, said(controller)];
          for (const step of steps) {
            const changes = [...new Set(step)].map((index) => {
              const object = objects[index]!;
              const key = objectKey(object) as ObjectKey;
              return controller.network.get(key) ? { delete: key } : { object };
            });
            if ((await refusal(controller.apply(changes, author))) === 'taken') states.push(said(controller));
          }
          for (let revision = controller.revision; revision >= 0; revision--) {
            const before = controller.revision;
            await controller.rollback(revision, author);
            expect(said(controller)).toEqual(states[revision]);
            expect(controller.revision - before).toBeLessThanOrEqual(1);
          }
        },
      ),
      { numRuns: 15 },
    );
  });

  it('gives back what was handed out, where nobody else has it, and warns where it cannot', async () => {
    const { controller } = await open();
    const pool = parseDocuments(
      '{kind: IpPool, name: p, vmNetwork: Blue, subnet: Blue subnet, from: 10.0.0.100, to: 10.0.0.101}',
      'pool',
    ).objects.map(({ object }) => object);
    const machine = (name: string): ModelObject => {
      const blue1 = example().find((o) => objectKey(o) === 'VirtualMachine/blue1');
      if (!isKind(blue1, 'VirtualMachine')) throw new Error();
      return { ...blue1, name, vnics: blue1.vnics.map(({ mac: _mac, ...v }) => ({ ...v, addresses: [] })) };
    };
    await controller.apply(set([...example(), ...pool, machine('a')]), author);
    const { revision } = controller;
    await controller.apply([{ delete: 'VirtualMachine/a' }], author);
    await controller.apply(set([{ kind: 'HostGroup', name: 'later' }]), author);
    const dry = await controller.rollback(revision, { ...author, dryRun: true });
    expect(dry.objects.map(({ key, action }) => `${action} ${key}`)).toEqual([
      'delete HostGroup/later',
      'create VirtualMachine/a',
    ]);
    expect(controller.revision).toBe(revision + 2);
    const done = await controller.rollback(revision, author);
    expect({ ...done, revision: undefined, job: undefined, dryRun: true }).toMatchObject({
      objects: dry.objects,
    });
    // The vNIC id is another one: that is told, and no address is.
    const ids = done.findings.filter(({ code }) => code === 'not-restored');
    expect(ids.map(({ message }) => message).join()).toMatch(/ids? .*given anew/);
  });

  it('warns of an address that went to somebody else in the meantime', async () => {
    const { controller, clock } = await open();
    const pool = parseDocuments(
      '{kind: IpPool, name: p, vmNetwork: Blue, subnet: Blue subnet, from: 10.0.0.100, to: 10.0.0.110}',
      'pool',
    ).objects.map(({ object }) => object);
    const blue1 = example().find((o) => objectKey(o) === 'VirtualMachine/blue1');
    if (!isKind(blue1, 'VirtualMachine')) throw new Error();
    const vnics = blue1.vnics.map(({ mac: _mac, ...v }) => ({ ...v, addresses: [] }));
    const address = (name: string) =>
      controller.network.allocation('ip/Blue/Blue subnet', `VirtualMachine/${name}/eth0`);
    await controller.apply(set([...example(), ...pool, { ...blue1, name: 'a', vnics }]), author);
    const { revision } = controller;
    expect(address('a')).toBe('10.0.0.100');
    await controller.apply([{ delete: 'VirtualMachine/a' }], author);
    clock.advance(7 * 24 * 3600 * 1000);
    await controller.apply(set([{ ...blue1, name: 'b', vnics }]), author);
    expect(address('b')).toBe('10.0.0.100');
    const { findings } = await controller.rollback(revision, author);
    expect(address('a')).not.toBe('10.0.0.100');
    expect(findings.map(({ code, path, message }) => [code, path, message])).toContainEqual([
      'not-restored',
      'VirtualMachine/a/eth0',
      `VirtualMachine/a/eth0 had 10.0.0.100 of ip/Blue/Blue subnet, and gets ${address('a')}.`,
    ]);
  });

  it('is refused as a whole where the objects of then do not fit any more', async () => {
    const { controller, store } = await open();
    await controller.apply(set(example()), author);
    await store.compact(2);
    expect(await refusal(controller.rollback(0, author))).toBe('revision-compacted');
    expect(await refusal(controller.rollback(9, author))).toBe('not-found');
    expect(controller.revision).toBe(1);
  });

  it('to where it is already changes nothing, and is no job', async () => {
    const { controller } = await open();
    await controller.apply(set(example()), author);
    const summary = await controller.rollback(1, author);
    expect(summary).toMatchObject({ objects: [], hosts: [], effects: [] });
    expect(summary).not.toHaveProperty('job');
  });
});

describe('diff', () => {
  it('tells the sum and not the way, in both directions', async () => {
    const { controller } = await open();
    const group = (description: string): ModelObject => ({ kind: 'HostGroup', name: 'g', description });
    await controller.apply(set([group('one')]), author);
    await controller.apply(set([group('two')]), author);
    await controller.apply([{ delete: 'HostGroup/g' }], author);
    await controller.apply(set([group('one')]), author);
    await controller.apply(set([group('three'), { kind: 'HostGroup', name: 'h' }]), author);
    const keys = async (from: number, to: number) =>
      (await controller.diff(from, to)).objects.map(
        ({ key, before, after }) =>
          `${key}: ${before?.description ?? before} -> ${after?.description ?? after}`,
      );
    expect(await keys(1, 2)).toEqual(['g: one -> two']);
    expect(await keys(1, 4)).toEqual([]);
    expect(await keys(0, 3)).toEqual([]);
    expect(await keys(2, 5)).toEqual(['g: two -> three', 'h: null -> [object Object]']);
    expect(await keys(5, 2)).toEqual(['g: three -> two', 'h: [object Object] -> null']);
    expect(await keys(3, 3)).toEqual([]);
  });

  it('agrees with the snapshots of both revisions', async () => {
    const { controller, store } = await open();
    const objects = example();
    await controller.apply(set(objects), author);
    await controller.apply([{ delete: 'VirtualMachine/blue1' }, { delete: 'VirtualMachine/red1' }], author);
    for (let n = 0; n < 120; n++) await controller.apply(set([{ kind: 'HostGroup', name: `g${n}` }]), author);
    await controller.apply(set(objects), author);
    for (const [from, to] of [
      [1, 2],
      [0, controller.revision],
      [1, controller.revision],
      [controller.revision, 2],
    ] as const) {
      const state = async (at: number) =>
        new Map(
          (await store.snapshot(at)).objects.map(({ kind, key, value: { meta: _, ...value } }) => [
            `${kind}/${key}`,
            JSON.stringify(value),
          ]),
        );
      const [a, b] = [await state(from), await state(to)];
      const differing = [...new Set([...a.keys(), ...b.keys()])].filter((key) => a.get(key) !== b.get(key));
      const told = (await controller.diff(from, to)).objects.map(({ kind, key }) => `${kind}/${key}`);
      expect(told).toEqual(differing.sort());
    }
  });
});
