/**
 * What rows of the database should be, and what makes them so. A wanted row names only the columns that we answer for,
 * and of maps only the keys: what others keep in the same row stays as it is. (`options` is ours as a whole: what stands
 * there unasked makes another tunnel of it.) Rows of Bridge, Port and Interface are found by their names, which the
 * schema keeps unique.
 */
import type { AnyValue, Row, TableName, WrittenRow } from '../ovsdb/columns.ts';
import { type Mutation, mutate, type Operation, update } from '../ovsdb/operations.ts';
import { sameValue } from '../ovsdb/values.ts';

/** A key that is undefined is to be absent; one that is not named is somebody else's. */
export type WantedMap = Readonly<Record<string, string | undefined>>;

/** Columns as they are to be read: null where an optional one is to be empty, sets in order. */
export type WantedColumns<T extends TableName> = {
  readonly [C in keyof Row<T>]?: Row<T>[C] extends ReadonlyMap<string, string> ? WantedMap : Row<T>[C];
};

export interface WantedInterface {
  readonly name: string;
  readonly columns: WantedColumns<'Interface'>;
}

export interface WantedPort {
  readonly name: string;
  readonly columns: WantedColumns<'Port'>;
  readonly interfaces: readonly WantedInterface[];
}

export interface WantedBridge {
  readonly name: string;
  readonly columns: WantedColumns<'Bridge'>;
  /** Those that we answer for; a bridge may have others. */
  readonly ports: readonly WantedPort[];
}

/** One column, or key of a map, that is not as it should be. */
interface Wrong {
  readonly column: string;
  /** Of a map. */
  readonly key?: string;
  /** As it should be; undefined: the key should be absent. */
  readonly value: AnyValue | undefined;
}

/** `tag`, `options:key`: in what the row is not as it should be. */
export function wrongColumns<T extends TableName>(
  actual: Row<T> | undefined,
  wanted: WantedColumns<T>,
): readonly string[] {
  return wrongIn(actual, wanted).map(({ column, key }) => (key === undefined ? column : `${column}:${key}`));
}

/** What makes the row as it should be; nothing where it is. Others may write other keys of its maps at the same time. */
export function setRight<T extends TableName>(
  table: T,
  actual: Row<T>,
  wanted: WantedColumns<T>,
): readonly Operation[] {
  const columns: Record<string, AnyValue> = {};
  // Of maps of strings, which the columns of `wanted` with keys are.
  const mutations: unknown[] = [];
  for (const { column, key, value } of wrongIn(actual, wanted)) {
    if (key === undefined) {
      columns[column] = value ?? null;
      continue;
    }
    // A value is replaced by taking its key out first.
    mutations.push([column, 'delete', [key]]);
    if (typeof value === 'string') mutations.push([column, 'insert', { [key]: value }]);
  }
  return [
    ...(Object.keys(columns).length > 0 ? [update(table, actual._uuid, columns as WrittenRow<T>)] : []),
    ...(mutations.length > 0 ? [mutate(table, actual._uuid, mutations as readonly Mutation<T>[])] : []),
  ];
}

/** The columns of a row that is not there yet. */
export function newRow<T extends TableName>(wanted: WantedColumns<T>): WrittenRow<T> {
  const row: Record<string, AnyValue | StringMap> = {};
  for (const [column, value] of entriesOf(wanted)) {
    row[column] = isMap(value)
      ? Object.fromEntries(
          Object.entries(value).filter((pair): pair is [string, string] => pair[1] !== undefined),
        )
      : value;
  }
  return row as WrittenRow<T>;
}

type StringMap = Readonly<Record<string, string>>;

function wrongIn<T extends TableName>(
  actual: Row<T> | undefined,
  wanted: WantedColumns<T>,
): readonly Wrong[] {
  const columns = new Map<string, AnyValue>(Object.entries(actual ?? {}));
  const wrong: Wrong[] = [];
  for (const [column, value] of entriesOf(wanted)) {
    const is = columns.get(column) ?? null;
    if (!isMap(value)) {
      if (!sameValue(is, value)) wrong.push({ column, value });
      continue;
    }
    const map = is instanceof Map ? is : new Map();
    for (const [key, text] of Object.entries(value))
      if (map.get(key) !== text) wrong.push({ column, key, value: text });
    if (column !== 'options') continue;
    for (const key of map.keys())
      if (!Object.hasOwn(value, key)) wrong.push({ column, key, value: undefined });
  }
  return wrong;
}

function entriesOf<T extends TableName>(wanted: WantedColumns<T>): [string, AnyValue | WantedMap][] {
  return Object.entries<AnyValue | WantedMap>(wanted as Record<string, AnyValue | WantedMap>);
}

function isMap(value: AnyValue | WantedMap): value is WantedMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Map);
}
