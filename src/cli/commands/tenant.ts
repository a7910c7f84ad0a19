import type { Command } from 'commander';
import type { JsonObject } from '../../base/json.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface CreateOptions extends ServerOptions {
  readonly network: readonly string[];
  readonly quota: readonly string[];
  readonly description?: string;
}

export function tenantCommand(context: Context): Command {
  return command('tenant', 'Make tenants, open logical networks to them, and see their quotas', [
    ['netloom tenant create red --network Provider', 'who may make VM networks on Provider'],
    ['netloom tenant create red --network Provider --quota vnics=20', 'no more than 20 vNICs'],
    ['netloom tenant usage red', 'how much it has of what it may have'],
    ['netloom get tenants', 'which there are'],
  ])
    .addCommand(createCommand(context))
    .addCommand(usageCommand(context));
}

function createCommand({ terminal }: Context): Command {
  const made = command('create', 'Make a tenant', [
    ['netloom tenant create red --network Provider --network Internet', 'with two logical networks'],
  ])
    .argument('<tenant>', 'name of the tenant')
    .option('--network <name>', 'logical network that is open to it; may be said several times', collect, [])
    .option('--quota <what=number>', 'vmNetworks=10, vnics=20 …; may be said several times', collect, [])
    .option('--description <text>', 'who it is');
  return withServer(made).action(async (name: string, options: CreateOptions, self: Command) => {
    const quotas = Object.fromEntries(
      options.quota.map((text) => {
        const [, what, number] = /^(\w+)=(\d{1,7})$/.exec(text) ?? [];
        if (what === undefined) self.error(`error: --quota ${text}: write vnics=20, for example`);
        return [what, Number(number)];
      }),
    );
    const { Client } = await import('../client.ts');
    await Client.of(options, terminal).post('/api/v1/tenants', {
      kind: 'Tenant',
      name,
      logicalNetworks: options.network,
      ...(options.quota.length > 0 ? { quotas } : {}),
      ...(options.description === undefined ? {} : { description: options.description }),
    });
    terminal.out(
      `Tenant ${name} made. Its first user: netloom user create ${name}:NAME --role tenant-administrator\n`,
    );
  });
}

function usageCommand({ terminal }: Context): Command {
  const made = command('usage', 'Show how much a tenant has of what it may have', [
    ['netloom tenant usage red', 'a table'],
    ['netloom tenant usage red -o json', 'for a script'],
  ]).argument('<tenant>', 'name of the tenant');
  return withServer(withOutput(made, 'table', 'json', 'yaml')).action(
    async (name: string, options: ServerOptions & { readonly output: string }) => {
      const { Client } = await import('../client.ts');
      const tenant = await Client.of(options, terminal).get<{
        readonly quotas: Readonly<Record<string, number>>;
        readonly status: { readonly used: Readonly<Record<string, number>> };
      }>(`/api/v1/tenants/${encodeURIComponent(name)}`);
      const rows = Object.entries(tenant.quotas).map(([what, quota]) => ({
        what,
        used: tenant.status.used[what] ?? 0,
        quota,
      }));
      const json: readonly JsonObject[] = rows;
      if (options.output === 'json') return terminal.out(`${JSON.stringify(json, null, 2)}\n`);
      if (options.output === 'yaml') return terminal.out((await import('yaml')).stringify(json));
      const { table } = await import('../table.ts');
      const cells = rows.map(({ what, used, quota }) => [what, String(used), String(quota)]);
      return terminal.out(table(['WHAT', 'USED', 'QUOTA'], cells, terminal.colours));
    },
  );
}

function collect(value: string, all: readonly string[]): readonly string[] {
  return [...all, value];
}
