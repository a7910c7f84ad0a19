/** What migrations refuse, in words. */
import { type Finding, finding, NetloomError } from '../../base/error.ts';
import { virtualMachineKey } from '../../model/kinds/virtual-machine.ts';
import type { VirtualMachine } from '../../model/kinds.ts';
import type { MigrationStatus } from './parts.ts';

export function ofHost(host: string, findings: readonly Finding[]): Finding[] {
  return findings.map((f) => ({ ...f, message: `Host ${host}: ${f.message}` }));
}

export function notMoving(vm: string): NetloomError {
  return new NetloomError([
    finding(
      'migration-step',
      `VirtualMachine/${vm}`,
      `"${vm}" is not being moved.`,
      `Begin with "netloom vm migrate ${vm} --to HOST".`,
    ),
  ]);
}

export function elsewhere(vm: string, { source, destination }: MigrationStatus): NetloomError {
  return new NetloomError([
    finding(
      'migration-under-way',
      `VirtualMachine/${vm}`,
      `"${vm}" is being moved from "${source}" to "${destination}".`,
      `Take that on without --to, or abort it: "netloom vm migrate ${vm} --abort".`,
    ),
  ]);
}

export function busy(vm: string): NetloomError {
  return new NetloomError([
    finding(
      'migration-under-way',
      `VirtualMachine/${vm}`,
      `A step of the migration of "${vm}" is being carried out.`,
      'See "netloom vm migrations", and ask again when it is done.',
    ),
  ]);
}

/** `reason`: why, where it was said. */
export function aborted(vm: string, reason?: string): NetloomError {
  return new NetloomError([
    finding(
      'migration-step',
      `VirtualMachine/${vm}`,
      `The migration of "${vm}" was aborted${reason === undefined ? '.' : `: ${reason}`}`,
      'Begin again when what spoke against it is over.',
    ),
  ]);
}

/** `when`: `within 30 seconds`. */
export function unconfirmed(vm: string, hosts: readonly string[], when: string): Finding {
  return finding(
    'host-unconfirmed',
    `VirtualMachine/${vm}`,
    `Not confirmed ${when}: ${hosts.join(', ')}.`,
    `Nothing is lost by waiting. Go on with "netloom vm migrate ${vm}", or end it with --abort.`,
  );
}

export function notPrepared(vm: string, hosts: readonly string[]): NetloomError {
  return new NetloomError([
    finding(
      'host-unconfirmed',
      `VirtualMachine/${vm}`,
      `These hosts are away and do not know yet that "${vm}" may be elsewhere: ${hosts.join(', ')}.`,
      `Repeat "netloom vm migrate ${vm}" when they are back; with --force if they are dead and none of them is the destination.`,
    ),
  ]);
}

export function mayStillSend(vm: string, { waitingFor, source }: MigrationStatus): NetloomError {
  return new NetloomError([
    finding(
      'host-unconfirmed',
      `VirtualMachine/${vm}`,
      `These hosts may still send to "${source}", which passes on as long as it is not told to forget: ${waitingFor.join(', ')}.`,
      `Repeat "netloom vm migrate ${vm}" when they are back; with --force if they are dead.`,
    ),
  ]);
}

/** What speaks against a migration besides what validation finds. */
export function objections(
  vm: VirtualMachine,
  destination: string,
  { isKnown, isConnected }: { readonly isKnown: boolean; isConnected(host: string): boolean },
): Finding[] {
  const key = virtualMachineKey(vm);
  const path = `VirtualMachine/${key}`;
  const refuse = (message: string, remedy: string) => finding('migration-refused', path, message, remedy);
  const { host } = vm;
  if (vm.migration) {
    const { source, destination: other } = vm.migration;
    const message = `"${key}" is being moved from "${source}" to "${other}" already.`;
    const remedy = `Let it end, or abort it: "netloom vm migrate ${key} --abort".`;
    return [finding('migration-under-way', path, message, remedy)];
  }
  if (host === undefined)
    return [refuse(`"${key}" is on no host yet.`, 'Set "host"; a VM that does not run needs no migration.')];
  if (host === destination)
    return [refuse(`"${key}" is on host "${host}" already.`, 'Name another host with --to.')];
  const reasons: Finding[] = [];
  if (isKnown && !isConnected(destination)) {
    const message = `Host "${destination}" is not connected, so it cannot prepare itself.`;
    reasons.push(refuse(message, 'Start its agent, or choose another host.'));
  }
  if (!isConnected(host)) {
    const message = `Host "${host}" is not connected, so nothing can leave it in order.`;
    reasons.push(refuse(message, `If the host is dead: "netloom host failover ${host}".`));
  }
  return reasons;
}
