import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { openApi, type TestApi, TOKEN } from './fixture.ts';

let api: TestApi;
afterEach(() => api.close());

const BEARER = { authorization: `Bearer ${TOKEN}` };
const GROUP = { kind: 'HostGroup', name: 'A' };

interface Paths {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

async function everyRoute(): Promise<{ method: 'GET' | 'POST' | 'PUT' | 'DELETE'; url: string }[]> {
  const { paths } = (await api.ask('GET', '/api/openapi.json')).json as Paths;
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({
      method: method.toUpperCase(),
      url: path.replace(/\{\w+\}/g, '1'),
    })),
  );
  const pages = ['/', '/api/openapi.json', '/api/reference', '/nowhere'].map((url) => ({
    method: 'GET',
    url,
  }));
  return [...documented, ...pages] as Awaited<ReturnType<typeof everyRoute>>;
}

describe('the token', () => {
  it('is needed for everything but health and login', async () => {
    api = await openApi();
    const open = ['/healthz', '/login', '/api/v1/login', '/api/v1/setup'];
    const routes = await everyRoute();
    expect(routes.length).toBeGreaterThan(80);
    for (const { method, url } of routes) {
      for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: `Basic ${TOKEN}` }]) {
        const { statusCode, headers: answer } = await api.inject({ method, url, headers });
        if (open.includes(url)) expect(headers, url).toBeDefined();
        else {
          expect(statusCode, `${method} ${url}`).toBe(401);
          expect(answer['content-type']).toContain('application/problem+json');
        }
      }
      if (url.endsWith('/watch')) continue;
      const { statusCode } = await api.inject({ method, url, headers: BEARER });
      if (!open.includes(url)) expect(statusCode, `${method} ${url}`).not.toBe(401);
    }
  });

  it('makes a link that turns into a cookie for one browser, once, and is in no answer', async () => {
    api = await openApi();
    const code = api.accounts.link.make();
    const wrong = await api.inject({ url: '/login?code=wrong' });
    expect([wrong.statusCode, wrong.headers['set-cookie']]).toEqual([403, undefined]);
    const { statusCode, headers, body } = await api.inject({ url: `/login?code=${code}` });
    expect([statusCode, headers.location]).toEqual([303, '/']);
    expect((await api.inject({ url: `/login?code=${code}` })).statusCode).toBe(403);
    const set = String(headers['set-cookie']);
    expect(set).toMatch(/HttpOnly; SameSite=Strict/);
    expect(set + body).not.toContain(TOKEN);
    const cookie = set.split(';')[0]!;
    expect((await api.inject({ url: '/api/v1/status', headers: { cookie } })).statusCode).toBe(200);
    expect((await api.inject({ url: '/api/v1/status', headers: { cookie: `${cookie}x` } })).statusCode).toBe(
      401,
    );
    // The cookie is not the token.
    const asBearer = { authorization: `Bearer ${cookie.split('=')[1]}` };
    expect((await api.inject({ url: '/api/v1/status', headers: asBearer })).statusCode).toBe(401);
  });

  it('in a cookie changes something only from a page of this server', async () => {
    api = await openApi();
    const { headers } = await api.inject({ url: `/login?code=${api.accounts.link.make()}` });
    const cookie = String(headers['set-cookie']).split(';')[0]!;
    const post = async (more: Record<string, string>) =>
      (
        await api.inject({
          method: 'POST',
          url: '/api/v1/host-groups',
          headers: { cookie, host: 'localhost:7300', ...more },
          payload: GROUP,
        })
      ).statusCode;
    expect(await post({})).toBe(403);
    expect(await post({ origin: 'http://localhost:9999' })).toBe(403);
    expect(await post({ origin: 'null' })).toBe(403);
    expect(api.controller.revision).toBe(0);
    expect(await post({ origin: 'http://localhost:7300' })).toBe(201);
  });
});

describe('names of the server', () => {
  it('are its own ones and addresses, so that rebinding leads nowhere', async () => {
    api = await openApi([], { names: ['controller.example'] });
    const ask = async (host: string) =>
      (await api.inject({ url: '/api/v1/status', headers: { ...BEARER, host } })).statusCode;
    for (const host of ['localhost:7300', '127.0.0.1:7300', '[::1]:7300', '10.0.0.9', 'controller.example'])
      expect(await ask(host), host).toBe(200);
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', 'a@localhost'])
      expect(await ask(host), host).toBe(421);
  });

  it('come one in a request', async () => {
    api = await openApi();
    const { port } = new URL(await api.app.listen({ host: '127.0.0.1', port: 0 }));
    const ask = async (...hosts: string[]) => {
      const socket = connect(Number(port), '127.0.0.1');
      const names = hosts.map((host) => `Host: ${host}\r\n`).join('');
      socket.write(`GET /healthz HTTP/1.1\r\n${names}Connection: close\r\n\r\n`);
      return (await text(socket)).split(' ')[1];
    };
    expect(await ask('localhost')).toBe('200');
    expect(await ask('localhost', 'evil.example')).toBe('421');
  });
});

describe('a route', () => {
  it('that does not say what permission it needs stops the start', async () => {
    api = await openApi();
    const extend = (config: object) =>
      openApi([], {
        extend: (app) => {
          app.get('/more', { config }, async () => 'x');
        },
      });
    await expect(extend({})).rejects.toThrow('/more does not declare what permission it needs');
    const good = await extend({ permission: 'view' });
    expect((await good.inject({ url: '/more' })).statusCode).toBe(401);
    await good.close();
  });
});

describe('every answer', () => {
  it('carries the security headers', async () => {
    api = await openApi();
    for (const { method, url } of await everyRoute()) {
      if (url.endsWith('/watch')) continue;
      const { headers } = await api.inject({ method, url, headers: BEARER });
      expect(headers['x-content-type-options'], url).toBe('nosniff');
      expect(headers['content-security-policy'], url).toContain("frame-ancestors 'none'");
      expect(headers['cache-control'], url).toBe('no-store');
    }
  });
});

describe('bodies', () => {
  const send = async (type: string, payload: string | Buffer, more: Record<string, string> = {}) => {
    const headers = { ...BEARER, ...more, ...(type ? { 'content-type': type } : {}) };
    const answer = await api.inject({ method: 'POST', url: '/api/v1/host-groups', headers, payload });
    return { status: answer.statusCode, body: answer.body };
  };

  it('are JSON and nothing that only looks like it', async () => {
    api = await openApi();
    const json = JSON.stringify(GROUP);
    for (const type of [
      '',
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/jsonx',
      'application/json/x',
      'application/json; charset=utf-16',
      'application/json; charset=utf-8; x=y',
      'application/json,text/plain',
      'application\t/json',
      'application/yaml',
      'application/merge-patch+json',
    ]) {
      expect((await send(type, json)).status, JSON.stringify(type)).toBe(415);
    }
    expect((await send('application/json', json, { 'content-encoding': 'gzip' })).status).toBe(415);
    expect(api.controller.revision).toBe(0);
    expect((await send('application/json; charset=utf-8', json)).status).toBe(201);
  });

  it('do not reach into the program', async () => {
    api = await openApi();
    for (const body of [
      '{"__proto__":{"x":1},"kind":"HostGroup","name":"A"}',
      '{"kind":"HostGroup","name":"A","labels":{"__proto__":"1"}}',
      '{"constructor":{"prototype":{"x":1}},"kind":"HostGroup","name":"A"}',
      '{"kind":"HostGroup","name":"A","labels":{"constructor":"1"}}',
      '{"kind":"HostGroup","name":"A","\\u005f_proto__":{}}',
    ]) {
      expect((await send('application/json', body)).status, body).toBe(400);
    }
    expect(Object.hasOwn(Object.prototype, 'x')).toBe(false);
    expect(api.controller.revision).toBe(0);
  });

  it('say every field once, so that no two readers take them for different things', async () => {
    api = await openApi();
    for (const body of [
      '{"kind":"HostGroup","name":"A","name":"B"}',
      '{"kind":"HostGroup","name":"A","n\\u0061me":"B"}',
      '{"kind":"HostGroup","name":"A","labels":{"a":"1","b":"\\\\","a" : "2"}}',
    ]) {
      const answer = await send('application/json', body);
      expect([answer.status, answer.body], body).toEqual([400, expect.stringContaining('there twice')]);
    }
    // What only looks like it: texts, and names in different objects.
    const good =
      '{"kind":"HostGroup","name":"A","description":"\\"name\\":\\\\","labels":{"kind":"HostGroup","name":"name"}}';
    expect(await send('application/json', good)).toMatchObject({ status: 201 });
  });

  it('are bounded in size and depth', async () => {
    api = await openApi();
    const deep = `${'['.repeat(500_000)}${']'.repeat(500_000)}`;
    expect((await send('application/json', deep)).status).toBe(400);
    const long = JSON.stringify({ ...GROUP, description: 'x'.repeat(1024 * 1024) });
    expect(await send('application/json', long)).toMatchObject({ status: 413 });
    const wide = JSON.stringify({ objects: [{ ...GROUP, description: 'x'.repeat(2 * 1024 * 1024) }] });
    const applied = await api.inject({
      method: 'POST',
      url: '/api/v1/apply',
      headers: { ...BEARER, 'content-type': 'application/json' },
      payload: wide,
    });
    // It is read, and then refused for what it says.
    expect([applied.statusCode, applied.json().findings[0].code]).toEqual([400, 'value-invalid']);
  });

  it('that are no JSON are refused without a look inside the program', async () => {
    api = await openApi();
    for (const body of ['', '{', 'null', '[]', '"x"', '{"kind":', Buffer.from([0xff, 0xfe, 0x00])]) {
      const { status, body: answer } = await send('application/json', body);
      expect(status, JSON.stringify(body)).toBe(400);
      expect(answer).not.toMatch(/\bat \/|node_modules|\.ts:/);
    }
  });
});

describe('a client that goes away in the middle of its body', () => {
  it('is no defect', async () => {
    const defects: unknown[] = [];
    api = await openApi([], { onDefect: (error) => defects.push(error) });
    const failed = new Promise<void>((resolve) => {
      api.app.server.on('request', (_request, response) => response.on('close', () => resolve()));
    });
    const { port } = new URL(await api.app.listen({ host: '127.0.0.1', port: 0 }));
    const socket = connect(Number(port), '127.0.0.1');
    const head = `Host: localhost\r\nAuthorization: Bearer ${TOKEN}\r\nContent-Type: application/json\r\n`;
    socket.write(`POST /api/v1/apply HTTP/1.1\r\n${head}Content-Length: 1000\r\n\r\n{"obj`);
    api.app.server.once('request', () => setImmediate(() => socket.destroy()));
    await failed;
    await new Promise((resolve) => setImmediate(resolve));
    expect(defects).toEqual([]);
    expect((await api.ask('GET', '/healthz')).status).toBe(200);
  });
});

describe('a defect', () => {
  it('is logged, and its particulars stay inside', async () => {
    const defects: string[] = [];
    api = await openApi([], {
      onDefect: (error) => defects.push(error.message),
      extend: (app) => {
        app.get('/broken', { config: { permission: 'inspect' } }, async () => {
          throw new TypeError('secret inside');
        });
      },
    });
    const { statusCode, body } = await api.inject({ url: '/broken', headers: BEARER });
    expect(statusCode).toBe(500);
    expect(body).not.toContain('secret inside');
    expect(defects.join()).toContain('secret inside');
  });
});
