/** A job while it is carried out: what its work says of itself becomes the job that people see. */
import type { Finding } from '../../base/error.ts';
import type { Job, JobStep, LogLine } from './job.ts';

/** What the work of a job is given. All of it is for people to see, but for `signal`. */
export interface JobContext {
  readonly id: number;
  /**
   * Aborted when somebody cancels the job, and when the controller stops. Work that takes its time looks at it between
   * its steps (`signal.throwIfAborted()`), takes back what it has begun, and throws what it was aborted with.
   */
  readonly signal: AbortSignal;
  /** Carries out one step; the first one makes the job `running`. A step that throws has failed, and so has the job. */
  step<T>(name: string, work: () => T | Promise<T>): Promise<T>;
  /** Ends the running step and begins another, without looking at `signal`; for what cannot stop between them. */
  enter(name: string): void;
  /** How the running step goes, in a few words. Replaces what was said before. */
  say(message: string): void;
  /** `done` of `total` of what (`hosts`) the running step has behind it. */
  progress(done: number, total: number, what: string): void;
  log(text: string, level?: LogLine['level']): void;
  /** From here on it cannot be cancelled: what it does is about to hold. */
  seal(): void;
}

/** How many lines a job keeps: the first ones, which say how it began, and the latest ones. */
const MAX_LINES = 200;

export class JobRun implements JobContext {
  readonly #abort = new AbortController();
  readonly #publish: (job: Job) => void;
  readonly #now: () => string;
  #job: Job;
  #isSealed = false;

  /** `publish` is told of the job whenever it has changed; `now` is the time, ISO 8601. */
  constructor(job: Job, publish: (job: Job) => void, now: () => string) {
    this.#job = job;
    this.#publish = publish;
    this.#now = now;
  }

  get id(): number {
    return this.#job.id;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get isSealed(): boolean {
    return this.#isSealed;
  }

  async step<T>(name: string, work: () => T | Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    this.enter(name);
    const result = await work();
    this.#end('succeeded');
    return result;
  }

  enter(name: string): void {
    if (this.#job.steps.some((s) => s.name === name && s.state === 'running')) return;
    this.#end('succeeded');
    const startedAt = this.#now();
    const { progress: _ofTheStepBefore, ...job } = this.#job;
    this.#job = job;
    this.#update({
      steps: begun(job.steps, { name, state: 'running', startedAt }),
      ...(job.state === 'queued' ? { state: 'running', startedAt } : {}),
    });
  }

  say(message: string): void {
    this.#update({ steps: this.#job.steps.map((s) => (s.state === 'running' ? { ...s, message } : s)) });
  }

  progress(done: number, total: number, what: string): void {
    this.#update({ progress: { done, total, what } });
  }

  log(text: string, level: LogLine['level'] = 'info'): void {
    const lines = [...this.#job.log, { time: this.#now(), level, text }];
    if (lines.length > MAX_LINES) lines.splice(MAX_LINES / 2, 1);
    this.#update({ log: lines });
  }

  seal(): void {
    this.#isSealed = true;
    this.#update({ cancellable: false });
  }

  /** What is known of the result before the end. */
  note(known: Pick<Job, 'revision'>): void {
    this.#update(known);
  }

  abort(reason: unknown): void {
    this.#abort.abort(reason);
  }

  /** The end. Steps that were not come to are skipped. */
  finish(
    state: Job['state'],
    result: { readonly summary?: string; readonly findings: readonly Finding[] },
  ): void {
    const { summary, findings } = result;
    if (state === 'succeeded') this.#end('succeeded');
    else this.#end('failed', findings[0]?.message ?? summary);
    for (const found of findings) {
      this.log(
        `${found.path ? `${found.path}: ` : ''}${found.message} ${found.remedy}`.trim(),
        found.severity,
      );
    }
    const { progress: _shownWhileItRuns, ...job } = this.#job;
    this.#job = job;
    this.#update({
      ...(summary === undefined ? {} : { summary }),
      findings: findings.map(({ source: _inAFile, ...found }) => found),
      steps: job.steps.map((s) => (s.state === 'waiting' ? { ...s, state: 'skipped' } : s)),
      state,
      endedAt: this.#now(),
      cancellable: false,
    });
  }

  #end(state: 'succeeded' | 'failed', message?: string): void {
    if (!this.#job.steps.some((s) => s.state === 'running')) return;
    const ended = { state, endedAt: this.#now(), ...(message === undefined ? {} : { message }) };
    this.#update({ steps: this.#job.steps.map((s) => (s.state === 'running' ? { ...s, ...ended } : s)) });
  }

  #update(change: Partial<Job>): void {
    this.#job = { ...this.#job, ...change };
    this.#publish(this.#job);
  }
}

/** The steps with this one begun; those before it that were not come to were left out. */
function begun(steps: readonly JobStep[], step: JobStep): JobStep[] {
  const at = steps.findIndex((s) => s.name === step.name && s.state === 'waiting');
  if (at < 0) return [...steps, step];
  return steps
    .with(at, step)
    .map((s, i) => (i < at && s.state === 'waiting' ? { ...s, state: 'skipped' } : s));
}
