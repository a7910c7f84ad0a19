/** The connection against a switch of the test's own that behaves badly; the real one is in test/ovs. */
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { FakeClock, systemClock } from '../../base/clock.ts';
import { NetloomError } from '../../base/error.ts';
import type { Message } from './codec/message.ts';
import { type ConnectionOptions, OpenflowConnection } from './connection.ts';
import { type Answer, fakeSwitch, type Peer } from './fixture.ts';

async function rig(answer?: Answer, options: Partial<ConnectionOptions> = {}) {
  const { path, peers } = await fakeSwitch(answer);
  const ready: boolean[] = [];
  const troubles: (string | undefined)[] = [];
  const messages: Message[] = [];
  const connection = new OpenflowConnection({
    path,
    clock: systemClock,
    random: () => 0,
    setUp: async () => {},
    onMessage: (message) => messages.push(message),
    onReady: (again) => ready.push(again),
    onTrouble: (trouble) => troubles.push(trouble?.message),
    ...options,
  });
  onTestFinished(() => connection.close());
  return { connection, peers, ready, troubles, messages };
}

const ECHO: Message = { type: 'get-config-request' };

describe('a connection', () => {
  it('says hello, sets up, and carries exchanges; answers when it is asked whether it lives', async () => {
    const { connection, peers, ready, troubles, messages } = await rig();
    expect(await connection.exchange([ECHO])).toEqual([]);
    const [peer] = peers;
    expect(peer?.heard.map(({ message }) => message.type)).toEqual([
      'hello',
      'get-config-request',
      'barrier-request',
    ]);
    peer?.say({ type: 'echo-request', data: Uint8Array.of(1, 2) }, 77);
    peer?.say({ type: 'barrier-reply' }, 4711);
    await vi.waitFor(() =>
      expect(peer?.heard.at(-1)).toMatchObject({
        xid: 77,
        message: { type: 'echo-reply', data: { 0: 1, 1: 2 } },
      }),
    );
    await vi.waitFor(() => expect(messages).toEqual([{ type: 'barrier-reply' }]));
    expect([ready, troubles]).toEqual([[false], [undefined]]);
  });

  it('comes back when the switch has hung up, and says so; what was asked is not known to be done', async () => {
    const { connection, peers, ready, troubles } = await rig((peer, { message }) => {
      if (message.type === 'get-config-request' && peers.length === 1) peer.socket.destroy();
      return undefined;
    });
    const lost = await connection.exchange([ECHO]).catch((error: unknown) => error);
    expect(lost).toBeInstanceOf(NetloomError);
    expect((lost as NetloomError).code).toBe('switch-unreachable');
    // Whoever asks while there is none waits for the next one.
    expect(await connection.exchange([ECHO])).toEqual([]);
    expect(ready).toEqual([false, true]);
    expect(troubles).toEqual([undefined, expect.stringContaining('it has hung up'), undefined]);
  });

  it.each<[string, (peer: Peer) => void, RegExp]>([
    [
      'a length that cannot be',
      (peer) => peer.socket.write(Uint8Array.of(6, 0, 0, 3, 0, 0, 0, 0)),
      /3 bytes/,
    ],
    [
      'another version',
      (peer) => peer.say({ type: 'hello', versions: [1, 4] }),
      /does not speak OpenFlow 1\.5/,
    ],
  ])('is made anew after %s', async (_, misbehave, words) => {
    let done = false;
    const { connection, ready, troubles } = await rig((peer, { message }) => {
      if (message.type === 'get-config-request' && !done) {
        done = true;
        misbehave(peer);
      }
      return undefined;
    });
    await connection.exchange([ECHO]).catch(() => {});
    expect(await connection.exchange([ECHO])).toEqual([]);
    expect(ready).toEqual([false, true]);
    expect(troubles[1]).toMatch(words);
  });

  it('is not ready before its set-up is, and tries again when that fails', async () => {
    let tries = 0;
    const { connection, ready } = await rig(() => undefined, {
      setUp: async (exchange) => {
        await exchange([ECHO]);
        tries += 1;
        if (tries === 1) throw new Error('not yet');
      },
    });
    expect(await connection.exchange([])).toEqual([]);
    expect([tries, ready]).toEqual([2, [false]]);
  });

  it('gives a switch up that does not answer in time, and lets nobody wait for ever', async () => {
    const clock = new FakeClock();
    let isDeaf = true;
    const { connection, ready, troubles } = await rig(() => !isDeaf, { clock });
    await vi.waitFor(() => expect(ready).toEqual([false]));
    const asked = connection.exchange([ECHO]);
    clock.advance(19_999);
    expect(troubles).toEqual([undefined]);
    clock.advance(1);
    await expect(asked).rejects.toThrow(/not answered in time/);
    isDeaf = false;
    // After the shortest wait, and no sooner.
    clock.advance(9);
    expect(clock.next()).toBe(20_010);
    clock.advance(1);
    await vi.waitFor(() => expect(ready).toEqual([false, true]));
    expect(await connection.exchange([ECHO])).toEqual([]);
    connection.close();
    await expect(connection.exchange([ECHO])).rejects.toThrow(/closed it/);
    expect(clock.next()).toBeUndefined();
  });

  it('waits for a connection as long as for an answer', async () => {
    const clock = new FakeClock();
    const troubles: (string | undefined)[] = [];
    const connection = new OpenflowConnection({
      path: '/nonexistent/br.mgmt',
      clock,
      random: () => 0,
      setUp: async () => {},
      onMessage: () => {},
      onReady: () => {},
      onTrouble: (trouble) => troubles.push(trouble?.message),
    });
    const asked = connection.exchange([ECHO]).catch((error: Error) => error.message);
    await vi.waitFor(() => expect(troubles).toEqual([expect.stringContaining('ENOENT')]));
    clock.advance(20_000);
    expect(await asked).toMatch(/does not answer on its OpenFlow socket: .*ENOENT/);
    connection.close();
  });

  it('gives a switch up that says nothing any more, and tells so', async () => {
    const clock = new FakeClock();
    const { ready, troubles } = await rig(undefined, { clock });
    await vi.waitFor(() => expect(ready).toEqual([false]));
    clock.advance(29_999);
    expect(troubles).toEqual([undefined]);
    clock.advance(1);
    expect(troubles).toEqual([undefined, expect.stringContaining('it says nothing')]);
  });
});
