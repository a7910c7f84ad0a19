/**
 * The journal as it grows, as server-sent events (WHATWG HTML, 9.2). The id of an event is the revision, so a client
 * that lost the connection says where it was (Last-Event-ID) and misses nothing.
 *
 *     event: ready    where the stream begins: { "revision": 41, "epoch": "…" }
 *     event: commit   one commit: { "revision": 42, "time": …, "objects": […], … }
 *     : comment       every 15 seconds, so that everybody on the way knows that the connection lives
 */
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import type { Controller } from '../controller/controller.ts';
import type { Commit } from '../store/contract.ts';
import { commitView } from './journal.ts';
import { API } from './paths.ts';
import { refusal } from './problem.ts';
import type { RequestTypes } from './request.ts';
import { PROBLEMS } from './schemas.ts';

export const HEARTBEAT_MS = 15_000;

const revisionText = z.string().regex(/^\d{1,15}$/, { error: 'must be a revision' });

export function watchRoutes(plain: FastifyInstance, controller: Controller, clock: Clock): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const open = new Set<Follower>();
  // Streams never end by themselves; without this, closing would wait for them.
  app.addHook('preClose', async () => {
    for (const follower of open) follower.end();
  });

  app.route({
    method: 'GET',
    url: `${API}/watch`,
    // Nobody reads what HEAD would begin, so it would never end.
    exposeHeadRoute: false,
    config: { access: 'read' },
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
      response: {
        200: {
          description: 'The stream of events.',
          content: { 'text/event-stream': { schema: z.string() } },
        },
        ...PROBLEMS,
      },
    },
    handler: async ({ query, headers }, reply) => {
      const since = headers['last-event-id'] ?? query.since;
      const begin = since === undefined ? controller.revision : Number(since);
      const changes = await controller.changes(begin, 1);
      if ('compactedTo' in changes) throw compacted(begin, changes.compactedTo);
      const follower = new Follower(controller, clock, begin);
      const stream = Readable.from(follower.events(), { highWaterMark: 1 });
      const end = () => {
        follower.end();
        open.delete(follower);
      };
      open.add(follower);
      // Not of the stream, which closes only when its generator does, and that may be waiting for a commit.
      reply.raw.once('close', end);
      if (reply.raw.destroyed) end();
      // The connection ends with the stream, so that a server that closes does not wait for another request on it.
      const kind = { 'content-type': 'text/event-stream; charset=utf-8', connection: 'close' };
      return reply.headers(kind).send(stream);
    },
  });
}

/**
 * Where one client is. Nothing is queued for it: what it is sent next is looked up when it has read what came before,
 * so a client that reads slowly, or not at all, costs a few commits of memory and misses none.
 */
class Follower {
  readonly #controller: Controller;
  readonly #stops: readonly (() => void)[];
  /** The last revision that was sent. */
  #sent: number;
  /** The last commit that was made since this began. */
  #latest: Commit | undefined;
  #isBeatDue = false;
  #ended = false;
  #bell = Promise.withResolvers<void>();

  constructor(controller: Controller, clock: Clock, since: number) {
    this.#controller = controller;
    this.#sent = since;
    const onCommit = (commit: Commit) => {
      this.#latest = commit;
      this.#bell.resolve();
    };
    const onBeat = () => {
      this.#isBeatDue = true;
      this.#bell.resolve();
    };
    this.#stops = [controller.watch(onCommit), beat(clock, onBeat)];
  }

  /** To be read once. Ends with `end()`, and when the journal was cut off behind the client, which then comes again. */
  async *events(): AsyncGenerator<Buffer> {
    yield event('ready', this.#sent, { revision: this.#sent, epoch: this.#controller.feed.epoch });
    for (let next = await this.#read(); !this.#ended && next !== 'forgotten'; next = await this.#next()) {
      if (next) {
        this.#sent = next.revision;
        yield commitEvent(next);
      }
      if (this.#isBeatDue) {
        this.#isBeatDue = false;
        yield Buffer.from(': alive\n\n');
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

function event(name: string, id: number, data: object): Buffer {
  return Buffer.from(`event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
}

const commitEvents = new WeakMap<Commit, Buffer>();

/** The same bytes for all who are told of a commit, so that many slow clients hold it once. */
function commitEvent(commit: Commit): Buffer {
  const known = commitEvents.get(commit);
  if (known) return known;
  const bytes = event('commit', commit.revision, commitView(commit));
  commitEvents.set(commit, bytes);
  return bytes;
}

function beat(clock: Clock, tell: () => void): () => void {
  let cancel = () => {};
  const again = () => {
    cancel = clock.after(HEARTBEAT_MS, () => {
      tell();
      again();
    });
  };
  again();
  return () => cancel();
}

function compacted(since: number, compactedTo: number) {
  return refusal(
    'revision-compacted',
    '',
    `The journal begins after revision ${compactedTo}, and you have revision ${since}.`,
    'Read the objects again, and watch from the revision that you read them at.',
  );
}
