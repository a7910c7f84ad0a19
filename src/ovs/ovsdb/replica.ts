/**
 * The watched part of the database in memory, and what changed in it. It is told of updates in the three forms that
 * servers have; it does no I/O. An update is taken whole or, when it makes no sense, not at all.
 */
import type { JsonValue } from '../../base/json.ts';
import {
  type AnyRow,
  type AnyValue,
  isTableName,
  type Row,
  TABLE_NAMES,
  type TableName,
  type Uuid,
  watchedColumns,
} from './columns.ts';
import { misunderstood } from './errors.ts';
import { asObject, entriesOf } from './schema.ts';
import { changedValue, defaultValue, readValue, sameValue } from './values.ts';

/** What became of one row in one transaction; without `before` it is new, without `after` it is gone. */
export type RowChange = {
  readonly [T in TableName]: {
    readonly table: T;
    readonly uuid: Uuid;
    readonly before?: Row<T>;
    readonly after?: Row<T>;
  };
}[TableName];

/** `differences`: of `update2` and `update3` (ovsdb-server(7)). `rows`: of `update` (RFC 7047). */
export type UpdateForm = 'differences' | 'rows';

type Tables = Map<TableName, Map<Uuid, AnyRow>>;
/** A row that changes; undefined: it goes. */
type Rewritten = readonly [table: TableName, uuid: Uuid, after: AnyRow | undefined];

export class Replica {
  #tables: Tables = emptyTables();

  rows<T extends TableName>(table: T): ReadonlyMap<Uuid, Row<T>> {
    // A row of the map of T has been read column by column with the types of T.
    return this.#tables.get(table) as ReadonlyMap<Uuid, AnyRow> as ReadonlyMap<Uuid, Row<T>>;
  }

  /** What a server that answered in full has: rows that it does not name are gone. */
  replace(updates: JsonValue, form: UpdateForm): readonly RowChange[] {
    const fresh = emptyTables();
    for (const [table, uuid, after] of FORMS[form](updates, fresh))
      if (after) fresh.get(table)?.set(uuid, after);
    const changes: RowChange[] = [];
    for (const table of TABLE_NAMES) {
      const before = this.#tables.get(table) ?? new Map<Uuid, AnyRow>();
      const after = fresh.get(table) ?? new Map<Uuid, AnyRow>();
      for (const uuid of new Set([...before.keys(), ...after.keys()])) {
        const change = rowChange(table, uuid, before.get(uuid), after.get(uuid));
        if (change) changes.push(change);
      }
    }
    this.#tables = fresh;
    return changes;
  }

  /** What one transaction changed, or several that were missed. Throws `ovsdb-protocol`, and then has taken nothing. */
  apply(updates: JsonValue, form: UpdateForm): readonly RowChange[] {
    return FORMS[form](updates, this.#tables).flatMap(([table, uuid, after]) => {
      const rows = this.#tables.get(table);
      const change = rowChange(table, uuid, rows?.get(uuid), after);
      if (after) rows?.set(uuid, after);
      else rows?.delete(uuid);
      return change ? [change] : [];
    });
  }
}

function emptyTables(): Tables {
  return new Map(TABLE_NAMES.map((table) => [table, new Map()]));
}

/** Undefined when nothing is different. */
function rowChange(
  table: TableName,
  uuid: Uuid,
  before: AnyRow | undefined,
  after: AnyRow | undefined,
): RowChange | undefined {
  if (!before && !after) return undefined;
  if (
    before &&
    after &&
    Object.keys(after).every((name) => sameValue(before[name] ?? null, after[name] ?? null))
  )
    return undefined;
  const change = { table, uuid, ...(before && { before }), ...(after && { after }) };
  // The rows have been read with the types of this table.
  return change as { readonly table: TableName } as RowChange;
}

// ------------------------------------------------------------------------------------------------- the forms

/** <table-updates2> (ovsdb-server(7), 4.1.14): a modified row comes as the difference. */
function readDifferences(updates: JsonValue, tables: Tables): readonly Rewritten[] {
  return rewrittenRows(updates, (table, uuid, update) => {
    const before = tables.get(table)?.get(uuid);
    const [[what, content = null] = []] = entriesOf(update);
    switch (what) {
      case 'initial':
      case 'insert':
        return { _uuid: uuid, ...readRow(table, content, true) };
      case 'delete':
        return undefined;
      case 'modify': {
        if (!before) throw misunderstood(`it changes the row ${uuid} of ${table}, which it never told of`);
        const types = watchedColumns(table);
        const changed = Object.entries(readRow(table, content, false)).map(([name, difference]) => {
          const type = types[name];
          return [name, type ? changedValue(type, before[name] ?? null, difference) : difference];
        });
        return { ...before, ...Object.fromEntries(changed) };
      }
      default:
        throw misunderstood(`a row of ${table} is to "${what}"`);
    }
  });
}

/** <table-updates> (RFC 7047, 4.1.6): a modified row comes as it is now. */
function readRows(updates: JsonValue): readonly Rewritten[] {
  return rewrittenRows(updates, (table, uuid, update) => {
    const after = asObject(update)?.new;
    return after === undefined ? undefined : { _uuid: uuid, ...readRow(table, after, true) };
  });
}

function rewrittenRows(
  updates: JsonValue,
  read: (table: TableName, uuid: Uuid, update: JsonValue) => AnyRow | undefined,
): readonly Rewritten[] {
  return entriesOf(updates).flatMap(([table, rows]) => {
    if (!isTableName(table)) throw misunderstood(`it tells of a table ${table}, which nobody asked for`);
    return entriesOf(rows).map(([uuid, update]): Rewritten => {
      readValue({ kind: 'one', key: 'uuid' }, ['uuid', uuid]);
      return [table, uuid, read(table, uuid, update)];
    });
  });
}

/** `whole`: columns that are not there have the default of their type. */
function readRow(table: TableName, json: JsonValue, whole: boolean): Record<string, AnyValue> {
  const types = watchedColumns(table);
  const row: Record<string, AnyValue> = {};
  if (whole) for (const [name, type] of Object.entries(types)) row[name] = defaultValue(type);
  for (const [name, value] of entriesOf(json)) {
    const type = Object.hasOwn(types, name) ? types[name] : undefined;
    if (!type) throw misunderstood(`it tells of a column ${table}.${name}, which nobody asked for`);
    row[name] = readValue(type, value);
  }
  return row;
}

const FORMS = { differences: readDifferences, rows: readRows } as const;
