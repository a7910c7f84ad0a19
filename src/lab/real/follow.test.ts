import { expect, it } from 'vitest';
import { lookAfter } from './follow.ts';
import type { LabMachine } from './vm-driver.ts';

it('tells of a machine that has ended once, and ends the migration that waits for it', async () => {
  const machines: readonly LabMachine[] = ['shop', 'idle', 'well'].map((key) => ({
    key,
    host: 'host2',
    nics: [],
  }));
  const broken = new Set(['shop', 'idle']);
  const [said, aborted]: [string[], string[]] = [[], []];
  const looking = {
    driver: { whyEnded: ({ key }: LabMachine) => (broken.has(key) ? 'Kernel panic' : undefined) },
    controller: {
      isMoving: async (key: string) => key === 'shop',
      abortMove: async (key: string, reason: string) => void aborted.push(`${key}: ${reason}`),
    },
    tell: (words: string) => void said.push(words),
  };
  const ended = new Set<string>();
  const look = () => lookAfter(machines, looking, ended);
  await look();
  await look();
  expect(said).toEqual([
    'shop does not run any more: Kernel panic.',
    'idle does not run any more: Kernel panic.',
  ]);
  expect(aborted).toEqual(['shop: "shop" does not run any more: Kernel panic.']);
  // One that has been made anew may end once more.
  broken.delete('idle');
  await look();
  broken.add('idle');
  await look();
  expect(said.slice(2)).toEqual(['idle does not run any more: Kernel panic.']);
  // Where the controller does not answer, the others are told of all the same.
  looking.controller.isMoving = () => Promise.reject(new Error('away'));
  broken.add('well');
  await look();
  expect(said.slice(3)).toEqual(['well does not run any more: Kernel panic.']);
});
