import { finding, NetloomError } from './error.ts';

/** What JSON can say (RFC 8259), as values that nobody changes. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/** Deeper nesting than this is refused rather than followed until the stack ends. */
export const MAX_JSON_DEPTH = 100;

/**
 * The one text of a value: no white space, names sorted by UTF-16 code units, numbers and strings as JSON.stringify
 * writes them (the rules of RFC 8785). Equal values have equal texts, so bytes can be compared and hashed.
 *
 * A member that is `undefined` is left out. Whatever else JSON cannot say (NaN, a function, an array with
 * a hole), and nesting deeper than MAX_JSON_DEPTH, is refused with `value-invalid`; `path` names the value then.
 */
export function canonicalJson(value: JsonValue, path = ''): string {
  return write(value, path, 0);
}

/** Whether two values say the same, whatever the order of their names. */
export function sameJson(a: JsonValue, b: JsonValue): boolean {
  return a === b || canonicalJson(a) === canonicalJson(b);
}

/** A copy in canonical order that nobody can change, all the way down. Refuses what canonicalJson refuses. */
export function frozenJson<T extends JsonValue>(value: T, path = ''): T {
  return deepFreeze(JSON.parse(canonicalJson(value, path)) as T);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) deepFreeze(member);
    Object.freeze(value);
  }
  return value;
}

function write(value: unknown, path: string, depth: number): string {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    case 'number':
      if (Number.isFinite(value)) return JSON.stringify(value);
      break;
    case 'object':
      if (value === null) return 'null';
      if (depth === MAX_JSON_DEPTH) {
        throw invalid(path, `The value is nested more than ${MAX_JSON_DEPTH} deep.`, 'Make it flatter.');
      }
      if (Array.isArray(value)) {
        // Array.from also visits holes, which map would pass over in silence.
        return `[${Array.from(value, (item, i) => write(item, `${path}[${i}]`, depth + 1)).join(',')}]`;
      }
      return writeObject(value, path, depth);
  }
  throw invalid(
    path,
    `JSON cannot say ${String(value)}.`,
    'Use null, a boolean, a finite number, a string, a list or an object.',
  );
}

function writeObject(value: object, path: string, depth: number): string {
  const members: string[] = [];
  for (const [name, member] of Object.entries(value).sort(byName)) {
    if (member === undefined) continue;
    members.push(`${JSON.stringify(name)}:${write(member, path ? `${path}.${name}` : name, depth + 1)}`);
  }
  return `{${members.join(',')}}`;
}

function byName([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function invalid(path: string, message: string, remedy: string): NetloomError {
  return new NetloomError([finding('value-invalid', path, message, remedy)]);
}

/** The same members without the names of interfaces: what TypeScript knows to be JSON. */
export type Plain<T> = T extends string | number | boolean | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Plain<Item>[]
    : { readonly [Name in keyof T]: Plain<T[Name]> };
