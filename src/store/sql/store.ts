import type { Kysely, Transaction as SqlTransaction } from 'kysely';
import { NetloomError } from '../../base/error.ts';
import type { Allocation, Commit, Store, StoredObject, Transaction } from '../contract.ts';
import { storeClosed } from '../faults.ts';
import { checkLimit, checkRetained, planCommit, planCompaction, planUndo, readTransaction } from '../plan.ts';
import { State } from '../state.ts';
import { Turns } from '../turns.ts';
import { Watchers } from '../watchers.ts';
import { allocationRow, journalRow, objectRow, readAllocation, readCommit, readObject } from './rows.ts';
import type { JournalTable, Tables } from './tables.ts';

/** What went wrong in the database, and what the store may still do after it. */
export interface Fault {
  readonly error: NetloomError;
  /** `all`: it was a matter of this one call. `reads`: no commit any more. `nothing`: not even reads. */
  readonly allows: 'all' | 'reads' | 'nothing';
}

export interface SqlStoreOptions {
  readonly db: Kysely<Tables>;
  readonly epoch: string;
  /** Names the data in messages: a directory, a database address. */
  readonly place: string;
  /** Turns what the database throws into a fault. */
  readonly toFault: (thrown: unknown) => Fault;
  /** Told of each commit when it is durable, before anybody else. Must not throw. */
  readonly onDurable: (revision: number) => void;
  /** Lets go of the database. */
  readonly close: () => Promise<void>;
}

type Connection = Kysely<Tables> | SqlTransaction<Tables>;

/** Rows of one statement, so that its parameters stay well below what a database takes (32,766 in SQLite). */
const BATCH = 500;

/** The store over any SQL database that Kysely speaks to, with the tables of `tables.ts` in place. */
export function createSqlStore(options: SqlStoreOptions): Store {
  const { db, epoch, place, toFault, onDurable } = options;
  const watchers = new Watchers();
  const turns = new Turns();
  let closed = false;
  /** The fault after which the store does less than it should. */
  let lasting: Fault | undefined;

  async function guarded<T>(need: 'read' | 'write', work: () => Promise<T>): Promise<T> {
    if (closed) throw storeClosed();
    if (lasting && (need === 'write' || lasting.allows === 'nothing')) throw lasting.error;
    try {
      return await work();
    } catch (thrown) {
      const fault = thrown instanceof NetloomError ? ownFault(thrown) : toFault(thrown);
      if (fault.allows === 'nothing' || (fault.allows === 'reads' && need === 'write')) lasting = fault;
      throw fault.error;
    }
  }
  /** Reads that belong together see one revision. */
  const read = <T>(work: (sql: SqlTransaction<Tables>) => Promise<T>): Promise<T> =>
    guarded('read', () => db.transaction().execute(work));
  const write = <T>(work: (sql: SqlTransaction<Tables>) => Promise<T>): Promise<T> =>
    guarded('write', () => db.transaction().execute(work));
  const toCommit = (row: JournalTable) => readCommit(row, place);

  return {
    epoch,

    revision: () => read(async (sql) => (await readHead(sql)).revision),

    snapshot: (at) =>
      read(async (sql) => {
        const { revision, compacted_to } = await readHead(sql);
        const wanted = at ?? revision;
        checkRetained(wanted, compacted_to, revision);
        const objects = (await sql.selectFrom('objects').selectAll().execute()).map((row) =>
          readObject(row, place),
        );
        const allocations = (await sql.selectFrom('allocations').selectAll().execute()).map((row) =>
          readAllocation(row, place),
        );
        const state = new State(objects, allocations);
        // Back through the journal, a batch at a time: all of it at once may not fit into memory.
        for (let above = revision; above > wanted; above = Math.max(above - BATCH, wanted)) {
          const rows = await sql
            .selectFrom('journal')
            .selectAll()
            .where('revision', '<=', above)
            .where('revision', '>', Math.max(above - BATCH, wanted))
            .orderBy('revision', 'desc')
            .execute();
          for (const row of rows) state.revert(toCommit(row));
        }
        return state.snapshot(wanted);
      }),

    async commit(transaction) {
      const tx = readTransaction(transaction);
      return turns.run(async () => {
        const { commit, isNew } = await write(async (sql) => {
          // Takes the row lock, and is rolled back with everything else if the transaction is refused.
          const { revision } = await sql
            .updateTable('meta')
            .set((eb) => ({ revision: eb('revision', '+', 1) }))
            .returning('revision')
            .executeTakeFirstOrThrow();
          const known = await readByRequest(sql, tx.requestId);
          if (known) {
            await sql
              .updateTable('meta')
              .set({ revision: revision - 1 })
              .execute();
            return { commit: toCommit(known), isNew: false };
          }
          const made = planCommit(tx, await readTouched(sql, tx, place), revision - 1);
          await writeCommit(sql, made);
          return { commit: made, isNew: true };
        });
        if (isNew) {
          onDurable(commit.revision);
          watchers.tell(commit);
        }
        return commit;
      });
    },

    changes: (since, limit) =>
      read(async (sql) => {
        checkLimit(limit);
        const { revision, compacted_to } = await readHead(sql);
        if (since >= 0 && since < compacted_to) return { compactedTo: compacted_to };
        checkRetained(since, compacted_to, revision);
        const rows = await sql
          .selectFrom('journal')
          .selectAll()
          .where('revision', '>', since)
          .orderBy('revision')
          .$if(limit !== undefined, (query) => query.limit(limit!))
          .execute();
        return { commits: rows.map(toCommit), revision };
      }),

    watch: (handler) => watchers.add(handler),

    history: ({ limit, before, object }) =>
      read(async (sql) => {
        checkLimit(limit);
        let query = sql.selectFrom('journal').selectAll().orderBy('revision', 'desc').limit(limit);
        if (before !== undefined) query = query.where('revision', '<', before);
        if (object) {
          const { kind, key } = object;
          let touched = sql.selectFrom('journal_objects').select('revision').where('kind', '=', kind);
          if (key !== undefined) touched = touched.where('key', '=', key);
          query = query.where('revision', 'in', touched);
        }
        return (await query.execute()).map(toCommit);
      }),

    undo: (revision) =>
      read(async (sql) => {
        const head = await readHead(sql);
        checkRetained(revision, head.compacted_to + 1, head.revision);
        const row = await sql
          .selectFrom('journal')
          .selectAll()
          .where('revision', '=', revision)
          .executeTakeFirstOrThrow();
        const commit = toCommit(row);
        const inverse = {
          objects: commit.objects.map(({ kind, key }) => ({ kind, key })),
          allocations: commit.allocations.map(({ scope, owner, before }) => ({
            scope,
            owner,
            value: before,
          })),
        };
        return planUndo(commit, await readTouched(sql, inverse, place), head.revision);
      }),

    compact: (before) =>
      turns.run(() =>
        write(async (sql) => {
          const { revision, compacted_to } = await readHead(sql);
          const to = planCompaction(before, compacted_to, revision);
          await sql.updateTable('meta').set({ compacted_to: to }).execute();
          // The rows of journal_objects go with theirs.
          await sql.deleteFrom('journal').where('revision', '<=', to).execute();
          return to;
        }),
      ),

    close: () =>
      turns.run(async () => {
        if (closed) return;
        closed = true;
        watchers.clear();
        await options.close();
      }),
  };
}

/** A refusal concerns one call; damage that was found concerns everything. */
function ownFault(error: NetloomError): Fault {
  return { error, allows: error.code === 'store-corrupt' ? 'nothing' : 'all' };
}

function readHead(sql: Connection) {
  return sql.selectFrom('meta').selectAll().executeTakeFirstOrThrow();
}

async function readByRequest(
  sql: Connection,
  requestId: string | undefined,
): Promise<JournalTable | undefined> {
  if (requestId === undefined) return undefined;
  return sql.selectFrom('journal').selectAll().where('request_id', '=', requestId).executeTakeFirst();
}

/** What `planCommit` and `planUndo` look at: the objects and owners named, and the holders of the values asked for. */
async function readTouched(
  sql: Connection,
  touched: {
    readonly objects: readonly { readonly kind: string; readonly key: string }[];
    readonly allocations: Transaction['allocations'];
  },
  place: string,
): Promise<State> {
  const objects: StoredObject[] = [];
  for (const [kind, ofKind] of Map.groupBy(touched.objects, ({ kind }) => kind)) {
    for (const batch of batches(ofKind)) {
      const keys = batch.map(({ key }) => key);
      const rows = await sql
        .selectFrom('objects')
        .selectAll()
        .where('kind', '=', kind)
        .where('key', 'in', keys)
        .execute();
      for (const row of rows) objects.push(readObject(row, place));
    }
  }
  const allocations: Allocation[] = [];
  for (const [scope, ofScope] of Map.groupBy(touched.allocations, ({ scope }) => scope)) {
    for (const batch of batches(ofScope)) {
      const owners = batch.map(({ owner }) => owner);
      const values = batch.flatMap(({ value }) => (value === null ? [] : [value]));
      const inScope = sql.selectFrom('allocations').selectAll().where('scope', '=', scope);
      const rows = await inScope.where('owner', 'in', owners).execute();
      if (values.length > 0) rows.push(...(await inScope.where('value', 'in', values).execute()));
      for (const row of rows) allocations.push(readAllocation(row, place));
    }
  }
  return new State(objects, allocations);
}

async function writeCommit(sql: Connection, commit: Commit): Promise<void> {
  const { revision } = commit;
  await sql.insertInto('journal').values(journalRow(commit)).execute();
  for (const batch of batches(commit.objects)) {
    await sql
      .insertInto('journal_objects')
      .values(batch.map(({ kind, key }) => ({ kind, key, revision })))
      .execute();
  }
  const written = commit.objects.flatMap(({ kind, key, after }) =>
    after === null ? [] : [objectRow({ kind, key, revision, value: after })],
  );
  for (const batch of batches(written)) {
    await sql
      .insertInto('objects')
      .values(batch)
      .onConflict((conflict) =>
        conflict.columns(['kind', 'key']).doUpdateSet((eb) => ({
          revision: eb.ref('excluded.revision'),
          value: eb.ref('excluded.value'),
          crc: eb.ref('excluded.crc'),
        })),
      )
      .execute();
  }
  const deleted = commit.objects.filter(({ after }) => after === null);
  for (const [kind, ofKind] of Map.groupBy(deleted, ({ kind }) => kind)) {
    for (const batch of batches(ofKind)) {
      const keys = batch.map(({ key }) => key);
      await sql.deleteFrom('objects').where('kind', '=', kind).where('key', 'in', keys).execute();
    }
  }
  // Every change of an allocation is a release and a new one, releases first: a value may pass from one to another.
  const released = commit.allocations.filter(({ before }) => before !== null);
  for (const [scope, ofScope] of Map.groupBy(released, ({ scope }) => scope)) {
    for (const batch of batches(ofScope)) {
      const owners = batch.map(({ owner }) => owner);
      await sql.deleteFrom('allocations').where('scope', '=', scope).where('owner', 'in', owners).execute();
    }
  }
  const taken = commit.allocations.flatMap(({ scope, owner, after }) =>
    after === null ? [] : [allocationRow({ scope, owner, value: after })],
  );
  for (const batch of batches(taken)) await sql.insertInto('allocations').values(batch).execute();
}

function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += BATCH) yield items.slice(i, i + BATCH);
}
