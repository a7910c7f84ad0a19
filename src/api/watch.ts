/**
 * The journal as it grows, as server-sent events (event-stream.ts). The id of an event is the revision, so a client
 * that lost the connection says where it was (Last-Event-ID) and misses nothing.
 *
 *     event: ready    where the stream begins: { "revision": 41, "epoch": "…" }
 *     event: commit   one commit: { "revision": 42, "time": …, "objects": […], … }
 */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Accounts } from '../access/accounts.ts';
import { seenCommit } from '../access/answers.ts';
import type { TenantRevisions } from '../access/tenant-revisions.ts';
import type { View } from '../access/view.ts';
import type { Clock } from '../base/clock.ts';
import type { Controller } from '../controller/controller.ts';
import type { Commit } from '../store/contract.ts';
import { viewOf } from './access.ts';
import {
  ALIVE,
  EVENT_STREAM,
  type EventSource,
  EventStreams,
  eventBytes,
  heartbeat,
} from './event-stream.ts';
import { commitView } from './journal.ts';
import { API } from './paths.ts';
import { refusal } from './problem.ts';
import type { RequestTypes } from './request.ts';
import { PROBLEMS } from './schemas.ts';

export interface WatchOptions {
  readonly controller: Controller;
  readonly clock: Clock;
  readonly accounts: Accounts;
  readonly revisions: TenantRevisions;
}

const revisionText = z.string().regex(/^\d{1,15}$/, { error: 'must be a revision' });

export function watchRoutes(
  plain: FastifyInstance,
  { controller, clock, accounts, revisions }: WatchOptions,
): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const streams = new EventStreams(plain, clock, accounts);

  app.route({
    method: 'GET',
    url: `${API}/watch`,
    // Nobody reads what HEAD would begin, so it would never end.
    exposeHeadRoute: false,
    config: { permission: 'view' },
    schema: {
      operationId: 'watch',
      tags: ['changes'],
      summary: 'Watch commits',
      description:
        'Server-sent events: first `ready`, then one `commit` for each commit; the id of an event is its revision. Begins after the revision that `Last-Event-ID` or `since` names, and otherwise now. Where the journal no longer reaches back that far, the answer is 410: read the objects again.',
      querystring: z.strictObject({
        since: revisionText.optional().describe('The revision that is known already.'),
      }),
      headers: z.looseObject({
        'last-event-id': revisionText.optional().describe('The id of the last event that was received.'),
      }),
      response: { ...EVENT_STREAM, ...PROBLEMS },
    },
    handler: async (request, reply) => {
      const { query, headers } = request;
      const view = viewOf(request, controller);
      const now = await revisions.of(view);
      const since = headers['last-event-id'] ?? query.since;
      const begin = since === undefined ? now : Number(since);
      // Otherwise a tenant could ask how many revisions the others have made.
      if (view.tenant !== undefined && begin > now) throw notMade(begin);
      const changes = await controller.changes(begin, 1);
      if ('compactedTo' in changes) throw compacted(begin);
      return streams.send(request, reply, new Follower(controller, clock, view, begin));
    },
  });
}

/**
 * Where one client is. Nothing is queued for it: what it is sent next is looked up when it has read what came before,
 * so a client that reads slowly, or not at all, costs a few commits of memory and misses none.
 */
class Follower implements EventSource {
  readonly #controller: Controller;
  readonly #stops: readonly (() => void)[];
  readonly #view: View;
  /** The last revision that was sent, or that is not for this client to see. */
  #sent: number;
  /** The last commit that was made since this began. */
  #latest: Commit | undefined;
  #isBeatDue = false;
  #ended = false;
  #bell = Promise.withResolvers<void>();

  constructor(controller: Controller, clock: Clock, view: View, since: number) {
    this.#controller = controller;
    this.#view = view;
    this.#sent = since;
    const onCommit = (commit: Commit) => {
      this.#latest = commit;
      this.#bell.resolve();
    };
    const onBeat = () => {
      this.#isBeatDue = true;
      this.#bell.resolve();
    };
    this.#stops = [controller.watch(onCommit), heartbeat(clock, onBeat)];
  }

  /** To be read once. Ends with `end()`, and when the journal was cut off behind the client, which then comes again. */
  async *events(): AsyncGenerator<Buffer> {
    yield eventBytes('ready', this.#sent, { revision: this.#sent, epoch: this.#controller.feed.epoch });
    for (let next = await this.#read(); !this.#ended && next !== 'forgotten'; next = await this.#next()) {
      if (next) {
        this.#sent = next.revision;
        const seen = seenCommit(this.#view, next);
        if (seen) yield commitEvent(seen);
      }
      if (this.#isBeatDue) {
        this.#isBeatDue = false;
        yield ALIVE;
      }
      if (!next) {
        await this.#bell.promise;
        this.#bell = Promise.withResolvers();
      }
    }
  }

  /** What comes after that which was sent; undefined when it is the latest. */
  async #next(): Promise<Commit | undefined | 'forgotten'> {
    const latest = this.#latest;
    if (!latest || latest.revision <= this.#sent) return undefined;
    return latest.revision === this.#sent + 1 ? latest : this.#read();
  }

  /** One at a time, since one commit may be as large as a whole network. */
  async #read(): Promise<Commit | undefined | 'forgotten'> {
    const changes = await this.#controller.changes(this.#sent, 1);
    return 'commits' in changes ? changes.commits[0] : 'forgotten';
  }

  /** Lets go of everything. */
  end(): void {
    this.#ended = true;
    for (const stop of this.#stops) stop();
    this.#bell.resolve();
  }
}

const commitEvents = new WeakMap<Commit, Buffer>();

/** The same bytes for all who are told of a commit, so that many slow clients hold it once. */
function commitEvent(commit: Commit): Buffer {
  const known = commitEvents.get(commit);
  if (known) return known;
  const bytes = eventBytes('commit', commit.revision, commitView(commit));
  commitEvents.set(commit, bytes);
  return bytes;
}

function notMade(since: number) {
  return refusal(
    'not-found',
    '',
    `There is no revision ${since} yet.`,
    'Leave it out, to watch from now on.',
  );
}

function compacted(since: number) {
  return refusal(
    'revision-compacted',
    '',
    `The journal no longer reaches back to revision ${since}.`,
    'Read the objects again, and watch from the revision that you read them at.',
  );
}
