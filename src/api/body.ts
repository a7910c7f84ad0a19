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
/** Fields, items, objects and lists of one body; what 32 MiB of objects have, and no more. */
const MAX_VALUES = 2_000_000;
/** Fields of one object; none that is read here has so many. */
const MAX_FIELDS = 1000;
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

/** Plain JSON of bounded depth and size, every name once, and none that could be taken for something else. */
export function parseJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw notJson('it is not UTF-8');
  }
  checkText(text);
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw notJson(thrown instanceof Error ? thrown.message.slice(0, 120) : String(thrown));
  }
}

/**
 * Looks at the text before anything is built from it. JSON.parse keeps the last one of two fields of one name, where
 * another reader keeps the first (RFC 8259, 4), and a value takes many times the room of the text. What is no JSON is
 * left for JSON.parse to find.
 */
function checkText(text: string): void {
  /** The names so far in each object around this place; undefined for a list. */
  const around: (Set<string> | undefined)[] = [];
  let values = 1;
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '{':
      case '[':
        around.push(text[at] === '{' ? new Set() : undefined);
        values += 1;
        if (around.length > MAX_DEPTH) throw tooDeep();
        break;
      case '}':
      case ']':
        around.pop();
        break;
      case ',':
        values += 1;
        break;
      case '"': {
        const end = endOfText(text, at);
        if (isName(text, end)) checkName(text.slice(at, end), around.at(-1));
        at = end - 1;
      }
    }
    if (values > MAX_VALUES) throw tooMany();
  }
}

/** Just behind the quotation mark that closes the one at `start`. */
function endOfText(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let escapes = 0;
    while (text[at - 1 - escapes] === '\\') escapes += 1;
    if (escapes % 2 === 0) return at + 1;
  }
  return text.length;
}

/** Whether what ends here is the name of a field: a colon follows. */
function isName(text: string, end: number): boolean {
  let at = end;
  while (/[ \t\r\n]/.test(text[at] ?? '')) at += 1;
  return text[at] === ':';
}

function checkName(quoted: string, names: Set<string> | undefined): void {
  let name: string;
  try {
    name = String(JSON.parse(quoted));
  } catch {
    return;
  }
  if (POISON.has(name)) throw poisoned(name);
  if (names?.has(name)) throw twice(name);
  names?.add(name);
  if (names && names.size > MAX_FIELDS) throw tooManyFields();
}

function notJson(why: string): NetloomError {
  return refusal('input-unreadable', '', `The body is not JSON: ${why}.`, 'Send one JSON value, in UTF-8.');
}

function tooMany(): NetloomError {
  const limit = MAX_VALUES.toLocaleString('en');
  return refusal('input-too-large', '', `The body has more than ${limit} values.`, 'Send less at a time.');
}

function tooManyFields(): NetloomError {
  const what = `The body has an object of more than ${MAX_FIELDS} fields.`;
  return refusal('value-invalid', '', what, 'Remove those that the reference does not name.');
}

function twice(name: string): NetloomError {
  const shown = JSON.stringify(name.slice(0, 60));
  return refusal('input-unreadable', '', `The field ${shown} is there twice.`, 'Remove one of the two.');
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
