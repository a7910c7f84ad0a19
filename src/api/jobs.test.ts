import { afterEach, describe, expect, it } from 'vitest';
import type { Job } from '../controller/jobs/job.ts';
import { openApi, type TestApi, TOKEN } from './fixture.ts';
import { openTenants } from './tenants-fixture.ts';

let api: Pick<TestApi, 'close'>;
const aborts: AbortController[] = [];
afterEach(async () => {
  for (const abort of aborts.splice(0)) abort.abort();
  await api.close();
});

const group = (name: string, more: object = {}) => ({ kind: 'HostGroup', name, ...more });
const jobsOf = (json: unknown) => (json as { items: Job[] }).items;

async function open() {
  const made = await openApi();
  api = made;
  const list = async (query: string) => jobsOf((await made.ask('GET', `/api/v1/jobs?${query}`)).json);
  return { ...made, list };
}

/** The blocks of a stream of events, one after the other. */
async function stream(url: string) {
  const abort = new AbortController();
  aborts.push(abort);
  const headers = { authorization: `Bearer ${TOKEN}` };
  const response = await fetch(url, { headers, signal: abort.signal });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  return async (): Promise<{ event: string; job: Job } | 'end'> => {
    while (!text.includes('\n\n')) {
      const { value, done } = await reader.read();
      if (done) return 'end';
      text += value;
    }
    const [block = '', ...rest] = text.split('\n\n');
    text = rest.join('\n\n');
    const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1] ?? '';
    return { event: field('event'), job: JSON.parse(field('data')) as Job };
  };
}

describe('a change', () => {
  it('is answered with its job, whichever way it is asked for', async () => {
    const { ask, controller } = await open();
    const applied = await ask('POST', '/api/v1/apply', { objects: [group('a')] });
    expect(applied.json).toMatchObject({ revision: 1, job: 1 });
    const made = await ask('POST', '/api/v1/host-groups', group('b'));
    expect([made.status, made.headers['netloom-job']]).toEqual([201, '2']);
    const url = '/api/v1/host-groups/b';
    const put = await ask('PUT', `${url}?wait=hosts`, group('b', { description: 'x' }));
    expect([put.status, put.headers['netloom-job']]).toEqual([200, '3']);
    expect((await ask('PUT', url, group('b', { description: 'x' }))).headers).not.toHaveProperty(
      'netloom-job',
    );
    expect((await ask('DELETE', url)).json).toMatchObject({ job: 5 });
    expect((await ask('POST', '/api/v1/undo/4')).json).toMatchObject({ job: 6 });
    expect((await ask('POST', '/api/v1/rollback/1')).json).toMatchObject({ job: 7 });
    expect(controller.revision).toBe(6);
  });

  it('that is refused is answered with the job that failed', async () => {
    const { ask } = await open();
    const refused = await ask('POST', '/api/v1/apply', { objects: [group('a', { parent: 'none' })] });
    expect([refused.status, refused.json]).toMatchObject([422, { job: 1 }]);
    expect((await ask('GET', '/api/v1/jobs/1')).json).toMatchObject({
      state: 'failed',
      retryable: true,
      findings: [{ code: 'reference-missing' }],
    });
  });

  it('can wait for the hosts, and says no to other waits', async () => {
    const { ask } = await open();
    const body = { objects: [group('a')] };
    expect((await ask('POST', '/api/v1/apply?wait=hosts', body)).json).toMatchObject({ job: 1 });
    expect((await ask('POST', '/api/v1/apply?wait=rain', body)).status).toBe(400);
  });
});

describe('jobs', () => {
  it('are listed from new to old, by page and by every filter', async () => {
    const { ask, list, clock } = await open();
    await ask('POST', '/api/v1/apply', { objects: [group('a'), group('b')] });
    clock.advance(60_000);
    await ask('POST', '/api/v1/apply', { objects: [group('c', { parent: 'none' })] });
    await ask('POST', '/api/v1/delete', { objects: ['HostGroup/a'] });
    await ask('POST', '/api/v1/undo/2');
    const ids = async (query: string) => (await list(query)).map(({ id }) => id);
    expect(await ids('')).toEqual([4, 3, 2, 1]);
    expect(await ids('limit=2')).toEqual([4, 3]);
    expect(await ids('limit=2&before=3')).toEqual([2, 1]);
    expect((await ask('GET', '/api/v1/jobs?limit=2')).json).toMatchObject({ next: 3 });
    expect((await ask('GET', '/api/v1/jobs?limit=4')).json).not.toHaveProperty('next');
    expect(await ids('state=failed')).toEqual([2]);
    expect(await ids('state=active')).toEqual([]);
    expect(await ids('kind=delete')).toEqual([3]);
    expect(await ids('initiator=operator&limit=1')).toEqual([4]);
    expect(await ids('initiator=ann')).toEqual([]);
    // The undo names no object; the journal knows what it touched.
    expect(await ids('object=HostGroup/a')).toEqual([4, 3, 1]);
    expect(await ids('object=HostGroup/c')).toEqual([2]);
    expect(await ids('object=HostGroup')).toEqual([4, 3, 2, 1]);
    expect(await ids('object=Host')).toEqual([]);
    expect(await ids(`since=${new Date(clock.wall() - 1000).toISOString()}`)).toEqual([4, 3, 2]);
    for (const wrong of ['state=dancing', 'since=yesterday', 'object=nothing', 'limit=0']) {
      expect((await ask('GET', `/api/v1/jobs?${wrong}`)).status, wrong).toBe(400);
    }
  });

  it('are cancelled and tried again, and refuse what is not possible', async () => {
    const { ask, controller } = await open();
    const spec = { kind: 'work', title: 'Wait', initiator: 'ann', steps: ['wait'] };
    controller.jobs.run(spec, async (job) => {
      await job.step('wait', () => {
        const { promise, reject } = Promise.withResolvers<void>();
        job.signal.addEventListener('abort', () => reject(job.signal.reason));
        return promise;
      });
      return {};
    });
    const cancelled = await ask('POST', '/api/v1/jobs/1/cancel');
    expect(cancelled.json).toMatchObject({ state: 'cancelled', summary: 'It was cancelled by operator.' });
    expect((await ask('POST', '/api/v1/jobs/1/cancel')).status).toBe(409);
    expect((await ask('POST', '/api/v1/jobs/1/retry')).status).toBe(409);
    await ask('POST', '/api/v1/apply', { objects: [group('a', { parent: 'b' })] });
    await ask('POST', '/api/v1/apply', { objects: [group('b')] });
    const again = await ask('POST', '/api/v1/jobs/2/retry');
    expect([again.status, again.headers.location]).toEqual([202, '/api/v1/jobs/4']);
    expect(controller.network.get('HostGroup/a')).toBeDefined();
    for (const url of ['/api/v1/jobs/99', '/api/v1/jobs/99/watch']) {
      expect((await ask('GET', url)).status).toBe(404);
    }
    for (const what of ['cancel', 'retry']) {
      expect((await ask('POST', `/api/v1/jobs/99/${what}`)).status).toBe(404);
    }
    expect((await ask('GET', '/api/v1/jobs/x')).status).toBe(400);
  });

  it('are told as they come along, and one to its end', async () => {
    const { app, ask, controller } = await open();
    const address = await app.listen({ host: '127.0.0.1', port: 0 });
    const gate = Promise.withResolvers<void>();
    const spec = { kind: 'work', title: 'Wait', initiator: 'ann', steps: ['wait', 'go'] };
    const { id } = controller.jobs.run(spec, async (job) => {
      await job.step('wait', () => gate.promise);
      await job.step('go', () => {});
      return { summary: 'Gone.' };
    });
    await new Promise((resolve) => setImmediate(resolve));
    const [one, all] = [
      await stream(`${address}/api/v1/jobs/${id}/watch`),
      await stream(`${address}/api/v1/jobs/watch`),
    ];
    expect(await one()).toMatchObject({ event: 'job', job: { id, state: 'running' } });
    expect(await all()).toMatchObject({ event: 'job', job: { id, state: 'running' } });
    await ask('POST', '/api/v1/apply', { objects: [group('a')] });
    for (let next = await all(); ; next = await all()) {
      if (next === 'end') throw new Error('it ended');
      expect(next.job.id).toBe(id + 1);
      if (next.job.state === 'succeeded') break;
    }
    gate.resolve();
    let last: Job | undefined;
    for (let next = await one(); next !== 'end'; next = await one()) last = next.job;
    expect(last).toMatchObject({ id, state: 'succeeded', summary: 'Gone.' });
    // What had nothing to do is not kept, and said to be gone.
    await ask('POST', '/api/v1/apply', { objects: [group('a')] });
    const events: string[] = [];
    while (!events.includes('gone')) {
      const next = await all();
      if (next === 'end') throw new Error('it ended');
      if (next.job.id === id + 2) events.push(next.event);
    }
    // One that is over already is told once.
    const late = await stream(`${address}/api/v1/jobs/${id}/watch`);
    expect(await late()).toMatchObject({ job: { state: 'succeeded' } });
    expect(await late()).toBe('end');
  });
});

describe('jobs of a tenant', () => {
  it('are seen by the tenant and by administrators, and by nobody else', async () => {
    const tenants = await openTenants();
    api = tenants;
    const pool = { kind: 'VmNetwork', name: 'more', logicalNetwork: 'Provider', isolation: 'virtualized' };
    const made = await tenants.as('tenant-administrator', 'POST', '/api/v1/apply', { objects: [pool] });
    const { job } = made.json as { job: number };
    const url = `/api/v1/jobs/${job}`;
    const own = await tenants.as('self-service', 'GET', url);
    expect(own.json).toMatchObject({
      id: job,
      tenant: 'red',
      initiator: 'red:boss',
      revision: expect.any(Number),
    });
    expect((await tenants.as('operator', 'GET', url)).json).toMatchObject({ id: job });
    const listed = jobsOf((await tenants.as('tenant-administrator', 'GET', '/api/v1/jobs')).json);
    expect(listed.map(({ tenant }) => tenant)).toEqual(listed.map(() => 'red'));
    expect(listed.map(({ id }) => id)).toContain(job);
    // The controller's own, and the administrator's: they are there, and not to be seen.
    const [first] = jobsOf((await tenants.as('operator', 'GET', '/api/v1/jobs?limit=1000')).json).slice(-1);
    expect(first?.tenant).toBeUndefined();
    for (const [method, path] of [
      ['GET', ''],
      ['POST', '/cancel'],
      ['POST', '/retry'],
      ['GET', '/watch'],
    ] as const) {
      const foreign = await tenants.as('tenant-administrator', method, `/api/v1/jobs/${first!.id}${path}`);
      const none = await tenants.as('tenant-administrator', method, `/api/v1/jobs/99999${path}`);
      expect(foreign.status).toBe(404);
      expect(foreign.text).toBe(none.text.replaceAll('99999', String(first!.id)));
    }
  });

  it('say nothing of the fabric', async () => {
    const tenants = await openTenants();
    api = tenants;
    const vm = { kind: 'VirtualMachine', name: 'vm1', vnics: [{ vmNetwork: 'web' }, { vmNetwork: 'web' }] };
    const done = await tenants.as('self-service', 'PUT', '/api/v1/virtual-machines/vm1?wait=hosts', vm);
    expect(done.status).toBe(200);
    const [{ id }] = jobsOf((await tenants.as('operator', 'GET', '/api/v1/jobs?limit=1')).json) as [Job];
    const whole = await tenants.as('operator', 'GET', `/api/v1/jobs/${id}`);
    expect(whole.text).toContain('host1');
    const seen = await tenants.as('self-service', 'GET', `/api/v1/jobs/${id}`);
    expect(seen.status).toBe(200);
    expect(seen.text).not.toContain('host1');
  });
});
