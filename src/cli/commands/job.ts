import type { Command } from 'commander';
import type { Job } from '../../controller/jobs/job.ts';
import { type Context, command, type ServerOptions, withOutput, withServer } from '../context.ts';

interface ListOptions extends ServerOptions {
  readonly state?: string;
  readonly kind?: string;
  readonly by?: string;
  readonly object?: string;
  readonly since?: string;
  readonly limit: string;
  readonly output: 'table' | 'json' | 'yaml';
}

interface ShowOptions extends ServerOptions {
  readonly output: 'text' | 'json' | 'yaml';
}

export function jobCommand(context: Context): Command {
  return command('job', 'Follow what is under way, see what came of the rest, stop it or try it again', [
    ['netloom job list', 'the latest jobs'],
    ['netloom job watch', 'the latest job, with a progress bar'],
    ['netloom job get 17', 'steps and result of one'],
  ])
    .addCommand(listCommand(context))
    .addCommand(getCommand(context))
    .addCommand(watchCommand(context))
    .addCommand(logCommand(context))
    .addCommand(cancelCommand(context))
    .addCommand(retryCommand(context));
}

function listCommand({ terminal }: Context): Command {
  const made = command('list', 'List jobs, from new to old', [
    ['netloom job list --state active', 'what is under way'],
    ['netloom job list --state failed --since 2h', 'what failed in the last two hours'],
    ['netloom job list --object VirtualMachine/blue1 -o json', 'what was done to one object, for a program'],
  ])
    .option('--state <state>', 'queued, running, succeeded, failed, cancelled, interrupted, or active')
    .option('--kind <kind>', 'apply, delete, undo, rollback …')
    .option('--by <user>', 'whoever asked for it')
    .option('--object <key>', 'about this kind (VirtualMachine) or object (VirtualMachine/blue1)')
    .option('--since <time>', 'from then on: 30m, 2h, 7d, or a time such as 2026-11-21T16:00:00Z')
    .option('--limit <number>', 'at most so many, up to 1000', '20');
  return withServer(withOutput(made, 'table', 'json', 'yaml')).action(async (options: ListOptions) => {
    const { Client } = await import('../client.ts');
    const { jobTable } = await import('../job-text.ts');
    const { printed } = await import('../printed.ts');
    const { sinceText } = await import('../since.ts');
    const query = new URLSearchParams({ limit: options.limit });
    const { state, kind, by, object, since } = options;
    if (state !== undefined) query.set('state', state);
    if (kind !== undefined) query.set('kind', kind);
    if (by !== undefined) query.set('initiator', by);
    if (object !== undefined) query.set('object', object);
    if (since !== undefined) query.set('since', sinceText(since));
    const client = Client.of(options, terminal);
    const { items } = await client.get<{ items: readonly Job[] }>(`/api/v1/jobs?${query}`);
    if (items.length === 0 && options.output === 'table') terminal.err('There are none.\n');
    terminal.out(printed(items, options.output, () => jobTable(items, terminal.colours)));
  });
}

function getCommand({ terminal }: Context): Command {
  const made = command('get', 'Show a job: its steps, its result, what went wrong', [
    ['netloom job get 17', 'one job'],
    ['netloom job get -o yaml', 'the latest one, with its log'],
  ]).argument('[job]', 'number of the job; the latest one if it is left out');
  return withServer(withOutput(made, 'text', 'json', 'yaml')).action(
    async (job: string | undefined, options: ShowOptions, self: Command) => {
      const id = job === undefined ? undefined : numberOf(job, self);
      const { Client } = await import('../client.ts');
      const { jobText } = await import('../job-text.ts');
      const { printed } = await import('../printed.ts');
      const client = Client.of(options, terminal);
      const found = await client.get<Job>(await pathOf(client, id, self));
      terminal.out(printed(found, options.output, () => jobText(found, terminal.colours)));
    },
  );
}

function watchCommand({ terminal, finish }: Context): Command {
  const made = command('watch', 'Follow a job to its end, with a progress bar', [
    ['netloom job watch 17', 'ends with 0 if it succeeds, else with 1'],
    ['netloom job watch', 'the latest one'],
  ]).argument('[job]', 'number of the job; the latest one if it is left out');
  return withServer(withOutput(made, 'text', 'json', 'yaml')).action(
    async (job: string | undefined, options: ShowOptions, self: Command) => {
      const id = job === undefined ? undefined : numberOf(job, self);
      const { Client } = await import('../client.ts');
      const { followJob } = await import('../follow-job.ts');
      const { printed } = await import('../printed.ts');
      const client = Client.of(options, terminal);
      const over = await followJob(client, await pathOf(client, id, self), terminal);
      if (!over) return terminal.out('There was nothing to do.\n');
      terminal.out(
        printed(over, options.output, () =>
          `Job ${over.id} ${over.state}. ${over.summary ?? ''}`.trimEnd().concat('\n'),
        ),
      );
      const { reportFindings } = await import('../report.ts');
      reportFindings(terminal, over.findings);
      if (over.state !== 'succeeded') finish(1);
    },
  );
}

function logCommand({ terminal }: Context): Command {
  const made = command('log', 'Show the log of a job', [
    ['netloom job log 17', 'what it did, and why it failed'],
  ]).argument('[job]', 'number of the job; the latest one if it is left out');
  return withServer(withOutput(made, 'text', 'json', 'yaml')).action(
    async (job: string | undefined, options: ShowOptions, self: Command) => {
      const id = job === undefined ? undefined : numberOf(job, self);
      const { Client } = await import('../client.ts');
      const { logText } = await import('../job-text.ts');
      const { printed } = await import('../printed.ts');
      const client = Client.of(options, terminal);
      const found = await client.get<Job>(await pathOf(client, id, self));
      terminal.out(printed(found.log, options.output, () => logText(found, terminal.colours)));
    },
  );
}

function cancelCommand({ terminal }: Context): Command {
  const made = command('cancel', 'Stop a job, where nothing of it holds yet', [
    ['netloom job cancel 17', 'waits until it has stopped'],
  ]).argument('<job>', 'number of the job');
  return withServer(made).action(async (job: string, options: ServerOptions, self: Command) => {
    const path = `/api/v1/jobs/${numberOf(job, self)}`;
    const { Client } = await import('../client.ts');
    const client = Client.of(options, terminal);
    const ended = await client.post<Job>(`${path}/cancel`, {});
    terminal.out(`Job ${ended.id} ${ended.state}. ${ended.summary ?? ''}`.trimEnd().concat('\n'));
  });
}

function retryCommand({ terminal, finish }: Context): Command {
  const made = command('retry', 'Try again what failed or was cancelled', [
    ['netloom job retry 17', 'as a new job, which is followed to its end'],
  ]).argument('<job>', 'number of the job');
  return withServer(made).action(async (job: string, options: ServerOptions, self: Command) => {
    const path = `/api/v1/jobs/${numberOf(job, self)}`;
    const { Client } = await import('../client.ts');
    const { followJob } = await import('../follow-job.ts');
    const { reportFindings } = await import('../report.ts');
    const client = Client.of(options, terminal);
    const again = await client.post<Job>(`${path}/retry`, {});
    terminal.out(`Job ${again.id}: ${again.title}\n`);
    const over = await followJob(client, `/api/v1/jobs/${again.id}`, terminal);
    if (!over) return;
    reportFindings(terminal, over.findings);
    terminal.out(`Job ${over.id} ${over.state}. ${over.summary ?? ''}`.trimEnd().concat('\n'));
    if (over.state !== 'succeeded') finish(1);
  });
}

/** The number of a job that was typed; ends the program where it is none. */
function numberOf(text: string, self: Command): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  return self.error(`error: ${JSON.stringify(text)} is not the number of a job`);
}

/** Where a job is: the one that was said, or the latest one. */
async function pathOf(
  client: { get<T>(path: string): Promise<T> },
  id: number | undefined,
  self: Command,
): Promise<string> {
  if (id !== undefined) return `/api/v1/jobs/${id}`;
  const { items } = await client.get<{ items: readonly Job[] }>('/api/v1/jobs?limit=1');
  const [latest] = items;
  return latest ? `/api/v1/jobs/${latest.id}` : self.error('error: there are no jobs yet');
}
