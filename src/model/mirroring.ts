/** Which vNIC gets the copies of a mirror. */
import { get, objects, type Reader } from './facts.ts';
import { type Mirror, type VmVnic, virtualMachineKey } from './kinds/virtual-machine.ts';
import type { VirtualMachine } from './kinds.ts';

export interface MirrorTarget {
  readonly machine: VirtualMachine;
  readonly vnic: VmVnic;
}

/** Undefined where the mirror names no machine, or one that is not there or has no such vNIC. */
export function mirrorTarget(read: Reader, { machine: key, vnic: name }: Mirror): MirrorTarget | undefined {
  const machine = key === undefined ? undefined : get(read, 'VirtualMachine', key);
  const vnic = machine?.vnics.find((v, i) => (name === undefined ? i === 0 : v.name === name));
  return machine && vnic && { machine, vnic };
}

/** Names of the machine's vNICs that get copies. */
export function monitorsOf(read: Reader, machine: VirtualMachine): ReadonlySet<string> {
  const key = virtualMachineKey(machine);
  const names = new Set<string>();
  for (const source of objects(read, 'VirtualMachine', 'mirrorsOnto', key)) {
    for (const { mirror } of source.vnics) {
      if (mirror?.machine !== key) continue;
      const target = mirrorTarget(read, mirror);
      if (target) names.add(target.vnic.name);
    }
  }
  return names;
}
