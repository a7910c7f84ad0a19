/**
 * Secrets that machines make and keep: ids of sessions, API tokens, one-time codes. They have 256 bits, so nobody
 * guesses them, and a plain hash is all that has to be stored.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** 256 random bits. */
export function makeSecret(): string {
  return randomBytes(32).toString('base64url');
}

export function hashSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** Takes the same time whatever is given. */
export function sameSecret(given: string, wantedHash: string): boolean {
  const [a, b] = [Buffer.from(hashSecret(given)), Buffer.from(wantedHash)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** An API token as its owner has it: prefix, id, secret. The prefix lets scanners find one that was published. */
const API_TOKEN = /^nlt_([0-9a-f]{16})_([A-Za-z0-9_-]{43})$/;

export function makeApiToken(): { readonly id: string; readonly secret: string; readonly token: string } {
  const id = randomBytes(8).toString('hex');
  const secret = makeSecret();
  return { id, secret, token: `nlt_${id}_${secret}` };
}

export function parseApiToken(text: string): { readonly id: string; readonly secret: string } | undefined {
  const [, id, secret] = API_TOKEN.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}
