/** What became of the operations of a transaction (RFC 7047, 4.1.3 and 5.2). */
import type { JsonObject, JsonValue } from '../../base/json.ts';
import type { Uuid } from './columns.ts';
import { serverWords } from './connection.ts';
import { misunderstood, refused } from './errors.ts';
import { asObject } from './schema.ts';
import { readValue } from './values.ts';

export interface OperationResult {
  /** Of `insert`. */
  readonly uuid?: Uuid;
  /** Of `update`, `mutate` and `remove`: how many rows it meant. */
  readonly count?: number;
  /** Of `select`, as JSON. */
  readonly rows?: readonly JsonObject[];
}

/** Throws `ovsdb-refused` when one of them was refused, which is when none was done. `expected`: how many there were. */
export function readResults(answer: JsonValue, expected: number): readonly OperationResult[] {
  if (!Array.isArray(answer)) throw misunderstood('the answer to a transaction is no list');
  // An error of the whole transaction comes behind the results of its operations; those that were not reached are null.
  for (const result of answer) if (asObject(result)?.error !== undefined) throw refused(serverWords(result));
  if (answer.length < expected) throw misunderstood('some operations have no result');
  return answer.slice(0, expected).map(readResult);
}

function readResult(json: JsonValue): OperationResult {
  const { uuid, count, rows } = asObject(json) ?? {};
  if (uuid !== undefined) return { uuid: String(readValue({ kind: 'one', key: 'uuid' }, uuid)) };
  if (typeof count === 'number') return { count };
  if (!Array.isArray(rows)) return {};
  return {
    rows: rows.map((row: JsonValue) => {
      const columns = asObject(row);
      if (!columns) throw misunderstood('a row is no object');
      return columns;
    }),
  };
}
