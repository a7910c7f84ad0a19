/** Join tokens and certificates over the API; what they do is tested on real TLS (controller/agents/listener.test.ts). */
import { afterEach, describe, expect, it } from 'vitest';
import { makeRequest } from '../identity/certificates.ts';
import { readJoinToken } from '../identity/join-token.ts';
import { blueRed, openApi, type TestApi } from './fixture.ts';
import { openTenants } from './tenants-fixture.ts';

let api: TestApi;
afterEach(() => api.close());

const TOKENS = '/api/v1/hosts/host1/join-tokens';

async function makeToken(body: object = {}) {
  const { status, json } = await api.ask('POST', TOKENS, body);
  return { status, made: json as { id: string; token: string; expires: string; created: string } };
}

describe('join tokens', () => {
  it('are made once, listed without their secrets, and revoked', async () => {
    api = await openApi(blueRed());
    const { status, made } = await makeToken({ lifetimeSeconds: 600, url: 'https://192.0.2.1:7301' });
    expect(status).toBe(201);
    expect(Date.parse(made.expires) - Date.parse(made.created)).toBe(600_000);
    const { secret, ...read } = readJoinToken(made.token);
    expect(read).toMatchObject({ host: 'host1', id: made.id, url: 'https://192.0.2.1:7301' });
    const listed = await api.ask('GET', '/api/v1/join-tokens');
    expect(listed.json).toMatchObject({ items: [{ id: made.id, host: 'host1', author: 'operator' }] });
    const history = await api.ask('GET', '/api/v1/history');
    const jobs = await api.ask('GET', '/api/v1/jobs');
    for (const { text } of [listed, history, jobs]) expect(text).not.toContain(secret);
    expect(history.text).toContain(`join token ${made.id} of host1 made`);
    expect((await api.ask('DELETE', `/api/v1/join-tokens/${made.id}`)).status).toBe(204);
    expect((await api.ask('DELETE', `/api/v1/join-tokens/${made.id}`)).status).toBe(404);
    expect((await api.ask('GET', '/api/v1/join-tokens')).json).toEqual({ items: [] });
  });

  it('are refused for a host that there is not, for too long a time, and too many of them', async () => {
    api = await openApi(blueRed());
    expect((await api.ask('POST', '/api/v1/hosts/nobody/join-tokens', {})).status).toBe(404);
    for (const body of [
      { lifetimeSeconds: 5 },
      { lifetimeSeconds: 1e6 },
      { url: 'http://x' },
      { host: 'host2' },
    ])
      expect((await makeToken(body)).status).toBe(400);
    for (let made = 0; made < 10; made++) expect((await makeToken()).status).toBe(201);
    const { json } = await api.ask('POST', TOKENS, {});
    expect(json).toMatchObject({ findings: [{ code: 'quota-exceeded' }] });
    api.clock.advance(3_600_001);
    expect((await makeToken()).status).toBe(201);
  });
});

describe('certificates', () => {
  it('are listed, shown with the host, and revoked', async () => {
    api = await openApi(blueRed());
    const { made } = await makeToken();
    const { host, id, secret } = readJoinToken(made.token);
    const { request } = await makeRequest();
    await api.identities.enrol({ host, tokenId: id, secret, request });
    const list = async () =>
      (await api.ask('GET', '/api/v1/host-certificates?host=host1')).json as { items: { state: string }[] };
    expect((await list()).items).toMatchObject([{ host: 'host1', state: 'good' }]);
    expect((await api.ask('GET', '/api/v1/hosts/host1')).json).toMatchObject({
      status: { certificate: { state: 'good' }, agent: { connected: false } },
    });
    expect((await api.ask('POST', '/api/v1/hosts/host1/revoke', {})).json).toEqual({ revoked: 1 });
    expect((await list()).items).toMatchObject([{ state: 'revoked', revoked: { by: 'operator' } }]);
    expect((await api.ask('POST', '/api/v1/hosts/nobody/revoke', {})).status).toBe(404);
    expect((await api.ask('GET', '/api/v1/host-certificates?host=host2')).json).toEqual({ items: [] });
    const typo = await api.ask('GET', '/api/v1/host-certificates?host=nobody');
    expect([typo.status, typo.json]).toMatchObject([404, { findings: [{ code: 'not-found' }] }]);
  });
});

describe('a tenant', () => {
  it('learns nothing of who joins', async () => {
    const tenants = await openTenants();
    api = tenants;
    const before = await tenants.as('tenant-administrator', 'GET', '/api/v1/status');
    expect((await tenants.as('operator', 'POST', '/api/v1/hosts/hide/join-tokens', {})).status).toBe(201);
    // The control: somebody does learn of it.
    expect((await tenants.as('operator', 'GET', '/api/v1/history')).text).toContain('join token');
    const seen = ['/api/v1/history', '/api/v1/jobs', '/api/v1/join-tokens', '/api/v1/host-certificates'];
    for (const url of seen)
      expect((await tenants.as('tenant-administrator', 'GET', url)).text).not.toContain('join token');
    expect(await tenants.as('tenant-administrator', 'GET', '/api/v1/status')).toEqual(before);
  });
});

describe('a server with its hosts within itself', () => {
  it('says so', async () => {
    api = await openApi(blueRed(), { identities: undefined });
    const { status, json } = await api.ask('POST', TOKENS, {});
    expect([status, json]).toMatchObject([409, { findings: [{ code: 'agents-not-taken' }] }]);
  });
});
