import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { netloom, Server } from './program.ts';

const root = mkdtempSync(join(tmpdir(), 'netloom-e2e-'));
const BLUE_RED = fileURLToPath(new URL('../../examples/blue-red.yaml', import.meta.url));
afterAll(() => rmSync(root, { recursive: true }));

describe('netloom up', () => {
  const data = join(root, 'life');

  it('keeps its token to its user, and forgets its address when it stops', async () => {
    const server = await Server.up(data);
    for (const file of ['token', 'server.json']) expect(statSync(join(data, file)).mode & 0o777).toBe(0o600);
    expect(JSON.parse(readFileSync(join(data, 'server.json'), 'utf8'))).toMatchObject({ url: server.url });
    expect((await fetch(`${server.url}/api/v1/status`)).status).toBe(401);
    expect((await server.ask('GET', '/api/v1/status')).status).toBe(200);
    const first = server.token;
    expect(await server.end('SIGTERM')).toMatchObject({ code: 0, err: 'Stopping.\n' });
    expect(existsSync(join(data, 'server.json'))).toBe(false);
    const again = await Server.up(data);
    expect(again.token).toBe(first);
    expect((await again.end('SIGINT')).code).toBe(0);
  });

  it('stops although a browser watches, and tells it the end', async () => {
    const server = await Server.up(data);
    const stream = await server.ask('GET', '/api/v1/watch');
    expect(stream.status).toBe(200);
    const rest = stream.text();
    expect((await server.end('SIGTERM')).code).toBe(0);
    expect(await rest).toContain('event: ready');
  });

  it('refuses a second instance on the same data, which harms nothing', async () => {
    const server = await Server.up(data);
    const second = await netloom(['up', '--data', data, '--listen', '127.0.0.1:0']);
    expect(second).toMatchObject({ code: 1, out: '' });
    expect(second.err).toContain('error[store-locked]');
    const taken = await netloom(['up', '--data', join(root, 'other'), '--listen', new URL(server.url).host]);
    expect(taken).toMatchObject({ code: 1, out: '' });
    expect(taken.err).toContain('error[listen-failed]');
    expect(await server.revision()).toBe(0);
    expect((await server.end('SIGTERM')).code).toBe(0);
  });

  it('loads a sample into empty data, and into no other', async () => {
    const first = await Server.up(join(root, 'sample'), '--sample', 'blue-red');
    expect(await first.revision()).toBe(1);
    const ping = await first.ask('POST', '/api/v1/ping', { from: 'blue1', to: 'blue2' });
    expect(await ping.json()).toMatchObject({ verdict: 'answered' });
    await first.ask('DELETE', '/api/v1/virtual-machines/blue1');
    await first.end('SIGTERM');
    const second = await Server.up(join(root, 'sample'), '--sample', 'campus');
    expect(await second.revision()).toBe(2);
    expect((await second.ask('GET', '/api/v1/virtual-machines/blue1')).status).toBe(404);
    expect((await second.ask('GET', '/api/v1/virtual-machines/blue2')).status).toBe(200);
    await second.end('SIGTERM');
  });

  it('prints a code for the first administrator, whose password outlives a restart, and whose session does not', async () => {
    const directory = join(root, 'first');
    const env = { NETLOOM_DATA: directory, XDG_STATE_HOME: join(root, 'state') };
    const first = await Server.up(directory);
    const code = /--code (\S+)/.exec(first.greeting)?.[1] ?? '';
    const input = 'correct horse battery\n';
    const made = await netloom(['setup', 'ann', '--code', code], { env, input });
    expect(made.out, made.err).toContain('You are ann, administrator');
    expect((await netloom(['whoami'], { env })).out).toContain('You are ann');
    expect((await first.end('SIGTERM')).out).not.toContain(input.trim());
    const second = await Server.up(directory);
    expect(second.greeting).not.toContain('--code');
    expect((await netloom(['login', 'ann'], { env, input })).out).toContain('You are ann');
    expect((await netloom(['logout'], { env })).code).toBe(0);
    expect((await netloom(['whoami'], { env })).out).toContain('You are operator');
    // Nothing of it is in the files but its hash.
    for (const file of readdirSync(directory)) {
      expect(readFileSync(join(directory, file), 'latin1'), file).not.toContain(input.trim());
    }
    await second.end('SIGTERM');
  });

  it('takes a token that others could read for none', async () => {
    const directory = join(root, 'leaky');
    const first = await Server.up(directory);
    await first.end('SIGTERM');
    rmSync(join(directory, 'token'));
    writeFileSync(join(directory, 'token'), `${first.token}\n`, { mode: 0o644 });
    const second = await Server.up(directory);
    expect(second.token).not.toBe(first.token);
    expect((await second.end('SIGTERM')).err).toContain('a new one is made');
  });
});

describe('the commands against a server', () => {
  let server: Server;
  const run = (...args: string[]) => netloom(args, { env: { NETLOOM_DATA: server.data } });
  beforeAll(async () => {
    server = await Server.up(join(root, 'commands'));
  });
  afterAll(() => server.end('SIGTERM'));

  it('apply, look, ping, walk, change, undo and delete', async () => {
    const dry = await run('apply', '-f', BLUE_RED, '--dry-run');
    expect(dry).toMatchObject({ code: 0, err: '' });
    expect(dry.out).toContain('Dry run, nothing was changed: 19 to create.');
    expect(await server.revision()).toBe(0);

    const applied = await run('apply', '-f', BLUE_RED, '-m', 'seed');
    expect(applied).toMatchObject({ code: 0, err: '' });
    expect(applied.out).toContain('Revision 1: 19 created.');
    expect(applied.out).toMatch(/mac +VirtualMachine\/blue1\/eth0 +00:1d:d8:/);
    expect((await run('apply', '-f', BLUE_RED)).out).toContain('Nothing to change.');

    expect((await run('get', 'vm')).out).toMatch(/^blue1 +host1 +Blue +10\.0\.0\.5$/m);
    expect((await run('get', 'subnets', '-o', 'wide')).out).toMatch(
      /^Blue +Blue subnet +10\.0\.0\.0\/24 +5001 +10\.0\.0\.1/m,
    );
    expect(JSON.parse((await run('get', 'host', 'host1', '-o', 'json')).out)).toMatchObject({
      name: 'host1',
    });
    const described = await run('describe', 'vm', 'blue1');
    expect(described.out).toContain('vsid: 5001');
    expect(described.out).toMatch(/^1 .*19 objects +seed$/m);

    const pinged = await run('ping', 'blue1', 'blue2', '-c', '3');
    expect(pinged.code).toBe(0);
    expect(pinged.out).toMatch(/^✔ .* 3\/3 /m);
    const lost = await run('ping', 'blue1', 'red2', '-o', 'json');
    expect(lost.code).toBe(1);
    expect(JSON.parse(lost.out)).toMatchObject({ verdict: 'lost', dropped: { reason: expect.any(String) } });
    expect((await run('walk', 'blue1', 'blue2')).out).toContain('gre(vsid=5001');
    expect((await run('endpoints')).out).toMatch(/^blue1\/eth0 +10\.0\.0\.5 /m);

    const yaml = (await run('get', 'vm', 'blue1', '-o', 'yaml')).out;
    const moved = await netloom(['apply', '-f', '-'], {
      env: { NETLOOM_DATA: server.data },
      input: yaml.replace('host: host1', 'host: host2'),
    });
    expect(moved.out).toMatch(/Revision 2: 1 updated\.[\s\S]*host: host1 -> host2/);
    // The file still says the revision that it was read at, and that is no longer so.
    const stale = await netloom(['apply', '-f', '-'], { env: { NETLOOM_DATA: server.data }, input: yaml });
    expect(stale).toMatchObject({ code: 1, out: '' });
    expect(stale.err).toMatch(/^standard input:1:1: error\[conflict\]/);
    expect((await run('ping', 'blue1', 'blue2')).code).toBe(0);
    expect((await run('undo', '2')).out).toContain('Revision 3: 1 updated.');
    expect((await run('history', 'vm', 'blue1')).out.match(/~ VirtualMachine\/blue1/g)).toHaveLength(2);

    const used = await run('delete', 'subnet', 'Blue subnet');
    expect(used).toMatchObject({ code: 1, out: '' });
    expect(used.err).toContain('error[in-use] VmSubnet/Blue/Blue subnet');
    expect((await run('delete', '-f', BLUE_RED)).out).toContain('Revision 4: 19 deleted.');
    expect((await run('get', 'vm')).err).toBe('There are none.\n');
  });
});
