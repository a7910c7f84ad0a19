import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { seed } from '../support/seed.ts';
import { checkLeft, Victim } from './store-victim.ts';

const root = mkdtempSync(join(tmpdir(), 'netloom-kill-'));
afterAll(() => rmSync(root, { recursive: true }));

/** Set SEED to repeat a plan; how far the victim gets by then is up to the machine. */

/** Numbers in [0, 1) that follow from the seed: https://en.wikipedia.org/wiki/Linear_congruential_generator */
function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('kill -9 of a process that commits', () => {
  it('loses no acknowledged commit, leaves no half of one, and no gap', async () => {
    console.log(`store-kill: SEED=${seed}`);
    const random = randomFrom(seed);
    const kills = { beforeAnyAck: 0, afterAck: 0 };
    let directory = '';
    let left = { epoch: '', revision: 0 };

    for (let round = 0; round < 36; round++) {
      const where = `round ${round}, SEED=${seed}`;
      // Now and then a new directory: a first start is to be killed too.
      const isFirst = round % 6 === 0;
      if (isFirst) {
        directory = join(root, String(round));
        left = { epoch: '', revision: 0 };
      }
      const victim = new Victim(directory);
      if (round % 3 === 0) await sleep(60 + random() * 150);
      else {
        await victim.firstAck();
        await sleep(random() * 60);
      }
      victim.kill();
      const { acked, by } = await victim.ended();
      // One that had ended by itself would have been no victim.
      expect(by, where).toBe('SIGKILL');
      if (acked === 0) kills.beforeAnyAck++;
      else kills.afterAck++;

      const now = await checkLeft(directory, Math.max(acked, left.revision), where);
      if (!isFirst) expect(now.epoch, where).toBe(left.epoch);
      left = now;
    }
    console.log(
      `store-kill: ${kills.beforeAnyAck} kills before any acknowledgement, ${kills.afterAck} after one`,
    );
    expect(kills.afterAck).toBeGreaterThanOrEqual(24);
  });
});
