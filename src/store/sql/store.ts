import type { Kysely, Transaction as SqlTransaction } from 'kysely';
import { NetloomError } from '../../base/error.ts';
import type {
  Allocation,
  Commit,
  JobWrite,
  SecretWrite,
  Store,
  StoredObject,
  Transaction,
  Written,
} from '../contract.ts';
import { storeClosed } from '../faults.ts';
import {
  checkLimit,
  checkRetained,
  planCommit,
  planCompaction,
  planUndo,
  readJobs,
  readTransaction,
} from '../plan.ts';
import { State } from '../state.ts';
import { Watchers } from '../watchers.ts';
import { type Decision, WriteGroups } from './groups.ts';
import {
  allocationRow,
  jobRow,
  journalRow,
  objectRow,
  readAllocation,
  readCommit,
  readJob,
  readObject,
  readSecret,
  secretRow,
} from './rows.ts';
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
  let closed = false;
  /** The fault after which the store does less than it should. */
  let lasting: Fault | undefined;

  function check(need: 'read' | 'write'): void {
    if (closed) throw storeClosed();
    if (lasting && (need === 'write' || lasting.allows === 'nothing')) throw lasting.error;
  }
  const faultOf = (thrown: unknown) => (thrown instanceof NetloomError ? ownFault(thrown) : toFault(thrown));
  function noted(need: 'read' | 'write', thrown: unknown): NetloomError {
    const fault = faultOf(thrown);
    if (fault.allows === 'nothing' || (fault.allows === 'reads' && need === 'write')) lasting = fault;
    return fault.error;
  }
  /** Reads that belong together see one revision. */
  async function read<T>(work: (sql: SqlTransaction<Tables>) => Promise<T>): Promise<T> {
    check('read');
    try {
      // The database has one connection, so this also waits for the end of the writes under way.
      return await db.transaction().execute(work);
    } catch (thrown) {
      throw noted('read', thrown);
    }
  }
  const groups = new WriteGroups({
    db,
    check: () => check('write'),
    isRefusal: (thrown) => thrown instanceof NetloomError && ownFault(thrown).allows === 'all',
    toError: (thrown) => noted('write', thrown),
  });
  /** A write that is no commit: it is what it came to when it is durable. */
  async function write<T>(decide: (sql: SqlTransaction<Tables>) => Promise<Decision<T>>): Promise<T> {
    const { result, durable } = await groups.take(decide);
    await durable;
    return result;
  }
  /** The same where there is nothing to decide. */
  const put = (carryOut: (sql: SqlTransaction<Tables>) => Promise<unknown>): Promise<void> =>
    write(async (sql) => ({
      result: undefined,
      carryOut: async () => {
        await carryOut(sql);
      },
    }));
  const toCommit = (row: JournalTable) => readCommit(row, place);

  async function writeTransaction(transaction: Transaction): Promise<Written> {
    const tx = readTransaction(transaction);
    const { result, durable } = await groups.take(async (sql): Promise<Decision<Commit>> => {
      const known = await readByRequest(sql, tx.requestId);
      if (known) return { result: toCommit(known) };
      const { revision: latest } = await readHead(sql);
      const made = planCommit(tx, await readTouched(sql, tx, place), latest);
      const { revision } = made;
      return {
        result: made,
        carryOut: async () => {
          await sql.updateTable('meta').set({ revision }).execute();
          await writeCommit(sql, made);
          if (tx.job) await writeJobs(sql, [tx.job], revision);
          for (const secret of tx.secrets ?? []) await writeSecret(sql, secret);
        },
        onDurable: () => {
          onDurable(revision);
          watchers.tell(made);
        },
      };
    });
    return { commit: result, durable };
  }

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

    write: writeTransaction,

    async commit(transaction) {
      const { commit, durable } = await writeTransaction(transaction);
      await durable;
      return commit;
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

    history: ({ limit, before, object, author, since }) =>
      read(async (sql) => {
        checkLimit(limit);
        let query = sql.selectFrom('journal').selectAll().orderBy('revision', 'desc').limit(limit);
        if (before !== undefined) query = query.where('revision', '<', before);
        if (author !== undefined) query = query.where('author', '=', author);
        if (since !== undefined) query = query.where('time', '>=', since);
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

    async putJobs(jobs) {
      const read = readJobs(jobs);
      await put((sql) => writeJobs(sql, read, null));
    },

    jobs: () =>
      read(async (sql) => {
        const rows = await sql.selectFrom('jobs').selectAll().orderBy('id').execute();
        return rows.map((row) => readJob(row, place));
      }),

    forgetJobs: (ids) =>
      put(async (sql) => {
        for (const batch of batches(ids)) await sql.deleteFrom('jobs').where('id', 'in', batch).execute();
      }),

    secrets: () =>
      read(async (sql) => {
        const rows = await sql.selectFrom('secrets').selectAll().orderBy('owner').orderBy('name').execute();
        return rows.map((row) => readSecret(row, place));
      }),

    noteUse: (owner, name, time) =>
      put((sql) => {
        const named = sql.updateTable('secrets').where('owner', '=', owner).where('name', '=', name);
        return named.set({ used: time }).execute();
      }),

    compact: (before) =>
      write(async (sql) => {
        const { revision, compacted_to } = await readHead(sql);
        const to = planCompaction(before, compacted_to, revision);
        return {
          result: to,
          carryOut: async () => {
            await sql.updateTable('meta').set({ compacted_to: to }).execute();
            // The rows of journal_objects go with theirs.
            await sql.deleteFrom('journal').where('revision', '<=', to).execute();
          },
        };
      }),

    close: () =>
      groups.after(async () => {
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
    readonly secrets?: readonly SecretWrite[];
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
  const secrets: SecretWrite[] = [];
  for (const secret of touched.secrets ?? []) {
    const { owner, name } = secret;
    const named = sql
      .selectFrom('secrets')
      .select('owner')
      .where('owner', '=', owner)
      .where('name', '=', name);
    if (await named.executeTakeFirst()) secrets.push(secret);
  }
  return new State(objects, allocations, secrets);
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

async function writeSecret(sql: Connection, { owner, name, value }: SecretWrite): Promise<void> {
  await sql.deleteFrom('secrets').where('owner', '=', owner).where('name', '=', name).execute();
  if (value !== null) await sql.insertInto('secrets').values(secretRow({ owner, name, value })).execute();
}

/** A job that is there is replaced, but for its revision. */
async function writeJobs(sql: Connection, jobs: readonly JobWrite[], revision: number | null): Promise<void> {
  for (const batch of batches(jobs)) {
    await sql
      .insertInto('jobs')
      .values(batch.map((job) => jobRow({ ...job, revision })))
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet((eb) => ({
          revision: eb.fn.coalesce('jobs.revision', 'excluded.revision'),
          value: eb.ref('excluded.value'),
          crc: eb.ref('excluded.crc'),
        })),
      )
      .execute();
  }
}

function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let i = 0; i < items.length; i += BATCH) yield items.slice(i, i + BATCH);
}
