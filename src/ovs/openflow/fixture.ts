/** A switch of a test's own on a UNIX socket, which says what the test wants; the real one is in test/ovs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { decode } from './codec/decode.ts';
import { encode } from './codec/encode.ts';
import type { Message, Received } from './codec/message.ts';
import { MessageSplitter } from './framing.ts';

/** One connection to the switch, from the switch's side. */
export interface Peer {
  readonly socket: Socket;
  readonly heard: Received[];
  say(message: Message, xid?: number): void;
}

/** What the switch does with a message. It says hello by itself, and answers barriers, unless this is false. */
export type Answer = (peer: Peer, received: Received) => boolean | undefined;

/** Gone with the test. */
export async function fakeSwitch(
  answer: Answer = () => undefined,
): Promise<{ readonly path: string; readonly peers: readonly Peer[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'netloom-mgmt-'));
  const peers: Peer[] = [];
  const server = createServer((socket) => {
    const splitter = new MessageSplitter();
    const say = (message: Message, xid = 0) => void socket.write(encode(xid, message));
    const peer: Peer = { socket, heard: [], say };
    peers.push(peer);
    say({ type: 'hello', versions: [1, 4, 6] });
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      for (const received of splitter.push(chunk).map(decode)) {
        peer.heard.push(received);
        const isDeaf = answer(peer, received) === false;
        if (received.message.type === 'barrier-request' && !isDeaf)
          say({ type: 'barrier-reply' }, received.xid);
      }
    });
  });
  const path = join(folder, 'br.mgmt');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(async () => {
    for (const { socket } of peers) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });
  return { path, peers };
}
