/**
 * The jobs of a controller: those that run, and the latest ones that are over. Whoever has work that takes its time
 * hands it in with `run`; see CONTRIBUTING.md, "How to add a job".
 */
import type { Clock } from '../../base/clock.ts';
import { type Finding, finding, NetloomError } from '../../base/error.ts';
import { canonicalJson, type JsonObject, type Plain } from '../../base/json.ts';
import type { ObjectKey } from '../../model/definition.ts';
import type { JobWrite, Store, StoredJob } from '../../store/contract.ts';
import type { Change } from '../change.ts';
import { isOver, type Job, jobSchema } from './job.ts';
import { Ledger } from './ledger.ts';
import { type JobContext, JobRun } from './run.ts';

/** What is known of a job before it begins. */
export interface JobSpec {
  /** One word of the operator's: `migrate`. */
  readonly kind: string;
  /** What it does: `Move VirtualMachine/blue1 to host2`. */
  readonly title: string;
  readonly initiator: string;
  /** The tenant whose job it is; without one only administrators see it. */
  readonly tenant?: string;
  /** Keys of the objects concerned. */
  readonly objects?: readonly string[];
  /** The steps, in order; see `JobContext.step`. */
  readonly steps: readonly string[];
  /**
   * What was asked for: enough to carry it out again (`onRetry`). Without one it cannot be retried. A function where it
   * may be large: it is called when the job has come to nothing, and what it gives is not kept before that.
   */
  readonly request?: JsonObject | (() => JsonObject);
  readonly retryOf?: number;
}

/** What came of the work; with an error among the findings the job has failed. */
export interface JobOutcome {
  readonly summary?: string;
  readonly findings?: readonly Finding[];
}

export interface RunningJob {
  readonly id: number;
  /** The job when it is over and stored. Never rejects: a job that failed says so itself. */
  readonly done: Promise<Job>;
}

/** Who asks for another try. */
export interface Retrier {
  readonly initiator: string;
  readonly tenant?: string;
  /** Throws unless the initiator may change the object of this key. */
  readonly check: (key: ObjectKey) => void;
  /** What was asked for as the initiator may ask for it now: parts of it may have been what was there then. */
  readonly rewrite?: (changes: readonly Change[]) => readonly Change[];
}

export interface JobFilter {
  readonly limit: number;
  /** Only jobs with a smaller id: the next page. */
  readonly before?: number;
  readonly passes: (job: Job) => boolean;
}

interface Entry {
  job: Job;
  request?: JsonObject;
  run?: JobRun;
}

/** Told of a job whenever it has changed, and of one that is no longer kept. */
export type JobWatcher = (job: Job, gone: boolean) => void;

/** How many jobs are kept besides those that run, and for how long. */
const MAX_JOBS = 1000;
const MAX_AGE_MS = 30 * 24 * 3600 * 1000;
/** Requests that are kept for another try: the latest ones of jobs that came to nothing, and none that is longer. */
const MAX_REQUESTS = 64;
const MAX_REQUEST_LENGTH = 256 * 1024;
/** How long work may take to stop when the controller does, in milliseconds. */
const CLOSE_LIMIT_MS = 5000;
/** How many of the objects concerned are named. */
const MAX_OBJECTS = 100;

const NOTHING: JobOutcome = { summary: 'There was nothing to change.' };

/** Why a job was aborted. */
class Aborted extends Error {
  readonly state: 'cancelled' | 'interrupted';
  constructor(state: 'cancelled' | 'interrupted', message: string) {
    super(message);
    this.state = state;
  }
}

export class JobBook {
  readonly #clock: Clock;
  readonly #ledger: Ledger;
  /** By id, so from old to new. */
  readonly #entries = new Map<number, Entry>();
  readonly #running = new Map<number, Promise<Job>>();
  readonly #watchers = new Set<JobWatcher>();
  readonly #retries = new Map<
    string,
    (request: JsonObject, by: Retrier, of: number) => Promise<RunningJob>
  >();
  #next = 1;
  /** How many of the entries are over. */
  #over = 0;
  /** Jobs that are over and whose request is kept, from old to new. */
  readonly #retryable = new Set<number>();

  private constructor(store: Store, clock: Clock) {
    this.#clock = clock;
    this.#ledger = new Ledger(store, clock, (id) => {
      const entry = this.#entries.get(id);
      return entry && storedOf(entry);
    });
  }

  /** With what the store holds. Jobs that ran when the controller was stopped are told as interrupted. */
  static async open(store: Store, clock: Clock): Promise<JobBook> {
    const book = new JobBook(store, clock);
    for (const stored of await store.jobs()) book.#load(stored);
    book.#forgetOld();
    return book;
  }

  /**
   * Carries out work as a job. It is `queued` until its first step begins. What the work throws is why the job failed;
   * `nothing`, as its result, says that there was nothing to do, and leaves no job behind.
   */
  run(spec: JobSpec, work: (context: JobContext) => Promise<JobOutcome | 'nothing'>): RunningJob {
    const { run, entry } = this.#open(spec);
    const done = this.#carryOut(run, entry, spec, work);
    this.#running.set(run.id, done);
    void done.then(() => this.#running.delete(run.id));
    return { id: run.id, done };
  }

  get(id: number): Job | undefined {
    return this.#entries.get(id)?.job;
  }

  /** From new to old. */
  list({ limit, before, passes }: JobFilter): Job[] {
    const jobs: Job[] = [];
    for (const { job } of [...this.#entries.values()].reverse()) {
      if (jobs.length >= limit) break;
      if ((before === undefined || job.id < before) && passes(job)) jobs.push(job);
    }
    return jobs;
  }

  /** The job whose commit it was; undefined when it is no longer kept. */
  ofRevision(revision: number): Job | undefined {
    for (const { job } of [...this.#entries.values()].reverse()) if (job.revision === revision) return job;
    return undefined;
  }

  /** Asks a job to stop, and gives it when it has. Refused (`job-state`) when it is over, or too far to stop. */
  async cancel(id: number, by: string): Promise<Job> {
    const { job, run } = this.#entry(id);
    const done = this.#running.get(id);
    if (!run || !done) {
      throw refused(`Job ${id} has ${job.state} already.`, 'There is nothing to cancel.');
    }
    if (!job.cancellable) {
      throw refused(
        `Job ${id} is too far to be cancelled: what it does holds already.`,
        job.revision === undefined
          ? 'Wait for its end.'
          : `Take it back with "netloom undo ${job.revision}".`,
      );
    }
    run.log(`${by} asked for the job to be cancelled.`);
    run.abort(new Aborted('cancelled', `It was cancelled by ${by}.`));
    return done;
  }

  /** Says how jobs of a kind are carried out again from what was asked for. */
  onRetry(kind: string, retry: (request: JsonObject, by: Retrier, of: number) => Promise<RunningJob>): void {
    this.#retries.set(kind, retry);
  }

  /** Carries out again what came to nothing, as a job of its own. Refused (`job-state`) for others. */
  async retry(id: number, by: Retrier): Promise<RunningJob> {
    const entry = this.#entry(id);
    const { job, request } = entry;
    const again = this.#retries.get(job.kind);
    if (!isOver(job) || job.state === 'succeeded') {
      throw refused(`Job ${id} is ${job.state}.`, 'Only what failed or was cancelled can be tried again.');
    }
    if (!request && job.revision !== undefined) {
      throw refused(
        `Job ${id} is committed as revision ${job.revision}, so there is nothing to do again.`,
        'Agents go on trying by themselves; "netloom describe host NAME" says how far a host is.',
      );
    }
    if (!request || !again) {
      throw refused(
        `What job ${id} was asked for is not kept.`,
        'Ask for it again as the first time; only the latest requests, and none above 256 KiB, are kept.',
      );
    }
    const running = await again(request, by, id);
    entry.job = { ...entry.job, retriedBy: running.id };
    this.#publish(entry);
    return running;
  }

  watch(handler: JobWatcher): () => void {
    const watcher: JobWatcher = (job, gone) => handler(job, gone);
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** A running job as it is to be stored with its commit. */
  stored(id: number): JobWrite | undefined {
    const entry = this.#entries.get(id);
    return entry && storedOf(entry);
  }

  /** What a running job has come to, before it is over: its commit. */
  note(id: number, known: Pick<Job, 'revision'>): void {
    this.#entries.get(id)?.run?.note(known);
  }

  /** Everything that was told so far is in the store, if the store takes it. */
  flush(): Promise<void> {
    return this.#ledger.flush();
  }

  /**
   * Interrupts what runs, waits for it to have stopped, and stores all of it. Work that does not look at its signal is
   * left behind after a while; the next start tells its job as interrupted.
   */
  async close(): Promise<void> {
    const reason = new Aborted('interrupted', 'The controller was stopped.');
    for (const { run } of this.#entries.values()) run?.abort(reason);
    const late = Promise.withResolvers<void>();
    const cancelTimer = this.#clock.after(CLOSE_LIMIT_MS, late.resolve);
    await Promise.race([Promise.all(this.#running.values()), late.promise]);
    cancelTimer();
    this.#watchers.clear();
    await this.flush();
  }

  #open(spec: JobSpec): { run: JobRun; entry: Entry } {
    const { kind, title, initiator, tenant, objects = [], request, retryOf } = spec;
    const job: Job = {
      id: this.#next++,
      kind,
      title,
      initiator,
      ...(tenant === undefined ? {} : { tenant }),
      state: 'queued',
      createdAt: this.#now(),
      objects: objects.slice(0, MAX_OBJECTS),
      objectCount: objects.length,
      steps: spec.steps.map((name) => ({ name, state: 'waiting' })),
      log: [],
      findings: [],
      cancellable: true,
      ...(retryOf === undefined ? {} : { retryOf }),
      retryable: false,
    };
    const entry: Entry = { job, ...(typeof request === 'object' ? { request } : {}) };
    const publish = (changed: Job) => {
      entry.job = changed;
      this.#publish(entry);
    };
    const run = new JobRun(job, publish, () => this.#now());
    entry.run = run;
    this.#entries.set(job.id, entry);
    this.#publish(entry);
    return { run, entry };
  }

  async #carryOut(
    run: JobRun,
    entry: Entry,
    spec: JobSpec,
    work: (context: JobContext) => Promise<JobOutcome | 'nothing'>,
  ): Promise<Job> {
    // Whoever handed it in knows its number before it begins.
    await Promise.resolve();
    try {
      const outcome = await work(run);
      if (outcome === 'nothing' && spec.retryOf === undefined) {
        this.#forget(entry);
        return entry.job;
      }
      const { findings = [], ...rest } = outcome === 'nothing' ? NOTHING : outcome;
      const hasFailed = findings.some(({ severity }) => severity === 'error');
      run.finish(hasFailed ? 'failed' : 'succeeded', { ...rest, findings });
    } catch (thrown) {
      const { reason } = run.signal;
      if (run.signal.aborted && reason instanceof Aborted) {
        run.log(reason.message, 'warning');
        run.finish(reason.state, { summary: reason.message, findings: [] });
      } else run.finish('failed', { findings: shownFindings(thrown) });
    }
    this.#ended(entry, spec);
    // Its number may have been told to nobody yet but who waits here; after this it is never given to another job.
    if (entry.job.state !== 'succeeded') await this.flush();
    return entry.job;
  }

  #ended(entry: Entry, { request }: JobSpec): void {
    const { state, revision, kind, id } = entry.job;
    const holds = entry.run?.isSealed && revision !== undefined;
    delete entry.run;
    delete entry.request;
    this.#over += 1;
    if (state !== 'succeeded' && !holds && this.#retries.has(kind)) {
      const asked = typeof request === 'function' ? request() : request;
      if (asked && canonicalJson(asked).length <= MAX_REQUEST_LENGTH) entry.request = asked;
    }
    if (entry.request) this.#retryable.add(id);
    entry.job = { ...entry.job, retryable: entry.request !== undefined };
    this.#publish(entry);
    this.#forgetOld();
  }

  #load({ id, revision, value }: StoredJob): void {
    const { request, ...rest } = value;
    // A job that is not understood is a story that cannot be told; nothing else depends on it.
    const read = jobSchema.safeParse({ ...(revision === null ? {} : { revision }), ...rest });
    this.#next = Math.max(this.#next, id + 1);
    if (!read.success) return;
    const kept = isJsonObject(request) ? { request } : {};
    const entry: Entry = { job: isOver(read.data) ? read.data : this.#interrupted(read.data, kept), ...kept };
    this.#entries.set(id, entry);
    this.#over += 1;
    if (entry.job.retryable) this.#retryable.add(id);
    if (entry.job !== read.data) this.#ledger.changed(id);
  }

  #interrupted(job: Job, { request }: Pick<Entry, 'request'>): Job {
    const { revision, cancellable } = job;
    const text =
      revision === undefined
        ? 'The controller was stopped before anything was committed: nothing was changed by it.'
        : `The controller was stopped after revision ${revision} was committed: ${cancellable ? 'what was to come after that was not done' : 'it holds, and hosts get it when they connect'}.`;
    const { progress: _ofThen, ...rest } = job;
    const at = this.#now();
    return {
      ...rest,
      state: 'interrupted',
      endedAt: at,
      summary: text,
      cancellable: false,
      log: [...job.log, { time: at, level: 'warning', text }],
      steps: job.steps.map((step) => {
        if (step.state === 'running')
          return { ...step, state: revision === undefined ? 'failed' : 'succeeded' };
        return step.state === 'waiting' ? { ...step, state: 'skipped' } : step;
      }),
      retryable: request !== undefined,
    };
  }

  /** Those that run are kept whatever their age. */
  #forgetOld(): void {
    const oldest = this.#clock.wall() - MAX_AGE_MS;
    for (const entry of this.#entries.values()) {
      if (entry.run) continue;
      const isOld = Date.parse(entry.job.endedAt ?? entry.job.createdAt) < oldest;
      if (this.#over <= MAX_JOBS && !isOld) break;
      this.#over -= 1;
      this.#forget(entry);
    }
    for (const id of this.#retryable) {
      if (this.#retryable.size <= MAX_REQUESTS) break;
      this.#retryable.delete(id);
      const entry = this.#entries.get(id)!;
      delete entry.request;
      entry.job = { ...entry.job, retryable: false };
      this.#publish(entry);
    }
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.job.id);
    this.#retryable.delete(entry.job.id);
    this.#ledger.forget(entry.job.id);
    for (const watcher of [...this.#watchers]) watcher(entry.job, true);
  }

  #publish({ job }: Entry): void {
    this.#ledger.changed(job.id);
    for (const watcher of [...this.#watchers]) watcher(job, false);
  }

  #entry(id: number): Entry {
    const entry = this.#entries.get(id);
    if (entry) return entry;
    throw new NetloomError([
      finding('not-found', '', `There is no job ${id}.`, 'See "netloom job list"; old jobs are forgotten.'),
    ]);
  }

  #now(): string {
    return new Date(this.#clock.wall()).toISOString();
  }
}

function storedOf({ job, request }: Entry): JobWrite {
  const plain: Plain<Job> = job;
  return { id: job.id, value: request ? { ...plain, request } : plain };
}

function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Nothing of the inside is shown: what a defect was stands in the log of the server. */
function shownFindings(thrown: unknown): readonly Finding[] {
  const { findings } = NetloomError.from(thrown);
  return findings.map((found) =>
    found.code === 'internal' ? { ...found, message: 'Something went wrong that should not have.' } : found,
  );
}

function refused(message: string, remedy: string): NetloomError {
  return new NetloomError([finding('job-state', '', message, remedy)]);
}
