/** Changes that commands ask for: the options that they have in common, and what is shown of what comes of them. */
import { randomUUID } from 'node:crypto';
import type { Command } from 'commander';
import type { ChangeSummary } from '../controller/change.ts';
import type { Client } from './client.ts';
import { type Context, type ServerOptions, withOutput, withServer } from './context.ts';

export interface ChangeOptions extends ServerOptions {
  readonly dryRun?: boolean;
  readonly message?: string;
  readonly wait?: boolean;
  readonly output: 'text' | 'json' | 'yaml';
}

export function withChange(made: Command): Command {
  const changing = made
    .option('--dry-run', 'show what would change on which host, and change nothing')
    .option('-m, --message <text>', 'why, for the journal')
    .option('--wait', 'wait until the hosts that are connected have it in force; on a terminal always so');
  return withServer(withOutput(changing, 'text', 'json', 'yaml'));
}

/**
 * Sends a change, shows what it comes to, and follows its job to the end where somebody watches or wants to wait. The
 * program ends with 1 when a host could not put it in force.
 *
 * @param located says where in the user's files what is wrong stands
 */
export async function submitChange(
  client: Client,
  path: string,
  body: object,
  options: ChangeOptions,
  { terminal, finish }: Context,
  located: (post: () => Promise<ChangeSummary>) => Promise<ChangeSummary> = (post) => post(),
): Promise<void> {
  const { changeText } = await import('./change-text.ts');
  const { printed } = await import('./printed.ts');
  const { reportError, reportFindings } = await import('./report.ts');
  const how = {
    dryRun: options.dryRun === true,
    requestId: randomUUID(),
    ...(options.message === undefined ? {} : { message: options.message }),
  };
  let summary: ChangeSummary;
  try {
    summary = await located(() => client.post<ChangeSummary>(path, { ...body, ...how }));
  } catch (thrown) {
    reportError(terminal, thrown);
    const { failedJob: job } = client;
    if (job !== undefined)
      terminal.err(`Job ${job} has failed: "netloom job get ${job}" shows how far it came.\n`);
    return finish(1);
  }
  reportFindings(terminal, summary.findings);
  terminal.out(printed(summary, options.output, () => changeText(summary, terminal.colours)));
  if (summary.job === undefined || !(options.wait || terminal.isWatched)) return;
  const { followJob } = await import('./follow-job.ts');
  const job = await followJob(client, `/api/v1/jobs/${summary.job}`, terminal);
  if (!job) return;
  reportFindings(terminal, job.findings.slice(summary.findings.length));
  if (job.state !== 'succeeded') finish(1);
}
