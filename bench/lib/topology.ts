/**
 * A network of any size: VMs with one vNIC each, dealt out over the hosts, on VM networks with one subnet of 250 vNICs.
 * Everything is left to the controller to hand out, as in a file that somebody wrote: addresses, MACs, VSIDs.
 */
import { parseDocuments } from '../../src/model/input.ts';
import type { ModelObject } from '../../src/model/kinds.ts';

export const HOSTS = 10;
export const PER_SUBNET = 250;

/** Hosts, fabric, switches, and the VM networks that this many vNICs need. */
export function fabricText(vnics: number, hosts = HOSTS): string {
  const networks = Math.ceil(vnics / PER_SUBNET);
  return [FABRIC, ...range(hosts).map(hostText), ...range(networks).map((n) => networkText(n))].join('---\n');
}

/** The VMs, as a person would write them. */
export function machinesText(vnics: number, hosts = HOSTS): string {
  return range(vnics)
    .map((i) => machineText(i, hostName(i % hosts)))
    .join('---\n');
}

export function machineText(i: number, host: string): string {
  return `kind: VirtualMachine
name: ${machineName(i)}
host: ${host}
vnics:
  - { vmNetwork: ${networkName(Math.floor(i / PER_SUBNET))} }
`;
}

/** The same as it is sent to the API. */
export function machineObject(i: number, host: string): object {
  return {
    kind: 'VirtualMachine',
    name: machineName(i),
    host,
    vnics: [{ vmNetwork: networkName(Math.floor(i / PER_SUBNET)) }],
  };
}

export function hostName(i: number): string {
  return `host${i}`;
}

export function machineName(i: number): string {
  return `vm${i}`;
}

/** The whole network. */
export function networkObjects(vnics: number, hosts = HOSTS): ModelObject[] {
  return [...objectsOf(fabricText(vnics, hosts)), ...objectsOf(machinesText(vnics, hosts))];
}

/** Objects of a text that is known to be right. */
export function objectsOf(text: string): ModelObject[] {
  const { objects, findings } = parseDocuments(text, 'topology');
  if (findings.length > 0) throw new Error(`the topology is wrong: ${JSON.stringify(findings[0])}`);
  return objects.map(({ object }) => object);
}

function networkName(n: number): string {
  return `net${n}`;
}

function hostText(i: number): string {
  return `kind: Host
name: ${hostName(i)}
group: Racks
nics:
  - { name: nic1, physicalNetwork: Fabric, mac: "${macOf(i)}" }
---
kind: HostSwitch
host: ${hostName(i)}
logicalSwitch: Switch
nics: [nic1]
uplinkProfile: Uplink
`;
}

function networkText(n: number): string {
  return `kind: VmNetwork
name: ${networkName(n)}
logicalNetwork: Provider
isolation: virtualized
---
kind: VmSubnet
name: subnet
vmNetwork: ${networkName(n)}
prefix: 10.0.0.0/23
---
kind: IpPool
name: pool
vmNetwork: ${networkName(n)}
subnet: subnet
from: 10.0.0.2
to: 10.0.1.254
`;
}

function macOf(i: number): string {
  const hex = i.toString(16).padStart(4, '0');
  return `aa:55:aa:55:${hex.slice(0, 2)}:${hex.slice(2)}`;
}

function range(count: number): number[] {
  return [...Array(count).keys()];
}

const FABRIC = `kind: HostGroup
name: Racks
---
kind: PhysicalNetwork
name: Fabric
mtu: 1600
---
kind: LogicalNetwork
name: Provider
networkVirtualization: true
encapsulation: nvgre
---
kind: NetworkSite
name: Site
logicalNetwork: Provider
hostGroups: [Racks]
subnets:
  - prefix: 192.168.0.0/16
---
kind: IpPool
name: Provider addresses
logicalNetwork: Provider
site: Site
prefix: 192.168.0.0/16
from: 192.168.1.0
to: 192.168.200.0
---
kind: UplinkPortProfile
name: Uplink
networkVirtualization: true
sites:
  - { logicalNetwork: Provider, site: Site }
---
kind: LogicalSwitch
name: Switch
uplinkMode: no-team
uplinkProfiles: [Uplink]
`;
