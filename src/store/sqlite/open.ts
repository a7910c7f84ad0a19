import { randomUUID } from 'node:crypto';
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Kysely } from 'kysely';
import { finding, NetloomError } from '../../base/error.ts';
import { isPrivate } from '../../base/private-file.ts';
import type { Store } from '../contract.ts';
import { storeCorrupt } from '../faults.ts';
import { createSqlStore } from '../sql/store.ts';
import type { Tables } from '../sql/tables.ts';
import { nodeSqliteDialect } from './dialect.ts';
import { toFault, toOpeningFault } from './faults.ts';
import { createMark, MarkWriter, readMark } from './mark.ts';
import { APPLICATION_ID, applicationId, migrate, schemaText, schemaVersion } from './migrations.ts';

export const DATABASE_FILE = 'netloom.db';

export interface SqliteStoreOptions {
  /** Where the data is; made, readable by nobody else, if it does not exist. */
  readonly directory: string;
  /** Makes the name of a new line of revisions; random unless a run must be repeatable. */
  readonly newEpoch?: () => string;
}

/**
 * Opens the data in a directory, or creates it on a first start, and keeps every other instance out until it is closed.
 *
 * Fails with `store-locked` (another instance has it), `store-corrupt` (damaged, or acknowledged commits are missing;
 * never answered by starting empty), `store-unavailable` (not accessible, or from a newer Netloom), `store-full`.
 *
 * While it is open, no other code of this process may open and close the database file: POSIX takes the locks of
 * a process away when it closes any descriptor of the file.
 */
export async function openSqliteStore({
  directory,
  newEpoch = randomUUID,
}: SqliteStoreOptions): Promise<Store> {
  let database: DatabaseSync | undefined;
  try {
    prepareFiles(directory);
    database = new DatabaseSync(join(directory, DATABASE_FILE));
    lock(database);
    const { epoch, revision } = checkData(database, directory, newEpoch);
    return serve(database, directory, epoch, revision);
  } catch (thrown) {
    database?.close();
    throw toOpeningFault(thrown, directory);
  }
}

/**
 * The directory and its parents, readable by nobody else. One by one: Node's own recursive call goes round for ever in
 * file systems where nothing can be made, such as /proc.
 */
function makeDirectory(directory: string): void {
  if (existsSync(directory)) return;
  const parent = dirname(directory);
  if (parent !== directory) makeDirectory(parent);
  mkdirSync(directory, { mode: 0o700 });
}

/** Makes what a first start needs, and refuses a directory whose database is gone. */
function prepareFiles(directory: string): void {
  makeDirectory(directory);
  const { mode, uid } = statSync(directory);
  // Whoever owns a directory may put other files, and links to other files, in the place of ours.
  if (process.getuid && uid !== process.getuid()) {
    throw new NetloomError([
      finding(
        'store-unavailable',
        directory,
        `${directory} belongs to another user (uid ${uid}).`,
        'Start Netloom as that user, or choose another data directory.',
      ),
    ]);
  }
  if (mode & 0o022) {
    throw new NetloomError([
      finding(
        'store-unavailable',
        directory,
        `Others may write into ${directory}.`,
        `Make it private (chmod 700 ${directory}), or choose another data directory.`,
      ),
    ]);
  }
  const path = join(directory, DATABASE_FILE);
  const database = statSync(path, { throwIfNoEntry: false });
  const log = statSync(`${path}-wal`, { throwIfNoEntry: false });
  let mark = readMark(directory);
  if (mark === 'none' && !database && !log) {
    createMark(directory);
    mark = readMark(directory);
  }
  const creating = typeof mark === 'object' && mark.epoch === null;
  if (!creating && !database) throw storeCorrupt(directory, `The database ${path} is missing.`);
  // SQLite reads a part of a page as if the rest were zeros; every page size is a multiple of 512. With a log it may be
  // a write that a kill or a full disk cut short, and the page is still in the log.
  if (database && database.size % 512 !== 0 && !log?.size) {
    throw storeCorrupt(directory, `The database ${path} was cut off.`);
  }
  if (!creating && database?.size === 0) throw storeCorrupt(directory, `The database ${path} is empty.`);
  if (database) {
    if (!isPrivate(path)) chmodSync(path, 0o600);
    return;
  }
  try {
    // SQLite gives its log the mode of the database.
    closeSync(openSync(path, 'wx', 0o600));
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown;
  }
}

/** Takes the lock that lasts until the database is closed, or its process is gone. */
function lock(database: DatabaseSync): void {
  // In this order: exclusive before the first access to the log means that no shared memory is ever made for it.
  database.exec('pragma locking_mode = exclusive');
  database.exec('pragma journal_mode = wal');
  database.exec('begin immediate; commit');
  database.exec('pragma synchronous = full');
  database.exec('pragma foreign_keys = on');
}

/** With the lock held: is this our data, whole, and all of it? Creates it on a first start. */
function checkData(
  database: DatabaseSync,
  directory: string,
  newEpoch: () => string,
): { epoch: string; revision: number } {
  const mark = readMark(directory);
  const creating = typeof mark === 'object' && mark.epoch === null;
  if (!creating || schemaVersion(database) > 0) {
    if (applicationId(database) !== APPLICATION_ID || schemaVersion(database) === 0) {
      throw storeCorrupt(directory, `${DATABASE_FILE} in ${directory} is no database of Netloom.`);
    }
    // Not quick_check: it passes over the index that keeps two owners from having one address.
    const faults = database
      .prepare('pragma integrity_check(1)')
      .all()
      .map((row) => String(row.integrity_check));
    if (faults.join() !== 'ok') {
      throw storeCorrupt(directory, `The database in ${directory} is damaged: ${faults.join('; ')}.`);
    }
  }
  migrate(database);
  checkSchema(database, directory);

  const meta = database.prepare('select epoch, revision from meta').get();
  if (!meta) {
    if (!creating) throw storeCorrupt(directory, `The database in ${directory} has lost its epoch.`);
    const epoch = newEpoch();
    database.prepare('insert into meta (id, epoch, revision, compacted_to) values (1, ?, 0, 0)').run(epoch);
    // From the log into the file itself, which is empty until then, and an empty file is taken for a damaged one.
    database.exec('pragma wal_checkpoint(truncate)');
    return { epoch, revision: 0 };
  }
  const epoch = String(meta.epoch);
  const revision = Number(meta.revision);
  checkJournal(database, directory);
  if (mark === 'unreadable' || creating) return { epoch, revision };
  if (mark === 'none' || mark.epoch !== epoch) {
    const restored = newEpoch();
    database.prepare('update meta set epoch = ?').run(restored);
    return { epoch: restored, revision };
  }
  if (mark.revision > revision) {
    throw storeCorrupt(
      directory,
      `The database in ${directory} ends at revision ${revision}, but revision ${mark.revision} was acknowledged.`,
    );
  }
  return { epoch, revision };
}

/** SQLite keeps the schema as text and believes it: a flipped bit in it is a column with another name. */
function checkSchema(database: DatabaseSync, directory: string): void {
  using fresh = new DatabaseSync(':memory:');
  migrate(fresh);
  if (schemaText(database) !== schemaText(fresh)) {
    throw storeCorrupt(directory, `The schema of the database in ${directory} is damaged.`);
  }
}

/** Between the commits that were forgotten and the latest one, none is missing. */
function checkJournal(database: DatabaseSync, directory: string): void {
  const { whole } =
    database
      .prepare(`
        select count(j.revision) = m.revision - m.compacted_to
          and ifnull(min(j.revision), m.compacted_to + 1) = m.compacted_to + 1
          and ifnull(max(j.revision), m.revision) = m.revision as whole
        from meta m left join journal j`)
      .get() ?? {};
  if (whole !== 1) throw storeCorrupt(directory, `Commits are missing in the journal in ${directory}.`);
}

function serve(database: DatabaseSync, directory: string, epoch: string, revision: number): Store {
  const mark = new MarkWriter(directory, epoch, revision);
  const db = new Kysely<Tables>({ dialect: nodeSqliteDialect(database) });
  return createSqlStore({
    db,
    epoch,
    place: directory,
    toFault: (thrown) => toFault(thrown, directory),
    onDurable: (durable) => mark.write(durable),
    close: async () => {
      // In the queue for the connection, so that reads under way come to their end.
      await db.connection().execute(async () => database.close());
      await db.destroy();
      mark.close();
    },
  });
}
