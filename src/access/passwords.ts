/**
 * Passwords, as argon2id hashes (RFC 9106). What is stored names its parameters, so that these can be raised later and
 * old passwords still be checked.
 */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { type Finding, finding } from '../base/error.ts';
import type { JsonObject } from '../base/json.ts';

/**
 * `memory` in KiB. The choice of the OWASP Password Storage Cheat Sheet: some tens of milliseconds of one core, so that
 * a few logins at once do not hold up the controller.
 */
const PARAMETERS = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const SALT_BYTES = 16;
const TAG_BYTES = 32;

const MINIMUM = 12;
export const PASSWORD_MAXIMUM = 256;

/** So many hashes are made at once, each of 19 MiB; the others wait, and more than that are sent away. */
const AT_ONCE = 2;
const WAITING = 32;

const verifier = z.strictObject({
  algorithm: z.literal('argon2id'),
  memory: z.int().min(8).max(1_048_576),
  passes: z.int().min(1).max(16),
  parallelism: z.int().min(1).max(16),
  salt: z.string(),
  hash: z.string(),
});

type Verifier = z.output<typeof verifier>;

/** What is stored of a password. */
export async function hashPassword(password: string): Promise<JsonObject> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, { ...PARAMETERS, salt });
  return {
    algorithm: 'argon2id',
    ...PARAMETERS,
    salt: salt.toString('base64'),
    hash: hash.toString('base64'),
  };
}

/** A hash of no password, for names that there are not: checking against it takes as long, and never succeeds. */
const NOBODY: Verifier = {
  algorithm: 'argon2id',
  ...PARAMETERS,
  salt: Buffer.alloc(SALT_BYTES).toString('base64'),
  hash: Buffer.alloc(TAG_BYTES).toString('base64'),
};

/** Whether the password is the one that was stored. Takes the same time where nothing was. */
export async function checkPassword(password: string, stored: JsonObject | undefined): Promise<boolean> {
  const { salt, hash, ...parameters } = verifier.safeParse(stored).data ?? NOBODY;
  const made = await derive(password, { ...parameters, salt: Buffer.from(salt, 'base64') });
  const wanted = Buffer.from(hash, 'base64');
  return made.length === wanted.length && timingSafeEqual(made, wanted);
}

/** What is wrong with a password that somebody wants to have. */
export function passwordFindings(password: string, user: string): Finding[] {
  const wrong = (message: string, remedy: string) => [finding('value-invalid', 'password', message, remedy)];
  if ([...password].length < MINIMUM) {
    return wrong(
      `The password has ${[...password].length} characters; ${MINIMUM} is the least.`,
      'Take several words: nothing else is asked of them.',
    );
  }
  if (password.length > PASSWORD_MAXIMUM || !password.isWellFormed()) {
    return wrong('The password is too long, or no text.', `Use at most ${PASSWORD_MAXIMUM} characters.`);
  }
  const plain = password.toLowerCase();
  const bare = user.slice(user.indexOf(':') + 1).toLowerCase();
  if (
    new Set(plain).size < 5 ||
    (bare.length > 3 && plain.includes(bare)) ||
    COMMON.some((w) => plain.startsWith(w))
  ) {
    return wrong(
      'The password is one of those that are tried first.',
      'Take several words that do not belong together.',
    );
  }
  return [];
}

/** Beginnings of those that stand first in lists of passwords that were found out. */
const COMMON = [
  'password',
  'passw0rd',
  'p@ssw0rd',
  '123456789',
  'qwertyuiop',
  'administrator',
  'netloom',
  'letmein',
];

interface Work {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Buffer;
}

let running = 0;
const waiting: (() => void)[] = [];

/** Thrown nowhere else: too many want to log in at this moment. */
export class Busy extends Error {}

async function derive(password: string, { salt, ...parameters }: Work): Promise<Buffer> {
  if (running >= AT_ONCE) {
    if (waiting.length >= WAITING) throw new Busy('too many passwords at once');
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
  running += 1;
  try {
    // The same text may be typed as different code points: composed ones count (RFC 8265, 4.2).
    const message = Buffer.from(password.normalize('NFC'));
    const options = { message, nonce: salt, tagLength: TAG_BYTES, ...parameters };
    return await new Promise((resolve, reject) =>
      argon2('argon2id', options, (error, tag) => (error ? reject(error) : resolve(tag))),
    );
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}
