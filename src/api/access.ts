/**
 * Who may ask what. Each route declares the permission that it needs; a route that does not stops the start. Who asks
 * is told by what the request brings:
 *
 *     Authorization: Bearer <token>     programs and the command line: the local token, or an API token
 *     Cookie                            people: a session, by logging in
 *
 * Against pages of others in the user's browser: the cookie goes with requests of the same site only (SameSite), a
 * change by cookie must come from a page of this server (Origin), and the server answers only to names that are
 * its own (DNS rebinding makes a browser call it by a foreign one).
 */
import { isIP } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Accounts, Login } from '../access/accounts.ts';
import { Throttled } from '../access/accounts.ts';
import type { Principal } from '../access/principal.ts';
import { may, type Permission } from '../access/roles.ts';
import { ABSOLUTE_MS } from '../access/sessions.ts';
import { View } from '../access/view.ts';
import { NetloomError } from '../base/error.ts';
import type { Controller } from '../controller/controller.ts';
import { type Cookie, isSecure, readCookie, sendCookie } from './cookies.ts';
import { badAddress, refusal } from './problem.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a request needs to be let through. Every route says it. */
    permission?: Permission;
  }
  interface FastifyRequest {
    /** Who asks; null before that is known, and on public routes. */
    principal: Principal | null;
  }
}

export interface AccessOptions {
  readonly accounts: Accounts;
  /** Names, besides localhost and IP addresses, that the server is called by. */
  readonly names: readonly string[];
}

const SESSION: Cookie = {
  name: 'netloom',
  prefix: '__Host-',
  attributes: 'Path=/; HttpOnly; SameSite=Strict',
};

/** Sent with every answer. No page needs scripts, so none may run. */
const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

export function installAccess(app: FastifyInstance, { accounts, names }: AccessOptions): void {
  const known = new Set(['localhost', ...names.map((name) => name.toLowerCase())]);
  app.decorateRequest('principal', null);

  app.addHook('onRoute', (route) => {
    if (route.config?.permission === undefined) {
      throw new Error(`The route ${route.method} ${route.url} does not declare what permission it needs.`);
    }
  });

  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    // RFC 6797: from now on, only over TLS.
    if (isSecure(request)) reply.header('strict-transport-security', 'max-age=31536000');
    const host = hostOf(request);
    if (!isOwnName(host, known)) throw foreignName(host);
    if (!isPlainPath(request.raw.url ?? '')) throw badAddress();
    const { permission } = request.routeOptions.config;
    const isChange = request.method !== 'GET' && request.method !== 'HEAD';
    if (permission === 'public') {
      // Nobody else's page logs the user in as somebody.
      if (isChange && request.headers.origin !== undefined && !isOwnPage(request)) throw foreignPage();
      return;
    }
    const bearer = bearerOf(request);
    const principal =
      bearer === undefined
        ? accounts.ofSession(readCookie(request, SESSION) ?? '')
        : accounts.ofBearer(bearer);
    if (!principal) {
      reply.header('www-authenticate', 'Bearer realm="netloom"');
      throw unauthenticated();
    }
    if (bearer === undefined && isChange && !isOwnPage(request)) throw foreignPage();
    // What matches no route declares nothing, and is not found, by whoever is known here.
    if (permission !== undefined && !may(principal.role, permission)) throw forbidden(principal, permission);
    request.principal = principal;
  });

  app.addHook('onError', async (request, reply, error) => {
    if (error instanceof Throttled) reply.header('retry-after', String(error.seconds));
    if (!(error instanceof NetloomError)) return;
    const { url = '(an address that there is not)' } = request.routeOptions;
    accounts.noteRefusal(request.principal ?? nameTyped(request.body), {
      code: error.code,
      from: request.ip,
      request: `${request.method} ${url}`,
    });
  });
}

/** Whom somebody says that they are, who logs in. */
function nameTyped(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('user' in body)) return undefined;
  return typeof body.user === 'string' ? body.user : undefined;
}

/** Who asks, on every route that is not public. */
export function principalOf({ principal }: FastifyRequest): Principal {
  if (!principal) throw new Error('a public route asks who it is');
  return principal;
}

/** What whoever asks sees of the network. */
export function viewOf(request: FastifyRequest, controller: Controller): View {
  return new View(controller.network, principalOf(request));
}

/** Gives the browser, or whoever it is, the session. */
export function sendSession(reply: FastifyReply, { secret }: Pick<Login, 'secret'>): FastifyReply {
  return sendCookie(reply, SESSION, secret, Math.floor(ABSOLUTE_MS / 1000));
}

export function clearSession(reply: FastifyReply): FastifyReply {
  return sendCookie(reply, SESSION, '', 0);
}

function bearerOf(request: FastifyRequest): string | undefined {
  const { authorization } = request.headers;
  if (authorization === undefined) return undefined;
  return /^Bearer ([\x21-\x7e]{1,200})$/i.exec(authorization)?.[1] ?? '';
}

/** Without TLS here, there may be somebody in front who has it. */
function isOwnPage(request: FastifyRequest): boolean {
  const { origin, host } = request.headers;
  return origin === `https://${host}` || (!isSecure(request) && origin === `http://${host}`);
}

/** Of two, another server on the way may have believed the other one (RFC 9112, 3.2), so two are as good as none. */
function hostOf({ headers, raw }: FastifyRequest): string {
  const hosts = raw.rawHeaders.filter((text, i) => i % 2 === 0 && text.toLowerCase() === 'host');
  return hosts.length === 1 ? (headers.host ?? '') : '';
}

/** An IP address cannot be rebound: whoever calls by it means it. */
function isOwnName(host: string, known: ReadonlySet<string>): boolean {
  const name = /^(?:\[([0-9a-f:.]+)\]|([^:[\]/@]+))(?::\d{1,5})?$/i.exec(host);
  const bare = (name?.[1] ?? name?.[2] ?? '').toLowerCase();
  return isIP(bare) !== 0 || known.has(bare);
}

/** One spelling for each address: nothing that one part of a server reads as a border and another does not. */
function isPlainPath(url: string): boolean {
  const path = url.split('?')[0]!;
  return !/%2f|%5c|%00|[\\;#]|\/\/|\/\.{1,2}(?:\/|$)|%2e/i.test(path);
}

function unauthenticated(): NetloomError {
  return refusal(
    'token-missing',
    '',
    'The request does not say who it is from, or what it brings is not good any more.',
    'Log in ("netloom login"), or send an API token as Authorization: Bearer …. On the machine of the server, the file "token" of the data directory has one.',
  );
}

export function forbidden({ role }: Principal, permission: Permission): NetloomError {
  return refusal(
    'forbidden',
    '',
    `This needs the permission "${permission}", and the role ${role} does not have it.`,
    'Ask somebody whose role allows it; "netloom whoami" says what yours is.',
  );
}

function foreignPage(): NetloomError {
  return refusal(
    'origin-refused',
    '',
    'A page of somebody else tried to change something here.',
    'Send changes with the header Authorization: Bearer …, or from a page of this server.',
  );
}

function foreignName(host: string): NetloomError {
  return refusal(
    'name-refused',
    '',
    `This server is not called ${JSON.stringify(host.slice(0, 80))}.`,
    'Use its IP address or localhost, or start it with "--listen NAME:PORT".',
  );
}
