import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/open.ts';
import { State } from '../../src/store/state.ts';
import { MAX_BURST, transactionFor } from './store-kill-child.ts';

/** A process that commits into a directory until it is killed. */
export class Victim {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown[]>;
  #output = '';

  /** @param under a command that the process is run under, such as strace with its options. */
  constructor(directory: string, under: readonly string[] = []) {
    const program = join(import.meta.dirname, 'store-kill-child.ts');
    const [command, ...args] = [...under, process.execPath, program, directory];
    this.#child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#output += text;
    });
    this.#closed = once(this.#child, 'close');
  }

  async firstAck(): Promise<void> {
    while (!this.#output.includes('\n')) await once(this.#child.stdout!, 'data');
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** When it is gone: what it said line by line, and how it ended. */
  async ended(): Promise<{ lines: string[]; acked: number; by: unknown }> {
    const [code, signal] = await this.#closed;
    const lines = this.#output.split('\n').slice(0, -1);
    const acks = lines.flatMap((line) => /^ack (\d+)$/.exec(line)?.[1] ?? []);
    return { lines, acked: Math.max(0, ...acks.map(Number)), by: signal ?? code };
  }
}

/**
 * Opens what a victim left, and checks that every acknowledged commit is there, at most those asked for at once more,
 * each of them whole and none missing. Gives the latest revision and the epoch.
 */
export async function checkLeft(
  directory: string,
  acked: number,
  where: string,
): Promise<{ epoch: string; revision: number }> {
  const store = await openSqliteStore({ directory });
  try {
    const revision = await store.revision();
    // Commits may have been stored while their lines were not out yet.
    expect(revision - acked, where).toBeGreaterThanOrEqual(0);
    expect(revision - acked, where).toBeLessThanOrEqual(MAX_BURST);

    const changes = await store.changes(0);
    if ('compactedTo' in changes) throw new Error('nobody compacted');
    expect(
      changes.commits.map((commit) => commit.revision),
      where,
    ).toEqual(Array.from({ length: revision }, (_, i) => i + 1));
    const sum = new State();
    for (const commit of changes.commits) {
      const { author, message, time, requestId } = commit;
      const stored = {
        author,
        message,
        time,
        base: commit.revision - 1,
        requestId,
        objects: commit.objects.map(({ kind, key, after }) => ({ kind, key, value: after })),
        allocations: commit.allocations.map(({ scope, owner, after }) => ({ scope, owner, value: after })),
      };
      expect(stored, where).toEqual(transactionFor(commit.revision));
      sum.apply(commit);
    }
    expect(await store.snapshot(), where).toEqual(sum.snapshot(revision));
    return { epoch: store.epoch, revision };
  } finally {
    await store.close();
  }
}
