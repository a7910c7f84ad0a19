/**
 * A client of QMP, the QEMU Machine Protocol (docs/interop/qmp-spec.txt of QEMU): JSON objects, one a line, over a UNIX
 * socket. QEMU greets; the client asks for no capabilities; then each command has one answer, and events come between.
 */
import { connect, type Socket } from 'node:net';
import { finding, NetloomError } from '../../base/error.ts';
import type { JsonObject, JsonValue } from '../../base/json.ts';
import { QmpLines, type QmpMessage, readMessage } from './qmp-messages.ts';

/** Something that happened in the machine: `STOP`, `RESUME`, `MIGRATION` … */
export type QmpEvent = Pick<Extract<QmpMessage, { type: 'event' }>, 'event' | 'data' | 'at'>;

export interface QmpOptions {
  /** No answer takes longer, in milliseconds; default 10 seconds. */
  readonly patience?: number;
  /** Told of every event, in order; those before the first command was answered included. */
  readonly onEvent?: (event: QmpEvent) => void;
}

interface Waiting {
  readonly resolve: (value: JsonValue) => void;
  readonly reject: (error: Error) => void;
}

const PATIENCE_MS = 10_000;

export class QmpClient {
  readonly #socket: Socket;
  readonly #path: string;
  readonly #patience: number;
  readonly #onEvent: (event: QmpEvent) => void;
  readonly #lines = new QmpLines();
  readonly #waiting = new Map<number, Waiting>();
  readonly #greeted = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  #next = 1;
  #failure: NetloomError | undefined;

  /** Connects and agrees on capabilities. Throws `hypervisor` when nobody answers there, or not as QEMU does. */
  static async connect(path: string, options: QmpOptions = {}): Promise<QmpClient> {
    const client = new QmpClient(path, options);
    try {
      await client.#inTime(client.#greeted.promise, 'the greeting');
      await client.execute('qmp_capabilities');
      return client;
    } catch (thrown) {
      client.close();
      throw thrown;
    }
  }

  private constructor(path: string, { patience = PATIENCE_MS, onEvent = () => {} }: QmpOptions) {
    this.#path = path;
    this.#patience = patience;
    this.#onEvent = onEvent;
    // Nobody may be waiting for it when the connection ends.
    this.#greeted.promise.catch(() => {});
    this.#socket = connect(path);
    this.#socket.on('data', (bytes) => this.#read(bytes));
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', () => {
      this.#fail('QEMU has closed the connection');
      this.#closed.resolve();
    });
  }

  /** Settles when the connection is over, whoever ended it. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Runs a command; what it returns. Throws `hypervisor` with QEMU's own words when it refuses. */
  async execute(command: string, args?: JsonObject): Promise<JsonValue> {
    if (this.#failure) throw this.#failure;
    const id = this.#next++;
    const { promise, resolve, reject } = Promise.withResolvers<JsonValue>();
    this.#waiting.set(id, { resolve, reject });
    this.#socket.write(
      `${JSON.stringify({ execute: command, id, ...(args ? { arguments: args } : {}) })}\r\n`,
    );
    try {
      return await this.#inTime(promise, command);
    } finally {
      this.#waiting.delete(id);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  async #inTime<T>(promise: Promise<T>, what: string): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(this.#trouble(`no answer within ${this.#patience / 1000} s: ${what}`)),
        this.#patience,
      );
    });
    try {
      return await Promise.race([promise, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #read(bytes: Uint8Array): void {
    const lines = this.#lines.read(bytes);
    if (lines === undefined) this.#fail('a line is longer than QMP has them');
    for (const line of lines ?? []) {
      const message = readMessage(line);
      switch (message.type) {
        case 'greeting':
          this.#greeted.resolve();
          break;
        case 'event':
          this.#onEvent(message);
          break;
        case 'return':
          this.#waiting.get(message.id)?.resolve(message.value);
          break;
        case 'error':
          this.#waiting.get(message.id)?.reject(this.#trouble(message.words));
          break;
        case 'unreadable':
          this.#fail(`it is not QMP that is spoken there: ${message.words}`);
      }
    }
  }

  #fail(words: string): void {
    if (this.#failure) return;
    this.#failure = this.#trouble(words);
    this.#greeted.reject(this.#failure);
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#socket.destroy();
  }

  #trouble(words: string): NetloomError {
    return new NetloomError([
      finding(
        'hypervisor',
        '',
        `QEMU at ${this.#path}: ${words}.`,
        'Is the machine running, and the socket its own (-qmp unix:PATH,server=on,wait=off)? A QMP socket serves one client at a time.',
      ),
    ]);
  }
}
