/** `netloom controller` as a program: hosts join it, it is killed, restarted, moved to a socket, and its keys are looked after. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Server as Relay } from 'node:net';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { join, secureTransport } from '../../src/host/enrolment.ts';
import type { Credentials } from '../../src/identity/credentials.ts';
import { writeJoinToken } from '../../src/identity/join-token.ts';
import { PolicyClient } from '../../src/stream/client.ts';
import { until } from '../support/until.ts';
import { netloom, Server } from './program.ts';

const BLUE_RED = fileURLToPath(new URL('../../examples/blue-red.yaml', import.meta.url));
const root = mkdtempSync(path(tmpdir(), 'netloom-controller-'));
afterAll(() => rmSync(root, { recursive: true }));

let data: string;
beforeEach(() => {
  data = mkdtempSync(path(root, 'data-'));
});
const agents: PolicyClient[] = [];
afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.stop()));
});

function agent(credentials: Credentials): PolicyClient {
  const client = new PolicyClient({
    host: credentials.host,
    bootNonce: 'a boot',
    transport: secureTransport(() => credentials),
    handler: { onSnapshot: () => [], onDelta: () => [] },
    clock: systemClock,
    random: Math.random,
    reconnect: { minBackoff: 50, maxBackoff: 200 },
  });
  agents.push(client);
  client.start();
  return client;
}

it('hides a join token that stands on its command line, before anybody answers', async () => {
  const secret = 'S'.repeat(43);
  const seen = Promise.withResolvers<string[]>();
  const relay = createServer((socket) => {
    seen.resolve(commandLines());
    socket.destroy();
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const { port } = relay.address() as { port: number };
  const url = `https://127.0.0.1:${port}`;
  const token = writeJoinToken({ url, authority: '0'.repeat(64), host: 'h1', id: '0'.repeat(16), secret });
  const ended = netloom(['agent', 'join', token, '--state', path(data, 'agent')]);
  const lines = await seen.promise;
  expect(lines.some((line) => line.startsWith('netloom agent join'))).toBe(true);
  expect(lines.filter((line) => line.includes(token))).toEqual([]);
  expect((await ended).code).toBe(1);
  relay.close();
});

/** What everybody on this machine can read of its programs. */
function commandLines(): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')] : [];
    } catch {
      // It has ended.
      return [];
    }
  });
}

/** Runs a command against the data, which has to succeed. */
async function run(...args: readonly string[]): Promise<string> {
  const { code, out, err } = await netloom([...args, '--data', data]);
  expect([code, err]).toEqual([0, expect.anything()]);
  return out;
}

async function isConnected(server: Server, host: string): Promise<boolean> {
  const { status } = (await (await server.ask('GET', `/api/v1/hosts/${host}`)).json()) as {
    status: { agent: { connected: boolean } };
  };
  return status.agent.connected;
}

describe('netloom controller', () => {
  it('takes hosts with tokens, tells them their policy, and knows them again after it was killed', async () => {
    let server = await Server.controller(data, '127.0.0.1:0');
    const [, agentsPort] = /Agents +https:\/\/127\.0\.0\.1:(\d+)/.exec(server.greeting) ?? [];
    await run('apply', '-f', BLUE_RED);
    const credentials = await join((await run('host', 'token', 'host1')).trim());
    const client = agent(credentials);
    await until('the policy there', () => client.policy.size > 0);
    await until('host1 connected', () => isConnected(server, 'host1'));
    expect(JSON.parse(await run('describe', 'host', 'host1', '-o', 'json'))).toMatchObject({
      status: { agent: { connected: true }, certificate: { state: 'good' } },
    });
    await server.end('SIGKILL');
    server = await Server.controller(data, `127.0.0.1:${agentsPort}`);
    await until('host1 connected', () => isConnected(server, 'host1'));
    expect(await run('host', 'revoke', 'host1')).toContain('One certificate of host1 revoked.');
    await until('host1 away', async () => !(await isConnected(server, 'host1')));
    await until('a refusal', async () => (await run('refusals')).includes('certificate-refused'));
    const { code, err } = await server.end('SIGTERM');
    expect([code, err]).toEqual([0, expect.stringContaining('was revoked')]);
    expect(statSync(path(data, 'agents-ca', 'current.pem')).mode & 0o777).toBe(0o600);
    expect(err).not.toMatch(/nlj_|PRIVATE/);
  });

  it('says where a frame goes, by its records, and that it cannot ping', async () => {
    const server = await Server.controller(data, '127.0.0.1:0');
    await run('apply', '-f', BLUE_RED);
    expect(await run('endpoints')).toMatch(
      /blue1\/eth0 +10\.0\.0\.5 +\S+ +host1 +Blue\/Blue subnet \(VSID 5001\)/,
    );
    expect(await run('walk', 'blue1', 'blue2')).toContain('leaves by    the tunnel of Provider');
    const { code, err } = await netloom(['ping', 'blue1', 'blue2', '--data', data]);
    expect([code, err]).toEqual([1, expect.stringContaining('netloom walk blue1 blue2')]);
    // Hosts that are not there have counted nothing.
    for (const what of [
      ['acl', 'log'],
      ['acl', 'counters'],
      ['counters', 'blue1'],
      ['counters', '--drops'],
    ]) {
      const asked = await netloom([...what, '--data', data]);
      expect([asked.code, asked.err]).toEqual([0, expect.stringMatching(/Not answered: .*host1/)]);
    }
    // The twin takes no place of an agent.
    expect(await isConnected(server, 'host1')).toBe(false);
    await server.end('SIGTERM');
  });

  it('listens on a UNIX socket, also where one was left behind, and tokens say another address', async () => {
    const socket = path(data, 'agents.sock');
    const first = await Server.controller(data, `unix:${socket}`, '--agents-url', 'https://127.0.0.1:1');
    expect(statSync(socket).mode & 0o777).toBe(0o600);
    await first.end('SIGKILL');
    const server = await Server.controller(data, `unix:${socket}`);
    await run('apply', '-f', BLUE_RED);
    const without = await netloom(['host', 'token', 'host1', '--data', data]);
    expect([without.code, without.err]).toEqual([
      1,
      expect.stringContaining('--controller https://HOST:PORT'),
    ]);
    const { relay, url } = await relayTo(socket);
    const token = await run('host', 'token', 'host1', '--controller', url);
    const client = agent(await join(token.trim()));
    await until('the policy there', () => client.policy.size > 0);
    await server.end('SIGTERM');
    relay.close();
  });

  it('does not start on a key that others may read, or that is lost while hosts have certificates', async () => {
    const server = await Server.controller(data, '127.0.0.1:0');
    await run('apply', '-f', BLUE_RED);
    await join((await run('host', 'token', 'host1')).trim());
    await server.end('SIGTERM');
    const key = path(data, 'agents-ca', 'current.pem');
    const start = () =>
      netloom(['controller', '--data', data, '--listen', '127.0.0.1:0', '--agents', '127.0.0.1:0']);
    chmodSync(key, 0o644);
    expect(await start()).toMatchObject({ code: 1, err: expect.stringContaining('chmod 600') });
    chmodSync(key, 0o600);
    renameSync(key, `${key}.away`);
    expect(await start()).toMatchObject({ code: 1, err: expect.stringContaining('authority-unusable') });
    renameSync(`${key}.away`, key);
    await (await Server.controller(data, '127.0.0.1:0')).end('SIGTERM');
  });

  it('changes its authority without a host that is not believed', async () => {
    let server = await Server.controller(data, '127.0.0.1:0');
    const [, port] = /Agents +https:\/\/127\.0\.0\.1:(\d+)/.exec(server.greeting) ?? [];
    await run('apply', '-f', BLUE_RED);
    const restart = async () => {
      await server.end('SIGTERM');
      server = await Server.controller(data, `127.0.0.1:${port}`);
    };
    await run('authority', 'prepare');
    await restart();
    const credentials = await join((await run('host', 'token', 'host1')).trim());
    expect(credentials.caCertificates).toHaveLength(2);
    await run('authority', 'promote');
    await restart();
    agent(credentials);
    await until('host1 connected', () => isConnected(server, 'host1'));
    const later = await join((await run('host', 'token', 'host2')).trim());
    await run('authority', 'retire');
    await restart();
    agent(later);
    await until('host2 connected', () => isConnected(server, 'host2'));
    expect(await isConnected(server, 'host1')).toBe(false);
    const shown = JSON.parse(await run('authority', 'show', '-o', 'json')) as {
      role: string;
    }[];
    expect(shown.map(({ role }) => role)).toEqual(['current']);
    await server.end('SIGTERM');
  });
});

/** Passes connections on, as a program in another network namespace would. */
async function relayTo(socket: string): Promise<{ relay: Relay; url: string }> {
  const relay = createServer((from) => {
    const to = connect(socket);
    from.pipe(to).pipe(from);
    for (const end of [from, to]) end.on('error', () => {});
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const { port } = relay.address() as { port: number };
  return { relay, url: `https://127.0.0.1:${port}` };
}
