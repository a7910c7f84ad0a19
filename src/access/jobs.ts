/** Jobs as they are seen: a tenant's user sees those of the tenant, without what they say of the fabric. */
import type { Job } from '../controller/jobs/job.ts';
import type { ObjectKey } from '../model/definition.ts';
import { tenantOfKey } from '../model/tenancy.ts';
import { seenFindings } from './answers.ts';
import type { View } from './view.ts';

/** The job in words for the principal; undefined where it is not there to be seen. */
export function seenJob(view: View, job: Job): Job | undefined {
  const { tenant } = view;
  if (tenant === undefined) return job;
  if (job.tenant !== tenant) return undefined;
  const objects = job.objects.filter((key) => view.owns(key as ObjectKey));
  const findings = seenFindings(
    view,
    job.findings.filter(({ code }) => code !== 'host-away'),
  );
  // How many hosts there are, and what each of them does, is the administrator's.
  const { progress: _ofHosts, ...rest } = job;
  return {
    ...rest,
    // Who of the administrators it was is not the tenant's business, as in the journal.
    initiator: tenantOfKey(job.initiator) === tenant ? job.initiator : 'administrator',
    ...(job.state === 'cancelled' ? { summary: 'It was cancelled.' } : {}),
    objects,
    findings,
    steps: job.steps.map(({ message: _ofTheFabric, ...step }) => step),
    log: findings.map(({ severity, message, remedy }) => ({
      time: job.endedAt ?? job.createdAt,
      level: severity,
      text: `${message} ${remedy}`.trim(),
    })),
  };
}
