import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { ChangeSummary } from '../../controller/change.ts';
import type { PoolAddress } from '../../controller/pool.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface ShowOptions extends ServerOptions {
  readonly output: 'table' | 'json' | 'yaml';
}

interface ReleaseOptions extends ServerOptions {
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly message?: string;
  readonly output: 'text' | 'json' | 'yaml';
}

export function poolCommand(context: Context): Command {
  return command('pool', 'Look into IP pools, and release addresses whose owner is gone', [
    ['netloom pool show "CA Pool"', 'who has which address'],
    ['netloom pool show "VmSubnet/App Network/App/CA Pool"', 'where several pools have the name'],
    ['netloom pool release "CA Pool" 10.10.1.100', 'give it to others before its quarantine is over'],
  ])
    .addCommand(showCommand(context))
    .addCommand(releaseCommand(context));
}

function showCommand({ terminal }: Context): Command {
  const made = command('show', 'Show the addresses of an IP pool that are not free, and who has them', [
    ['netloom pool show "VmSubnet/AAA/test/CA Pool"', 'by the whole key'],
    ['netloom pool show "CA Pool" -o yaml', 'by name, where only one pool has it'],
  ]).argument('<pool>', 'name or key of the pool');
  return withServer(withOutput(made, 'table', 'json', 'yaml')).action(
    async (name: string, options: ShowOptions) => {
      const { Client } = await import('../client.ts');
      const { objectPath } = await import('../../api/paths.ts');
      const { findKey, findObject } = await import('../objects.ts');
      const client = Client.of(options, terminal);
      const key = await findKey(client, 'IpPool', name);
      const { items } = await client.get<{ items: readonly PoolAddress[] }>(`${objectPath(key)}/addresses`);
      const { poolText } = await import('../pool-text.ts');
      const { printed } = await import('../printed.ts');
      const pool = await findObject(client, 'IpPool', name);
      terminal.out(printed(items, options.output, () => poolText(pool, items, terminal.colours)));
    },
  );
}

function releaseCommand({ terminal }: Context): Command {
  const made = command('release', 'Let inactive addresses be given to others at once', [
    ['netloom pool release "CA Pool" 10.10.1.100 10.10.1.101', 'two addresses'],
    ['netloom pool release "CA Pool" --all', 'everything that is inactive'],
  ])
    .argument('<pool>', 'name or key of the pool')
    .argument('[address...]', 'inactive addresses, as "netloom pool show" lists them')
    .option('--all', 'all that are inactive')
    .option('--dry-run', 'show what would change, and change nothing')
    .option('-m, --message <text>', 'why, for the journal');
  return withServer(withOutput(made, 'text', 'json', 'yaml')).action(
    async (name: string, addresses: readonly string[], options: ReleaseOptions, self: Command) => {
      if (addresses.length > 0 === (options.all === true)) self.error('error: say which addresses, or --all');
      const { Client } = await import('../client.ts');
      const { objectPath } = await import('../../api/paths.ts');
      const { findKey } = await import('../objects.ts');
      const { releaseText } = await import('../pool-text.ts');
      const { printed } = await import('../printed.ts');
      const client = Client.of(options, terminal);
      const key = await findKey(client, 'IpPool', name);
      const summary = await client.post<ChangeSummary>(`${objectPath(key)}/release`, {
        ...(options.all ? {} : { addresses }),
        dryRun: options.dryRun === true,
        requestId: randomUUID(),
        ...(options.message === undefined ? {} : { message: options.message }),
      });
      terminal.out(printed(summary, options.output, () => releaseText(key, summary)));
    },
  );
}
