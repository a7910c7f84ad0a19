import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HOSTS, policyDelta } from '../../test/support/policy-arbitraries.ts';
import { EPOCH, hello, say, shareOf, wired } from '../../test/support/policy-stream.ts';
import { finding, NetloomError } from '../base/error.ts';
import { ip, mac, prefix } from '../packet/address.ts';
import { type PolicyRecord, recordKey, type Scope } from '../policy/records.ts';
import { type PolicyDelta, PolicySet } from '../policy/set.ts';
import type { AgentFeed } from './agent-feed.ts';
import { PolicyFeed } from './feed.ts';
import { writeFindings } from './findings.ts';
import { AppliedSchema, type ControllerMessage } from './gen/policy_pb.ts';
import { History } from './history.ts';
import { Replica } from './replica.ts';

const origin = 'test';
const switchRecord = (name: string): PolicyRecord => ({ kind: 'switch', name, type: 'private', origin });
const domain = (rdid: string): PolicyRecord => ({
  kind: 'domain',
  rdid,
  number: 1,
  name: rdid,
  logicalNetwork: 'App',
  origin,
});
const route = (rdid: string, net: string): PolicyRecord => ({
  kind: 'route',
  rdid,
  vsid: 5001,
  prefix: prefix(net),
  nextHop: ip('0.0.0.0'),
  origin,
});
const lookup = (rdid: string, n: number, port = 'p'): PolicyRecord => ({
  kind: 'lookup',
  rdid,
  vsid: 5001,
  ca: ip(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`),
  mac: mac('00:1d:d8:b7:1c:00'),
  pa: ip('192.168.4.11'),
  port,
  origin,
});

function put(scope: Scope, ...records: PolicyRecord[]): PolicyDelta {
  return { changes: records.map((record) => ({ scope, key: recordKey(record), record })) };
}

function remove(scope: Scope, ...records: PolicyRecord[]): PolicyDelta {
  return { changes: records.map((record) => ({ scope, key: recordKey(record) })) };
}

function newFeed(options: { historyLimit?: number; maxChanges?: number } = {}): PolicyFeed {
  return new PolicyFeed({ epoch: EPOCH, revision: 0, policy: new PolicySet(), ...options });
}

/** Everything that there is to say now. */
function drain(agent: AgentFeed): ControllerMessage[] {
  const messages: ControllerMessage[] = [];
  for (let message = agent.next(); message; message = agent.next()) messages.push(wired(message));
  return messages;
}

const told = (agent: AgentFeed) => drain(agent).map(say);

function applied(agent: AgentFeed, revision: number, ok = true): void {
  agent.applied(create(AppliedSchema, { revision: BigInt(revision), ok }));
}

function refusalOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return NetloomError.from(error).code;
  }
  return 'accepted';
}

describe('PolicyFeed', () => {
  it('[P4] gives a newcomer everything and one that knows the epoch what it lacks', () => {
    const feed = newFeed();
    feed.publish(1, put('host/h1', switchRecord('Internal'), domain('blue')));
    feed.publish(2, put('domain/blue', route('blue', '10.0.0.0/24')));
    expect(told(feed.connect(hello('h1')))).toEqual([`welcome ${EPOCH} 2`, 'snapshot 2: 3']);
    expect(told(feed.connect(hello('h1', { epoch: EPOCH, revision: 1n })))).toEqual([
      `welcome ${EPOCH} 2`,
      'delta 1..2: 1',
    ]);
    expect(told(feed.connect(hello('h1', { epoch: EPOCH, revision: 2n })))).toEqual([
      `welcome ${EPOCH} 2`,
      'delta 2..2: 0',
    ]);
    expect(told(feed.connect(hello('h1', { epoch: EPOCH, revision: 2n, wantSnapshot: true })))[1]).toBe(
      'snapshot 2: 3',
    );
  });

  it('[P4] gives a snapshot when the history no longer reaches back', () => {
    const feed = newFeed({ historyLimit: 2 });
    for (let n = 1; n <= 4; n++) feed.publish(n, put('host/h1', switchRecord(`s${n}`)));
    expect(told(feed.connect(hello('h1', { epoch: EPOCH, revision: 2n })))[1]).toBe('delta 2..4: 2');
    expect(told(feed.connect(hello('h1', { epoch: EPOCH, revision: 1n })))[1]).toBe('snapshot 4: 4');
  });

  it('[P7] sends a domain whole to a host that joins it, and takes it back when the host leaves', () => {
    const feed = newFeed();
    feed.publish(1, put('domain/blue', route('blue', '10.0.0.0/24'), lookup('blue', 1)));
    const agent = feed.connect(hello('h1'));
    expect(told(agent)).toEqual([`welcome ${EPOCH} 1`, 'snapshot 1: 0']);
    expect(feed.publish(2, put('host/h1', domain('blue')))).toEqual(['h1']);
    expect(told(agent)).toEqual(['delta 1..2: 3']);
    expect(feed.publish(3, put('domain/blue', lookup('blue', 2)))).toEqual(['h1']);
    expect(told(agent)).toEqual(['delta 2..3: 1']);
    expect(feed.publish(4, remove('host/h1', domain('blue')))).toEqual(['h1']);
    expect(told(agent)).toEqual(['delta 3..4: 4']);
    expect(feed.publish(5, put('domain/blue', lookup('blue', 3)))).toEqual([]);
    expect(told(agent)).toEqual([]);
  });

  it('[P8] tells a host nothing of a commit that does not concern it, but for the number at a heartbeat', () => {
    const feed = newFeed();
    const agent = feed.connect(hello('h1'));
    drain(agent);
    expect(feed.publish(1, put('host/h2', switchRecord('Internal')))).toEqual(['h2']);
    expect(told(agent)).toEqual([]);
    agent.heartbeat();
    expect(told(agent)).toEqual(['heartbeat 0..1']);
    agent.heartbeat();
    agent.heartbeat();
    expect(told(agent)).toEqual(['heartbeat 1..1']);
  });

  it('[P5] cuts a revision into messages of 100 changes and of 256 KiB', () => {
    const feed = newFeed();
    feed.publish(1, put('host/h1', domain('blue')));
    const agent = feed.connect(hello('h1'));
    drain(agent);
    feed.publish(2, put('domain/blue', ...Array.from({ length: 250 }, (_, n) => lookup('blue', n))));
    expect(told(agent)).toEqual(['delta 1..2: 100 ...', 'delta 1..2: 100 ...', 'delta 1..2: 50']);
    const long = 'x'.repeat(100_000);
    feed.publish(3, put('domain/blue', ...Array.from({ length: 5 }, (_, n) => lookup('blue', n, long))));
    expect(told(agent)).toEqual(['delta 2..3: 2 ...', 'delta 2..3: 2 ...', 'delta 2..3: 1']);
    feed.publish(4, put('domain/blue', lookup('blue', 1, 'x'.repeat(300_000))));
    expect(told(agent)).toEqual(['delta 3..4: 1']);
  });

  it('[P5] finishes a revision that it has begun as it was then', () => {
    const feed = newFeed({ maxChanges: 1 });
    feed.publish(1, put('host/h1', switchRecord('a'), switchRecord('b'), switchRecord('c')));
    const agent = feed.connect(hello('h1'));
    expect(say(agent.next()!)).toBe(`welcome ${EPOCH} 1`);
    expect(say(agent.next()!)).toBe('snapshot 1: 1 ...');
    feed.publish(2, remove('host/h1', switchRecord('c')));
    expect(told(agent)).toEqual(['snapshot 1: 1 ...', 'snapshot 1: 1', 'delta 1..2: 1']);
  });

  it('[P9] merges what a slow agent has missed, and holds no queue for it', () => {
    const feed = newFeed({ historyLimit: 1000 });
    feed.publish(1, put('host/h1', domain('blue')));
    const slow = feed.connect(hello('h1'));
    drain(slow);
    for (let n = 2; n <= 500; n++) feed.publish(n, put('domain/blue', lookup('blue', n % 7, `p${n}`)));
    expect(told(slow)).toEqual(['delta 1..500: 7']);
    for (let n = 501; n <= 50_000; n++) feed.publish(n, put('domain/blue', lookup('blue', n % 7, `p${n}`)));
    expect(told(slow)).toEqual(['snapshot 50000: 8']);
  });

  it('[P9] forgets: the history never grows beyond its limit, whatever is committed', () => {
    fc.assert(
      fc.property(fc.array(policyDelta, { maxLength: 30 }), fc.nat({ max: 20 }), (deltas, limit) => {
        const history = new History(0, limit);
        deltas.forEach((delta, i) => {
          history.add(i + 1, delta.changes, () => undefined, []);
          expect(history.size).toBeLessThanOrEqual(limit);
          for (const { scope } of delta.changes) {
            expect(history.since(scope, 0).size).toBeLessThanOrEqual(limit);
          }
        });
      }),
    );
  });

  it('says nothing of what was changed and changed back', () => {
    const feed = newFeed();
    const agent = feed.connect(hello('h1'));
    drain(agent);
    feed.publish(1, put('host/h1', switchRecord('a')));
    feed.publish(2, remove('host/h1', switchRecord('a')));
    expect(told(agent)).toEqual(['heartbeat 0..2']);
  });

  it('does not take a revision that is not newer', () => {
    const feed = newFeed();
    feed.publish(2, put('host/h1', switchRecord('a')));
    expect(() => feed.publish(2, put('host/h1', switchRecord('b')))).toThrow(RangeError);
    expect(told(feed.connect(hello('h1')))[1]).toBe('snapshot 2: 1');
  });

  it('[P2] turns away another version, and a host without a name', () => {
    const feed = newFeed();
    expect(refusalOf(() => feed.connect(hello('h1', { protocolVersion: 2 })))).toBe('protocol-version');
    expect(refusalOf(() => feed.connect(hello('')))).toBe('protocol-violation');
    expect(refusalOf(() => feed.connect(hello('x'.repeat(300))))).toBe('protocol-violation');
    expect(refusalOf(() => feed.connect(hello('h1')))).toBe('accepted');
  });

  it('[P11] turns away what comes from another epoch, until the operator agrees', () => {
    const feed = newFeed();
    const stranger = hello('h1', { epoch: 'epoch-0', revision: 7n });
    expect(refusalOf(() => feed.connect(stranger))).toBe('epoch-mismatch');
    expect(feed.status()).toMatchObject([
      { host: 'h1', connected: false, refused: { code: 'epoch-mismatch' } },
    ]);
    feed.adopt('h1');
    const agent = feed.connect(stranger);
    expect(told(agent)).toEqual([`welcome ${EPOCH} 0`, 'snapshot 0: 0']);
    expect(feed.status()[0]).not.toHaveProperty('refused');
    agent.close();
    expect(refusalOf(() => feed.connect(stranger))).toBe('epoch-mismatch');
  });

  it('[P11] turns away an agent that is ahead', () => {
    const feed = newFeed();
    expect(refusalOf(() => feed.connect(hello('h1', { epoch: EPOCH, revision: 1n })))).toBe('revision-ahead');
    feed.publish(1, put('host/h1', switchRecord('a')));
    expect(refusalOf(() => feed.connect(hello('h1', { epoch: EPOCH, revision: 1n })))).toBe('accepted');
  });

  it('[P12] turns away a second machine of the same name, and lets the same machine take over', () => {
    const feed = newFeed();
    const first = feed.connect(hello('h1', { bootNonce: 'a' }));
    expect(refusalOf(() => feed.connect(hello('h1', { bootNonce: 'b' })))).toBe('host-duplicate');
    const [status] = feed.status();
    expect(status?.refused?.message).toMatch(/nonce b .* with a is/);
    expect(status?.connected).toBe(true);
    const again = feed.connect(hello('h1', { bootNonce: 'a' }));
    drain(again);
    feed.publish(1, put('host/h1', switchRecord('a')));
    expect(told(first)).toEqual([]);
    expect(told(again)).toEqual(['delta 0..1: 1']);
    again.close();
    expect(refusalOf(() => feed.connect(hello('h1', { bootNonce: 'b' })))).toBe('accepted');
  });

  it('takes no hello with words without end, and keeps nothing of them', () => {
    const feed = newFeed();
    const long = 'x'.repeat(256);
    expect(refusalOf(() => feed.connect(hello('h1', { bootNonce: long })))).toBe('protocol-violation');
    expect(refusalOf(() => feed.connect(hello('h1', { epoch: long })))).toBe('protocol-violation');
    expect(refusalOf(() => feed.connect(hello(long)))).toBe('protocol-violation');
    expect(feed.status()).toEqual([]);
    expect(refusalOf(() => feed.connect(hello('h1', { bootNonce: long.slice(1) })))).toBe('accepted');
  });

  it('[P15] knows what is in force where, and waits for it', async () => {
    const feed = newFeed();
    feed.publish(1, {
      changes: [...put('host/h1', domain('blue')).changes, ...put('host/h2', domain('blue')).changes],
    });
    feed.publish(2, put('host/h3', switchRecord('a')));
    const [one, two] = [feed.connect(hello('h1')), feed.connect(hello('h2'))];
    drain(one);
    drain(two);
    const hosts = feed.publish(3, put('domain/blue', lookup('blue', 1)));
    expect(hosts).toEqual(['h1', 'h2']);
    expect(feed.touchedBy(3)).toEqual(['h1', 'h2']);
    expect(feed.touchedBy(2)).toEqual(['h3']);
    drain(one);
    drain(two);
    let settled = false;
    const waiting = feed.whenApplied(3).then((statuses) => {
      settled = true;
      return statuses;
    });
    applied(one, 3);
    applied(two, 2);
    applied(two, 99); // there is no such revision yet
    await Promise.resolve();
    expect(settled).toBe(false);
    const trouble = finding('port-invalid', 'port/x', 'no', 'do');
    two.applied(create(AppliedSchema, { revision: 3n, ok: false, findings: writeFindings([trouble]) }));
    expect(await waiting).toMatchObject([
      { host: 'h1', connected: true, outcome: { revision: 3, ok: true, findings: [] } },
      { host: 'h2', connected: true, outcome: { revision: 3, ok: false, findings: [trouble] } },
    ]);
    // What does not concern a host need not be waited for.
    feed.publish(4, put('host/h1', switchRecord('b')));
    await feed.whenApplied(4, ['h2']);
    await feed.whenApplied(3);
  });

  it('[P15] stops waiting when it is told to, and when the host leaves the fabric', async () => {
    const feed = newFeed();
    feed.publish(1, put('host/h1', switchRecord('a')));
    const abort = new AbortController();
    const waiting = feed.whenApplied(1, ['h1'], abort.signal);
    abort.abort(new Error('too late'));
    await expect(waiting).rejects.toThrow('too late');
    await expect(feed.whenApplied(1, ['h1'], abort.signal)).rejects.toThrow('too late');
    const other = feed.whenApplied(1, ['h1']);
    feed.publish(2, remove('host/h1', switchRecord('a')));
    await other;
    expect(feed.status()).toEqual([]);
  });

  it('[P15] takes findings as what a stranger says', () => {
    const feed = newFeed();
    const agent = feed.connect(hello('h1'));
    const bytes = (text: string) => new TextEncoder().encode(text);
    const huge = {
      code: 'from-the-future',
      severity: 'error',
      path: '',
      message: 'x'.repeat(10_000),
      remedy: '',
    };
    for (const [findings, expected] of [
      [bytes('{'), [{ code: 'protocol-violation' }]],
      [bytes('{"a":1}'), [{ code: 'protocol-violation' }]],
      [bytes(`[{"__proto__":{"polluted":1}}]`), [{ code: 'protocol-violation' }]],
      [bytes(JSON.stringify([huge])), [{ code: 'internal', message: 'x'.repeat(1000) }]],
    ] as const) {
      agent.applied(create(AppliedSchema, { revision: 0n, ok: false, findings }));
      expect(feed.status()[0]?.outcome?.findings).toMatchObject(expected);
    }
    expect({}).not.toHaveProperty('polluted');
  });

  it('gives every host its share at every revision, whoever is slow and whatever is forgotten', () => {
    const step = fc.record({
      delta: policyDelta,
      // How many messages each host takes before the next commit; `reconnect` begins a new stream.
      takes: fc.tuple(
        ...HOSTS.map(() => fc.oneof(fc.nat({ max: 4 }), fc.constant('all'), fc.constant('reconnect'))),
      ),
    });
    const options = fc.record({
      historyLimit: fc.constantFrom(0, 3, 10, 1000),
      maxChanges: fc.constantFrom(1, 2, 100),
    });
    const seen = new Set<string>();
    fc.assert(
      fc.property(options, fc.array(step, { maxLength: 12 }), (limits, steps) => {
        const feed = newFeed(limits);
        const model = new PolicySet();
        const past = [model.copy()];
        const agents = HOSTS.map((host) => {
          const replica = new Replica();
          return { host, replica, feed: feed.connect(replica.hello(host, host)), drained: false };
        });
        const take = (agent: (typeof agents)[number]): boolean => {
          const message = agent.feed.next();
          agent.drained = message === undefined;
          if (!message) return false;
          const received = agent.replica.receive(wired(message));
          seen.add(received.type);
          expect(['welcome', 'snapshot', 'delta', 'bookmark', 'nothing']).toContain(received.type);
          // Whatever it has seen so far, it holds one revision, whole.
          const { revision, policy, epoch } = agent.replica;
          if (epoch !== '') expect(policy.text()).toBe(shareOf(past[revision]!, agent.host).text());
          return true;
        };
        const takeAll = (agent: (typeof agents)[number]) => {
          while (take(agent));
        };
        steps.forEach(({ delta, takes }, i) => {
          model.apply(delta);
          past.push(model.copy());
          const before = agents.map(({ drained }) => drained);
          const hosts = feed.publish(i + 1, delta);
          agents.forEach((agent, n) => {
            if (!hosts.includes(agent.host)) {
              expect(shareOf(past[i + 1]!, agent.host).text()).toBe(shareOf(past[i]!, agent.host).text());
              if (before[n]) expect(agent.feed.next()).toBeUndefined();
            }
            if (hosts.includes(agent.host)) agent.drained = false;
            const count = takes[n]!;
            if (count === 'reconnect') {
              agent.feed = feed.connect(agent.replica.hello(agent.host, agent.host));
              agent.drained = false;
            }
            if (count === 'all') takeAll(agent);
            if (typeof count === 'number') for (let k = 0; k < count; k++) take(agent);
          });
        });
        for (const agent of agents) {
          agent.feed.heartbeat();
          takeAll(agent);
          expect(agent.replica.revision).toBe(steps.length);
          expect(agent.replica.policy.text()).toBe(shareOf(model, agent.host).text());
        }
      }),
      { numRuns: 300 },
    );
    expect([...seen].sort()).toEqual(['bookmark', 'delta', 'nothing', 'snapshot', 'welcome']);
  });
});
