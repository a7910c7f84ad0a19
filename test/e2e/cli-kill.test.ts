import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { seed } from '../support/seed.ts';
import { Server } from './program.ts';

const root = mkdtempSync(join(tmpdir(), 'netloom-cli-kill-'));
afterAll(() => rmSync(root, { recursive: true }));

const ROUNDS = 22;
/** Set SEED to repeat a plan; how far the server gets by then is up to the machine. */

/** Numbers in [0, 1) that follow from the seed: https://en.wikipedia.org/wiki/Linear_congruential_generator */
function randomFrom(start: number): () => number {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Creates one group after the other until the server is gone; says which ones were acknowledged, and which sent. */
async function createUntilKilled(
  server: Server,
  round: number,
  acknowledged: Map<string, number>,
  sent: Set<string>,
) {
  for (let i = 0; ; i++) {
    const name = `r${round} g${i}`;
    sent.add(name);
    try {
      const response = await server.ask('POST', '/api/v1/apply', {
        objects: [
          { kind: 'HostGroup', name },
          { kind: 'HostGroup', name: `${name} child`, parent: name },
        ],
      });
      const { revision } = (await response.json()) as { revision?: number };
      if (response.status === 200 && revision !== undefined) acknowledged.set(name, revision);
    } catch {
      return;
    }
  }
}

interface Page {
  readonly revision: number;
  readonly items: readonly { readonly name: string; readonly meta: { readonly revision: number } }[];
  readonly next?: string;
}

/** All host groups, page by page: there are more than one page holds. */
async function everything(server: Server): Promise<Page> {
  const items: Page['items'][number][] = [];
  let after = '';
  for (;;) {
    const response = await server.ask('GET', `/api/v1/host-groups${after}`);
    const page = (await response.json()) as Page;
    items.push(...page.items);
    if (page.next === undefined) return { revision: page.revision, items };
    after = `?after=${encodeURIComponent(page.next)}`;
  }
}

describe('kill -9 of netloom up', () => {
  it('loses no change that was acknowledged, and leaves no half of one', { timeout: 180_000 }, async () => {
    console.log(`cli-kill: SEED=${seed}`);
    const random = randomFrom(seed);
    const data = join(root, 'data');
    const acknowledged = new Map<string, number>();
    const sent = new Set<string>();
    for (let round = 0; round <= ROUNDS; round++) {
      const where = `round ${round}, SEED=${seed}`;
      const server = await Server.up(data);
      const { items, revision } = await everything(server);
      const held = new Map(items.map(({ name, meta }) => [name, meta.revision]));
      for (const [name, at] of acknowledged) expect(held.get(name), `${name}, ${where}`).toBe(at);
      for (const name of held.keys()) {
        const [parent, child] = name.endsWith(' child')
          ? [name.slice(0, -' child'.length), name]
          : [name, `${name} child`];
        expect(sent.has(parent), `${name}, ${where}`).toBe(true);
        expect([held.has(parent), held.has(child)], where).toEqual([true, true]);
      }
      expect(revision, where).toBe(items.length / 2);
      if (round === ROUNDS) {
        expect((await server.end('SIGTERM')).code).toBe(0);
        break;
      }
      const working = createUntilKilled(server, round, acknowledged, sent);
      await new Promise((resolve) => setTimeout(resolve, 5 + random() * 120));
      await server.end('SIGKILL');
      await working;
    }
    console.log(`cli-kill: ${ROUNDS} kills, ${acknowledged.size} acknowledged changes of ${sent.size}`);
    // Otherwise nothing was at stake.
    expect(acknowledged.size).toBeGreaterThan(ROUNDS);
  });
});
