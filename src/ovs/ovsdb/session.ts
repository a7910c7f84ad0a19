/**
 * Connection after connection to ovsdb-server, each from its first byte until it is lost: what the database has is taken in
 * (monitor.ts), then what changes.
 */
import type { Clock } from '../../base/clock.ts';
import { type Finding, NetloomError } from '../../base/error.ts';
import type { JsonValue } from '../../base/json.ts';
import type { ReconnectOptions } from '../../base/reconnect.ts';
import { Reconnector } from '../../base/reconnector.ts';
import { Connection } from './connection.ts';
import { unreachable } from './errors.ts';
import type { Monitor } from './monitor.ts';
import type { RowChange } from './replica.ts';

/** The server is on this machine: it is back soon, or a person has to look. */
const RECONNECT: ReconnectOptions = {
  minBackoff: 100,
  maxBackoff: 5_000,
  stableAfter: 10_000,
  welcomeWithin: 10_000,
  deadAfter: 15_000,
  heartbeatEvery: 5_000,
};

export interface SessionOptions {
  /** Path of the socket of ovsdb-server, such as /var/run/openvswitch/db.sock. */
  readonly socket: string;
  readonly clock: Clock;
  /** Gives numbers in [0, 1). */
  readonly random: () => number;
  readonly reconnect?: Partial<ReconnectOptions>;
  /** Told of everything that goes wrong with the connection, and with undefined when it is in order (again). */
  readonly onTrouble?: (trouble: Finding | undefined) => void;
}

export class Session {
  readonly #options: SessionOptions;
  readonly #monitor: Monitor;
  readonly #onChanges: (changes: readonly RowChange[]) => void;
  readonly #reconnector: Reconnector;
  #connection: Connection | undefined;
  /** Notifications that come before what the monitor begins with has been taken in. */
  #early: (readonly [string, readonly JsonValue[]])[] | undefined;
  #trouble: Finding | undefined;

  /** The first connection is on its way then. `onChanges`: told of each transaction, and of what was missed. Must not throw. */
  constructor(options: SessionOptions, monitor: Monitor, onChanges: (changes: readonly RowChange[]) => void) {
    this.#options = options;
    this.#monitor = monitor;
    this.#onChanges = onChanges;
    this.#reconnector = new Reconnector({
      clock: options.clock,
      random: options.random,
      patience: { ...RECONNECT, ...options.reconnect },
      connect: () => this.#connect(),
      disconnect: (because) => {
        if (because === 'tick') this.#report(unreachable(options.socket, 'it says nothing'));
        this.#connection?.close();
        this.#connection = undefined;
      },
      heartbeat: () => this.#connection?.probe(),
    });
    this.#reconnector.drive('tick');
  }

  /** Whether the monitor has what the database has now. */
  get isCurrent(): boolean {
    return this.#reconnector.state.state === 'connected';
  }

  get isClosed(): boolean {
    return this.#reconnector.state.state === 'stopped';
  }

  /** What is wrong with the connection; undefined while it is in order. */
  get trouble(): Finding | undefined {
    return this.#trouble;
  }

  /** As Connection.request, on the connection that there is. */
  async request(method: string, params: readonly JsonValue[], within: number): Promise<JsonValue> {
    if (!this.#connection) throw new NetloomError([unreachable(this.#options.socket, 'it hung up')]);
    return this.#connection.request(method, params, within);
  }

  close(): void {
    this.#reconnector.drive('stop');
  }

  #connect(): void {
    const connection: Connection = new Connection({
      socket: this.#options.socket,
      clock: this.#options.clock,
      onConnect: () => void this.#begin(connection),
      onHeard: () => this.#reconnector.drive('heard'),
      onNotification: (method, params) => {
        if (this.#early) this.#early.push([method, params]);
        else this.#notified(method, params);
      },
      onEnd: (trouble) => this.#failed(trouble, trouble.code === 'ovsdb-protocol' ? 'rejected' : 'failed'),
    });
    this.#connection = connection;
    this.#early = [];
  }

  /** From the first byte until everything is there. Never rejects. */
  async #begin(connection: Connection): Promise<void> {
    try {
      const takeIn = await this.#monitor.begin(connection);
      // What an ended connection said last is not taken in: nobody would be told of it.
      if (connection !== this.#connection) return;
      const changes = takeIn();
      const early = this.#early ?? [];
      this.#early = undefined;
      this.#reconnector.drive('welcomed');
      this.#report(undefined);
      this.#onChanges(changes);
      for (const [method, params] of early) this.#notified(method, params);
    } catch (thrown) {
      if (connection !== this.#connection) return;
      const trouble = NetloomError.from(thrown);
      this.#failed(trouble, trouble.code === 'ovsdb-unreachable' ? 'failed' : 'rejected');
    }
  }

  /** Throws `ovsdb-protocol` when it makes no sense. */
  #notified(method: string, params: readonly JsonValue[]): void {
    const changes = this.#monitor.take(method, params);
    if (changes) this.#onChanges(changes);
  }

  #failed(trouble: NetloomError, event: 'failed' | 'rejected'): void {
    // What cannot be understood may have been half of something.
    if (event === 'rejected') this.#monitor.forget();
    this.#report(trouble.findings[0]);
    this.#reconnector.drive(event);
  }

  /** While it goes on trying, what is wrong is told once. */
  #report(trouble: Finding | undefined): void {
    const before = this.#trouble;
    this.#trouble = trouble;
    if (!trouble || trouble.message !== before?.message) this.#options.onTrouble?.(trouble);
  }
}
