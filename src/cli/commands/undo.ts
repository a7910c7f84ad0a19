import type { Command } from 'commander';
import { type Context, command } from '../context.ts';
import { type ChangeOptions, withChange } from '../submit-change.ts';

export function undoCommand(context: Context): Command {
  const made = command('undo', 'Take back one change, where no later one touched the same', [
    ['netloom undo 12', 'make what revision 12 changed as it was before'],
    ['netloom undo 12 --dry-run', 'show what that would come to'],
  ]).argument('<revision>', 'revision, as "netloom history" shows it');
  return withChange(made).action(async (revision: string, options: ChangeOptions, self: Command) => {
    const { Client } = await import('../client.ts');
    const { submitChange } = await import('../submit-change.ts');
    const { revisionOf } = await import('../revision.ts');
    const path = `/api/v1/undo/${revisionOf(revision, self)}`;
    await submitChange(Client.of(options, context.terminal), path, {}, options, context);
  });
}
