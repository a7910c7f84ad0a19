/**
 * Server-sent events (WHATWG HTML, 9.2). Nothing is queued for a client: its source is asked for the next event when it has
 * read the one before, so one that reads slowly, or not at all, costs little and holds nobody up.
 *
 *     event: NAME
 *     id: ID
 *     data: JSON
 *     : comment     every 15 seconds, so that everybody on the way knows that the connection lives
 */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Accounts } from '../access/accounts.ts';
import type { Clock } from '../base/clock.ts';
import type { NetloomError } from '../base/error.ts';
import { principalOf } from './access.ts';
import { refusal } from './problem.ts';

export const HEARTBEAT_MS = 15_000;
/** Within so long, a stream whose session or token has ended ends too. */
const CHECK_MS = 5_000;

/** Streams of one user that may be open at once: each commit is looked through for each of them. */
const PER_USER = 64;

/** What one client is told. */
export interface EventSource {
  /** To be read once. */
  events(): AsyncGenerator<Buffer>;
  /** Lets go of everything; the events end. */
  end(): void;
}

/** The answer of a route that sends events. */
export const EVENT_STREAM = {
  200: {
    description: 'The stream of events.',
    content: { 'text/event-stream': { schema: z.string() } },
  },
};

export class EventStreams {
  /** And whose it is. */
  readonly #open = new Map<EventSource, string>();

  readonly #clock: Clock;
  readonly #accounts: Accounts;

  constructor(app: FastifyInstance, clock: Clock, accounts: Accounts) {
    this.#clock = clock;
    this.#accounts = accounts;
    // Streams never end by themselves; without this, closing would wait for them.
    app.addHook('preClose', async () => {
      for (const source of this.#open.keys()) source.end();
    });
  }

  /** Sends the events for as long as whoever asked is still who they were: a session that ended ends its streams. */
  send(request: FastifyRequest, reply: FastifyReply, source: EventSource): FastifyReply {
    const principal = principalOf(request);
    const own = [...this.#open.values()].filter((name) => name === principal.name);
    if (own.length >= PER_USER) {
      source.end();
      throw tooMany();
    }
    const stream = Readable.from(source.events(), { highWaterMark: 1 });
    const stop = repeat(this.#clock, CHECK_MS, () => {
      if (!this.#accounts.stillHolds(principal)) source.end();
    });
    const end = () => {
      stop();
      source.end();
      this.#open.delete(source);
    };
    this.#open.set(source, principal.name);
    // Not of the stream, which closes only when its generator does, and that may be waiting.
    reply.raw.once('close', end);
    if (reply.raw.destroyed) end();
    // The connection ends with the stream, so that a server that closes does not wait for another request on it.
    const kind = { 'content-type': 'text/event-stream; charset=utf-8', connection: 'close' };
    return reply.headers(kind).send(stream);
  }
}

function tooMany(): NetloomError {
  return refusal(
    'throttled',
    '',
    `There are ${PER_USER} streams of this user already.`,
    'Close those that nobody reads, and try again.',
  );
}

export function eventBytes(name: string, id: number, data: object): Buffer {
  return Buffer.from(`event: ${name}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
}

export const ALIVE = Buffer.from(': alive\n\n');

/** Calls `tell` at each heartbeat. The result stops it. */
export function heartbeat(clock: Clock, tell: () => void): () => void {
  return repeat(clock, HEARTBEAT_MS, tell);
}

function repeat(clock: Clock, every: number, run: () => void): () => void {
  let cancel = () => {};
  const again = () => {
    cancel = clock.after(every, () => {
      again();
      run();
    });
  };
  again();
  return () => cancel();
}
