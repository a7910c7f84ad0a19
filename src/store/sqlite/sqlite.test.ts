import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { itUnless } from '../../../test/support/required.ts';
import { NetloomError } from '../../base/error.ts';
import type { Store } from '../contract.ts';
import { describeStoreContract, give, put, refusal, tx } from '../contract-suite.ts';
import { MARK_FILE } from './mark.ts';
import { MIGRATIONS, migrate, schemaVersion } from './migrations.ts';
import { DATABASE_FILE, openSqliteStore } from './open.ts';

const isRoot = process.getuid?.() === 0;

const root = mkdtempSync(join(tmpdir(), 'netloom-store-'));
afterAll(() => rmSync(root, { recursive: true }));

let made = 0;
/** A path that does not exist yet. */
const newDirectory = () => join(root, String(made++));

const open = (directory: string) => openSqliteStore({ directory });

describeStoreContract('SQLite', () => open(newDirectory()));

/** A directory with three commits, closed. */
async function threeCommits(): Promise<string> {
  const directory = newDirectory();
  const store = await open(directory);
  for (const n of [1, 2, 3]) {
    await store.commit(
      tx({ objects: [put('Net', 'blue', { n })], allocations: [give('pool', 'vm1', `10.0.0.${n}`)] }),
    );
  }
  await store.close();
  return directory;
}

/** The same files as a kill at this moment would leave: the log is still beside the database. */
async function killed(): Promise<string> {
  const [from, to] = [newDirectory(), newDirectory()];
  const store = await open(from);
  for (const n of [1, 2, 3]) await store.commit(tx({ objects: [put('Net', 'blue', { n })] }));
  mkdirSync(to, { mode: 0o700 });
  // Copies, and closes the database file, so `from` has lost its lock; nobody else wants it here.
  for (const file of readdirSync(from)) copyFileSync(join(from, file), join(to, file));
  await store.close();
  expect(existsSync(join(to, `${DATABASE_FILE}-wal`))).toBe(true);
  return to;
}

async function read(directory: string): Promise<{ epoch: string; revision: number }> {
  const store = await open(directory);
  const { epoch } = store;
  const revision = await store.revision();
  await store.close();
  return { epoch, revision };
}

describe('SQLite: life', () => {
  it('[L1] has the same epoch, revision and content after a restart', async () => {
    const directory = newDirectory();
    const first = await open(directory);
    await first.commit(
      tx({ requestId: 'r', objects: [put('Net', 'blue', { n: 1 })], allocations: [give('p', 'o', 'v')] }),
    );
    const seen = [first.epoch, await first.snapshot(), await first.changes(0)];
    await first.close();
    const second = await open(directory);
    expect([second.epoch, await second.snapshot(), await second.changes(0)]).toEqual(seen);
    await second.commit(tx({ requestId: 'r', objects: [put('Net', 'red', {})] }));
    expect(await second.revision()).toBe(1);
    await second.close();
  });

  it('has everything after a kill', async () => {
    expect(await read(await killed())).toMatchObject({ revision: 3 });
  });

  it('keeps its files to itself', async () => {
    const directory = newDirectory();
    const store = await open(directory);
    await store.commit(tx({ objects: [put('Net', 'blue', {})] }));
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    const files = readdirSync(directory).sort();
    expect(files).toEqual([DATABASE_FILE, `${DATABASE_FILE}-wal`, MARK_FILE]);
    for (const file of files)
      expect(`${file} ${(statSync(join(directory, file)).mode & 0o777).toString(8)}`).toBe(`${file} 600`);
    await store.close();
    chmodSync(join(directory, DATABASE_FILE), 0o644);
    await (await open(directory)).close();
    expect(statSync(join(directory, DATABASE_FILE)).mode & 0o777).toBe(0o600);
  });

  it('refuses a directory that others may write into', async () => {
    const directory = newDirectory();
    mkdirSync(directory);
    chmodSync(directory, 0o777);
    expect(await refusal(open(directory))).toEqual([`store-unavailable ${directory}`]);
    chmodSync(directory, 0o755);
    await (await open(directory)).close();
  });

  itUnless(
    isRoot ? undefined : 'only root can give a directory away',
    'refuses a directory of another user',
    async () => {
      const directory = newDirectory();
      mkdirSync(directory, { mode: 0o700 });
      chownSync(directory, 65534, 65534);
      expect(await refusal(open(directory))).toEqual([`store-unavailable ${directory}`]);
      expect(readdirSync(directory)).toEqual([]);
      chownSync(directory, 0, 0);
      await (await open(directory)).close();
    },
  );

  it('refuses a directory that cannot be made', async () => {
    const file = newDirectory();
    writeFileSync(file, '');
    expect(await refusal(open(join(file, 'data')))).toEqual([`store-unavailable ${join(file, 'data')}`]);
  });

  it('keeps a second instance out until the first is closed', async () => {
    const directory = newDirectory();
    const first = await open(directory);
    expect(await refusal(open(directory))).toEqual([`store-locked ${directory}`]);
    await first.commit(tx({ objects: [put('Net', 'blue', {})] }));
    expect(await refusal(open(directory))).toEqual([`store-locked ${directory}`]);
    await first.close();
    expect(await read(directory)).toMatchObject({ revision: 1 });
  });

  it('lets one of many first starts win', async () => {
    const directory = newDirectory();
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => open(directory)));
    const stores = results.flatMap((result): Store[] =>
      result.status === 'fulfilled' ? [result.value] : [],
    );
    expect(stores).toHaveLength(1);
    await stores[0]?.close();
  });

  it('goes on with a first start that was interrupted', async () => {
    const directory = newDirectory();
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(join(directory, MARK_FILE), '{"epoch":null,"revision":0}');
    writeFileSync(join(directory, DATABASE_FILE), '');
    const { epoch } = await read(directory);
    expect(await read(directory)).toEqual({ epoch, revision: 0 });
  });
});

describe('SQLite: data that is not what was stored is never answered with an empty network', () => {
  const database = (directory: string) => join(directory, DATABASE_FILE);

  it.each<[string, () => Promise<string>, (directory: string) => void]>([
    ['an emptied database', threeCommits, (d) => truncateSync(database(d), 0)],
    ['a removed database', threeCommits, (d) => unlinkSync(database(d))],
    ['a removed database with its log', killed, (d) => unlinkSync(database(d))],
    ['an emptied database with its log', killed, (d) => truncateSync(database(d), 0)],
    [
      'a database cut by five bytes',
      threeCommits,
      (d) => truncateSync(database(d), statSync(database(d)).size - 5),
    ],
    [
      'a database cut in half',
      threeCommits,
      (d) => truncateSync(database(d), statSync(database(d)).size / 2),
    ],
    [
      'a database of zeros',
      threeCommits,
      (d) => writeFileSync(database(d), Buffer.alloc(statSync(database(d)).size)),
    ],
    ['a text file', threeCommits, (d) => writeFileSync(database(d), 'hello '.repeat(1000))],
    ['a removed log', killed, (d) => unlinkSync(`${database(d)}-wal`)],
    ['a cut log', killed, (d) => truncateSync(`${database(d)}-wal`, statSync(`${database(d)}-wal`).size - 9)],
    [
      'a flipped bit in the log',
      killed,
      (d) => {
        const bytes = readFileSync(`${database(d)}-wal`);
        bytes[bytes.length - 2000]! ^= 1;
        writeFileSync(`${database(d)}-wal`, bytes);
      },
    ],
    [
      'an empty database of somebody else',
      threeCommits,
      (d) => {
        unlinkSync(database(d));
        const other = new DatabaseSync(database(d));
        other.exec('create table t (a)');
        other.close();
      },
    ],
    [
      'a schema version of zero',
      threeCommits,
      (d) => {
        const raw = new DatabaseSync(database(d));
        raw.exec('pragma user_version = 0');
        raw.close();
      },
    ],
    [
      'a journal with a gap',
      threeCommits,
      (d) => {
        const raw = new DatabaseSync(database(d));
        raw.exec('delete from journal where revision = 2');
        raw.close();
      },
    ],
    [
      // Found by the property below: SQLite calls it an error of the statement, not of the file.
      'a flipped bit in the schema format number',
      threeCommits,
      (d) => {
        const bytes = readFileSync(database(d));
        bytes[47]! ^= 1;
        writeFileSync(database(d), bytes);
      },
    ],
    [
      'a damaged page',
      threeCommits,
      (d) => {
        const bytes = readFileSync(database(d));
        bytes.fill(0xff, 4096 + 8, 4096 + 200);
        writeFileSync(database(d), bytes);
      },
    ],
  ])('%s', async (_what, make, damage) => {
    const directory = await make();
    damage(directory);
    const before = readdirSync(directory);
    expect(await refusal(open(directory))).toEqual([`store-corrupt ${directory}`]);
    expect(readdirSync(directory).filter((file) => !before.includes(file) && !file.endsWith('-wal'))).toEqual(
      [],
    );
    // Not once only: the next start does not take the damage for a new beginning either.
    expect(await refusal(open(directory))).toEqual([`store-corrupt ${directory}`]);
  });

  it('a flipped bit anywhere is either refused or changes nothing that is read', async () => {
    const directory = newDirectory();
    const store = await open(directory);
    for (let n = 1; n <= 40; n++) {
      const [key, owner] = [`net${n % 7}`, `vm${n % 5}`];
      await store.commit(
        tx({ objects: [put('Net', key, { n })], allocations: [give('pool', owner, `10.0.0.${n}`)] }),
      );
    }
    const content = async (from: Store) => JSON.stringify([await from.snapshot(), await from.changes(0)]);
    const whole = await content(store);
    await store.close();
    const bytes = readFileSync(database(directory));
    const outcomes = { refused: 0, same: 0 };

    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), async (at, bit) => {
        const copy = newDirectory();
        mkdirSync(copy, { mode: 0o700 });
        copyFileSync(join(directory, MARK_FILE), join(copy, MARK_FILE));
        const flipped = Buffer.from(bytes);
        flipped[at]! ^= 1 << bit;
        writeFileSync(database(copy), flipped);
        let opened: Store | undefined;
        try {
          opened = await open(copy);
          expect(await content(opened)).toBe(whole);
          outcomes.same++;
        } catch (thrown) {
          // A flip in the version of the schema reads as data of a newer Netloom.
          expect(['store-corrupt', 'store-unavailable']).toContain(NetloomError.from(thrown).code);
          outcomes.refused++;
        } finally {
          await opened?.close();
          rmSync(copy, { recursive: true });
        }
      }),
      { numRuns: 200 },
    );
    // The property had something to say both ways.
    expect(Math.min(outcomes.refused, outcomes.same)).toBeGreaterThan(10);
  });

  it('says what to do', async () => {
    const directory = await threeCommits();
    truncateSync(database(directory), 0);
    await expect(open(directory)).rejects.toThrow(/Restore a backup/);
  });

  it('refuses an older backup put over the data', async () => {
    const directory = await threeCommits();
    const backup = readFileSync(database(directory));
    const store = await open(directory);
    await store.commit(tx({ objects: [put('Net', 'red', {})] }));
    await store.close();
    writeFileSync(database(directory), backup);
    expect(await refusal(open(directory))).toEqual([`store-corrupt ${directory}`]);
    await expect(open(directory)).rejects.toThrow(/ends at revision 3, but revision 4 was acknowledged/);
  });

  it('[L1] gives a backup that was restored into a new directory a new epoch, once', async () => {
    const [directory, restored] = [await threeCommits(), newDirectory()];
    const original = await read(directory);
    mkdirSync(restored, { mode: 0o700 });
    copyFileSync(database(directory), database(restored));
    const copy = await read(restored);
    expect(copy.revision).toBe(3);
    expect(copy.epoch).not.toBe(original.epoch);
    expect(await read(restored)).toEqual(copy);
  });

  it('opens with a mark that was torn by a power cut, or is behind', async () => {
    const directory = await threeCommits();
    const before = await read(directory);
    writeFileSync(join(directory, MARK_FILE), '{"epoch":"');
    expect(await read(directory)).toEqual(before);
    writeFileSync(join(directory, MARK_FILE), JSON.stringify({ epoch: before.epoch, revision: 1 }));
    expect(await read(directory)).toEqual(before);
  });

  it('refuses text that cannot be read any more', async () => {
    const directory = await threeCommits();
    const raw = new DatabaseSync(database(directory));
    raw.exec(`update objects set value = '{"n":'`);
    raw.close();
    const store = await open(directory);
    expect(await refusal(store.snapshot())).toEqual([`store-corrupt ${directory}`]);
    await store.close();
  });
});

describe('SQLite: migrations', () => {
  it('refuses data of a newer Netloom and leaves it alone', async () => {
    const directory = await threeCommits();
    const raw = new DatabaseSync(join(directory, DATABASE_FILE));
    raw.exec(`pragma user_version = ${MIGRATIONS.length + 1}`);
    raw.close();
    expect(await refusal(open(directory))).toEqual(['store-unavailable']);
    await expect(open(directory)).rejects.toThrow(
      new RegExp(`newer Netloom.*version ${MIGRATIONS.length + 1}.*up to ${MIGRATIONS.length}`),
    );
  });

  it('takes a step wholly or not at all, and goes on from there', () => {
    const database = new DatabaseSync(':memory:');
    const first = { name: 'first', up: (d: DatabaseSync) => d.exec('create table a (x text) strict') };
    const second = { name: 'second', up: (d: DatabaseSync) => d.exec('create table b (y text) strict') };
    const broken = {
      name: 'second',
      up: (d: DatabaseSync) => {
        second.up(d);
        throw new Error('stop');
      },
    };
    const tables = () =>
      database
        .prepare('select name from sqlite_schema order by name')
        .all()
        .map(({ name }) => name);
    expect(() => migrate(database, [first, broken])).toThrow('stop');
    expect([schemaVersion(database), tables()]).toEqual([1, ['a']]);
    migrate(database, [first, second]);
    migrate(database, [first, second]);
    expect([schemaVersion(database), tables()]).toEqual([2, ['a', 'b']]);
    database.close();
  });
});
