/**
 * Structured fuzzing of src/ovs/ovsdb: good messages of a server with parts replaced, then bytes changed, then cut anywhere.
 *
 *   - what is thrown is a finding `ovsdb-protocol`, and nothing else;
 *   - what is refused leaves every row as it was;
 *   - what is taken is well-typed: every column of every row could be written as what it is.
 */
import { NetloomError } from '../../src/base/error.ts';
import type { JsonObject, JsonValue } from '../../src/base/json.ts';
import { type AnyRow, TABLE_NAMES, watchedColumns } from '../../src/ovs/ovsdb/columns.ts';
import { JsonSplitter } from '../../src/ovs/ovsdb/framing.ts';
import { Replica, type UpdateForm } from '../../src/ovs/ovsdb/replica.ts';
import { readResults } from '../../src/ovs/ovsdb/results.ts';
import { watchable } from '../../src/ovs/ovsdb/schema.ts';
import { readValue, type Writable, writeValue } from '../../src/ovs/ovsdb/values.ts';

const BRIDGE = '4c86fa19-d32e-4a4e-8a21-bb1efb52e725';
const PORT = '83436f34-15f4-478d-8772-67be1731723e';
const OTHER = '40fec1a4-b6ba-45b0-8978-0fd1b254d694';

const FIRST: JsonValue = {
  Bridge: {
    [BRIDGE]: { initial: { name: 'br0', ports: ['uuid', PORT], external_ids: ['map', [['a', '1']]] } },
  },
  Port: { [PORT]: { initial: { name: 'p', tag: 7, trunks: ['set', [1, 2]] } } },
};

const GOOD: readonly JsonValue[] = [
  FIRST,
  {
    Bridge: {
      [BRIDGE]: {
        modify: {
          external_ids: [
            'map',
            [
              ['a', '1'],
              ['b', 'ä€'],
            ],
          ],
          ports: ['uuid', OTHER],
        },
      },
    },
    Port: {
      [PORT]: { modify: { tag: ['set', []], trunks: ['set', [2, 3]] } },
      [OTHER]: { insert: { name: 'q' } },
    },
  },
  {
    Port: { [PORT]: { delete: null } },
    QoS: { [OTHER]: { insert: { queues: ['map', [[0, ['uuid', PORT]]]] } } },
  },
  { Port: { [PORT]: { old: { tag: 7 }, new: { name: 'p', tag: 8 } }, [OTHER]: { new: { name: 'q' } } } },
  [{ uuid: ['uuid', OTHER] }, { count: 1 }, { rows: [{ next_cfg: 7 }] }, {}],
  [{ error: 'constraint violation', details: 'no' }, null],
  {
    tables: {
      Bridge: {
        columns: { name: { type: 'string' }, ports: { type: { key: 'uuid', min: 0, max: 'unlimited' } } },
      },
    },
  },
];

const JUNK: readonly JsonValue[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  '',
  'x',
  '__proto__',
  [],
  {},
  [[]],
  ['uuid', 'x'],
  ['uuid', PORT],
  ['set', [1, 'a']],
  ['map', [['a', 'b']]],
  ['map', [[1]]],
  { __proto__x: 1 },
  { modify: { name: 7 } },
  { delete: null },
  { insert: null },
];

/** Numbers of 0..2^32-1 from a seed (Marsaglia's xorshift32). */
function randomOf(seed: number): () => number {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

/** The value with one part of it, anywhere, replaced by another. */
function changed(value: JsonValue, random: () => number): JsonValue {
  const pick = <T>(all: readonly T[]): T => all[random() % all.length]!;
  if (typeof value !== 'object' || value === null || random() % 4 === 0)
    return random() % 3 === 0 ? pick(GOOD) : pick(JUNK);
  if (Array.isArray(value)) {
    const list: JsonValue[] = [...value];
    const at = random() % (list.length + 1);
    if (random() % 5 === 0) list.splice(at, 1);
    else list[at] = changed(list[at] ?? null, random);
    return list;
  }
  const entries = Object.entries(value as JsonObject);
  const at = random() % (entries.length + 1);
  const [name = 'x', part = null] = entries[at] ?? [];
  const names = [name, name, name, 'Port', 'Bridge', 'tag', 'name', '__proto__', PORT, OTHER, 'x'];
  entries[at] = [pick(names), changed(part, random)];
  return Object.fromEntries(entries);
}

function bytesOf(value: JsonValue, random: () => number): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  if (random() % 4 === 0) for (let i = random() % 3; i >= 0; i--) bytes[random() % bytes.length] = random();
  return bytes;
}

/** Runs so many inputs; the first that is taken wrongly, with what is wrong. The same seed gives the same inputs. */
export function fuzzOvsdb(runs: number, seed: number): string | undefined {
  const random = randomOf(seed);
  for (let run = 0; run < runs; run++) {
    let value: JsonValue = GOOD[random() % GOOD.length] ?? null;
    for (let edits = random() % 4; edits > 0; edits--) value = changed(value, random);
    const bytes = bytesOf(value, random);
    const what = check(bytes, random() % (bytes.length + 1));
    if (what !== undefined) return `${what}: ${new TextDecoder().decode(bytes)}`;
  }
  return undefined;
}

/** What is wrong with how these bytes are taken, cut in two at `cut`; undefined when nothing is. */
export function check(bytes: Uint8Array, cut: number): string | undefined {
  const splitter = new JsonSplitter(10_000);
  let values: JsonValue[] = [];
  const unframed = thrownBy(() => {
    values = [...splitter.push(bytes.subarray(0, cut)), ...splitter.push(bytes.subarray(cut))];
  });
  if (unframed !== undefined) return unframed === 'refused' ? undefined : unframed;
  for (const value of values) {
    for (const form of ['differences', 'rows'] as const) {
      const what = checkUpdates(value, form);
      if (what !== undefined) return `as ${form}: ${what}`;
    }
    for (const read of [() => readResults(value, 2), () => watchable(value)]) {
      const what = thrownBy(read);
      if (what !== undefined && what !== 'refused') return what;
    }
  }
  return undefined;
}

function checkUpdates(updates: JsonValue, form: UpdateForm): string | undefined {
  const replica = new Replica();
  replica.replace(FIRST, 'differences');
  const before = snapshot(replica);
  for (const take of [() => replica.apply(updates, form), () => replica.replace(updates, form)]) {
    const what = thrownBy(take);
    if (what === undefined) return illTyped(replica);
    if (what !== 'refused') return what;
    const after = snapshot(replica);
    if (after.length !== before.length || after.some((row, i) => row !== before[i]))
      return 'half of it was taken';
  }
  return undefined;
}

function snapshot(replica: Replica): readonly AnyRow[] {
  return TABLE_NAMES.flatMap((table) => [...replica.rows(table).values()] as readonly AnyRow[]);
}

function illTyped(replica: Replica): string | undefined {
  for (const table of TABLE_NAMES) {
    for (const row of replica.rows(table).values() as Iterable<AnyRow>) {
      for (const [name, type] of Object.entries(watchedColumns(table))) {
        try {
          readValue(type, writeValue(type, row[name] as Writable, name));
        } catch (thrown) {
          // A character that JSON has and OVSDB has not: no server says it, and it harms nobody here.
          if (!/[\0\ud800-\udfff]/.test(JSON.stringify(row[name])))
            return `${table}.${name} is not of its type: ${thrown}`;
        }
      }
    }
  }
  return undefined;
}

/** `refused`: as it should be, with a finding. */
function thrownBy(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (thrown) {
    const isFinding = thrown instanceof NetloomError && /^ovsdb-/.test(thrown.code);
    return isFinding ? 'refused' : `throws ${thrown instanceof Error ? thrown.stack : thrown}`;
  }
}
