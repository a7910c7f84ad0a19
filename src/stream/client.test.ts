import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { EPOCH } from '../../test/support/policy-stream.ts';
import { FakeClock } from '../base/clock.ts';
import { PolicySet } from '../policy/set.ts';
import { PolicyClient, type PolicyHandler } from './client.ts';
import { PolicyFeed } from './feed.ts';
import { memoryTransport } from './memory.ts';
import { policyRoutes } from './server.ts';

const record = { kind: 'switch', name: 'a', type: 'private', origin: '' } as const;

/** A controller and an agent in memory, on a clock that moves only by `wait`. */
function pair(onSnapshot: PolicyHandler['onSnapshot'], held?: PolicySet) {
  const clock = new FakeClock();
  const feed = new PolicyFeed({ epoch: EPOCH, revision: 0, policy: new PolicySet() });
  feed.publish(1, { changes: [{ scope: 'host/h1', key: 'switch/a', record }] });
  const troubles: string[] = [];
  const client = new PolicyClient({
    host: 'h1',
    bootNonce: 'boot',
    transport: memoryTransport(policyRoutes(feed, { clock })),
    clock,
    random: () => 0,
    onTrouble: (trouble) => trouble && troubles.push(trouble.code),
    handler: { onSnapshot, onDelta: () => [] },
    ...(held && { held: { epoch: EPOCH, revision: 1, policy: held } }),
  });
  client.start();
  const wait = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      clock.advance(1000);
      // In memory everything that can happen happens in microtasks.
      await setImmediate();
    }
  };
  return { feed, client, troubles, wait };
}

describe('PolicyClient', () => {
  it('[P16] stays connected while its handler is at work for longer than silence is allowed', async () => {
    const gate = Promise.withResolvers<readonly []>();
    const { feed, client, troubles, wait } = pair(() => gate.promise);
    await wait(120);
    expect(client.connection.state).toBe('connected');
    expect(feed.status()).toEqual([{ host: 'h1', connected: true, bootNonce: 'boot', touched: 1 }]);
    gate.resolve([]);
    await wait(1);
    expect(feed.status()[0]?.outcome).toEqual({ revision: 1, ok: true, findings: [] });
    expect(troubles).toEqual([]);
    await client.stop();
  });

  it('[P18] begins to talk only when the policy of its earlier life is in place', async () => {
    const gate = Promise.withResolvers<readonly []>();
    const held = PolicySet.of([{ scope: 'host/h1', record }]);
    const { feed, client, wait } = pair(() => gate.promise, held);
    await wait(60);
    expect(feed.status()[0]?.connected).toBe(false);
    gate.resolve([]);
    await wait(1);
    expect(feed.status()[0]).toMatchObject({ connected: true, outcome: { revision: 1, ok: true } });
    await client.stop();
  });
});
