import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { reading, readingAccepted } from './read-room.ts';

const directory = mkdtempSync(join(tmpdir(), 'netloom-read-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** What a server gets of a megabyte; `spoil` is done to each socket that it accepts. */
async function transfer(path: string, spoil: (accepted: Socket) => void) {
  const sent = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 7) % 251));
  const got: Buffer[] = [];
  const memories = new Set<ArrayBufferLike>();
  let isSame: boolean | undefined;
  const server = createServer({ pauseOnConnect: true }, (accepted) => {
    spoil(accepted);
    const onread = reading((piece) => {
      memories.add(piece.buffer);
      got.push(Buffer.from(piece));
    });
    const socket = readingAccepted(accepted, onread);
    isSame = socket === accepted;
    socket.on('end', () => socket.end('thanks'));
  });
  server.listen(path);
  await once(server, 'listening');
  const client = connect(path);
  client.end(sent);
  const [answer] = await once(client, 'data');
  await once(client, 'close');
  // Which waits until it has nothing accepted any more.
  await new Promise((resolve) => server.close(resolve));
  expect(Buffer.concat(got).equals(sent)).toBe(true);
  expect(String(answer)).toBe('thanks');
  return { isSame, memories: memories.size };
}

it('reads all into one memory, and leaves the server as it was', async () => {
  expect(await transfer(join(directory, 'a'), () => {})).toEqual({ isSame: false, memories: 1 });
});

it('reads as sockets do where the handle cannot be had', async () => {
  const hide = (accepted: Socket) => {
    const handle: unknown = Reflect.get(accepted, '_handle');
    let asked = 0;
    Object.defineProperty(accepted, '_handle', {
      get: () => (asked++ === 0 ? undefined : handle),
      set: () => {},
    });
  };
  const { isSame, memories } = await transfer(join(directory, 'b'), hide);
  expect(isSame).toBe(true);
  expect(memories).toBeGreaterThan(1);
});
