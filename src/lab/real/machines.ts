/** Which machines a lab is to have, and where: from the operator's objects and what the controller tells the hosts. */

import { virtualMachineKey } from '../../model/kinds/virtual-machine.ts';
import { objectKey, type VirtualMachine } from '../../model/kinds.ts';
import type { PortRecord } from '../../policy/records.ts';
import { tapName } from './names.ts';
import type { LabMachine, MachineNic } from './vm-driver.ts';

/** Ports of VMs that a host has. */
export interface HostPorts {
  readonly host: string;
  readonly ports: readonly PortRecord[];
}

/**
 * Every VM that has a host. While one is moved, two hosts have its ports: it is to run on the source until the hosts are
 * prepared (`prepared`: keys of the VMs that can be moved now), and on the destination from then on. A NIC without a port
 * record is plugged in nowhere.
 */
export function machinesOf(
  machines: readonly VirtualMachine[],
  hosts: readonly HostPorts[],
  prepared: ReadonlySet<string> = new Set(),
): LabMachine[] {
  const ports = new Map(
    hosts.flatMap(({ host, ports: here }) =>
      here.flatMap((port) =>
        port.owner === 'vm' ? [[`${host} ${port.origin} ${nicOf(port)}`, port] as const] : [],
      ),
    ),
  );
  return machines.flatMap((machine): LabMachine[] => {
    const key = virtualMachineKey(machine);
    const host = prepared.has(key) ? machine.migration?.destination : machine.host;
    if (host === undefined) return [];
    const nics = machine.vnics.flatMap((vnic): MachineNic[] => {
      const port = ports.get(`${host} ${objectKey(machine)} ${vnic.name}`);
      return port ? [{ name: vnic.name, tap: tapName(key, vnic.name), adapter: vnic.adapter, port }] : [];
    });
    return [{ key, host, nics }];
  });
}

/** `eth0` of `blue1/eth0`; no name has a slash. */
function nicOf({ name }: PortRecord): string {
  return name.slice(name.lastIndexOf('/') + 1);
}
