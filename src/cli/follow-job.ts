/** A job as it comes along, on standard error: where somebody watches, with a bar; elsewhere a line for each step. */
import { isOver, type Job } from '../controller/jobs/job.ts';
import type { Client } from './client.ts';
import { progressLine, stepLine } from './job-text.ts';
import type { Terminal } from './terminal.ts';

/**
 * Follows a job to its end and gives it then; undefined when it had nothing to do, and is not kept. `path` is its own:
 * `/api/v1/jobs/17`.
 */
export async function followJob(client: Client, path: string, terminal: Terminal): Promise<Job | undefined> {
  let told = 0;
  let last: Job | undefined;
  for await (const { event, data } of client.events(`${path}/watch`)) {
    if (event === 'gone') return undefined;
    const job = JSON.parse(data) as Job;
    last = job;
    // Steps are told in order, each when it has ended.
    while (told < job.steps.length && hasEnded(job, told)) {
      terminal.redraw();
      terminal.err(`${stepLine(job.steps[told]!, terminal.errorColours)}\n`);
      told += 1;
    }
    if (isOver(job)) break;
    terminal.redraw(progressLine(job));
  }
  terminal.redraw();
  // A stream that broke off: the server says how it ended, or that it cannot be reached.
  return last && isOver(last) ? last : client.get<Job>(path);
}

function hasEnded({ steps }: Job, index: number): boolean {
  const { state } = steps[index]!;
  return state !== 'waiting' && state !== 'running';
}
