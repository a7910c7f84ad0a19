import type { Command } from 'commander';
import type { CommitSummary } from '../../api/journal.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface Options extends ServerOptions {
  readonly limit: string;
  readonly output: 'table' | 'json';
}

export function historyCommand({ terminal }: Context): Command {
  const made = command('history', 'Show who changed what, and when', [
    ['netloom history', 'the latest changes'],
    ['netloom history vm blue1', 'of one object'],
    ['netloom history subnets --limit 100 -o json', 'of one kind, for a program'],
  ])
    .argument('[kind]', 'only changes of this kind')
    .argument('[name]', 'only changes of this object')
    .option('--limit <number>', 'at most so many, up to 1000', '20');
  return withServer(withOutput(made, 'table', 'json')).action(
    async (word: string | undefined, name: string | undefined, options: Options) => {
      const { Client } = await import('../client.ts');
      const { kindOfWord, findKey } = await import('../objects.ts');
      const { historyText } = await import('../history-text.ts');
      const client = Client.of(options, terminal);
      const query = new URLSearchParams({ limit: options.limit });
      if (word !== undefined) {
        const kind = kindOfWord(word);
        query.set('object', name === undefined ? kind : await findKey(client, kind, name));
      }
      const { items } = await client.get<{ items: readonly CommitSummary[] }>(`/api/v1/history?${query}`);
      terminal.out(
        options.output === 'json'
          ? `${JSON.stringify(items, null, 2)}\n`
          : historyText(items, terminal.colours),
      );
    },
  );
}
