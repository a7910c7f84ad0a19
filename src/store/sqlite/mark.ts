/**
 * The mark: a small file beside the database that remembers what the database must have.
 *
 * SQLite cannot tell data that is gone from data that never was: an emptied file opens as a new database, and a
 * write-ahead log that was removed or cut takes acknowledged commits with it in silence. So the mark holds the epoch
 * and the latest acknowledged revision, and is written after each commit is durable and before it is acknowledged.
 * It is not synced: after a power cut it may be behind, but never ahead of what was acknowledged.
 *
 *     no mark, no database      a first start
 *     mark without an epoch     a first start that was interrupted; nothing had been acknowledged
 *     no mark, or another epoch a database brought here from elsewhere: a restored backup; it gets a new epoch
 *     revision above database   acknowledged commits are missing
 */

import { closeSync, constants, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { syncDirectory } from '../../base/private-file.ts';

export interface Mark {
  /** `null` while the data is being created. */
  readonly epoch: string | null;
  /** The latest revision that was acknowledged. */
  readonly revision: number;
}

export const MARK_FILE = 'netloom.mark';

/** Room for an epoch (UUID), the largest revision, and the JSON around them. */
const LENGTH = 96;

/** The mark of a directory; `none` without one, `unreadable` when it does not say what a mark says. */
export function readMark(directory: string): Mark | 'none' | 'unreadable' {
  let text: string;
  try {
    text = readFileSync(join(directory, MARK_FILE), 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return 'none';
    throw thrown;
  }
  try {
    const { epoch, revision } = JSON.parse(text) as Partial<Mark>;
    if ((epoch === null || typeof epoch === 'string') && Number.isSafeInteger(revision)) {
      return { epoch, revision: revision! };
    }
  } catch {
    // Torn by a power cut, or written by hand: what it said is not known.
  }
  return 'unreadable';
}

/** Makes the mark of a first start; leaves one alone that is there. */
export function createMark(directory: string): void {
  let file: number;
  try {
    file = openSync(join(directory, MARK_FILE), 'wx', 0o600);
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') return;
    throw thrown;
  }
  try {
    writeSync(file, encode({ epoch: null, revision: 0 }));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  syncDirectory(directory);
}

/** The mark, open for writing for as long as the store is. */
export class MarkWriter {
  readonly #file: number;
  readonly #epoch: string;

  /** Writes the mark durably. */
  constructor(directory: string, epoch: string, revision: number) {
    this.#file = openSync(join(directory, MARK_FILE), constants.O_RDWR | constants.O_CREAT, 0o600);
    this.#epoch = epoch;
    this.#put(revision);
    fsyncSync(this.#file);
    syncDirectory(directory);
  }

  write(revision: number): void {
    try {
      this.#put(revision);
    } catch {
      // The commit is durable whether this succeeds or not; the mark is then behind, as after a power cut.
    }
  }

  #put(revision: number): void {
    const bytes = encode({ epoch: this.#epoch, revision });
    writeSync(this.#file, bytes, 0, bytes.length, 0);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Always the same length, so that writing over it needs no room and leaves nothing of what was there. */
function encode(mark: Mark): Buffer {
  return Buffer.from(`${JSON.stringify(mark).padEnd(LENGTH - 1)}\n`);
}
