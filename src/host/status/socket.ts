/** The status of a running agent over a UNIX socket in its state directory: whoever connects gets it as JSON. */
import { chmodSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { finding, NetloomError } from '../../base/error.ts';
import type { AgentStatus } from './status.ts';

const SOCKET = 'status.sock';
/** Milliseconds that an answer may take. */
const LIMIT = 15_000;
/** Bytes of an answer, of a host with ten thousand vNICs too. */
const MOST = 64 * 1024 * 1024;

/**
 * Answers until the result is called. Only the owner of the state directory can connect (0600). Whoever calls this holds the
 * lock of the directory, so a socket that is there is nobody's.
 */
export async function serveStatus(
  directory: string,
  status: () => Promise<AgentStatus>,
): Promise<() => void> {
  const path = join(directory, SOCKET);
  rmSync(path, { force: true });
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.setTimeout(LIMIT, () => socket.destroy());
    status().then(
      (value) => socket.end(JSON.stringify(value)),
      () => socket.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      // A question that cannot be accepted (no descriptor left) ends nothing.
      server.on('error', () => {});
      resolve();
    });
  });
  chmodSync(path, 0o600);
  return () => {
    server.close();
    rmSync(path, { force: true });
  };
}

/** Asks the agent that runs on this state directory. Throws `agent-not-running`. */
export async function askStatus(directory: string): Promise<AgentStatus> {
  const path = join(directory, SOCKET);
  const text = await new Promise<string>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const socket = connect(path);
    socket.setTimeout(LIMIT, () => socket.destroy(new Error('it does not answer')));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > MOST) socket.destroy(new Error('its answer is too long'));
    });
    socket.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    socket.once('error', (error) => reject(notRunning(path, error)));
  });
  if (text === '') throw notRunning(path, new Error('it ended in the middle, or begins'));
  try {
    // What answers is the owner's own process: the socket is his, and so is its directory.
    return JSON.parse(text) as AgentStatus;
  } catch (cause) {
    throw notRunning(path, cause);
  }
}

function notRunning(path: string, cause: unknown): NetloomError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const why =
    code === 'ENOENT' || code === 'ECONNREFUSED'
      ? 'nobody listens'
      : code === 'EACCES'
        ? 'this user may not ask it'
        : cause instanceof Error
          ? cause.message
          : String(cause);
  return new NetloomError(
    [
      finding(
        'agent-not-running',
        path,
        `No agent answers: ${why}.`,
        code === 'EACCES'
          ? 'Run the command as root, or as the user of the agent.'
          : 'Start it with "systemctl start netloom-agent", or say where its state directory is with --state.',
      ),
    ],
    { cause },
  );
}
