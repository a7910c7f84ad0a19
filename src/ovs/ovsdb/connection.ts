/**
 * One connection to ovsdb-server: JSON-RPC 1.0 over a UNIX socket (RFC 7047, 4). Either side may ask; an answer has the
 * id of its question; a notification has none.
 */
import { connect, type Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { NetloomError } from '../../base/error.ts';
import type { JsonObject, JsonValue } from '../../base/json.ts';
import { misunderstood, refused, unreachable } from './errors.ts';
import { JsonSplitter } from './framing.ts';
import { asObject } from './schema.ts';

/** Milliseconds, for a request and for waiting; every wait has an end. */
export const PATIENCE = 10_000;
/** A message may not be longer; the whole database of a host with ten thousand ports is a tenth of this. */
const MAX_MESSAGE = 128 * 1024 * 1024;

export interface ConnectionOptions {
  /** Path of the server's socket. */
  readonly socket: string;
  readonly clock: Clock;
  onConnect(): void;
  /** Something came, whatever it is. */
  onHeard(): void;
  /** Throws when it makes no sense: the connection ends then. */
  onNotification(method: string, params: readonly JsonValue[]): void;
  /** The connection has ended, or never came about; once, and never after `close`. */
  onEnd(trouble: NetloomError): void;
}

interface Question {
  readonly resolve: (result: JsonValue) => void;
  readonly reject: (error: NetloomError) => void;
  readonly cancelDeadline: () => void;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #socket: Socket;
  readonly #splitter = new JsonSplitter(MAX_MESSAGE);
  readonly #questions = new Map<number, Question>();
  #lastId = 0;
  #hasEnded = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#socket = connect({ path: options.socket });
    this.#socket
      .on('connect', () => options.onConnect())
      .on('data', (piece: Buffer) => this.#receive(piece))
      .on('error', (error) => this.#end(this.#unreachable(error.message)))
      .on('close', () => this.#end(this.#unreachable('it hung up')));
  }

  /**
   * The result of a request. Rejects with `ovsdb-refused` and the server's words; with `ovsdb-unreachable` when there is
   * no answer after `within` milliseconds or the connection ends before, and then nobody knows what came of it.
   */
  request(method: string, params: readonly JsonValue[], within: number): Promise<JsonValue> {
    return new Promise((resolve, reject) => {
      if (this.#hasEnded) {
        reject(this.#unreachable('it hung up', NOTHING_DONE));
        return;
      }
      const id = ++this.#lastId;
      const cancelDeadline = this.#options.clock.after(within, () => {
        this.#questions.delete(id);
        reject(this.#unreachable(`no answer to "${method}" within ${within / 1000} s`, UNKNOWN));
      });
      this.#questions.set(id, { resolve, reject, cancelDeadline });
      this.#send({ method, params, id });
    });
  }

  /** Asks the server for a sign of life; `onHeard` is told of it. */
  probe(): void {
    this.#send({ method: 'echo', params: [], id: 'echo' });
  }

  close(): void {
    this.#finish('the connection was closed');
  }

  #send(message: JsonObject): void {
    if (!this.#hasEnded) this.#socket.write(JSON.stringify(message));
  }

  #receive(piece: Buffer): void {
    if (this.#hasEnded) return;
    this.#options.onHeard();
    try {
      for (const message of this.#splitter.push(piece)) {
        this.#take(message);
        if (this.#hasEnded) return;
      }
    } catch (thrown) {
      this.#end(NetloomError.from(thrown));
    }
  }

  #take(json: JsonValue): void {
    const message = asObject(json);
    if (!message) throw misunderstood('a message is no object');
    const { method, params = [], id = null } = message;
    if (typeof method !== 'string') this.#answered(message);
    else if (!Array.isArray(params)) throw misunderstood('the parameters of a message are no list');
    else if (id === null) this.#options.onNotification(method, params);
    else if (method === 'echo') this.#send({ result: params, error: null, id });
    else this.#send({ result: null, error: { error: 'unknown method' }, id });
  }

  #answered({ id, result = null, error = null }: JsonObject): void {
    // Whatever else has no question: the answer to a probe, or one that came too late.
    const question = typeof id === 'number' ? this.#questions.get(id) : undefined;
    if (!question || typeof id !== 'number') return;
    this.#questions.delete(id);
    question.cancelDeadline();
    if (error === null) question.resolve(result);
    else question.reject(refused(serverWords(error)));
  }

  #end(trouble: NetloomError): void {
    if (this.#hasEnded) return;
    this.#finish('the connection was lost');
    this.#options.onEnd(trouble);
  }

  #finish(why: string): void {
    this.#hasEnded = true;
    this.#socket.destroy();
    for (const { reject, cancelDeadline } of this.#questions.values()) {
      cancelDeadline();
      reject(this.#unreachable(why, UNKNOWN));
    }
    this.#questions.clear();
  }

  #unreachable(why: string, outcome = ''): NetloomError {
    return new NetloomError([unreachable(this.#options.socket, why, outcome)]);
  }
}

const UNKNOWN = 'Nobody knows whether what it was asked for has been done.';
const NOTHING_DONE = 'Nothing was written.';

/** What the server says of an error: `error`, and `details` where it has some (RFC 7047, 3.1, <error>). */
export function serverWords(error: JsonValue): string {
  const { error: what, details } = asObject(error) ?? {};
  const words = typeof what === 'string' ? what : JSON.stringify(error).slice(0, 500);
  return (typeof details === 'string' ? `${words} (${details})` : words).replace(/\.$/, '');
}
