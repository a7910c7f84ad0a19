/**
 * Bodies: JSON in UTF-8 and nothing else. One parser for all of them; what it gives is checked in the handlers, so that
 * no spelling of a content type walks around a check.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { NetloomError } from '../base/error.ts';
import { refusal } from './problem.ts';

/** For one object or one request. */
export const BODY_LIMIT = 1024 * 1024;
/** For a whole network at once. */
export const APPLY_LIMIT = 32 * 1024 * 1024;
const MAX_DEPTH = 32;
/** Names that JavaScript objects have of themselves; a body must not bring its own. */
const POISON: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);
const JSON_TYPE = /^application\/json(?: *; *charset=(?:utf-8|"utf-8"))?$/i;

export function installBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  const parser = async (request: FastifyRequest, body: Buffer) => {
    // Fastify looks at the essence of the type only; what else is said about it must be what is done here.
    const { 'content-type': type = '', 'content-encoding': encoding } = request.headers;
    if (!JSON_TYPE.test(type) || encoding !== undefined) {
      throw refusal(
        'media-type',
        '',
        `The body is said to be ${JSON.stringify(`${encoding ?? ''} ${type}`.trim().slice(0, 80))}.`,
        'Send it as application/json, in UTF-8 and not compressed.',
      );
    }
    return parseJson(body);
  };
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, parser);
}

/** Plain JSON of bounded depth without names that could be taken for something else. */
export function parseJson(bytes: Uint8Array): unknown {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (thrown) {
    const why = thrown instanceof SyntaxError ? thrown.message.slice(0, 120) : 'it is not UTF-8';
    throw refusal('input-unreadable', '', `The body is not JSON: ${why}.`, 'Send one JSON value, in UTF-8.');
  }
  check(value);
  return value;
}

/** Without recursion, so that depth costs no stack. */
function check(root: unknown): void {
  const rest: { value: object; depth: number }[] = [];
  const visit = (value: unknown, depth: number) => {
    if (typeof value !== 'object' || value === null) return;
    if (depth > MAX_DEPTH) throw tooDeep();
    rest.push({ value, depth });
  };
  visit(root, 1);
  for (let next = rest.pop(); next; next = rest.pop()) {
    for (const [name, member] of Object.entries(next.value)) {
      if (POISON.has(name)) throw poisoned(name);
      visit(member, next.depth + 1);
    }
  }
}

function tooDeep(): NetloomError {
  return refusal(
    'value-invalid',
    '',
    `The body is nested deeper than ${MAX_DEPTH} levels.`,
    'Make it flatter; nothing that is read here is nested that deep.',
  );
}

function poisoned(name: string): NetloomError {
  return refusal('field-unknown', name, `"${name}" cannot be the name of a field.`, 'Remove it.');
}
