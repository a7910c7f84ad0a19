/**
 * A job: how a change, or other work that takes its time, comes along. Shown to people, kept in the store beside the
 * journal, and never decided by: what is true is in the objects.
 *
 *     queued -> running -> succeeded | failed | cancelled
 *                  \-----> interrupted: the controller was stopped in the middle of it
 */
import { z } from 'zod';
import { CODES, type ErrorCode } from '../../base/codes.ts';

export const JOB_STATES = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted'] as const;

const time = z.string().describe('ISO 8601, UTC.');

const findingSchema = z.object({
  code: z.enum(Object.keys(CODES) as [ErrorCode, ...ErrorCode[]]).describe('Stable; see docs/errors.md.'),
  severity: z.enum(['error', 'warning']),
  path: z.string(),
  message: z.string().describe('What is wrong.'),
  remedy: z.string().describe('What to do next.'),
});

const stepSchema = z
  .object({
    name: z.string(),
    state: z.enum(['waiting', 'running', 'succeeded', 'failed', 'skipped']),
    startedAt: time.exactOptional(),
    endedAt: time.exactOptional(),
    message: z.string().exactOptional().describe('How it goes, or why it failed.'),
  })
  .readonly();

const logLineSchema = z
  .object({ time, level: z.enum(['info', 'warning', 'error']), text: z.string() })
  .readonly();

/** What is said of a job to everybody who may see it. The schema reads what the store kept, and describes the API. */
export const jobSchema = z
  .object({
    id: z.int().min(1).describe('A number; each job has a higher one than those before it.'),
    kind: z.string().describe('`apply`, `delete`, `undo`, `rollback`, `migrate`, …'),
    title: z.string().describe('What it does, in words.'),
    initiator: z.string().describe('Who asked for it.'),
    tenant: z
      .string()
      .exactOptional()
      .describe('The tenant whose job it is; absent for those of the fabric.'),
    state: z.enum(JOB_STATES),
    createdAt: time,
    startedAt: time.exactOptional(),
    endedAt: time.exactOptional(),
    objects: z.array(z.string()).readonly().describe('Keys of the objects concerned, the first ones.'),
    objectCount: z.int().describe('How many objects are concerned.'),
    steps: z.array(stepSchema).readonly(),
    progress: z
      .object({ done: z.int(), total: z.int(), what: z.string() })
      .readonly()
      .exactOptional()
      .describe('How far the step is that runs: 3 of 7 hosts.'),
    log: z.array(logLineSchema).readonly(),
    revision: z.int().exactOptional().describe('The commit that it made.'),
    summary: z.string().exactOptional().describe('What came of it.'),
    findings: z.array(findingSchema).readonly().describe('Why it failed, and what deserves attention.'),
    cancellable: z.boolean().describe('Whether it can be stopped: it runs, and nothing of it holds yet.'),
    retryOf: z.int().exactOptional().describe('The job that this is another try of.'),
    retriedBy: z.int().exactOptional().describe('The latest job that is another try of this one.'),
    retryable: z.boolean().describe('Whether it can be tried again as it was asked for.'),
  })
  .readonly();

export type Job = z.infer<typeof jobSchema>;
export type JobStep = Job['steps'][number];
export type LogLine = Job['log'][number];

/** Whether nothing more will happen to it. */
export function isOver({ state }: Pick<Job, 'state'>): boolean {
  return state !== 'queued' && state !== 'running';
}
