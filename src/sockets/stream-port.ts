/**
 * A port over a UNIX stream socket, in the wire format of QEMU's `-netdev stream` (framing.ts):
 *
 *     const port = await listenStream('vm1.sock', (...ends) => sw.attach('vm1', undefined, ...ends));
 *     qemu-system-x86_64 … -netdev stream,id=n1,server=off,addr.type=unix,addr.path=vm1.sock
 *
 * One peer at a time. The link of the port is up while there is one.
 */
import { connect, type Socket } from 'node:net';
import { type Clock, systemClock } from '../base/clock.ts';
import { finding, NetloomError } from '../base/error.ts';
import type { Plug, SocketPort, StreamOptions } from './port.ts';
import { readingAccepted } from './read-room.ts';
import { StreamLink } from './stream-link.ts';
import { codeOf, LONGEST_PATH, listenOn } from './unix-listener.ts';

/** Milliseconds between two attempts to reach a peer that is not there: the first, and the longest. */
const RETRY = { first: 100, longest: 2_000 } as const;

/** Waits for peers on `path`. Throws NetloomError (listen-failed). */
export async function listenStream(
  path: string,
  plug: Plug,
  options: StreamOptions = {},
): Promise<SocketPort> {
  const link = new StreamLink(plug, options);
  try {
    const server = await listenOn(path, (socket) => {
      if (link.isFree()) link.take(readingAccepted(socket, link.onread));
      else socket.destroy();
    });
    return link.port(async () => {
      // Nobody may come any more, and who is there goes: `close` waits for that, and removes the file.
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      link.end();
      await closed;
    });
  } catch (thrown) {
    link.end();
    throw thrown;
  }
}

/** Connects to `path`, and again whenever the connection ends, until closed. Throws NetloomError (value-invalid). */
export function connectStream(
  path: string,
  plug: Plug,
  options: StreamOptions = {},
  clock: Clock = systemClock,
): SocketPort {
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    const what = `A path of a UNIX socket has at most ${LONGEST_PATH} bytes.`;
    throw new NetloomError([finding('value-invalid', path, what, 'Choose a shorter path.')]);
  }
  const { tell = () => {} } = options;
  const link = new StreamLink(plug, options);
  let socket: Socket | undefined;
  let cancel = () => {};
  let isClosed = false;
  let wait: number = RETRY.first;
  let said = '';
  const dial = () => {
    let isUp = false;
    const dialled = connect({ path, onread: link.onread }, () => {
      isUp = true;
      wait = RETRY.first;
      said = '';
      if (link.isFree()) link.take(dialled);
    });
    socket = dialled;
    socket.on('error', (error) => {
      const what = `not there yet: ${codeOf(error) ?? error.message}`;
      if (!isUp && what !== said) tell(what);
      if (!isUp) said = what;
    });
    socket.on('close', () => {
      if (isClosed) return;
      cancel = clock.after(wait, dial);
      wait = Math.min(RETRY.longest, wait * 2);
    });
  };
  dial();
  return link.port(async () => {
    isClosed = true;
    cancel();
    socket?.destroy();
    link.end();
  });
}
