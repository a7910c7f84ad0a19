/** The journal on the terminal, from new to old. */
import type { CommitSummary, DiffView } from '../api/journal.ts';
import { handedOutText, objectLines } from './change-text.ts';
import { moment } from './moment.ts';
import { count, table } from './table.ts';
import type { Colours } from './terminal.ts';

export function historyText(commits: readonly CommitSummary[], colours: Colours): string {
  const rows = commits.map(({ revision, time, author, message, objects }) => [
    String(revision),
    moment(time),
    author,
    whatText(objects, colours),
    message,
  ]);
  return table(['REVISION', 'TIME', 'WHO', 'WHAT', 'WHY'], rows, colours) || 'There are no changes.\n';
}

/** The one object, or how many; nothing for a release of addresses, which touches none. */
function whatText(objects: CommitSummary['objects'], colours: Colours): string {
  const [only, ...others] = objects;
  if (!only) return '';
  if (others.length > 0) return count(objects.length, 'object');
  return objectLines({ ...only, fields: [] }, colours).trim();
}

/** What differs between two revisions. */
export function diffText({ from, to, objects, allocations }: DiffView, colours: Colours): string {
  if (objects.length === 0 && allocations.length === 0)
    return `Nothing differs between revision ${from} and ${to}.\n`;
  const head = `Revision ${from} -> ${to}: ${count(objects.length, 'object differs', 'objects differ')}.\n`;
  const lines = objects.map((object) => objectLines(object, colours)).join('');
  return `${head}${lines}${handedOutText(allocations, colours)}`;
}
