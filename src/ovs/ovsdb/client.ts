/**
 * The database of an Open vSwitch: what is in it, what changes in it, and how to change it. It connects by itself, and again
 * whenever the connection is lost; what was missed meanwhile comes as one change.
 *
 *     connect -> get_schema -> monitor_cond_since(last transaction) -> everything, or what was missed -> update3 ...
 *
 * A server older than 2.12 has `monitor_cond`, one older than 2.6 `monitor` only: then everything is read again.
 */
import type { Clock } from '../../base/clock.ts';
import { type Finding, NetloomError } from '../../base/error.ts';
import type { JsonObject, JsonValue } from '../../base/json.ts';
import {
  type ConnectionEvent,
  type ConnectionState,
  disconnected,
  dueAt,
  type ReconnectOptions,
  step,
} from '../../base/reconnect.ts';
import {
  type ColumnName,
  type ColumnType,
  columnsOf,
  type PartOfRow,
  type Row,
  type TableName,
  type Uuid,
} from './columns.ts';
import { Connection } from './connection.ts';
import { misunderstood, switchSilent, unfit, unreachable } from './errors.ts';
import { comment, insert, mutate, type Operation, select, verify, type Where } from './operations.ts';
import { Replica, type RowChange, type UpdateForm } from './replica.ts';
import { type OperationResult, readResults } from './results.ts';
import { watchable } from './schema.ts';
import { readValue } from './values.ts';

const DATABASE = 'Open_vSwitch';
/** Our monitor, among those of this connection. */
const MONITOR = 'netloom';
/** Milliseconds, for a request and for waiting; every wait has an end. */
const PATIENCE = 10_000;
/** A timer that rings this much too late says that this process did not listen. */
const LATE = 1_000;

/** The server is on this machine: it is back soon, or a person has to look. */
const RECONNECT: ReconnectOptions = {
  minBackoff: 100,
  maxBackoff: 5_000,
  stableAfter: 10_000,
  welcomeWithin: 10_000,
  deadAfter: 15_000,
  heartbeatEvery: 5_000,
};

export interface DatabaseOptions {
  /** Path of the socket of ovsdb-server, such as /var/run/openvswitch/db.sock. */
  readonly socket: string;
  readonly clock: Clock;
  /** Gives numbers in [0, 1). */
  readonly random: () => number;
  readonly reconnect?: Partial<ReconnectOptions>;
  /** Told of everything that goes wrong with the connection, and with undefined when it is in order (again). */
  readonly onTrouble?: (trouble: Finding | undefined) => void;
}

export interface TransactOptions {
  /** Who does it and what for; goes into the log of the server. */
  readonly comment: string;
  /** Milliseconds, with waiting for a connection; default 10,000. */
  readonly within?: number;
}

type ChangeHandler = (changes: readonly RowChange[]) => void;

/** Opens it; the first connection is on its way then (`whenCurrent`). */
export function openDatabase(options: DatabaseOptions): Database {
  return new Database(options);
}

export class Database {
  readonly #options: DatabaseOptions;
  readonly #reconnect: ReconnectOptions;
  readonly #replica = new Replica();
  readonly #handlers = new Set<ChangeHandler>();
  readonly #waiting = new Set<() => void>();
  #state: ConnectionState;
  #cancelTimer = () => {};
  #connection: Connection | undefined;
  /** Notifications that come before what the monitor begins with has been taken in. */
  #early: (readonly [string, readonly JsonValue[]])[] | undefined;
  /** What is wrong with the connection; undefined while it is in order. */
  #trouble: Finding | undefined;
  /** The latest transaction that the replica has; undefined: the server does not number them. */
  #lastTransaction: string | undefined;

  constructor(options: DatabaseOptions) {
    this.#options = options;
    this.#reconnect = { ...RECONNECT, ...options.reconnect };
    this.#state = disconnected(options.clock.now());
    this.#drive('tick');
  }

  /** Whether `rows` is what the database has now; otherwise it is what it last had. */
  get connected(): boolean {
    return this.#state.state === 'connected';
  }

  /** All rows of a table, with their watched columns. Stays the current one for as long as nobody waits; do not keep it. */
  rows<T extends TableName>(table: T): ReadonlyMap<Uuid, Row<T>> {
    return this.#replica.rows(table);
  }

  /**
   * Calls `handler` with what each transaction changed, whoever did it, once `rows` shows it; after a time without a
   * connection, with all that is different now. What a transaction of our own changed comes before it is resolved. The
   * result ends it.
   */
  onChange(handler: ChangeHandler): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /**
   * Settles when `rows` is what the database has; rejects after `within` milliseconds with what is in the way
   * (`ovsdb-unreachable`, `ovsdb-unfit`).
   */
  whenCurrent(within = PATIENCE): Promise<void> {
    return this.#until(
      () => this.connected,
      within,
      () => new NetloomError([this.#trouble ?? unreachable(this.#options.socket, 'nothing has come yet')]),
    );
  }

  /**
   * Does all of the operations or none; the results are in their order. Rejects with `ovsdb-refused` and the server's
   * words when it does none; with `ovsdb-unreachable` when the server is gone: if it went while it was at it, nobody
   * knows whether it did it, but `rows` will show it.
   */
  async transact(
    operations: readonly Operation[],
    { comment: text, within = PATIENCE }: TransactOptions,
  ): Promise<readonly OperationResult[]> {
    const { clock } = this.#options;
    const until = clock.now() + within;
    await this.whenCurrent(within);
    if (!this.#connection) throw new NetloomError([unreachable(this.#options.socket, 'it hung up')]);
    const all = [...operations, comment(text)];
    const answer = await this.#connection.request(
      'transact',
      [DATABASE, ...all],
      Math.max(1, until - clock.now()),
    );
    return readResults(answer, all.length).slice(0, operations.length);
  }

  /**
   * The same, and settles when ovs-vswitchd has carried it out, as ovs-vsctl does. Rejects with `switch-silent` when it
   * has not by then: it is written all the same, and will be carried out.
   */
  async configure(
    operations: readonly Operation[],
    { comment: text, within = PATIENCE }: TransactOptions,
  ): Promise<readonly OperationResult[]> {
    const { clock } = this.#options;
    const until = clock.now() + within;
    await this.whenCurrent(within);
    await this.#ensureRoot(until);
    // ovs-vswitchd copies next_cfg to cur_cfg when it has done what was there (ovs-vswitchd.conf.db(5)).
    const counting = [
      mutate('Open_vSwitch', [], [['next_cfg', '+=', 1]]),
      select('Open_vSwitch', [], ['next_cfg']),
    ];
    const results = await this.transact([...operations, ...counting], {
      comment: text,
      within: until - clock.now(),
    });
    const [root] = results.at(-1)?.rows ?? [];
    const wanted = Number(root?.next_cfg);
    const isTaken = () => [...this.rows('Open_vSwitch').values()].some(({ cur_cfg }) => cur_cfg >= wanted);
    await this.#until(isTaken, until - clock.now(), () => switchSilent(within / 1000));
    return results.slice(0, operations.length);
  }

  /** Columns as they are at this moment, also those that are not watched. */
  async read<T extends TableName, C extends ColumnName<T>>(
    table: T,
    columns: readonly C[],
    where: Where<T> = [],
  ): Promise<readonly PartOfRow<T, C>[]> {
    const [result] = await this.transact([select(table, where, columns)], { comment: 'netloom: read' });
    const types: Record<string, ColumnType> = { ...columnsOf(table), _uuid: { kind: 'one', key: 'uuid' } };
    return (result?.rows ?? []).map((row) => {
      const values = ['_uuid', ...columns].map((name) => {
        const type = types[name];
        if (!type) throw misunderstood(`it tells of a column ${name}, which nobody asked for`);
        return [name, readValue(type, row[name] ?? ['set', []])];
      });
      // Each column has been read with its type.
      return Object.fromEntries(values) as PartOfRow<T, C>;
    });
  }

  /** Ends the connection. Whoever waits is told. */
  close(): void {
    this.#handlers.clear();
    this.#drive('stop');
    this.#wake();
  }

  // ----------------------------------------------------------------------------------------------- connection

  #drive(event: ConnectionEvent): void {
    const { clock, random } = this.#options;
    const { state, action } = step(this.#state, event, clock.now(), random(), this.#reconnect);
    this.#state = state;
    this.#cancelTimer();
    const due = dueAt(state, this.#reconnect);
    if (due !== undefined)
      this.#cancelTimer = clock.after(Math.max(0, due - clock.now()), () => {
        // While this process was busy nobody listened; the server is not to blame for the silence.
        if (clock.now() > due + LATE) this.#drive('busy');
        this.#drive('tick');
      });
    switch (action) {
      case 'connect':
        this.#connect();
        break;
      case 'disconnect':
        if (event === 'tick') this.#report(unreachable(this.#options.socket, 'it says nothing'));
        this.#disconnect();
        break;
      case 'heartbeat':
        this.#connection?.probe();
        break;
      case undefined:
        break;
    }
  }

  #connect(): void {
    const connection: Connection = new Connection({
      socket: this.#options.socket,
      clock: this.#options.clock,
      onConnect: () => void this.#begin(connection),
      onHeard: () => this.#drive('heard'),
      onNotification: (method, params) => {
        if (this.#early) this.#early.push([method, params]);
        else this.#notified(method, params);
      },
      onEnd: (trouble) => this.#failed(trouble, trouble.code === 'ovsdb-protocol' ? 'rejected' : 'failed'),
    });
    this.#connection = connection;
    this.#early = [];
  }

  #disconnect(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** From the first byte until everything is there. Never rejects. */
  async #begin(connection: Connection): Promise<void> {
    try {
      const schema = await connection.request('get_schema', [DATABASE], PATIENCE).catch((error) => {
        throw NetloomError.from(error).code === 'ovsdb-refused' ? unfit(`there is no ${DATABASE}`) : error;
      });
      const changes = await this.#monitor(connection, watchable(schema));
      if (connection !== this.#connection) return;
      const early = this.#early ?? [];
      this.#early = undefined;
      this.#drive('welcomed');
      this.#report(undefined);
      this.#tell(changes);
      for (const [method, params] of early) this.#notified(method, params);
    } catch (thrown) {
      if (connection !== this.#connection) return;
      const trouble = NetloomError.from(thrown);
      this.#failed(trouble, trouble.code === 'ovsdb-unreachable' ? 'failed' : 'rejected');
    }
  }

  /** Takes in what the database has, in the best way that the server knows. */
  async #monitor(
    connection: Connection,
    watched: ReadonlyMap<TableName, readonly string[]>,
  ): Promise<readonly RowChange[]> {
    const tables: JsonObject = Object.fromEntries([...watched].map(([t, columns]) => [t, [{ columns }]]));
    const ask = (method: string, ...more: JsonValue[]) =>
      connection.request(method, [DATABASE, MONITOR, tables, ...more], PATIENCE).catch((error) => {
        if (NetloomError.from(error).message.includes('unknown method')) return undefined;
        throw error;
      });
    const answer = await ask('monitor_cond_since', this.#lastTransaction ?? NO_TRANSACTION);
    if (answer !== undefined) {
      if (!Array.isArray(answer)) throw misunderstood('the answer to monitor_cond_since is no list');
      const [isFound, last, updates] = answer;
      const changes =
        isFound === true && this.#lastTransaction !== undefined
          ? this.#replica.apply(updates, 'differences')
          : this.#replica.replace(updates, 'differences');
      this.#remember(last);
      return changes;
    }
    this.#lastTransaction = undefined;
    const differences = await ask('monitor_cond');
    if (differences !== undefined) return this.#replica.replace(differences, 'differences');
    const rows = await ask('monitor');
    if (rows === undefined) throw unfit('the server cannot say what changes');
    return this.#replica.replace(rows, 'rows');
  }

  /** Throws `ovsdb-protocol` when it makes no sense. */
  #notified(method: string, params: readonly JsonValue[]): void {
    const form = NOTIFICATIONS[method];
    if (method === 'monitor_canceled') throw misunderstood('the database is being taken away');
    // Of locks and of other monitors: nothing that was asked for.
    if (!form || params[0] !== MONITOR) return;
    const changes = this.#replica.apply(params.at(-1) ?? null, form);
    if (method === 'update3') this.#remember(params[1]);
    this.#tell(changes);
  }

  #remember(transaction: JsonValue | undefined): void {
    this.#lastTransaction =
      typeof transaction === 'string' && transaction !== NO_TRANSACTION ? transaction : undefined;
  }

  #failed(trouble: NetloomError, event: 'failed' | 'rejected'): void {
    // What cannot be understood may have been half of something: everything is read again.
    if (event === 'rejected') this.#lastTransaction = undefined;
    this.#report(trouble.findings[0]);
    this.#drive(event);
  }

  /** While it goes on trying, what is wrong is told once. */
  #report(trouble: Finding | undefined): void {
    const before = this.#trouble;
    this.#trouble = trouble;
    if (!trouble || trouble.message !== before?.message) this.#options.onTrouble?.(trouble);
  }

  // -------------------------------------------------------------------------------------------------- waiting

  #tell(changes: readonly RowChange[]): void {
    this.#wake();
    if (changes.length === 0) return;
    for (const handler of [...this.#handlers]) {
      try {
        handler(changes);
      } catch (thrown) {
        // A defect of one handler is no reason to hang up on the server.
        this.#options.onTrouble?.(NetloomError.from(thrown).findings[0]);
      }
    }
  }

  #wake(): void {
    for (const look of [...this.#waiting]) look();
  }

  #until(isSo: () => boolean, within: number, otherwise: () => NetloomError): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        this.#waiting.delete(look);
        cancel();
        settle();
      };
      const look = () => {
        if (isSo()) end(resolve);
        else if (this.#state.state === 'stopped') end(() => reject(otherwise()));
      };
      const cancel = this.#options.clock.after(Math.max(0, within), () => end(() => reject(otherwise())));
      this.#waiting.add(look);
      look();
    });
  }

  /** The one row of Open_vSwitch, which a new database lacks (`ovs-vsctl init`); without it nothing would be kept. */
  async #ensureRoot(until: number): Promise<void> {
    if (this.rows('Open_vSwitch').size > 0) return;
    const alone = [verify('Open_vSwitch', [], []), insert('Open_vSwitch', {})];
    await this.transact(alone, { comment: 'netloom: init', within: until - this.#options.clock.now() });
  }
}

const NO_TRANSACTION = '00000000-0000-0000-0000-000000000000';

const NOTIFICATIONS: Readonly<Record<string, UpdateForm>> = {
  update: 'rows',
  update2: 'differences',
  update3: 'differences',
};
