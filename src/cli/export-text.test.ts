import { randomUUID } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../base/clock.ts';
import { NetloomError } from '../base/error.ts';
import { Controller } from '../controller/controller.ts';
import { exportObjects } from '../controller/export.ts';
import { parseDocuments, parseInputs } from '../model/input.ts';
import { type ModelObject, objectKey } from '../model/kinds.ts';
import { createMemoryStore } from '../store/memory.ts';
import { exportText } from './export-text.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));

/** The examples that describe a network; those of one folder are one network. */
const networks: readonly (readonly [string, readonly string[]])[] = [
  ...globSync('*.yaml', { cwd: EXAMPLES })
    .filter((file) => file !== 'switch.yaml' && file !== 'blue-red-by-hand.yaml')
    .map((file) => [file, [file]] as const),
  ['aaa-bbb', globSync('aaa-bbb/*.yaml', { cwd: EXAMPLES }).sort()],
];

function objectsOf(files: readonly string[]): ModelObject[] {
  const { objects, findings } = parseInputs(
    files.map((file) => ({ file, text: readFileSync(`${EXAMPLES}${file}`) })),
  );
  expect(findings).toEqual([]);
  return objects.map(({ object }) => object);
}

function open(): Promise<Controller> {
  return Controller.open({ store: createMemoryStore(), clock: new FakeClock(), uuid: randomUUID });
}

async function system(text: string): Promise<Controller> {
  const { objects, findings } = parseDocuments(text, 'export');
  expect(findings).toEqual([]);
  const controller = await open();
  await controller.apply(
    objects.map(({ object }) => ({ object })),
    { author: 'test' },
  );
  return controller;
}

const text = (controller: Controller, allocations = false) =>
  exportText(exportObjects(controller.network, { allocations }));

/** What is handed out and can be fixed. */
function handedOut(controller: Controller): string[] {
  return controller.network
    .allocations()
    .filter(({ scope }) => scope !== 'vnic' && scope !== 'domain-number')
    .filter(({ scope, owner }) => scope !== 'mac' || !owner.includes('/provider/'))
    .map(({ scope, owner, value }) => `${scope} ${owner} ${value}`);
}

describe('an export', () => {
  it.each(networks)('of %s comes to the same objects on an empty system', async (_name, files) => {
    const controller = await open();
    const objects = objectsOf(files);
    await controller.apply(
      objects.map((object) => ({ object })),
      { author: 'test' },
    );
    const first = await text(controller);
    expect(first).toContain('kind: Host\n');
    const second = await system(first);
    expect(await text(second)).toBe(first);
    const fixed = await text(controller, true);
    const rebuilt = await system(fixed);
    expect(handedOut(rebuilt)).toEqual(handedOut(controller));
    expect(await text(rebuilt, true)).toBe(fixed);
  });

  it('hands out the same only with allocations', async () => {
    const controller = await system(await text(await system(await exportText(objectsOf(['blue-red.yaml'])))));
    // Positive control: without them, the routing domain ids are others.
    const again = await system(await text(controller));
    expect(handedOut(again)).not.toEqual(handedOut(controller));
  });

  it('of whatever part of a network can stand alone comes to the same on an empty system', async () => {
    const objects = objectsOf(networks.find(([name]) => name === 'campus.yaml')![1]);
    await fc.assert(
      fc.asyncProperty(fc.subarray(objects), fc.boolean(), async (gone, allocations) => {
        const controller = await open();
        await controller.apply(
          objects.map((object) => ({ object })),
          { author: 'test' },
        );
        for (const object of gone) {
          await controller.apply([{ delete: objectKey(object) }], { author: 'test' }).catch((thrown) => {
            if (!(thrown instanceof NetloomError) || thrown.code === 'internal') throw thrown;
          });
        }
        const first = await text(controller, allocations);
        if (first === '') return;
        const second = await system(first);
        expect(await text(second, allocations)).toBe(first);
        if (allocations) expect(handedOut(second)).toEqual(handedOut(controller));
      }),
      { numRuns: 10 },
    );
  });

  it('can be of some kinds alone', async () => {
    const controller = await system(await exportText(objectsOf(['blue-red.yaml'])));
    const some = exportObjects(controller.network, { kinds: ['VirtualMachine', 'HostGroup'] });
    expect(some.map((object) => object.kind)).toEqual([
      'HostGroup',
      'VirtualMachine',
      'VirtualMachine',
      'VirtualMachine',
      'VirtualMachine',
    ]);
  });
});
