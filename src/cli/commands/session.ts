import type { Command } from 'commander';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface SessionView {
  readonly id: string;
  readonly user: string;
  readonly from: string;
  readonly opened: string;
  readonly current: boolean;
}

export function sessionCommand(context: Context): Command {
  return command('session', 'Sessions of people who are logged in', [
    ['netloom session list', 'one’s own, and those of users that one manages'],
    ['netloom session end 4f2a9c01d2e3b4a5', 'whoever has it has to log in again'],
  ])
    .addCommand(listCommand(context))
    .addCommand(endCommand(context));
}

function listCommand({ terminal }: Context): Command {
  const made = command('list', 'List open sessions', [['netloom session list -o json', 'for a script']]);
  return withServer(withOutput(made, 'table', 'json', 'yaml')).action(
    async (options: ServerOptions & { readonly output: string }) => {
      const { Client } = await import('../client.ts');
      const { items } = await Client.of(options, terminal).get<{ items: readonly SessionView[] }>(
        '/api/v1/sessions',
      );
      if (options.output === 'json') return terminal.out(`${JSON.stringify(items, null, 2)}\n`);
      if (options.output === 'yaml') return terminal.out((await import('yaml')).stringify(items));
      const { table } = await import('../table.ts');
      const { moment } = await import('../moment.ts');
      const rows = items.map((s) => [s.id, s.user, s.from, moment(s.opened), s.current ? 'this one' : '']);
      const text = table(['ID', 'USER', 'FROM', 'OPENED', ''], rows, terminal.colours);
      return terminal.out(rows.length > 0 ? text : 'Nobody is logged in.\n');
    },
  );
}

function endCommand({ terminal }: Context): Command {
  const made = command('end', 'End a session', [
    ['netloom session end 4f2a9c01d2e3b4a5', 'by its id, as "netloom session list" shows it'],
  ]).argument('<id>', 'id of the session');
  return withServer(made).action(async (id: string, options: ServerOptions) => {
    const { Client } = await import('../client.ts');
    await Client.of(options, terminal).delete(`/api/v1/sessions/${encodeURIComponent(id)}`);
    terminal.out(`Session ${id} ended.\n`);
  });
}
