/**
 * Changes as jobs:
 *
 *     check -> allocate -> compile -> commit -> hosts
 *                                       |         every host concerned has said what became of it
 *                                       the caller is answered, unless it wants to wait for the hosts
 *
 * A dry run is no job, and a change that finds everything as it should be leaves none behind.
 */
import { type Finding, finding, NetloomError } from '../../base/error.ts';
import type { JsonObject } from '../../base/json.ts';
import type { ChangeSummary } from '../change.ts';
import type { JobBook, JobOutcome, RunningJob } from './book.ts';
import type { Confirmations } from './confirmations.ts';
import type { JobContext } from './run.ts';

const CHANGE_STEPS = ['check', 'allocate', 'compile', 'commit', 'hosts'] as const;

export interface ChangeJobSpec {
  readonly kind: string;
  readonly title: string;
  readonly objects: readonly string[];
  /** What to ask for to carry it out again; absent where that must not be kept. */
  readonly request?: () => JsonObject;
}

/** How a caller wants its change to be carried out, as far as jobs are concerned. */
export interface ChangeJobOptions {
  /** Who asked for it. */
  readonly author: string;
  /** The tenant whose change it is; absent for those of the fabric. */
  readonly tenant?: string;
  /** What the job is called. Left out: after the objects that change. */
  readonly title?: string;
  /** Say what would happen and change nothing. */
  readonly dryRun?: boolean;
  /** The change is part of this job, and makes none of its own. */
  readonly job?: JobContext;
  /** It is another try of this one. */
  readonly retryOf?: number;
  /** Told of the job that the change is, before it begins. */
  readonly onJob?: (job: RunningJob) => void;
  /** Answer only when the hosts have answered. */
  readonly wait?: 'hosts';
}

type CarryOut = (job: JobContext | undefined) => Promise<ChangeSummary>;

export class ChangeJobs {
  readonly #book: JobBook;
  readonly #confirmations: Confirmations;
  /** The hosts that a revision concerns. */
  readonly #touchedBy: (revision: number) => readonly string[];

  constructor(
    book: JobBook,
    confirmations: Confirmations,
    touchedBy: (revision: number) => readonly string[],
  ) {
    this.#book = book;
    this.#confirmations = confirmations;
    this.#touchedBy = touchedBy;
  }

  /** What the change came to; rejects with the reasons for refusal. `change` is to carry it out, telling the job that it is given how it comes along. */
  async answer(spec: ChangeJobSpec, options: ChangeJobOptions, change: CarryOut): Promise<ChangeSummary> {
    if (options.dryRun) return change(undefined);
    const { job } = options;
    if (!job) return this.#start(spec, options, change);
    const summary = await change(partOf(job));
    return { ...summary, job: job.id };
  }

  /** The change as a job of its own. */
  #start(spec: ChangeJobSpec, options: ChangeJobOptions, change: CarryOut): Promise<ChangeSummary> {
    const { author, tenant, retryOf, wait, onJob } = options;
    const answer = Promise.withResolvers<ChangeSummary>();
    let failure: unknown;
    const work = async (job: JobContext): Promise<JobOutcome | 'nothing'> => {
      let summary: ChangeSummary;
      try {
        summary = await change(job);
      } catch (thrown) {
        failure = thrown;
        throw thrown;
      }
      if (summary.revision === undefined || summary.repeated) {
        answer.resolve(summary);
        return 'nothing';
      }
      const done = { ...summary, job: job.id };
      if (!wait) answer.resolve(done);
      const findings = await job.step('hosts', () => this.#hosts(job, summary.revision!));
      answer.resolve({ ...done, findings: [...summary.findings, ...findings] });
      return { summary: summaryText(summary), findings: [...summary.findings, ...findings] };
    };
    const running = this.#book.run(
      {
        ...spec,
        ...(options.title === undefined ? {} : { title: options.title }),
        initiator: author,
        steps: CHANGE_STEPS,
        ...(tenant === undefined ? {} : { tenant }),
        ...(retryOf === undefined ? {} : { retryOf }),
      },
      work,
    );
    // By then it is stored. What was committed is answered all the same when nobody waits for the hosts any longer.
    void running.done.then((job) => {
      answer.reject(failure instanceof NetloomError ? remembered(failure, job.id) : (failure ?? stopped()));
    });
    onJob?.(running);
    return answer.promise;
  }

  async #hosts(job: JobContext, revision: number): Promise<readonly Finding[]> {
    const hosts = this.#touchedBy(revision);
    if (hosts.length === 0) {
      job.say('no host is concerned');
      return [];
    }
    job.progress(0, hosts.length, 'hosts');
    const { confirmed, concerned, findings } = await this.#confirmations.wait(revision, hosts, {
      signal: job.signal,
      onProgress: (answered) => job.progress(answered, hosts.length, 'hosts'),
    });
    job.say(`${confirmed} of ${concerned} have it in force`);
    return findings;
  }
}

/** A job that a change is a part of has its own steps, and says itself until when it can be cancelled. */
function partOf(job: JobContext): JobContext {
  return {
    id: job.id,
    signal: job.signal,
    step: (_name, work) => Promise.resolve().then(work),
    enter: () => {},
    say: (message) => job.say(message),
    progress: (done, total, what) => job.progress(done, total, what),
    log: (text, level) => job.log(text, level),
    seal: () => {},
  };
}

const jobs = new WeakMap<NetloomError, number>();

/** Notes the job that an error is the end of, so that whoever answers can name it. */
function remembered(error: NetloomError, job: number): NetloomError {
  jobs.set(error, job);
  return error;
}

/** The job that ended with this error. */
export function jobOfError(error: NetloomError): number | undefined {
  const { cause } = error;
  return jobs.get(error) ?? (cause instanceof NetloomError ? jobs.get(cause) : undefined);
}

function summaryText({ revision, objects, released }: ChangeSummary): string {
  const count = (action: string, done: string) => {
    const number = objects.filter((object) => object.action === action).length;
    return number > 0 ? [`${number} ${done}`] : [];
  };
  const parts = [...count('create', 'created'), ...count('update', 'changed'), ...count('delete', 'deleted')];
  if (released && released.length > 0) parts.push(`${released.length} addresses released`);
  return `Revision ${revision}${parts.length > 0 ? `: ${parts.join(', ')}` : ''}.`;
}

function stopped(): NetloomError {
  return new NetloomError([
    finding(
      'store-unavailable',
      '',
      'The server was stopped before the hosts had answered; the change is committed.',
      'Look with "netloom job list" when it runs again.',
    ),
  ]);
}
