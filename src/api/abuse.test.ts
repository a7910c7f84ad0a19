/** What somebody can bring who knows how requests meet each other, and what is kept from before. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Principal } from '../access/principal.ts';
import { View } from '../access/view.ts';
import { readWrites } from '../access/writes.ts';
import { isKind } from '../model/kinds.ts';
import { openTenants, type Tenants } from './tenants-fixture.ts';

// Passwords take their time, by design.
vi.setConfig({ testTimeout: 60_000 });

let api: Tenants;
afterEach(() => api.close());

const PAGE = { host: 'localhost:7300', origin: 'http://localhost:7300' };
const GOOD = 'correct horse battery';
const ANN = { kind: 'User', name: 'ann', role: 'administrator' };

const operator = (method: string, url: string, body?: unknown) =>
  api.as('operator', method, `/api/v1${url}`, body);
const boss = (method: string, url: string, body?: unknown) =>
  api.as('tenant-administrator', method, `/api/v1${url}`, body);

async function withAnn(): Promise<void> {
  api = await openTenants();
  await operator('POST', '/users', ANN);
  expect((await operator('PUT', '/users/ann/password', { password: GOOD })).status).toBe(204);
}

async function cookieOf(user: string, password = GOOD): Promise<string> {
  const body = { user, password };
  const { headers } = await api.inject({
    method: 'POST',
    url: '/api/v1/login',
    headers: PAGE,
    payload: body,
  });
  return /^netloom=[^;]+/.exec(String(headers['set-cookie']))?.[0] ?? '';
}

async function whoami(headers: Record<string, string>): Promise<number> {
  const url = '/api/v1/whoami';
  return (await api.inject({ method: 'GET', url, headers: { ...PAGE, ...headers } })).statusCode;
}

describe('a session', () => {
  it('does not come back with a user of the same name', async () => {
    await withAnn();
    const cookie = await cookieOf('ann');
    expect(await whoami({ cookie })).toBe(200);
    await operator('DELETE', '/users/ann');
    await operator('POST', '/users', ANN);
    expect(await whoami({ cookie })).toBe(401);
  });

  it('does not come back with a user who is let in again', async () => {
    await withAnn();
    const cookie = await cookieOf('ann');
    await operator('PUT', '/users/ann', { ...ANN, disabled: true });
    await operator('PUT', '/users/ann', ANN);
    expect(await whoami({ cookie })).toBe(401);
    expect(await whoami({ cookie: await cookieOf('ann') })).toBe(200);
  });

  it('is not opened with a password that was changed while it was looked at', async () => {
    await withAnn();
    const login = api.accounts.login('ann', GOOD, '10.0.0.1');
    const secrets = [{ owner: 'User/ann', name: 'password', value: { changed: true } }];
    await api.controller.apply([], { author: 'ann', secrets });
    await expect(login).rejects.toMatchObject({ code: 'login-failed' });
  });
});

describe('what is set for a user', () => {
  it('is not inherited by the next one of the name, when the user is deleted meanwhile', async () => {
    await withAnn();
    // The hash takes its time, and the user goes in it.
    const set = api.accounts.setPassword('User/ann', 'another good password', { name: 'operator' });
    expect((await operator('DELETE', '/users/ann')).status).toBe(200);
    await expect(set).rejects.toMatchObject({ code: 'not-found' });
    await operator('POST', '/users', ANN);
    expect(await cookieOf('ann', 'another good password')).toBe('');
    // The same, one after the other, is how it goes well.
    await api.accounts.setPassword('User/ann', 'another good password', { name: 'operator' });
    expect(await cookieOf('ann', 'another good password')).not.toBe('');
  });

  it('is not more than anybody may have, however many ask at once', async () => {
    await withAnn();
    const user = api.controller.network.get('User/ann')?.object;
    if (!isKind(user, 'User')) throw new Error('there is no user ann');
    const wish = { description: 'x', days: 1 };
    const made = await Promise.allSettled(
      Array.from({ length: 60 }, () => api.accounts.tokens.create('User/ann', user, wish, 'ann')),
    );
    expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(50);
    expect(api.accounts.tokens.list('User/ann')).toHaveLength(50);
  });
});

describe('the code of the first start', () => {
  const claim = (code: string) =>
    api.inject({
      method: 'POST',
      url: '/api/v1/setup',
      headers: PAGE,
      payload: { code, user: 'mallory', password: GOOD },
    });

  it('is good for nothing once there is an administrator', async () => {
    await withAnn();
    const refused = await claim(api.accounts.setup.make());
    expect([refused.statusCode, refused.json().findings[0].code]).toEqual([403, 'setup-refused']);
    for (const name of ['ann', 'administrator']) await operator('DELETE', `/users/${name}`);
    expect((await claim(api.accounts.setup.make())).statusCode).toBe(201);
  });
});

describe('the link of the operator', () => {
  it('is not used up by whoever only looks what is behind it', async () => {
    api = await openTenants();
    const url = `/login?code=${api.accounts.link.make()}`;
    const look = await api.inject({ method: 'HEAD', url, headers: PAGE });
    expect(look.headers['set-cookie']).toBeUndefined();
    expect((await api.inject({ method: 'GET', url, headers: PAGE })).statusCode).toBe(303);
  });
});

describe('a token that is less than its user', () => {
  it('sees and ends nothing else that its user has', async () => {
    await withAnn();
    const cookie = await cookieOf('ann');
    const make = async (more: object) =>
      (await operator('POST', '/tokens', { user: 'ann', description: 'x', days: 1, ...more })).json as {
        id: string;
        token: string;
      };
    const full = await make({});
    const narrow = await make({ role: 'self-service', tenant: 'red' });
    const by = async ({ token }: { token: string }, method: 'GET' | 'DELETE', url: string) => {
      const headers = { ...PAGE, authorization: `Bearer ${token}` };
      const response = await api.inject({ method, url: `/api/v1${url}`, headers });
      return { status: response.statusCode, text: response.body };
    };
    const [session] = api.accounts.sessions(({ user }) => user === 'User/ann');
    const seen = [await by(narrow, 'GET', '/tokens'), await by(narrow, 'GET', '/sessions')];
    expect(seen.map(({ text }) => text).join()).not.toMatch(new RegExp(`${full.id}|${session?.id}`));
    expect(seen[0]?.text).toContain(narrow.id);
    expect((await by(narrow, 'DELETE', `/tokens/${full.id}`)).status).toBe(404);
    expect((await by(narrow, 'DELETE', `/sessions/${session?.id}`)).status).toBe(404);
    expect(await whoami({ cookie })).toBe(200);
    // One with all that the user has sees and ends the same.
    expect((await by(full, 'GET', '/tokens')).text).toContain(narrow.id);
    expect((await by(full, 'DELETE', `/sessions/${session?.id}`)).status).toBe(204);
    expect(await whoami({ cookie })).toBe(401);
    // And it can give itself up.
    expect((await by(narrow, 'DELETE', `/tokens/${narrow.id}`)).status).toBe(204);
  });
});

describe('a token for one tenant', () => {
  it('is not one for the next tenant of the name', async () => {
    await withAnn();
    const make = () =>
      operator('POST', '/tokens', { user: 'ann', description: 'x', role: 'self-service', tenant: 'green' });
    // Nor for one that there may be some day.
    expect((await make()).json).toMatchObject({ findings: [{ code: 'reference-missing' }] });
    const green = { kind: 'Tenant', name: 'green' };
    await operator('POST', '/tenants', green);
    const { token } = (await make()).json as { token: string };
    const authorization = `Bearer ${token}`;
    expect(await whoami({ authorization })).toBe(200);
    expect((await operator('DELETE', '/tenants/green')).status).toBe(200);
    expect(await whoami({ authorization })).toBe(401);
    await operator('POST', '/tenants', green);
    expect(await whoami({ authorization })).toBe(401);
  });
});

describe('a tenant’s change', () => {
  const QUARANTINE = { kind: 'PortAcl', name: 'quarantine', rules: [] };
  const web = { kind: 'VmNetwork', name: 'web', logicalNetwork: 'Provider', isolation: 'virtualized' };
  const BOSS: Principal = { name: 'red:boss', role: 'tenant-administrator', tenant: 'red', by: 'token' };
  const held = (key: 'VmNetwork/red:web' | 'VirtualMachine/red:vm1') =>
    api.controller.network.get(key)?.object as unknown;

  it('takes back nothing that the administrator did while it waited for its turn', async () => {
    api = await openTenants();
    expect((await operator('POST', '/port-acls', QUARANTINE)).status).toBe(201);
    const { controller } = api;
    const network = controller.network.get('VmNetwork/red:web')?.object;
    if (!isKind(network, 'VmNetwork')) throw new Error('there is no network');
    const view = new View(controller.network, BOSS);
    const [mine] = readWrites(view, controller.network, [{ ...web, description: 'mine' }]);
    if (!mine?.ok) throw new Error('it cannot be read');
    await controller.apply([{ object: { ...network, acls: ['quarantine'] } }], { author: 'op' });
    await controller.apply([mine.change], { author: 'red:boss', tenant: 'red' });
    expect(held('VmNetwork/red:web')).toMatchObject({ description: 'mine', acls: ['quarantine'] });
  });

  it('that is tried again says what the tenant said, on what is there by then', async () => {
    api = await openTenants();
    expect((await operator('POST', '/port-acls', QUARANTINE)).status).toBe(201);
    const taken = { vmNetwork: 'web', addresses: ['10.0.0.250'], acls: ['acl'] };
    const vm = (name: string) => ({ kind: 'VirtualMachine', name, vnics: [taken] });
    expect((await boss('POST', '/virtual-machines', vm('vm9'))).status).toBe(201);
    const failed = await boss('PUT', '/virtual-machines/vm1', vm('vm1'));
    expect(failed.status, failed.text).toBe(409);
    const { job } = failed.json as { job: number };
    // Meanwhile the administrator moves the machine, and closes its vNIC.
    const { object } = api.controller.network.get('VirtualMachine/red:vm1')!;
    if (!isKind(object, 'VirtualMachine')) throw new Error('there is no machine');
    const closed = object.vnics.map((vnic) => ({ ...vnic, acls: ['quarantine'] }));
    const moved = [{ object: { ...object, host: 'host2', vnics: closed } }];
    await api.controller.apply(moved, { author: 'op' });
    expect((await boss('DELETE', '/virtual-machines/vm9')).status).toBe(200);
    const again = await boss('POST', `/jobs/${job}/retry`);
    expect(again.status, again.text).toBe(202);
    await vi.waitFor(() =>
      expect(held('VirtualMachine/red:vm1')).toMatchObject({ vnics: [{ addresses: ['10.0.0.250'] }] }),
    );
    expect(held('VirtualMachine/red:vm1')).toMatchObject({
      host: 'host2',
      vnics: [{ acls: ['quarantine', 'red:acl'] }],
    });
  });

  it('of a field that is the administrator’s is refused, and no defect', async () => {
    api = await openTenants();
    const pool = { kind: 'IpPool', name: 'p', from: '10.7.0.201', to: '10.7.0.210', prefix: '10.7.0.0/24' };
    const { status, json } = await boss('POST', '/ip-pools', {
      ...pool,
      logicalNetwork: 'Office',
      site: 'Rack 1',
    });
    expect([status, json]).toMatchObject([403, { findings: [{ code: 'field-forbidden' }, {}, {}] }]);
  });

  it('is explained also where a name is that of nothing, or of nothing that is seen', async () => {
    api = await openTenants();
    const explain = async (vmNetwork: string) => {
      const body = { vmNetwork, subnet: 'front' };
      const { status, json } = await boss('POST', '/virtual-machines/vm1/explain', body);
      return JSON.parse(JSON.stringify({ status, json }).replaceAll(vmNetwork, 'NAME')) as unknown;
    };
    const answer = await explain('gone');
    expect(answer).toMatchObject({
      status: 200,
      json: { missing: [{ repair: { kind: 'VmNetwork', name: 'NAME', tenant: 'red' } }, {}, {}] },
    });
    expect(await explain('hide')).toEqual(answer);
    const foreign = await explain('blue:web');
    expect(foreign).toMatchObject({ status: 200, json: { missing: [{ finding: {} }] } });
    expect(await explain('blue:gone')).toEqual(foreign);
  });

  it('does not say which of the administrators was concerned with it', async () => {
    await withAnn();
    const { token } = (
      await operator('POST', '/tokens', {
        user: 'ann',
        description: 'x',
        role: 'tenant-administrator',
        tenant: 'red',
      })
    ).json as { token: string };
    const headers = { ...PAGE, authorization: `Bearer ${token}` };
    const payload = { ...web, name: 'new' };
    expect(
      (await api.inject({ method: 'POST', url: '/api/v1/vm-networks', headers, payload })).statusCode,
    ).toBe(201);
    const seen = await boss('GET', '/jobs');
    expect(seen.json).toMatchObject({ items: [{ initiator: 'administrator' }] });
    expect(seen.text).not.toContain('ann');
    expect((await operator('GET', '/jobs?limit=1')).json).toMatchObject({ items: [{ initiator: 'ann' }] });
  });

  it('does not answer a request of the administrator’s', async () => {
    api = await openTenants();
    const group = { objects: [{ kind: 'HostGroup', name: 'new' }], requestId: 'red:r' };
    const network = { objects: [{ ...web, name: 'new' }], requestId: 'r' };
    expect((await boss('POST', '/apply', network)).status).toBe(200);
    const made = await operator('POST', '/apply', group);
    expect(made.json).toMatchObject({ objects: [{ key: 'HostGroup/new' }] });
    expect(made.json).not.toHaveProperty('repeated');
  });
});

describe('what was refused', () => {
  const refusals = async (who: 'operator' | 'tenant-administrator' | 'blue') =>
    ((await api.as(who, 'GET', '/api/v1/refusals')).json as { items: Record<string, unknown>[] }).items;

  it('is told to the administrator, and to a tenant what its own users were refused', async () => {
    await withAnn();
    expect(await refusals('operator')).toEqual([]);
    for (let i = 0; i < 3; i++) expect(await cookieOf('ann', 'wrong wrong wrong')).toBe('');
    expect(await cookieOf('red:boss', 'wrong wrong wrong')).toBe('');
    // A password in the wrong field is not to be read by others.
    expect(await cookieOf(GOOD, 'ann')).toBe('');
    expect((await boss('POST', '/hosts', { kind: 'Host', name: 'h' })).status).toBe(403);
    expect((await api.as('anonymous', 'GET', '/api/v1/hosts/hide')).status).toBe(401);
    const all = await refusals('operator');
    expect(all.map(({ code, user, count, request }) => [code, user, count, request])).toEqual([
      ['token-missing', undefined, 1, 'GET /api/v1/hosts/:name'],
      ['forbidden', 'red:boss', 1, 'POST /api/v1/hosts'],
      ['login-failed', undefined, 1, 'POST /api/v1/login'],
      ['login-failed', 'red:boss', 1, 'POST /api/v1/login'],
      ['login-failed', 'ann', 3, 'POST /api/v1/login'],
    ]);
    expect(JSON.stringify(all)).not.toContain(GOOD);
    expect((await refusals('tenant-administrator')).map(({ user, code }) => [user, code])).toEqual([
      ['red:boss', 'forbidden'],
      ['red:boss', 'login-failed'],
    ]);
    expect(await refusals('blue')).toEqual([]);
    expect((await api.as('self-service', 'GET', '/api/v1/refusals')).status).toBe(403);
  });
});

describe('streams', () => {
  it('are so many for one user, and as many again for the next', async () => {
    api = await openTenants();
    const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
    const abort = new AbortController();
    const open = async (who: 'self-service' | 'tenant-administrator') => {
      const headers = { authorization: `Bearer ${api.tokenOf(who)}` };
      return (await fetch(`${address}/api/v1/watch`, { headers, signal: abort.signal })).status;
    };
    try {
      const opened = await Promise.all(Array.from({ length: 70 }, () => open('self-service')));
      expect(opened.filter((status) => status === 200)).toHaveLength(64);
      expect(opened.filter((status) => status === 429)).toHaveLength(6);
      expect(await open('tenant-administrator')).toBe(200);
    } finally {
      abort.abort();
    }
  });
});
