import type { Kysely, Transaction as SqlTransaction } from 'kysely';
import { Turns } from '../turns.ts';
import type { Tables } from './tables.ts';

/** So many writes become durable together at most, so that none waits for long when others keep coming. */
const MAX_WRITES = 32;

/** What a write comes to, decided on the rows as they are. */
export interface Decision<T> {
  readonly result: T;
  /** Writes the rows; absent where there is nothing to write. */
  readonly carryOut?: () => Promise<void>;
  /** Called when the rows are durable, in the order of the writes. Must not throw. */
  readonly onDurable?: () => void;
}

interface Taken<T> {
  readonly result: T;
  /** Resolves when this write and all before it are durable; rejects when they are lost, with the same for all of a group. */
  readonly durable: Promise<void>;
}

interface GroupsOptions {
  readonly db: Kysely<Tables>;
  /** Throws where nothing may be written. */
  readonly check: () => void;
  /** Whether a decision was merely a refusal, so that the writes before it stay. */
  readonly isRefusal: (thrown: unknown) => boolean;
  /** What the callers are told when the database throws. */
  readonly toError: (thrown: unknown) => Error;
}

interface Group {
  readonly sql: SqlTransaction<Tables>;
  writes: number;
  readonly told: (() => void)[];
  readonly durable: Promise<void>;
  /** Ends the SQL transaction: all of it holds, or nothing. */
  readonly hold: () => void;
  readonly drop: (reason: unknown) => void;
}

/**
 * Group commit: writes that come while others wait for the disk share an SQL transaction, and so a sync, which costs
 * as much for one write as for many. Each is decided on what those before it wrote. A write that comes alone waits for
 * nobody: the group ends as soon as the event loop has come round without another one.
 */
export class WriteGroups {
  readonly #options: GroupsOptions;
  readonly #turns = new Turns();
  #group: Group | undefined;

  constructor(options: GroupsOptions) {
    this.#options = options;
  }

  /** Takes a write. `decide` only reads; what it throws refuses this write alone, if it is a refusal. */
  take<T>(decide: (sql: SqlTransaction<Tables>) => Promise<Decision<T>>): Promise<Taken<T>> {
    const { check, isRefusal, toError } = this.#options;
    return this.#turns.run(async () => {
      check();
      this.#group ??= await this.#open();
      const group = this.#group;
      group.writes += 1;
      try {
        const { result, carryOut, onDurable } = await decide(group.sql);
        await carryOut?.();
        if (onDurable) group.told.push(onDurable);
        return { result, durable: group.durable };
      } catch (thrown) {
        if (isRefusal(thrown)) throw thrown;
        // The database may have taken everything back already, and half of a write may stand.
        group.drop(thrown);
        await this.#ended(group);
        throw toError(thrown);
      } finally {
        if (this.#group === group) {
          if (group.writes >= MAX_WRITES) await this.#end(group);
          else this.#endWhenQuiet(group);
        }
      }
    });
  }

  /** Runs `work` when everything taken before is durable or lost, and nothing is open. */
  after<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.run(async () => {
      if (this.#group) await this.#end(this.#group);
      return work();
    });
  }

  async #open(): Promise<Group> {
    const { db, toError } = this.#options;
    const begun = Promise.withResolvers<SqlTransaction<Tables>>();
    const end = Promise.withResolvers<void>();
    const told: (() => void)[] = [];
    const durable = db
      .transaction()
      .execute(async (sql) => {
        begun.resolve(sql);
        await end.promise;
      })
      .then(
        () => {
          for (const tell of told) tell();
        },
        (thrown) => {
          const error = toError(thrown);
          begun.reject(error);
          throw error;
        },
      );
    // Whoever wrote is told; a group of refusals has nobody to tell.
    durable.catch(() => {});
    const sql = await begun.promise;
    return { sql, writes: 0, told, durable, hold: end.resolve, drop: end.reject };
  }

  #endWhenQuiet(group: Group): void {
    const { writes } = group;
    setImmediate(() => {
      void this.#turns.run(async () => {
        if (this.#group === group && group.writes === writes) await this.#end(group);
      });
    });
  }

  async #end(group: Group): Promise<void> {
    group.hold();
    await this.#ended(group);
  }

  async #ended(group: Group): Promise<void> {
    this.#group = undefined;
    await group.durable.catch(() => {});
  }
}
