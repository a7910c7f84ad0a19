/** What is wrong with a host at this moment, by what it concerns: for the log once, for the status as long as it lasts. */
import { type Finding, warning } from '../base/error.ts';
import type { Drift } from '../stream/report.ts';
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

/** That a host is not as the policy wants it: the first thing, and how many more there are. */
export function drifted(drift: readonly Drift[]): Finding {
  const [first] = drift;
  const more = drift.length > 1 ? ` And ${drift.length - 1} more.` : '';
  return warning(
    'drift-remains',
    first?.object ?? '',
    `${first?.words ?? ''}${more}`,
    'See "netloom compliance"; "netloom remediate" makes it right.',
  );
}
