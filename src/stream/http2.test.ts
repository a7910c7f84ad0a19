import { connect } from 'node:http2';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { eventually } from '../../test/support/policy-stream.ts';
import { systemClock } from '../base/clock.ts';
import { PolicySet } from '../policy/set.ts';
import { PolicyClient } from './client.ts';
import { PolicyFeed } from './feed.ts';
import { http2Transport, type Listener, listenHttp2 } from './http2.ts';
import { policyRoutes } from './server.ts';

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function controller(port = 0): Promise<{ feed: PolicyFeed; listener: Listener }> {
  const feed = new PolicyFeed({ epoch: 'e', revision: 0, policy: new PolicySet() });
  const listener = await listenHttp2(policyRoutes(feed, { clock: systemClock }), {
    at: { host: '127.0.0.1', port },
  });
  cleanups.push(() => listener.close());
  return { feed, listener };
}

function agent(url: string): PolicyClient {
  const client = new PolicyClient({
    host: 'h1',
    bootNonce: 'boot',
    transport: http2Transport({ url }),
    clock: systemClock,
    random: () => 0,
    reconnect: { minBackoff: 5, maxBackoff: 10 },
    handler: { onSnapshot: () => [], onDelta: () => [] },
  });
  client.start();
  cleanups.push(() => client.stop());
  return client;
}

/** Sends bytes as the body of a stream, and waits until the server has ended it. */
async function send(url: string, body: Uint8Array): Promise<void> {
  const session = connect(url);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/netloom.policy.v1.PolicyService/Sync',
    'content-type': 'application/connect+proto',
  });
  await new Promise<void>((resolve) => {
    stream.on('error', () => {});
    stream.on('close', resolve);
    stream.resume();
    stream.end(body);
  });
  session.destroy();
}

describe('the stream on a socket', () => {
  it('[P19] survives whatever is sent to it', async () => {
    const { feed, listener } = await controller();
    /** A frame of Connect's: flags, length, data. */
    const framed = fc
      .tuple(fc.constantFrom(0, 1, 2, 255), fc.uint8Array({ maxLength: 40 }))
      .map(([flags, data]) => {
        const head = Buffer.alloc(5);
        head[0] = flags;
        head.writeUInt32BE(data.length, 1);
        return Buffer.concat([head, data]);
      });
    const tooLong = Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]);
    const body = fc.oneof(fc.uint8Array({ maxLength: 40 }), framed, fc.constant(tooLong));
    await fc.assert(
      fc.asyncProperty(body, (bytes) => send(listener.url, bytes)),
      { numRuns: 60 },
    );
    feed.publish(1, {
      changes: [
        {
          scope: 'host/h1',
          key: 'switch/a',
          record: { kind: 'switch', name: 'a', type: 'private', origin: '' },
        },
      ],
    });
    const client = agent(listener.url);
    await feed.whenApplied(1);
    expect(client.revision).toBe(1);
  });

  it('[P17] finds its controller again after that was away', async () => {
    const first = await controller();
    const client = agent(first.listener.url);
    await eventually(() => first.feed.status()[0]?.connected === true);
    await first.listener.close();
    await eventually(() => first.feed.status().length === 0);
    const second = await controller(Number(new URL(first.listener.url).port));
    await eventually(() => client.connection.state === 'connected');
    expect(second.feed.status()[0]?.connected).toBe(true);
  });

  it('says so when the address is taken', async () => {
    const { listener } = await controller();
    await expect(controller(Number(new URL(listener.url).port))).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });
});
