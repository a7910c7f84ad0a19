/** What the log of a change's job says on the way. */
import type { ChangeSummary } from '../change.ts';
import type { JobContext } from './run.ts';

/** How many of each are named. */
const NAMED = 5;

export function logChange(job: JobContext, { objects, unchanged, allocations, hosts }: ChangeSummary): void {
  const words = { create: 'new', update: 'changed', delete: 'gone' };
  if (objects.length > 0) {
    job.log(`Objects: ${some(objects.map(({ key, action }) => `${key} (${words[action]})`))}.`);
  }
  if (unchanged.length > 0) job.log(`As they were: ${some(unchanged)}.`);
  if (allocations.length > 0) {
    const moves = allocations.map(({ scope, owner, before, after }) =>
      after === null ? `${before} of ${scope} back from ${owner}` : `${after} of ${scope} to ${owner}`,
    );
    job.log(`Handed out: ${some(moves)}.`);
  }
  if (hosts.length > 0) {
    const records = hosts.map(
      ({ host, added, changed, removed }) =>
        `${host} (${added.length} new, ${changed.length} changed, ${removed.length} gone)`,
    );
    job.log(`Policy records: ${some(records)}.`);
  }
}

function some(items: readonly string[]): string {
  const shown = items.slice(0, NAMED).join(', ');
  return items.length > NAMED ? `${shown} and ${items.length - NAMED} more` : shown;
}
