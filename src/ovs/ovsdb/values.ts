/**
 * Values of columns as JSON, both ways (RFC 7047, 5.1): a set is `["set", [...]]`, or a bare atom when it has one; a map
 * is `["map", [[key, value], ...]]`; a reference is `["uuid", "..."]`.
 *
 * Integers of OVSDB have 64 bits and numbers here 53: written ones are exact or refused; read ones above 2^53 (a counter
 * that has counted for years) come to the nearest number.
 */
import type { JsonValue } from '../../base/json.ts';
import type { AnyAtom, AnyValue, AtomicType, ColumnType, NamedRow } from './columns.ts';
import { misunderstood, refusedValue } from './errors.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** RFC 7047, 3.1, <id>. */
const ID = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** What a column has when nothing was written into it (RFC 7047, 5.2.1). */
export function defaultValue(type: ColumnType): AnyValue {
  switch (type.kind) {
    case 'one':
      return DEFAULTS[type.key];
    case 'optional':
      return null;
    case 'set':
      return [];
    case 'map':
      return new Map();
  }
}

const DEFAULTS = {
  integer: 0,
  real: 0,
  boolean: false,
  string: '',
  uuid: '00000000-0000-0000-0000-000000000000',
} as const;

// ------------------------------------------------------------------------------------------------- reading

/** Throws `ovsdb-protocol` when the server says what the type has no room for. */
export function readValue(type: ColumnType, json: JsonValue): AnyValue {
  if (type.kind === 'map') {
    const pairs = tagged('map', json);
    if (!pairs) throw misunderstood(`${show(json)} is not a map`);
    const read = new Map<AnyAtom, AnyAtom>();
    for (const pair of pairs) {
      if (!isList(pair) || pair.length !== 2) throw misunderstood(`${show(pair)} is not a pair of a map`);
      read.set(readAtom(type.key, pair[0]), readAtom(type.value, pair[1]));
    }
    return read;
  }
  const atoms = (tagged('set', json) ?? [json]).map((atom) => readAtom(type.key, atom));
  if (type.kind === 'set') return sorted(new Set(atoms));
  if (atoms.length > 1) throw misunderstood(`${show(json)} is more than one value`);
  const [atom] = atoms;
  if (atom !== undefined) return atom;
  if (type.kind === 'one') throw misunderstood('there is no value where one has to be');
  return null;
}

function readAtom(type: AtomicType, json: JsonValue | undefined): AnyAtom {
  switch (type) {
    case 'uuid': {
      const uuid = isList(json) && json.length === 2 && json[0] === 'uuid' ? json[1] : undefined;
      if (typeof uuid === 'string' && UUID.test(uuid)) return uuid;
      break;
    }
    case 'integer':
      if (Number.isInteger(json)) return json as number;
      break;
    case 'real':
      if (typeof json === 'number') return json;
      break;
    case 'boolean':
      if (typeof json === 'boolean') return json;
      break;
    case 'string':
      if (typeof json === 'string') return json;
      break;
  }
  throw misunderstood(`${show(json)} is no ${type}`);
}

/**
 * The value that a column has after a change, from the one before and the difference between the two that `update2` and
 * `update3` tell (ovsdb-server(7), 4.1.14): elements of a set that only one of the two has; keys of a map likewise, and
 * keys with another value.
 */
export function changedValue(type: ColumnType, before: AnyValue, difference: AnyValue): AnyValue {
  if (difference instanceof Map) {
    const after = new Map(before instanceof Map ? before : []);
    for (const [key, value] of difference) {
      if (after.get(key) === value) after.delete(key);
      else after.set(key, value);
    }
    return after;
  }
  if (type.kind !== 'set') return difference;
  // A bridge has thousands of ports, and they come one by one: no set is made of all of them.
  const toggled = new Set(atomsOf(difference));
  const kept = atomsOf(before).filter((atom) => !toggled.delete(atom));
  return toggled.size === 0 ? kept : sorted([...kept, ...toggled]);
}

/** Whether two values of a column are the same. */
export function sameValue(a: AnyValue, b: AnyValue): boolean {
  if (a === b) return true;
  if (a instanceof Map && b instanceof Map)
    return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((atom, i) => atom === b[i]);
  return false;
}

function atomsOf(value: AnyValue): readonly AnyAtom[] {
  return Array.isArray(value) ? value : [];
}

/** Sets have no order of their own; equal ones are equal lists. */
function sorted(atoms: Iterable<AnyAtom>): readonly AnyAtom[] {
  return [...atoms].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

function tagged(tag: 'set' | 'map', json: JsonValue): readonly JsonValue[] | undefined {
  return isList(json) && json.length === 2 && json[0] === tag && isList(json[1]) ? json[1] : undefined;
}

function isList(json: JsonValue | undefined): json is readonly JsonValue[] {
  return Array.isArray(json);
}

function show(json: JsonValue | undefined): string {
  return (JSON.stringify(json) ?? 'nothing').slice(0, 80);
}

// ------------------------------------------------------------------------------------------------- writing

/** What callers may give for a column; its type is held to that by WrittenRow. */
export type Writable =
  | AnyAtom
  | NamedRow
  | null
  | readonly (AnyAtom | NamedRow)[]
  | ReadonlyMap<AnyAtom, AnyAtom | NamedRow>
  | Readonly<Record<string, AnyAtom | NamedRow>>;

/**
 * Throws `value-invalid` at what OVSDB cannot say: an integer that is none or not exact, a character that no string of
 * OVSDB has. `path` names the value then. (ovsdb-server hangs up on text that it cannot read, and with it goes whatever
 * else the connection carries.)
 */
export function writeValue(type: ColumnType, value: Writable, path: string): JsonValue {
  switch (type.kind) {
    case 'map':
      return ['map', pairsOf(type, value, path)];
    case 'set':
      if (!Array.isArray(value)) throw refusedValue(path, 'a set is a list');
      return ['set', value.map((atom) => writeAtom(type.key, atom, path))];
    case 'optional':
      return value === null ? ['set', []] : writeAtom(type.key, value, path);
    case 'one':
      return writeAtom(type.key, value, path);
  }
}

function pairsOf(type: ColumnType & { kind: 'map' }, value: Writable, path: string): JsonValue[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refusedValue(path, 'a map is a map');
  const pairs: (readonly [Writable, Writable])[] =
    value instanceof Map
      ? [...value]
      : Object.entries(value).map(([key, v]) => [type.key === 'integer' ? Number(key) : key, v]);
  return pairs.map(([key, v]) => [writeAtom(type.key, key, path), writeAtom(type.value, v, path)]);
}

export function writeAtom(type: AtomicType, value: Writable, path: string): JsonValue {
  switch (type) {
    case 'uuid':
      if (typeof value === 'string' && UUID.test(value)) return ['uuid', value];
      if (isNamed(value) && ID.test(value.named)) return ['named-uuid', value.named];
      break;
    case 'integer':
      if (Number.isSafeInteger(value)) return value as number;
      break;
    case 'real':
      if (Number.isFinite(value)) return value as number;
      break;
    case 'boolean':
      if (typeof value === 'boolean') return value;
      break;
    case 'string':
      // A string of OVSDB is UTF-8 without NUL (RFC 7047, 3.1).
      if (typeof value === 'string' && value.isWellFormed() && !value.includes('\0')) return value;
      break;
  }
  throw refusedValue(path, `${String(isNamed(value) ? value.named : value)} is no ${type} of a database`);
}

function isNamed(value: Writable): value is NamedRow {
  return typeof value === 'object' && value !== null && 'named' in value && typeof value.named === 'string';
}
