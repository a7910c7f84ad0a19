/** `netloom vm migrate` and `netloom vm migrations`. */
import type { Command } from 'commander';
import { NetloomError } from '../../base/error.ts';
import type { ChangeSummary } from '../../controller/change.ts';
import type { MigrationStatus } from '../../controller/migration/parts.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface MigrateOptions extends ServerOptions {
  readonly to?: string;
  readonly until?: string;
  readonly abort?: boolean;
  readonly reason?: string;
  readonly force?: boolean;
  readonly patience?: string;
  readonly move: boolean;
  readonly movePatience?: string;
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

export function migrateCommand({ terminal, finish }: Context): Command {
  const made = command('migrate', 'Move a VM to another host, without a frame lost', [
    ['netloom vm migrate shop --to host2', 'prepare, wait for the hypervisor, switch over, finish'],
    ['netloom vm migrate shop --to host2 --dry-run', 'show what would change, or why it cannot move there'],
    ['netloom vm migrate shop --to host2 --until prepared', 'stop there, so that a hypervisor can move it'],
    ['netloom vm migrate shop --to host2 --move-patience 7200', 'its memory is large: two hours to move it'],
    ['netloom vm migrate shop', 'go on from where it is'],
    ['netloom vm migrate shop --abort', 'make everything as it was before'],
    ['netloom vm migrate shop --abort --reason "no room there"', 'and tell whoever waits for it why'],
  ])
    .argument('<vm>', 'VM: its name, or tenant:name')
    .option('--to <host>', 'host to move to; left out, the VM moves already')
    .option('--until <step>', `stop when it is ${GOALS.slice(0, 2).join(' or ')}`)
    .option('--abort', 'end the migration: the VM stays on its source, where it has to run')
    .option('--reason <text>', 'why it is aborted, for whoever waits for it')
    .option('--force', 'go on although a host that is away has not confirmed a step: for hosts that are dead')
    .option('--patience <seconds>', 'how long to wait for the hosts at each step, 1 to 600; default 30')
    .option(
      '--move-patience <seconds>',
      'how long to wait until the hypervisor has moved it, up to 86400; default 600',
    )
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
      const { printed } = await import('../printed.ts');
      const client = Client.of(options, terminal);
      const path = `${objectPath(await findKey(client, 'VirtualMachine', vm))}/migration`;
      const { to, until, abort, reason, force, patience, move, movePatience, wait, dryRun, output } = options;
      if (abort) {
        const answer = await client.post<Migrated>(`${path}/abort`, reason === undefined ? {} : { reason });
        const text = `The migration of ${vm} is aborted: it is as before.\n`;
        return terminal.out(printed(answer, output, () => text));
      }
      const begun = await client.post<Migrated>(path, {
        // Followed as a job: no answer is waited for as long as a hypervisor may take.
        wait: false,
        ...(to === undefined ? {} : { destination: to }),
        ...(until === undefined ? {} : { until }),
        ...(force ? { force } : {}),
        ...(patience === undefined ? {} : { patience: Number(patience) }),
        ...(movePatience === undefined ? {} : { movePatience: Number(movePatience) }),
        ...(move ? {} : { movePatience: 0 }),
        ...(dryRun ? { dryRun } : {}),
      });
      const { plan, job } = begun;
      if (plan) {
        const { changeText } = await import('../change-text.ts');
        return terminal.out(printed(begun, output, () => changeText(plan, terminal.colours)));
      }
      if (!wait || job === undefined)
        return terminal.out(printed(begun, output, () => migratedText(vm, begun, false)));
      const { followJob } = await import('../follow-job.ts');
      const { reportFindings } = await import('../report.ts');
      const over = await followJob(client, `/api/v1/jobs/${job}`, terminal);
      reportFindings(terminal, over?.findings ?? []);
      if (over && over.state !== 'succeeded') {
        terminal.err(`Job ${job} ${over.state}: "netloom job get ${job}" shows how far it came.\n`);
        return finish(1);
      }
      const migration = await migrationAt(client, path);
      const answer = { job, ...(migration ? { migration } : {}) };
      terminal.out(printed(answer, output, () => migratedText(vm, answer, true)));
    },
  );
}

/** How far the migration is; undefined where there is none any more. */
async function migrationAt(
  client: { get<T>(path: string): Promise<T> },
  path: string,
): Promise<MigrationStatus | undefined> {
  try {
    return await client.get<MigrationStatus>(path);
  } catch (thrown) {
    if (NetloomError.from(thrown).code === 'not-found') return undefined;
    throw thrown;
  }
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
      const { printed } = await import('../printed.ts');
      terminal.out(printed(items, options.output, () => migrationsText(items, terminal.colours)));
    },
  );
}

function check(options: MigrateOptions, self: Command): void {
  const { to, until, abort, reason, force, patience, move, movePatience, dryRun } = options;
  const others = [to, until, force, patience, movePatience, dryRun].some((option) => option !== undefined);
  if (abort && (others || !move)) self.error('error: --abort goes with no other option than --reason');
  if (reason !== undefined && !abort) self.error('error: --reason goes with --abort');
  if (reason !== undefined && reason.length > 500) self.error('error: --reason takes 500 characters');
  if (until !== undefined && !GOALS.includes(until))
    self.error(`error: --until takes ${GOALS.slice(0, 2).join(' or ')}, not ${JSON.stringify(until)}`);
  if (!isWithin(patience, 1, 600)) self.error('error: --patience takes 1 to 600 seconds');
  if (!isWithin(movePatience, 1, 86_400)) self.error('error: --move-patience takes 1 to 86400 seconds');
  if (!move && movePatience !== undefined) self.error('error: --move-patience does not go with --no-move');
}

function isWithin(text: string | undefined, least: number, most: number): boolean {
  return text === undefined || (/^\d{1,6}$/u.test(text) && Number(text) >= least && Number(text) <= most);
}
