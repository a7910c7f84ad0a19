/** What a host has counted, for a controller that asks; and the newest of what its port ACLs were to report. */
import type { Clock } from '../base/clock.ts';
import { formatFrame } from '../packet/notation.ts';
import { type AclEntry, type HostCounters, MOST } from '../stream/counted.ts';
import type { AclDecision } from './acl-report.ts';
import type { Agent } from './agent.ts';

const NOTHING: HostCounters = { ports: [], acls: [], drops: [], log: [], complete: false };

export class Counting {
  readonly #agent: Agent;
  readonly #clock: Pick<Clock, 'wall'>;
  /** Older ones go; all of them with this process. */
  readonly #log: AclEntry[] = [];

  constructor(agent: Agent, clock: Pick<Clock, 'wall'>) {
    this.#agent = agent;
    this.#clock = clock;
    agent.onAclDecision((decision) => this.#note(decision));
  }

  /** Never rejects: an engine that does not answer has counted nothing. */
  async count(): Promise<HostCounters> {
    const log = [...this.#log];
    try {
      return { ...(await this.#agent.counts()), log, complete: true };
    } catch {
      // What is wrong with the engine, the next look tells.
      return { ...NOTHING, log };
    }
  }

  #note({ id, frame, ...decision }: AclDecision): void {
    this.#log.push({ ...decision, time: this.#clock.wall(), port: id, frame: formatFrame(frame) });
    if (this.#log.length > MOST.log) this.#log.shift();
  }
}
