/** Takes the policy that the stream brings, puts it in force, and keeps on the disk what is. */
import type { Agent, Applied, RecordChange } from '../agent/agent.ts';
import { changesOf, recordsOf } from '../agent/changes.ts';
import type { Reporter } from '../agent/reporter.ts';
import type { Finding } from '../base/error.ts';
import type { PolicyRecord } from '../policy/records.ts';
import type { PolicyDelta, PolicyView } from '../policy/set.ts';
import type { PolicyHandler } from '../stream/client.ts';
import type { HostReport } from '../stream/report.ts';
import type { Management } from './inherit/management.ts';
import type { Log } from './log.ts';
import type { PolicyKeeper } from './state/policy-keeper.ts';

export interface InForceOptions {
  readonly agent: Agent;
  readonly management: Management;
  readonly keeper: PolicyKeeper;
  readonly reporter: Reporter;
  readonly log: Log;
  /** Something did not come to be as the policy wants it, or did. */
  readonly onOutcome: (ok: boolean) => void;
}

export class InForce implements PolicyHandler {
  readonly #options: InForceOptions;
  #policy: PolicyView | undefined;
  #epoch = '';
  #revision = 0;
  /** The agent has the policy that the last call was about; otherwise it has one before that. */
  #isCurrent = false;
  #findings: readonly Finding[] = [];
  /** One thing after another, whether the stream or the clock asks for it. */
  #work: Promise<unknown> = Promise.resolve();

  constructor(options: InForceOptions) {
    this.#options = options;
  }

  /** What is in force, which may be older than what the stream brought; 0 before there is anything. */
  get revision(): number {
    return this.#revision;
  }

  /** What the last policy came to. */
  get findings(): readonly Finding[] {
    return this.#findings;
  }

  onSnapshot(policy: PolicyView, revision: number, epoch: string): Promise<readonly Finding[]> {
    return this.#enqueue(() => this.#whole(policy, revision, epoch));
  }

  onDelta(delta: PolicyDelta, _from: number, to: number, policy: PolicyView): Promise<readonly Finding[]> {
    return this.#enqueue(() => {
      const { agent } = this.#options;
      // What the agent lacks is more than this delta.
      if (!this.#isCurrent) return this.#whole(policy, to, this.#epoch);
      const changes = changesOf(delta);
      const apply = () => agent.apply(changes);
      if (!changes.some((change) => concernsManagement(change, agent.records().get(change.key))))
        return this.#plain(policy, to, apply);
      return this.#take(policy, to, apply);
    });
  }

  /** Puts the same policy in force once more, after something stood in the way. Never rejects. */
  again(): Promise<readonly Finding[]> {
    return this.#enqueue(async () => {
      if (!this.#isCurrent || !this.#policy) return this.#findings;
      return this.#whole(this.#policy, this.#revision, this.#epoch);
    });
  }

  onBookmark(revision: number): void {
    if (!this.#isCurrent || !this.#policy) return;
    this.#keep(this.#policy, revision);
  }

  onCheck(repair: boolean): Promise<HostReport> {
    return this.#options.reporter.report(repair);
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#work.then(work);
    this.#work = result.catch(() => {});
    return result;
  }

  #whole(policy: PolicyView, revision: number, epoch: string): Promise<readonly Finding[]> {
    this.#epoch = epoch;
    return this.#take(policy, revision, () => this.#options.agent.replace(recordsOf(policy)));
  }

  async #take(
    policy: PolicyView,
    revision: number,
    apply: () => Promise<Applied>,
  ): Promise<readonly Finding[]> {
    const { taken, findings } = await this.#options.management.take(recordsOf(policy), apply);
    this.#isCurrent = taken;
    if (taken) this.#keep(policy, revision);
    return this.#told(revision, findings);
  }

  async #plain(
    policy: PolicyView,
    revision: number,
    apply: () => Promise<Applied>,
  ): Promise<readonly Finding[]> {
    // What is about to be in force is on the disk first: an agent that is killed now goes on with it.
    this.#keep(policy, revision);
    const { findings } = await apply();
    return this.#told(revision, findings);
  }

  #keep(policy: PolicyView, revision: number): void {
    this.#policy = policy;
    this.#revision = revision;
    this.#options.keeper.keep({ epoch: this.#epoch, revision, policy });
  }

  #told(revision: number, findings: readonly Finding[]): readonly Finding[] {
    const { log, onOutcome } = this.#options;
    this.#findings = findings;
    const ok = findings.every(({ severity }) => severity !== 'error');
    const words = `Revision ${revision} is in force.`;
    log.standing('policy', findings, words, words);
    onOutcome(ok);
    return findings;
  }
}

/** Whether a change may be about what the host is managed by: a switch with its uplink, or a vNIC of the host. */
function concernsManagement({ record }: RecordChange, old: PolicyRecord | undefined): boolean {
  return [record, old].some(
    (each) => each?.kind === 'switch' || (each?.kind === 'port' && each.owner === 'host'),
  );
}
