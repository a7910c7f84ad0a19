import type { Command } from 'commander';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface TokenView {
  readonly id: string;
  readonly user: string;
  readonly role: string;
  readonly tenant?: string;
  readonly description: string;
  readonly expires: string;
  readonly lastUsed?: string;
}

interface CreateOptions extends ServerOptions {
  readonly user?: string;
  readonly days?: string;
  readonly role?: string;
  readonly tenant?: string;
}

export function tokenCommand(context: Context): Command {
  return command('token', 'API tokens: for programs, in the name of a user', [
    ['netloom token create "nightly backup"', 'in one’s own name, for 90 days'],
    ['netloom token create ci --role read-only-administrator --days 7', 'less than oneself may do'],
    ['netloom token list', 'what there is, and when it was used last'],
    ['netloom token revoke 4f2a9c01d2e3b4a5', 'it is good for nothing from now on'],
  ])
    .addCommand(createCommand(context))
    .addCommand(listCommand(context))
    .addCommand(revokeCommand(context));
}

function createCommand({ terminal }: Context): Command {
  const made = command('create', 'Make an API token, and print it: it is never shown again', [
    ['netloom token create "nightly backup" > backup.token', 'the token alone goes to standard output'],
    ['netloom token create ci --user ann', 'in the name of somebody else'],
  ])
    .argument('<description>', 'what it is for')
    .option('--user <user>', 'in whose name; left out: one’s own')
    .option('--days <number>', 'how long it is good, 1 to 90')
    .option('--role <role>', 'a lesser role than the user’s')
    .option('--tenant <tenant>', 'the tenant, where an administrator takes a role of one');
  return withServer(made).action(async (description: string, options: CreateOptions) => {
    const { user, days, role, tenant } = options;
    const { Client } = await import('../client.ts');
    const { token, id, expires } = await Client.of(options, terminal).post<TokenView & { token: string }>(
      '/api/v1/tokens',
      {
        description,
        ...(user === undefined ? {} : { user }),
        ...(days === undefined ? {} : { days: Number(days) }),
        ...(role === undefined ? {} : { role }),
        ...(tenant === undefined ? {} : { tenant }),
      },
    );
    const { moment } = await import('../moment.ts');
    terminal.err(
      `Token ${id}, good until ${moment(expires)}. Use it as NETLOOM_TOKEN, or as a bearer token:\n`,
    );
    terminal.out(`${token}\n`);
  });
}

function listCommand({ terminal }: Context): Command {
  const made = command('list', 'List API tokens', [
    ['netloom token list', 'one’s own'],
    ['netloom token list --user red:sam', 'somebody’s'],
  ]).option('--user <user>', 'whose; left out: one’s own');
  return withServer(withOutput(made, 'table', 'json', 'yaml')).action(
    async (options: ServerOptions & { readonly user?: string; readonly output: string }) => {
      const { Client } = await import('../client.ts');
      const query = options.user === undefined ? '' : `?user=${encodeURIComponent(options.user)}`;
      const { items } = await Client.of(options, terminal).get<{ items: readonly TokenView[] }>(
        `/api/v1/tokens${query}`,
      );
      if (options.output === 'json') return terminal.out(`${JSON.stringify(items, null, 2)}\n`);
      if (options.output === 'yaml') return terminal.out((await import('yaml')).stringify(items));
      const { table } = await import('../table.ts');
      const { moment } = await import('../moment.ts');
      const rows = items.map((t) => [
        t.id,
        t.user,
        t.role,
        moment(t.expires),
        t.lastUsed === undefined ? 'never' : moment(t.lastUsed),
        t.description,
      ]);
      const titles = ['ID', 'USER', 'ROLE', 'EXPIRES', 'LAST USED', 'DESCRIPTION'];
      return terminal.out(rows.length > 0 ? table(titles, rows, terminal.colours) : 'There are no tokens.\n');
    },
  );
}

function revokeCommand({ terminal }: Context): Command {
  const made = command('revoke', 'Make an API token good for nothing', [
    ['netloom token revoke 4f2a9c01d2e3b4a5', 'by its id, as "netloom token list" shows it'],
  ]).argument('<id>', 'id of the token');
  return withServer(made).action(async (id: string, options: ServerOptions) => {
    const { Client } = await import('../client.ts');
    await Client.of(options, terminal).delete(`/api/v1/tokens/${encodeURIComponent(id)}`);
    terminal.out(`Token ${id} revoked.\n`);
  });
}
