import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite/open.ts';
import { describeUnless } from '../support/required.ts';
import { transactionFor } from './store-kill-child.ts';
import { checkLeft, Victim } from './store-victim.ts';

const root = mkdtempSync(join(tmpdir(), 'netloom-faults-'));
afterAll(() => rmSync(root, { recursive: true }));

const TRACE = ['strace', '-f', '-qq', '-o', '/dev/null'];
const canTrace = spawnSync(TRACE[0]!, [...TRACE.slice(1), '-e', 'trace=fsync', 'true']).status === 0;

/** Runs a victim in a new directory with the fault injected at its n-th such system call. */
function injured(name: string, call: string, fault: string, n: number) {
  const directory = join(root, `${name}-${call}-${n}`);
  mkdirSync(directory, { mode: 0o700 });
  // By path: only what happens to the store's own files counts.
  const paths = ['netloom.db', 'netloom.db-journal', 'netloom.db-wal', 'netloom.mark', '.'].flatMap(
    (file) => ['-P', join(directory, file)],
  );
  const victim = new Victim(directory, [
    ...TRACE,
    ...paths,
    '-e',
    `trace=${call}`,
    '-e',
    `inject=${call}:${fault}:when=${n}`,
  ]);
  return { directory, ended: victim.ended() };
}

describeUnless(
  canTrace ? undefined : 'it needs strace, and the right to trace',
  'faults at a given system call',
  () => {
    // The first start takes some 14 syncs and 45 writes, a commit one sync and from 10 writes.
    const points: [call: string, n: number][] = [
      ...Array.from({ length: 20 }, (_, i): [string, number] => ['fsync', i + 1]),
      ...[1, 2, 3, 6, 22, 40, 50, 58, 71, 133].map((n): [string, number] => ['pwrite64', n]),
    ];

    it('killed at a sync or a write, it loses no acknowledged commit and starts again', async () => {
      let acks = 0;
      for (const [call, n] of points) {
        const { directory, ended } = injured('kill', call, 'signal=SIGKILL', n);
        const { acked, by } = await ended;
        expect(by, `${call} ${n}`).toBe('SIGKILL');
        await checkLeft(directory, acked, `${call} ${n}`);
        acks += acked;
      }
      expect(acks).toBeGreaterThan(0);
    });

    it('after an I/O error at a sync it acknowledges nothing more until it is started again', async () => {
      const { directory, ended } = injured('eio', 'fsync', 'error=EIO', 20);
      const { lines, acked } = await ended;
      expect(acked).toBeGreaterThan(0);
      const refused = lines.slice(acked);
      expect(refused.length).toBeGreaterThanOrEqual(3);
      expect(new Set(refused)).toEqual(new Set(['refused store-unavailable']));
      await checkLeft(directory, acked, 'EIO');
    });
  },
);

const small = join(root, 'small');
mkdirSync(small);
const canMount =
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=700', 'netloom-test', small]).status === 0;
afterAll(() => {
  if (canMount) execFileSync('umount', [small]);
});

describeUnless(canMount ? undefined : 'it needs the right to mount a tmpfs', 'a full disk', () => {
  it('refuses commits, answers reads, and heals without a restart', async () => {
    const directory = join(small, 'data');
    const store = await openSqliteStore({ directory });
    const filler = join(small, 'filler');
    writeFileSync(filler, Buffer.alloc(1_200_000));

    let revision = 0;
    let refused = '';
    const told: number[] = [];
    store.watch((commit) => told.push(commit.revision));
    while (refused === '' && revision < 1000) {
      await store.commit(transactionFor(revision + 1)).then(
        () => revision++,
        (error: { code: string; status: number }) => {
          refused = `${error.code} ${error.status}`;
        },
      );
    }
    expect(refused).toBe('store-full 507');
    expect(revision).toBeGreaterThan(0);
    expect(await store.revision()).toBe(revision);
    expect((await store.snapshot()).revision).toBe(revision);

    rmSync(filler);
    await store.commit(transactionFor(revision + 1));
    expect(told).toEqual(Array.from({ length: revision + 1 }, (_, i) => i + 1));
    await store.close();
    expect(await checkLeft(directory, revision + 1, 'full disk')).toEqual({
      epoch: store.epoch,
      revision: revision + 1,
    });
  });
});
