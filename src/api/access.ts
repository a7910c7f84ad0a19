/**
 * Who may ask what. Each route declares what it needs; a route that does not is not served: the start fails. There is
 * one token, whose bearer may do everything; roles will refine `access`, not the way of asking for it.
 *
 *     Authorization: Bearer <token>     programs and the command line
 *     Cookie                            browsers, set by GET /login?token=…
 *
 * Against pages of others in the user's browser: the cookie goes with requests of the same site only (SameSite), a
 * change by cookie must come from a page of this server (Origin), and the server answers only to names that are
 * its own (DNS rebinding makes a browser call it by a foreign one).
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { NetloomError } from '../base/error.ts';
import { badAddress, refusal } from './problem.ts';
import type { RequestTypes } from './request.ts';

/** `public`: anybody. `read`: whoever may look. `write`: whoever may change. */
export type Access = 'public' | 'read' | 'write';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a request needs to be let through. Every route says it. */
    access?: Access;
  }
}

export interface AccessOptions {
  readonly token: string;
  /** Names, besides localhost and IP addresses, that the server is called by. */
  readonly names: readonly string[];
}

const COOKIE = 'netloom';

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

export function installAccess(app: FastifyInstance, { token, names }: AccessOptions): void {
  const cookie = cookieOf(token);
  const known = new Set(['localhost', ...names.map((name) => name.toLowerCase())]);

  app.addHook('onRoute', (route) => {
    if (route.config?.access === undefined) {
      throw new Error(`The route ${route.method} ${route.url} does not declare what access it needs.`);
    }
  });

  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS);
    const host = hostOf(request);
    if (!isOwnName(host, known)) throw foreignName(host);
    if (!isPlainPath(request.raw.url ?? '')) throw badAddress();
    // What matches no route declares nothing, and so needs the token: strangers learn nothing about addresses.
    if (request.routeOptions.config.access === 'public') return;
    if (equal(bearerOf(request), token)) return;
    if (!equal(cookieIn(request), cookie)) {
      reply.header('www-authenticate', 'Bearer realm="netloom"');
      throw unauthenticated();
    }
    if (!isSafe(request.method) && !isOwnPage(request)) throw foreignPage();
  });

  app.withTypeProvider<RequestTypes>().route({
    method: 'GET',
    url: '/login',
    config: { access: 'public' },
    schema: {
      operationId: 'login',
      tags: ['system'],
      summary: 'Log a browser in',
      description: 'Sets the cookie that stands for the token, and goes on to the reference.',
      security: [],
      querystring: z.strictObject({ token: z.string().max(200).describe('The token.') }),
      response: { 303: z.null().describe('To the reference.') },
    },
    handler: (request, reply) => {
      if (!equal(request.query.token, token)) throw unauthenticated();
      const attributes = 'Path=/; HttpOnly; SameSite=Strict';
      return reply.header('set-cookie', `${COOKIE}=${cookie}; ${attributes}`).redirect('/', 303);
    },
  });
}

/** Another secret than the token, since browsers send cookies to every port of a host. */
function cookieOf(token: string): string {
  return createHmac('sha256', token).update('netloom browser cookie').digest('base64url');
}

/** Takes the same time whatever is given. */
function equal(given: string | undefined, wanted: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given ?? ''), digest(wanted));
}

function bearerOf(request: FastifyRequest): string | undefined {
  return /^Bearer ([\x21-\x7e]{1,200})$/i.exec(request.headers.authorization ?? '')?.[1];
}

function cookieIn(request: FastifyRequest): string | undefined {
  const cookies = (request.headers.cookie ?? '').slice(0, 8192).split(/; */);
  return cookies.find((c) => c.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
}

function isSafe(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

function isOwnPage({ headers }: FastifyRequest): boolean {
  return headers.origin === `http://${headers.host}` || headers.origin === `https://${headers.host}`;
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
    'The request does not bring the token of this server.',
    'Send it as Authorization: Bearer …, or open the link that "netloom up" printed. It stands in the file "token" of the data directory.',
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
