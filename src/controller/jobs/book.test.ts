import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import { finding, NetloomError, warning } from '../../base/error.ts';
import type { Store } from '../../store/contract.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { JobBook, type JobSpec, type RunningJob } from './book.ts';
import type { Job } from './job.ts';

const spec: JobSpec = { kind: 'work', title: 'Do it', initiator: 'ann', steps: ['one', 'two', 'three'] };
const trouble = finding('not-found', 'Host/h', 'There is no host.', 'Add it.');

async function open(store: Store = createMemoryStore(), clock = new FakeClock()) {
  return { store, clock, book: await JobBook.open(store, clock) };
}

/** A job that waits in its first step until it is let go, or aborted. */
function waiting(book: JobBook, more: Partial<JobSpec> = {}) {
  const gate = Promise.withResolvers<void>();
  const running = book.run({ ...spec, ...more }, async (job) => {
    await job.step('one', () => {
      job.signal.addEventListener('abort', () => gate.reject(job.signal.reason));
      return gate.promise;
    });
    return { summary: 'Done.' };
  });
  return { ...running, letGo: () => gate.resolve() };
}

const all = (book: JobBook) => book.list({ limit: 2000, passes: () => true });
const states = (job: Job | undefined) => job?.steps.map(({ name, state }) => `${name} ${state}`);

async function refusal(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'taken',
    (error: unknown) => NetloomError.from(error).code,
  );
}

describe('a job', () => {
  it('is queued until its first step begins, then running, then over', async () => {
    const { book, clock } = await open();
    const seen: string[] = [];
    book.watch(({ state, steps }) => {
      const now = `${state} ${steps.map((step) => step.state[0]).join('')}`;
      if (seen.at(-1) !== now) seen.push(now);
    });
    const { id, done } = book.run(spec, async (job) => {
      await job.step('one', () => clock.advance(5));
      await job.step('two', () => {});
      return { summary: 'Done.' };
    });
    expect(book.get(id)?.state).toBe('queued');
    const over = await done;
    expect(over).toMatchObject({ state: 'succeeded', summary: 'Done.', findings: [], cancellable: false });
    expect(states(over)).toEqual(['one succeeded', 'two succeeded', 'three skipped']);
    expect(Date.parse(over.endedAt!) - Date.parse(over.startedAt!)).toBe(5);
    expect(seen).toEqual([
      'queued www',
      'running rww',
      'running sww',
      'running srw',
      'running ssw',
      'succeeded sss',
    ]);
  });

  it('fails with what its work throws, and says why in its log', async () => {
    const { book } = await open();
    const over = await book.run(spec, async (job) => {
      await job.step('two', () => {
        throw new NetloomError([trouble]);
      });
      return {};
    }).done;
    expect(over).toMatchObject({ state: 'failed', findings: [trouble] });
    expect(states(over)).toEqual(['one skipped', 'two failed', 'three skipped']);
    expect(over.steps[1]?.message).toBe('There is no host.');
    expect(over.log.map(({ level, text }) => [level, text])).toEqual([
      ['error', 'Host/h: There is no host. Add it.'],
    ]);
  });

  it('fails with an error among its findings, and not with a warning', async () => {
    const { book } = await open();
    const end = async (finding: typeof trouble) =>
      (await book.run(spec, async () => ({ findings: [finding] })).done).state;
    expect(await end(trouble)).toBe('failed');
    expect(await end(warning('not-found', '', 'x', 'y'))).toBe('succeeded');
  });

  it('tells nothing of the inside when it runs into a defect', async () => {
    const { book } = await open();
    const over = await book.run(spec, async () => {
      throw new TypeError('secret is undefined');
    }).done;
    expect(over.findings).toMatchObject([{ code: 'internal' }]);
    expect(JSON.stringify(over)).not.toContain('secret');
  });

  it('leaves nothing behind when there was nothing to do', async () => {
    const { book, store } = await open();
    const gone: number[] = [];
    book.watch(({ id }, isGone) => isGone && gone.push(id));
    const { id, done } = book.run(spec, async () => 'nothing');
    await done;
    await book.flush();
    expect([book.get(id), gone, await store.jobs()]).toEqual([undefined, [id], []]);
  });

  it('keeps the first and the latest lines of a long log', async () => {
    const { book } = await open();
    const over = await book.run(spec, async (job) => {
      for (let line = 0; line < 1000; line++) job.log(String(line));
      return {};
    }).done;
    expect(over.log).toHaveLength(200);
    expect([over.log[0]?.text, over.log.at(-1)?.text]).toEqual(['0', '999']);
  });

  it('shows how far the running step is, and no longer when it has ended', async () => {
    const { book } = await open();
    const { id, done } = book.run(spec, async (job) => {
      await job.step('one', () => {
        job.progress(1, 3, 'hosts');
        job.say('one host');
        expect(book.get(id)).toMatchObject({ progress: { done: 1, total: 3, what: 'hosts' } });
      });
      return {};
    });
    const over = await done;
    expect(over.progress).toBeUndefined();
    expect(over.steps[0]).toMatchObject({ state: 'succeeded', message: 'one host' });
  });
});

describe('cancel', () => {
  it('stops work that looks at its signal, and says who asked', async () => {
    const { book } = await open();
    const { id } = waiting(book);
    await setImmediate();
    const over = await book.cancel(id, 'bob');
    expect(over).toMatchObject({ state: 'cancelled', summary: 'It was cancelled by bob.' });
    expect(states(over)).toEqual(['one failed', 'two skipped', 'three skipped']);
  });

  it('begins no further step', async () => {
    const { book } = await open();
    let begun = false;
    const { id, done } = book.run(spec, async (job) => {
      await job.step('one', () => (begun = true));
      return {};
    });
    await book.cancel(id, 'bob');
    expect([(await done).state, begun]).toEqual(['cancelled', false]);
  });

  it('is refused where what it does holds already, when it is over, and when there is none', async () => {
    const { book } = await open();
    const gate = Promise.withResolvers<void>();
    const { id, done } = book.run(spec, async (job) => {
      job.seal();
      await job.step('one', () => gate.promise);
      return {};
    });
    await setImmediate();
    expect(await refusal(book.cancel(id, 'bob'))).toBe('job-state');
    gate.resolve();
    expect((await done).state).toBe('succeeded');
    expect(await refusal(book.cancel(id, 'bob'))).toBe('job-state');
    expect(await refusal(book.cancel(99, 'bob'))).toBe('not-found');
  });
});

describe('retry', () => {
  /** Fails until it is told to do better. */
  function failing(book: JobBook) {
    const asked: unknown[] = [];
    let ok = false;
    const run = (retryOf?: number): RunningJob =>
      book.run(
        { ...spec, request: { what: 'it' }, ...(retryOf === undefined ? {} : { retryOf }) },
        async () => {
          if (!ok) throw new NetloomError([trouble]);
          return {};
        },
      );
    book.onRetry('work', async (request, { initiator }, of) => {
      asked.push([request, initiator, of]);
      return run(of);
    });
    return { run, asked, doBetter: () => (ok = true) };
  }
  const by = { initiator: 'bob', check: () => {} };

  it('asks again for the same, and each of the two knows the other', async () => {
    const { book } = await open();
    const { run, asked, doBetter } = failing(book);
    const first = await run().done;
    expect(first.retryable).toBe(true);
    doBetter();
    const again = await book.retry(first.id, by);
    expect(await again.done).toMatchObject({ state: 'succeeded', retryOf: first.id, retryable: false });
    expect(book.get(first.id)).toMatchObject({ retriedBy: again.id });
    expect(asked).toEqual([[{ what: 'it' }, 'bob', first.id]]);
  });

  it('is refused for what succeeded or runs, and for what nobody kept', async () => {
    const { book } = await open();
    const { run, doBetter } = failing(book);
    const unkept = await book.run(spec, async () => ({ findings: [trouble] })).done;
    const big = { text: 'x'.repeat(300_000) };
    const large = await book.run({ ...spec, request: () => big }, async () => ({ findings: [trouble] })).done;
    const { id, letGo } = waiting(book);
    doBetter();
    const fine = await run().done;
    for (const job of [unkept.id, large.id, id, fine.id]) {
      expect(await refusal(book.retry(job, by))).toBe('job-state');
    }
    letGo();
    expect([unkept.retryable, large.retryable]).toEqual([false, false]);
  });

  it('keeps the latest 64 requests and no more', async () => {
    const { book } = await open();
    const { run } = failing(book);
    for (let n = 0; n < 70; n++) await run().done;
    const kept = all(book).filter(({ retryable }) => retryable);
    expect(kept.map(({ id }) => id)).toEqual(Array.from({ length: 64 }, (_, n) => 70 - n));
  });

  it('is possible after a restart', async () => {
    const { book, store } = await open();
    const { id } = await failing(book).run().done;
    await book.close();
    const again = await open(store);
    const { asked, doBetter } = failing(again.book);
    doBetter();
    expect((await (await again.book.retry(id, by)).done).state).toBe('succeeded');
    expect(asked).toEqual([[{ what: 'it' }, 'bob', id]]);
  });
});

describe('the store', () => {
  it('has every job that is over, and gives it back', async () => {
    const { book, store } = await open();
    await book.run(spec, async () => ({ summary: 'Done.' })).done;
    await book.run({ ...spec, tenant: 'red' }, async () => ({ findings: [trouble] })).done;
    const before = all(book);
    await book.close();
    const again = await open(store);
    expect(all(again.book)).toEqual(before);
  });

  it('writes what changed in one batch, a moment later', async () => {
    const { book, store, clock } = await open();
    for (let n = 0; n < 5; n++) await book.run(spec, async () => ({})).done;
    expect(await store.jobs()).toEqual([]);
    clock.advance(200);
    await book.flush();
    expect((await store.jobs()).map(({ id }) => id)).toEqual([1, 2, 3, 4, 5]);
    expect(clock.next()).toBeUndefined();
  });

  it('has a failed job before anybody is told its number, so that no other ever gets it', async () => {
    const { book, store } = await open();
    const { id } = await book.run(spec, async () => ({ findings: [trouble] })).done;
    // The controller dies here.
    const again = await open(store);
    expect(again.book.run(spec, async () => ({})).id).toBe(id + 1);
  });

  it('tells a job that ran when the controller died as interrupted, with its commit or without', async () => {
    const { book, store } = await open();
    const [a, b] = [waiting(book, { request: { what: 'it' } }), waiting(book)];
    await setImmediate();
    await book.flush();
    const tx = { author: 'ann', message: '', time: 0, allocations: [] };
    const objects = [{ kind: 'Net', key: 'blue', value: {} }];
    await store.commit({ ...tx, objects, job: book.stored(b.id)! });
    const again = await open(store);
    expect(again.book.get(a.id)).toMatchObject({
      state: 'interrupted',
      retryable: true,
      summary: expect.stringMatching(/before anything was committed/),
    });
    expect(states(again.book.get(a.id))).toEqual(['one failed', 'two skipped', 'three skipped']);
    expect(again.book.get(b.id)).toMatchObject({
      state: 'interrupted',
      revision: 1,
      retryable: false,
      summary: expect.stringMatching(/revision 1 was committed/),
    });
    await again.book.flush();
    expect((await store.jobs()).map(({ value }) => value.state)).toEqual(['interrupted', 'interrupted']);
    a.letGo();
    b.letGo();
  });

  it('that takes nothing keeps no job from its end', async () => {
    const { book, store, clock } = await open();
    await store.close();
    expect((await book.run(spec, async () => ({ findings: [trouble] })).done).state).toBe('failed');
    clock.advance(1000);
    await book.close();
  });

  it('passes over a job that is not understood, and gives its number to no other', async () => {
    const store = createMemoryStore();
    await store.putJobs([{ id: 7, value: { state: 'dancing' } }]);
    const { book } = await open(store);
    expect([all(book), book.run(spec, async () => ({})).id]).toEqual([[], 8]);
  });
});

describe('close', () => {
  it('interrupts what runs, waits for it, and stores it', async () => {
    const { book, store } = await open();
    const { id } = waiting(book);
    await book.close();
    expect(book.get(id)?.state).toBe('interrupted');
    expect((await store.jobs())[0]?.value).toMatchObject({
      state: 'interrupted',
      summary: 'The controller was stopped.',
    });
  });

  it('does not wait for ever for work that does not look at its signal', async () => {
    const { book, store, clock } = await open();
    const gate = Promise.withResolvers<void>();
    const { id } = book.run(spec, async (job) => {
      await job.step('one', () => gate.promise);
      return {};
    });
    await setImmediate();
    const closed = book.close();
    await setImmediate();
    clock.advance(5000);
    await closed;
    expect((await open(store)).book.get(id)?.state).toBe('interrupted');
    gate.resolve();
  });
});

describe('old jobs', () => {
  it('are forgotten above 1000, the oldest first, and never one that runs', async () => {
    const { book, store } = await open();
    const { id, letGo, done } = waiting(book);
    for (let n = 0; n < 1010; n++) await book.run(spec, async () => ({})).done;
    const ids = all(book).map((job) => job.id);
    expect([ids.length, ids[0], ids.at(-2), ids.at(-1)]).toEqual([1001, 1011, 12, id]);
    letGo();
    await done;
    await book.flush();
    expect(await store.jobs()).toHaveLength(1000);
  });

  it('are forgotten after 30 days', async () => {
    const { book, store, clock } = await open();
    const { id } = await book.run(spec, async () => ({})).done;
    clock.advance(29 * 24 * 3600 * 1000);
    const { id: later } = await book.run(spec, async () => ({})).done;
    expect(book.get(id)).toBeDefined();
    clock.advance(2 * 24 * 3600 * 1000);
    const { id: last } = await book.run(spec, async () => ({})).done;
    expect(all(book).map((job) => job.id)).toEqual([last, later]);
    await book.flush();
    expect((await store.jobs()).map((job) => job.id)).toEqual([later, last]);
  });
});

describe('list', () => {
  it('goes from new to old, page by page, and gives what passes', async () => {
    const { book } = await open();
    for (const kind of ['a', 'b', 'a', 'b', 'a']) await book.run({ ...spec, kind }, async () => ({})).done;
    const ids = (filter: { limit: number; before?: number }) =>
      book.list({ ...filter, passes: ({ kind }) => kind === 'a' }).map(({ id }) => id);
    expect(ids({ limit: 2 })).toEqual([5, 3]);
    expect(ids({ limit: 2, before: 3 })).toEqual([1]);
  });
});
