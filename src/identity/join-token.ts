/**
 * Join tokens: one text that a new host needs to become known to its controller, good once. It holds where the controller is, which
 * authority to believe, for which host it is, and the secret. Whoever has it can be that host, so it goes by a safe way.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { finding, NetloomError } from '../base/error.ts';

/** What a join token says. */
export interface JoinToken {
  /** Of the listener for agents: `https://controller.example:7301`. */
  readonly url: string;
  /** SHA-256 of the certificate of the authority, in hexadecimal. */
  readonly authority: string;
  readonly host: string;
  /** Names the token to people; no secret. */
  readonly id: string;
  /** 256 bits. */
  readonly secret: string;
}

/** With this, scanners find one that was published. */
const PREFIX = 'nlj_';
const SHAPE = {
  authority: /^[0-9a-f]{64}$/,
  host: /^.{1,63}$/,
  id: /^[0-9a-f]{16}$/,
  secret: /^[A-Za-z0-9_-]{43}$/,
};
/** No token is longer. */
const MAX_LENGTH = 2048;

/** A new token's id and secret. */
export function makeJoinSecret(): Pick<JoinToken, 'id' | 'secret'> {
  return { id: randomBytes(8).toString('hex'), secret: randomBytes(32).toString('base64url') };
}

/** All that is stored of a secret: with 256 random bits, a plain hash is enough. */
export function hashJoinSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** Takes the same time whatever is given. */
export function sameJoinSecret(given: string, wantedHash: string): boolean {
  const [a, b] = [Buffer.from(hashJoinSecret(given)), Buffer.from(wantedHash)];
  return a.length === b.length && timingSafeEqual(a, b);
}

export function writeJoinToken({ url, authority, host, id, secret }: JoinToken): string {
  return PREFIX + Buffer.from(JSON.stringify([1, url, authority, host, id, secret])).toString('base64url');
}

/** Reads a token. Throws `value-invalid`; what it says never holds the token. */
export function readJoinToken(text: string): JoinToken {
  const token = parse(text.trim());
  if (token) return token;
  throw new NetloomError([
    finding(
      'value-invalid',
      'token',
      'This is no join token, or not all of one.',
      'Copy all of what "netloom host token HOST" printed: it begins with nlj_ and is one line.',
    ),
  ]);
}

function parse(text: string): JoinToken | undefined {
  if (!text.startsWith(PREFIX) || text.length > MAX_LENGTH) return undefined;
  try {
    const values: unknown = JSON.parse(Buffer.from(text.slice(PREFIX.length), 'base64url').toString());
    if (!Array.isArray(values) || values.length !== 6 || values[0] !== 1) return undefined;
    const [, url, authority, host, id, secret] = values as unknown[];
    if (!isText(url) || !isText(authority) || !isText(host) || !isText(id) || !isText(secret))
      return undefined;
    const isWhole =
      SHAPE.authority.test(authority) &&
      SHAPE.host.test(host) &&
      SHAPE.id.test(id) &&
      SHAPE.secret.test(secret);
    if (!isWhole || !URL.canParse(url) || new URL(url).protocol !== 'https:') return undefined;
    return { url, authority, host, id, secret };
  } catch {
    return undefined;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
