import type { Command } from 'commander';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface RefusalView {
  readonly code: string;
  readonly user?: string;
  readonly from: string;
  readonly request: string;
  readonly count: number;
  readonly last: string;
}

export function refusalsCommand({ terminal }: Context): Command {
  const made = command('refusals', 'Logins that failed and requests that were denied since the start', [
    ['netloom refusals', 'the latest first'],
    ['netloom refusals -o json', 'for a script'],
  ]);
  return withServer(withOutput(made, 'table', 'json', 'yaml')).action(
    async (options: ServerOptions & { readonly output: string }) => {
      const { Client } = await import('../client.ts');
      const { items } = await Client.of(options, terminal).get<{ items: readonly RefusalView[] }>(
        '/api/v1/refusals',
      );
      if (options.output === 'json') return terminal.out(`${JSON.stringify(items, null, 2)}\n`);
      if (options.output === 'yaml') return terminal.out((await import('yaml')).stringify(items));
      const { table } = await import('../table.ts');
      const { moment } = await import('../moment.ts');
      const rows = items.map(({ last, count, user = '', from, code, request }) => [
        moment(last),
        `${count}`,
        user,
        from,
        code,
        request,
      ]);
      const text = table(['LAST', 'COUNT', 'USER', 'FROM', 'WHY', 'REQUEST'], rows, terminal.colours);
      return terminal.out(rows.length > 0 ? text : 'Nothing was refused.\n');
    },
  );
}
