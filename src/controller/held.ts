/**
 * What the controller holds of what the store has: the network, the secrets, the latest requests, at one revision. One change at a
 * time is decided on it, and what is decided holds here at once; it is told when it is durable, and taken back where it was lost.
 *
 *     decide -> propose -> commit ---- durable ---> whoever was named to be told
 *                  |                      +--- lost: the network of the store, when it is the turn of the next one
 *                  +--- refused: discard
 */
import type { Clock } from '../base/clock.ts';
import { NetloomError } from '../base/error.ts';
import { splitObjectKey } from '../model/kinds.ts';
import type { Commit, Store } from '../store/contract.ts';
import type { ChangeSummary } from './change.ts';
import type { ChangeOptions } from './change-options.ts';
import type { Expectations } from './edits.ts';
import { JobBook } from './jobs/book.ts';
import type { JobContext } from './jobs/run.ts';
import { adapt, load, rowsOf } from './load.ts';
import type { Edit, Network, Proposal } from './network.ts';
import { Requests, repeated, requestUsed } from './requests.ts';
import { Secrets } from './secrets.ts';
import { writeStored } from './stored.ts';

export interface HeldOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** A random UUID each time. */
  readonly uuid: () => string;
}

/** What is to be committed. */
interface Decided {
  readonly edits: readonly Edit[];
  readonly expectations: Expectations;
  readonly proposal: Proposal;
  readonly options: ChangeOptions;
  readonly job: JobContext | undefined;
}

export class HeldNetwork {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #uuid: () => string;
  /** Wall-clock milliseconds at which the monotonic clock was 0. */
  readonly #started: number;
  readonly jobs: JobBook;
  readonly #requests = new Requests();
  readonly secrets: Secrets;
  #network: Network;
  #revision: number;
  /** The latest revision that is durable; the ones after it are on their way to the disk, or lost. */
  #durableRevision: number;
  /** When revision `#revision` is durable and told; rejects with why it was lost. */
  #durable: Promise<void> = Promise.resolve();
  #isLost = false;
  #work: Promise<unknown> = Promise.resolve();
  #tell: (commit: Commit, proposal: Proposal) => void = () => {};

  private constructor(
    { store, clock, uuid }: HeldOptions,
    jobs: JobBook,
    secrets: Secrets,
    network: Network,
    revision: number,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#uuid = uuid;
    this.#started = clock.wall() - clock.now();
    this.jobs = jobs;
    this.secrets = secrets;
    this.#network = network;
    this.#revision = revision;
    this.#durableRevision = revision;
  }

  /** What the store holds. Refuses a store whose objects it does not understand. */
  static async open(options: HeldOptions): Promise<HeldNetwork> {
    const { store, clock } = options;
    const { network, revision, adaptations } = await load({ ...options, now: clock.wall() });
    const adapted = await adapt(options, revision, adaptations);
    const secrets = new Secrets(await store.secrets());
    const held = new HeldNetwork(options, await JobBook.open(store, clock), secrets, network, adapted);
    await held.#requests.recall(store);
    return held;
  }

  /** Says who is told of each commit once it is durable. Nobody is at first. */
  whenDurable(tell: (commit: Commit, proposal: Proposal) => void): void {
    this.#tell = tell;
  }

  get network(): Network {
    return this.#network;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Wall-clock milliseconds that never jump, as quarantines are measured. */
  get time(): number {
    // Whole ones: the monotonic clock of a real machine has fractions, and what is stored has none.
    return Math.round(this.#started + this.#clock.now());
  }

  /** Whether everything that is held is durable. */
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

  /** Resolves when nothing is under way any more. */
  async idle(): Promise<void> {
    await this.#work;
    await this.#durable.catch(() => {});
  }

  /** Decides something when it is its turn, and tells what it came to when that rests on nothing that may still be lost. */
  async decide<T>(work: () => Promise<T>): Promise<T> {
    const { decided, durable } = await this.#enqueue(async () => {
      const [decided] = await Promise.allSettled([work()]);
      return { decided, durable: this.#durable };
    });
    await durable;
    if (decided.status === 'rejected') throw decided.reason;
    return decided.value;
  }

  /** What became of the request when it came for the first time. */
  async known({ requestId }: ChangeOptions): Promise<ChangeSummary | undefined> {
    const known = this.#requests.get(requestId);
    if (!known) return undefined;
    // Which job it was is known by then.
    if (known.revision > this.#durableRevision) await this.#durable;
    return repeated(known, this.jobs.ofRevision(known.revision));
  }

  /** A defect on the way leaves a network that is neither the old nor the new one; the store still has the old one. */
  async unbroken<T>(work: () => T): Promise<T> {
    try {
      return work();
    } catch (thrown) {
      this.#network = (await this.#load()).network;
      throw thrown;
    }
  }

  /** What the edits come to. Either commit it, or `discard`. */
  propose(edits: readonly Edit[], job: JobContext | undefined): Promise<Proposal> {
    return this.unbroken(() => this.#network.propose(edits, this.time, (stage) => job?.enter(stage)));
  }

  /** Nothing becomes of what was proposed. */
  discard(): void {
    this.#network.discard();
  }

  /** Hands what was proposed to the store, and holds it from now on. */
  async commit({ edits, expectations, proposal, options, job }: Decided): Promise<Commit> {
    job?.signal.throwIfAborted();
    job?.enter('commit');
    job?.seal();
    const ofJob = job && this.jobs.stored(job.id);
    const written = options.secrets ?? [];
    const secrets = [...written, ...this.secrets.removedBy(edits, written)];
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
    this.#requests.remember(commit);
    this.#network.keep(edits, revision, (key) => ids.get(key)!, proposal);
    this.secrets.keep(secrets);
    this.#durable = durable.then(
      () => {
        this.#durableRevision = revision;
        if (job) this.jobs.note(job.id, { revision });
        this.#tell(commit, proposal);
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

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#work.then(async () => {
      if (this.#isLost) await this.#recover();
      return work();
    });
    this.#work = result.catch(() => {});
    return result;
  }

  /** Goes back to what the store holds; nothing else was ever told to anybody. */
  async #recover(): Promise<void> {
    const { network, revision } = await this.#load();
    this.secrets.load(await this.#store.secrets());
    await this.#requests.recall(this.#store);
    this.#network = network;
    this.#revision = revision;
    this.#durableRevision = revision;
    this.#durable = Promise.resolve();
    this.#isLost = false;
  }

  #load() {
    return load({ store: this.#store, uuid: this.#uuid, now: this.time });
  }
}
