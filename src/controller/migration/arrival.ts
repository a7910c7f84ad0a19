/**
 * The move itself: who moves a VM is its hypervisor, and the controller waits until it has. What says that the VM is there is
 * the link of its vNICs (docs/decisions/0016), which the destination's agent reports.
 */
import { VNIC, vmVnicOwner } from '../../allocate/scopes.ts';
import { finding, NetloomError } from '../../base/error.ts';
import { type VirtualMachine, virtualMachineKey } from '../../model/kinds/virtual-machine.ts';
import { hostScope } from '../../policy/records.ts';
import type { PolicyFeed } from '../../stream/feed.ts';
import type { VnicFact } from '../../stream/report.ts';
import type { NetworkView } from '../network.ts';

/** What a host said last of what is plugged in; undefined for an engine that does not say, as the softswitch. */
function vnicsOn(feed: PolicyFeed, host: string | undefined): readonly VnicFact[] | undefined {
  return feed.status().find((status) => status.host === host)?.report?.vnics;
}

/** vNIC id -> its name, of those that have a port on the host. */
function portsOn(network: NetworkView, vm: VirtualMachine, host: string): Map<string, string> {
  const owner = virtualMachineKey(vm);
  return new Map(
    vm.vnics.flatMap(({ name }) => {
      const id = network.allocation(VNIC, vmVnicOwner(owner, name));
      return id !== undefined && network.record(hostScope(host), `port/${id}`) ? [[id, name] as const] : [];
    }),
  );
}

/**
 * Whether there is something to wait for: both hosts say what is plugged in, and the VM runs on the source. A VM that runs
 * nowhere is nobody's to move.
 */
export function isToMove(feed: PolicyFeed, network: NetworkView, vm: VirtualMachine): boolean {
  const { source, destination } = vm.migration ?? {};
  if (source === undefined || vnicsOn(feed, destination) === undefined) return false;
  const ids = portsOn(network, vm, source);
  return vnicsOn(feed, source)?.some(({ id, link }) => link && ids.has(id)) ?? false;
}

/**
 * Waits until the links of all its vNICs are up on the destination, at most `patience` milliseconds. Throws `vm-not-arrived`
 * with those that are missing.
 */
export async function arrived(
  feed: PolicyFeed,
  network: NetworkView,
  vm: VirtualMachine,
  { patience, signal }: { readonly patience: number; readonly signal: AbortSignal },
): Promise<void> {
  const destination = vm.migration?.destination ?? '';
  const ids = portsOn(network, vm, destination);
  const missing = () => {
    const up = new Set(vnicsOn(feed, destination)?.flatMap(({ id, link }) => (link ? [id] : [])));
    return [...ids].flatMap(([id, name]) => (up.has(id) ? [] : [name]));
  };
  const limit = AbortSignal.timeout(patience);
  const stop = AbortSignal.any([signal, limit]);
  while (missing().length > 0 && !stop.aborted) await nextWord(feed, destination, stop);
  signal.throwIfAborted();
  const left = missing();
  if (left.length > 0) throw notArrived(vm, left, patience);
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

function notArrived(vm: VirtualMachine, missing: readonly string[], patience: number): NetloomError {
  const key = virtualMachineKey(vm);
  const { source, destination } = vm.migration ?? {};
  return new NetloomError([
    finding(
      'vm-not-arrived',
      `VirtualMachine/${key}`,
      `Within ${patience / 1000} seconds the hypervisor has not moved "${key}" from ${source} to ${destination}: no link of ${missing.join(', ')} there.`,
      `Let it move the VM, and go on with "netloom vm migrate ${key}"; or end it with --abort.`,
    ),
  ]);
}
