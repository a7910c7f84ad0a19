import type { Command } from 'commander';
import { type Context, command, type ServerOptions, withServer } from '../context.ts';

interface CreateOptions extends ServerOptions {
  readonly role: string;
  readonly description?: string;
  readonly password: boolean;
}

export function userCommand(context: Context): Command {
  return command('user', 'Make users, and set their passwords', [
    ['netloom user create ann --role administrator', 'asks for the password'],
    ['netloom user create red:sam --role self-service', 'a user of the tenant red'],
    ['netloom user passwd ann', 'set the password of somebody'],
    ['netloom user passwd', 'change one’s own'],
    ['netloom get users', 'who there is'],
    ['netloom delete user ann', 'with password and tokens'],
  ])
    .addCommand(createCommand(context))
    .addCommand(passwordCommand(context));
}

function createCommand({ terminal }: Context): Command {
  const made = command('create', 'Make a user, with a password', [
    ['netloom user create ann --role administrator', 'asks for the password'],
    ['netloom user create ci --role fabric-administrator --no-password', 'for API tokens only'],
  ])
    .argument('<user>', 'name; tenant:name for a tenant’s')
    .requiredOption(
      '--role <role>',
      'administrator, fabric-administrator, read-only-administrator, tenant-administrator or self-service',
    )
    .option('--description <text>', 'who it is')
    .option('--no-password', 'without a password: nobody can log in, but tokens can be made');
  return withServer(made).action(async (typed: string, options: CreateOptions) => {
    const { Client } = await import('../client.ts');
    const { askNewPassword } = await import('../passwords.ts');
    const { passwordFindings } = await import('../../access/passwords.ts');
    const { throwIfErrors } = await import('../../base/error.ts');
    const client = Client.of(options, terminal);
    const password = options.password ? await askNewPassword(terminal, typed) : undefined;
    // Before the user is made: one with a bad password would be left without any.
    if (password !== undefined) throwIfErrors(passwordFindings(password, typed));
    const [tenant, name] = typed.includes(':') ? typed.split(':', 2) : [undefined, typed];
    await client.post('/api/v1/users', {
      kind: 'User',
      name,
      role: options.role,
      ...(tenant === undefined ? {} : { tenant }),
      ...(options.description === undefined ? {} : { description: options.description }),
    });
    if (password !== undefined) await client.put(`${addressOf(typed)}/password`, { password });
    terminal.out(`User ${typed} made${password === undefined ? ', without a password' : ''}.\n`);
  });
}

function passwordCommand({ terminal }: Context): Command {
  const made = command('passwd', 'Set a password; other sessions of the user end', [
    ['netloom user passwd', 'one’s own: asks for the present one too'],
    ['netloom user passwd red:sam', 'somebody else’s'],
    ['netloom user passwd ann < password.txt', 'the password is the first line'],
  ]).argument('[user]', 'whose; left out: one’s own');
  return withServer(made).action(async (user: string | undefined, options: ServerOptions) => {
    const { Client } = await import('../client.ts');
    const { askNewPassword, askPassword } = await import('../passwords.ts');
    const client = Client.of(options, terminal);
    if (user === undefined) {
      const current = await askPassword(terminal, 'Present password: ');
      const password = await askNewPassword(terminal, 'yourself');
      await client.put('/api/v1/password', { current, password });
    } else {
      await client.put(`${addressOf(user)}/password`, { password: await askNewPassword(terminal, user) });
    }
    terminal.out('Password set.\n');
  });
}

function addressOf(user: string): string {
  return `/api/v1/users/${encodeURIComponent(user)}`;
}
