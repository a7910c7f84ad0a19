/** The API as the commands use it. Whatever goes wrong is thrown as a NetloomError, with the server's own findings. */
import { CODES, type ErrorCode } from '../base/codes.ts';
import { type Finding, finding, NetloomError } from '../base/error.ts';
import type { ServerOptions } from './context.ts';
import { readEvents, type ServerEvent } from './events.ts';
import { findServer, type Place } from './place.ts';
import type { Terminal } from './terminal.ts';

export class Client {
  readonly #place: Place;
  #failedJob: number | undefined;
  #openedSession: string | undefined;

  constructor(place: Place) {
    this.#place = place;
  }

  static of(options: ServerOptions, terminal: Terminal): Client {
    return new Client(findServer(options, terminal.env));
  }

  /** `path` begins with /api/v1. */
  get<T>(path: string): Promise<T> {
    return this.#ask<T>('GET', path);
  }

  put<T>(path: string, body: object): Promise<T> {
    return this.#ask<T>('PUT', path, body);
  }

  delete<T>(path: string): Promise<T> {
    return this.#ask<T>('DELETE', path);
  }

  /** The session that the last answer opened, if it did. */
  get openedSession(): string | undefined {
    return this.#openedSession;
  }

  post<T>(path: string, body: object): Promise<T> {
    return this.#ask<T>('POST', path, body);
  }

  /** The job that ended with the last answer that was an error. */
  get failedJob(): number | undefined {
    return this.#failedJob;
  }

  /** The events of a stream, until it ends. */
  async *events(path: string): AsyncGenerator<ServerEvent> {
    const { url } = this.#place;
    try {
      const response = await fetch(new URL(path, url), {
        redirect: 'error',
        headers: { ...proofOf(this.#place), accept: 'text/event-stream' },
      });
      if (response.ok && response.body) yield* readEvents(response.body);
      else throw errorOf(parse(await response.text()), `${url.origin} answered ${response.status}`);
    } catch (thrown) {
      throw thrown instanceof NetloomError ? thrown : unreachable(url, 'GET', thrown);
    }
  }

  async #ask<T>(method: string, path: string, body?: object): Promise<T> {
    const { url } = this.#place;
    let response: Response;
    let text: string;
    try {
      response = await fetch(new URL(path, url), {
        method,
        redirect: 'error',
        headers: {
          ...proofOf(this.#place),
          accept: 'application/json',
          ...(body ? { 'content-type': 'application/json' } : {}),
        },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      text = await response.text();
    } catch (thrown) {
      throw unreachable(url, method, thrown);
    }
    const value = parse(text);
    this.#openedSession = sessionIn(response);
    if (response.ok) return value as T;
    this.#failedJob = jobOf(value);
    if (response.status === 401 && this.#place.session !== undefined) throw sessionEnded(url);
    throw errorOf(value, `${url.origin} answered ${response.status} ${response.statusText}`.trim());
  }
}

/** A session goes with the server's own address as its origin, as from a page of it. */
function proofOf({ url, token, session }: Place): Readonly<Record<string, string>> {
  if (token !== undefined) return { authorization: `Bearer ${token}` };
  return session === undefined ? {} : { cookie: `${cookieOf(url)}=${session}`, origin: url.origin };
}

/** What browsers are told of a cookie over TLS is in its name. */
function cookieOf({ protocol }: URL): string {
  return protocol === 'https:' ? '__Host-netloom' : 'netloom';
}

/** Sessions end with the server, and when nobody uses them. */
function sessionEnded(url: URL): NetloomError {
  return new NetloomError([
    finding(
      'token-missing',
      '',
      `The session at ${url.origin} has ended.`,
      'Log in again with "netloom login", or forget it with "netloom logout".',
    ),
  ]);
}

function sessionIn({ headers }: Response): string | undefined {
  const cookies = headers.getSetCookie().map((text) => /^(?:__Host-)?netloom=([^;]+)/.exec(text)?.[1]);
  return cookies.find((value) => value !== undefined);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function jobOf(problem: unknown): number | undefined {
  const job = typeof problem === 'object' && problem !== null && 'job' in problem ? problem.job : undefined;
  return typeof job === 'number' ? job : undefined;
}

/** The findings of a problem; one that says so when the answer is none. */
function errorOf(problem: unknown, what: string): NetloomError {
  const found =
    typeof problem === 'object' && problem !== null && 'findings' in problem ? problem.findings : undefined;
  const [first, ...rest] = Array.isArray(found) ? found.flatMap(readFinding) : [];
  if (first) return new NetloomError([first, ...rest]);
  return new NetloomError([
    finding(
      'server-unreachable',
      '',
      `${what}, which is no answer of Netloom.`,
      'Check the address of the server.',
    ),
  ]);
}

function readFinding(value: Partial<Record<keyof Finding, unknown>>): Finding[] {
  if (typeof value !== 'object' || value === null || typeof value.message !== 'string') return [];
  const { code, severity, path, message, remedy } = value;
  return [
    {
      // A newer server may have codes that are not known here.
      code: typeof code === 'string' && Object.hasOwn(CODES, code) ? (code as ErrorCode) : 'internal',
      severity: severity === 'warning' ? 'warning' : 'error',
      path: typeof path === 'string' ? path : '',
      message,
      remedy: typeof remedy === 'string' ? remedy : '',
    },
  ];
}

function unreachable(url: URL, method: string, thrown: unknown): NetloomError {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  const why =
    code === 'ECONNREFUSED' ? 'nobody listens there' : cause instanceof Error ? cause.message : String(cause);
  const isDistrusted = /certificate|altnames/i.test(why);
  const remedy = isDistrusted
    ? 'If it is yours, name the file of its authority in the environment: NODE_EXTRA_CA_CERTS=ca.pem.'
    : method === 'GET' || code === 'ECONNREFUSED'
      ? 'Start it with "netloom controller" or "netloom up", or say where it is with --server.'
      : 'Whether the change was made is not known: look with "netloom history", or do it again; what is so already is left alone.';
  return new NetloomError(
    [finding('server-unreachable', '', `The server at ${url.origin} cannot be reached: ${why}.`, remedy)],
    { cause: thrown },
  );
}
