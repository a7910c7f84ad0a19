import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { policyDelta } from '../../test/support/policy-arbitraries.ts';
import { EPOCH, wired } from '../../test/support/policy-stream.ts';
import { type PolicyRecord, recordKey } from '../policy/records.ts';
import { PolicySet } from '../policy/set.ts';
import { PolicyFeed } from './feed.ts';
import { type ControllerMessage, ControllerMessageSchema } from './gen/policy_pb.ts';
import { Replica } from './replica.ts';

const switchRecord = (name: string): PolicyRecord => ({ kind: 'switch', name, type: 'private', origin: '' });

function put(...names: string[]) {
  const changes = names
    .map(switchRecord)
    .map((record) => ({ scope: 'host/h1', key: recordKey(record), record }) as const);
  return { changes };
}

/** A controller with revision 1 and a replica that has it, on one stream. */
function synced(maxChanges = 100) {
  const feed = new PolicyFeed({ epoch: EPOCH, revision: 0, policy: new PolicySet(), maxChanges });
  feed.publish(1, put('a'));
  const replica = new Replica();
  let agent = feed.connect(replica.hello('h1', 'boot'));
  const messages = () => {
    const all: ControllerMessage[] = [];
    for (let message = agent.next(); message; message = agent.next()) all.push(wired(message));
    return all;
  };
  const again = () => {
    agent = feed.connect(replica.hello('h1', 'boot'));
    return messages();
  };
  for (const message of messages()) replica.receive(message);
  expect(replica.revision).toBe(1);
  return { feed, replica, messages, again, agent: () => agent };
}

const kinds = (replica: Replica, messages: ControllerMessage[]) =>
  messages.map((m) => replica.receive(m).type);

describe('Replica', () => {
  it('[P3] passes over a message that it has had', () => {
    const { feed, replica, messages } = synced();
    feed.publish(2, put('b'));
    const [delta] = messages();
    expect(kinds(replica, [delta!, delta!, delta!])).toEqual(['delta', 'nothing', 'nothing']);
    expect(replica.policy.size).toBe(2);
  });

  it('[P3] begins again when a message is missing, and misses nothing then', () => {
    const { feed, replica, messages, again } = synced();
    feed.publish(2, put('b'));
    messages();
    feed.publish(3, put('c'));
    expect(kinds(replica, messages())).toEqual(['lost']);
    expect(replica.revision).toBe(1);
    expect(kinds(replica, again())).toEqual(['welcome', 'delta']);
    expect([...replica.policy.scope('host/h1').keys()]).toEqual(['switch/a', 'switch/b', 'switch/c']);
  });

  it('[P5] shows nothing of a revision before its last part, and forgets the parts of a stream that broke', () => {
    const { feed, replica, messages, again } = synced(1);
    feed.publish(2, put('b', 'c', 'd'));
    const before = replica.policy.text();
    const parts = messages();
    expect(kinds(replica, parts.slice(0, 2))).toEqual(['nothing', 'nothing']);
    expect([replica.policy.text(), replica.revision]).toEqual([before, 1]);
    expect(kinds(replica, again())).toEqual(['welcome', 'nothing', 'nothing', 'delta']);
    expect(replica.policy.size).toBe(4);
  });

  it('[P6] does not take a delta or a bookmark that begins elsewhere', () => {
    for (const body of [
      { case: 'delta', value: { from: 0n, to: 2n, last: true } },
      { case: 'delta', value: { from: 1n, to: 0n, last: true } },
      { case: 'heartbeat', value: { from: 2n, to: 3n } },
      { case: 'heartbeat', value: { from: 1n, to: 0n } },
      { case: 'heartbeat', value: { from: 1n, to: 2n ** 60n } },
      { case: 'welcome', value: { epoch: EPOCH, protocolVersion: 1 } },
      { case: undefined },
    ] as const) {
      const { replica } = synced();
      const before = replica.policy.text();
      expect(replica.receive(create(ControllerMessageSchema, { sequence: 3n, body })).type).toBe('lost');
      expect([replica.policy.text(), replica.revision]).toEqual([before, 1]);
    }
  });

  it('[P2] takes nothing before the welcome, nor a welcome of another version', () => {
    const replica = new Replica();
    const first = (body: Parameters<typeof create<typeof ControllerMessageSchema>>[1] & object) => {
      replica.hello('h1', 'boot');
      return replica.receive(create(ControllerMessageSchema, { sequence: 1n, ...body })).type;
    };
    expect(first({ body: { case: 'snapshot', value: { revision: 1n, last: true } } })).toBe('lost');
    expect(first({ body: { case: 'welcome', value: { epoch: EPOCH, protocolVersion: 2 } } })).toBe('refused');
    expect(first({ body: { case: 'welcome', value: { epoch: '', protocolVersion: 1 } } })).toBe('lost');
    expect(
      first({ body: { case: 'refused', value: { code: 'host-duplicate', message: 'm', remedy: 'r' } } }),
    ).toBe('refused');
    expect(replica.policy.size).toBe(0);
    expect(first({ body: { case: 'welcome', value: { epoch: EPOCH, protocolVersion: 1 } } })).toBe('welcome');
  });

  it('[P10] does not go back within an epoch, but follows into another', () => {
    const { replica } = synced();
    const snapshot = (epoch: string) => [
      create(ControllerMessageSchema, {
        sequence: 1n,
        body: { case: 'welcome', value: { epoch, protocolVersion: 1 } },
      }),
      create(ControllerMessageSchema, {
        sequence: 2n,
        body: { case: 'snapshot', value: { revision: 0n, last: true, hash: new PolicySet().hash() } },
      }),
    ];
    replica.hello('h1', 'boot');
    expect(kinds(replica, snapshot(EPOCH))).toEqual(['welcome', 'lost']);
    expect([replica.revision, replica.policy.size]).toEqual([1, 1]);
    replica.hello('h1', 'boot');
    expect(kinds(replica, snapshot('epoch-2'))).toEqual(['welcome', 'snapshot']);
    expect([replica.epoch, replica.revision, replica.policy.size]).toEqual(['epoch-2', 0, 0]);
  });

  it('[P13] notices that it holds something else than it should, and asks for all of it', () => {
    const { feed } = synced();
    // The disk of this host came back with another policy under the same number.
    const wrong = PolicySet.of([{ scope: 'host/h1', record: switchRecord('wrong') }]);
    const replica = new Replica({ epoch: EPOCH, revision: 1, policy: wrong });
    feed.publish(2, put('b'));
    const stream = () => {
      const agent = feed.connect(replica.hello('h1', 'boot'));
      return kinds(replica, [agent.next()!, agent.next()!].map(wired));
    };
    expect(stream()).toEqual(['welcome', 'lost']);
    expect(replica.policy.text()).toBe(wrong.text());
    expect(stream()).toEqual(['welcome', 'snapshot']);
    expect([...replica.policy.scope('host/h1').keys()]).toEqual(['switch/a', 'switch/b']);
    expect(stream()).toEqual(['welcome', 'bookmark']);
  });

  it('[P14] refuses a revision as a whole when it does not understand one record of it', () => {
    const bytes = (value: object) => new TextEncoder().encode(JSON.stringify(value));
    const good = { scope: 'host/h1', key: 'switch/b', record: bytes(switchRecord('b')) };
    for (const bad of [
      { scope: 'host/h1', key: 'firewall/1', record: bytes({ kind: 'firewall', action: 'allow' }) },
      { scope: 'host/h1', key: 'switch/c', record: bytes({ ...switchRecord('c'), pvlan: 'isolated' }) },
      { scope: 'host/h1', key: 'switch/c', record: bytes({ ...switchRecord('c'), type: 'shared' }) },
      { scope: 'host/h1', key: 'switch/x', record: bytes(switchRecord('c')) },
      { scope: 'domain/blue', key: 'switch/c', record: bytes(switchRecord('c')) },
      { scope: 'host/h1', key: 'switch/c', record: new Uint8Array([0xff]) },
    ]) {
      const { replica } = synced();
      const before = replica.policy.text();
      const message = (sequence: bigint, changes: (typeof bad)[], last: boolean) =>
        create(ControllerMessageSchema, {
          sequence,
          body: { case: 'delta', value: { from: 1n, to: 2n, changes, last } },
        });
      expect(replica.receive(message(3n, [good], false)).type).toBe('nothing');
      expect(replica.receive(message(4n, [good, bad], true))).toMatchObject({
        type: 'rejected',
        revision: 2,
      });
      expect([replica.policy.text(), replica.revision]).toEqual([before, 1]);
    }
    // The same without the bad one is taken.
    const { replica } = synced();
    const value = { from: 1n, to: 2n, changes: [good], last: true };
    const message = create(ControllerMessageSchema, { sequence: 3n, body: { case: 'delta', value } });
    expect(replica.receive(message).type).toBe('delta');
  });

  it('takes a message whole or not at all, and never throws, whatever became of its bytes', () => {
    const flip = fc.record({ byte: fc.nat(), bit: fc.integer({ min: 0, max: 7 }) });
    const types = new Set<string>();
    fc.assert(
      fc.property(fc.array(flip, { minLength: 1, maxLength: 3 }), (flips) => {
        const { feed, replica, agent } = synced();
        feed.publish(2, put('b', 'c'));
        const bytes = toBinary(ControllerMessageSchema, agent().next()!);
        for (const { byte, bit } of flips) bytes[byte % bytes.length]! ^= 1 << bit;
        let message: ControllerMessage;
        try {
          message = fromBinary(ControllerMessageSchema, bytes);
        } catch {
          return; // The transport refuses it, and ends the stream.
        }
        const before = replica.policy.text();
        const { type } = replica.receive(message);
        types.add(type);
        if (type !== 'delta') expect(replica.policy.text()).toBe(before);
      }),
      { numRuns: 500 },
    );
    expect(types).toContain('rejected');
    expect(types).toContain('lost');
  });

  it('[P5] hands a delta out in the order in which it can be carried out', () => {
    fc.assert(
      fc.property(policyDelta, policyDelta, (first, second) => {
        const feed = new PolicyFeed({ epoch: EPOCH, revision: 0, policy: new PolicySet() });
        feed.publish(1, first);
        const replica = new Replica();
        const agent = feed.connect(replica.hello('h1', 'boot'));
        replica.receive(wired(agent.next()!));
        replica.receive(wired(agent.next()!));
        const held = PolicySet.of(
          replica.policy.snapshot().changes.map(({ scope, record }) => ({ scope, record: record! })),
        );
        feed.publish(2, second);
        const message = agent.next();
        const received = message && replica.receive(wired(message));
        if (received?.type !== 'delta') return;
        const additions = received.delta.changes.findIndex(({ record }) => !record);
        if (additions >= 0) {
          expect(received.delta.changes.slice(additions).every(({ record }) => !record)).toBe(true);
        }
        held.apply(received.delta);
        expect(held.text()).toBe(replica.policy.text());
      }),
    );
  });
});
