/**
 * The controller: takes changes, checks and compiles them, commits them, and tells the agents. One change at a time; a
 * change is committed as a whole or leaves no trace.
 *
 *     apply -> normalise -> Network.propose -> Store.write -> Network.keep ---- durable ---> PolicyFeed.publish -> answer
 *                                 |                 |                |
 *                                 +--- findings ----+                +--- lost: the network of the store
 *                                          |
 *                                 refused: Network.discard
 *
 * The next change is decided while the last one is on its way to the disk, so changes that wait become durable together
 * (`src/store/sql/groups.ts`). Nothing of a change is told, no refusal either, before what it was decided on is durable. What is held,
 * and whose turn it is: held.ts; a change: apply.ts, release.ts; one that comes again: requests.ts.
 */
import type { Clock } from '../base/clock.ts';
import { type Finding, throwIfErrors } from '../base/error.ts';
import type { ObjectKey } from '../model/definition.ts';
import { type ModelObject, objectKey } from '../model/kinds.ts';
import { recordKey } from '../policy/records.ts';
import { type PolicyDelta, PolicySet } from '../policy/set.ts';
import type { Commit, HistoryFilter, Store, TransactionChanges } from '../store/contract.ts';
import { Watchers } from '../store/watchers.ts';
import { PolicyFeed } from '../stream/feed.ts';
import { applyChanges } from './apply.ts';
import type { Change, ChangeSummary } from './change.ts';
import type { ChangeOptions } from './change-options.ts';
import { explainEdit, type Lack, type Repair } from './explain.ts';
import { type Counts, countHosts } from './fabric/counts.ts';
import {
  askHosts,
  type Remediated,
  type Remediation,
  registerRemediation,
  remediationJob,
} from './fabric/remediate.ts';
import { SelfHealing } from './fabric/self-healing.ts';
import { HeldNetwork, type HeldOptions } from './held.ts';
import type { JobBook } from './jobs/book.ts';
import { type ChangeJobSpec, ChangeJobs } from './jobs/change-jobs.ts';
import { applySpec, releaseSpec, revisionSpec } from './jobs/change-specs.ts';
import { Confirmations } from './jobs/confirmations.ts';
import { registerRetries } from './jobs/retries.ts';
import type { JobContext } from './jobs/run.ts';
import { stepsTakenBack } from './migration/guard.ts';
import { Migrations } from './migration/migrations.ts';
import type { Edit, NetworkView, Proposal } from './network.ts';
import { releaseAddresses } from './release.ts';
import { type Net, netChange, notRestored } from './revisions.ts';
import type { Secrets } from './secrets.ts';
import { readStored } from './stored.ts';

export class Controller {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #held: HeldNetwork;
  #lookBelow: () => readonly Finding[] = () => [];
  /** VMs that move from host to host. */
  readonly migrations = new Migrations(this);
  readonly feed: PolicyFeed;
  // Not the store's own: it tells before the commit is what is held here.
  readonly #watchers = new Watchers();

  /** Everything that takes its time; see CONTRIBUTING.md, "How to add a job". */
  readonly jobs: JobBook;
  readonly #changeJobs: ChangeJobs;

  private constructor({ store, clock }: HeldOptions, held: HeldNetwork) {
    this.#store = store;
    this.#clock = clock;
    this.#held = held;
    this.feed = new PolicyFeed({
      epoch: store.epoch,
      revision: held.revision,
      policy: PolicySet.of(held.network.records()),
      wall: () => clock.wall(),
      onReport: (host, { drift }, asked) => {
        if (!asked) healing.reported(host, drift);
      },
    });
    held.whenDurable((commit, proposal) => {
      this.feed.publish(commit.revision, deltaOf(proposal));
      this.#watchers.tell(commit);
    });
    const { jobs } = held;
    this.jobs = jobs;
    this.#changeJobs = new ChangeJobs(jobs, new Confirmations(this.feed, clock), (commit) =>
      this.feed.touchedBy(commit),
    );
    registerRetries(jobs, this);
    registerRemediation(jobs, () => this.#hosts());
    const healing = new SelfHealing({
      feed: this.feed,
      network: () => this.network,
      remediate: (host) => this.remediate([host], 'netloom'),
    });
  }

  /** Starts from what the store holds. Refuses a store whose objects it does not understand. */
  static async open(options: HeldOptions): Promise<Controller> {
    return new Controller(options, await HeldNetwork.open(options));
  }

  get revision(): number {
    return this.#held.revision;
  }

  /** Passwords and tokens of users, to be read. */
  get secrets(): Pick<Secrets, 'of' | 'get' | 'named'> {
    return this.#held.secrets;
  }

  /** Whether everything that is held is durable. Whoever shows something to the outside waits for it (`settled`). */
  get isSettled(): boolean {
    return this.#held.isSettled;
  }

  /** Resolves when everything that is held is durable, at that moment. */
  settled(): Promise<void> {
    return this.#held.settled();
  }

  /** What is held and what it comes to, to be read. */
  get network(): NetworkView {
    return this.#held.network;
  }

  /**
   * Wall-clock milliseconds, as quarantines are measured: a wall clock that is set while the controller runs makes none
   * shorter or longer.
   */
  get time(): number {
    return this.#held.time;
  }

  /** What the machine says that it is, milliseconds since 1970; somebody may set it. */
  get wall(): number {
    return this.#clock.wall();
  }

  /** What was noticed below about objects, such as two machines with one address; their keys are the paths. */
  noticed(): readonly Finding[] {
    return this.#lookBelow();
  }

  /** Says who is asked for that. Nobody is at first. */
  askBelow(look: () => readonly Finding[]): void {
    this.#lookBelow = look;
  }

  /** Carries out the changes, all or none, and says what they came to. Throws with every reason for refusal. */
  apply(changes: readonly Change[], options: ChangeOptions): Promise<ChangeSummary> {
    const { request, ...spec } = applySpec(changes, options.message);
    // Secrets stand nowhere but among the secrets, so a request that brings some is not kept for another try.
    return this.#asJob(options.secrets || !request ? spec : { ...spec, request }, options, (job) =>
      applyChanges(this.#held, changes, options, job),
    );
  }

  /** Everything that stands in the way of an object being like this, with what would repair it. Changes nothing. */
  explain(object: ModelObject, repair: Repair): Promise<readonly Lack[]> {
    const edit: Edit = { key: objectKey(object), object };
    const held = this.#held;
    return held.decide(() => held.unbroken(() => explainEdit(held.network, edit, repair, held.time)));
  }

  /** Takes back one commit. Refused where later commits touched the same. */
  undo(revision: number, options: ChangeOptions): Promise<ChangeSummary> {
    return this.#asJob(revisionSpec('undo', revision, options.message), options, async (job) => {
      const known = await this.#held.known(options);
      if (known) return known;
      job?.enter('check');
      const inverse: TransactionChanges = await this.#store.undo(revision);
      const changes = changesOf(inverse.objects);
      const objects = changes.flatMap((change) => ('object' in change ? [change.object] : []));
      throwIfErrors(stepsTakenBack(objects, (object) => this.network.get(objectKey(object))?.object));
      const taken = { message: inverse.message, ...options, exact: true } as const;
      return applyChanges(this.#held, changes, taken, job);
    });
  }

  /** Makes the objects as they were at a revision, in one change. Warns of what does not come back as it was. */
  rollback(revision: number, options: ChangeOptions): Promise<ChangeSummary> {
    return this.#asJob(revisionSpec('rollback', revision, options.message), options, async (job) => {
      const known = await this.#held.known(options);
      if (known) return known;
      job?.enter('check');
      const net = await netChange(this.#store, this.revision, revision);
      // Users stay: who may do what is never brought back from the past.
      const others = net.objects.filter(({ kind }) => kind !== 'User');
      const changes = changesOf(others.map(({ kind, key, after }) => ({ kind, key, value: after })));
      const message = `Roll back to revision ${revision}`;
      return applyChanges(this.#held, changes, { message, ...options, exact: true }, job, (proposal) =>
        notRestored(net, proposal, this.network),
      );
    });
  }

  /** What differs between two revisions; either may be the later one. */
  diff(from: number, to: number): Promise<Net> {
    return netChange(this.#store, from, to);
  }

  /** Ends the quarantine of inactive addresses of a pool: of all, or of those named. */
  release(
    pool: ObjectKey,
    addresses: readonly string[] | undefined,
    options: ChangeOptions,
  ): Promise<ChangeSummary> {
    return this.#asJob(releaseSpec(pool, addresses, options.message), options, (job) =>
      releaseAddresses(this.#held, pool, addresses, options, job),
    );
  }

  /** Notes that a secret was used now. */
  async noteUse(owner: string, name: string): Promise<void> {
    const now = this.#clock.wall();
    this.#held.secrets.note(owner, name, now);
    await this.#store.noteUse(owner, name, now);
  }

  history(filter: HistoryFilter): Promise<readonly Commit[]> {
    return this.#store.history(filter);
  }

  changes(since: number, limit?: number) {
    return this.#store.changes(since, limit);
  }

  /** Calls `handler` with every commit from now on, once it is durable and is what is held. The result stops it. */
  watch(handler: (commit: Commit) => void): () => void {
    return this.#watchers.add(handler);
  }

  /** Looks at the hosts, now, and says how far they are as they should be. Changes nothing. */
  look(hosts: readonly string[]): Promise<readonly Remediated[]> {
    return askHosts(this.#hosts(), hosts, { repair: false });
  }

  /** Asks the hosts what they have counted. Never rejects: those that do not answer are named. */
  count(hosts: readonly string[]): Promise<Counts> {
    return countHosts(this.#hosts(), hosts);
  }

  /** Makes the hosts as they should be, as a job. */
  remediate(hosts: readonly string[], initiator: string): Remediation {
    return remediationJob(this.jobs, this.#hosts(), hosts, { initiator });
  }

  /** Finishes the change under way and closes the store. */
  async close(): Promise<void> {
    await this.#held.idle();
    await this.jobs.close();
    await this.#store.close();
  }

  /** When it is its turn: one change at a time. */
  #asJob(
    spec: ChangeJobSpec,
    options: ChangeOptions,
    change: (job: JobContext | undefined) => Promise<ChangeSummary>,
  ): Promise<ChangeSummary> {
    return this.#changeJobs.answer(spec, options, (job) =>
      this.#held.decide(async () => {
        job?.signal.throwIfAborted();
        return change(job);
      }),
    );
  }

  #hosts() {
    return { network: this.network, feed: this.feed, clock: this.#clock };
  }
}

/** What a commit that takes others back asks for. */
function changesOf(writes: TransactionChanges['objects']): Change[] {
  return writes.map(({ kind, key, value }): Change => {
    if (value === null) return { delete: `${kind}/${key}` as ObjectKey };
    return { object: readStored(kind, key, value).object };
  });
}

function deltaOf(proposal: Proposal): PolicyDelta {
  return {
    changes: proposal.records.map(({ before, after }) => {
      const { scope, record } = (after ?? before)!;
      return { scope, key: recordKey(record), ...(after ? { record: after.record } : {}) };
    }),
  };
}
