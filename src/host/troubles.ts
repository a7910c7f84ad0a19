/** What is wrong with a host at this moment, by what it concerns: for the log once, for the status as long as it lasts. */
import type { Finding } from '../base/error.ts';
import type { Log } from './log.ts';

export class Troubles {
  readonly #log: Log;
  readonly #standing = new Map<string, readonly Finding[]>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** `over` and `fine` are what the log says when nothing is wrong with the subject (any more; from the beginning). */
  set(subject: string, findings: readonly Finding[], over?: string, fine?: string): void {
    if (findings.length > 0) this.#standing.set(subject, findings);
    else this.#standing.delete(subject);
    this.#log.standing(subject, findings, over, fine);
  }

  all(): readonly Finding[] {
    return [...this.#standing.values()].flat();
  }
}
