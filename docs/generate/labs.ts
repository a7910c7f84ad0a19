/** Labs that run the same way each time: time stands still where nobody waits, chance and UUIDs are counted. */
import { readFileSync } from 'node:fs';
import { FakeClock } from '../../src/base/clock.ts';
import { throwIfErrors } from '../../src/base/error.ts';
import { Lab, type LabOptions } from '../../src/lab/lab.ts';
import { parseDocuments } from '../../src/model/input.ts';
import type { ModelObject } from '../../src/model/kinds.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { ROOT } from './markdown.ts';

export type Repeatable = Required<Pick<LabOptions, 'random' | 'uuid' | 'clock' | 'store'>>;

/** What a lab or a controller needs to be given, new each time. */
export function repeatable(): Repeatable {
  let state = 1;
  let ids = 0;
  return {
    // A linear congruential generator (Numerical Recipes); good enough for identifiers.
    random: () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    },
    uuid: () => `00000000-0000-4000-8000-${(++ids).toString(16).padStart(12, '0')}`,
    clock: new FakeClock(),
    store: createMemoryStore('docs'),
  };
}

/** The objects of a file of the repository. Throws what is wrong with it. */
export function objectsOf(file: string): ModelObject[] {
  return objectsIn(readFileSync(ROOT + file, 'utf8'), file);
}

/** The objects of a text. Throws what is wrong with it. */
export function objectsIn(text: string, file: string): ModelObject[] {
  const { objects, findings } = parseDocuments(text, file);
  throwIfErrors(findings);
  return objects.map(({ object }) => object);
}

/** `blue-red` -> the lab of examples/blue-red.yaml, with every guest up. */
export async function openExample(example: string): Promise<Lab> {
  const lab = await Lab.open({ objects: objectsOf(`examples/${example}.yaml`), ...repeatable() });
  await lab.ready();
  return lab;
}

/** Runs something in the lab of an example of its own, and closes it. */
export async function inExample<T>(example: string, work: (lab: Lab) => Promise<T>): Promise<T> {
  const lab = await openExample(example);
  try {
    return await work(lab);
  } finally {
    await lab.close();
  }
}
