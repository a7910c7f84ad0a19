/** The routes about hosts, over a lab with real agents. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Accounts } from '../access/accounts.ts';
import { systemClock } from '../base/clock.ts';
import type { Comparison } from '../controller/fabric/compare.ts';
import type { HostCompliance } from '../controller/fabric/compliance.ts';
import type { Remediated } from '../controller/fabric/remediate.ts';
import { Lab } from '../lab/lab.ts';
import { createApi } from './api.ts';
import { blueRed, TOKEN } from './fixture.ts';

let lab: Lab;
let app: Awaited<ReturnType<typeof createApi>>;

beforeAll(async () => {
  lab = await Lab.open({ objects: blueRed(), version: '1.0' });
  const { controller } = lab;
  const accounts = new Accounts({ controller, clock: systemClock, token: TOKEN });
  app = await createApi({ controller, accounts, clock: systemClock, version: '1.0' });
});
afterAll(async () => {
  await app.close();
  await lab.close();
});

async function ask<T>(method: 'GET' | 'POST', url: string, body?: object) {
  const response = await app.inject({
    method,
    url: `/api/v1${url}`,
    headers: { authorization: `Bearer ${TOKEN}` },
    ...(body === undefined ? {} : { payload: body }),
  });
  return { status: response.statusCode, body: response.json() as T };
}

interface Items<T> {
  readonly items: readonly T[];
}
interface Answer {
  readonly job?: number;
  readonly state?: string;
  readonly hosts: readonly Remediated[];
}
interface Problem {
  readonly findings: readonly { readonly code: string; readonly message: string }[];
}

describe('compliance and remediation', () => {
  it('are told of the hosts named, or of all, as they were found last or are found now', async () => {
    const before = await ask<Items<HostCompliance>>('GET', '/compliance');
    expect(before.body.items.map(({ host, level }) => [host, level])).toEqual([
      ['host1', 'unknown'],
      ['host2', 'unknown'],
    ]);
    const one = await ask<Items<HostCompliance>>('GET', '/compliance?host=host2&check=true');
    expect(one.body.items.map(({ host, level }) => [host, level])).toEqual([['host2', 'full']]);
    expect(one.body.items[0]?.checkedAt).toMatch(/^\d{4}-/);
    const both = await ask<Items<HostCompliance>>('GET', '/compliance?host=host2&host=host1');
    expect(both.body.items.map(({ host, level }) => [host, level])).toEqual([
      ['host2', 'full'],
      ['host1', 'unknown'],
    ]);
  });

  it('are a look with dryRun, and a job without', async () => {
    const { agent, soft } = lab.fabric.hosts.get('host1')!;
    const [name] = [...soft.switches.keys()];
    await soft.switches.get(name!)!.applyFlows({ add: [], remove: agent.flows().slice(0, 3) });
    const dry = await ask<Answer>('POST', '/remediate', { all: true, dryRun: true });
    expect(dry.body.hosts.map(({ host, level, repaired }) => [host, level, repaired])).toEqual([
      ['host1', 'partial', []],
      ['host2', 'full', []],
    ]);
    expect(dry.body.job).toBeUndefined();
    const done = await ask<Answer>('POST', '/remediate', { hosts: ['host1'] });
    expect(done.body).toMatchObject({ state: 'succeeded', hosts: [{ host: 'host1', level: 'full' }] });
    expect(done.body.hosts[0]?.repaired.length).toBeGreaterThan(0);
    const job = await ask<object>('GET', `/jobs/${done.body.job}`);
    expect(job.body).toMatchObject({ kind: 'remediate', title: 'Remediate host host1', state: 'succeeded' });
    const host = await ask<object>('GET', '/hosts/host1');
    expect(host.body).toMatchObject({
      status: { compliance: { level: 'full' }, agent: { version: '1.0', engine: 'softswitch' } },
    });
  });

  it('name every host that there is not, and want hosts to be named', async () => {
    const unknown = await ask<Problem>('POST', '/remediate', { hosts: ['nobody', 'host1', '__proto__'] });
    expect([unknown.status, unknown.body.findings.map(({ message }) => message)]).toEqual([
      404,
      ['There is no host "nobody".', 'There is no host "__proto__".'],
    ]);
    expect((await ask<Problem>('GET', '/compliance?host=x%0Ay')).status).toBe(404);
    const none = await ask<Problem>('POST', '/remediate', {});
    expect([none.status, none.body.findings[0]?.code]).toEqual([400, 'field-missing']);
  });
});

describe('comparison and hints', () => {
  it('compare hosts by group, by name, or all', async () => {
    const all = await ask<Items<Comparison>>('GET', '/host-comparison');
    const [group] = all.body.items;
    expect(group?.hosts).toEqual(['host1', 'host2']);
    const name = group!.of.replace('host group ', '');
    const one = await ask<Items<Comparison>>('GET', `/host-comparison?group=${encodeURIComponent(name)}`);
    expect(one.body.items).toEqual(all.body.items);
    const named = await ask<Items<Comparison>>('GET', '/host-comparison?host=host1&host=host2');
    expect(named.body.items).toMatchObject([{ of: 'the hosts named', differences: group?.differences }]);
    expect((await ask<Problem>('GET', '/host-comparison?group=Nowhere')).status).toBe(404);
  });

  it('say what could be better', async () => {
    const { body } = await ask<Items<{ code: string; severity: string }>>('GET', '/hints');
    expect(body.items).toContainEqual(expect.objectContaining({ code: 'guest-mtu', severity: 'warning' }));
  });
});
