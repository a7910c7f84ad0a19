/**
 * The replica, kept current from connection to connection by what the server says when it is asked, and by itself then.
 *
 *     get_schema -> monitor_cond_since(last transaction) -> everything, or what was missed -> update3 ...
 *
 * A server older than 2.12 has `monitor_cond`, one older than 2.6 `monitor` only: then everything is read again.
 */
import { NetloomError } from '../../base/error.ts';
import type { JsonObject, JsonValue } from '../../base/json.ts';
import type { Row, TableName, Uuid } from './columns.ts';
import { type Connection, PATIENCE } from './connection.ts';
import { misunderstood, unfit } from './errors.ts';
import { Replica, type RowChange, type UpdateForm } from './replica.ts';
import { DATABASE, watchable } from './schema.ts';

/** Our monitor, among those of a connection. */
const MONITOR = 'netloom';
const NO_TRANSACTION = '00000000-0000-0000-0000-000000000000';

const NOTIFICATIONS: Readonly<Record<string, UpdateForm>> = {
  update: 'rows',
  update2: 'differences',
  update3: 'differences',
};

type Asked = Pick<Connection, 'request'>;

export class Monitor {
  readonly #replica = new Replica();
  /** The latest transaction that the replica has; undefined: the server does not number them. */
  #lastTransaction: string | undefined;

  /** As the server last had it. */
  rows<T extends TableName>(table: T): ReadonlyMap<Uuid, Row<T>> {
    return this.#replica.rows(table);
  }

  /** Asks what the database has, in the best way that the server knows; what comes of it takes the answer in. */
  async begin(connection: Asked): Promise<() => readonly RowChange[]> {
    const schema = await connection.request('get_schema', [DATABASE], PATIENCE).catch((error) => {
      throw NetloomError.from(error).code === 'ovsdb-refused' ? unfit(`there is no ${DATABASE}`) : error;
    });
    const tables: JsonObject = Object.fromEntries(
      [...watchable(schema)].map(([table, columns]) => [table, [{ columns }]]),
    );
    const ask = (method: string, ...more: JsonValue[]) =>
      connection.request(method, [DATABASE, MONITOR, tables, ...more], PATIENCE).catch((error) => {
        if (NetloomError.from(error).message.includes('unknown method')) return undefined;
        throw error;
      });
    const answer = await ask('monitor_cond_since', this.#lastTransaction ?? NO_TRANSACTION);
    if (answer !== undefined) {
      if (!Array.isArray(answer)) throw misunderstood('the answer to monitor_cond_since is no list');
      return () => this.#takeSince(answer);
    }
    const differences = await ask('monitor_cond');
    if (differences !== undefined) return () => this.#takeAll(differences, 'differences');
    const rows = await ask('monitor');
    if (rows === undefined) throw unfit('the server cannot say what changes');
    return () => this.#takeAll(rows, 'rows');
  }

  /**
   * What a notification changes; undefined where it is none of this monitor. Throws `ovsdb-protocol` when it makes no sense.
   */
  take(method: string, params: readonly JsonValue[]): readonly RowChange[] | undefined {
    const form = NOTIFICATIONS[method];
    if (method === 'monitor_canceled') throw misunderstood('the database is being taken away');
    // Of locks and of other monitors: nothing that was asked for.
    if (!form || params[0] !== MONITOR) return undefined;
    const changes = this.#replica.apply(params.at(-1) ?? null, form);
    if (method === 'update3') this.#remember(params[1]);
    return changes;
  }

  /** Everything is read again on the next connection. */
  forget(): void {
    this.#lastTransaction = undefined;
  }

  #takeSince([isFound, last, updates = null]: readonly JsonValue[]): readonly RowChange[] {
    const isRest = isFound === true && this.#lastTransaction !== undefined;
    const changes = isRest
      ? this.#replica.apply(updates, 'differences')
      : this.#replica.replace(updates, 'differences');
    this.#remember(last);
    return changes;
  }

  #takeAll(rows: JsonValue, form: UpdateForm): readonly RowChange[] {
    this.forget();
    return this.#replica.replace(rows, form);
  }

  #remember(transaction: JsonValue | undefined): void {
    this.#lastTransaction =
      typeof transaction === 'string' && transaction !== NO_TRANSACTION ? transaction : undefined;
  }
}
