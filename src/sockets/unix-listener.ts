/**
 * A UNIX socket to listen on. A file that a program left behind when it was killed is no hindrance; one on which
 * somebody listens is, and so is a file that is no socket: neither is ever removed.
 */
import { existsSync, lstatSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { finding, NetloomError } from '../base/error.ts';

/** Bytes of the name of a socket (sun_path of sockaddr_un, with a zero at its end). */
export const LONGEST_PATH = 107;

/** Connections come paused. Throws NetloomError (listen-failed) with a remedy. */
export async function listenOn(path: string, onConnection: (socket: Socket) => void): Promise<Server> {
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    const why = `a path of a UNIX socket has at most ${LONGEST_PATH} bytes, and this one has ${Buffer.byteLength(path)}`;
    throw cannotListen(path, why, 'Choose a shorter path.');
  }
  try {
    return await listening(path, onConnection);
  } catch (thrown) {
    if (codeOf(thrown) !== 'EADDRINUSE') throw refusalOf(path, thrown);
  }
  await makeWay(path);
  try {
    return await listening(path, onConnection);
  } catch (thrown) {
    throw refusalOf(path, thrown);
  }
}

function listening(path: string, onConnection: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ pauseOnConnect: true }, onConnection);
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      // One that cannot be accepted (no descriptor left) does not end the others.
      server.on('error', () => {});
      resolve(server);
    });
  });
}

/** Removes a socket that nobody listens on. Throws NetloomError (listen-failed) where there is something else. */
export async function makeWay(path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === false) {
    throw cannotListen(
      path,
      'there is a file, which is no socket',
      'Choose another path, or remove the file.',
    );
  }
  const answer = await new Promise<string | undefined>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(undefined);
    });
    probe.on('error', (error) => resolve(codeOf(error)));
  });
  if (answer === 'ECONNREFUSED') rmSync(path, { force: true });
  else if (answer !== 'ENOENT') {
    throw cannotListen(path, 'another program listens there', 'Stop it, or choose another path.');
  }
}

function refusalOf(path: string, thrown: unknown): NetloomError {
  // Said as EACCES.
  if (!existsSync(dirname(path))) {
    return cannotListen(path, 'its directory does not exist', 'Make the directory first.', thrown);
  }
  switch (codeOf(thrown)) {
    case 'EACCES':
    case 'EPERM':
      return cannotListen(path, 'you may not write there', 'Choose a path in a directory of yours.', thrown);
    case 'EADDRINUSE':
      return cannotListen(path, 'another program listens there', 'Stop it, or choose another path.', thrown);
    default:
      return cannotListen(
        path,
        thrown instanceof Error ? thrown.message : String(thrown),
        'Choose another path.',
        thrown,
      );
  }
}

function cannotListen(path: string, why: string, remedy: string, cause?: unknown): NetloomError {
  return new NetloomError(
    [finding('listen-failed', '', `${path} cannot be listened on: ${why}.`, remedy)],
    cause === undefined ? {} : { cause },
  );
}

/** The system's name of an error: ENOENT, say. */
export function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : undefined;
}
