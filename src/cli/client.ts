/** The API as the commands use it. Whatever goes wrong is thrown as a NetloomError, with the server's own findings. */
import { CODES, type ErrorCode } from '../base/codes.ts';
import { type Finding, finding, NetloomError } from '../base/error.ts';
import type { ServerOptions } from './context.ts';
import { findServer, type Place } from './place.ts';
import type { Terminal } from './terminal.ts';

export class Client {
  readonly #place: Place;

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

  post<T>(path: string, body: object): Promise<T> {
    return this.#ask<T>('POST', path, body);
  }

  async #ask<T>(method: string, path: string, body?: object): Promise<T> {
    const { url, token } = this.#place;
    let response: Response;
    let text: string;
    try {
      response = await fetch(new URL(path, url), {
        method,
        redirect: 'error',
        headers: {
          authorization: `Bearer ${token}`,
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
    if (response.ok) return value as T;
    throw errorOf(value, `${url.origin} answered ${response.status} ${response.statusText}`.trim());
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
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
  const remedy =
    method === 'GET' || code === 'ECONNREFUSED'
      ? 'Start it with "netloom up", or say where it is with --server.'
      : 'Whether the change was made is not known: look with "netloom history", or do it again; what is so already is left alone.';
  return new NetloomError(
    [finding('server-unreachable', '', `The server at ${url.origin} cannot be reached: ${why}.`, remedy)],
    { cause: thrown },
  );
}
