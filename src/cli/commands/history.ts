import type { Command } from 'commander';
import type { CommitSummary } from '../../api/journal.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface Options extends ServerOptions {
  readonly limit: string;
  readonly by?: string;
  readonly since?: string;
  readonly output: 'table' | 'json' | 'yaml';
}

export function historyCommand({ terminal }: Context): Command {
  const made = command('history', 'Show who changed what, and when', [
    ['netloom history', 'the latest changes'],
    ['netloom history vm blue1', 'of one object'],
    ['netloom history --by ann --since 7d', 'by one user, in the last week'],
    ['netloom history subnets --limit 100 -o json', 'of one kind, for a program'],
  ])
    .argument('[kind]', 'only changes of this kind')
    .argument('[name]', 'only changes of this object')
    .option('--by <user>', 'only changes of this user')
    .option('--since <time>', 'from then on: 30m, 2h, 7d, or a time such as 2026-11-21T16:00:00Z')
    .option('--limit <number>', 'at most so many, up to 1000', '20');
  return withServer(withOutput(made, 'table', 'json', 'yaml')).action(
    async (word: string | undefined, name: string | undefined, options: Options) => {
      const { Client } = await import('../client.ts');
      const { kindOfWord, findKey } = await import('../objects.ts');
      const { historyText } = await import('../history-text.ts');
      const { printed } = await import('../printed.ts');
      const { sinceText } = await import('../since.ts');
      const client = Client.of(options, terminal);
      const query = new URLSearchParams({ limit: options.limit });
      if (options.by !== undefined) query.set('author', options.by);
      if (options.since !== undefined) query.set('since', sinceText(options.since));
      if (word !== undefined) {
        const kind = kindOfWord(word);
        query.set('object', name === undefined ? kind : await findKey(client, kind, name));
      }
      const { items } = await client.get<{ items: readonly CommitSummary[] }>(`/api/v1/history?${query}`);
      terminal.out(printed(items, options.output, () => historyText(items, terminal.colours)));
    },
  );
}
