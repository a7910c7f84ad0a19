/** Machines of two kinds in one lab: those of these keys by one driver, the others by another. */
import type { LabMachine, VmDriver } from './vm-driver.ts';

export function mixedDriver(keys: readonly string[], these: VmDriver, others: VmDriver): VmDriver {
  const of = ({ key }: LabMachine) => (keys.includes(key) ? these : others);
  return {
    create: (machine, host) => of(machine).create(machine, host),
    destroy: (machine, host) => of(machine).destroy(machine, host),
    move: (machine, from, to) => of(machine).move(machine, from, to),
    ready: (machine) => of(machine).ready(machine),
    whyEnded: (machine) => of(machine).whyEnded(machine),
    inside: (machine, command) => of(machine).inside(machine, command),
  };
}
