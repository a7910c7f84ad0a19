/** Two hosts with a switch of one type each, and two machines on each: what internal and private switches are told by. */

export type SwitchType = 'external' | 'internal' | 'private';

const host = (n: number, type: SwitchType) => `
---
kind: Host
name: host${n}
group: House
nics: [{ name: nic1, physicalNetwork: wire, mac: aa:55:aa:55:00:0${n} }, { name: nic2, physicalNetwork: wire, mac: aa:55:aa:55:01:0${n} }]
---
kind: HostSwitch
host: host${n}
logicalSwitch: Main
type: ${type}
uplinkProfile: up
${type === 'external' ? 'nics: [nic1]' : ''}
${type === 'private' ? '' : `hostVnics: [{ name: own, vmNetwork: Net, address: 10.0.0.${n} }]`}
---
{ kind: VirtualMachine, name: a${n}, host: host${n}, vnics: [{ vmNetwork: Net, addresses: [10.0.0.${n}1] }] }
---
{ kind: VirtualMachine, name: b${n}, host: host${n}, vnics: [{ vmNetwork: Net, addresses: [10.0.0.${n}2] }] }`;

/** YAML. Machines a1 and b1 on host1 (10.0.0.11, .12), a2 and b2 on host2; hosts are 10.0.0.1 and .2, where they have a vNIC. */
export function networkWithSwitches(type: SwitchType): string {
  return `
{ kind: HostGroup, name: House }
---
{ kind: PhysicalNetwork, name: wire }
---
{ kind: LogicalNetwork, name: Net, sameNameVmNetwork: true }
---
{ kind: NetworkSite, name: House, logicalNetwork: Net, hostGroups: [House], subnets: [{ prefix: 10.0.0.0/24 }] }
---
{ kind: UplinkPortProfile, name: up, sites: [{ logicalNetwork: Net, site: House }] }
---
{ kind: LogicalSwitch, name: Main, uplinkMode: no-team, uplinkProfiles: [up] }${host(1, type)}${host(2, type)}`;
}
