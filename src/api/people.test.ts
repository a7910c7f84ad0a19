import { afterEach, describe, expect, it, vi } from 'vitest';
import { openApi, type TestApi, TOKEN } from './fixture.ts';

// Passwords take their time, by design.
vi.setConfig({ testTimeout: 60_000 });

let api: TestApi;
afterEach(() => api.close());

const HOST = { host: 'localhost:7300' };
const PAGE = { ...HOST, origin: 'http://localhost:7300' };
const GOOD = 'correct horse battery';

interface Reply {
  readonly status: number;
  readonly code: string | undefined;
  readonly cookie: string | undefined;
  readonly json: Record<string, unknown>;
  readonly text: string;
  readonly retryAfter: unknown;
}

async function ask(
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  url: string,
  { body, headers = {}, from }: { body?: object; headers?: Record<string, string>; from?: string } = {},
): Promise<Reply> {
  const response = await api.inject({
    method,
    url: `/api/v1${url}`,
    headers: { ...HOST, ...headers },
    ...(body ? { payload: body } : {}),
    ...(from ? { remoteAddress: from } : {}),
  });
  const set = String(response.headers['set-cookie'] ?? '');
  const json = response.body.startsWith('{') ? (JSON.parse(response.body) as Record<string, unknown>) : {};
  const [first] = (json.findings ?? []) as { code: string }[];
  return {
    status: response.statusCode,
    code: first?.code,
    cookie: /^netloom=[^;]+/.exec(set)?.[0],
    json,
    text: response.body,
    retryAfter: response.headers['retry-after'],
  };
}

const operator = { authorization: `Bearer ${TOKEN}` };
const login = (user: string, password: string, from?: string) =>
  ask('POST', '/login', { body: { user, password }, ...(from ? { from } : {}) });

async function withUser(name = 'ann', role = 'administrator'): Promise<void> {
  api = await openApi();
  const user = { kind: 'User', name, role };
  expect((await ask('POST', '/users', { body: user, headers: operator })).status).toBe(201);
  const set = await ask('PUT', `/users/${name}/password`, { body: { password: GOOD }, headers: operator });
  expect(set.status, set.text).toBe(204);
}

describe('a password', () => {
  it('opens a session in the name of the user', async () => {
    await withUser();
    const { status, cookie = '', json } = await login('ann', GOOD);
    expect([status, json]).toMatchObject([200, { user: 'ann', role: 'administrator', by: 'session' }]);
    expect((await ask('GET', '/whoami', { headers: { cookie } })).json).toMatchObject({ user: 'ann' });
    const made = await ask('POST', '/host-groups', {
      body: { kind: 'HostGroup', name: 'A' },
      headers: { ...PAGE, cookie },
    });
    expect(made.status).toBe(201);
    expect((await api.controller.history({ limit: 1 }))[0]).toMatchObject({ author: 'ann' });
  });

  it('is answered the same, whatever is wrong with it', async () => {
    await withUser();
    const user = { kind: 'User', name: 'old', role: 'administrator', disabled: true };
    await ask('POST', '/users', { body: user, headers: operator });
    await ask('PUT', '/users/old/password', { body: { password: GOOD }, headers: operator });
    const answers = [
      await login('ann', 'wrong wrong wrong'),
      await login('nobody', GOOD),
      await login('old', GOOD),
    ];
    for (const { status, text, cookie } of answers) {
      expect([status, text, cookie]).toEqual([401, answers[0]?.text, undefined]);
    }
  });

  it('stands nowhere: not in the journal, nor in objects, nor in answers', async () => {
    await withUser();
    await login('ann', GOOD);
    const secrets = await api.store.secrets();
    const hash = String(secrets[0]?.value.hash);
    expect(hash).toHaveLength(44);
    const everything = JSON.stringify([
      await api.store.snapshot(),
      await api.controller.history({ limit: 100 }),
      await api.store.jobs(),
      (await ask('GET', '/users/ann', { headers: operator })).text,
      (await ask('GET', '/history', { headers: operator })).text,
      (await ask('GET', '/export', { headers: operator })).text,
    ]);
    expect(everything).not.toContain(GOOD);
    expect(everything).not.toContain(hash);
    expect(JSON.stringify(secrets)).not.toContain(GOOD);
  });

  it('is long, and not one of those that are tried first', async () => {
    await withUser();
    for (const password of ['short', 'aaaaaaaaaaaaaaaa', 'password12345', 'netloom-netloom']) {
      const { status, code } = await ask('PUT', '/users/ann/password', {
        body: { password },
        headers: operator,
      });
      expect([status, code], password).toEqual([400, 'value-invalid']);
    }
  });

  it('that is wrong too often has to wait, for the user and for the address', async () => {
    await withUser();
    for (let i = 0; i < 6; i++) expect((await login('ann', `wrong ${i} wrong`)).status).toBe(401);
    // Not even the right one is looked at, wherever it comes from.
    const waits = await login('ann', GOOD, '10.0.0.9');
    expect([waits.status, waits.code, waits.retryAfter]).toEqual([429, 'throttled', '1']);
    api.clock.advance(1000);
    expect((await login('ann', GOOD)).status).toBe(200);
    let looked = 0;
    for (let i = 0; i < 60; i++) if ((await login(`user${i}`, GOOD, '10.0.0.66')).status !== 429) looked += 1;
    expect(looked).toBe(21);
    expect((await login('ann', GOOD, '10.0.0.67')).status).toBe(200);
  });

  it('goes with the user, so that nobody inherits it with the name', async () => {
    await withUser();
    const { cookie = '' } = await login('ann', GOOD);
    expect((await ask('DELETE', '/users/ann', { headers: operator })).status).toBe(200);
    expect(await api.store.secrets()).toEqual([]);
    expect((await ask('GET', '/whoami', { headers: { cookie } })).status).toBe(401);
    await ask('POST', '/users', {
      body: { kind: 'User', name: 'ann', role: 'administrator' },
      headers: operator,
    });
    expect((await login('ann', GOOD)).status).toBe(401);
  });
});

describe('a session', () => {
  it('has a new id at each login, and a cookie that scripts and other sites do not get', async () => {
    await withUser();
    const first = await login('ann', GOOD);
    const again = await api.inject({
      method: 'POST',
      url: '/api/v1/login',
      headers: { ...HOST, cookie: first.cookie ?? '' },
      payload: { user: 'ann', password: GOOD },
    });
    const set = String(again.headers['set-cookie']);
    expect(set).toMatch(/; HttpOnly; SameSite=Strict/);
    expect(set.split(';')[0]).not.toBe(first.cookie);
  });

  it('ends when nobody uses it, after half a day at any rate, and when it is ended', async () => {
    await withUser();
    const who = async (cookie = '') => (await ask('GET', '/whoami', { headers: { cookie } })).status;
    const idle = await login('ann', GOOD);
    api.clock.advance(14 * 60_000);
    expect(await who(idle.cookie)).toBe(200);
    api.clock.advance(16 * 60_000);
    expect(await who(idle.cookie)).toBe(401);
    const busy = await login('ann', GOOD);
    for (let i = 0; i < 71; i++) {
      api.clock.advance(10 * 60_000);
      expect(await who(busy.cookie)).toBe(200);
    }
    api.clock.advance(10 * 60_000);
    expect(await who(busy.cookie)).toBe(401);
    const { cookie = '' } = await login('ann', GOOD);
    expect((await ask('POST', '/logout', { headers: { ...PAGE, cookie }, body: {} })).status).toBe(204);
    expect(await who(cookie)).toBe(401);
  });

  it('is listed and ended by its owner and by who manages users, and by nobody else', async () => {
    await withUser();
    await ask('POST', '/users', {
      body: { kind: 'User', name: 'bob', role: 'fabric-administrator' },
      headers: operator,
    });
    await ask('PUT', '/users/bob/password', {
      body: { password: 'other words for bob?' },
      headers: operator,
    });
    await ask('PUT', '/users/bob/password', { body: { password: 'some other words!' }, headers: operator });
    const ann = (await login('ann', GOOD)).cookie ?? '';
    const bob = (await login('bob', 'some other words!')).cookie ?? '';
    const list = async (cookie: string) =>
      (await ask('GET', '/sessions', { headers: { cookie } })).json.items as { id: string; user: string }[];
    expect((await list(ann)).map(({ user }) => user)).toEqual(['ann', 'bob']);
    expect((await list(bob)).map(({ user }) => user)).toEqual(['bob']);
    const [annSession] = await list(ann);
    const end = (cookie: string, id = '') =>
      ask('DELETE', `/sessions/${id}`, { headers: { ...PAGE, cookie } }).then(({ status }) => status);
    expect(await end(bob, annSession?.id)).toBe(404);
    const [bobSession] = await list(bob);
    expect(await end(ann, bobSession?.id)).toBe(204);
    expect((await ask('GET', '/whoami', { headers: { cookie: bob } })).status).toBe(401);
  });

  it('of a user who gets another role has the other role at once', async () => {
    await withUser();
    const { cookie = '' } = await login('ann', GOOD);
    const inspect = async () => (await ask('GET', '/export', { headers: { cookie } })).status;
    expect(await inspect()).toBe(200);
    const user = { kind: 'User', name: 'ann', role: 'read-only-administrator' };
    await ask('PUT', '/users/ann', { body: user, headers: operator });
    expect(await inspect()).toBe(200);
    const write = { body: { kind: 'HostGroup', name: 'A' }, headers: { ...PAGE, cookie } };
    expect((await ask('POST', '/host-groups', write)).status).toBe(403);
    await ask('PUT', '/users/ann', { body: { ...user, disabled: true }, headers: operator });
    expect(await inspect()).toBe(401);
  });

  it('is not opened for a page of somebody else', async () => {
    await withUser();
    const body = { user: 'ann', password: GOOD };
    expect((await ask('POST', '/login', { body, headers: { origin: 'http://evil.example' } })).status).toBe(
      403,
    );
    expect((await ask('POST', '/login', { body, headers: PAGE })).status).toBe(200);
  });

  it('changes its own password, with the present one, and ends the other sessions', async () => {
    await withUser();
    const [one, two] = [(await login('ann', GOOD)).cookie ?? '', (await login('ann', GOOD)).cookie ?? ''];
    const change = (current: string) =>
      ask('PUT', '/password', {
        body: { current, password: 'other words now' },
        headers: { ...PAGE, cookie: one },
      });
    expect((await change('wrong wrong wrong')).status).toBe(401);
    expect((await change(GOOD)).status).toBe(204);
    expect((await ask('GET', '/whoami', { headers: { cookie: one } })).status).toBe(200);
    expect((await ask('GET', '/whoami', { headers: { cookie: two } })).status).toBe(401);
    expect((await login('ann', 'other words now')).status).toBe(200);
  });
});

describe('an API token', () => {
  const bearer = (token: unknown) => ({ authorization: `Bearer ${String(token)}` });

  it('is shown once, says when it was used, and ends', async () => {
    await withUser();
    const made = await ask('POST', '/tokens', {
      body: { user: 'ann', description: 'ci', days: 7 },
      headers: operator,
    });
    expect(made.status, made.text).toBe(201);
    const { token, id } = made.json;
    expect(token).toMatch(/^nlt_[0-9a-f]{16}_[\w-]{43}$/);
    const who = await ask('GET', '/whoami', { headers: bearer(token) });
    expect(who.json).toMatchObject({ user: 'ann', by: 'token' });
    const list = await ask('GET', '/tokens', { headers: bearer(token) });
    expect(list.json).toMatchObject({
      items: [{ id, user: 'ann', description: 'ci', lastUsed: expect.any(String) }],
    });
    expect(list.text).not.toContain(String(token).slice(22));
    expect(JSON.stringify(await api.store.secrets())).not.toContain(String(token).slice(22));
    api.clock.advance(7 * 24 * 3_600_000);
    expect((await ask('GET', '/whoami', { headers: bearer(token) })).status).toBe(401);
  });

  it('may be less than its owner, never more, and never more than the owner is by then', async () => {
    await withUser();
    const make = (body: object) =>
      ask('POST', '/tokens', { body: { user: 'ann', description: 'x', ...body }, headers: operator });
    const { token } = (await make({ role: 'read-only-administrator' })).json;
    const write = (proof: unknown) =>
      ask('POST', '/host-groups', { body: { kind: 'HostGroup', name: 'A' }, headers: bearer(proof) });
    expect((await write(token)).status).toBe(403);
    expect((await ask('GET', '/host-groups', { headers: bearer(token) })).status).toBe(200);
    const full = (await make({})).json.token;
    const lesser = { kind: 'User', name: 'ann', role: 'read-only-administrator' };
    await ask('PUT', '/users/ann', { body: lesser, headers: operator });
    expect((await write(full)).status).toBe(403);
    expect((await make({ role: 'administrator' })).code).toBe('value-invalid');
    expect((await make({ days: 91 })).code).toBe('value-invalid');
  });

  it('of an administrator may see one tenant alone', async () => {
    await withUser();
    await ask('POST', '/tenants', { body: { kind: 'Tenant', name: 'red' }, headers: operator });
    const body = { user: 'ann', description: 'x', role: 'tenant-administrator', tenant: 'red' };
    const { token } = (await ask('POST', '/tokens', { body, headers: operator })).json;
    const { json } = await ask('GET', '/tenants', { headers: bearer(token) });
    expect(json).toMatchObject({ items: [{ name: 'red' }] });
    expect((await ask('GET', '/hosts', { headers: bearer(token) })).json).toMatchObject({ items: [] });
  });

  it('makes no tokens, and is revoked by its owner', async () => {
    await withUser();
    const { token, id } = (
      await ask('POST', '/tokens', { body: { user: 'ann', description: 'ci' }, headers: operator })
    ).json;
    const more = await ask('POST', '/tokens', { body: { description: 'more' }, headers: bearer(token) });
    expect([more.status, more.code]).toEqual([403, 'forbidden']);
    expect((await ask('DELETE', `/tokens/${String(id)}`, { headers: bearer(token) })).status).toBe(204);
    expect((await ask('GET', '/whoami', { headers: bearer(token) })).status).toBe(401);
  });

  it('that is almost one is none', async () => {
    await withUser();
    const { token } = (
      await ask('POST', '/tokens', { body: { user: 'ann', description: 'ci' }, headers: operator })
    ).json;
    const text = String(token);
    const last = text.endsWith('A') ? 'B' : 'A';
    for (const wrong of [
      text.slice(0, -1),
      `${text.slice(0, -1)}${last}`,
      `${text}A`,
      text.replace('nlt_', 'nlx_'),
      'nlt_',
    ]) {
      expect((await ask('GET', '/whoami', { headers: bearer(wrong) })).status, wrong).toBe(401);
    }
    expect((await ask('GET', '/whoami', { headers: bearer(text) })).status).toBe(200);
  });
});

describe('the first administrator', () => {
  const claim = (code: string, user = 'ann', password = GOOD) =>
    ask('POST', '/setup', { body: { code, user, password } });

  it('is made with the code of the start, once, however many try at the same time', async () => {
    api = await openApi();
    expect(api.accounts.isUnclaimed).toBe(true);
    const code = api.accounts.setup.make();
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => claim(code, `user${n}`)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ code: why }) => why === 'setup-refused')).toHaveLength(19);
    expect(api.accounts.isUnclaimed).toBe(false);
    expect(await api.store.secrets()).toHaveLength(1);
  });

  it('is not made with a wrong code, an old one, or one that was guessed at too often', async () => {
    api = await openApi();
    expect((await claim('x')).code).toBe('setup-refused');
    const code = api.accounts.setup.make();
    for (let i = 0; i < 5; i++) expect((await claim('wrong')).code).toBe('setup-refused');
    expect((await claim(code)).code).toBe('setup-refused');
    const another = api.accounts.setup.make();
    api.clock.advance(30 * 60_000);
    expect((await claim(another)).code).toBe('setup-refused');
    expect(api.controller.revision).toBe(0);
  });

  it('may try again where nothing came of it', async () => {
    api = await openApi();
    const code = api.accounts.setup.make();
    expect((await claim(code, 'ann', 'short')).code).toBe('value-invalid');
    expect((await claim(code)).status).toBe(201);
    expect((await login('ann', GOOD)).status).toBe(200);
  });

  it('is not needed by whoever has the token of the machine', async () => {
    api = await openApi();
    expect((await ask('GET', '/whoami', { headers: operator })).json).toMatchObject({
      user: 'operator',
      role: 'administrator',
      by: 'local-token',
    });
  });
});
