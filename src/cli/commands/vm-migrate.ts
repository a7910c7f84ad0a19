/** `netloom vm migrate` and `netloom vm migrations`. */
import type { Command } from 'commander';
import type { ChangeSummary } from '../../controller/change.ts';
import type { MigrationStatus } from '../../controller/migration/parts.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface MigrateOptions extends ServerOptions {
  readonly to?: string;
  readonly until?: string;
  readonly abort?: boolean;
  readonly force?: boolean;
  readonly patience?: string;
  readonly move: boolean;
  readonly wait: boolean;
  readonly dryRun?: boolean;
  readonly output: 'text' | 'json' | 'yaml';
}

interface Migrated {
  readonly job?: number;
  readonly migration?: MigrationStatus;
  readonly plan?: ChangeSummary;
}

const GOALS = ['prepared', 'switched-over', 'finished'];

export function migrateCommand({ terminal }: Context): Command {
  const made = command('migrate', 'Move a VM to another host, without a frame lost', [
    ['netloom vm migrate shop --to host2', 'prepare, wait for the hypervisor, switch over, finish'],
    ['netloom vm migrate shop --to host2 --dry-run', 'show what would change, or why it cannot move there'],
    ['netloom vm migrate shop --to host2 --until prepared', 'stop there, so that a hypervisor can move it'],
    ['netloom vm migrate shop', 'go on from where it is'],
    ['netloom vm migrate shop --abort', 'make everything as it was before'],
  ])
    .argument('<vm>', 'VM: its name, or tenant:name')
    .option('--to <host>', 'host to move to; left out, the VM moves already')
    .option('--until <step>', `stop when it is ${GOALS.slice(0, 2).join(' or ')}`)
    .option('--abort', 'end the migration: the VM stays on its source, where it has to run')
    .option('--force', 'go on although a host that is away has not confirmed a step: for hosts that are dead')
    .option('--patience <seconds>', 'how long to wait for the hosts at each step, 1 to 600; default 30')
    .option('--no-move', 'do not wait until the hypervisor has moved it')
    .option('--no-wait', 'begin, and do not wait; see "netloom vm migrations" and "netloom job list"')
    .option('--dry-run', 'show what would change, and change nothing');
  return withServer(withOutput(made, 'text', 'json', 'yaml')).action(
    async (vm: string, options: MigrateOptions, self: Command) => {
      check(options, self);
      const { Client } = await import('../client.ts');
      const { objectPath } = await import('../../api/paths.ts');
      const { findKey } = await import('../objects.ts');
      const { migratedText } = await import('../migration-text.ts');
      const client = Client.of(options, terminal);
      const path = `${objectPath(await findKey(client, 'VirtualMachine', vm))}/migration`;
      if (options.abort) {
        const answer = await client.post<Migrated>(`${path}/abort`, {});
        return show(
          terminal,
          options.output,
          answer,
          () => `The migration of ${vm} is aborted: it is as before.\n`,
        );
      }
      const { to, until, force, patience, move, wait, dryRun } = options;
      const answer = await client.post<Migrated>(path, {
        wait,
        ...(to === undefined ? {} : { destination: to }),
        ...(until === undefined ? {} : { until }),
        ...(force ? { force } : {}),
        ...(patience === undefined ? {} : { patience: Number(patience) }),
        ...(move ? {} : { movePatience: 0 }),
        ...(dryRun ? { dryRun } : {}),
      });
      const { plan } = answer;
      if (plan) {
        const { changeText } = await import('../change-text.ts');
        return show(terminal, options.output, answer, () => changeText(plan, terminal.colours));
      }
      await show(terminal, options.output, answer, () => migratedText(vm, answer, wait));
    },
  );
}

export function migrationsCommand({ terminal }: Context): Command {
  const made = command('migrations', 'List the VMs that are being moved', [
    ['netloom vm migrations', 'each with its next step'],
    ['netloom vm migrations -o json', 'for programs'],
  ]);
  return withServer(withOutput(made, 'table', 'json', 'yaml')).action(
    async (options: ServerOptions & { readonly output: 'table' | 'json' | 'yaml' }) => {
      const { Client } = await import('../client.ts');
      const { migrationsText } = await import('../migration-text.ts');
      const path = '/api/v1/migrations';
      const { items } = await Client.of(options, terminal).get<{ items: readonly MigrationStatus[] }>(path);
      await show(terminal, options.output, items, () => migrationsText(items, terminal.colours));
    },
  );
}

function check({ to, until, abort, force, patience, dryRun }: MigrateOptions, self: Command): void {
  const others = to !== undefined || until !== undefined || force === true || dryRun === true;
  if (abort && others) self.error('error: --abort goes with no other option');
  if (until !== undefined && !GOALS.includes(until))
    self.error(`error: --until takes ${GOALS.slice(0, 2).join(' or ')}, not ${JSON.stringify(until)}`);
  if (
    patience !== undefined &&
    !(/^\d{1,3}$/u.test(patience) && Number(patience) >= 1 && Number(patience) <= 600)
  )
    self.error('error: --patience takes 1 to 600 seconds');
}

async function show(
  terminal: Context['terminal'],
  output: string,
  value: unknown,
  text: () => string,
): Promise<void> {
  if (output === 'json') return terminal.out(`${JSON.stringify(value, null, 2)}\n`);
  if (output === 'yaml') {
    const { stringify } = await import('yaml');
    return terminal.out(stringify(value, { aliasDuplicateObjects: false }));
  }
  return terminal.out(text());
}
