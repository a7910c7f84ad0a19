import { afterEach, describe, expect, it } from 'vitest';
import { HEARTBEAT_MS } from './event-stream.ts';
import { openApi, type TestApi, TOKEN } from './fixture.ts';

let api: TestApi;
const aborts: AbortController[] = [];
afterEach(async () => {
  for (const abort of aborts.splice(0)) abort.abort();
  await api.close();
});

interface Event {
  readonly event: string;
  readonly id: string;
  readonly data: { readonly revision: number };
}

/** A stream of the real server; `next` gives its blocks one after the other, comments among them. */
async function watch(address: string, headers: Record<string, string> = {}) {
  const abort = new AbortController();
  aborts.push(abort);
  const response = await fetch(`${address}/api/v1/watch`, {
    headers: { authorization: `Bearer ${TOKEN}`, ...headers },
    signal: abort.signal,
  });
  let text = '';
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  const next = async (): Promise<string> => {
    while (!text.includes('\n\n')) {
      const { value, done } = await reader.read();
      if (done) return 'end';
      text += value;
    }
    const end = text.indexOf('\n\n');
    const block = text.slice(0, end);
    text = text.slice(end + 2);
    return block;
  };
  const nextEvent = async (): Promise<Event> => {
    const fields = Object.fromEntries(
      (await next()).split('\n').map((line) => line.split(/: (.*)/).slice(0, 2)),
    );
    return { event: fields.event, id: fields.id, data: JSON.parse(fields.data) };
  };
  return { response, next, nextEvent, abort };
}

async function group(name: string) {
  await api.ask('POST', '/api/v1/host-groups', { kind: 'HostGroup', name });
}

describe('watch', () => {
  it('tells each commit once, with the revision as its id', async () => {
    api = await openApi();
    const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
    const { response, nextEvent } = await watch(address);
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(await nextEvent()).toMatchObject({ event: 'ready', id: '0', data: { revision: 0 } });
    await group('a');
    await group('b');
    expect(await nextEvent()).toMatchObject({
      event: 'commit',
      id: '1',
      data: { revision: 1, objects: [{ key: 'HostGroup/a', action: 'create' }] },
    });
    expect(await nextEvent()).toMatchObject({ id: '2', data: { objects: [{ key: 'HostGroup/b' }] } });
  });

  it('goes on where a client was, across more commits than are read at a time', async () => {
    api = await openApi();
    const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
    for (let i = 1; i <= 250; i++) await group(`g${i}`);
    const { nextEvent } = await watch(address, { 'last-event-id': '10' });
    expect((await nextEvent()).event).toBe('ready');
    // Commits during the catching up are told after those that came before.
    await group('late');
    for (let revision = 11; revision <= 251; revision++) {
      expect((await nextEvent()).id).toBe(String(revision));
    }
  });

  it('says when the journal does not reach back, or is not that far', async () => {
    api = await openApi();
    for (const name of ['a', 'b', 'c']) await group(name);
    await api.store.compact(3);
    const ask = (id: string) => api.ask('GET', '/api/v1/watch', undefined, { 'last-event-id': id });
    expect(await ask('1')).toMatchObject({
      status: 410,
      json: { findings: [{ code: 'revision-compacted' }] },
    });
    expect(await ask('9')).toMatchObject({ status: 404, json: { findings: [{ code: 'not-found' }] } });
    expect(await ask('x')).toMatchObject({ status: 400 });
  });

  it('shows that it lives, and ends with the server', async () => {
    api = await openApi();
    const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
    const { next, nextEvent } = await watch(address);
    await nextEvent();
    api.clock.advance(HEARTBEAT_MS);
    expect(await next()).toBe(': alive');
    api.clock.advance(HEARTBEAT_MS);
    expect(await next()).toBe(': alive');
    await api.app.close();
    expect(await next()).toBe('end');
    expect(api.clock.next()).toBeUndefined();
  });

  it('leaves nothing behind when a client goes', async () => {
    api = await openApi();
    const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
    const { nextEvent, abort } = await watch(address);
    await nextEvent();
    expect(api.clock.next()).toBeDefined();
    abort.abort();
    await expect.poll(() => api.clock.next()).toBeUndefined();
  });

  it('holds nothing for a client that does not read, and misses nothing when it does', async () => {
    api = await openApi();
    const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
    const { nextEvent } = await watch(address);
    await nextEvent();
    const words = 'x'.repeat(900);
    const change = (round: number) =>
      Array.from({ length: 1000 }, (_, i) => ({
        object: { kind: 'HostGroup' as const, name: `g${i}`, description: `${round} ${words}` },
      }));
    // Some 25 MB of events, most of which can be neither in this process nor in the sockets.
    for (let round = 1; round <= 12; round++) await api.controller.apply(change(round), { author: 'test' });
    for (let revision = 1; revision <= 12; revision++) expect((await nextEvent()).id).toBe(String(revision));
  });

  it('goes on after one commit larger than any buffer', async () => {
    api = await openApi();
    const address = await api.app.listen({ host: '127.0.0.1', port: 0 });
    const objects = Array.from({ length: 6000 }, (_, i) => ({
      object: { kind: 'HostGroup' as const, name: `g${i}`, description: 'x'.repeat(1000) },
    }));
    await api.controller.apply(objects, { author: 'test' });
    const { nextEvent } = await watch(address, { 'last-event-id': '0' });
    expect((await nextEvent()).event).toBe('ready');
    expect((await nextEvent()).id).toBe('1');
  });

  it('begins nothing for HEAD, which nobody would read', async () => {
    api = await openApi();
    expect(await api.ask('HEAD', '/api/v1/watch')).toMatchObject({ status: 404 });
    expect(api.clock.next()).toBeUndefined();
  });
});
