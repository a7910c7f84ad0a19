/**
 * Where things are: the data directory, the server, the token.
 *
 *     data     --data, NETLOOM_DATA, XDG_DATA_HOME/netloom, ~/.local/share/netloom
 *     server   --server, NETLOOM_SERVER, `server.json` of the data directory, http://127.0.0.1:7300
 *     token    NETLOOM_TOKEN, the file `token` of the data directory
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { finding, NetloomError } from '../base/error.ts';
import type { ServerOptions } from './context.ts';
import type { Terminal } from './terminal.ts';

export const DEFAULT_LISTEN = '127.0.0.1:7300';
export const TOKEN_FILE = 'token';
export const SERVER_FILE = 'server.json';

/** What a server writes into its data directory while it runs. */
export interface ServerFile {
  readonly url: string;
  readonly pid: number;
}

export interface Place {
  readonly url: URL;
  readonly token: string;
}

export function dataDirectory(given: string | undefined, env: Terminal['env']): string {
  const chosen = given ?? env.NETLOOM_DATA;
  if (chosen) return resolve(chosen);
  return join(env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'netloom');
}

/** The server that a command is to talk to, and the token for it. */
export function findServer(options: ServerOptions, env: Terminal['env']): Place {
  const data = dataDirectory(options.data, env);
  const known = readServerFile(data);
  const given = options.server ?? env.NETLOOM_SERVER;
  const url = readUrl(given ?? known?.url ?? `http://${DEFAULT_LISTEN}`);
  if (env.NETLOOM_TOKEN) return { url, token: env.NETLOOM_TOKEN };
  // The token of this data directory is for its own server: no other is told.
  const isOwn = given === undefined || (known && readUrl(known.url).origin === url.origin) || isLoopback(url);
  const file = join(data, TOKEN_FILE);
  if (isOwn && existsSync(file)) return { url, token: readFileSync(file, 'utf8').trim() };
  throw new NetloomError([
    finding(
      'token-missing',
      '',
      `There is no token for ${url.origin}.`,
      isOwn
        ? `There is none in ${data}: start the server with "netloom up", or say where its data is with --data.`
        : 'Set NETLOOM_TOKEN to the token of that server; it stands in the file "token" of its data directory.',
    ),
  ]);
}

function readServerFile(data: string): ServerFile | undefined {
  const file = join(data, SERVER_FILE);
  if (!existsSync(file)) return undefined;
  try {
    const { url, pid } = JSON.parse(readFileSync(file, 'utf8')) as Partial<ServerFile>;
    return typeof url === 'string' && typeof pid === 'number' ? { url, pid } : undefined;
  } catch {
    // Being written at this moment, or not ours: then the default address has to do.
    return undefined;
  }
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === 'http:' || url.protocol === 'https:')) return url;
  throw new NetloomError([
    finding(
      'value-invalid',
      '--server',
      `${JSON.stringify(text)} is not the address of a server.`,
      'Write http://127.0.0.1:7300, for example.',
    ),
  ]);
}

function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
}
