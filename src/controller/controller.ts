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
 * (`src/store/sql/groups.ts`). Nothing of a change is told, no refusal either, before what it was decided on is durable.
 */
import { isInactiveRow } from '../allocate/quarantine.ts';
import type { Clock } from '../base/clock.ts';
import { type Finding, finding, NetloomError, throwIfErrors } from '../base/error.ts';
import type { ObjectKey } from '../model/definition.ts';
import { type ModelObject, objectKey, splitObjectKey } from '../model/kinds.ts';
import { recordKey } from '../policy/records.ts';
import { type PolicyDelta, PolicySet } from '../policy/set.ts';
import type { Commit, HistoryFilter, SecretWrite, Store, TransactionChanges } from '../store/contract.ts';
import { Watchers } from '../store/watchers.ts';
import { PolicyFeed } from '../stream/feed.ts';
import { type Change, type ChangeSummary, commitSummaries, handedOut, hostSummaries } from './change.ts';
import { type Expectations, editsOf, notThere, ownersThere, summaryOf } from './edits.ts';
import { explainEdit, type Lack, type Repair } from './explain.ts';
import { automaticNetworks } from './fabric/automatic.ts';
import { interruptions } from './fabric/bindings.ts';
import { type Counts, countHosts } from './fabric/counts.ts';
import {
  askHosts,
  type Remediated,
  type Remediation,
  registerRemediation,
  remediationJob,
} from './fabric/remediate.ts';
import { SelfHealing } from './fabric/self-healing.ts';
import { JobBook } from './jobs/book.ts';
import { type ChangeJobOptions, type ChangeJobSpec, ChangeJobs } from './jobs/change-jobs.ts';
import { logChange } from './jobs/change-log.ts';
import { applySpec, releaseSpec, revisionSpec } from './jobs/change-specs.ts';
import { Confirmations } from './jobs/confirmations.ts';
import type { Job } from './jobs/job.ts';
import { registerRetries } from './jobs/retries.ts';
import type { JobContext } from './jobs/run.ts';
import { adapt, load, rowsOf } from './load.ts';
import { stepsTakenBack } from './migration/guard.ts';
import { Migrations } from './migration/migrations.ts';
import type { Edit, Network, NetworkView, Proposal } from './network.ts';
import { effectsOf, portsByHost, worthNaming } from './plan/effects.ts';
import { notInactive } from './pool.ts';
import { type Net, netChange, notRestored } from './revisions.ts';
import { Secrets } from './secrets.ts';
import { readStored, writeStored } from './stored.ts';

export interface ChangeOptions extends ChangeJobOptions {
  /** Why, for the journal. */
  readonly message?: string;
  /** Makes it safe to send the same change again. */
  readonly requestId?: string;
  /** Passwords and tokens of users that are set or removed in the same commit. */
  readonly secrets?: readonly SecretWrite[];
  /** The change is a step of a migration (migration/migrations.ts); no other may write what it writes. */
  readonly migrates?: true;
  /** Nothing is made that the changes do not say (fabric/automatic.ts). */
  readonly exact?: true;
}

export interface ControllerOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** A random UUID each time. */
  readonly uuid: () => string;
}

export class Controller {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #uuid: () => string;
  #lookBelow: () => readonly Finding[] = () => [];
  /** Wall-clock milliseconds at which the monotonic clock was 0. */
  readonly #started: number;
  #network: Network;
  /** VMs that move from host to host. */
  readonly migrations = new Migrations(this);
  readonly feed: PolicyFeed;
  #revision: number;
  /** The latest revision that is durable; the ones after it are on their way to the disk, or lost. */
  #durableRevision: number;
  /** When revision `#revision` is durable and told; rejects with why it was lost. */
  #durable: Promise<void> = Promise.resolve();
  #isLost = false;
  /** Request id -> what became of the request, for the last ones. */
  readonly #requests = new Map<string, Commit>();
  // Not the store's own: it tells before the commit is what is held here.
  readonly #watchers = new Watchers();
  #work: Promise<unknown> = Promise.resolve();

  /** Passwords and tokens of users, to be read. */
  readonly secrets: Pick<Secrets, 'of' | 'get' | 'named'>;
  readonly #secrets: Secrets;

  /** Everything that takes its time; see CONTRIBUTING.md, "How to add a job". */
  readonly jobs: JobBook;
  readonly #changeJobs: ChangeJobs;

  private constructor(
    options: ControllerOptions,
    network: Network,
    revision: number,
    secrets: Secrets,
    jobs: JobBook,
  ) {
    this.#secrets = secrets;
    this.secrets = secrets;
    this.#store = options.store;
    this.#clock = options.clock;
    this.#started = options.clock.wall() - options.clock.now();
    this.#uuid = options.uuid;
    this.#network = network;
    this.#revision = revision;
    this.#durableRevision = revision;
    this.feed = new PolicyFeed({
      epoch: options.store.epoch,
      revision,
      policy: PolicySet.of(network.records()),
      wall: () => options.clock.wall(),
      onReport: (host, { drift }, asked) => {
        if (!asked) healing.reported(host, drift);
      },
    });
    this.jobs = jobs;
    this.#changeJobs = new ChangeJobs(jobs, new Confirmations(this.feed, this.#clock), (commit) =>
      this.feed.touchedBy(commit),
    );
    registerRetries(jobs, this);
    registerRemediation(jobs, () => this.#hosts());
    const healing = new SelfHealing({
      feed: this.feed,
      network: () => this.#network,
      remediate: (host) => this.remediate([host], 'netloom'),
    });
  }

  /** Starts from what the store holds. Refuses a store whose objects it does not understand. */
  static async open(options: ControllerOptions): Promise<Controller> {
    const { network, revision, adaptations } = await load({ ...options, now: options.clock.wall() });
    const adapted = await adapt(options, revision, adaptations);
    const secrets = new Secrets(await options.store.secrets());
    const jobs = await JobBook.open(options.store, options.clock);
    const controller = new Controller(options, network, adapted, secrets, jobs);
    await controller.#recallRequests();
    return controller;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Whether everything that is held is durable. Whoever shows something to the outside waits for it (`settled`). */
  get isSettled(): boolean {
    return this.#durableRevision === this.#revision;
  }

  /** Resolves when everything that is held is durable, at that moment. */
  async settled(): Promise<void> {
    while (!this.isSettled) {
      // What was lost is taken back when it is the turn of the next one.
      await this.#durable.catch(() => this.#enqueue(async () => {}));
    }
  }

  /** What is held and what it comes to, to be read. */
  get network(): NetworkView {
    return this.#network;
  }

  /**
   * Wall-clock milliseconds, as quarantines are measured: a wall clock that is set while the controller runs makes none
   * shorter or longer.
   */
  get time(): number {
    // Whole ones: the monotonic clock of a real machine has fractions, and what is stored has none.
    return Math.round(this.#started + this.#clock.now());
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
      this.#apply(changes, options, job),
    );
  }

  /** Everything that stands in the way of an object being like this, with what would repair it. Changes nothing. */
  explain(object: ModelObject, repair: Repair): Promise<readonly Lack[]> {
    const edit: Edit = { key: objectKey(object), object };
    return this.#decide(() => this.#unbroken(() => explainEdit(this.#network, edit, repair, this.time)));
  }

  /** Takes back one commit. Refused where later commits touched the same. */
  undo(revision: number, options: ChangeOptions): Promise<ChangeSummary> {
    return this.#asJob(revisionSpec('undo', revision, options.message), options, async (job) => {
      const known = await this.#known(options);
      if (known) return known;
      job?.enter('check');
      const inverse: TransactionChanges = await this.#store.undo(revision);
      const changes = changesOf(inverse.objects);
      const objects = changes.flatMap((change) => ('object' in change ? [change.object] : []));
      throwIfErrors(stepsTakenBack(objects, (object) => this.#network.get(objectKey(object))?.object));
      return this.#apply(changes, { message: inverse.message, ...options, exact: true }, job);
    });
  }

  /** Makes the objects as they were at a revision, in one change. Warns of what does not come back as it was. */
  rollback(revision: number, options: ChangeOptions): Promise<ChangeSummary> {
    return this.#asJob(revisionSpec('rollback', revision, options.message), options, async (job) => {
      const known = await this.#known(options);
      if (known) return known;
      job?.enter('check');
      const net = await netChange(this.#store, this.#revision, revision);
      // Users stay: who may do what is never brought back from the past.
      const others = net.objects.filter(({ kind }) => kind !== 'User');
      const changes = changesOf(others.map(({ kind, key, after }) => ({ kind, key, value: after })));
      const message = `Roll back to revision ${revision}`;
      return this.#apply(changes, { message, ...options, exact: true }, job, (proposal) =>
        notRestored(net, proposal, this.#network),
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
      this.#release(pool, addresses, options, job),
    );
  }

  /** Notes that a secret was used now. */
  async noteUse(owner: string, name: string): Promise<void> {
    const now = this.#clock.wall();
    this.#secrets.note(owner, name, now);
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
    await this.#work;
    await this.#durable.catch(() => {});
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
      this.#decide(async () => {
        job?.signal.throwIfAborted();
        return change(job);
      }),
    );
  }

  /** What became of the request when it came for the first time. */
  async #known({ requestId }: ChangeOptions): Promise<ChangeSummary | undefined> {
    const known = requestId === undefined ? undefined : this.#requests.get(requestId);
    if (!known) return undefined;
    // Which job it was is known by then.
    if (known.revision > this.#durableRevision) await this.#durable;
    return repeated(known, this.jobs.ofRevision(known.revision));
  }

  #hosts() {
    return { network: this.#network, feed: this.feed, clock: this.#clock };
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#work.then(async () => {
      if (this.#isLost) await this.#recover();
      return work();
    });
    this.#work = result.catch(() => {});
    return result;
  }

  /** Decides something when it is its turn, and tells what it came to when that rests on nothing that may still be lost. */
  async #decide<T>(work: () => Promise<T>): Promise<T> {
    const { decided, durable } = await this.#enqueue(async () => {
      const [decided] = await Promise.allSettled([work()]);
      return { decided, durable: this.#durable };
    });
    await durable;
    if (decided.status === 'rejected') throw decided.reason;
    return decided.value;
  }

  /** Goes back to what the store holds; nothing else was ever told to anybody. */
  async #recover(): Promise<void> {
    const { network, revision } = await load({ store: this.#store, uuid: this.#uuid, now: this.time });
    this.#secrets.load(await this.#store.secrets());
    await this.#recallRequests();
    this.#network = network;
    this.#revision = revision;
    this.#durableRevision = revision;
    this.#durable = Promise.resolve();
    this.#isLost = false;
  }

  /** `more`: further warnings of what the proposal comes to. */
  async #apply(
    changes: readonly Change[],
    options: ChangeOptions,
    job?: JobContext,
    more: (proposal: Proposal) => readonly Finding[] = () => [],
  ): Promise<ChangeSummary> {
    const known = await this.#known(options);
    if (known) return known;
    job?.enter('check');
    const {
      edits: asked,
      unchanged,
      expectations,
    } = editsOf(this.#network, changes, options.migrates === true);
    const automatic = options.exact ? undefined : automaticNetworks(this.#network, asked);
    const edits = [...asked, ...(automatic?.edits ?? [])];
    throwIfErrors(ownersThere(this.#network, options.secrets ?? [], edits));
    const interrupted = interruptions(this.#network, edits);
    const objects = edits.map((edit) => summaryOf(this.#network, edit));
    const proposal = await this.#propose(edits, job);
    try {
      throwIfErrors(proposal.findings);
      const effects = effectsOf(
        proposal.records,
        portsByHost(() => this.#network.records()),
      );
      const summary: ChangeSummary = {
        dryRun: options.dryRun === true,
        objects,
        unchanged,
        allocations: proposal.allocations,
        hosts: hostSummaries(proposal.records, this.#network.subscribersAfter(proposal)),
        effects: worthNaming(effects),
        effectCount: effects.length,
        findings: [...(automatic?.findings ?? []), ...interrupted, ...proposal.findings, ...more(proposal)],
      };
      if (options.dryRun || (edits.length === 0 && !options.secrets?.length)) {
        this.#network.discard();
        return summary;
      }
      if (job) logChange(job, summary);
      const commit = await this.#commit(edits, expectations, proposal, options, job);
      return { revision: commit.revision, ...summary };
    } catch (thrown) {
      this.#network.discard();
      throw thrown;
    }
  }

  async #release(
    pool: ObjectKey,
    addresses: readonly string[] | undefined,
    options: ChangeOptions,
    job: JobContext | undefined,
  ): Promise<ChangeSummary> {
    const known = await this.#known(options);
    if (known) return known;
    job?.enter('check');
    if (!this.#network.get(pool)) throwIfErrors([notThere(this.#network, pool)]);
    const { proposal, rest } = this.#network.proposeRelease(pool, addresses, this.time);
    try {
      throwIfErrors(rest.map((address) => notInactive(this.#network, pool, address)));
      const released = proposal.inactive.map(({ value }) => value);
      const summary: ChangeSummary = { ...NO_CHANGE, dryRun: options.dryRun === true, released };
      if (options.dryRun || released.length === 0) {
        this.#network.discard();
        return summary;
      }
      const message = options.message ?? releaseMessage(pool, released);
      const commit = await this.#commit([], new Map(), proposal, { ...options, message }, job);
      return { ...summary, revision: commit.revision };
    } catch (thrown) {
      this.#network.discard();
      throw thrown;
    }
  }

  /** A defect on the way leaves a network that is neither the old nor the new one; the store still has the old one. */
  async #unbroken<T>(work: () => T): Promise<T> {
    try {
      return work();
    } catch (thrown) {
      this.#network = (await load({ store: this.#store, uuid: this.#uuid, now: this.time })).network;
      throw thrown;
    }
  }

  #propose(edits: readonly Edit[], job: JobContext | undefined): Promise<Proposal> {
    return this.#unbroken(() => this.#network.propose(edits, this.time, (stage) => job?.enter(stage)));
  }

  async #commit(
    edits: readonly Edit[],
    expectations: Expectations,
    proposal: Proposal,
    options: ChangeOptions,
    job: JobContext | undefined,
  ): Promise<Commit> {
    job?.signal.throwIfAborted();
    job?.enter('commit');
    job?.seal();
    const ofJob = job && this.jobs.stored(job.id);
    const written = options.secrets ?? [];
    const secrets = [...written, ...this.#secrets.removedBy(edits, written)];
    const ids = new Map(edits.map(({ key }) => [key, this.#network.get(key)?.id ?? this.#uuid()]));
    const { commit, durable } = await this.#store.write({
      author: options.author,
      message: options.message ?? '',
      time: this.#clock.wall(),
      base: this.#revision,
      ...(options.requestId === undefined ? {} : { requestId: options.requestId }),
      objects: edits.map(({ key, object }) => {
        const { kind, key: name } = splitObjectKey(key)!;
        const expect = expectations.get(key);
        return {
          kind,
          key: name,
          value: object ? writeStored(object, ids.get(key)!) : null,
          ...(expect === undefined ? {} : { expect }),
        };
      }),
      allocations: rowsOf(proposal),
      ...(ofJob ? { job: ofJob } : {}),
      ...(secrets.length > 0 ? { secrets } : {}),
    });
    const { revision } = commit;
    // The store knows a request that was forgotten here: it was carried out long ago, and this change is not its.
    if (revision <= this.#revision) throw new NetloomError([requestUsed(options.requestId, revision)]);
    this.#revision = revision;
    this.#remember(commit);
    this.#network.keep(edits, revision, (key) => ids.get(key)!, proposal);
    this.#secrets.keep(secrets);
    this.#durable = durable.then(
      () => {
        this.#durableRevision = revision;
        if (job) this.jobs.note(job.id, { revision });
        this.feed.publish(revision, deltaOf(proposal));
        this.#watchers.tell(commit);
      },
      (thrown) => {
        this.#isLost = true;
        throw thrown;
      },
    );
    // Whoever decided on it waits for it.
    this.#durable.catch(() => {});
    return commit;
  }

  async #recallRequests(): Promise<void> {
    this.#requests.clear();
    const recent = await this.#store.history({ limit: REMEMBERED_REQUESTS });
    for (const commit of recent.toReversed()) this.#remember(commit);
  }

  #remember(commit: Commit): void {
    if (commit.requestId === undefined) return;
    this.#requests.set(commit.requestId, commit);
    for (const oldest of this.#requests.keys()) {
      if (this.#requests.size <= REMEMBERED_REQUESTS) break;
      this.#requests.delete(oldest);
    }
  }
}

function releaseMessage(pool: ObjectKey, released: readonly string[]): string {
  const more = released.length - NAMED_ADDRESSES;
  const names = released.slice(0, NAMED_ADDRESSES).join(', ');
  return `release ${names}${more > 0 ? ` and ${more} more` : ''} of ${pool}`;
}

/** How many released addresses the journal names before it counts the others. */
const NAMED_ADDRESSES = 10;

/** How many requests can be sent again and get the answer that they got. */
const REMEMBERED_REQUESTS = 100;

const NO_CHANGE: ChangeSummary = {
  dryRun: false,
  objects: [],
  unchanged: [],
  allocations: [],
  hosts: [],
  effects: [],
  effectCount: 0,
  findings: [],
};

/** What a commit that takes others back asks for. */
function changesOf(writes: TransactionChanges['objects']): Change[] {
  return writes.map(({ kind, key, value }): Change => {
    if (value === null) return { delete: `${kind}/${key}` as ObjectKey };
    return { object: readStored(kind, key, value).object };
  });
}

function repeated(commit: Commit, job: Job | undefined): ChangeSummary {
  const { revision, objects, allocations } = commit;
  return {
    ...NO_CHANGE,
    revision,
    repeated: true,
    ...(job ? { job: job.id } : {}),
    objects: commitSummaries(commit),
    allocations: handedOut(commit),
    // A commit without objects is a release.
    ...(objects.length === 0
      ? { released: allocations.filter(isInactiveRow).map(({ owner }) => owner) }
      : {}),
  };
}

function requestUsed(requestId: string | undefined, revision: number): Finding {
  return finding(
    'conflict',
    '',
    `The request id ${JSON.stringify(requestId)} belongs to the request that became revision ${revision}.`,
    'Nothing was changed. Use a new id for a new request.',
  );
}

function deltaOf(proposal: Proposal): PolicyDelta {
  return {
    changes: proposal.records.map(({ before, after }) => {
      const { scope, record } = (after ?? before)!;
      return { scope, key: recordKey(record), ...(after ? { record: after.record } : {}) };
    }),
  };
}
