/** What the server's schema (RFC 7047, 3.2) says of the columns that Netloom knows. */
import type { JsonObject, JsonValue } from '../../base/json.ts';
import { type ColumnType, columnsOf, TABLE_NAMES, type TableName, watchedColumns } from './columns.ts';
import { misunderstood, unfit } from './errors.ts';

/** The name of the database. */
export const DATABASE = 'Open_vSwitch';

/**
 * The watched columns that this server has, of every table. An older one lacks some: they keep the defaults of their
 * types, and whoever writes them is refused. Throws `ovsdb-unfit` when a table is missing or a column is of another type.
 */
export function watchable(schema: JsonValue): ReadonlyMap<TableName, readonly string[]> {
  const tables = member(schema, 'tables');
  return new Map(
    TABLE_NAMES.map((table) => {
      const there = member(tables, table);
      if (!there) throw unfit(`it has no table ${table}`);
      const columns = member(there, 'columns') ?? {};
      for (const [name, type] of Object.entries(columnsOf(table))) {
        const column = member(columns, name);
        if (column && !isSameType(type, column)) throw unfit(`${table}.${name} is of another type`);
      }
      return [table, Object.keys(watchedColumns(table)).filter((name) => member(columns, name))];
    }),
  );
}

function isSameType(type: ColumnType, column: JsonObject): boolean {
  const theirs = column.type;
  if (typeof theirs === 'string') return type.kind === 'one' && type.key === theirs;
  const whole = asObject(theirs);
  if (!whole) return false;
  const { min = 1, max = 1 } = whole;
  const kind = whole.value !== undefined ? 'map' : max !== 1 ? 'set' : min === 0 ? 'optional' : 'one';
  return (
    kind === type.kind &&
    atomic(whole.key) === type.key &&
    (type.kind !== 'map' || atomic(whole.value) === type.value)
  );
}

function atomic(type: JsonValue | undefined): JsonValue | undefined {
  return asObject(type)?.type ?? type;
}

/** The object under this name; undefined where there is none. */
function member(value: JsonValue | undefined, name: string): JsonObject | undefined {
  const object = asObject(value);
  return object && Object.hasOwn(object, name) ? asObject(object[name]) : undefined;
}

/** The value as an object; undefined when it is none. */
export function asObject(value: JsonValue | undefined): JsonObject | undefined {
  return isObject(value) ? value : undefined;
}

/** The members of what has to be an object. Throws `ovsdb-protocol`. */
export function entriesOf(value: JsonValue | undefined): [string, JsonValue][] {
  if (!isObject(value)) throw misunderstood(`there is ${JSON.stringify(value)} where an object has to be`);
  return Object.entries(value);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
