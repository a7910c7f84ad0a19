/** Small files that nobody else may read, and that are never half written: tokens, keys, states. */
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Writes the file so that after a crash, of the program or of the machine, there is the old content or the new one and
 * nothing between them: a draft beside it (`FILE.new`), synced, renamed, and the rename synced. Mode 0600. One writer at a
 * time; what an interrupted one left is written over. Throws what the system says.
 */
export function writePrivateFile(file: string, content: string): void {
  const draft = `${file}.new`;
  rmSync(draft, { force: true });
  // Made by us: neither a link that somebody else has put there nor a file with another mode.
  const open = openSync(draft, 'wx', 0o600);
  try {
    const bytes = Buffer.from(content);
    for (let done = 0; done < bytes.length; ) done += writeSync(open, bytes, done);
    fsyncSync(open);
  } finally {
    closeSync(open);
  }
  renameSync(draft, file);
  syncDirectory(dirname(file));
}

/** Whether nobody but its owner may read or write it. Throws what the system says. */
export function isPrivate(file: string): boolean {
  return (statSync(file).mode & 0o077) === 0;
}

/** What was made, renamed or removed in the directory is so after a crash of the machine. */
export function syncDirectory(directory: string): void {
  const open = openSync(directory, 'r');
  try {
    fsyncSync(open);
  } finally {
    closeSync(open);
  }
}
