/** Real TLS on loopback: who joins, who may speak, and what ends it. */
import { connect as connectTcp, createServer as createTcp } from 'node:net';
import { connect as connectTls, createServer, type TLSSocket } from 'node:tls';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../base/clock.ts';
import { type Finding, NetloomError } from '../../base/error.ts';
import { join, renew, secureTransport } from '../../host/enrolment.ts';
import { certifyHost, certifyListener, makeAuthority, makeRequest } from '../../identity/certificates.ts';
import { type Credentials, renewalDue } from '../../identity/credentials.ts';
import { readJoinToken, writeJoinToken } from '../../identity/join-token.ts';
import { CONTROLLER_NAME } from '../../identity/names.ts';
import { PolicyClient } from '../../stream/client.ts';
import { documentOf } from '../documents.ts';
import { type AgentRig, openAgentRig } from './fixture.ts';
import { HostIdentities } from './identities.ts';
import { listenForAgents } from './listener.ts';

const DAY = 24 * 3_600_000;

let rig: AgentRig;
const agents: PolicyClient[] = [];
afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.stop()));
  await rig.close();
});

/** An agent that only listens; it looks for its controller often. */
function agent(credentials: () => Credentials, host: string, bootNonce = `boot of ${host}`) {
  const troubles: Finding[] = [];
  const client = new PolicyClient({
    host,
    bootNonce,
    transport: secureTransport(credentials),
    handler: { onSnapshot: () => [], onDelta: () => [] },
    clock: systemClock,
    random: Math.random,
    reconnect: { minBackoff: 20, maxBackoff: 100 },
    onTrouble: (trouble) => trouble && troubles.push(trouble),
  });
  agents.push(client);
  client.start();
  return { client, troubles };
}

async function until(done: () => boolean): Promise<void> {
  const end = systemClock.now() + 20_000;
  while (!done()) {
    if (systemClock.now() > end) throw new Error(`it did not come to that: ${done}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const isConnected = (host: string) => rig.controller.feed.statusOf(host).connected;

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'done';
  } catch (thrown) {
    return NetloomError.from(thrown).code;
  }
}

describe('joining', () => {
  it('gives a host with a token a certificate, by which it is connected', async () => {
    rig = await openAgentRig(['host 1']);
    const credentials = await join(await rig.token('host 1'));
    expect(credentials).toMatchObject({ host: 'host 1', controllerUrl: rig.url });
    expect(credentials.caCertificates).toHaveLength(1);
    agent(() => credentials, 'host 1');
    await until(() => isConnected('host 1'));
    const [certificate] = rig.identities.certificates();
    expect(certificate).toMatchObject({ host: 'host 1', state: 'good' });
    await until(() => rig.identities.certificates()[0]?.used !== null);
    expect(rig.troubles).toEqual([]);
  });

  it('takes one of a hundred claims of a token', async () => {
    rig = await openAgentRig(['h1']);
    const { host, id, secret } = readJoinToken(await rig.token('h1'));
    const claims = await Promise.allSettled(
      Array.from({ length: 100 }, async () => {
        const { request } = await makeRequest();
        return rig.identities.enrol({ host, tokenId: id, secret, request });
      }),
    );
    expect(claims.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(rig.identities.certificates()).toHaveLength(1);
    expect(rig.identities.tokens.list()).toEqual([]);
  });

  it('takes one of several that come at once over the network', async () => {
    rig = await openAgentRig(['h1']);
    const token = await rig.token('h1');
    const codes = await Promise.all(Array.from({ length: 8 }, () => codeOf(join(token))));
    expect(codes.sort()).toEqual(['done', ...Array<string>(7).fill('join-refused')]);
  });

  it('refuses a token that is over, revoked, of another host, or changed, and one without a host', async () => {
    rig = await openAgentRig(['h1', 'h2']);
    const token = await rig.token('h1');
    const read = readJoinToken(token);
    expect(await codeOf(join(writeJoinToken({ ...read, host: 'h2' })))).toBe('join-refused');
    expect(await codeOf(join(writeJoinToken({ ...read, secret: 'A'.repeat(43) })))).toBe('join-refused');
    expect(await codeOf(join(token.slice(0, -5)))).toBe('value-invalid');
    rig.setClock(2 * 3_600_000);
    expect(await codeOf(join(token))).toBe('join-refused');
    rig.setClock(0);
    expect(await rig.identities.tokens.revoke(read.id, 'ann')).toBe(true);
    expect(await codeOf(join(token))).toBe('join-refused');
    expect(await codeOf(rig.token('nobody'))).toBe('not-found');
    expect(await codeOf(join(writeJoinToken({ ...read, host: 'made up' })))).toBe('join-refused');
    expect(new Set(rig.troubles.map(({ host }) => host))).toEqual(new Set(['h1', 'h2', '']));
    // The control: nothing else was in the way.
    expect(await codeOf(join(await rig.token('h1')))).toBe('done');
    expect(rig.troubles.every(({ from }) => from === '127.0.0.1')).toBe(true);
  });

  it('tells its secret to nobody that has not the fingerprint of the token', async () => {
    rig = await openAgentRig(['h1']);
    const token = await rig.token('h1');
    const other = writeJoinToken({ ...readJoinToken(token), authority: '0'.repeat(64) });
    expect(await codeOf(join(other))).toBe('controller-untrusted');
    // Somebody between who shows the right authority after a certificate that is not of it.
    const forged = await certifyListener(await makeAuthority(Date.now()), Date.now());
    let heard = 0;
    const between = createServer(
      {
        key: forged.key,
        cert: forged.certificate + rig.authority.signer.certificate,
        ALPNProtocols: ['h2'],
        minVersion: 'TLSv1.3',
      },
      (socket) => {
        socket.on('data', (bytes) => (heard += bytes.length));
        socket.on('error', () => {});
      },
    );
    await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
    const { port } = between.address() as { port: number };
    const url = `https://127.0.0.1:${port}`;
    expect(await codeOf(join(writeJoinToken({ ...readJoinToken(token), url })))).toBe('controller-untrusted');
    expect(heard).toBe(0);
    between.close();
    expect(await codeOf(join(token))).toBe('done');
  });

  it('says that nobody is there', async () => {
    rig = await openAgentRig(['h1']);
    const url = 'https://127.0.0.1:1';
    const token = writeJoinToken({ ...readJoinToken(await rig.token('h1')), url });
    expect(await codeOf(join(token))).toBe('controller-unreachable');
  });

  it('revokes what a host had when it joins anew', async () => {
    rig = await openAgentRig(['h1']);
    const first = await join(await rig.token('h1'));
    const { troubles } = agent(() => first, 'h1');
    await until(() => isConnected('h1'));
    const second = await join(await rig.token('h1'));
    await until(() => troubles.some(({ code }) => code === 'certificate-refused'));
    agent(() => second, 'h1', 'after it was installed anew');
    await until(() => isConnected('h1'));
    expect(rig.identities.certificates().map(({ state }) => state)).toEqual(['good', 'revoked']);
  });
});

describe('whose certificate it is', () => {
  it('keeps a host from speaking for another, tells who it was, and ends the connection', async () => {
    rig = await openAgentRig(['h1', 'h2']);
    const one = await join(await rig.token('h1'));
    const { troubles } = agent(() => one, 'h2');
    await until(() => troubles.some(({ code }) => code === 'host-forbidden'));
    expect(isConnected('h2')).toBe(false);
    expect(rig.troubles[0]).toMatchObject({ host: 'h2', certified: 'h1', from: '127.0.0.1' });
    agent(() => one, 'h1');
    await until(() => isConnected('h1'));
  });

  it('refuses no certificate, one of another authority, one that is no host’s, and one that is over', async () => {
    rig = await openAgentRig(['h1']);
    const good = await join(await rig.token('h1'));
    const now = Date.now();
    const { signer } = rig.authority;
    const { key, request } = await makeRequest();
    const foreign = {
      ...good,
      key,
      certificate: await certifyHost(await makeAuthority(now), 'h1', request, now),
    };
    const over = { ...good, key, certificate: await certifyHost(signer, 'h1', request, now - 60 * DAY) };
    const unknown = { ...good, key, certificate: await certifyHost(signer, 'h1', request, now) };
    const server = { ...good, ...(await certifyListener(signer, now)) };
    const none = { ...good, key: '', certificate: '' };
    for (const credentials of [foreign, over, unknown, server, none]) {
      const { client, troubles } = agent(() => credentials, 'h1');
      await until(() => troubles.some(({ code }) => code === 'certificate-refused'));
      expect(isConnected('h1')).toBe(false);
      await client.stop();
    }
    for (const credentials of [foreign, over, unknown, server])
      expect(await codeOf(renew(credentials, 'boot'))).toBe('certificate-refused');
    agent(() => good, 'h1');
    await until(() => isConnected('h1'));
  });

  it('keeps little of what strangers and liars say that they are called, and nothing that breaks a line', async () => {
    rig = await openAgentRig(['h1']);
    const good = await join(await rig.token('h1'));
    const name = `h2\n\u001b[2Jh1 is fine${'x'.repeat(100_000)}`;
    for (const credentials of [good, { ...good, key: '', certificate: '' }]) {
      const { client } = agent(() => credentials, name);
      const seen = rig.troubles.length;
      await until(() => rig.troubles.length > seen);
      await client.stop();
    }
    expect(rig.troubles.map(({ finding }) => finding.code)).toContain('host-forbidden');
    expect(new Set(rig.troubles.map(({ host }) => host))).toEqual(new Set(['']));
    expect(JSON.stringify(rig.troubles).length).toBeLessThan(4_000 * rig.troubles.length);
    for (const { host, finding } of rig.troubles)
      expect([host, ...Object.values(finding)].join('')).not.toMatch(/\p{C}/u);
  });

  it('ends the connections of a host that is revoked, at once', async () => {
    rig = await openAgentRig(['h1', 'h2']);
    const [one, two] = [await join(await rig.token('h1')), await join(await rig.token('h2'))];
    const first = agent(() => one, 'h1');
    const second = agent(() => two, 'h2');
    await until(() => isConnected('h1') && isConnected('h2'));
    const used = () => rig.identities.certificates('h1')[0]?.used ?? null;
    await until(() => used() !== null);
    const lastUsed = used();
    await rig.token('h1');
    expect(await rig.identities.revokeHost('h1', 'ann')).toBe(1);
    expect(rig.identities.tokens.list()).toEqual([]);
    // Who looks into what happened wants to know.
    expect(used()).toBe(lastUsed);
    await until(() => first.troubles.some(({ code }) => code === 'certificate-refused'));
    expect(first.troubles.at(-1)?.message).toMatch(/was revoked, at .* by ann/);
    expect(isConnected('h1')).toBe(false);
    expect([isConnected('h2'), second.troubles]).toEqual([true, []]);
    expect(await codeOf(renew(one, 'boot of h1'))).toBe('certificate-refused');
  });

  it('ends those of a host that is deleted; one of the same name later is another', async () => {
    rig = await openAgentRig(['h1']);
    const one = await join(await rig.token('h1'));
    const { troubles } = agent(() => one, 'h1');
    await until(() => isConnected('h1'));
    const host = rig.controller.network.get('Host/h1')!.object;
    await rig.controller.apply([{ delete: 'Host/h1' }], { author: 'ann' });
    await until(() => troubles.some(({ code }) => code === 'certificate-refused'));
    await rig.controller.apply([{ object: host }], { author: 'ann' });
    const seen = troubles.length;
    await until(() => troubles.length > seen + 1);
    expect(isConnected('h1')).toBe(false);
  });

  it('is over for a connection that was begun in time', async () => {
    rig = await openAgentRig(['h1']);
    const one = await join(await rig.token('h1'));
    agent(() => one, 'h1');
    await until(() => isConnected('h1'));
    rig.setClock(31 * DAY);
    const [certificate] = rig.identities.certificates();
    expect(certificate?.state).toBe('expired');
    // The host says the same, by the same clock and in the same words.
    expect(documentOf(rig.controller, 'Host/h1')?.status).toMatchObject({
      certificate: { state: 'expired', expires: new Date(certificate!.expires).toISOString() },
    });
    expect(await codeOf(renew(one, 'boot of h1'))).toBe('certificate-refused');
  });
});

describe('renewal', () => {
  it('is due at two thirds, and makes a new key; the old certificate ends when the new one is used', async () => {
    // TLS goes by the machine's clock, so it is the joining that was long ago.
    rig = await openAgentRig(['h1'], -20 * DAY);
    let credentials = await join(await rig.token('h1'));
    const [first] = rig.identities.certificates();
    expect(Math.abs(renewalDue(credentials) - first!.issued - 20 * DAY)).toBeLessThan(10 * 60_000);
    agent(() => credentials, 'h1');
    await until(() => isConnected('h1'));
    rig.setClock(0);
    const old = credentials;
    const next = await renew(old, 'boot of h1');
    expect(next.key).not.toBe(old.key);
    expect(rig.identities.certificates().map(({ state }) => state)).toEqual(['good', 'good']);
    // The answer may get lost: then it asks again.
    const again = await renew(old, 'boot of h1');
    credentials = again;
    agent(() => again, 'h1');
    await until(() => rig.identities.certificates()[0]?.used !== null);
    expect(rig.identities.certificates().map(({ state }) => state)).toEqual(['good', 'followed', 'followed']);
    expect(await codeOf(renew(old, 'boot of h1'))).toBe('certificate-refused');
    expect(await codeOf(renew(again, 'boot of h1'))).toBe('done');
    expect(rig.identities.certificates()).toHaveLength(2);
  });

  it('leaves no more behind, however often it is asked for, and is refused to one that asks on and on', async () => {
    rig = await openAgentRig(['h1', 'h2']);
    const [one, two] = [await join(await rig.token('h1')), await join(await rig.token('h2'))];
    const codes: string[] = [];
    while (codes.at(-1) !== 'quota-exceeded' && codes.length < 100)
      codes.push(await codeOf(renew(one, 'boot')));
    expect(codes).toHaveLength(31);
    expect(rig.identities.certificates('h1').map(({ state }) => state)).toEqual(Array(4).fill('good'));
    // What it has is good all the same, and nobody else suffers.
    agent(() => one, 'h1');
    await until(() => isConnected('h1'));
    expect(await codeOf(renew(two, 'boot'))).toBe('done');
  });

  it('is refused to a copy of the machine while the machine is there', async () => {
    rig = await openAgentRig(['h1']);
    const one = await join(await rig.token('h1'));
    agent(() => one, 'h1', 'the machine');
    await until(() => isConnected('h1'));
    expect(await codeOf(renew(one, 'a copy'))).toBe('host-duplicate');
    const copy = agent(() => one, 'h1', 'a copy');
    await until(() => copy.troubles.some(({ code }) => code === 'host-duplicate'));
    const [trouble] = rig.troubles.slice(-1);
    expect(trouble).toMatchObject({ from: '127.0.0.1', others: ['127.0.0.1'] });
    expect(trouble?.finding.message).toMatch(/a copy.*the mach… is/);
    // Who is turned away learns nothing by which it could pass for the machine.
    expect(copy.troubles[0]?.message).toMatch(/the one with the mach… is connected/);
    expect(rig.controller.feed.statusOf('h1').bootNonce).toBe('the machine');
    expect(await codeOf(renew(one, 'the machine'))).toBe('done');
  });
});

describe('the listener', () => {
  /** A connection of TLS that says nothing. */
  const open = (more: object = {}): Promise<TLSSocket> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(rig.url);
      const socket = connectTls({
        host: hostname,
        port: Number(port),
        servername: CONTROLLER_NAME,
        ca: [...rig.authority.trusted],
        ALPNProtocols: ['h2'],
        ...more,
      });
      socket.once('error', reject);
      socket.once('secureConnect', () => resolve(socket));
    });

  /** Connections that begin to speak HTTP/2, and how many of them have ended. */
  const many = () => {
    const sockets: TLSSocket[] = [];
    let ended = 0;
    const begin = async (count: number, more: object = {}) => {
      for (let i = 0; i < count; i++) {
        const socket = await open(more);
        sockets.push(socket);
        socket.on('error', () => {}).on('close', () => ended++);
        socket.resume();
        socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
      }
    };
    return { sockets, ended: () => ended, begin };
  };

  it('speaks TLS 1.3 and HTTP/2 only, and is known by its name', async () => {
    rig = await openAgentRig(['h1']);
    const good = await open();
    expect([good.getProtocol(), good.alpnProtocol]).toEqual(['TLSv1.3', 'h2']);
    good.destroy();
    await expect(open({ maxVersion: 'TLSv1.2' })).rejects.toThrow();
    await expect(open({ ALPNProtocols: ['http/1.1'] })).rejects.toThrow();
    await expect(open({ servername: 'example.org' })).rejects.toThrow(/altnames/);
  });

  it('resumes nothing, also after a certificate was revoked', async () => {
    rig = await openAgentRig(['h1']);
    const { key, certificate } = await join(await rig.token('h1'));
    const sessionOf = async (first: TLSSocket): Promise<Buffer | undefined> => {
      const session = await new Promise<Buffer | undefined>((resolve) => {
        first.once('session', resolve);
        first.once('close', () => resolve(undefined));
        // HTTP/2 begins: now the server has to say something.
        first.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
      });
      first.destroy();
      return session;
    };
    const session = await sessionOf(await open({ key, cert: certificate }));
    const again = await open({ key, cert: certificate, ...(session ? { session } : {}) });
    expect(again.isSessionReused()).toBe(false);
    again.destroy();
    await rig.identities.revokeHost('h1', 'ann');
    const after = await open({ key, cert: certificate, ...(session ? { session } : {}) });
    expect(after.isSessionReused()).toBe(false);
    after.destroy();
    // The control: a server that has not said no resumes for the same client.
    const listener = await certifyListener(rig.authority.signer, Date.now());
    const lax = createServer(
      { key: listener.key, cert: listener.certificate, ALPNProtocols: ['h2'] },
      (socket) => void socket.on('error', () => {}).write('hello'),
    );
    await new Promise<void>((resolve) => lax.listen(0, '127.0.0.1', resolve));
    const { port } = lax.address() as { port: number };
    const ticket = await sessionOf(await open({ port }));
    const resumed = await open({ port, session: ticket });
    expect(resumed.isSessionReused()).toBe(true);
    resumed.destroy();
    lax.close();
  });

  it('leaves room for those who join, however many connections one address makes', async () => {
    rig = await openAgentRig(['h1']);
    const { sockets, ended, begin } = many();
    await begin(40);
    await until(() => ended() >= 8);
    expect(ended()).toBe(8);
    for (const socket of sockets) socket.destroy();
    // The control: those that have gone take no place.
    await until(() => ended() === 40);
    expect(await codeOf(join(await rig.token('h1')))).toBe('done');
  });

  it('has so many for a host with a good certificate, and for one that is revoked those of strangers', async () => {
    rig = await openAgentRig(['h1', 'h2']);
    const [one, two] = [await join(await rig.token('h1')), await join(await rig.token('h2'))];
    const { sockets, ended, begin } = many();
    await begin(10, { key: one.key, cert: one.certificate });
    await until(() => ended() >= 2);
    // The control: another host has its own.
    await begin(4, { key: two.key, cert: two.certificate });
    expect(ended()).toBe(2);
    for (const socket of sockets) socket.destroy();
    await until(() => ended() === 14);
    await rig.identities.revokeHost('h1', 'ann');
    await begin(40, { key: one.key, cert: one.certificate });
    await until(() => ended() >= 22);
    expect(ended()).toBe(22);
    for (const socket of sockets) socket.destroy();
    agent(() => two, 'h2');
    await until(() => isConnected('h2'));
  });

  it('goes on looking at certificates after something went wrong once', async () => {
    rig = await openAgentRig(['h1']);
    const { controller, identities, authority } = rig;
    const timers: { delay: number; run: () => void }[] = [];
    let isOver = false;
    const told: string[] = [];
    const listener = await listenForAgents({
      controller,
      // What is over is over by this clock.
      identities: new HostIdentities({
        controller,
        clock: { ...systemClock, wall: () => Date.now() + (isOver ? 31 * DAY : 0) },
        authority,
        url: () => rig.url,
      }),
      authority,
      clock: {
        now: () => systemClock.now(),
        wall: () => systemClock.wall(),
        after: (delay, run) => {
          timers.push({ delay, run });
          return () => {};
        },
      },
      at: { host: '127.0.0.1', port: 0 },
      onTrouble: ({ finding }) => {
        told.push(finding.code);
        throw new Error('a defect');
      },
    });
    const looks = () => timers.filter(({ delay }) => delay === 20_000);
    const credentials = { ...(await join(await rig.token('h1'))), controllerUrl: listener.url };
    agent(() => credentials, 'h1');
    await until(() => isConnected('h1'));
    expect(looks()).toHaveLength(1);
    isOver = true;
    expect(looks()[0]!.run).toThrow('a defect');
    expect([looks().length, told]).toEqual([2, ['certificate-refused']]);
    expect(identities.certificates()[0]?.state).toBe('good');
    await listener.close();
  });

  it('stays up under what is no handshake, and under half of one', async () => {
    rig = await openAgentRig(['h1']);
    const { hostname, port } = new URL(rig.url);
    const send = (bytes: Uint8Array) =>
      new Promise<void>((resolve) => {
        const socket = connectTcp(Number(port), hostname, () => socket.end(bytes));
        socket.on('error', () => resolve());
        socket.on('close', () => resolve());
        socket.resume();
      });
    const hello = await clientHello();
    const mutated = fc
      .array(fc.tuple(fc.nat(hello.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 })
      .map((edits) => {
        const bytes = Uint8Array.from(hello);
        for (const [at, value] of edits) bytes[at] = value;
        return bytes;
      });
    const names = fc.tuple(fc.integer({ min: 0, max: hello.length - 1 }), fc.uint8Array({ maxLength: 300 }));
    const torn = names.map(([at, more]) => Uint8Array.from([...hello.subarray(0, at), ...more]));
    const frames = fc.oneof(
      { weight: 6, arbitrary: mutated },
      { weight: 3, arbitrary: torn },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 600 }) },
    );
    for (let sent = 0; sent < 10_000; sent += 250) {
      await Promise.all(fc.sample(frames, { numRuns: 250, seed: sent }).map(send));
    }
    // What comes within TLS is no better.
    const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0';
    for (let sent = 0; sent < 200; sent += 50) {
      const inside = fc.tuple(fc.boolean(), fc.uint8Array({ maxLength: 400 }));
      await Promise.all(
        fc.sample(inside, { numRuns: 50, seed: sent }).map(async ([isHttp2, bytes]) => {
          const socket = await open();
          const ended = new Promise<void>(
            (resolve) => void socket.on('error', () => {}).on('close', resolve),
          );
          socket.resume();
          if (isHttp2) socket.write(preface, 'latin1');
          socket.end(bytes);
          await ended;
        }),
      );
    }
    const credentials = await join(await rig.token('h1'));
    agent(() => credentials, 'h1');
    await until(() => isConnected('h1'));
  });
});

describe('secrets', () => {
  it('stand in nothing that is told: journal, jobs, findings', async () => {
    rig = await openAgentRig(['h1']);
    const token = await rig.token('h1');
    const { secret } = readJoinToken(token);
    await join(token);
    await codeOf(join(token));
    const told = JSON.stringify([
      await rig.controller.history({ limit: 100 }),
      rig.controller.jobs.list({ limit: 100, passes: () => true }),
      rig.troubles,
      rig.identities.tokens.list(),
      rig.identities.certificates(),
    ]);
    expect(told).toContain('h1 joined with join token');
    expect(told.includes(secret) || told.includes(token)).toBe(false);
    expect(told).not.toContain('PRIVATE KEY');
  });
});

/** The first message of a client of TLS 1.3 that names a server and protocols. */
function clientHello(): Promise<Uint8Array> {
  return new Promise((resolve) => {
    const server = createTcp((socket) => {
      socket.once('data', (bytes) => {
        socket.destroy();
        server.close(() => resolve(Uint8Array.from(bytes)));
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      const servername = CONTROLLER_NAME;
      connectTls({ host: '127.0.0.1', port, servername, ALPNProtocols: ['h2'] }).on('error', () => {});
    });
  });
}
