/** Jobs: what is under way, what came of the rest, and how to stop or try again. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Accounts } from '../access/accounts.ts';
import { seenJob } from '../access/jobs.ts';
import type { View } from '../access/view.ts';
import type { Clock } from '../base/clock.ts';
import type { Controller } from '../controller/controller.ts';
import { isOver, JOB_STATES, type Job } from '../controller/jobs/job.ts';
import { splitObjectKey } from '../model/kinds.ts';
import { viewOf } from './access.ts';
import { Actor, noObject } from './actor.ts';
import { objectFilter } from './changes.ts';
import {
  ALIVE,
  EVENT_STREAM,
  type EventSource,
  EventStreams,
  eventBytes,
  heartbeat,
} from './event-stream.ts';
import { API } from './paths.ts';
import { refusal } from './problem.ts';
import type { RequestTypes } from './request.ts';
import { jobDocument, PROBLEMS } from './schemas.ts';

const idParam = z.object({ id: z.coerce.number().int().min(1).describe('Job.') });

const listQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(50).describe('At most so many, 1 to 1000.'),
  before: z.coerce.number().int().min(1).optional().describe('Only older ones than this job: the next page.'),
  state: z
    .enum([...JOB_STATES, 'active'])
    .optional()
    .describe('Only jobs in this state; `active`: queued and running ones.'),
  kind: z.string().max(100).optional().describe('Only jobs of this kind: `apply`.'),
  initiator: z.string().max(256).optional().describe('Only jobs that this user asked for.'),
  object: z
    .string()
    .max(1024)
    .optional()
    .describe('Only jobs about this kind (`VirtualMachine`) or object (`VirtualMachine/blue1`).'),
  since: z.iso.datetime({ offset: true }).optional().describe('Only jobs from this time on, ISO 8601.'),
});

export function jobRoutes(
  plain: FastifyInstance,
  controller: Controller,
  clock: Clock,
  accounts: Accounts,
): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const { jobs } = controller;
  const tags = ['jobs'];
  const streams = new EventStreams(plain, clock, accounts);

  const jobOf = (view: View, id: number): Job => {
    const job = jobs.get(id);
    const seen = job && seenJob(view, job);
    if (seen) return seen;
    throw refusal(
      'not-found',
      '',
      `There is no job ${id}.`,
      'See "netloom job list"; old jobs are forgotten.',
    );
  };

  app.route({
    method: 'GET',
    url: `${API}/jobs`,
    config: { permission: 'view' },
    schema: {
      operationId: 'listJobs',
      tags,
      summary: 'List jobs',
      description: 'From new to old. The latest 1000 are kept, for at most 30 days.',
      querystring: listQuery,
      response: {
        200: z.object({
          items: z.array(jobDocument),
          next: z.int().optional().describe('`before` of the next page; absent on the last one.'),
        }),
        ...PROBLEMS,
      },
    },
    handler: async (request) => {
      const { limit, before, state, kind, initiator, object, since } = request.query;
      const view = viewOf(request, controller);
      const about = object === undefined ? () => true : await aboutObject(controller, object);
      const from = since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(since);
      const found = jobs.list({
        limit: limit + 1,
        ...(before === undefined ? {} : { before }),
        passes: (job) =>
          (state === undefined || (state === 'active' ? !isOver(job) : job.state === state)) &&
          (kind === undefined || job.kind === kind) &&
          (initiator === undefined || job.initiator === initiator) &&
          Date.parse(job.createdAt) >= from &&
          about(job) &&
          seenJob(view, job) !== undefined,
      });
      const items = found.slice(0, limit).flatMap((job) => seenJob(view, job) ?? []);
      return { items, ...(found.length > limit ? { next: items.at(-1)!.id } : {}) };
    },
  });

  app.route({
    method: 'GET',
    url: `${API}/jobs/:id`,
    config: { permission: 'view' },
    schema: {
      operationId: 'getJob',
      tags,
      summary: 'Get a job',
      description: 'With its steps, its log, and what came of it.',
      params: idParam,
      response: { 200: jobDocument, ...PROBLEMS },
    },
    handler: async (request) => jobOf(viewOf(request, controller), request.params.id),
  });

  app.route({
    method: 'POST',
    url: `${API}/jobs/:id/cancel`,
    config: { permission: 'change' },
    schema: {
      operationId: 'cancelJob',
      tags,
      summary: 'Cancel a job',
      description:
        'Answers when it has stopped. Refused when it is over, or when what it does holds already.',
      params: idParam,
      response: { 200: jobDocument, ...PROBLEMS },
    },
    handler: async (request) => {
      const { id } = request.params;
      const { author, view } = new Actor(request, controller);
      jobOf(view, id);
      await jobs.cancel(id, author);
      return jobOf(view, id);
    },
  });

  app.route({
    method: 'POST',
    url: `${API}/jobs/:id/retry`,
    config: { permission: 'change' },
    schema: {
      operationId: 'retryJob',
      tags,
      summary: 'Try a job again',
      description:
        'Asks again for what came to nothing, as a new job, and answers with it before it is over.',
      params: idParam,
      response: { 202: jobDocument, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      const actor = new Actor(request, controller);
      const { author, view } = actor;
      jobOf(view, id);
      const again = await actor.told(() =>
        jobs.retry(id, {
          initiator: author,
          ...(view.tenant === undefined ? {} : { tenant: view.tenant }),
          check: (key) => {
            actor.checkWrites(splitObjectKey(key)!.kind);
            if (!view.owns(key)) throw noObject(key);
          },
          rewrite: (changes) => actor.readAgain(changes),
        }),
      );
      await jobs.flush();
      return reply.code(202).header('location', `${API}/jobs/${again.id}`).send(jobOf(view, again.id));
    },
  });

  app.route({
    method: 'GET',
    url: `${API}/jobs/watch`,
    exposeHeadRoute: false,
    config: { permission: 'view' },
    schema: {
      operationId: 'watchJobs',
      tags,
      summary: 'Watch jobs',
      description:
        'Server-sent events: first one `job` for each job that is under way, then one whenever a job has changed; the id of an event is that of the job. Whoever reads slowly is told only how a job is by then. A job that is no longer kept, or came to nothing to do, is told as `gone`.',
      response: { ...EVENT_STREAM, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const view = viewOf(request, controller);
      return streams.send(
        request,
        reply,
        new JobFollower(controller, clock, { view, endsWith: () => false }),
      );
    },
  });

  app.route({
    method: 'GET',
    url: `${API}/jobs/:id/watch`,
    exposeHeadRoute: false,
    config: { permission: 'view' },
    schema: {
      operationId: 'watchJob',
      tags,
      summary: 'Watch a job',
      description:
        'Server-sent events: a `job` as it is now, and whenever it has changed. Ends when it is over.',
      params: idParam,
      response: { ...EVENT_STREAM, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      const view = viewOf(request, controller);
      jobOf(view, id);
      return streams.send(
        request,
        reply,
        new JobFollower(controller, clock, { view, only: id, endsWith: isOver }),
      );
    },
  });
}

/** The journal knows every object that a commit touched; of what came to nothing the first ones are named. */
async function aboutObject(controller: Controller, text: string): Promise<(job: Job) => boolean> {
  const filter = objectFilter(text);
  const commits = await controller.history({ limit: 1000, object: filter });
  const revisions = new Set(commits.map(({ revision }) => revision));
  const wanted = filter.key === undefined ? `${filter.kind}/` : `${filter.kind}/${filter.key}`;
  const isNamed = (key: string) => (filter.key === undefined ? key.startsWith(wanted) : key === wanted);
  return ({ revision, objects }) =>
    (revision !== undefined && revisions.has(revision)) || objects.some(isNamed);
}

interface FollowOptions {
  readonly view: View;
  /** Follow this one only, and begin with it whatever its state. */
  readonly only?: number;
  /** The stream ends behind such a job. */
  readonly endsWith: (job: Job) => boolean;
}

/** Where one client is: of each job only what it has not been told yet is remembered, and that is how the job is now. */
class JobFollower implements EventSource {
  readonly #pending = new Map<number, { readonly job: Job; readonly gone: boolean }>();
  readonly #endsWith: (job: Job) => boolean;
  readonly #stops: readonly (() => void)[];
  #isBeatDue = false;
  #ended = false;
  #bell = Promise.withResolvers<void>();

  constructor({ jobs }: Controller, clock: Clock, { view, only, endsWith }: FollowOptions) {
    this.#endsWith = endsWith;
    const note = (job: Job, gone: boolean) => {
      if (only !== undefined && job.id !== only) return;
      const seen = seenJob(view, job);
      if (!seen) return;
      this.#pending.set(job.id, { job: seen, gone });
      this.#bell.resolve();
    };
    const isWanted = (job: Job) => (only === undefined ? !isOver(job) : job.id === only);
    for (const job of jobs.list({ limit: Number.POSITIVE_INFINITY, passes: isWanted }).reverse())
      note(job, false);
    const onBeat = () => {
      this.#isBeatDue = true;
      this.#bell.resolve();
    };
    this.#stops = [jobs.watch(note), heartbeat(clock, onBeat)];
  }

  async *events(): AsyncGenerator<Buffer> {
    while (!this.#ended) {
      for (const [id, { job, gone }] of this.#pending) {
        this.#pending.delete(id);
        yield eventBytes(gone ? 'gone' : 'job', id, job);
        if (this.#endsWith(gone ? { ...job, state: 'succeeded' } : job)) return this.end();
        if (this.#ended) return;
      }
      if (this.#isBeatDue) {
        this.#isBeatDue = false;
        yield ALIVE;
      }
      if (this.#pending.size > 0) continue;
      await this.#bell.promise;
      this.#bell = Promise.withResolvers();
    }
  }

  end(): void {
    this.#ended = true;
    for (const stop of this.#stops) stop();
    this.#bell.resolve();
  }
}
