import { finding, NetloomError } from '../../base/error.ts';
import { storeCorrupt } from '../faults.ts';
import type { Fault } from '../sql/store.ts';

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html), the low byte of what `errcode` holds. */
const SQLITE = {
  error: 1,
  busy: 5,
  locked: 6,
  nomem: 7,
  readonly: 8,
  ioerr: 10,
  corrupt: 11,
  full: 13,
  cantopen: 14,
  notadb: 26,
};

/** What SQLite or the file system threw, in words, and what may go on after it. */
export function toFault(thrown: unknown, directory: string): Fault {
  if (thrown instanceof NetloomError) return { error: thrown, allows: 'all' };
  if (isSystemError(thrown)) {
    if (thrown.code === 'ENOSPC' || thrown.code === 'EDQUOT') return full(thrown, directory);
    if (thrown.code !== 'ERR_SQLITE_ERROR') return unavailable(thrown, directory, 'all');
  }
  const reason = isSqliteError(thrown) ? thrown.errcode & 0xff : undefined;
  switch (reason) {
    case SQLITE.busy:
    case SQLITE.locked:
      return { error: storeLocked(directory, thrown), allows: 'all' };
    case SQLITE.full:
      return full(thrown, directory);
    case SQLITE.corrupt:
    case SQLITE.notadb:
      return { error: damaged(thrown, directory), allows: 'nothing' };
    case SQLITE.ioerr:
      // Linux marks pages clean when fsync has failed, so that trying again would report a success that is none
      // (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020). Only a restart, which
      // reads back what the disk really has, knows what became of the last commit.
      return unavailable(thrown, directory, 'reads');
    case SQLITE.readonly:
    case SQLITE.cantopen:
    case SQLITE.nomem:
      return unavailable(thrown, directory, 'all');
    default:
      return { error: NetloomError.from(thrown), allows: 'all' };
  }
}

/**
 * The same while the data are opened and checked. Our own statements are right by then, so what SQLite cannot carry out
 * (an unsupported file format, a table that is not there) speaks of the file.
 */
export function toOpeningFault(thrown: unknown, directory: string): NetloomError {
  const isFile = isSqliteError(thrown) && (thrown.errcode & 0xff) === SQLITE.error;
  return isFile ? damaged(thrown, directory) : toFault(thrown, directory).error;
}

function damaged(thrown: unknown, directory: string): NetloomError {
  return storeCorrupt(directory, `The database in ${directory} is damaged: ${describe(thrown)}.`, thrown);
}

export function storeLocked(directory: string, cause?: unknown): NetloomError {
  return new NetloomError(
    [
      finding(
        'store-locked',
        directory,
        `Another instance of Netloom is running on the data in ${directory}.`,
        'Stop it first, or start with another data directory.',
      ),
    ],
    { cause },
  );
}

function full(thrown: unknown, directory: string): Fault {
  const error = new NetloomError(
    [
      finding(
        'store-full',
        directory,
        `There is no room left in ${directory}; the change was not stored.`,
        'Free some space there and repeat the change. Reading still works, and no restart is needed.',
      ),
    ],
    { cause: thrown },
  );
  return { error, allows: 'all' };
}

function unavailable(thrown: unknown, directory: string, allows: Fault['allows']): Fault {
  const message = `The data in ${directory} cannot be used: ${describe(thrown)}.`;
  const remedy =
    allows === 'all'
      ? 'Check that the directory exists, belongs to the user that runs Netloom, and is writable.'
      : 'Check the disk, then restart Netloom. Until then nothing is changed; whether the last change was stored ' +
        'shows after the restart, and repeating it with the same request id is safe.';
  return {
    error: new NetloomError([finding('store-unavailable', directory, message, remedy)], { cause: thrown }),
    allows,
  };
}

function describe(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function isSystemError(thrown: unknown): thrown is Error & { code: string } {
  return thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string';
}

function isSqliteError(thrown: unknown): thrown is Error & { errcode: number } {
  return thrown instanceof Error && 'errcode' in thrown && typeof thrown.errcode === 'number';
}
