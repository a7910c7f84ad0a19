import type { DatabaseSync } from 'node:sqlite';
import { finding, NetloomError } from '../../base/error.ts';

/**
 * A step from one version of the schema to the next. Append a new one at the end; a published one is never changed,
 * because data out there has been through it.
 */
export interface Migration {
  readonly name: string;
  /** Runs in a transaction of its own. */
  readonly up: (database: DatabaseSync) => void;
}

/** "NLst" in the header of the file says that it is ours: https://www.sqlite.org/pragma.html#pragma_application_id */
export const APPLICATION_ID = 0x4e4c7374;

/** The version of the schema is how many of these have run; SQLite keeps it in the header (`user_version`). */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: 'objects, allocations and their journal',
    up: (database) =>
      database.exec(`
        pragma application_id = ${APPLICATION_ID};

        create table meta (
          id integer primary key check (id = 1),
          epoch text not null,
          revision integer not null,
          compacted_to integer not null,
          check (0 <= compacted_to and compacted_to <= revision)
        ) strict;

        create table objects (
          kind text not null,
          key text not null,
          revision integer not null,
          value text not null,
          crc integer not null,
          primary key (kind, key)
        ) strict, without rowid;

        create table allocations (
          scope text not null,
          owner text not null,
          value text not null,
          crc integer not null,
          primary key (scope, owner),
          unique (scope, value)
        ) strict, without rowid;

        create table journal (
          revision integer primary key,
          time integer not null,
          author text not null,
          message text not null,
          request_id text unique,
          changes text not null,
          crc integer not null
        ) strict;

        create table journal_objects (
          kind text not null,
          key text not null,
          revision integer not null references journal (revision) on delete cascade,
          primary key (kind, key, revision)
        ) strict, without rowid;

        create index journal_objects_revision on journal_objects (revision);
      `),
  },
  {
    name: 'jobs',
    up: (database) =>
      database.exec(`
        create table jobs (
          id integer primary key,
          revision integer,
          value text not null,
          crc integer not null
        ) strict;

        create index journal_author on journal (author, revision);
      `),
  },
  {
    name: 'secrets',
    up: (database) =>
      database.exec(`
        create table secrets (
          owner text not null,
          name text not null,
          value text not null,
          used integer,
          crc integer not null,
          primary key (owner, name)
        ) strict, without rowid;
      `),
  },
];

/**
 * Brings the schema up to date, each step all or nothing: killed at any moment, the next start goes on from there.
 * A schema of a newer Netloom is refused, since this one would read it wrongly.
 */
export function migrate(database: DatabaseSync, migrations: readonly Migration[] = MIGRATIONS): void {
  const from = schemaVersion(database);
  if (from > migrations.length) {
    throw new NetloomError([
      finding(
        'store-unavailable',
        '',
        `The data was written by a newer Netloom: its schema has version ${from}, this one knows up to ${migrations.length}.`,
        'Start the newer version again, or restore a backup from before the upgrade.',
      ),
    ]);
  }
  for (const [i, { up }] of migrations.entries()) {
    if (i < from) continue;
    database.exec('begin');
    try {
      up(database);
      database.exec(`pragma user_version = ${i + 1}`);
      database.exec('commit');
    } catch (thrown) {
      if (database.isTransaction) database.exec('rollback');
      throw thrown;
    }
  }
}

/** The text of the schema, to be compared with that of another database after the same migrations. */
export function schemaText(database: DatabaseSync): string {
  const rows = database.prepare('select type, name, sql from sqlite_schema order by type, name').all();
  return rows.map(({ type, name, sql }) => `${type} ${name} ${sql}`).join('\n');
}

export function schemaVersion(database: DatabaseSync): number {
  return readPragma(database, 'user_version');
}

export function applicationId(database: DatabaseSync): number {
  return readPragma(database, 'application_id');
}

function readPragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`pragma ${name}`).get()?.[name]);
}
