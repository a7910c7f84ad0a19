import type { Command } from 'commander';
import type { DiffView } from '../../api/journal.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface Options extends ServerOptions {
  readonly output: 'text' | 'json' | 'yaml';
}

export function diffCommand({ terminal }: Context): Command {
  const made = command('diff', 'Show what differs between two revisions, field by field', [
    ['netloom diff 12', 'between revision 12 and now'],
    ['netloom diff 12 20', 'between two revisions, whatever happened between them'],
    ['netloom diff 0 -o yaml', 'everything since the beginning, for a program'],
  ])
    .argument('<from>', 'revision; 0 is the empty network')
    .argument('[to]', 'revision; the latest if it is left out');
  return withServer(withOutput(made, 'text', 'json', 'yaml')).action(
    async (from: string, to: string | undefined, options: Options, self: Command) => {
      const { Client } = await import('../client.ts');
      const { diffText } = await import('../history-text.ts');
      const { revisionOf } = await import('../revision.ts');
      const { printed } = await import('../printed.ts');
      const query = new URLSearchParams({ from: String(revisionOf(from, self, 0)) });
      if (to !== undefined) query.set('to', String(revisionOf(to, self, 0)));
      const diff = await Client.of(options, terminal).get<DiffView>(`/api/v1/diff?${query}`);
      terminal.out(printed(diff, options.output, () => diffText(diff, terminal.colours)));
    },
  );
}
