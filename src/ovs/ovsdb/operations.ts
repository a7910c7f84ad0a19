/** Operations of a transaction (RFC 7047, 5.2), as JSON that ovsdb-server takes. All of a transaction is done, or nothing. */
import type { JsonObject, JsonValue } from '../../base/json.ts';
import {
  type ColumnName,
  type ColumnType,
  columnsOf,
  type TABLES,
  type TableName,
  type Uuid,
  type WrittenRow,
  type WrittenValue,
} from './columns.ts';
import { refusedValue } from './errors.ts';
import { type Writable, writeAtom, writeValue } from './values.ts';

/** One operation; made by the functions of this file. */
export interface Operation extends JsonObject {
  readonly op: string;
}

type ColumnOf<T extends TableName, C extends ColumnName<T>> = ((typeof TABLES)[T]['watched'] &
  (typeof TABLES)[T]['asked'])[C];

/** `includes`/`excludes`: of a set or a map, whether it has all (none) of these. */
type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'includes' | 'excludes';

/** Which rows: the one with this UUID, or those that meet all conditions; no conditions, all rows. */
export type Where<T extends TableName> = Uuid | readonly Condition<T>[];

export type Condition<T extends TableName> = {
  readonly [C in ColumnName<T>]: readonly [C, Comparison, WrittenValue<ColumnOf<T, C>>];
}[ColumnName<T>];

/** A change of a column from what is in it: elements of a set or map in or out, or a number added. */
export type Mutation<T extends TableName> =
  | {
      readonly [C in ColumnName<T>]: readonly [C, 'insert', WrittenValue<ColumnOf<T, C>>];
    }[ColumnName<T>]
  | {
      /** Of a map: these pairs; or, with a list, whatever these keys lead to. */
      readonly [C in ColumnName<T>]: readonly [
        C,
        'delete',
        WrittenValue<ColumnOf<T, C>> | readonly (string | number)[],
      ];
    }[ColumnName<T>]
  | readonly [ColumnName<T>, '+=' | '-=', number];

/** A new row. `name`: what the other operations of the transaction call it (`{ named: name }`). */
export function insert<T extends TableName>(table: T, row: WrittenRow<T>, name?: string): Operation {
  const inserted = { op: 'insert', table, row: writeRow(table, row) };
  return name === undefined ? inserted : { ...inserted, 'uuid-name': name };
}

export function update<T extends TableName>(table: T, where: Where<T>, row: WrittenRow<T>): Operation {
  return { op: 'update', table, where: writeWhere(table, where), row: writeRow(table, row) };
}

export function mutate<T extends TableName>(
  table: T,
  where: Where<T>,
  mutations: readonly Mutation<T>[],
): Operation {
  return {
    op: 'mutate',
    table,
    where: writeWhere(table, where),
    mutations: mutations.map(([column, mutator, value]) => {
      const type = columnType(table, column);
      return [column, mutator, writeMutation(type, mutator, value, `${table}.${column}`)];
    }),
  };
}

/** Removes rows. Rows of tables that are no root (all but Open_vSwitch, QoS, Queue) go by themselves when nothing refers to them. */
export function remove<T extends TableName>(table: T, where: Where<T>): Operation {
  return { op: 'delete', table, where: writeWhere(table, where) };
}

/** Refuses the transaction unless the rows that `where` means have exactly these values: nobody came in between. */
export function verify<T extends TableName>(
  table: T,
  where: Where<T>,
  rows: readonly WrittenRow<T>[],
): Operation {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return {
    op: 'wait',
    timeout: 0,
    table,
    where: writeWhere(table, where),
    columns,
    until: '==',
    rows: rows.map((row) => writeRow(table, row)),
  };
}

export function select<T extends TableName>(
  table: T,
  where: Where<T>,
  columns: readonly ColumnName<T>[],
): Operation {
  return { op: 'select', table, where: writeWhere(table, where), columns: ['_uuid', ...columns] };
}

/** Says in the server's log, and to `ovsdb-tool show-log`, who did it and what for. */
export function comment(text: string): Operation {
  return { op: 'comment', comment: writeAtom('string', text, 'comment') };
}

function writeRow<T extends TableName>(table: T, row: WrittenRow<T>): JsonObject {
  const columns: Record<string, Writable | undefined> = row;
  return Object.fromEntries(
    Object.entries(columns)
      .filter((column): column is [string, Writable] => column[1] !== undefined)
      .map(([name, value]) => [name, writeValue(columnType(table, name), value, `${table}.${name}`)]),
  );
}

function writeWhere<T extends TableName>(table: T, where: Where<T>): JsonValue {
  if (typeof where === 'string') return [['_uuid', '==', writeAtom('uuid', where, `${table}._uuid`)]];
  return where.map(([column, comparison, value]) => [
    column,
    comparison,
    writeValue(columnType(table, column), value, `${table}.${column}`),
  ]);
}

function writeMutation(type: ColumnType, mutator: string, value: Writable, path: string): JsonValue {
  if (mutator === '+=' || mutator === '-=') return writeAtom('integer', value, path);
  // RFC 7047, 5.1: a set as the argument of `delete` means keys.
  if (mutator === 'delete' && type.kind === 'map' && Array.isArray(value))
    return writeValue({ kind: 'set', key: type.key }, value, path);
  return writeValue(type, value, path);
}

function columnType(table: TableName, name: string): ColumnType {
  const columns = columnsOf(table);
  const type = Object.hasOwn(columns, name) ? columns[name] : undefined;
  if (!type) throw refusedValue(`${table}.${name}`, 'there is no such column');
  return type;
}
