/**
 * The move itself: who moves a VM is its hypervisor, and the controller waits until it has. What says that the VM is there is
 * the link of its vNICs (docs/decisions/0016), which the destination's agent reports.
 */
import { VNIC, vmVnicOwner } from '../../allocate/scopes.ts';
import { finding, NetloomError } from '../../base/error.ts';
import { isKind } from '../../model/kinds.ts';
import { hostScope } from '../../policy/records.ts';
import type { PolicyFeed } from '../../stream/feed.ts';
import type { VnicFact } from '../../stream/report.ts';
import type { Migrating } from './parts.ts';

/** Read anew each time: VMs may be edited while they move, and the network may be loaded anew. */
type Around = Pick<Migrating, 'feed' | 'network'>;

/** The VM and where it moves; undefined for one that does not. */
function moving({ network }: Around, key: string) {
  const vm = network.get(`VirtualMachine/${key}`)?.object;
  return vm && isKind(vm, 'VirtualMachine') && vm.migration ? { vm, ...vm.migration } : undefined;
}

/** What a host said last of what is plugged in; undefined for an engine that does not say, as the softswitch. */
function vnicsOn({ feed }: Around, host: string): readonly VnicFact[] | undefined {
  return feed.statusOf(host).report?.vnics;
}

/** vNIC id -> its name, of those of the VM that have a port on the host. */
function portsOn(around: Around, key: string, host: string): Map<string, string> {
  const { network } = around;
  const vnics = moving(around, key)?.vm.vnics ?? [];
  return new Map(
    vnics.flatMap(({ name }) => {
      const id = network.allocation(VNIC, vmVnicOwner(key, name));
      return id !== undefined && network.record(hostScope(host), `port/${id}`) ? [[id, name] as const] : [];
    }),
  );
}

/**
 * The ids of its vNICs that the hypervisor has to move: those whose links are up on the source. None where a host does not say what is
 * plugged in, and for a VM that does not run there, which is nobody's to move.
 */
export function toMove(around: Around, key: string): ReadonlySet<string> {
  const { source, destination } = moving(around, key) ?? {};
  if (source === undefined || destination === undefined || !vnicsOn(around, destination)) return new Set();
  const ports = portsOn(around, key, source);
  const up = vnicsOn(around, source)?.filter(({ id, link }) => link && ports.has(id)) ?? [];
  return new Set(up.map(({ id }) => id));
}

/**
 * Waits until the links of these vNICs are up on the destination, at most `patience` milliseconds; not for one that the VM has no more.
 * Throws `vm-not-arrived` with those that are missing.
 */
export async function arrived(
  around: Around,
  key: string,
  ids: ReadonlySet<string>,
  { patience, signal }: { readonly patience: number; readonly signal: AbortSignal },
): Promise<void> {
  const { source = '', destination = '' } = moving(around, key) ?? {};
  const missing = () => {
    const up = new Set(vnicsOn(around, destination)?.flatMap(({ id, link }) => (link ? [id] : [])));
    const ports = portsOn(around, key, destination);
    return [...ports].flatMap(([id, name]) => (ids.has(id) && !up.has(id) ? [name] : []));
  };
  const limit = AbortSignal.timeout(patience);
  const stop = AbortSignal.any([signal, limit]);
  while (missing().length > 0 && !stop.aborted) await nextWord(around.feed, destination, stop);
  signal.throwIfAborted();
  const left = missing();
  if (left.length > 0) throw notArrived(key, { source, destination }, left, patience);
}

/** Until the host says something, or `stop`. */
function nextWord(feed: PolicyFeed, host: string, stop: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = feed.onStatus((told) => {
    if (told === host) resolve();
  });
  const give = () => resolve();
  stop.addEventListener('abort', give, { once: true });
  return promise.finally(() => {
    cancel();
    stop.removeEventListener('abort', give);
  });
}

function notArrived(
  key: string,
  { source, destination }: { readonly source: string; readonly destination: string },
  missing: readonly string[],
  patience: number,
): NetloomError {
  return new NetloomError([
    finding(
      'vm-not-arrived',
      `VirtualMachine/${key}`,
      `Within ${patience / 1000} seconds the hypervisor has not moved "${key}" from ${source} to ${destination}: no link of ${missing.join(', ')} there.`,
      `Let it move the VM, and go on with "netloom vm migrate ${key}"; or end it with --abort.`,
    ),
  ]);
}
