/** `netloom host token`, `tokens`, `certificates`, `revoke`, `revoke-token`: who the agents of hosts are. */
import type { Command } from 'commander';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

type Form = 'table' | 'json' | 'yaml';
type TextForm = 'text' | 'json' | 'yaml';

interface JoinToken {
  readonly id: string;
  readonly host: string;
  readonly author: string;
  readonly expires: string;
}

interface Certificate {
  readonly host: string;
  readonly serial: string;
  readonly expires: string;
  readonly lastUsed?: string;
  readonly state: string;
  readonly revoked?: { readonly at: string; readonly by: string };
}

interface TokenOptions extends ServerOptions {
  readonly lifetime?: string;
  readonly controller?: string;
  readonly output: 'text' | 'json' | 'yaml';
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
/** Seconds: as long as the server allows. */
const LONGEST = 7 * 86_400;

export function tokenCommand({ terminal }: Context): Command {
  const made = command('token', 'Make a join token for a host, and print it: it is never shown again', [
    ['netloom host token host1', 'good once, within an hour; use it with "netloom agent join" there'],
    ['netloom host token host1 > host1.token', 'the token alone goes to standard output'],
    ['netloom host token host1 --lifetime 10m', 'good for ten minutes'],
    ['netloom host token host1 --controller https://10.0.0.1:7301', 'the host reaches it by another address'],
  ])
    .argument('<host>', 'host that is to join')
    .option('--lifetime <time>', 'how long it is good: 10m, 2h, up to 7d; left out: an hour')
    .option('--controller <url>', 'where this host reaches the listener for agents');
  return withServer(withOutput(made, 'text', 'json', 'yaml')).action(
    async (host: string, options: TokenOptions, self: Command) => {
      const lifetimeSeconds = secondsOf(options.lifetime, self);
      const { Client } = await import('../client.ts');
      const { moment } = await import('../moment.ts');
      const { printed } = await import('../printed.ts');
      const made = await Client.of(options, terminal).post<JoinToken & { readonly token: string }>(
        `/api/v1/hosts/${encodeURIComponent(host)}/join-tokens`,
        {
          ...(lifetimeSeconds === undefined ? {} : { lifetimeSeconds }),
          ...(options.controller === undefined ? {} : { url: options.controller }),
        },
      );
      if (options.output === 'text')
        terminal.err(
          `Token ${made.id} for ${host}, good once until ${moment(made.expires)}. On the host:\n  netloom agent join TOKEN\n`,
        );
      terminal.out(printed(made, options.output, () => `${made.token}\n`));
    },
  );
}

export function tokensCommand({ terminal }: Context): Command {
  const made = command('tokens', 'List the join tokens that are good', [
    ['netloom host tokens', 'which hosts may join, and until when'],
    ['netloom host tokens -o json', 'for a script'],
  ]);
  return withServer(withOutput(made, 'table', 'json', 'yaml')).action(
    async (options: ServerOptions & { readonly output: Form }) => {
      const { Client } = await import('../client.ts');
      const { items } = await Client.of(options, terminal).get<{ items: readonly JoinToken[] }>(
        '/api/v1/join-tokens',
      );
      const { table } = await import('../table.ts');
      const { moment } = await import('../moment.ts');
      const { printed } = await import('../printed.ts');
      const rows = items.map(({ id, host, expires, author }) => [id, host, moment(expires), author]);
      terminal.out(
        printed(items, options.output, () =>
          rows.length > 0
            ? table(['ID', 'HOST', 'EXPIRES', 'MADE BY'], rows, terminal.colours)
            : 'There are no join tokens.\n',
        ),
      );
    },
  );
}

export function revokeTokenCommand({ terminal }: Context): Command {
  const made = command('revoke-token', 'Make a join token good for nothing', [
    ['netloom host revoke-token 4f2a9c01d2e3b4a5', 'by its id, as "netloom host tokens" shows it'],
    ['netloom host revoke-token 4f2a9c01d2e3b4a5 -o json', 'for a script'],
  ]).argument('<id>', 'id of the token');
  return withServer(withOutput(made, 'text', 'json', 'yaml')).action(
    async (id: string, options: ServerOptions & { readonly output: TextForm }) => {
      const { Client } = await import('../client.ts');
      const { printed } = await import('../printed.ts');
      await Client.of(options, terminal).delete(`/api/v1/join-tokens/${encodeURIComponent(id)}`);
      terminal.out(printed({ id, revoked: true }, options.output, () => `Join token ${id} revoked.\n`));
    },
  );
}

export function certificatesCommand({ terminal }: Context): Command {
  const made = command('certificates', 'List the certificates of hosts', [
    ['netloom host certificates', 'until when, when used last, which are revoked'],
    ['netloom host certificates host1 -o json', 'of one host, for a script'],
  ]).argument('[host]', 'only those of this host');
  return withServer(withOutput(made, 'table', 'json', 'yaml')).action(
    async (host: string | undefined, options: ServerOptions & { readonly output: Form }) => {
      const { Client } = await import('../client.ts');
      const query = host === undefined ? '' : `?host=${encodeURIComponent(host)}`;
      const { items } = await Client.of(options, terminal).get<{ items: readonly Certificate[] }>(
        `/api/v1/host-certificates${query}`,
      );
      const { table } = await import('../table.ts');
      const { moment } = await import('../moment.ts');
      const { printed } = await import('../printed.ts');
      const rows = items.map(({ host: name, serial, state, expires, lastUsed, revoked }) => [
        name,
        revoked ? `${state} ${moment(revoked.at)} by ${revoked.by}` : state,
        moment(expires),
        lastUsed === undefined ? 'never' : moment(lastUsed),
        serial,
      ]);
      const titles = ['HOST', 'STATE', 'EXPIRES', 'LAST USED', 'SERIAL'];
      terminal.out(
        printed(items, options.output, () =>
          rows.length > 0
            ? table(titles, rows, terminal.colours)
            : `There are no certificates${host === undefined ? '' : ` of ${JSON.stringify(host)}`}.\n`,
        ),
      );
    },
  );
}

export function revokeCommand({ terminal }: Context): Command {
  const made = command('revoke', 'Revoke the certificates of a host: its agent is cut off at once', [
    ['netloom host revoke host1', 'it goes on with the policy that it has, and learns of nothing new'],
    ['netloom host revoke host1 -o json', 'how many certificates those were, for a script'],
  ]).argument('<host>', 'host that is not to be believed any more');
  return withServer(withOutput(made, 'text', 'json', 'yaml')).action(
    async (host: string, options: ServerOptions & { readonly output: TextForm }) => {
      const { Client } = await import('../client.ts');
      const { printed } = await import('../printed.ts');
      const { revoked } = await Client.of(options, terminal).post<{ readonly revoked: number }>(
        `/api/v1/hosts/${encodeURIComponent(host)}/revoke`,
        {},
      );
      const what =
        revoked === 0
          ? `${host} has no certificate that is good.`
          : `${revoked === 1 ? 'One certificate' : `${revoked} certificates`} of ${host} revoked.`;
      const text = `${what} Its join tokens are good for nothing.\n`;
      terminal.out(printed({ host, revoked }, options.output, () => text));
    },
  );
}

/** `10m` in seconds. */
function secondsOf(text: string | undefined, self: Command): number | undefined {
  if (text === undefined) return undefined;
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const seconds = Number(count) * (SECONDS[unit] ?? 1);
  if (count === undefined || seconds === 0 || seconds > LONGEST)
    return self.error('error: --lifetime is written 10m, 2h or 1d, and is not more than 7d');
  return seconds;
}
