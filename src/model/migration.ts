/**
 * Where a VM is while it moves. `host` is where the others send its frames; `migration` names the two hosts between
 * which it moves, and one of them is `host`:
 *
 *     host          migration                the VM
 *     host1         -                        is on host1
 *     host1         host1 -> host2           is prepared: host2 has everything that it needs
 *     host2         host1 -> host2           is switched over: everybody sends to host2
 *     host2         -                        is on host2
 *
 * The two states in the middle are the same with the hosts exchanged, so going back is going forward the other way.
 */
import type { VirtualMachine } from './kinds/virtual-machine.ts';

/** How far a migration is. */
export type MigrationPhase = 'prepared' | 'switched-over';

/** Undefined for a VM that does not move. */
export function migrationPhase({ host, migration }: VirtualMachine): MigrationPhase | undefined {
  if (!migration) return undefined;
  return host === migration.destination ? 'switched-over' : 'prepared';
}

/** The other host that has the ports of the VM, while it moves. */
export function standbyHost({ host, migration }: VirtualMachine): string | undefined {
  if (!migration) return undefined;
  return host === migration.destination ? migration.source : migration.destination;
}

/** The hosts that have ports of the VM: none before it is placed, two while it moves; the one that it is on first. */
export function hostsOfVm(vm: VirtualMachine): string[] {
  return [vm.host, standbyHost(vm)].filter((host) => host !== undefined);
}
