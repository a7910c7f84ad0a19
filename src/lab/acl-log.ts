/** What rules of port ACLs with `log` have decided, the newest last, and no more of it than a console can show. */
import type { AclDecision } from '../agent/acl-report.ts';
import { formatFrame } from '../packet/notation.ts';

/** An AclDecision for people. */
export interface AclLogEntry extends Omit<AclDecision, 'frame'> {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly host: string;
  /** In the one-line notation. */
  readonly frame: string;
}

/** Older ones go. */
const ENTRIES = 1000;

export class AclLog {
  readonly #entries: AclLogEntry[] = [];

  /** `time`: wall-clock milliseconds since 1970. */
  add(host: string, { frame, ...decision }: AclDecision, time: number): void {
    this.#entries.push({
      ...decision,
      time: new Date(time).toISOString(),
      host,
      frame: formatFrame(frame),
    });
    if (this.#entries.length > ENTRIES) this.#entries.shift();
  }

  entries(): readonly AclLogEntry[] {
    return [...this.#entries];
  }
}
