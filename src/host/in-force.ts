/** Takes the policy that the stream brings, puts it in force, and keeps on the disk what is. */
import type { Agent, Applied } from '../agent/agent.ts';
import { changesOf, recordsOf } from '../agent/changes.ts';
import type { Reporter } from '../agent/reporter.ts';
import type { Finding } from '../base/error.ts';
import type { PolicyDelta, PolicyView } from '../policy/set.ts';
import type { PolicyHandler } from '../stream/client.ts';
import type { Held } from '../stream/replica.ts';
import type { HostReport } from '../stream/report.ts';
import { concernsManagement } from './inherit/bearer.ts';
import type { Management } from './inherit/management.ts';
import type { Log } from './log.ts';
import type { PolicyKeeper } from './state/policy-keeper.ts';

export interface InForceOptions {
  readonly agent: Agent;
  readonly management: Management;
  readonly keeper: PolicyKeeper;
  readonly reporter: Reporter;
  readonly log: Log;
  /** What was on the disk, and so in force before this agent began. */
  readonly held?: Pick<Held, 'epoch' | 'revision'>;
  /** Something did not come to be as the policy wants it, or did. */
  readonly onOutcome: (ok: boolean) => void;
}

/** A policy that did not get in: the agent has the one before it. */
interface Missed {
  /** Of its own: the one that the stream brings goes on changing. */
  readonly policy: PolicyView;
  readonly revision: number;
  /** Why it is not tried again; undefined: it is. */
  readonly refusal: readonly Finding[] | undefined;
}

export class InForce implements PolicyHandler {
  readonly #options: InForceOptions;
  /** What is in force; undefined before there is anything. */
  #policy: PolicyView | undefined;
  #epoch = '';
  #revision = 0;
  #missed: Missed | undefined;
  /** What is in force, or is being put there, was so before this agent began. */
  #isHeld = false;
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
    return this.#enqueue(() => {
      const { held } = this.#options;
      const isFirst = this.#policy === undefined && this.#missed === undefined;
      this.#isHeld = isFirst && held?.epoch === epoch && held.revision === revision;
      this.#epoch = epoch;
      return this.#whole(policy, revision);
    });
  }

  onDelta(delta: PolicyDelta, _from: number, to: number, policy: PolicyView): Promise<readonly Finding[]> {
    return this.#enqueue(async () => {
      const { agent } = this.#options;
      // What was on the disk comes first, without a trial: there is nothing yet that a trial could go back to.
      if (this.#missed && this.#isHeld && !this.#missed.refusal)
        await this.#whole(this.#missed.policy, this.#missed.revision);
      this.#isHeld = false;
      // What the agent lacks is more than this delta.
      if (this.#missed) return this.#whole(policy, to);
      const changes = changesOf(delta);
      const apply = () => agent.apply(changes);
      const concerned = changes.flatMap(({ key, record }) => [record, agent.records().get(key)]);
      return concerned.some((record) => record && concernsManagement(record))
        ? this.#take(policy, to, apply)
        : this.#plain(policy, to, apply);
    });
  }

  /**
   * Tries once more what did not succeed: to get the policy in that the stream brought last, or to make everything as the policy
   * in force wants it. Never rejects.
   */
  again(): Promise<readonly Finding[]> {
    return this.#enqueue(async () => {
      const missed = this.#missed;
      if (missed && !missed.refusal) return this.#whole(missed.policy, missed.revision);
      if (!missed && !this.#policy) return this.#findings;
      const { agent, management } = this.#options;
      // Not the policy of the stream, which may be further by now.
      const records = [...agent.records().values()];
      const apply = () => agent.replace(records);
      // What is in force already is not on trial.
      const { findings } = missed ? await apply() : await management.take(records, apply, true);
      return this.#told(missed?.revision ?? this.#revision, missed?.refusal ?? [], findings);
    });
  }

  onBookmark(revision: number): void {
    if (this.#missed) this.#missed = { ...this.#missed, revision };
    else if (this.#policy) this.#keep(this.#policy, revision);
  }

  onCheck(repair: boolean): Promise<HostReport> {
    return this.#options.reporter.report(repair);
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#work.then(work);
    this.#work = result.catch(() => {});
    return result;
  }

  #whole(policy: PolicyView, revision: number): Promise<readonly Finding[]> {
    return this.#take(policy, revision, () => this.#options.agent.replace(recordsOf(policy)));
  }

  /** The policy does not change meanwhile: the stream waits for what it has handed over, and a missed one is a copy. */
  async #take(
    policy: PolicyView,
    revision: number,
    apply: () => Promise<Applied>,
  ): Promise<readonly Finding[]> {
    const { management } = this.#options;
    const { taken, refused, findings } = await management.take(recordsOf(policy), apply, this.#isHeld);
    // While one is tried again, a bookmark may come.
    const isMissed = policy === this.#missed?.policy;
    const latest = isMissed ? (this.#missed?.revision ?? revision) : revision;
    if (taken) {
      this.#missed = undefined;
      this.#keep(policy, latest);
      return this.#told(latest, [], findings);
    }
    const refusal = refused ? findings : undefined;
    this.#missed = { policy: isMissed ? policy : policy.copy(), revision: latest, refusal };
    return this.#told(latest, [], findings);
  }

  async #plain(
    policy: PolicyView,
    revision: number,
    apply: () => Promise<Applied>,
  ): Promise<readonly Finding[]> {
    // What is about to be in force is on the disk first: an agent that is killed now goes on with it.
    this.#keep(policy, revision);
    const { findings } = await apply();
    return this.#told(revision, [], findings);
  }

  #keep(policy: PolicyView, revision: number): void {
    this.#policy = policy;
    this.#revision = revision;
    this.#options.keeper.keep({ epoch: this.#epoch, revision, policy });
  }

  /** `standing`: what nobody tries again, besides what came of this attempt. */
  #told(revision: number, standing: readonly Finding[], findings: readonly Finding[]): readonly Finding[] {
    const { log, onOutcome } = this.#options;
    this.#findings = [...standing, ...findings];
    const words = `Revision ${revision} is in force.`;
    log.standing('policy', this.#findings, words, words);
    onOutcome(findings.every(({ severity }) => severity !== 'error'));
    return this.#findings;
  }
}
