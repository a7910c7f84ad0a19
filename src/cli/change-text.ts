/** What a change comes to, on the terminal: by object, by what is handed out, and by host. */
import type { JsonValue } from '../base/json.ts';
import type { ChangeSummary, ObjectSummary } from '../controller/change.ts';
import { effectsText } from './effects-text.ts';
import { count, table } from './table.ts';
import type { Colours } from './terminal.ts';

export function changeText(summary: ChangeSummary, colours: Colours): string {
  const { objects, unchanged, allocations, hosts } = summary;
  const parts = [`${headline(summary)}\n`];
  if (objects.length > 0) parts.push(objects.map((object) => objectLines(object, colours)).join(''));
  if (unchanged.length > 0)
    parts.push(colours.dim(`  ${count(unchanged.length, 'object is', 'objects are')} so already\n`));
  parts.push(handedOutText(allocations, colours));
  if (hosts.length > 0) {
    const rows = hosts.map(({ host, added, changed, removed }) => [
      `  ${host}`,
      String(added.length),
      String(changed.length),
      String(removed.length),
    ]);
    parts.push('\nPolicy records\n', table(['  HOST', 'NEW', 'CHANGED', 'GONE'], rows, colours));
  }
  parts.push(effectsText(summary.effects, summary.effectCount, colours));
  return parts.join('');
}

/** What was handed out and given back; nothing without any. */
export function handedOutText(allocations: ChangeSummary['allocations'], colours: Colours): string {
  if (allocations.length === 0) return '';
  const rows = allocations.map(({ scope, owner, before, after }) => [
    `  ${scope}`,
    owner,
    after === null ? `${before} given back` : before === null ? after : `${before} -> ${after}`,
  ]);
  return `\nHanded out\n${table(['  FROM', 'TO', 'VALUE'], rows, colours)}`;
}

function headline({ revision, repeated, dryRun, objects }: ChangeSummary): string {
  const numbers = (['create', 'update', 'delete'] as const)
    .map((action) => ({ action, number: objects.filter((o) => o.action === action).length }))
    .filter(({ number }) => number > 0)
    .map(({ action, number }) => `${number} to ${action}`);
  const what = numbers.length > 0 ? numbers.join(', ') : 'nothing to change';
  if (dryRun) return `Dry run, nothing was changed: ${what}.`;
  if (revision === undefined) return 'Nothing to change.';
  const done = what
    .replaceAll('to create', 'created')
    .replaceAll('to update', 'updated')
    .replaceAll('to delete', 'deleted');
  return `Revision ${revision}${repeated ? ' (done before)' : ''}: ${done}.`;
}

export function objectLines({ key, action, fields }: ObjectSummary, colours: Colours): string {
  const mark =
    action === 'create' ? colours.green('+') : action === 'delete' ? colours.red('-') : colours.yellow('~');
  const changes = fields.map(
    ({ path, before, after }) => `      ${path}: ${show(before)} -> ${show(after)}\n`,
  );
  return `  ${mark} ${key}\n${changes.join('')}`;
}

function show(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
