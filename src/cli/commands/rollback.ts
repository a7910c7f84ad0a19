import type { Command } from 'commander';
import { type Context, command } from '../context.ts';
import { type ChangeOptions, withChange } from '../submit-change.ts';

export function rollbackCommand(context: Context): Command {
  const made = command('rollback', 'Make all objects as they were at a revision, in one new revision', [
    ['netloom rollback 12 --dry-run', 'show what that would come to, and what does not come back'],
    ['netloom rollback 12 -m "the third floor was a mistake"', 'do it, all or nothing'],
  ]).argument('<revision>', 'revision, as "netloom history" shows it');
  return withChange(made).action(async (revision: string, options: ChangeOptions, self: Command) => {
    const { Client } = await import('../client.ts');
    const { submitChange } = await import('../submit-change.ts');
    const { revisionOf } = await import('../revision.ts');
    const path = `/api/v1/rollback/${revisionOf(revision, self)}`;
    await submitChange(Client.of(options, context.terminal), path, {}, options, context);
  });
}
