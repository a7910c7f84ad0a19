import type { Command } from 'commander';
import type { Role } from '../../model/kinds/user.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

/** What the server says of whoever asks. */
interface Who {
  readonly user: string;
  readonly role: Role;
  readonly tenant?: string;
  readonly by: 'local-token' | 'session' | 'token';
  readonly permissions: readonly string[];
}

export function loginCommand({ terminal }: Context): Command {
  const made = command('login', 'Log in; commands are then done in the name of the user', [
    ['netloom login ann', 'asks for the password'],
    ['netloom login red:sam --server http://netloom.example:7300', 'a user of the tenant red'],
    ['netloom login ann < password.txt', 'the password is the first line'],
  ]).argument('<user>', 'name of the user; tenant:name for a tenant’s');
  return withServer(made).action(async (user: string, options: ServerOptions) => {
    const { Client } = await import('../client.ts');
    const { findUrl } = await import('../place.ts');
    const { writeSession } = await import('../session-file.ts');
    const { askPassword } = await import('../passwords.ts');
    const url = findUrl(options, terminal.env);
    const client = new Client({ url });
    const password = await askPassword(terminal, `Password of ${user}: `);
    const who = await client.post<Who>('/api/v1/login', { user, password });
    writeSession(url, terminal.env, client.openedSession);
    terminal.out(`${sentenceOf(who)}\n`);
  });
}

export function logoutCommand({ terminal }: Context): Command {
  const made = command('logout', 'End the session of "netloom login"', [
    ['netloom logout', 'afterwards the token of the data directory is used again'],
  ]);
  return withServer(made).action(async (options: ServerOptions) => {
    const { Client } = await import('../client.ts');
    const { findUrl } = await import('../place.ts');
    const { readSession, writeSession } = await import('../session-file.ts');
    const url = findUrl(options, terminal.env);
    const session = readSession(url, terminal.env);
    if (session === undefined) return terminal.out(`Nobody is logged in at ${url.origin}.\n`);
    // Forgotten here whatever the server says: it may have ended there already.
    writeSession(url, terminal.env);
    const { NetloomError } = await import('../../base/error.ts');
    try {
      await new Client({ url, session }).post('/api/v1/logout', {});
    } catch (thrown) {
      if (!(thrown instanceof NetloomError && thrown.code === 'token-missing')) throw thrown;
    }
    terminal.out('Logged out.\n');
  });
}

export function whoamiCommand({ terminal }: Context): Command {
  const made = command('whoami', 'Say in whose name commands are done, and what is allowed', [
    ['netloom whoami', 'user, role, tenant'],
    ['netloom whoami -o json', 'with the permissions, for a script'],
  ]);
  return withServer(withOutput(made, 'text', 'json', 'yaml')).action(
    async (options: ServerOptions & { readonly output: string }) => {
      const { Client } = await import('../client.ts');
      const who = await Client.of(options, terminal).get<Who>('/api/v1/whoami');
      if (options.output === 'json') return terminal.out(`${JSON.stringify(who, null, 2)}\n`);
      if (options.output === 'yaml') return terminal.out((await import('yaml')).stringify(who));
      terminal.out(`${sentenceOf(who)}\nIt may: ${who.permissions.join(', ')}.\n`);
    },
  );
}

export function setupCommand({ terminal }: Context): Command {
  const made = command('setup', 'Make the first administrator, with the code that the first start printed', [
    ['netloom setup ann --code CODE', 'asks for the password; the code is good once'],
  ])
    .argument('<user>', 'name of the administrator')
    .requiredOption('--code <code>', 'the one-time code that the server printed');
  return withServer(made).action(async (user: string, options: ServerOptions & { readonly code: string }) => {
    const { Client } = await import('../client.ts');
    const { findUrl } = await import('../place.ts');
    const { writeSession } = await import('../session-file.ts');
    const { askNewPassword } = await import('../passwords.ts');
    const url = findUrl(options, terminal.env);
    const client = new Client({ url });
    const password = await askNewPassword(terminal, user);
    const who = await client.post<Who>('/api/v1/setup', { code: options.code, user, password });
    writeSession(url, terminal.env, client.openedSession);
    terminal.out(`${sentenceOf(who)}\n`);
  });
}

const BY: Readonly<Record<Who['by'], string>> = {
  'local-token': 'by the token of the data directory',
  session: 'logged in',
  token: 'by an API token',
};

function sentenceOf({ user, role, tenant, by }: Who): string {
  const of = tenant === undefined ? '' : ` of the tenant ${tenant}`;
  return `You are ${user}, ${role}${of}, ${BY[by]}.`;
}
