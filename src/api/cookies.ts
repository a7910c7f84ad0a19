/**
 * Cookies, by the connection that they go over. Over TLS their names say to the browser what it is to hold to: `__Host-`, only
 * over TLS, for this host alone and all of it; `__Secure-`, only over TLS (RFC 6265bis, 4.1.3).
 */
import type { FastifyReply, FastifyRequest } from 'fastify';

export interface Cookie {
  readonly name: string;
  /** Of the names that browsers know; for one that is not for all of the host, `__Secure-`. */
  readonly prefix: '__Host-' | '__Secure-';
  /** `Path=/; HttpOnly` */
  readonly attributes: string;
}

/** What the request brings as this cookie. */
export function readCookie(request: FastifyRequest, cookie: Cookie): string | undefined {
  const name = nameOf(cookie, request);
  const cookies = (request.headers.cookie ?? '').slice(0, 8192).split(/; */);
  return cookies.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** Gives the browser the cookie, for so many seconds; 0 takes it away. */
export function sendCookie(
  reply: FastifyReply,
  cookie: Cookie,
  value: string,
  seconds: number,
): FastifyReply {
  const secure = isSecure(reply.request) ? '; Secure' : '';
  const text = `${nameOf(cookie, reply.request)}=${value}; ${cookie.attributes}${secure}; Max-Age=${seconds}`;
  return reply.header('set-cookie', text);
}

/** Whether the request came over TLS to this very server. */
export function isSecure(request: FastifyRequest): boolean {
  return request.protocol === 'https';
}

function nameOf({ name, prefix }: Cookie, request: FastifyRequest): string {
  return isSecure(request) ? prefix + name : name;
}
