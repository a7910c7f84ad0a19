/**
 * Live migration: a VM moves from one host to another with its addresses, and no frame is lost on the way.
 *
 *     prepare       the destination gets the VM's ports, and everything that they need; every host of its routing
 *                   domains learns that the VM may be there
 *     move          the hypervisor stops the VM here and starts it there; its hosts pass frames on by themselves. Waited
 *                   for where the hosts say what is plugged in (arrival.ts)
 *     switch over   every host sends to the destination
 *     finish        the source forgets the VM, and the routing domains whose last VM it was
 *
 * Each step is one commit, and the next one begins when the hosts that it concerns have said that they have it in force.
 * How far a migration is stands in the VM (model/migration.ts), so a controller that is restarted goes on from there.
 */
import { type Finding, finding, NetloomError, throwIfErrors } from '../../base/error.ts';
import { isKind, objectKey, type VirtualMachine } from '../../model/kinds.ts';
import { type MigrationPhase, migrationPhase } from '../../model/migration.ts';
import type { ChangeSummary } from '../change.ts';
import type { JobSpec, RunningJob } from '../jobs/book.ts';
import type { JobContext } from '../jobs/run.ts';
import { arrived, toMove } from './arrival.ts';
import { type FailoverOptions, type FailoverRequest, type FailoverSummary, failover } from './failover.ts';
import { behind, concerned, confirmed, isConnected } from './hosts.ts';
import type { Migrating, MigrationStatus } from './parts.ts';
import { aborted, busy, elsewhere, mayStillSend, notMoving, notPrepared, objections } from './words.ts';

/** Where a migration can stop, to be taken on later. */
export type MigrationGoal = MigrationPhase | 'finished';

export interface MigrationOptions {
  /** Who asks for it. */
  readonly author: string;
  /** Told of the job that it is, before it begins. */
  readonly onJob?: (job: RunningJob) => void;
  /** How long to wait for the hosts at each step, in milliseconds; default 30 seconds. */
  readonly patience?: number;
  /** How long to wait for the hypervisor, in milliseconds; default ten minutes. 0: it is not waited for. */
  readonly movePatience?: number;
  /** Go on although a host that is away has not confirmed a step: what it sends may be lost. */
  readonly force?: boolean;
}

/** The same while it is carried out. */
interface Run extends MigrationOptions {
  readonly job: JobContext;
  readonly signal: AbortSignal;
}

const PATIENCE_MS = 30_000;
const MOVE_PATIENCE_MS = 600_000;
const STEPS = ['prepare', 'move', 'switch over', 'finish'] as const;

export class Migrations {
  readonly #controller: Migrating;
  /** VM -> what stops its migration that is under way, and its end. */
  readonly #running = new Map<string, { readonly stop: AbortController; readonly end: Promise<unknown> }>();

  constructor(controller: Migrating) {
    this.#controller = controller;
  }

  /** Every VM that moves, by name. */
  list(): MigrationStatus[] {
    return this.#controller.network
      .list('VirtualMachine')
      .flatMap(({ object }) => (isKind(object, 'VirtualMachine') ? (this.#status(object) ?? []) : []));
  }

  /** Undefined for a VM that does not move. Throws `not-found`. */
  get(vm: string): MigrationStatus | undefined {
    return this.#status(this.#vm(vm).object);
  }

  /** What the preparation would change. Throws with every reason why the VM cannot move there. */
  async plan(vm: string, destination: string): Promise<ChangeSummary> {
    const { object } = this.#vm(vm);
    const reasons = objections(object, destination, {
      isKnown: this.#controller.network.get(`Host/${destination}`) !== undefined,
      isConnected: (host) => isConnected(this.#controller.feed, host),
    });
    if (object.migration || object.host === undefined || object.host === destination) throwIfErrors(reasons);
    const prepared = this.#prepared(object, destination);
    const summary = await this.#tried(object, prepared, reasons);
    // What speaks against the switch-over is to be known before the preparation.
    await this.#tried(object, { ...prepared, host: destination }, reasons);
    const [first, ...rest] = new Map(reasons.map((reason) => [reason.message, reason])).values();
    if (first) throw new NetloomError([first, ...rest]);
    // Without a reason both were taken.
    return summary!;
  }

  /** A dry run; what speaks against it is added to the reasons. */
  async #tried(
    held: VirtualMachine,
    object: VirtualMachine,
    reasons: Finding[],
  ): Promise<ChangeSummary | undefined> {
    try {
      return await this.#commit(held, object, '', { author: '' });
    } catch (thrown) {
      reasons.push(...NetloomError.from(thrown).findings);
      return undefined;
    }
  }

  /**
   * Takes the VM on from where it is until the goal is reached, as a job. `destination` may be left out for a VM that
   * moves already. What is not reached in time stays as it is: take it on later, or `abort`.
   */
  async migrate(
    vm: string,
    { destination, until = 'finished' }: { readonly destination?: string; readonly until?: MigrationGoal },
    options: MigrationOptions,
  ): Promise<MigrationStatus | undefined> {
    const to = destination ?? this.get(vm)?.destination;
    const spec = {
      kind: 'migrate',
      title: `Migrate ${vm}${to === undefined ? '' : ` to ${to}`}`,
      steps: STEPS,
    };
    return this.#asJob(vm, spec, options, async (run) => {
      const status = this.get(vm);
      if (!status) await this.#prepare(vm, destination, run);
      else if (destination !== undefined && destination !== status.destination) throw elsewhere(vm, status);
      else await this.#confirmed(vm, run);
      if (until !== 'prepared') await this.#move(vm, run);
      if (until !== 'prepared' && this.get(vm)?.phase === 'prepared') await this.#switchOver(vm, run);
      if (until === 'finished') await this.#finish(vm, run);
      return this.get(vm);
    });
  }

  /**
   * Everything as before the preparation, as a job. A VM that has been switched over is first switched back; it has to
   * run on the source again, which is the hypervisor's to see to. `reason` is told to whoever waits for the migration.
   */
  async abort(vm: string, options: MigrationOptions & { readonly reason?: string }): Promise<void> {
    const running = this.#running.get(vm);
    running?.stop.abort(aborted(vm, options.reason));
    await running?.end;
    const { migration, host } = this.#vm(vm).object;
    const back = migration && host !== migration.source ? ['switch back'] : [];
    const spec = {
      kind: 'abort-migration',
      title: `Abort the migration of ${vm}`,
      steps: [...back, 'forget'],
    };
    await this.#asJob(vm, spec, options, async (run) => {
      if (!migration) throw notMoving(vm);
      const { source, destination } = migration;
      if (host !== source) {
        await run.job.step('switch back', async () => {
          const { object } = this.#vm(vm);
          await this.#commit(
            object,
            { ...object, host: source },
            `abort the migration of ${vm}: send to ${source}`,
            run,
          );
          await this.#confirmed(vm, run);
        });
      }
      await run.job.step('forget', () =>
        this.#end(vm, destination, `abort the migration of ${vm} to ${destination}`, run),
      );
    });
  }

  /** Places the VMs of a dead host elsewhere; see failover.ts. */
  failover(request: FailoverRequest, options: FailoverOptions): Promise<FailoverSummary> {
    return failover(this.#controller, request, options);
  }

  async #prepare(vm: string, destination: string | undefined, run: Run): Promise<void> {
    if (destination === undefined) throw notMoving(vm);
    await run.job.step('prepare', async () => {
      await this.plan(vm, destination);
      const { object } = this.#vm(vm);
      const message = `migrate ${vm} from ${object.host} to ${destination}: prepare`;
      await this.#commit(object, this.#prepared(object, destination), message, run);
      await this.#confirmed(vm, run);
    });
  }

  /** The hypervisor's part. A VM that has been switched over may have been moved before that, or after it. */
  async #move(vm: string, { job, signal, movePatience = MOVE_PATIENCE_MS }: Run): Promise<void> {
    const ids = toMove(this.#controller, vm);
    if (movePatience === 0 || ids.size === 0) return;
    await job.step('move', async () => {
      const { source, destination } = this.#vm(vm).object.migration ?? {};
      job.log(`The hypervisor is to move it now, from ${source} to ${destination}.`);
      await arrived(this.#controller, vm, ids, { patience: movePatience, signal });
    });
  }

  async #switchOver(vm: string, run: Run): Promise<void> {
    await run.job.step('switch over', async () => {
      run.signal.throwIfAborted();
      const { object } = this.#vm(vm);
      const status = this.get(vm);
      if (!status) throw notMoving(vm);
      const { destination, waitingFor } = status;
      const missing = run.force ? waitingFor.filter((host) => host === destination) : waitingFor;
      if (missing.length > 0) throw notPrepared(vm, missing);
      const message = `migrate ${vm} to ${destination}: switch over`;
      await this.#commit(object, { ...object, host: destination }, message, run);
      await this.#confirmed(vm, run);
    });
  }

  async #finish(vm: string, run: Run): Promise<void> {
    await run.job.step('finish', async () => {
      run.signal.throwIfAborted();
      const status = this.get(vm);
      if (!status) throw notMoving(vm);
      const { source, destination } = status;
      // The source itself goes on passing on what its own machines send, as long as it has not been told.
      const waitingFor = status.waitingFor.filter((host) => host !== source);
      if (waitingFor.length > 0 && !run.force) throw mayStillSend(vm, { ...status, waitingFor });
      await this.#end(vm, source, `migrate ${vm} from ${source} to ${destination}: finish`, run);
    });
  }

  /** The VM is on its host alone; the other one that had it knows. */
  async #end(vm: string, leaving: string, message: string, run: Run): Promise<void> {
    const { object } = this.#vm(vm);
    const { migration: _over, ...settled } = object;
    await this.#commit(object, settled, message, run);
    await this.#confirmed(vm, run, leaving);
  }

  #prepared(object: VirtualMachine, destination: string): VirtualMachine {
    return { ...object, migration: { source: object.host ?? '', destination } };
  }

  #commit(
    held: VirtualMachine,
    object: VirtualMachine,
    message: string,
    { author, job }: { readonly author: string; readonly job?: JobContext },
  ): Promise<ChangeSummary> {
    const expect = this.#controller.network.get(objectKey(held))?.revision;
    return this.#controller.apply([{ object, ...(expect === undefined ? {} : { expect }) }], {
      author,
      message,
      migrates: true,
      ...(job ? { job } : { dryRun: true }),
    });
  }

  /** The hosts that are connected have the last step in force. */
  async #confirmed(
    vm: string,
    { patience = PATIENCE_MS, signal, job }: Run,
    leaving?: string,
  ): Promise<void> {
    const { feed, network } = this.#controller;
    const { object, revision } = this.#vm(vm);
    const hosts = [...concerned(network, object), ...(leaving === undefined ? [] : [leaving])];
    const away = await confirmed(feed, hosts, { vm: object, revision, patience, signal });
    if (away.length > 0) job.log(`Away, and told when they come back: ${away.join(', ')}.`, 'warning');
  }

  #status(vm: VirtualMachine): MigrationStatus | undefined {
    const phase = migrationPhase(vm);
    if (!vm.migration || !phase) return undefined;
    const key = objectKey(vm);
    const revision = this.#controller.network.get(key)?.revision ?? 0;
    return {
      vm: key.slice('VirtualMachine/'.length),
      ...vm.migration,
      phase,
      next: phase === 'prepared' ? 'switch-over' : 'finish',
      revision,
      waitingFor: behind(this.#controller.feed, revision, concerned(this.#controller.network, vm)),
    };
  }

  #vm(vm: string): { readonly object: VirtualMachine; readonly revision: number } {
    const held = this.#controller.network.get(`VirtualMachine/${vm}`);
    if (held && isKind(held.object, 'VirtualMachine'))
      return { object: held.object, revision: held.revision };
    throw new NetloomError([
      finding('not-found', `VirtualMachine/${vm}`, `There is no VM "${vm}".`, 'See "netloom get vm".'),
    ]);
  }

  /** One thing at a time with each VM. */
  async #asJob<T>(
    vm: string,
    spec: Pick<JobSpec, 'kind' | 'title' | 'steps'>,
    options: MigrationOptions,
    work: (run: Run) => Promise<T>,
  ): Promise<T> {
    const { author, onJob } = options;
    if (this.#running.has(vm)) throw busy(vm);
    const { object } = this.#vm(vm);
    const stop = new AbortController();
    const result = Promise.withResolvers<T>();
    const running = this.#controller.jobs.run(
      {
        ...spec,
        initiator: author,
        objects: [objectKey(object)],
      },
      async (job) => {
        const signal = AbortSignal.any([job.signal, stop.signal]);
        try {
          result.resolve(await work({ ...options, job, signal }));
        } catch (thrown) {
          result.reject(thrown);
          throw thrown;
        }
        return { summary: this.#summary(vm) };
      },
    );
    const end = running.done.then(() => this.#running.delete(vm));
    this.#running.set(vm, { stop, end });
    onJob?.(running);
    try {
      return await result.promise;
    } finally {
      await end;
    }
  }

  #summary(vm: string): string {
    const status = this.get(vm);
    if (!status) return `"${vm}" is on ${this.#vm(vm).object.host}.`;
    const { phase, destination, next } = status;
    return phase === 'prepared'
      ? `${destination} is prepared for "${vm}"; next: ${next}.`
      : `Everybody sends to "${vm}" on ${destination}; next: ${next}.`;
  }
}
