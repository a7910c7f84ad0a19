/** Migrations and failovers on the terminal. */
import type { FailoverSummary } from '../controller/migration/failover.ts';
import type { MigrationStatus } from '../controller/migration/parts.ts';
import { count, table } from './table.ts';
import type { Colours } from './terminal.ts';

/** Where the VM has come to. */
export function migratedText(
  vm: string,
  { job, migration }: { readonly job?: number; readonly migration?: MigrationStatus },
  waited: boolean,
): string {
  if (!waited) return `Job ${job} moves ${vm}: see "netloom job get ${job}".\n`;
  if (!migration) return `${vm} has moved.\n`;
  const { source, destination, phase } = migration;
  const now =
    phase === 'prepared'
      ? `${destination} is prepared for ${vm}; everybody still sends to ${source}.`
      : `Everybody sends ${vm}'s frames to ${destination}; ${source} passes on what is late.`;
  return `${now}\nGo on with "netloom vm migrate ${vm}", or end it with --abort.\n`;
}

export function migrationsText(items: readonly MigrationStatus[], colours: Colours): string {
  if (items.length === 0) return 'No VM is being moved.\n';
  const rows = items.map(({ vm, source, destination, phase, next, waitingFor }) => [
    vm,
    source,
    destination,
    phase,
    next,
    waitingFor.join(', '),
  ]);
  return table(['VM', 'FROM', 'TO', 'PHASE', 'NEXT', 'WAITING FOR'], rows, colours);
}

export function failoverText({ host, dryRun, placed, left }: FailoverSummary, colours: Colours): string {
  if (placed.length + left.length === 0) return `Host ${host} has no VMs.\n`;
  const would = dryRun ? ' would be' : '';
  const parts = [
    `${dryRun ? 'Dry run, nothing was changed: ' : ''}${count(placed.length, 'VM')}${would} placed elsewhere`,
  ];
  parts.push(left.length > 0 ? `, ${left.length} left.\n` : '.\n');
  const rows = placed.map(({ vm, to }) => [`  ${vm}`, to]);
  return parts.join('') + table(['  VM', 'NOW ON'], rows, colours);
}
