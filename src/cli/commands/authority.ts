/** `netloom authority`: works on the data directory itself; the controller takes it up at its next start. */
import type { Command } from 'commander';
import type { AuthorityView } from '../../identity/authority.ts';
import { type Context, command, withOutput } from '../context.ts';

interface Options {
  readonly data?: string;
}

const RESTART = 'Restart the controller: agents come back by themselves, and frames go on meanwhile.\n';

export function authorityCommand(context: Context): Command {
  return command('authority', 'The authority that the certificates of hosts are of', [
    ['netloom authority show', 'what there is, and until when'],
    ['netloom authority prepare', 'make the one that is to follow; hosts learn of it as they renew'],
    ['netloom authority promote', 'after 20 days: it signs from now on'],
    ['netloom authority retire', 'after 30 days more: the one before is believed no longer'],
  ])
    .addCommand(showCommand(context))
    .addCommand(
      stepCommand(context, 'prepare', 'Make the authority that is to follow', async (directory) => {
        const { prepareAuthority } = await import('../../identity/authority.ts');
        await prepareAuthority(directory, Date.now());
        return `The next authority is prepared. Each host learns of it when it renews, within 20 days.\n${RESTART}`;
      }),
    )
    .addCommand(
      stepCommand(context, 'promote', 'Let the next authority sign from now on', async (directory) => {
        const { promoteAuthority } = await import('../../identity/authority.ts');
        promoteAuthority(directory);
        return `The next authority is the current one; the one before is believed until it is retired.\n${RESTART}`;
      }),
    )
    .addCommand(
      stepCommand(context, 'retire', 'Believe the previous authority no longer', async (directory) => {
        const { retireAuthority } = await import('../../identity/authority.ts');
        return retireAuthority(directory)
          ? `The previous authority is retired.\n${RESTART}`
          : 'There is no previous authority.\n';
      }),
    )
    .addCommand(
      stepCommand(
        context,
        'new',
        'Make an authority where the old one is lost; every host has to join again',
        async (directory) => {
          const { hasAuthority, openAuthority } = await import('../../identity/authority.ts');
          if (hasAuthority(directory))
            return 'There is an authority. To replace it, use prepare, promote and retire.\n';
          const { fingerprint } = await openAuthority(directory, Date.now());
          return `A new authority is made, SHA-256 ${fingerprint}. Every host has to join again.\n`;
        },
      ),
    );
}

function stepCommand(
  { terminal }: Context,
  name: string,
  summary: string,
  step: (directory: string) => Promise<string>,
): Command {
  const made = command(name, summary, [
    [`netloom authority ${name}`, 'on the data in ~/.local/share/netloom'],
    [`netloom authority ${name} -o json`, 'says what there is then, as "netloom authority show" does'],
  ]).option('--data <dir>', 'data directory (NETLOOM_DATA; default: ~/.local/share/netloom)');
  return withOutput(made, 'text', 'json', 'yaml').action(
    async (options: Options & { readonly output: 'text' | 'json' | 'yaml' }) => {
      const { authoritiesOf } = await import('../../identity/authority.ts');
      const { printed } = await import('../printed.ts');
      const directory = await directoryOf(options, terminal.env);
      const text = await step(directory);
      terminal.out(printed(authoritiesOf(directory).map(viewOf), options.output, () => text));
    },
  );
}

function showCommand({ terminal }: Context): Command {
  const made = command('show', 'Show the authorities that are believed', [
    ['netloom authority show', 'fingerprints, and until when they are good'],
  ]).option('--data <dir>', 'data directory (NETLOOM_DATA; default: ~/.local/share/netloom)');
  return withOutput(made, 'table', 'json', 'yaml').action(
    async (options: Options & { readonly output: 'table' | 'json' | 'yaml' }) => {
      const { authoritiesOf } = await import('../../identity/authority.ts');
      const { table } = await import('../table.ts');
      const { moment } = await import('../moment.ts');
      const { printed } = await import('../printed.ts');
      const items = authoritiesOf(await directoryOf(options, terminal.env)).map(viewOf);
      const rows = items.map(({ role, fingerprint, from, until }) => [
        role,
        moment(from),
        moment(until),
        fingerprint,
      ]);
      const titles = ['AUTHORITY', 'FROM', 'UNTIL', 'SHA-256'];
      terminal.out(
        printed(items, options.output, () =>
          rows.length > 0 ? table(titles, rows, terminal.colours) : 'There is no authority yet.\n',
        ),
      );
    },
  );
}

function viewOf({ role, serial, fingerprint, from, until }: AuthorityView) {
  return {
    role,
    serial,
    fingerprint,
    from: new Date(from).toISOString(),
    until: new Date(until).toISOString(),
  };
}

async function directoryOf(options: Options, env: Context['terminal']['env']): Promise<string> {
  const { join } = await import('node:path');
  const { AUTHORITY_DIRECTORY, dataDirectory } = await import('../place.ts');
  return join(dataDirectory(options.data, env), AUTHORITY_DIRECTORY);
}
