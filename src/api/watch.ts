/**
 * The journal as it grows, as server-sent events (WHATWG HTML, 9.2). The id of an event is the revision, so a client
 * that lost the connection says where it was (Last-Event-ID) and misses nothing.
 *
 *     event: ready    where the stream begins: { "revision": 41, "epoch": "…" }
 *     event: commit   one commit: { "revision": 42, "time": …, "objects": […], … }
 *     : comment       every 15 seconds, so that everybody on the way knows that the connection lives
 */
import { PassThrough } from 'node:stream';
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
/** A client that leaves this much unread is cut off; it comes again and says where it was. */
const MAX_UNREAD = 4 * 1024 * 1024;
/** Commits that are read from the journal at a time. */
const BATCH = 100;

const revisionText = z.string().regex(/^\d{1,15}$/, { error: 'must be a revision' });

export function watchRoutes(plain: FastifyInstance, controller: Controller, clock: Clock): void {
  const app = plain.withTypeProvider<RequestTypes>();
  const open = new Set<PassThrough>();
  // Streams never end by themselves; without this, closing would wait for them.
  app.addHook('preClose', async () => {
    for (const stream of open) stream.end();
  });

  app.route({
    method: 'GET',
    url: `${API}/watch`,
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
      const stream = new PassThrough({ highWaterMark: MAX_UNREAD });
      const begin = since === undefined ? controller.revision : Number(since);
      const follower = await follow(controller, begin, (text) => {
        if (!stream.write(text)) stream.destroy();
      });
      const stopHeart = beat(clock, () => stream.write(': alive\n\n'));
      open.add(stream);
      stream.on('close', () => {
        follower.stop();
        stopHeart();
        open.delete(stream);
      });
      return reply.header('content-type', 'text/event-stream; charset=utf-8').send(stream);
    },
  });
}

/**
 * Writes what was committed after `since`, and then what is. Rejects, before anything is written, when the journal
 * does not reach back to it.
 */
async function follow(
  controller: Controller,
  since: number,
  write: (text: string) => void,
): Promise<{ stop(): void }> {
  // Listening begins before reading, so that no commit falls between the two.
  const early: Commit[] = [];
  let onCommit = (commit: Commit): void => {
    early.push(commit);
  };
  const stop = controller.watch((commit) => onCommit(commit));
  try {
    let last = since;
    const tell = (commit: Commit) => {
      if (commit.revision <= last) return;
      last = commit.revision;
      write(event('commit', commit.revision, commitView(commit)));
    };
    let changes = await controller.changes(since, BATCH);
    if ('compactedTo' in changes) throw compacted(since, changes.compactedTo);
    write(event('ready', since, { revision: since, epoch: controller.feed.epoch }));
    while ('commits' in changes && changes.commits.length > 0) {
      for (const commit of changes.commits) tell(commit);
      changes = await controller.changes(last, BATCH);
    }
    for (const commit of early) tell(commit);
    onCommit = tell;
    return { stop };
  } catch (thrown) {
    stop();
    throw thrown;
  }
}

function event(name: string, id: number, data: object): string {
  return `event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
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
