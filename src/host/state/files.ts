/** Files of the agent's state directory: readable by nobody else, and written as a whole or not at all. */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { finding, NetloomError } from '../../base/error.ts';
import { syncDirectory, writePrivateFile } from '../../base/private-file.ts';

/** Where the agent keeps what has to survive it, unless it is told another place. */
export const STATE_DIRECTORY = '/var/lib/netloom-agent';

/**
 * Makes the directory with mode 0700 when there is none. Throws `agent-state` where others could put files, and links to
 * files, into it, or where it cannot be made.
 */
export function openStateDirectory(directory: string): void {
  try {
    if (!existsSync(directory)) makeDirectory(directory);
    const { mode, uid } = statSync(directory);
    if (uid !== process.getuid?.())
      throw refused(directory, `it belongs to the user with uid ${uid}`, 'Run the agent as that user.');
    if (mode & 0o022) throw refused(directory, 'others may write into it', `Say: chmod 700 ${directory}`);
  } catch (thrown) {
    throw thrown instanceof NetloomError ? thrown : unusable(directory, thrown);
  }
}

/** One by one: Node's own recursive call goes round for ever in file systems where nothing can be made, such as /proc. */
function makeDirectory(directory: string): void {
  const parent = dirname(directory);
  if (parent !== directory && !existsSync(parent)) makeDirectory(parent);
  mkdirSync(directory, { mode: 0o700 });
}

/** Writes a file as `writePrivateFile` does. Throws `agent-state`. */
export function writeDurably(directory: string, name: string, content: string): void {
  try {
    writePrivateFile(join(directory, name), content);
  } catch (thrown) {
    throw unusable(directory, thrown);
  }
}

/** The content, or undefined where there is no such file. Throws `agent-state` where it cannot be read. */
export function readState(directory: string, name: string): string | undefined {
  try {
    return readFileSync(join(directory, name), 'utf8');
  } catch (thrown) {
    if (isMissing(thrown)) return undefined;
    throw unusable(directory, thrown);
  }
}

/** Takes the file away for good; nothing where there is none. Throws `agent-state`. */
export function removeDurably(directory: string, name: string): void {
  try {
    rmSync(join(directory, name), { force: true });
    syncDirectory(directory);
  } catch (thrown) {
    throw unusable(directory, thrown);
  }
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
}

function unusable(directory: string, thrown: unknown): NetloomError {
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new NetloomError(
    [
      finding(
        'agent-state',
        directory,
        `The state directory of the agent cannot be used: ${why}.`,
        'See whether the disk is full or read-only, and who owns the directory; or choose another with --state.',
      ),
    ],
    { cause: thrown },
  );
}

function refused(directory: string, why: string, remedy: string): NetloomError {
  const message = `The state directory of the agent is not to be trusted: ${why}.`;
  return new NetloomError([finding('agent-state', directory, message, remedy)]);
}
