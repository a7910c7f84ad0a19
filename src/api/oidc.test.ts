/** Logging in at a real provider of identities, on this machine. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Oidc, type OidcSettings } from '../access/oidc.ts';
import { FakeClock } from '../base/clock.ts';
import { openApi, type TestApi, TOKEN } from './fixture.ts';

vi.setConfig({ testTimeout: 30_000 });

let server: Server;
let issuer: string;
let api: TestApi;
let url: string;
let clock: FakeClock;

async function listening(of: Server): Promise<string> {
  await new Promise<void>((resolve) => of.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(of.address() as AddressInfo).port}`;
}

beforeEach(async () => {
  // The provider says on the console that it is one for development, which is what it is here.
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  vi.spyOn(console, 'info').mockImplementation(() => {});
  let handle: (...args: Parameters<ReturnType<Provider['callback']>>) => void = () => {};
  server = createServer((request, response) => handle(request, response));
  issuer = await listening(server);
  const settings = (at: string, more: Partial<OidcSettings> = {}): OidcSettings => ({
    issuer,
    clientId: 'netloom',
    clientSecret: 'a-secret-of-the-client',
    url: at,
    claim: 'sub',
    users: { 'account-1': 'ann', 'account-2': 'nobody' },
    ...more,
  });
  // The API listens before its provider knows where, so the redirect is told to both afterwards.
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  clock = new FakeClock();
  api = await openApi([], { oidc: new Oidc(settings(url), clock) });
  await api.app.listen({ host: '127.0.0.1', port });
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: 'netloom',
        client_secret: 'a-secret-of-the-client',
        redirect_uris: [`${url}/login/oidc/callback`],
      },
    ],
    pkce: { required: () => true },
    cookies: { keys: ['key'] },
  });
  handle = provider.callback();
  const user = { kind: 'User', name: 'ann', role: 'fabric-administrator' };
  expect((await api.ask('POST', '/api/v1/users', user)).status).toBe(201);
});

afterEach(async () => {
  await api.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  vi.restoreAllMocks();
});

async function freePort(): Promise<number> {
  const probe = createServer();
  const at = new URL(await listening(probe));
  await new Promise((resolve) => probe.close(resolve));
  return Number(at.port);
}

/** A browser, as far as it takes one: follows redirects and keeps cookies. */
class Browser {
  readonly #cookies = new Map<string, string>();

  async go(to: string, form?: Record<string, string>): Promise<{ status: number; at: string; text: string }> {
    let at = new URL(to);
    let body = form && new URLSearchParams(form);
    for (let hops = 0; hops < 10; hops++) {
      const cookie = [...this.#cookies]
        .filter(([key]) => key.startsWith(at.origin))
        .map(([, value]) => value);
      const response = await fetch(at, {
        redirect: 'manual',
        method: body ? 'POST' : 'GET',
        headers: { cookie: cookie.join('; ') },
        ...(body ? { body } : {}),
      });
      for (const set of response.headers.getSetCookie()) {
        const [pair = ''] = set.split(';');
        this.#cookies.set(`${at.origin} ${pair.split('=')[0]}`, pair);
      }
      const next = response.headers.get('location');
      if (next === null) return { status: response.status, at: at.href, text: await response.text() };
      at = new URL(next, at);
      body = undefined;
    }
    throw new Error('it goes round and round');
  }

  get session(): string | undefined {
    return this.#cookies.get(`${url} netloom`);
  }

  forget(): void {
    for (const key of this.#cookies.keys()) if (key.endsWith('netloom-oidc')) this.#cookies.delete(key);
  }
}

/** From /login/oidc through both pages of the provider; stops in front of the way back. */
async function atProvider(browser: Browser, account: string) {
  const page = await browser.go(`${url}/login/oidc`);
  expect(page.at).toContain(`${issuer}/interaction/`);
  const consent = await browser.go(page.at, { prompt: 'login', login: account, password: 'x' });
  return consent.at;
}

async function login(browser: Browser, account: string) {
  return browser.go(await atProvider(browser, account), { prompt: 'consent' });
}

const whoami = async (cookie: string | undefined) => {
  const response = await fetch(`${url}/api/v1/whoami`, { headers: { cookie: cookie ?? '' } });
  return response.status === 200 ? await response.json() : response.status;
};

describe('an account at a provider', () => {
  it('logs the user in who is meant by it', async () => {
    const browser = new Browser();
    const { status, text } = await login(browser, 'account-1');
    expect([status, text.includes('content="0;url=/"')], text).toEqual([200, true]);
    expect(await whoami(browser.session)).toMatchObject({
      user: 'ann',
      role: 'fabric-administrator',
      by: 'session',
    });
  });

  it('that means nobody, or somebody who is gone or disabled, logs nobody in', async () => {
    for (const account of ['account-2', 'account-3', '__proto__']) {
      const browser = new Browser();
      expect(await login(browser, account)).toMatchObject({ status: 401 });
      expect(browser.session).toBeUndefined();
    }
    const disabled = { kind: 'User', name: 'ann', role: 'fabric-administrator', disabled: true };
    expect((await api.ask('PUT', '/api/v1/users/ann', disabled)).status).toBe(200);
    expect(await login(new Browser(), 'account-1')).toMatchObject({ status: 401 });
  });

  it('logs in the browser alone that began, once, and not for ever', async () => {
    // Somebody else's way back, given to this browser: it has not begun, so it is not logged in as them.
    const attacker = new Browser();
    const consent = await atProvider(attacker, 'account-1');
    attacker.forget();
    expect(await attacker.go(consent, { prompt: 'consent' })).toMatchObject({ status: 401 });
    const slow = new Browser();
    const waiting = await atProvider(slow, 'account-1');
    clock.advance(11 * 60_000);
    expect(await slow.go(waiting, { prompt: 'consent' })).toMatchObject({ status: 401 });
    const browser = new Browser();
    const { at } = await login(browser, 'account-1');
    expect(await browser.go(at)).toMatchObject({ status: 401 });
  });

  it('is not believed for what an address says', async () => {
    const browser = new Browser();
    await browser.go(`${url}/login/oidc`);
    for (const query of ['', '?code=x', '?code=x&state=y', '?error=access_denied', '?id_token=a.b.c']) {
      const { status, text } = await browser.go(`${url}/login/oidc/callback${query}`);
      expect([status, text.includes('login-failed')], query).toEqual([401, true]);
    }
  });
});

describe('without a provider', () => {
  it('there are no such addresses', async () => {
    const plain = await openApi();
    const { statusCode } = await plain.inject({
      url: '/login/oidc',
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    expect(statusCode).toBe(404);
    await plain.close();
  });
});
