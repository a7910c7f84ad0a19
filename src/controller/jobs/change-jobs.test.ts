import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { hello } from '../../../test/support/policy-stream.ts';
import { FakeClock } from '../../base/clock.ts';
import { type Finding, finding, NetloomError } from '../../base/error.ts';
import { parseDocuments } from '../../model/input.ts';
import { isKind, type ModelObject } from '../../model/kinds.ts';
import type { Store } from '../../store/contract.ts';
import { createMemoryStore } from '../../store/memory.ts';
import { writeFindings } from '../../stream/findings.ts';
import { AppliedSchema } from '../../stream/gen/policy_pb.ts';
import { Controller } from '../controller.ts';
import { jobOfError } from './change-jobs.ts';
import { CONFIRMATION_LIMIT_MS } from './confirmations.ts';
import { isOver, type Job } from './job.ts';

const author = { author: 'ann' };
const group = (name: string): ModelObject => ({ kind: 'HostGroup', name });
const set = (...objects: readonly ModelObject[]) => objects.map((object) => ({ object }));

function blueRed(): ModelObject[] {
  const file = new URL('../../../examples/blue-red.yaml', import.meta.url);
  return parseDocuments(readFileSync(file), 'blue-red').objects.map(({ object }) => object);
}

async function open(store: Store = createMemoryStore()) {
  const clock = new FakeClock();
  const controller = await Controller.open({ store, clock, uuid: randomUUID });
  return { store, clock, controller };
}

/** The example, and an agent for each of its hosts that says what it is told to say. */
async function withAgents() {
  const { store, clock, controller } = await open();
  await controller.apply(set(...blueRed()), { ...author, wait: 'hosts' });
  const agents = new Map(
    ['host1', 'host2'].map((host) => [host, controller.feed.connect(hello(host))] as const),
  );
  const say = (host: string, revision: number, findings: readonly Finding[] = []) =>
    agents.get(host)!.applied(
      create(AppliedSchema, {
        revision: BigInt(revision),
        ok: findings.length === 0,
        findings: writeFindings(findings),
      }),
    );
  /** A change that concerns both hosts. */
  const move = async (options: { wait?: 'hosts' } = {}) => {
    const blue1 = controller.network.get('VirtualMachine/blue1')?.object;
    if (!isKind(blue1, 'VirtualMachine')) throw new Error();
    const host = blue1.host === 'host1' ? 'host2' : 'host1';
    return controller.apply(set({ ...blue1, host }), { ...author, ...options });
  };
  return { store, clock, controller, agents, say, move };
}

/** The job when it is over. */
function over(controller: Controller, id: number | undefined): Promise<Job> {
  return new Promise((resolve) => {
    const look = (job: Job | undefined) => job && job.id === id && isOver(job) && resolve(job);
    controller.jobs.watch((job) => look(job));
    look(controller.jobs.get(id ?? 0));
  });
}

async function refusal(promise: Promise<unknown>): Promise<NetloomError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof NetloomError) return error;
  throw new Error('it was not refused');
}

const steps = (job: Job) => job.steps.map(({ name, state }) => `${name} ${state}`);

describe('a change', () => {
  it('is a job with its steps, its log, its commit and who asked for it', async () => {
    const { controller } = await open();
    const summary = await controller.apply(set(group('a')), { ...author, tenant: 'red' });
    const job = await over(controller, summary.job);
    expect(job).toMatchObject({
      kind: 'apply',
      title: 'Apply HostGroup/a',
      initiator: 'ann',
      tenant: 'red',
      state: 'succeeded',
      revision: 1,
      objects: ['HostGroup/a'],
      summary: 'Revision 1: 1 created.',
    });
    expect(steps(job)).toEqual([
      'check succeeded',
      'allocate succeeded',
      'compile succeeded',
      'commit succeeded',
      'hosts succeeded',
    ]);
    expect(job.log.map(({ text }) => text)).toEqual(['Objects: HostGroup/a (new).']);
  });

  it('that is refused is a failed job, which says in which step and why, and is told with the error', async () => {
    const { controller } = await open();
    const error = await refusal(
      controller.apply(set({ ...group('a'), parent: 'none' } as ModelObject), author),
    );
    const job = controller.jobs.get(jobOfError(error)!)!;
    expect(job).toMatchObject({ state: 'failed', findings: error.findings, retryable: true });
    expect(steps(job).slice(0, 2)).toEqual(['check failed', 'allocate skipped']);
    expect(job.log.at(-1)).toMatchObject({ level: 'error', text: expect.stringContaining('none') });
  });

  it('that finds no address fails where addresses are handed out', async () => {
    const { controller } = await open();
    await controller.apply(set(...blueRed()), author);
    const blue2 = controller.network.get('VirtualMachine/blue2')!.object;
    if (!isKind(blue2, 'VirtualMachine')) throw new Error();
    const text =
      '{kind: IpPool, name: one, vmNetwork: Blue, subnet: Blue subnet, from: 10.0.0.99, to: 10.0.0.99}';
    const [pool] = parseDocuments(text, 'pool').objects.map(({ object }) => object);
    const vnics = blue2.vnics.map(({ mac: _mac, ...vnic }) => ({ ...vnic, addresses: [] }));
    const two = ['a', 'b'].map((name) => ({ ...blue2, name, vnics }));
    const error = await refusal(controller.apply(set(pool!, ...two), author));
    expect(error.code).toBe('pool-exhausted');
    expect(steps(controller.jobs.get(jobOfError(error)!)!).slice(0, 2)).toEqual([
      'check succeeded',
      'allocate failed',
    ]);
  });

  it('is no job as a dry run, nor where all is so already, nor the second time of a request', async () => {
    const { controller } = await open();
    const jobs = () => controller.jobs.list({ limit: 9, passes: () => true }).length;
    const first = await controller.apply(set(group('a')), { ...author, requestId: 'r' });
    expect(jobs()).toBe(1);
    expect(await controller.apply(set(group('b')), { ...author, dryRun: true })).not.toHaveProperty('job');
    expect(await controller.apply(set(group('a')), author)).not.toHaveProperty('job');
    expect(await controller.apply(set(group('a')), { ...author, requestId: 'r' })).toMatchObject({
      repeated: true,
      job: first.job,
    });
    expect(jobs()).toBe(1);
  });

  it('is stored in the same transaction as its commit', async () => {
    const { controller, store } = await open();
    const { job, revision } = await controller.apply(set(group('a')), author);
    // Nothing else was written yet: this is what a controller finds that was killed now.
    expect(await store.jobs()).toMatchObject([{ id: job, revision, value: { state: 'running' } }]);
    const again = await open(store);
    expect(again.controller.jobs.get(job!)).toMatchObject({
      state: 'interrupted',
      revision,
      summary: expect.stringContaining('revision 1 was committed: it holds'),
    });
    expect(again.controller.network.get('HostGroup/a')).toBeDefined();
  });

  it('can be cancelled while it waits for its turn, and then changes nothing', async () => {
    const { controller } = await open();
    const first = controller.apply(set(group('a')), author);
    const second = controller.apply(set(group('b')), author);
    const [{ id }] = controller.jobs.list({ limit: 1, passes: () => true }) as [Job];
    const [cancelled] = await Promise.all([controller.jobs.cancel(id, 'bob'), first, second.catch(() => {})]);
    expect(cancelled).toMatchObject({ state: 'cancelled', retryable: true });
    expect([controller.revision, controller.network.get('HostGroup/b')]).toEqual([1, undefined]);
    const again = await controller.jobs.retry(id, { initiator: 'bob', check: () => {} });
    expect(await again.done).toMatchObject({ state: 'succeeded', initiator: 'bob', retryOf: id });
    expect(controller.network.get('HostGroup/b')).toBeDefined();
  });

  it('is tried again only by whom it is allowed to', async () => {
    const { controller } = await open();
    const child: ModelObject = { kind: 'HostGroup', name: 'child', parent: 'late' };
    const job = jobOfError(await refusal(controller.apply(set(child), author)))!;
    await controller.apply(set(group('late')), author);
    const forbidden = finding('forbidden', '', 'No.', '');
    const check = (key: string) => {
      expect(key).toBe('HostGroup/child');
      throw new NetloomError([forbidden]);
    };
    expect((await refusal(controller.jobs.retry(job, { initiator: 'eve', check }))).code).toBe('forbidden');
    expect(controller.network.get('HostGroup/child')).toBeUndefined();
    const again = await controller.jobs.retry(job, { initiator: 'ann', check: () => {} });
    expect((await again.done).state).toBe('succeeded');
  });

  it('keeps no request that brings secrets', async () => {
    const { controller } = await open();
    const wrong = { ...group('a'), parent: 'none' } as ModelObject;
    const error = await refusal(controller.apply(set(wrong), { ...author, secrets: [] }));
    expect(controller.jobs.get(jobOfError(error)!)?.retryable).toBe(false);
  });

  it('as a part of another job makes none of its own, and leaves its steps to it', async () => {
    const { controller } = await open();
    const spec = { kind: 'work', title: 'Two', initiator: 'ann', steps: ['first', 'second'] };
    const { id, done } = controller.jobs.run(spec, async (job) => {
      for (const step of spec.steps) {
        const summary = await job.step(step, () => controller.apply(set(group(step)), { ...author, job }));
        expect(summary.job).toBe(job.id);
      }
      return {};
    });
    const job = await done;
    expect(steps(job)).toEqual(['first succeeded', 'second succeeded']);
    expect(job.revision).toBe(2);
    expect(controller.jobs.list({ limit: 9, passes: () => true }).map((one) => one.id)).toEqual([id]);
  });
});

describe('the hosts of a change', () => {
  it('are waited for, one after the other, and not by whoever asked', async () => {
    const { controller, say, move } = await withAgents();
    const { job: id, revision } = await move();
    expect(controller.jobs.get(id!)).toMatchObject({ state: 'running', progress: { done: 0, total: 2 } });
    say('host1', revision!);
    expect(controller.jobs.get(id!)).toMatchObject({ progress: { done: 1, total: 2, what: 'hosts' } });
    say('host2', revision!);
    const job = await over(controller, id);
    expect(job).toMatchObject({ state: 'succeeded', findings: [] });
    expect(job.steps.at(-1)?.message).toBe('2 of 2 have it in force');
  });

  it('are waited for by whoever wants it', async () => {
    const { controller, say, move } = await withAgents();
    let answered = false;
    const answer = move({ wait: 'hosts' }).finally(() => (answered = true));
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    expect([controller.revision, answered]).toEqual([2, false]);
    say('host1', 2);
    say('host2', 2);
    expect(await answer).toMatchObject({ revision: 2 });
  });

  it('that cannot put it in force make the job fail, and the commit stays', async () => {
    const { controller, say, move } = await withAgents();
    const { job: id, revision } = await move();
    say('host1', revision!, [finding('port-invalid', 'port/x', 'The port is gone.', 'Plug it in.')]);
    say('host2', revision!);
    const job = await over(controller, id);
    expect(job).toMatchObject({ state: 'failed', revision, retryable: false });
    expect(job.findings).toMatchObject([{ code: 'port-invalid', message: 'Host host1: The port is gone.' }]);
    expect(controller.revision).toBe(revision);
  });

  it('that are away are named and not waited for, also when they go in the meantime', async () => {
    const { controller, agents, say, move } = await withAgents();
    agents.get('host1')!.close();
    const { job: id, revision } = await move();
    expect(controller.jobs.get(id!)).toMatchObject({ progress: { done: 1, total: 2 } });
    agents.get('host2')!.close();
    const job = await over(controller, id);
    expect(job.state).toBe('succeeded');
    expect(job.findings).toMatchObject([
      { code: 'host-away', message: expect.stringContaining('host1, host2') },
    ]);
    say('host1', revision!);
  });

  it('that do not answer are waited for so long and no longer', async () => {
    const { controller, clock, say, move } = await withAgents();
    const { job: id, revision } = await move();
    say('host1', revision!);
    clock.advance(CONFIRMATION_LIMIT_MS - 1);
    expect(controller.jobs.get(id!)?.state).toBe('running');
    clock.advance(1);
    const job = await over(controller, id);
    expect(job.findings).toMatchObject([
      { code: 'host-away', path: 'Host/host2', message: expect.stringContaining('within 60 seconds') },
    ]);
  });

  it('that leave the fabric with the change are not missed', async () => {
    const { controller, agents, say } = await withAgents();
    const keys = [...controller.network.keys()];
    const { job: id, revision } = await controller.apply(
      keys.map((key) => ({ delete: key })),
      author,
    );
    agents.get('host1')!.close();
    say('host2', revision!);
    const job = await over(controller, id);
    expect(job).toMatchObject({ state: 'succeeded', findings: [] });
    expect(job.steps.at(-1)?.message).toBe('1 of 1 have it in force');
  });

  it('keep nobody from closing the controller', async () => {
    const { controller, store, move } = await withAgents();
    const { job: id } = await move();
    const waiting = move({ wait: 'hosts' });
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all([controller.close(), expect(waiting).rejects.toThrow(/stopped/)]);
    expect(controller.jobs.get(id!)?.state).toBe('interrupted');
    expect(await refusal(store.jobs())).toMatchObject({ code: 'store-unavailable' });
  });
});
