/** The commands about people, over a real API. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openApi, type TestApi, TOKEN } from '../api/fixture.ts';
import { testTerminal } from './fixture.ts';
import { main } from './main.ts';

vi.setConfig({ testTimeout: 30_000 });

let api: TestApi;
let folder: string;
let url: string;

beforeEach(async () => {
  api = await openApi();
  url = await api.app.listen({ host: '127.0.0.1', port: 0 });
  folder = mkdtempSync(join(tmpdir(), 'netloom-people-'));
  writeFileSync(join(folder, 'token'), `${TOKEN}\n`, { mode: 0o600 });
  writeFileSync(join(folder, 'server.json'), JSON.stringify({ url, pid: 1 }));
});
afterEach(async () => {
  await api.close();
  rmSync(folder, { recursive: true });
});

/** One command; what is typed is its input. */
async function run(line: string, input = '', env: Record<string, string> = {}) {
  const terminal = testTerminal({ NETLOOM_DATA: folder, XDG_STATE_HOME: folder, ...env }, input);
  const code = await main(line.split(' '), terminal);
  return { code, ...terminal.written };
}

const GOOD = 'correct horse battery\n';

describe('people', () => {
  it('log in, do things in their own name, and log out', async () => {
    expect(await run('whoami')).toMatchObject({ code: 0, out: expect.stringContaining('You are operator') });
    const made = await run('user create ann --role fabric-administrator', GOOD);
    expect(made, made.err).toMatchObject({ code: 0, out: 'User ann made.\n' });
    expect((await run('login ann', 'wrong wrong wrong\n')).err).toContain('error[login-failed]');
    expect((await run('login ann', GOOD)).out).toBe('You are ann, fabric-administrator, logged in.\n');
    const file = join(folder, 'netloom', 'sessions.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await run('tenant create red')).code).toBe(0);
    expect((await api.controller.history({ limit: 1 }))[0]?.author).toBe('ann');
    expect((await run('user create bob --role administrator --no-password')).err).toContain(
      'error[forbidden]',
    );
    expect((await run('user passwd', `${GOOD}other words instead\n`)).code).toBe(0);
    expect((await run('session list')).out).toMatch(/ann +127\.0\.0\.1 .* this one/);
    expect((await run('logout')).out).toBe('Logged out.\n');
    expect(readFileSync(file, 'utf8')).toBe('{}\n');
    expect((await run('whoami')).out).toContain('You are operator');
    expect((await run('refusals')).out).toMatch(
      / 1 +ann +127\.0\.0\.1 +forbidden +POST \/api\/v1\/users\n.* 1 +ann +127\.0\.0\.1 +login-failed +POST \/api\/v1\/login\n/,
    );
    expect((await run('login ann', GOOD)).code).toBe(1);
    expect((await run('login ann', 'other words instead\n')).code).toBe(0);
  });

  it('have API tokens, which stand alone on standard output', async () => {
    await run('user create ann --role administrator --no-password');
    const { out, err } = await run('token create ci --user ann --days 3 --role read-only-administrator');
    expect(out).toMatch(/^nlt_\S+\n$/);
    expect(err).toContain('good until');
    const env = { NETLOOM_TOKEN: out.trim() };
    expect((await run('whoami', '', env)).out).toContain(
      'You are ann, read-only-administrator, by an API token.',
    );
    expect((await run('tenant create red', '', env)).err).toContain('error[forbidden]');
    const list = await run('token list -o json', '', env);
    const [token] = JSON.parse(list.out) as { id: string; lastUsed?: string }[];
    expect(token?.lastUsed).toBeDefined();
    expect((await run(`token revoke ${token?.id}`)).code).toBe(0);
    expect((await run('whoami', '', env)).err).toContain('error[token-missing]');
  });

  it('begin with an administrator, by the code of the first start', async () => {
    const code = api.accounts.setup.make();
    expect((await run(`setup ann --code ${code}`, GOOD)).out).toBe(
      'You are ann, administrator, logged in.\n',
    );
    expect((await run(`setup eve --code ${code}`, GOOD)).err).toContain('error[setup-refused]');
    expect((await run('whoami')).out).toContain('You are ann');
  });

  it('are not made with a password that is none', async () => {
    expect((await run('user create ann --role administrator', 'short\n')).err).toContain('12 is the least');
    expect(
      (await run('user create ann --role administrator', `${GOOD}another one, typed wrong\n`)).err,
    ).toContain('The two passwords differ.');
    expect((await run('user create ann --role administrator')).err).toContain('There is no password.');
    expect(api.controller.network.list('User')).toEqual([]);
  });

  it('see how much a tenant has of what it may have', async () => {
    expect((await run('tenant create red --quota vnics=20')).code).toBe(0);
    const { out } = await run('tenant usage red');
    expect(out).toMatch(/vnics +0 +20/);
    expect((await run('tenant create blue --quota vnics')).code).toBe(2);
    expect((await run('tenant create blue --quota nonsense=3')).err).toContain('error[field-unknown]');
  });
});
