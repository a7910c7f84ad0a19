/**
 * The victim of `store-kill.test.ts` and `store-faults.test.ts`: commits and commits, some alone and some together, and says `ack REVISION` on a line
 * of its own for each commit that was acknowledged, `refused CODE` for each that was not; it gives up after three of
 * these or more, and after 2,000 commits, so that it ends even if nobody kills it. Started as `node store-kill-child.ts DIRECTORY`.
 *
 * What revision n must hold can be told from n alone, so that the tests can tell a whole commit from a part of one.
 */

import { writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { NetloomError } from '../../src/base/error.ts';
import type { Transaction } from '../../src/store/contract.ts';
import { openSqliteStore } from '../../src/store/sqlite/open.ts';

/** Small commits and big ones, of up to 150 objects. */
export function transactionFor(revision: number): Transaction {
  const count = 1 + ((revision * 37) % 150);
  return {
    author: 'victim',
    message: `revision ${revision}`,
    time: revision,
    base: revision - 1,
    requestId: `request-${revision}`,
    objects: Array.from({ length: count }, (_, i) => ({ kind: 'VM', key: `vm${i}`, value: { revision, i } })),
    allocations: [{ scope: 'pool', owner: `vm${revision % 10}`, value: `value-${revision}` }],
  };
}

/** So many commits are asked for at once at most. */
export const MAX_BURST = 4;

async function main(directory: string): Promise<void> {
  const store = await openSqliteStore({ directory });
  let refused = 0;
  for (let tries = 0; tries < 2000 && refused < 3; ) {
    const revision = await store.revision();
    const burst = Array.from({ length: 1 + (revision % MAX_BURST) }, async (_, i) => {
      const made = await store.commit(transactionFor(revision + 1 + i));
      // Synchronous: when the line is out, the commit was acknowledged, and not before.
      writeSync(1, `ack ${made.revision}\n`);
    });
    tries += burst.length;
    for (const each of await Promise.allSettled(burst)) {
      if (each.status !== 'rejected') continue;
      writeSync(1, `refused ${NetloomError.from(each.reason).code}\n`);
      refused++;
    }
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]!).href) await main(process.argv[2]!);
