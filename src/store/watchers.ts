import type { Commit } from './contract.ts';

/** The handlers of a store's watches. */
export class Watchers {
  /** An object for each watch: the same function may watch twice. */
  readonly #watches = new Set<{ readonly handler: (commit: Commit) => void }>();

  add(handler: (commit: Commit) => void): () => void {
    const watch = { handler };
    this.#watches.add(watch);
    return () => {
      this.#watches.delete(watch);
    };
  }

  tell(commit: Commit): void {
    // Over a copy: a watch that begins in a handler begins with the next commit.
    for (const watch of [...this.#watches]) {
      if (!this.#watches.has(watch)) continue;
      try {
        watch.handler(commit);
      } catch (thrown) {
        // The commit is durable and the others must hear of it; a handler that throws is a defect, so it is said aloud.
        process.emitWarning(thrown instanceof Error ? thrown : String(thrown), 'StoreWatcherWarning');
      }
    }
  }

  clear(): void {
    this.#watches.clear();
  }
}
