/** What the commands of a lab have in common. */
import { type Command, Option } from 'commander';
import type { ControllerAccess } from '../lab/real/controller-access.ts';
import type { DriverKind, LabFile } from '../lab/real/place.ts';
import type { LabPlan } from '../lab/real/plan.ts';
import type { VmDriver } from '../lab/real/vm-driver.ts';

/** Whoever has one lab needs no name for it. */
export const DEFAULT_LAB = 'lab';

export interface LabOptions {
  readonly name: string;
}

export function withLab(made: Command): Command {
  return made.addOption(
    new Option('--name <lab>', 'which lab: up to 12 small letters and digits')
      .default(DEFAULT_LAB)
      .env('NETLOOM_LAB'),
  );
}

/** ` --name demo`, where it has to be said. */
export function nameHint(lab: string): string {
  return lab === DEFAULT_LAB ? '' : ` --name ${lab}`;
}

interface LabHardware extends LabFile {
  readonly driverOfVms: VmDriver;
}

export interface OpenLab extends LabHardware {
  readonly controller: ControllerAccess;
}

/**
 * Hosts, wires and VMs of a lab that is up, for what asks nothing of its controller. Throws `lab-state` where there is none of
 * that name, `lab-requirements` where one is not root.
 */
export async function openLabHardware({ name }: LabOptions): Promise<LabHardware> {
  const { readLab } = await import('../lab/real/place.ts');
  const { checkRequirements } = await import('../lab/real/requirements.ts');
  checkRequirements('namespace');
  const file = readLab(name);
  return { ...file, driverOfVms: await driverOf(file.driver, file.plan) };
}

/** The same with its controller. */
export async function openRealLab(options: LabOptions): Promise<OpenLab> {
  const { labAccess } = await import('./lab-access.ts');
  const hardware = await openLabHardware(options);
  return { ...hardware, controller: labAccess(hardware.plan) };
}

/** What plays the hypervisor. */
export async function driverOf(kind: DriverKind, { name, directory }: LabPlan): Promise<VmDriver> {
  const place = { lab: name, directory };
  const { namespaceDriver } = await import('../lab/real/namespace-driver.ts');
  if (kind === 'namespace') return namespaceDriver(place);
  const { qemuDriver } = await import('../lab/real/qemu/qemu-driver.ts');
  if (kind === 'qemu') return qemuDriver(place);
  const { mixedDriver } = await import('../lab/real/mixed-driver.ts');
  return mixedDriver(kind.qemu, qemuDriver(place), namespaceDriver(place));
}
