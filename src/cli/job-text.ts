/** Jobs on the terminal. */
import type { Job, JobStep } from '../controller/jobs/job.ts';
import { moment } from './moment.ts';
import { table } from './table.ts';
import type { Colours } from './terminal.ts';

export function jobTable(jobs: readonly Job[], colours: Colours): string {
  const rows = jobs.map((job) => [
    String(job.id),
    stateText(job, colours),
    moment(job.createdAt),
    job.initiator,
    job.title,
    job.summary ?? job.findings[0]?.message ?? '',
  ]);
  return table(['JOB', 'STATE', 'BEGAN', 'WHO', 'WHAT', 'RESULT'], rows, colours);
}

/** Everything about one job but its log. */
export function jobText(job: Job, colours: Colours): string {
  const { bold, dim } = colours;
  const facts = [
    ['State', stateText(job, colours)],
    ['Kind', job.kind],
    ['Asked for by', job.tenant === undefined ? job.initiator : `${job.initiator} (tenant ${job.tenant})`],
    ['Began', moment(job.createdAt)],
    ...(job.endedAt === undefined ? [] : [['Ended', moment(job.endedAt)]]),
    ...(job.revision === undefined ? [] : [['Revision', String(job.revision)]]),
    ...(job.retryOf === undefined ? [] : [['Another try of', `job ${job.retryOf}`]]),
    ...(job.retriedBy === undefined ? [] : [['Tried again by', `job ${job.retriedBy}`]]),
    ...(job.summary === undefined ? [] : [['Result', job.summary]]),
  ];
  const width = Math.max(...facts.map(([name]) => name!.length));
  const more = job.objectCount - job.objects.length;
  return [
    `${bold(`Job ${job.id}: ${job.title}`)}\n\n`,
    ...facts.map(([name, value]) => `  ${dim(name!.padEnd(width))}  ${value}\n`),
    `\n${bold('Steps')}\n`,
    ...job.steps.map((step) => `${stepLine(step, colours)}\n`),
    ...(job.objects.length > 0 ? [`\n${bold('Objects')}\n`] : []),
    ...job.objects.map((key) => `  ${key}\n`),
    ...(more > 0 ? [dim(`  and ${more} more\n`)] : []),
    ...(job.findings.length > 0 ? [`\n${bold('Findings')}\n`] : []),
    ...job.findings.map(
      (found) =>
        `  ${found.severity}[${found.code}]${found.path ? ` ${found.path}:` : ''} ${found.message} ${found.remedy}\n`,
    ),
    ...(job.retryable ? [`\n${dim(`"netloom job retry ${job.id}" tries it again.`)}\n`] : []),
  ].join('');
}

export function logText(job: Job, colours: Colours): string {
  return job.log
    .map(({ time, level, text }) => {
      const mark =
        level === 'error' ? colours.red(level) : level === 'warning' ? colours.yellow(level) : level;
      return `${colours.dim(moment(time))}  ${mark}${' '.repeat(7 - level.length)}  ${text}\n`;
    })
    .join('');
}

/** `  hosts      done         3 of 3 have it in force` */
export function stepLine({ name, state, message, startedAt, endedAt }: JobStep, colours: Colours): string {
  const { green, red, yellow, dim } = colours;
  const words = {
    waiting: dim('waiting'),
    running: yellow('running'),
    succeeded: green('done'),
    failed: red('failed'),
    skipped: dim('left out'),
  };
  const plain = state === 'succeeded' ? 'done' : state === 'skipped' ? 'left out' : state;
  const took =
    startedAt !== undefined && endedAt !== undefined
      ? seconds(Date.parse(endedAt) - Date.parse(startedAt))
      : '';
  return `  ${name.padEnd(12)}  ${words[state]}${' '.repeat(9 - plain.length)} ${took.padStart(8)}  ${message ?? ''}`.trimEnd();
}

const BAR = 24;

/** The running step with how far it is: `  hosts  [=======>      ] 3 of 7 hosts`. */
export function progressLine(job: Job): string {
  const step = job.steps.find(({ state }) => state === 'running');
  const { progress } = job;
  if (!step) return `  ${job.state}`;
  if (!progress || progress.total === 0) return `  ${step.name} …`;
  const { done, total, what } = progress;
  const filled = Math.floor((BAR * done) / total);
  const bar = `${'='.repeat(filled)}${filled < BAR ? '>' : ''}`.padEnd(BAR);
  return `  ${step.name}  [${bar}] ${done} of ${total} ${what}`;
}

function stateText({ state }: Job, colours: Colours): string {
  switch (state) {
    case 'succeeded':
      return colours.green(state);
    case 'failed':
    case 'interrupted':
      return colours.red(state);
    case 'queued':
    case 'running':
      return colours.yellow(state);
    case 'cancelled':
      return colours.dim(state);
  }
}

function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? `${milliseconds} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}
