import { randomUUID } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import type { Store } from '../../src/store/contract.ts';
import { createSqlStore } from '../../src/store/sql/store.ts';
import type { Tables } from '../../src/store/sql/tables.ts';
import { nodeSqliteDialect } from '../../src/store/sqlite/dialect.ts';
import { toFault } from '../../src/store/sqlite/faults.ts';
import { migrate } from '../../src/store/sqlite/migrations.ts';

/** Pages of 4 KiB that are left when the room is small: enough for small writes, and not for a large one. */
const SMALL_ROOM = 4;

/** A store of the product over SQLite in memory, whose room can be limited: SQLite then refuses as on a full disk. */
export function fillingStore(): { readonly store: Store; limit(small: boolean): void } {
  const database = new DatabaseSync(':memory:');
  database.exec('pragma foreign_keys = on');
  migrate(database);
  const epoch = randomUUID();
  database.prepare('insert into meta (id, epoch, revision, compacted_to) values (1, ?, 0, 0)').run(epoch);
  const db = new Kysely<Tables>({ dialect: nodeSqliteDialect(database) });
  const store = createSqlStore({
    db,
    epoch,
    place: 'memory',
    toFault: (thrown) => toFault(thrown, 'memory'),
    onDurable: () => {},
    close: async () => {
      await db.connection().execute(async () => database.close());
      await db.destroy();
    },
  });
  return {
    store,
    limit(small) {
      const { page_count } = database.prepare('pragma page_count').get() ?? {};
      database.exec(`pragma max_page_count = ${small ? Number(page_count) + SMALL_ROOM : 1_000_000}`);
    },
  };
}
