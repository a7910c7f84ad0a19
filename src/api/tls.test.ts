/** The API over real TLS on loopback: the cookie, the headers, and what is not spoken. */
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { certifyHost, certifyListener, makeAuthority, makeRequest } from '../identity/certificates.ts';
import { CONTROLLER_NAME } from '../identity/names.ts';
import { renewTls } from './api.ts';
import { openApi, type TestApi } from './fixture.ts';

let api: TestApi;
afterEach(() => api.close());

async function open() {
  const authority = await makeAuthority(Date.now());
  const { key, certificate } = await certifyListener(authority, Date.now());
  api = await openApi([], { tls: { key, cert: certificate }, names: [CONTROLLER_NAME] });
  await api.app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = api.app.server.address() as AddressInfo;
  const base = { host: '127.0.0.1', port, servername: CONTROLLER_NAME, ca: authority.certificate };
  const ask = (
    method: string,
    path: string,
    { body, headers = {} }: { body?: object; headers?: Readonly<Record<string, string>> } = {},
    tls: object = {},
  ) =>
    new Promise<{ status: number; headers: Readonly<Record<string, unknown>> }>((resolve, reject) => {
      const type = body ? { 'content-type': 'application/json' } : {};
      const asked = request(
        { ...base, ...tls, method, path, headers: { ...type, ...headers } },
        (response) => {
          response.resume();
          resolve({ status: response.statusCode ?? 0, headers: response.headers });
        },
      );
      asked.on('error', reject).end(body && JSON.stringify(body));
    });
  return { authority, base, port, ask };
}

describe('the API over TLS', () => {
  it('gives a session in a cookie that is for this host and for TLS alone, and takes it back', async () => {
    const { ask, port } = await open();
    const code = api.accounts.setup.make();
    const made = await ask('POST', '/api/v1/setup', {
      body: { code, user: 'ann', password: 'a long enough password 7' },
    });
    expect(made.status).toBe(201);
    const [set] = made.headers['set-cookie'] as string[];
    expect(set).toMatch(/^__Host-netloom=[^;]+; Path=\/; HttpOnly; SameSite=Strict; Secure; Max-Age=\d+$/);
    expect(made.headers['strict-transport-security']).toBe('max-age=31536000');
    const [cookie] = set!.split(';');
    const own = `127.0.0.1:${port}`;
    expect((await ask('GET', '/api/v1/whoami', { headers: { cookie: cookie! } })).status).toBe(200);
    const bare = cookie!.replace('__Host-', '');
    expect((await ask('GET', '/api/v1/whoami', { headers: { cookie: bare } })).status).toBe(401);
    const logout = (origin: string) =>
      ask('POST', '/api/v1/logout', { headers: { cookie: cookie!, origin, host: own } });
    expect((await logout(`http://${own}`)).status).toBe(403);
    expect((await logout(`https://${own}`)).status).toBe(204);
  });

  it('is not spoken in TLS 1.2, nor in plain text, and a certificate of a host says nothing', async () => {
    const { ask, authority, port } = await open();
    expect((await ask('GET', '/healthz')).status).toBe(200);
    await expect(ask('GET', '/healthz', {}, { maxVersion: 'TLSv1.2' })).rejects.toThrow();
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
    const { key, request: csr } = await makeRequest();
    const cert = await certifyHost(authority, 'h1', csr, Date.now());
    expect((await ask('GET', '/api/v1/status', {}, { key, cert })).status).toBe(401);
  });

  it('goes on in TLS 1.3 alone when its certificate is renewed', async () => {
    const { ask } = await open();
    const other = await makeAuthority(Date.now());
    const { key, certificate } = await certifyListener(other, Date.now());
    renewTls(api.app, { key, cert: certificate });
    const ca = other.certificate;
    expect((await ask('GET', '/healthz', {}, { ca })).status).toBe(200);
    await expect(ask('GET', '/healthz', {}, { ca, maxVersion: 'TLSv1.2' })).rejects.toThrow();
  });
});
