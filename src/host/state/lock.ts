/** One agent for one state directory. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { finding, NetloomError } from '../../base/error.ts';

const LOCK_FILE = 'lock';

/**
 * Keeps every other agent out until the answer is called, or this process has ended in whatever way: the lock is the
 * kernel's. Node has no call for it, so it is the lock that SQLite takes on an empty database. Throws `agent-running`.
 */
export function lockState(directory: string): () => void {
  const database = new DatabaseSync(join(directory, LOCK_FILE));
  try {
    database.exec('pragma locking_mode = exclusive');
    database.exec('begin exclusive');
  } catch (cause) {
    database.close();
    throw new NetloomError(
      [
        finding(
          'agent-running',
          directory,
          'Another agent runs on this state directory.',
          'There is one agent for a host: "netloom agent status" says how it is. For a second host, choose another --state.',
        ),
      ],
      { cause },
    );
  }
  return () => database.close();
}
