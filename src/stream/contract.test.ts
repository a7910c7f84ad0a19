/** What holds over every transport: the same suite on the twin in memory and on HTTP/2. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { afterEach, describe, expect, it } from 'vitest';
import { NOTHING_COUNTED } from '../../test/support/counting-agent.ts';
import { EPOCH, eventually, hello, say, shareOf } from '../../test/support/policy-stream.ts';
import { FakeClock, systemClock } from '../base/clock.ts';
import { type Finding, finding } from '../base/error.ts';
import { ip, mac, prefix } from '../packet/address.ts';
import { type PolicyRecord, recordKey, type Scope } from '../policy/records.ts';
import { type PolicyDelta, PolicySet } from '../policy/set.ts';
import { type ClientOptions, PolicyClient, type PolicyHandler } from './client.ts';
import type { HostCounters } from './counted.ts';
import { type FeedOptions, PolicyFeed } from './feed.ts';
import { type AgentMessageSchema, type ControllerMessage, PolicyService } from './gen/policy_pb.ts';
import { http2Transport, listenHttp2 } from './http2.ts';
import { memoryTransport } from './memory.ts';
import { type HostReport, writeReport } from './report.ts';
import { policyRoutes, type ServiceOptions } from './server.ts';

interface Wire {
  readonly transport: Transport;
  close(): Promise<void>;
}

const twins: { name: string; open(feed: PolicyFeed, options: ServiceOptions): Promise<Wire> }[] = [
  {
    name: 'in memory',
    open: async (feed, options) => ({
      transport: memoryTransport(policyRoutes(feed, options)),
      close: async () => {},
    }),
  },
  {
    name: 'over HTTP/2',
    open: async (feed, options) => {
      const listener = await listenHttp2(policyRoutes(feed, options), {
        at: { host: '127.0.0.1', port: 0 },
      });
      return { transport: http2Transport({ url: listener.url }), close: () => listener.close() };
    },
  },
];

const domain: PolicyRecord = {
  kind: 'domain',
  rdid: 'blue',
  number: 1,
  name: 'Blue',
  logicalNetwork: 'App',
  origin: 'VmNetwork/Blue',
};

function switchRecord(name: string, origin = ''): PolicyRecord {
  return { kind: 'switch', name, type: 'private', origin };
}

function put(scope: Scope, ...records: PolicyRecord[]): PolicyDelta {
  return { changes: records.map((record) => ({ scope, key: recordKey(record), record })) };
}

const DROP = { switch: 'a', object: '', words: 'a guest may not be a DHCP server', packets: 7 };
const REPORT: HostReport = {
  version: '1.2.3',
  engine: 'softswitch',
  nics: [{ name: 'nic1', mac: '00:1d:d8:00:00:01', speedMbps: 10_000, link: true }],
  switches: [{ name: 'a', ports: 1, flows: 2 }],
  drift: [
    {
      what: 'port-missing',
      switch: 'a',
      port: 'vnic/1',
      object: 'VirtualMachine/blue1',
      words: 'The port of vNIC blue1/eth0 is gone.',
      count: 1,
    },
  ],
  repaired: [],
  findings: [],
};

describe.each(twins)('the stream $name', ({ open }) => {
  const cleanups: (() => Promise<void> | void)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function controller(options: Partial<ServiceOptions> = {}, more: Partial<FeedOptions> = {}) {
    const policy = new PolicySet();
    const feed = new PolicyFeed({ epoch: EPOCH, revision: 0, policy, ...more });
    const wire = await open(feed, { clock: systemClock, ...options });
    cleanups.push(async () => {
      feed.close();
      await wire.close();
    });
    return { feed, policy, transport: wire.transport };
  }

  /** An agent that carries out what it is told on a policy of its own. */
  function agent(
    transport: Transport,
    options: Partial<ClientOptions> = {},
    onCheck?: PolicyHandler['onCheck'],
  ) {
    const calls: string[] = [];
    const troubles: string[] = [];
    const inForce = new PolicySet();
    const work = { before: async (_revision: number): Promise<Finding[]> => [] };
    const client = new PolicyClient({
      host: 'h1',
      bootNonce: 'boot',
      transport,
      clock: systemClock,
      random: () => 0,
      reconnect: { minBackoff: 1, maxBackoff: 2 },
      onTrouble: (trouble) => trouble && troubles.push(trouble.code),
      handler: {
        async onSnapshot(policy, revision, epoch) {
          calls.push(`snapshot ${epoch} ${revision}: ${policy.size}`);
          const findings = await work.before(revision);
          for (const scope of inForce.scopes()) {
            inForce.apply({ changes: [...inForce.scope(scope).keys()].map((key) => ({ scope, key })) });
          }
          inForce.apply(policy.snapshot());
          return findings;
        },
        async onDelta(delta, from, to, policy) {
          calls.push(`delta ${from}..${to}: ${delta.changes.length}`);
          const findings = await work.before(to);
          inForce.apply(delta);
          expect(inForce.text()).toBe(policy.text());
          return findings;
        },
        ...(onCheck && { onCheck }),
      },
      ...options,
    });
    cleanups.push(() => client.stop());
    client.start();
    return { client, calls, troubles, inForce, work };
  }

  it('[P4][P15] brings an agent to the present, keeps it there, and learns of it', async () => {
    const { feed, policy, transport } = await controller();
    feed.publish(1, put('host/h1', switchRecord('Internal'), domain));
    const { client, calls, inForce } = agent(transport);
    await feed.whenApplied(1);
    const route: PolicyRecord[] = Array.from({ length: 1000 }, (_, i) => ({
      kind: 'lookup',
      rdid: 'blue',
      vsid: 5001,
      ca: ip(`10.0.${i >> 8}.${i & 255}`),
      mac: mac('00:1d:d8:b7:1c:00'),
      pa: ip('192.168.4.11'),
      port: `vnic${i}`,
      origin: 'VirtualMachine/öß',
    }));
    expect(feed.publish(2, put('domain/blue', ...route))).toEqual(['h1']);
    const [status] = await feed.whenApplied(2);
    expect(status).toEqual({
      host: 'h1',
      connected: true,
      bootNonce: 'boot',
      touched: 2,
      outcome: { revision: 2, ok: true, findings: [] },
    });
    expect(calls).toEqual([`snapshot ${EPOCH} 1: 2`, 'delta 1..2: 1000']);
    expect(inForce.text()).toBe(shareOf(policy, 'h1').text());
    expect([client.epoch, client.revision]).toEqual([EPOCH, 2]);
  });

  it('[P4] goes on where it was when the stream breaks', async () => {
    const { feed, transport } = await controller();
    feed.publish(1, put('host/h1', switchRecord('a')));
    const { calls, inForce } = agent(transport);
    await feed.whenApplied(1);
    feed.close();
    feed.publish(2, put('host/h1', switchRecord('b')));
    await feed.whenApplied(2);
    expect(calls).toEqual([`snapshot ${EPOCH} 1: 1`, 'delta 1..2: 1']);
    expect(inForce.size).toBe(2);
  });

  it('[P15] repeats what it has in force when it comes again', async () => {
    const { feed, transport } = await controller();
    feed.publish(1, put('host/h1', switchRecord('a')));
    agent(transport);
    await feed.whenApplied(1);
    feed.close();
    await eventually(() => feed.status()[0]?.connected === true && feed.status()[0]?.outcome !== undefined);
    expect(feed.status()[0]?.outcome).toEqual({ revision: 1, ok: true, findings: [] });
  });

  it('[P8] moves the number of an agent that nothing concerns', async () => {
    const { feed, transport } = await controller({ heartbeatEvery: 1 });
    feed.publish(1, put('host/h1', switchRecord('a')));
    const { client, calls } = agent(transport);
    await feed.whenApplied(1);
    feed.publish(2, put('host/h2', switchRecord('a')));
    await eventually(() => client.revision === 2);
    await eventually(() => feed.status()[0]?.outcome?.revision === 2);
    expect(calls).toEqual([`snapshot ${EPOCH} 1: 1`]);
  });

  it('[P9] lets a slow agent be slow: what it missed comes merged, and nobody else waits', async () => {
    const { feed, policy, transport } = await controller();
    feed.publish(1, {
      changes: ['host/h1', 'host/h2'].flatMap((scope) => put(scope as Scope, domain).changes),
    });
    const slow = agent(transport);
    const quick = agent(transport, { host: 'h2', bootNonce: 'other' });
    await feed.whenApplied(1);
    const gate = Promise.withResolvers<void>();
    slow.work.before = async () => {
      await gate.promise;
      return [];
    };
    const last = 2001;
    for (let revision = 2; revision <= last; revision++) {
      const record: PolicyRecord = {
        kind: 'route',
        rdid: 'blue',
        vsid: 5001,
        prefix: prefix('10.0.0.0/24'),
        nextHop: ip('0.0.0.0'),
        origin: `${revision} ${'x'.repeat(8000)}`,
      };
      feed.publish(revision, put('domain/blue', record));
      if (revision % 10 === 0) await feed.whenApplied(revision, ['h2']);
    }
    await feed.whenApplied(last, ['h2']);
    expect(quick.calls.length).toBeGreaterThan(150);
    expect(slow.calls).toHaveLength(2);
    gate.resolve();
    await feed.whenApplied(last);
    // Besides the one at work there is what the transport holds (HTTP/2's window and Node's buffers), no more.
    expect(slow.calls.length).toBeLessThan(40);
    expect(slow.inForce.text()).toBe(shareOf(policy, 'h1').text());
  });

  it('[P18] calls the handler for one thing at a time, and stop waits for it', async () => {
    const { feed, transport } = await controller();
    feed.publish(1, put('host/h1', switchRecord('a')));
    const { client, work, calls } = agent(transport);
    let running = 0;
    let most = 0;
    work.before = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running--;
      return [];
    };
    for (let revision = 2; revision <= 30; revision++) {
      feed.publish(revision, put('host/h1', switchRecord(`s${revision}`)));
      if (revision % 10 === 0) feed.close();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await feed.whenApplied(30);
    feed.publish(31, put('host/h1', switchRecord('z')));
    await eventually(() => running === 1);
    await client.stop();
    expect([running, most]).toEqual([0, 1]);
    const count = calls.length;
    feed.publish(32, put('host/h1', switchRecord('y')));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(calls).toHaveLength(count);
    await eventually(() => feed.status()[0]?.connected === false);
  });

  it('[P15] reports what could not be put in force, and what was thrown', async () => {
    const { feed, transport } = await controller();
    const { work, calls } = agent(transport);
    const trouble = finding('port-invalid', 'port/x', 'The port is gone.', 'Plug it in.');
    work.before = async () => [trouble];
    feed.publish(1, put('host/h1', switchRecord('a')));
    expect((await feed.whenApplied(1))[0]?.outcome).toEqual({ revision: 1, ok: false, findings: [trouble] });
    work.before = async () => {
      throw new Error('boom');
    };
    feed.publish(2, put('host/h1', switchRecord('b')));
    expect((await feed.whenApplied(2))[0]?.outcome).toMatchObject({
      ok: false,
      findings: [{ message: 'boom' }],
    });
    work.before = async () => [];
    feed.publish(3, put('host/h1', switchRecord('c')));
    expect((await feed.whenApplied(3))[0]?.outcome).toEqual({ revision: 3, ok: true, findings: [] });
    // Nobody knows how far the one that threw had got, so the next one gets all.
    expect(calls.at(-1)).toBe(`snapshot ${EPOCH} 3: 3`);
  });

  it('[P14] keeps the policy when a record is not understood, says so, and goes on when it is gone', async () => {
    const { feed, transport } = await controller();
    feed.publish(1, put('host/h1', switchRecord('a')));
    const { client, calls } = agent(transport);
    await feed.whenApplied(1);
    const strange: PolicyRecord = JSON.parse(
      '{"kind":"switch","name":"b","type":"private","origin":"","pvlan":1}',
    );
    feed.publish(2, put('host/h1', strange));
    expect((await feed.whenApplied(2))[0]?.outcome).toMatchObject({
      revision: 2,
      ok: false,
      findings: [{ code: 'field-unknown', path: 'host/h1 switch/b' }],
    });
    expect([client.revision, client.policy.size]).toEqual([1, 1]);
    feed.publish(3, put('host/h1', switchRecord('b')));
    expect((await feed.whenApplied(3))[0]?.outcome).toMatchObject({ ok: true });
    expect(calls.at(-1)).toBe('delta 1..3: 1');
  });

  it('[P12] turns a second machine away and leaves the first alone', async () => {
    const { feed, transport } = await controller();
    const first = agent(transport);
    await eventually(() => first.calls.length === 1);
    const second = agent(transport, { bootNonce: 'clone' });
    await eventually(() => second.troubles.includes('host-duplicate'));
    feed.publish(1, put('host/h1', switchRecord('a')));
    await feed.whenApplied(1);
    expect(first.troubles).toEqual([]);
    expect(second.calls).toEqual([]);
    await first.client.stop();
    await eventually(() => second.calls.length === 1);
  });

  it('[P20] lets nobody speak for a host that it may not be', async () => {
    const { feed, transport } = await controller({
      objection: (host) => (host === 'h1' ? undefined : finding('host-forbidden', host, 'No.', 'Be h1.')),
    });
    const good = agent(transport);
    const bad = agent(transport, { host: 'h2', bootNonce: 'other' });
    await eventually(() => good.calls.length === 1 && bad.troubles.includes('host-forbidden'));
    expect(bad.calls).toEqual([]);
    expect(feed.status().map(({ host }) => host)).toEqual(['h1']);
  });

  it('[P18] gives the handler what an earlier life left, also while there is no controller', async () => {
    const held = {
      epoch: EPOCH,
      revision: 0,
      policy: PolicySet.of([{ scope: 'host/h1', record: switchRecord('a') }]),
    };
    const alone = agent(
      memoryTransport(() => {}),
      { held },
    );
    await eventually(() => alone.troubles.length >= 3);
    expect(alone.calls).toEqual([`snapshot ${EPOCH} 0: 1`]);
    expect(alone.troubles[0]).toBe('controller-unreachable');
    expect(alone.inForce.size).toBe(1);
  });

  it('[P13][P15] does not take for in force what turns out to be another policy', async () => {
    const { feed, policy, transport } = await controller();
    feed.publish(1, put('host/h1', switchRecord('a')));
    const broken = PolicySet.of([{ scope: 'host/h1', record: switchRecord('b') }]);
    const { client, troubles, calls } = agent(transport, {
      held: { epoch: EPOCH, revision: 1, policy: broken },
    });
    await feed.whenApplied(1);
    expect(client.policy.text()).toBe(shareOf(policy, 'h1').text());
    expect(troubles).toEqual(['policy-mismatch']);
    expect(calls).toEqual([`snapshot ${EPOCH} 1: 1`, `snapshot ${EPOCH} 1: 1`]);
  });

  it('[P11] keeps what it has of another epoch until the operator agrees', async () => {
    const { feed, transport } = await controller();
    feed.publish(1, put('host/h1', switchRecord('b')));
    const policy = PolicySet.of([{ scope: 'host/h1', record: switchRecord('a') }]);
    const { client, troubles, calls } = agent(transport, { held: { epoch: 'epoch-0', revision: 7, policy } });
    await eventually(() => troubles.length >= 2);
    expect(new Set(troubles)).toEqual(new Set(['epoch-mismatch']));
    expect(calls).toEqual(['snapshot epoch-0 7: 1']);
    expect(feed.status()).toMatchObject([
      { host: 'h1', connected: false, refused: { code: 'epoch-mismatch' } },
    ]);
    feed.adopt('h1');
    await feed.whenApplied(1);
    expect([client.epoch, client.revision, client.policy.get('host/h1', 'switch/b')?.kind]).toEqual([
      EPOCH,
      1,
      'switch',
    ]);
  });

  it('[P1] does not talk to one that does not say hello, or says it twice', async () => {
    const troubles: string[] = [];
    const { transport } = await controller({ onTrouble: (_host, { code }) => troubles.push(code) });
    type Said = MessageInitShape<typeof AgentMessageSchema>;
    const talk = async (...said: Said[]): Promise<string[]> => {
      const heard: string[] = [];
      const end = Promise.withResolvers<void>();
      const speak = async function* () {
        yield* said;
        await end.promise;
      };
      try {
        for await (const message of createClient(PolicyService, transport).sync(speak()))
          heard.push(say(message));
      } catch (error) {
        heard.push(Code[ConnectError.from(error).code]);
      } finally {
        end.resolve();
      }
      return heard;
    };
    const greeting: Said = { body: { case: 'hello', value: hello('h1') } };
    expect(await talk({ body: { case: 'heartbeat', value: {} } })).toEqual(['InvalidArgument']);
    expect(await talk({})).toEqual(['InvalidArgument']);
    expect((await talk(greeting, greeting)).slice(0, 1)).toEqual([`welcome ${EPOCH} 0`]);
    expect((await talk(greeting, {})).slice(0, 1)).toEqual([`welcome ${EPOCH} 0`]);
    expect(troubles).toEqual(['protocol-violation', 'protocol-violation']);
    expect(await talk({ body: { case: 'hello', value: hello('h1', { protocolVersion: 9 }) } })).toEqual([
      'refused protocol-version',
    ]);
  });

  it('[P21] asks an agent how its host is, and to repair it, and keeps what it says', async () => {
    const reports: string[] = [];
    const { feed, transport } = await controller(
      {},
      { wall: () => 4711, onReport: (host, { engine }, asked) => reports.push(`${host} ${engine} ${asked}`) },
    );
    feed.publish(1, put('host/h1', switchRecord('a')));
    const { client } = agent(transport, {}, async (repair) => ({ ...REPORT, engine: `repair ${repair}` }));
    await feed.whenApplied(1);
    const [looked] = await feed.check(['h1'], { repair: false });
    expect(looked).toMatchObject({ connected: true, report: { engine: 'repair false' }, reportedAt: 4711 });
    const [repaired, unknown] = await feed.check(['h1', 'h2'], { repair: true });
    expect(repaired?.report).toEqual({ ...REPORT, engine: 'repair true' });
    expect(unknown).toEqual({ host: 'h2', connected: false, touched: 0 });
    client.report({ ...REPORT, engine: 'by itself' });
    await eventually(() => reports.length === 3);
    expect(reports).toEqual(['h1 repair false true', 'h1 repair true true', 'h1 by itself false']);
    // It says it again when it comes again, and it is not forgotten while the agent is away.
    feed.close();
    expect(feed.statusOf('h1')).toMatchObject({
      connected: false,
      since: 4711,
      report: { engine: 'by itself' },
    });
    await eventually(() => reports.length === 4);
  });

  it('[P21] asks once for all that ask while one question is under way, and lets nobody wait for one that is gone', async () => {
    const { feed, transport } = await controller();
    feed.publish(1, put('host/h1', switchRecord('a')));
    const asked: boolean[] = [];
    const gate = Promise.withResolvers<void>();
    agent(transport, {}, async (repair) => {
      asked.push(repair);
      await gate.promise;
      return REPORT;
    });
    await feed.whenApplied(1);
    const first = feed.check(['h1'], { repair: false });
    await eventually(() => asked.length === 1);
    const rest = [false, true, false].map((repair) => feed.check(['h1'], { repair }));
    gate.resolve();
    await Promise.all([first, ...rest]);
    expect(asked).toEqual([false, true]);
    await expect(feed.check(['h1'], { repair: false }, AbortSignal.abort('late'))).rejects.toBe('late');
    const last = feed.check(['h1'], { repair: false });
    feed.close();
    expect((await last)[0]?.connected).toBe(false);
  });

  it('[P23] asks agents what they have counted, and takes those who do not know for silent', async () => {
    const { feed, transport } = await controller();
    feed.publish(1, put('host/h1', switchRecord('a')));
    feed.publish(2, put('host/h2', switchRecord('a')));
    const counted: HostCounters = { ...NOTHING_COUNTED, drops: [DROP] };
    let asked = 0;
    const gate = Promise.withResolvers<void>();
    const handler = { onSnapshot: () => [], onDelta: () => [] };
    const counting = {
      ...handler,
      onCheck: async () => REPORT,
      onCount: async () => {
        asked += 1;
        await gate.promise;
        return counted;
      },
    };
    agent(transport, { handler: counting });
    // One of an older version answers with a report, and that is as good as any.
    agent(transport, { host: 'h2', handler: { ...handler, onCheck: async () => REPORT } });
    await feed.whenApplied(1, ['h1', 'h2']);
    const hosts = ['h1', 'h2', 'h3'];
    const never = new AbortController().signal;
    const first = feed.count(hosts, never);
    await eventually(() => asked === 1);
    // Questions of both kinds that come meanwhile are asked once each.
    const more = [feed.count(hosts, never), feed.count(hosts, never)];
    const look = feed.check(['h1'], { repair: false });
    expect(await feed.count(['h1'], AbortSignal.abort())).toEqual(new Map());
    gate.resolve();
    for (const answers of await Promise.all([first, ...more]))
      expect(answers).toEqual(new Map([['h1', counted]]));
    expect((await look)[0]?.report).toEqual(REPORT);
    expect(asked).toBe(2);
    expect(feed.statusOf('h2').report).toEqual(REPORT);
    const last = feed.count(['h1'], never);
    feed.close();
    expect((await last).size).toBeLessThan(2);
  });

  it('[P22] passes over a report that cannot be read, and ends the stream of an agent that never stops reporting', async () => {
    const troubles: Finding[] = [];
    const clock = new FakeClock();
    const { feed, transport } = await controller({
      clock,
      onTrouble: (_host, trouble) => troubles.push(trouble),
    });
    const talk = async (...said: MessageInitShape<typeof AgentMessageSchema>[]): Promise<void> => {
      const end = Promise.withResolvers<void>();
      const speak = async function* () {
        yield { body: { case: 'hello' as const, value: hello('h1') } };
        yield* said;
        await end.promise;
      };
      const before = troubles.length;
      const abort = new AbortController();
      const heard = (async () => {
        for await (const _ of createClient(PolicyService, transport).sync(speak(), { signal: abort.signal }));
      })().catch(() => {});
      await eventually(() => troubles.length > before);
      abort.abort();
      end.resolve();
      await heard;
    };
    const report = (text: string | Uint8Array) => ({
      body: {
        case: 'report' as const,
        value: { report: typeof text === 'string' ? new TextEncoder().encode(text) : text },
      },
    });
    feed.publish(1, put('host/h1', switchRecord('a')));
    await talk(report(writeReport(REPORT)), report('{"drift": 7}'));
    expect(troubles).toMatchObject([{ code: 'protocol-violation', severity: 'warning' }]);
    expect(feed.statusOf('h1').report).toEqual(REPORT);
    await talk(...Array.from({ length: 21 }, () => report(writeReport(REPORT))));
    expect(troubles[1]?.message).toContain('more often than 20 times a second');
    // Each message is answered once; what is said of it again and again is as unasked as a report.
    let told = 0;
    const stop = feed.onStatus(() => {
      told += 1;
    });
    const applied = { body: { case: 'applied' as const, value: { revision: 1n, ok: true } } };
    await talk(...Array.from({ length: 100 }, () => applied));
    stop();
    expect(troubles[2]?.message).toContain('more often than 20 times a second');
    expect(told).toBeLessThan(30);
  });

  it('[P16] ends the stream of an agent that has fallen silent', async () => {
    const clock = new FakeClock();
    const { feed, transport } = await controller({ clock });
    const end = Promise.withResolvers<void>();
    const speak = async function* () {
      yield { body: { case: 'hello' as const, value: hello('h1') } };
      await end.promise;
    };
    const heard: ControllerMessage[] = [];
    const ended = (async () => {
      for await (const message of createClient(PolicyService, transport).sync(speak())) heard.push(message);
    })();
    await eventually(() => heard.length === 2);
    for (let beat = 1; beat <= 2; beat++) {
      clock.advance(5_000);
      await eventually(() => heard.length === 2 + beat);
    }
    expect(feed.status()[0]?.connected).toBe(true);
    clock.advance(5_000);
    await ended;
    expect(feed.status()).toEqual([]);
    expect(heard.map(say)).toEqual([
      `welcome ${EPOCH} 0`,
      'snapshot 0: 0',
      'heartbeat 0..0',
      'heartbeat 0..0',
    ]);
    end.resolve();
    expect(clock.next()).toBeUndefined();
  });

  it('leaves nothing behind: no timer, no stream', async () => {
    const clock = new FakeClock();
    const { feed, transport } = await controller({ clock });
    feed.publish(1, put('host/h1', switchRecord('a')));
    for (let life = 0; life < 20; life++) {
      const { client } = agent(transport, { clock });
      await feed.whenApplied(1);
      await client.stop();
      await eventually(() => feed.status()[0]?.connected === false);
      await eventually(() => clock.next() === undefined);
    }
  });
});
