/**
 * Where things are: the data directory, the server, the token.
 *
 *     data     --data, NETLOOM_DATA, XDG_DATA_HOME/netloom, ~/.local/share/netloom
 *     server   --server, NETLOOM_SERVER, `server.json` of the data directory, http://127.0.0.1:7300
 *     proof    NETLOOM_TOKEN, the session of "netloom login", the file `token` of the data directory
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { finding, NetloomError } from '../base/error.ts';
import type { ServerOptions } from './context.ts';
import { readSession } from './session-file.ts';
import type { Terminal } from './terminal.ts';

export const DEFAULT_LISTEN = '127.0.0.1:7300';
/** Where agents of real hosts connect. */
export const DEFAULT_AGENTS = '127.0.0.1:7301';
/** Of the data directory: the authority of the hosts' certificates. */
export const AUTHORITY_DIRECTORY = 'agents-ca';
export const TOKEN_FILE = 'token';
export const SERVER_FILE = 'server.json';

/** What a server writes into its data directory while it runs. */
export interface ServerFile {
  readonly url: string;
  readonly pid: number;
}

export interface Place {
  readonly url: URL;
  /** What proves who it is, one of the two; neither for what anybody may ask. */
  readonly token?: string;
  readonly session?: string;
}

export function dataDirectory(given: string | undefined, env: Terminal['env']): string {
  const chosen = given ?? env.NETLOOM_DATA;
  if (chosen) return resolve(chosen);
  return join(env.XDG_DATA_HOME || join(homedir(), '.local', 'share'), 'netloom');
}

/** The server that a command is to talk to. */
export function findUrl(options: ServerOptions, env: Terminal['env']): URL {
  const known = readServerFile(dataDirectory(options.data, env));
  return readUrl(options.server ?? env.NETLOOM_SERVER ?? known?.url ?? `http://${DEFAULT_LISTEN}`);
}

/** The same, with what proves who it is. */
export function findServer(options: ServerOptions, env: Terminal['env']): Place {
  const data = dataDirectory(options.data, env);
  const known = readServerFile(data);
  const given = options.server ?? env.NETLOOM_SERVER;
  const url = findUrl(options, env);
  if (env.NETLOOM_TOKEN) return { url, token: env.NETLOOM_TOKEN };
  const session = readSession(url, env);
  if (session !== undefined) return { url, session };
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
        ? `There is none in ${data}: start the server with "netloom controller" or "netloom up", or say where its data is with --data.`
        : 'Log in with "netloom login", or set NETLOOM_TOKEN to an API token of that server.',
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
