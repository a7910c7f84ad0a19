/** The journal on the terminal, from new to old. */
import type { CommitSummary } from '../api/journal.ts';
import { objectLines } from './change-text.ts';
import { count, table } from './table.ts';
import type { Colours } from './terminal.ts';

export function historyText(commits: readonly CommitSummary[], colours: Colours): string {
  const rows = commits.map(({ revision, time, author, message, objects }) => [
    String(revision),
    time.replace('T', ' ').replace(/\.\d+Z$/, ' UTC'),
    author,
    objects.length === 1
      ? objectLines({ ...objects[0]!, fields: [] }, colours).trim()
      : count(objects.length, 'object'),
    message,
  ]);
  return table(['REVISION', 'TIME', 'WHO', 'WHAT', 'WHY'], rows, colours);
}
