/** The hosts that a migration concerns, and whether they have its last step in force. */
import { RDID } from '../../allocate/scopes.ts';
import { NetloomError, throwIfErrors } from '../../base/error.ts';
import { type VirtualMachine, virtualMachineKey } from '../../model/kinds/virtual-machine.ts';
import { domainScope } from '../../policy/records.ts';
import type { HostStatus, PolicyFeed } from '../../stream/feed.ts';
import type { NetworkView } from '../network.ts';
import { ofHost, unconfirmed } from './words.ts';

/** The hosts of the VM, and those of its routing domains, sorted. */
export function concerned(network: NetworkView, vm: VirtualMachine): string[] {
  const { source, destination } = vm.migration ?? {};
  const ends = [vm.host, source, destination].filter((host) => host !== undefined);
  const rdids = vm.vnics.map(({ vmNetwork }) => network.allocation(RDID, `VmNetwork/${vmNetwork}`));
  const domains = rdids.flatMap((rdid) => (rdid === undefined ? [] : network.subscribers(domainScope(rdid))));
  return [...new Set([...ends, ...domains])].sort();
}

export function isConnected(feed: PolicyFeed, host: string): boolean {
  return feed.statusOf(host).connected;
}

/** Those of the hosts that have not said that the revision is in force. */
export function behind(feed: PolicyFeed, revision: number, hosts: readonly string[]): string[] {
  return hosts.filter((host) => {
    const { touched, outcome } = feed.statusOf(host);
    return (outcome?.revision ?? 0) < Math.min(revision, touched) || outcome?.ok === false;
  });
}

/**
 * Waits until those of the hosts that are connected have the revision in force, at most `patience` milliseconds; names
 * the others. Throws what a host has against it, and `host-unconfirmed` for those that keep silent.
 */
export async function confirmed(
  feed: PolicyFeed,
  hosts: readonly string[],
  step: {
    readonly vm: VirtualMachine;
    readonly revision: number;
    readonly patience: number;
    readonly signal: AbortSignal;
  },
): Promise<string[]> {
  const { vm, revision, patience, signal } = step;
  const awaited = hosts.filter((host) => isConnected(feed, host));
  const limit = AbortSignal.timeout(patience);
  let statuses: readonly HostStatus[];
  try {
    statuses = await feed.whenApplied(revision, awaited, AbortSignal.any([signal, limit]));
  } catch (thrown) {
    signal.throwIfAborted();
    if (!limit.aborted) throw thrown;
    throw new NetloomError([
      unconfirmed(
        virtualMachineKey(vm),
        behind(feed, revision, awaited),
        `within ${patience / 1000} seconds`,
      ),
    ]);
  }
  throwIfErrors(
    statuses.flatMap(({ host, outcome }) => (outcome?.ok === false ? ofHost(host, outcome.findings) : [])),
  );
  return behind(feed, revision, hosts);
}
