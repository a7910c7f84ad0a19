/**
 * Jobs on their way to the store. What has changed is written in batches, so that telling how a job goes costs a change
 * nothing; the commit of a change brings its job along in its own transaction.
 */
import type { Clock } from '../../base/clock.ts';
import type { JobWrite, Store } from '../../store/contract.ts';

/** How long a change may wait for company, in milliseconds. */
const BATCH_MS = 200;

export class Ledger {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #read: (id: number) => JobWrite | undefined;
  readonly #changed = new Set<number>();
  readonly #forgotten = new Set<number>();
  #cancelTimer: (() => void) | undefined;
  #work: Promise<void> = Promise.resolve();

  /** `read` gives a job as it is to be stored now. */
  constructor(store: Store, clock: Clock, read: (id: number) => JobWrite | undefined) {
    this.#store = store;
    this.#clock = clock;
    this.#read = read;
  }

  changed(id: number): void {
    this.#changed.add(id);
    this.#schedule();
  }

  forget(id: number): void {
    this.#changed.delete(id);
    this.#forgotten.add(id);
    this.#schedule();
  }

  /** Writes what has changed. Never rejects: what could not be written is written with the next batch. */
  flush(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#work = this.#work.then(() => this.#write());
    return this.#work;
  }

  async #write(): Promise<void> {
    const changed = [...this.#changed];
    const forgotten = [...this.#forgotten];
    this.#changed.clear();
    this.#forgotten.clear();
    try {
      const jobs = changed.flatMap((id) => this.#read(id) ?? []);
      if (jobs.length > 0) await this.#store.putJobs(jobs);
      if (forgotten.length > 0) await this.#store.forgetJobs(forgotten);
    } catch {
      // Jobs tell what happened, and nothing depends on them. A store that cannot take them refuses commits too, aloud.
      for (const id of changed) this.#changed.add(id);
      for (const id of forgotten) this.#forgotten.add(id);
    }
  }

  #schedule(): void {
    this.#cancelTimer ??= this.#clock.after(BATCH_MS, () => void this.flush());
  }
}
