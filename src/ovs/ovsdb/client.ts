/**
 * The database of an Open vSwitch: what is in it, what changes in it, and how to change it. It connects by itself, and again
 * whenever the connection is lost; what was missed meanwhile comes as one change.
 *
 *     client  -- transact, configure, read --> session    connection after connection
 *       ^                                         |
 *       +---- rows, changes ----------------- monitor     a replica, kept current
 */
import { NetloomError } from '../../base/error.ts';
import {
  type ColumnName,
  type ColumnType,
  columnsOf,
  type PartOfRow,
  type Row,
  type TableName,
  type Uuid,
} from './columns.ts';
import { PATIENCE } from './connection.ts';
import { misunderstood, switchSilent, unreachable } from './errors.ts';
import { Monitor } from './monitor.ts';
import { comment, insert, mutate, type Operation, select, verify, type Where } from './operations.ts';
import type { RowChange } from './replica.ts';
import { type OperationResult, readResults } from './results.ts';
import { DATABASE } from './schema.ts';
import { Session, type SessionOptions } from './session.ts';
import { readValue } from './values.ts';
import { Waiting } from './waiting.ts';

export interface TransactOptions {
  /** Who does it and what for; goes into the log of the server. */
  readonly comment: string;
  /** Milliseconds, with waiting for a connection; default 10,000. */
  readonly within?: number;
}

type ChangeHandler = (changes: readonly RowChange[]) => void;

/** Opens it; the first connection is on its way then (`whenCurrent`). */
export function openDatabase(options: SessionOptions): Database {
  return new Database(options);
}

export class Database {
  readonly #options: SessionOptions;
  readonly #monitor = new Monitor();
  readonly #handlers = new Set<ChangeHandler>();
  readonly #waiting: Waiting;
  readonly #session: Session;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#waiting = new Waiting(options.clock);
    this.#session = new Session(options, this.#monitor, (changes) => this.#tell(changes));
  }

  /** Whether `rows` is what the database has now; otherwise it is what it last had. */
  get connected(): boolean {
    return this.#session.isCurrent;
  }

  /** All rows of a table, with their watched columns. Stays the current one for as long as nobody waits; do not keep it. */
  rows<T extends TableName>(table: T): ReadonlyMap<Uuid, Row<T>> {
    return this.#monitor.rows(table);
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
    const none = () => this.#session.trouble ?? unreachable(this.#options.socket, 'nothing has come yet');
    return this.#until(
      () => this.connected,
      within,
      () => new NetloomError([none()]),
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
    const all = [...operations, comment(text)];
    const left = Math.max(1, until - clock.now());
    const answer = await this.#session.request('transact', [DATABASE, ...all], left);
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
    this.#session.close();
    this.#waiting.wake();
  }

  #tell(changes: readonly RowChange[]): void {
    this.#waiting.wake();
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

  #until(isSo: () => boolean, within: number, otherwise: () => NetloomError): Promise<void> {
    return this.#waiting.until({ isSo, isOver: () => this.#session.isClosed, within, otherwise });
  }

  /** The one row of Open_vSwitch, which a new database lacks (`ovs-vsctl init`); without it nothing would be kept. */
  async #ensureRoot(until: number): Promise<void> {
    if (this.rows('Open_vSwitch').size > 0) return;
    const alone = [verify('Open_vSwitch', [], []), insert('Open_vSwitch', {})];
    await this.transact(alone, { comment: 'netloom: init', within: until - this.#options.clock.now() });
  }
}
