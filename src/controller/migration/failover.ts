/**
 * Failover: a host is dead, and its VMs are placed elsewhere with the same network configuration. What was handed out
 * for a vNIC (id, MAC address, addresses) belongs to the VM and not to its host, so all of it is kept.
 */
import { type Finding, finding, NetloomError, throwIfErrors, warning } from '../../base/error.ts';
import { virtualMachineKey } from '../../model/kinds/virtual-machine.ts';
import { isKind, objectKey, type VirtualMachine } from '../../model/kinds.ts';
import { hostsOfVm, standbyHost } from '../../model/migration.ts';
import type { RunningJob } from '../jobs/book.ts';
import type { JobContext } from '../jobs/run.ts';
import type { Migrating } from './parts.ts';

export interface FailoverRequest {
  readonly host: string;
  /** Where to; left out: to the connected hosts that take the VM, the ones with the fewest VMs first. */
  readonly to?: string;
  /** Keys of the VMs; left out: all of the host. */
  readonly vms?: readonly string[];
  /** Although the agent of the host is connected. */
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

export interface FailoverOptions {
  readonly author: string;
  readonly onJob?: (job: RunningJob) => void;
}

/** Where a VM has been placed. One whose migration had brought it to a living host already stays there. */
export interface Placed {
  readonly vm: string;
  readonly to: string;
}

/** A VM that no host takes, with the reasons of each. */
export interface Left {
  readonly vm: string;
  readonly findings: readonly Finding[];
}

export interface FailoverSummary {
  readonly host: string;
  readonly dryRun: boolean;
  readonly revision?: number;
  readonly job?: number;
  readonly placed: readonly Placed[];
  readonly left: readonly Left[];
  /** What is to be known: that the host must not run any more. */
  readonly findings: readonly Finding[];
}

/** Places the VMs of a host elsewhere, all that can be in one change. Throws `not-found`, `host-alive`. */
export async function failover(
  controller: Migrating,
  request: FailoverRequest,
  { author, onJob }: FailoverOptions,
): Promise<FailoverSummary> {
  const vms = affected(controller, request);
  check(controller, request);
  if (request.dryRun || vms.length === 0) return place(controller, request, vms, author);
  const result = Promise.withResolvers<FailoverSummary>();
  const running = controller.jobs.run(
    {
      kind: 'failover',
      title: `Place the VMs of ${request.host} elsewhere`,
      initiator: author,
      objects: [`Host/${request.host}`, ...vms.map((vm) => objectKey(vm))],
      steps: ['place'],
    },
    async (job) => {
      try {
        const summary = await job.step('place', () => place(controller, request, vms, author, job));
        result.resolve({ ...summary, job: job.id });
        const { placed, left } = summary;
        return {
          summary: `${placed.length} placed elsewhere, ${left.length} left.`,
          findings: [...summary.findings, ...left.flatMap(({ findings }) => findings)],
        };
      } catch (thrown) {
        result.reject(thrown);
        throw thrown;
      }
    },
  );
  onJob?.(running);
  return result.promise;
}

async function place(
  controller: Migrating,
  request: FailoverRequest,
  vms: readonly VirtualMachine[],
  author: string,
  job?: JobContext,
): Promise<FailoverSummary> {
  const { host, dryRun = false } = request;
  const load = loads(controller, request);
  const placed: Placed[] = [];
  const left: Left[] = [];
  const objects: VirtualMachine[] = [];
  for (const vm of vms) {
    const key = virtualMachineKey(vm);
    const found = await firstThatTakes(controller, vm, candidates(vm, host, load), author);
    if (Array.isArray(found)) left.push({ vm: key, findings: found });
    else {
      placed.push({ vm: key, to: found.host ?? '' });
      objects.push(found);
      load.set(found.host ?? '', (load.get(found.host ?? '') ?? 0) + 1);
      job?.progress(placed.length + left.length, vms.length, 'VMs');
    }
  }
  const summary = { host, dryRun, placed, left, findings: vms.length > 0 ? [fence(host)] : [] };
  if (dryRun || objects.length === 0) return summary;
  const { revision } = await controller.apply(
    objects.map((object) => ({ object })),
    { author, message: `failover of host ${host}`, migrates: true, ...(job ? { job } : {}) },
  );
  return { ...summary, ...(revision === undefined ? {} : { revision }) };
}

/** The VM as it is to be on the first host that takes it, or what each has against it. */
async function firstThatTakes(
  controller: Migrating,
  { migration: _over, ...vm }: VirtualMachine,
  hosts: readonly string[],
  author: string,
): Promise<VirtualMachine | Finding[]> {
  const reasons = new Map<string, Finding>();
  for (const host of hosts) {
    const object: VirtualMachine = { ...vm, host };
    try {
      await controller.apply([{ object }], { author, message: '', dryRun: true, migrates: true });
      return object;
    } catch (thrown) {
      for (const found of NetloomError.from(thrown).findings) reasons.set(found.message, found);
    }
  }
  if (reasons.size > 0) return [...reasons.values()];
  const remedy = 'Bring a host back, or name one with --to.';
  return [finding('migration-refused', objectKey({ ...vm }), 'No other host is connected.', remedy)];
}

/** Hosts to try, the best first. */
function candidates(vm: VirtualMachine, dead: string, load: ReadonlyMap<string, number>): string[] {
  // Where a migration has prepared everything, or has brought the VM already, is the best place of all.
  const other = vm.host === dead ? standbyHost(vm) : vm.host;
  const byLoad = [...load].sort(([a, n], [b, m]) => n - m || (a < b ? -1 : 1)).map(([host]) => host);
  return other === undefined ? byLoad : [other, ...byLoad.filter((host) => host !== other)];
}

/** Hosts that VMs can go to, each with the number of its VMs. */
function loads({ network, feed }: Migrating, { host, to }: FailoverRequest): Map<string, number> {
  const connected = new Set(feed.status().flatMap((s) => (s.connected ? [s.host] : [])));
  const names = network.list('Host').map(({ object }) => (isKind(object, 'Host') ? object.name : ''));
  const usable = to === undefined ? names.filter((name) => name !== host && connected.has(name)) : [to];
  return new Map(usable.map((name) => [name, network.members('virtualMachines', name).length]));
}

/** The VMs that the host has, or would have at the end of a migration. */
function affected({ network }: Migrating, { host, vms }: FailoverRequest): VirtualMachine[] {
  const all = network
    .list('VirtualMachine')
    .flatMap(({ object }) =>
      isKind(object, 'VirtualMachine') && hostsOfVm(object).includes(host) ? [object] : [],
    );
  if (!vms) return all;
  const strangers = vms.filter((key) => !all.some((vm) => virtualMachineKey(vm) === key));
  throwIfErrors(
    strangers.map((key) =>
      finding(
        'not-found',
        `VirtualMachine/${key}`,
        `There is no VM "${key}" on host "${host}".`,
        'See "netloom get vm".',
      ),
    ),
  );
  return all.filter((vm) => vms.includes(virtualMachineKey(vm)));
}

function check({ network, feed }: Migrating, { host, to, force }: FailoverRequest): void {
  const findings: Finding[] = [];
  for (const name of [host, to]) {
    if (name === undefined || network.get(`Host/${name}`)) continue;
    findings.push(
      finding('not-found', `Host/${name}`, `There is no host "${name}".`, 'See "netloom get host".'),
    );
  }
  if (to === host) {
    findings.push(
      finding('migration-refused', `Host/${host}`, 'The VMs are on that host already.', 'Name another host.'),
    );
  }
  if (!force && feed.statusOf(host).connected) {
    findings.push(
      finding(
        'host-alive',
        `Host/${host}`,
        `The agent of host "${host}" is connected, so its VMs are probably running.`,
        `Move them with "netloom vm migrate", or make sure that the host is off and repeat with --force.`,
      ),
    );
  }
  throwIfErrors(findings);
}

function fence(host: string): Finding {
  return warning(
    'host-not-fenced',
    `Host/${host}`,
    `Nobody here knows whether host "${host}" is off. A VM that runs twice answers twice for its addresses, and both may write to its disk.`,
    'Make sure that the host is off, or cut off from network and storage, before its VMs are started elsewhere.',
  );
}
