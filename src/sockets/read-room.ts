/**
 * Sockets that read into memory which is there. By default Node reads into 64 KiB of new memory each time, and to free
 * it again costs more than to switch the frames that were in it; the option `onread` of a socket avoids this.
 */
import { type OnReadOpts, Socket } from 'node:net';

/** As much as one read brings at most. It is used up before the next read, of whatever socket. */
const READ = new Uint8Array(128 * 1024);

/** Hands what comes in to `take`, which may use it until it returns. */
export function reading(take: (piece: Uint8Array) => void): OnReadOpts {
  return {
    buffer: READ,
    callback(count, bytes) {
      take(bytes.subarray(0, count));
      return true;
    },
  };
}

/**
 * The same for a socket that a server accepted with `pauseOnConnect`, for a server does not know the option. A second
 * Socket takes over the first one's handle. Where handles are not what they have been since Node 0.10, the accepted
 * socket itself reads, as sockets do.
 */
export function readingAccepted(accepted: Socket, onread: OnReadOpts): Socket {
  const handle: unknown = Reflect.get(accepted, '_handle');
  if (typeof handle === 'object' && handle !== null) {
    const options = { handle, onread, readable: true, writable: true };
    const socket: unknown = Reflect.construct(Socket, [options]);
    if (socket instanceof Socket && Reflect.get(socket, '_handle') === handle) {
      // The server counts what it accepted until that is destroyed.
      Reflect.set(accepted, '_handle', null);
      accepted.destroy();
      return socket;
    }
  }
  accepted.on('data', (piece) => {
    if (typeof piece !== 'string') onread.callback(piece.length, piece);
  });
  return accepted.resume();
}
