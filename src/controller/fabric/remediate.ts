/** Looks at hosts, and makes them as they should be: what is asked of the agents, and what came of it. */
import type { Clock } from '../../base/clock.ts';
import { type Finding, finding } from '../../base/error.ts';
import { isKind } from '../../model/kinds.ts';
import type { HostStatus, PolicyFeed } from '../../stream/feed.ts';
import type { JobBook, JobOutcome, JobSpec, RunningJob } from '../jobs/book.ts';
import type { JobContext } from '../jobs/run.ts';
import type { NetworkView } from '../network.ts';
import { complianceOfHost, type HostCompliance } from './compliance.ts';

/** What was done on one host, and how it is then. */
export interface Remediated extends HostCompliance {
  /** What was not as it should be and was repaired, in words. */
  readonly repaired: readonly string[];
}

interface Hosts {
  readonly network: NetworkView;
  readonly feed: PolicyFeed;
  readonly clock: Clock;
}

export interface AskOptions {
  /** Repair what differs; otherwise look only. */
  readonly repair: boolean;
  readonly signal?: AbortSignal;
  /** Told of each host as soon as it has answered, or cannot. */
  readonly onHost?: (result: Remediated) => void;
}

/** How long a connected host may take to answer, in milliseconds. */
const ANSWER_LIMIT_MS = 60_000;

/**
 * Asks the hosts, all at the same time; one that does not answer in time is as it was before. Rejects only when aborted.
 */
export function askHosts(
  hosts: Hosts,
  names: readonly string[],
  { repair, signal, onHost }: AskOptions,
): Promise<readonly Remediated[]> {
  return Promise.all(
    names.map(async (name) => {
      const result = await askHost(hosts, name, repair, signal);
      onHost?.(result);
      return result;
    }),
  );
}

async function askHost(
  { network, feed, clock }: Hosts,
  name: string,
  repair: boolean,
  signal: AbortSignal | undefined,
): Promise<Remediated> {
  const late = new AbortController();
  const cancel = clock.after(ANSWER_LIMIT_MS, () => late.abort());
  const either = signal ? AbortSignal.any([signal, late.signal]) : late.signal;
  let status: HostStatus | undefined;
  try {
    [status] = await feed.check([name], { repair }, either);
  } catch {
    signal?.throwIfAborted();
    status = feed.statusOf(name);
  } finally {
    cancel();
  }
  const host = network.fact(`Host/${name}`);
  const object = isKind(host, 'Host') ? host : undefined;
  const is: HostCompliance = object
    ? complianceOfHost(network, object, status)
    : {
        host: name,
        level: 'unknown',
        reasons: [`There is no host ${name} any more.`],
        connected: false,
        parts: [],
      };
  const answered = repair && status?.connected === true && !late.signal.aborted;
  const repaired = answered ? (status?.report?.repaired ?? []) : [];
  const overdue = late.signal.aborted ? ['The agent has not answered in time.'] : [];
  return {
    ...is,
    ...(overdue.length > 0 ? { level: 'unknown' } : {}),
    reasons: [...overdue, ...is.reasons],
    repaired: repaired.map(({ words }) => words),
  };
}

/** What keeps hosts from being as they should be, after a remediation. */
function unremedied(results: readonly Remediated[]): readonly Finding[] {
  return results
    .filter(({ level }) => level !== 'full')
    .map(({ host, level, reasons }) =>
      finding(
        level === 'unknown' ? 'host-silent' : 'drift-remains',
        `Host/${host}`,
        reasons.join(' '),
        level === 'unknown'
          ? 'See whether the machine runs and reaches the controller; a host that comes back gets its policy by itself.'
          : 'What a person has to do stands in the reasons: cables, NICs, or what is missing in the description.',
      ),
    );
}

/**
 * Repairs hosts as a job, with what was repaired on each in its log. It has failed where a host is not as it should be
 * afterwards; the hosts that are, stay repaired.
 */
export function remediationJob(
  jobs: JobBook,
  hosts: Hosts,
  names: readonly string[],
  by: { readonly initiator: string; readonly retryOf?: number },
): Remediation {
  const results: Remediated[] = [];
  const what = names.length === 1 ? `host ${names[0]}` : `${names.length} hosts`;
  const spec: JobSpec = {
    kind: REMEDIATE,
    title: `Remediate ${what}`,
    ...by,
    objects: names.map((name) => `Host/${name}`),
    steps: ['repair'],
    request: { hosts: names },
  };
  const running = jobs.run(spec, (job) =>
    job.step('repair', async () => {
      results.push(...(await carryOut(job, hosts, names)));
      return outcomeOf(results);
    }),
  );
  return { ...running, results };
}

/** A job that repairs hosts. */
export interface Remediation extends RunningJob {
  /** What came of each host; there when the job is done. */
  readonly results: readonly Remediated[];
}

/** Says how remediation is tried again; hosts that are gone by then are left out. */
export function registerRemediation(jobs: JobBook, hosts: () => Hosts): void {
  jobs.onRetry(REMEDIATE, async (request, { initiator, check }, retryOf) => {
    const named = Array.isArray(request.hosts) ? request.hosts : [];
    const names = named.filter((name) => typeof name === 'string' && hosts().network.get(`Host/${name}`));
    for (const name of names) check(`Host/${name}`);
    return remediationJob(jobs, hosts(), names as string[], { initiator, retryOf });
  });
}

/** The kind of these jobs. */
const REMEDIATE = 'remediate';

function carryOut(job: JobContext, hosts: Hosts, names: readonly string[]): Promise<readonly Remediated[]> {
  let done = 0;
  return askHosts(hosts, names, {
    repair: true,
    signal: job.signal,
    onHost: ({ host, repaired }) => {
      job.progress(++done, names.length, 'hosts');
      for (const words of repaired) job.log(`${host}: repaired: ${words}`);
    },
  });
}

function outcomeOf(results: readonly Remediated[]): JobOutcome {
  const repaired = results.reduce((sum, each) => sum + each.repaired.length, 0);
  const findings = unremedied(results);
  const good = results.length - findings.length;
  const summary = `${repaired} ${repaired === 1 ? 'difference' : 'differences'} repaired; ${good} of ${results.length} ${results.length === 1 ? 'host' : 'hosts'} fully compliant.`;
  return { summary, findings };
}
