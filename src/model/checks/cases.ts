import type { Case } from './case.ts';
import { MODE_CASES } from './mode-cases.ts';

/**
 * Examples for the checks of validation, for the tests beside it: a small model without findings, and for every check
 * a change to it that is refused together with one that differs only in what matters and is fine.
 */

/** Two hosts in two rooms of one building, and one logical network of each sort. No findings. */
export const BASE = `
{kind: HostGroup, name: House}
---
{kind: HostGroup, name: North, parent: House}
---
{kind: HostGroup, name: South, parent: House}
---
{kind: PhysicalNetwork, name: wire, joinedWith: [wire2]}
---
{kind: PhysicalNetwork, name: wire2}
---
{kind: PhysicalNetwork, name: far, vlans: [1-19]}
---
kind: Host
name: h1
group: North
managementNic: n1
nics:
  - {name: n1, physicalNetwork: wire, mac: 02:00:00:00:01:01, capabilities: [vlan, sriov]}
  - {name: n2, physicalNetwork: wire2, mac: 02:00:00:00:01:02}
  - {name: n3, physicalNetwork: far, mac: 02:00:00:00:01:03}
  - {name: n4, mac: 02:00:00:00:01:04}
  - {name: n5, physicalNetwork: wire, mac: 02:00:00:00:01:05, capabilities: []}
  - {name: n6, physicalNetwork: wire, mac: 02:00:00:00:01:06}
---
{kind: Host, name: h2, group: South, nics: [{name: n1, physicalNetwork: wire, mac: 02:00:00:00:02:01}, {name: n2, physicalNetwork: wire, mac: 02:00:00:00:02:02}]}
---
{kind: LogicalNetwork, name: Fabric, networkVirtualization: true}
---
{kind: NetworkSite, name: All, logicalNetwork: Fabric, hostGroups: [House], subnets: [{prefix: 192.168.4.0/24, gateway: 192.168.4.1}]}
---
{kind: IpPool, name: PA, logicalNetwork: Fabric, site: All, prefix: 192.168.4.0/24, from: 192.168.4.10, to: 192.168.4.99}
---
{kind: LogicalNetwork, name: Office, sameNameVmNetwork: true}
---
{kind: NetworkSite, name: North, logicalNetwork: Office, hostGroups: [North], subnets: [{prefix: 10.1.0.0/24, gateway: 10.1.0.1}, {prefix: 2001:db8:1::/64}]}
---
{kind: NetworkSite, name: South, logicalNetwork: Office, hostGroups: [South], subnets: [{prefix: 10.1.0.0/24, gateway: 10.1.0.1}]}
---
{kind: LogicalNetwork, name: Labs, type: vlan}
---
{kind: NetworkSite, name: North, logicalNetwork: Labs, hostGroups: [North], subnets: [{vlan: 10, prefix: 10.2.10.0/24}, {vlan: 11, prefix: 10.2.11.0/24}]}
---
{kind: VmNetwork, name: Lab 10, logicalNetwork: Labs, isolation: vlan, vlan: 10}
---
{kind: VmNetwork, name: Blue, logicalNetwork: Fabric, isolation: virtualized, routingDomainId: 3f2504e0-4f89-41d3-9a0c-0305e82c3301}
---
{kind: VmSubnet, name: s1, vmNetwork: Blue, prefix: 10.0.0.0/24, vsid: 5001}
---
{kind: IpPool, name: CA, vmNetwork: Blue, subnet: s1, from: 10.0.0.100, to: 10.0.0.130}
---
{kind: UplinkPortProfile, name: up north, networkVirtualization: true, sites: [{logicalNetwork: Fabric, site: All}, {logicalNetwork: Office, site: North}, {logicalNetwork: Labs, site: North}]}
---
{kind: UplinkPortProfile, name: up south, networkVirtualization: true, sites: [{logicalNetwork: Office, site: South}]}
---
{kind: UplinkPortProfile, name: up fabric, sites: [{logicalNetwork: Fabric, site: All}]}
---
{kind: PortClassification, name: gold}
---
{kind: PortClassification, name: lead}
---
{kind: VirtualPortProfile, name: fast}
---
{kind: LogicalSwitch, name: main, uplinkProfiles: [up north, up south], classifications: [{classification: gold, profile: fast}]}
---
{kind: LogicalSwitch, name: other, uplinkProfiles: [up fabric]}
---
{kind: LogicalSwitch, name: single, uplinkMode: no-team, uplinkProfiles: [up south]}
---
{kind: HostSwitch, host: h1, logicalSwitch: main, nics: [n1, n2], uplinkProfile: up north, hostVnics: [{name: office, vmNetwork: Office, inheritManagementNic: true}]}
---
{kind: HostSwitch, host: h2, logicalSwitch: main, nics: [n1, n2], uplinkProfile: up south}
---
{kind: VirtualMachine, name: vm1, host: h1, vnics: [{vmNetwork: Blue, addresses: [10.0.0.5]}, {vmNetwork: Office, classification: gold}]}
`;

const hostSwitch = (fields: string) =>
  `{kind: HostSwitch, host: h1, logicalSwitch: main, uplinkProfile: up north, ${fields}}`;
const vm = (vnic: string, host = 'h1') =>
  `{kind: VirtualMachine, name: vm9, host: ${host}, vnics: [{${vnic}}]}`;
const host9 = (fields: string) => `{kind: Host, name: h9, group: North, ${fields}}`;
const pool = (fields: string) => `{kind: IpPool, name: p9, vmNetwork: Blue, subnet: s1, ${fields}}`;
const aclOf = (rules: string) => `{kind: PortAcl, name: a, rules: [${rules}]}`;
const nic9 = '{name: x, physicalNetwork: wire, mac: 02:00:00:00:09:01}';
const spare9 = '{name: y, physicalNetwork: wire, mac: 02:00:00:00:09:02}';
const switch9 = (fields: string) =>
  `{kind: LogicalSwitch, name: l9, uplinkMode: no-team, uplinkProfiles: [up north], ${fields}}`;
const hostSwitch9 = (fields: string) =>
  `{kind: HostSwitch, host: h9, logicalSwitch: l9, uplinkProfile: up north, ${fields}}`;
/** Another host of the room North, and a VM that moves. */
const NORTH9 = [
  host9(`nics: [${nic9}, ${spare9}]`),
  switch9('classifications: []'),
  hostSwitch9('nics: [x]'),
].join('\n---\n');
const moving = (source: string, destination: string) =>
  `{kind: VirtualMachine, name: vm9, host: h1, migration: {source: ${source}, destination: ${destination}}, vnics: [{vmNetwork: Office}]}`;

export const CASES: readonly Case[] = [
  // ---- references and names
  {
    what: 'a reference to nothing',
    code: 'reference-missing',
    path: 'HostGroup/Room.parent',
    bad: '{kind: HostGroup, name: Room, parent: Nowhere}',
    good: '{kind: HostGroup, name: Room, parent: House}',
  },
  {
    what: 'a reference within a list',
    code: 'reference-missing',
    path: 'VirtualMachine/vm9.vnics[0].vmNetwork',
    bad: vm('vmNetwork: Bleu, addresses: [10.0.0.6]'),
    good: vm('vmNetwork: Blue, addresses: [10.0.0.6]'),
  },
  {
    what: 'an object that another one implies',
    code: 'name-duplicate',
    path: 'VmNetwork/Office.name',
    bad: '{kind: VmNetwork, name: Office, logicalNetwork: Office, isolation: none}',
    good: '{kind: VmNetwork, name: Office, logicalNetwork: Office, isolation: none}\n---\n{kind: LogicalNetwork, name: Office}',
  },
  // ---- host groups and hosts
  {
    what: 'host groups in a circle',
    code: 'group-cycle',
    path: 'HostGroup/House.parent',
    bad: '{kind: HostGroup, name: House, parent: North}',
    good: '{kind: HostGroup, name: City}\n---\n{kind: HostGroup, name: House, parent: City}',
  },
  {
    what: 'two NICs of one name',
    code: 'value-duplicate',
    path: 'Host/h9.nics[1].name',
    bad: host9(`nics: [${nic9}, {name: x, mac: 02:00:00:00:09:02}]`),
    good: host9(`nics: [${nic9}, {name: y, mac: 02:00:00:00:09:02}]`),
  },
  {
    what: 'a MAC address on two NICs',
    code: 'value-duplicate',
    path: 'Host/h9.nics[0].mac',
    bad: host9('nics: [{name: x, mac: 02:00:00:00:01:01}]'),
    good: host9('nics: [{name: x, mac: 02:00:00:00:09:09}]'),
  },
  {
    what: 'a management NIC that is none of the host',
    code: 'nic-unknown',
    path: 'Host/h9.managementNic',
    bad: host9(`managementNic: z, nics: [${nic9}]`),
    good: host9(`managementNic: x, nics: [${nic9}]`),
  },
  {
    what: 'a provider address outside of the site',
    code: 'address-outside',
    path: 'Host/h9.providerAddresses[0].address',
    bad: host9('providerAddresses: [{logicalNetwork: Fabric, address: 192.168.5.9}]'),
    good: host9('providerAddresses: [{logicalNetwork: Fabric, address: 192.168.4.9}]'),
  },
  {
    what: 'a provider address that is the router’s',
    code: 'address-reserved',
    path: 'Host/h9.providerAddresses[0].address',
    bad: host9('providerAddresses: [{logicalNetwork: Fabric, address: 192.168.4.1}]'),
    good: host9('providerAddresses: [{logicalNetwork: Fabric, address: 192.168.4.2}]'),
  },
  {
    what: 'a provider address that two hosts have',
    code: 'value-duplicate',
    path: 'Host/h9.providerAddresses[0].address',
    bad: `${host9('providerAddresses: [{logicalNetwork: Fabric, address: 192.168.4.7}]')}
---
{kind: Host, name: h8, group: South, providerAddresses: [{logicalNetwork: Fabric, address: 192.168.4.7}]}`,
    good: `${host9('providerAddresses: [{logicalNetwork: Fabric, address: 192.168.4.7}]')}
---
{kind: Host, name: h8, group: South, providerAddresses: [{logicalNetwork: Fabric, address: 192.168.4.8}]}`,
  },
  {
    what: 'two provider addresses on one logical network',
    code: 'value-duplicate',
    path: 'Host/h9.providerAddresses[1].logicalNetwork',
    bad: host9(
      'providerAddresses: [{logicalNetwork: Fabric, address: 192.168.4.7}, {logicalNetwork: Fabric, address: 192.168.4.8}]',
    ),
    good: host9(
      'providerAddresses: [{logicalNetwork: Fabric, address: 192.168.4.7}, {logicalNetwork: Office, address: 10.1.0.8}]',
    ),
  },
  {
    what: 'a provider address on a logical network that has no site for the host',
    code: 'site-mismatch',
    path: 'Host/h9.providerAddresses[0].address',
    bad: '{kind: Host, name: h9, group: South, providerAddresses: [{logicalNetwork: Labs, address: 10.2.10.7}]}',
    good: '{kind: Host, name: h9, group: North, providerAddresses: [{logicalNetwork: Labs, address: 10.2.10.7}]}',
  },
  // ---- logical networks and sites
  {
    what: 'a logical network that nothing can connect to',
    code: 'network-unused',
    path: 'LogicalNetwork/L9',
    bad: '{kind: LogicalNetwork, name: L9}',
    good: '{kind: LogicalNetwork, name: L9, sameNameVmNetwork: true}',
  },
  {
    what: 'a gateway outside of its subnet',
    code: 'address-outside',
    path: 'NetworkSite/Office/S9.subnets[0].gateway',
    bad: '{kind: NetworkSite, name: S9, logicalNetwork: Office, subnets: [{prefix: 10.9.0.0/24, gateway: 10.9.1.1}]}',
    good: '{kind: NetworkSite, name: S9, logicalNetwork: Office, subnets: [{prefix: 10.9.0.0/23, gateway: 10.9.1.1}]}',
  },
  {
    what: 'a gateway without a subnet',
    code: 'field-conflict',
    path: 'NetworkSite/Office/S9.subnets[0].gateway',
    bad: '{kind: NetworkSite, name: S9, logicalNetwork: Office, subnets: [{gateway: 10.9.1.1}]}',
    good: '{kind: NetworkSite, name: S9, logicalNetwork: Office, subnets: [{}]}',
  },
  {
    what: 'a secondary VLAN where there are no private VLANs',
    code: 'field-conflict',
    path: 'NetworkSite/L9/S9.subnets[0].secondaryVlan',
    bad: '{kind: LogicalNetwork, name: L9, type: vlan, sameNameVmNetwork: true}\n---\n{kind: NetworkSite, name: S9, logicalNetwork: L9, subnets: [{vlan: 5, secondaryVlan: 6}]}',
    good: '{kind: LogicalNetwork, name: L9, type: pvlan, sameNameVmNetwork: true}\n---\n{kind: NetworkSite, name: S9, logicalNetwork: L9, subnets: [{vlan: 5, secondaryVlan: 6}]}',
  },
  ...[
    {
      what: 'a secondary VLAN that is a primary one too',
      field: 'secondaryVlan',
      bad: '{vlan: 5, secondaryVlan: 6}, {vlan: 6, secondaryVlan: 7}',
    },
    {
      what: 'a secondary VLAN in two primary ones',
      field: 'secondaryVlan',
      bad: '{vlan: 5, secondaryVlan: 6}, {vlan: 7, secondaryVlan: 6}',
    },
    {
      what: 'a secondary VLAN that is isolated and a community',
      field: 'secondaryType',
      bad: '{vlan: 5, secondaryVlan: 6}, {vlan: 5, secondaryVlan: 6, secondaryType: community}',
    },
    {
      what: 'a type of no secondary VLAN',
      field: 'secondaryType',
      bad: '{vlan: 5, secondaryType: community}',
    },
  ].map(({ what, field, bad }): Case => {
    const site = (subnets: string) =>
      `{kind: LogicalNetwork, name: L9, type: pvlan, sameNameVmNetwork: true}\n---\n{kind: NetworkSite, name: S9, logicalNetwork: L9, subnets: [${subnets}]}`;
    return {
      what,
      code: 'field-conflict',
      path: `NetworkSite/L9/S9.subnets[0].${field}`,
      bad: site(bad),
      good: site(
        '{vlan: 5, secondaryVlan: 6, prefix: 10.9.0.0/24}, {vlan: 5, secondaryVlan: 7, secondaryType: community, prefix: 10.9.0.0/24}',
      ),
    };
  }),
  {
    what: 'a secondary VLAN of a network that is no private VLAN',
    code: 'field-conflict',
    path: 'VmNetwork/N9.secondaryVlan',
    bad: '{kind: LogicalNetwork, name: L9, type: vlan}\n---\n{kind: NetworkSite, name: S9, logicalNetwork: L9, subnets: [{vlan: 5}]}\n---\n{kind: VmNetwork, name: N9, logicalNetwork: L9, isolation: vlan, vlan: 5, secondaryVlan: 6}',
    good: '{kind: LogicalNetwork, name: L9, type: pvlan}\n---\n{kind: NetworkSite, name: S9, logicalNetwork: L9, subnets: [{vlan: 5, secondaryVlan: 6}]}\n---\n{kind: VmNetwork, name: N9, logicalNetwork: L9, isolation: pvlan, vlan: 5, secondaryVlan: 6}',
  },
  {
    what: 'a secondary VLAN that no site has within the primary one',
    code: 'subnet-missing',
    path: 'VmNetwork/N9.secondaryVlan',
    bad: '{kind: LogicalNetwork, name: L9, type: pvlan}\n---\n{kind: NetworkSite, name: S9, logicalNetwork: L9, subnets: [{vlan: 5, secondaryVlan: 6}]}\n---\n{kind: VmNetwork, name: N9, logicalNetwork: L9, isolation: pvlan, vlan: 5, secondaryVlan: 7}',
    good: '{kind: LogicalNetwork, name: L9, type: pvlan}\n---\n{kind: NetworkSite, name: S9, logicalNetwork: L9, subnets: [{vlan: 5, secondaryVlan: 6}]}\n---\n{kind: VmNetwork, name: N9, logicalNetwork: L9, isolation: pvlan, vlan: 5, secondaryVlan: 6}',
  },
  {
    what: 'a row without a secondary VLAN where there are private VLANs only',
    code: 'field-missing',
    path: 'NetworkSite/L9/S9.subnets[0]',
    bad: '{kind: LogicalNetwork, name: L9, type: pvlan, sameNameVmNetwork: true}\n---\n{kind: NetworkSite, name: S9, logicalNetwork: L9, subnets: [{vlan: 5}]}',
    good: '{kind: LogicalNetwork, name: L9, type: pvlan, sameNameVmNetwork: true}\n---\n{kind: NetworkSite, name: S9, logicalNetwork: L9, subnets: [{vlan: 5, secondaryVlan: 6}]}',
  },
  {
    what: 'a private VLAN of a row that has no secondary one',
    code: 'subnet-missing',
    path: 'VmNetwork/N9.vlan',
    bad: '{kind: LogicalNetwork, name: L9, type: pvlan}\n---\n{kind: NetworkSite, name: S9, logicalNetwork: L9, subnets: [{vlan: 5}]}\n---\n{kind: VmNetwork, name: N9, logicalNetwork: L9, isolation: pvlan, vlan: 5}',
    good: '{kind: LogicalNetwork, name: L9, type: pvlan}\n---\n{kind: NetworkSite, name: S9, logicalNetwork: L9, subnets: [{vlan: 5, secondaryVlan: 6}]}\n---\n{kind: VmNetwork, name: N9, logicalNetwork: L9, isolation: pvlan, vlan: 5}',
  },
  {
    what: 'subnets of two sites that overlap without being the same',
    code: 'overlap',
    path: 'NetworkSite/Office/S9.subnets[0].prefix',
    bad: '{kind: NetworkSite, name: S9, logicalNetwork: Office, subnets: [{prefix: 10.1.0.0/25}]}',
    good: '{kind: NetworkSite, name: S9, logicalNetwork: Office, subnets: [{prefix: 10.1.0.0/24}]}',
  },
  {
    what: 'one subnet twice in a site',
    code: 'value-duplicate',
    path: 'NetworkSite/Office/S9.subnets[1].prefix',
    bad: '{kind: NetworkSite, name: S9, logicalNetwork: Office, subnets: [{prefix: 10.9.0.0/24}, {prefix: 10.9.0.0/24}]}',
    good: '{kind: NetworkSite, name: S9, logicalNetwork: Office, subnets: [{prefix: 10.9.0.0/24}, {prefix: 10.9.1.0/24}]}',
  },
  {
    what: 'a subnet of addresses that hosts cannot have',
    code: 'value-invalid',
    path: 'NetworkSite/Office/S9.subnets[0].prefix',
    bad: '{kind: NetworkSite, name: S9, logicalNetwork: Office, subnets: [{prefix: 127.1.0.0/24}]}',
    good: '{kind: NetworkSite, name: S9, logicalNetwork: Office, subnets: [{prefix: 126.1.0.0/24}]}',
  },
  // ---- VM networks and their subnets
  {
    what: 'a second VM network without isolation',
    code: 'isolation-not-allowed',
    path: 'VmNetwork/Second.isolation',
    bad: '{kind: VmNetwork, name: Second, logicalNetwork: Office, isolation: none}',
    good: '{kind: VmNetwork, name: Second, logicalNetwork: Fabric, isolation: none}',
  },
  {
    what: 'a virtualized VM network where that is not allowed',
    code: 'isolation-not-allowed',
    path: 'VmNetwork/V9.isolation',
    bad: '{kind: VmNetwork, name: V9, logicalNetwork: Office, isolation: virtualized}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}',
  },
  {
    what: 'isolation by VLAN on a connected network',
    code: 'isolation-not-allowed',
    path: 'VmNetwork/V9.isolation',
    bad: '{kind: VmNetwork, name: V9, logicalNetwork: L9, isolation: vlan, vlan: 11}\n---\n{kind: LogicalNetwork, name: L9}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: L9, isolation: vlan, vlan: 11}\n---\n{kind: LogicalNetwork, name: L9, type: vlan}',
  },
  {
    what: 'isolation by VLAN without the VLAN',
    code: 'field-missing',
    path: 'VmNetwork/V9.vlan',
    bad: '{kind: VmNetwork, name: V9, logicalNetwork: Labs, isolation: vlan}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: Labs, isolation: vlan, vlan: 11}',
  },
  {
    what: 'a VLAN where isolation is not by VLAN',
    code: 'field-conflict',
    path: 'VmNetwork/V9.vlan',
    bad: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized, vlan: 11}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}',
  },
  {
    what: 'a VLAN that no site has',
    code: 'subnet-missing',
    path: 'VmNetwork/V9.vlan',
    bad: '{kind: VmNetwork, name: V9, logicalNetwork: Labs, isolation: vlan, vlan: 12}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: Labs, isolation: vlan, vlan: 11}',
  },
  {
    what: 'two VM networks on one VLAN',
    code: 'value-duplicate',
    path: 'VmNetwork/V9.vlan',
    bad: '{kind: VmNetwork, name: V9, logicalNetwork: Labs, isolation: vlan, vlan: 10}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: Labs, isolation: vlan, vlan: 11}',
  },
  {
    what: 'a routing domain id twice',
    code: 'value-duplicate',
    path: 'VmNetwork/V9.routingDomainId',
    bad: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized, routingDomainId: 3F2504E0-4F89-41D3-9A0C-0305E82C3301}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized, routingDomainId: 3F2504E0-4F89-41D3-9A0C-0305E82C3302}',
  },
  {
    what: 'a routing domain id on a network that is none',
    code: 'field-conflict',
    path: 'VmNetwork/V9.routingDomainId',
    bad: '{kind: VmNetwork, name: V9, logicalNetwork: Labs, isolation: vlan, vlan: 11, routingDomainId: 3f2504e0-4f89-41d3-9a0c-0305e82c3309}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: Labs, isolation: vlan, vlan: 11}',
  },
  {
    what: 'a VM subnet of a network that is not virtualized',
    code: 'isolation-not-allowed',
    path: 'VmSubnet/Office/s9.vmNetwork',
    bad: '{kind: VmSubnet, name: s9, vmNetwork: Office, prefix: 10.0.9.0/24}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: s9, vmNetwork: V9, prefix: 10.0.9.0/24}',
  },
  {
    what: 'subnets of one VM network that overlap',
    code: 'overlap',
    path: 'VmSubnet/V9/b.prefix',
    bad: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 10.0.0.0/24}\n---\n{kind: VmSubnet, name: b, vmNetwork: V9, prefix: 10.0.0.128/25}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 10.0.0.0/24}\n---\n{kind: VmSubnet, name: b, vmNetwork: V9, prefix: 10.0.1.128/25}',
  },
  {
    what: 'a VSID twice',
    code: 'value-duplicate',
    path: 'VmSubnet/V9/a.vsid',
    bad: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 10.0.0.0/24, vsid: 5001}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 10.0.0.0/24, vsid: 5002}',
  },
  {
    what: 'a VM subnet that has the address of the DHCP server',
    code: 'value-invalid',
    path: 'VmSubnet/V9/a.prefix',
    bad: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 192.0.2.0/24}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 192.0.2.0/25}',
  },
  {
    what: 'a VM subnet without room',
    code: 'value-invalid',
    path: 'VmSubnet/V9/a.prefix',
    bad: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 10.0.0.0/31}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 10.0.0.0/30}',
  },
  {
    what: 'an IPv4 prefix as the IPv6 one',
    code: 'value-invalid',
    path: 'VmSubnet/V9/a.ipv6Prefix',
    bad: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 10.0.0.0/24, ipv6Prefix: 10.0.1.0/24}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 10.0.0.0/24, ipv6Prefix: "fd00::/64"}',
  },
  {
    what: 'two IPv6 prefixes of one subnet',
    code: 'field-conflict',
    path: 'VmSubnet/V9/a.ipv6Prefix',
    bad: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: "fd00:1::/64", ipv6Prefix: "fd00::/64"}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 10.0.0.0/24, ipv6Prefix: "fd00::/64"}',
  },
  {
    what: 'an IPv6 prefix that overlaps that of another subnet',
    code: 'overlap',
    path: 'VmSubnet/V9/a.ipv6Prefix',
    bad: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 10.0.0.0/24, ipv6Prefix: "fd00::/64"}\n---\n{kind: VmSubnet, name: b, vmNetwork: V9, prefix: "fd00::/48"}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 10.0.0.0/24, ipv6Prefix: "fd00::/64"}\n---\n{kind: VmSubnet, name: b, vmNetwork: V9, prefix: "fd00:1::/48"}',
  },
  {
    what: 'a way to IPv6 addresses without IPv6',
    code: 'field-conflict',
    path: 'VmSubnet/V9/a.ipv6AddressMode',
    bad: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 10.0.0.0/24, ipv6AddressMode: managed}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: "fd00::/64", ipv6AddressMode: managed}',
  },
  {
    what: 'addresses made of a prefix that is not of 64 bits',
    code: 'field-conflict',
    path: 'VmSubnet/V9/a.ipv6AddressMode',
    bad: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: "fd00::/63", ipv6AddressMode: slaac}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: "fd00::/64", ipv6AddressMode: slaac}',
  },
  {
    what: 'a fixed address that another machine could make',
    code: 'address-reserved',
    path: 'VirtualMachine/vm9.vnics[0].addresses[0]',
    bad: `{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: "fd00::/64", ipv6AddressMode: slaac}\n---\n${vm('vmNetwork: V9, addresses: ["fd00::21d:d8ff:feb7:1c77"]')}`,
    good: `{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: "fd00::/64", ipv6AddressMode: managed}\n---\n${vm('vmNetwork: V9, addresses: ["fd00::21d:d8ff:feb7:1c77"]')}`,
  },
  {
    what: 'a pool of addresses that machines make',
    code: 'overlap',
    path: 'IpPool/VmSubnet/V9/a/p.to',
    bad: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: "fd00::/64", ipv6AddressMode: slaac}\n---\n{kind: IpPool, name: p, vmNetwork: V9, subnet: a, from: "fd00::100", to: "fd00::ffff:ffff:ffff"}',
    good: '{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: "fd00::/64", ipv6AddressMode: slaac}\n---\n{kind: IpPool, name: p, vmNetwork: V9, subnet: a, from: "fd00::100", to: "fd00::ffff"}',
  },
  // ---- pools
  {
    what: 'a pool of a subnet that the site does not have',
    code: 'subnet-missing',
    path: 'IpPool/NetworkSite/Office/North/p9.prefix',
    bad: '{kind: IpPool, name: p9, logicalNetwork: Office, site: North, prefix: 10.1.1.0/24, from: 10.1.1.5, to: 10.1.1.9}',
    good: '{kind: IpPool, name: p9, logicalNetwork: Office, site: North, prefix: 10.1.0.0/24, from: 10.1.0.5, to: 10.1.0.9}',
  },
  {
    what: 'a pool that runs downwards',
    code: 'range-invalid',
    path: 'IpPool/VmSubnet/Blue/s1/p9.to',
    bad: pool('from: 10.0.0.60, to: 10.0.0.50'),
    good: pool('from: 10.0.0.50, to: 10.0.0.60'),
  },
  {
    what: 'a pool outside of its subnet',
    code: 'address-outside',
    path: 'IpPool/VmSubnet/Blue/s1/p9.to',
    bad: pool('from: 10.0.0.200, to: 10.0.1.3'),
    good: pool('from: 10.0.0.200, to: 10.0.0.203'),
  },
  {
    what: 'a pool with the broadcast address',
    code: 'address-reserved',
    path: 'IpPool/VmSubnet/Blue/s1/p9.to',
    bad: pool('from: 10.0.0.200, to: 10.0.0.255'),
    good: pool('from: 10.0.0.200, to: 10.0.0.254'),
  },
  {
    what: 'a pool with the network address',
    code: 'address-reserved',
    path: 'IpPool/VmSubnet/Blue/s1/p9.from',
    bad: pool('from: 10.0.0.0, to: 10.0.0.9'),
    good: pool('from: 10.0.0.1, to: 10.0.0.9'),
  },
  {
    what: 'a gateway outside of the subnet of the pool',
    code: 'address-outside',
    path: 'IpPool/VmSubnet/Blue/s1/p9.gateways[0].address',
    bad: pool('from: 10.0.0.50, to: 10.0.0.60, gateways: [{address: 10.0.1.1}]'),
    good: pool('from: 10.0.0.50, to: 10.0.0.60, gateways: [{address: 10.0.0.1}]'),
  },
  {
    what: 'a reservation that is not in the pool',
    code: 'address-outside',
    path: 'IpPool/VmSubnet/Blue/s1/p9.reserved[0]',
    bad: pool('from: 10.0.0.50, to: 10.0.0.60, reserved: [10.0.0.58-10.0.0.61]'),
    good: pool('from: 10.0.0.50, to: 10.0.0.60, reserved: [10.0.0.58-10.0.0.60]'),
  },
  {
    what: 'addresses for load balancers that are not in the pool',
    code: 'address-outside',
    path: 'IpPool/VmSubnet/Blue/s1/p9.vips[1]',
    bad: pool('from: 10.0.0.50, to: 10.0.0.60, vips: [10.0.0.50, 10.0.0.61]'),
    good: pool('from: 10.0.0.50, to: 10.0.0.60, vips: [10.0.0.50, 10.0.0.60]'),
  },
  {
    what: 'an address that is reserved and for load balancers',
    code: 'overlap',
    path: 'IpPool/VmSubnet/Blue/s1/p9.vips[0]',
    bad: pool('from: 10.0.0.50, to: 10.0.0.60, reserved: [10.0.0.50-10.0.0.55], vips: [10.0.0.55-10.0.0.57]'),
    good: pool(
      'from: 10.0.0.50, to: 10.0.0.60, reserved: [10.0.0.50-10.0.0.55], vips: [10.0.0.56-10.0.0.57]',
    ),
  },
  {
    what: 'pools of one VM subnet that overlap',
    code: 'overlap',
    path: 'IpPool/VmSubnet/Blue/s1/p9.from',
    bad: pool('from: 10.0.0.90, to: 10.0.0.100'),
    good: pool('from: 10.0.0.90, to: 10.0.0.99'),
  },
  {
    what: 'pools of two sites that share a subnet and overlap',
    code: 'overlap',
    path: 'IpPool/NetworkSite/Office/South/p9.from',
    bad: '{kind: IpPool, name: p8, logicalNetwork: Office, site: North, prefix: 10.1.0.0/24, from: 10.1.0.5, to: 10.1.0.9}\n---\n{kind: IpPool, name: p9, logicalNetwork: Office, site: South, prefix: 10.1.0.0/24, from: 10.1.0.9, to: 10.1.0.12}',
    good: '{kind: IpPool, name: p8, logicalNetwork: Office, site: North, prefix: 10.1.0.0/24, from: 10.1.0.5, to: 10.1.0.9}\n---\n{kind: IpPool, name: p9, logicalNetwork: Office, site: South, prefix: 10.1.0.0/24, from: 10.1.0.10, to: 10.1.0.12}',
  },
  {
    what: 'a MAC pool across two makers’ prefixes',
    code: 'range-invalid',
    path: 'MacPool/m.to',
    bad: '{kind: MacPool, name: m, from: 02:11:11:00:00:00, to: 02:11:12:00:00:ff}',
    good: '{kind: MacPool, name: m, from: 02:11:11:00:00:00, to: 02:11:11:00:00:ff}',
  },
  {
    what: 'a MAC pool that runs downwards',
    code: 'range-invalid',
    path: 'MacPool/m.to',
    bad: '{kind: MacPool, name: m, from: 02:11:11:00:00:ff, to: 02:11:11:00:00:00}',
    good: '{kind: MacPool, name: m, from: 02:11:11:00:00:00, to: 02:11:11:00:00:ff}',
  },
  {
    what: 'a MAC pool that overlaps the default pool',
    code: 'overlap',
    path: 'MacPool/m.from',
    bad: '{kind: MacPool, name: m, from: 00:1D:D8:F4:1F:FF, to: 00:1D:D8:F4:20:FF}',
    good: '{kind: MacPool, name: m, from: 00:1D:D8:F4:20:00, to: 00:1D:D8:F4:20:FF}',
  },
  {
    what: 'MAC pools that overlap',
    code: 'overlap',
    path: 'MacPool/m.from',
    bad: '{kind: MacPool, name: m, from: 02:11:11:00:00:00, to: 02:11:11:00:00:ff}\n---\n{kind: MacPool, name: n, from: 02:11:11:00:00:ff, to: 02:11:11:00:01:ff}',
    good: '{kind: MacPool, name: m, from: 02:11:11:00:00:00, to: 02:11:11:00:00:fe}\n---\n{kind: MacPool, name: n, from: 02:11:11:00:00:ff, to: 02:11:11:00:01:ff}',
  },
  // ---- profiles and logical switches
  {
    what: 'a site twice in an uplink port profile',
    code: 'value-duplicate',
    path: 'UplinkPortProfile/u9.sites[1]',
    bad: '{kind: UplinkPortProfile, name: u9, sites: [{logicalNetwork: Office, site: North}, {logicalNetwork: Office, site: North}]}',
    good: '{kind: UplinkPortProfile, name: u9, sites: [{logicalNetwork: Office, site: North}, {logicalNetwork: Office, site: South}]}',
  },
  {
    what: 'a minimum above the maximum',
    code: 'field-conflict',
    path: 'VirtualPortProfile/v9.bandwidth.minimumMbps',
    bad: '{kind: VirtualPortProfile, name: v9, bandwidth: {minimumMbps: 101, maximumMbps: 100}}',
    good: '{kind: VirtualPortProfile, name: v9, bandwidth: {minimumMbps: 100, maximumMbps: 100}}',
  },
  {
    what: 'SR-IOV with a team',
    code: 'sriov-with-team',
    path: 'LogicalSwitch/l9.sriov',
    bad: '{kind: LogicalSwitch, name: l9, sriov: true, uplinkMode: team}',
    good: '{kind: LogicalSwitch, name: l9, sriov: true, uplinkMode: embedded-team}',
  },
  {
    what: 'a classification twice',
    code: 'value-duplicate',
    path: 'LogicalSwitch/l9.classifications[1].classification',
    bad: '{kind: LogicalSwitch, name: l9, classifications: [{classification: gold, profile: fast}, {classification: gold, profile: fast}]}',
    good: '{kind: LogicalSwitch, name: l9, classifications: [{classification: gold, profile: fast}, {classification: lead, profile: fast}]}',
  },
  // ---- host switches
  {
    what: 'a NIC that the host does not have',
    code: 'nic-unknown',
    path: 'HostSwitch/h1/main.nics[1]',
    bad: hostSwitch('nics: [n1, n9]'),
    good: hostSwitch('nics: [n1, n2]'),
  },
  {
    what: 'a NIC that is cabled to nothing',
    code: 'nic-unconnected',
    path: 'HostSwitch/h1/main.nics[1]',
    bad: hostSwitch('nics: [n1, n4]'),
    good: hostSwitch('nics: [n1, n2]'),
  },
  {
    what: 'a NIC twice in one switch',
    code: 'value-duplicate',
    path: 'HostSwitch/h1/main.nics[1]',
    bad: hostSwitch('nics: [n1, n1]'),
    good: hostSwitch('nics: [n1]'),
  },
  {
    what: 'a NIC in two switches',
    code: 'nic-in-use',
    path: 'HostSwitch/h2/single.nics[0]',
    bad: '{kind: HostSwitch, host: h2, logicalSwitch: single, nics: [n2], uplinkProfile: up south}\n---\n{kind: HostSwitch, host: h2, logicalSwitch: main, nics: [n1, n2], uplinkProfile: up south2}\n---\n{kind: UplinkPortProfile, name: up south2, sites: [{logicalNetwork: Fabric, site: All}]}\n---\n{kind: LogicalSwitch, name: main, uplinkProfiles: [up north, up south2], classifications: [{classification: gold, profile: fast}]}',
    good: '{kind: HostSwitch, host: h2, logicalSwitch: single, nics: [n2], uplinkProfile: up south}\n---\n{kind: HostSwitch, host: h2, logicalSwitch: main, nics: [n1], uplinkProfile: up south2}\n---\n{kind: UplinkPortProfile, name: up south2, sites: [{logicalNetwork: Fabric, site: All}]}\n---\n{kind: LogicalSwitch, name: main, uplinkProfiles: [up north, up south2], classifications: [{classification: gold, profile: fast}]}',
  },
  {
    what: 'NICs that do not reach each other',
    code: 'nics-apart',
    path: 'HostSwitch/h1/main.nics[1]',
    bad: hostSwitch('nics: [n1, n3]'),
    good: hostSwitch('nics: [n1, n2]'),
  },
  {
    what: 'NICs whose networks are no longer joined',
    code: 'nics-apart',
    path: 'HostSwitch/h1/main.nics[1]',
    bad: '{kind: PhysicalNetwork, name: wire}',
    good: '{kind: PhysicalNetwork, name: wire}\n---\n{kind: PhysicalNetwork, name: wire2, joinedWith: [wire]}',
  },
  {
    what: 'a NIC that cannot carry VLANs',
    code: 'nic-incapable',
    path: 'HostSwitch/h1/main.nics[1]',
    bad: hostSwitch('nics: [n1, n5]'),
    good: hostSwitch('nics: [n1, n6]'),
  },
  {
    what: 'a NIC that cannot do SR-IOV',
    code: 'nic-incapable',
    path: 'HostSwitch/h9/l9.nics[0]',
    bad: `${host9(`nics: [${nic9}, ${spare9}]`)}\n---\n${switch9('sriov: true')}\n---\n${hostSwitch9('nics: [x]')}`,
    good: `${host9(`nics: [{name: x, physicalNetwork: wire, mac: 02:00:00:00:09:01, capabilities: [vlan, sriov]}, ${spare9}]`)}\n---\n${switch9('sriov: true')}\n---\n${hostSwitch9('nics: [x]')}`,
  },
  {
    what: 'a VLAN that the physical network does not carry',
    code: 'vlan-not-carried',
    path: 'HostSwitch/h1/main.nics[0]',
    bad: `${hostSwitch('nics: [n3]')}\n---\n{kind: PhysicalNetwork, name: far, vlans: [1-10, 12]}`,
    good: `${hostSwitch('nics: [n3]')}\n---\n{kind: PhysicalNetwork, name: far, vlans: [1-10, 11]}`,
  },
  {
    what: 'two NICs where there is to be no team',
    code: 'team-not-allowed',
    path: 'HostSwitch/h9/l9.nics',
    bad: `${host9(`nics: [${nic9}, ${spare9}]`)}\n---\n${switch9('sriov: false')}\n---\n${hostSwitch9('nics: [x, y]')}`,
    good: `${host9(`nics: [${nic9}, ${spare9}]`)}\n---\n${switch9('sriov: false')}\n---\n${hostSwitch9('nics: [x]')}`,
  },
  {
    what: 'LACP with a team within the switch',
    code: 'team-not-allowed',
    path: 'HostSwitch/h1/main.uplinkProfile',
    bad: '{kind: LogicalSwitch, name: main, uplinkMode: embedded-team, uplinkProfiles: [up north, up south], classifications: [{classification: gold, profile: fast}]}\n---\n{kind: UplinkPortProfile, name: up north, teamingMode: lacp, networkVirtualization: true, sites: [{logicalNetwork: Fabric, site: All}, {logicalNetwork: Office, site: North}]}',
    good: '{kind: LogicalSwitch, name: main, uplinkMode: embedded-team, uplinkProfiles: [up north, up south], classifications: [{classification: gold, profile: fast}]}\n---\n{kind: UplinkPortProfile, name: up north, teamingMode: switch-independent, networkVirtualization: true, sites: [{logicalNetwork: Fabric, site: All}, {logicalNetwork: Office, site: North}]}',
  },
  {
    what: 'the only NIC of a host',
    code: 'single-nic',
    path: 'HostSwitch/h9/main.nics',
    bad: `${host9(`nics: [${nic9}]`)}\n---\n{kind: HostSwitch, host: h9, logicalSwitch: main, nics: [x], uplinkProfile: up north}`,
    good: `${host9(`nics: [${nic9}, {name: y, mac: 02:00:00:00:09:02}]`)}\n---\n{kind: HostSwitch, host: h9, logicalSwitch: main, nics: [x], uplinkProfile: up north}`,
  },
  {
    what: 'an uplink port profile of another room',
    code: 'site-mismatch',
    path: 'HostSwitch/h2/main.uplinkProfile',
    bad: '{kind: HostSwitch, host: h2, logicalSwitch: main, nics: [n1, n2], uplinkProfile: up north}\n---\n{kind: UplinkPortProfile, name: up north, networkVirtualization: true, sites: [{logicalNetwork: Office, site: North}]}\n---\n{kind: VirtualMachine, name: vm1, host: h1}',
    good: '{kind: HostSwitch, host: h2, logicalSwitch: main, nics: [n1, n2], uplinkProfile: up north}\n---\n{kind: UplinkPortProfile, name: up north, networkVirtualization: true, sites: [{logicalNetwork: Office, site: North}, {logicalNetwork: Office, site: South}]}\n---\n{kind: VirtualMachine, name: vm1, host: h1}',
  },
  {
    what: 'an uplink port profile that the logical switch does not list',
    code: 'profile-not-listed',
    path: 'HostSwitch/h2/main.uplinkProfile',
    bad: '{kind: HostSwitch, host: h2, logicalSwitch: main, nics: [n1, n2], uplinkProfile: up fabric}',
    good: '{kind: HostSwitch, host: h2, logicalSwitch: main, nics: [n1, n2], uplinkProfile: up south}',
  },
  {
    what: 'a logical network through two switches of a host',
    code: 'network-ambiguous',
    path: 'HostSwitch/h1/other.uplinkProfile',
    bad: '{kind: HostSwitch, host: h1, logicalSwitch: other, nics: [n6], uplinkProfile: up fabric}',
    good: '{kind: HostSwitch, host: h2, logicalSwitch: other, nics: [n2], uplinkProfile: up fabric}\n---\n{kind: HostSwitch, host: h2, logicalSwitch: main, nics: [n1], uplinkProfile: up south}',
  },
  {
    what: 'a host on a virtualized network',
    code: 'isolation-not-allowed',
    path: 'HostSwitch/h1/main.hostVnics[0].vmNetwork',
    bad: hostSwitch('nics: [n1], hostVnics: [{name: x, vmNetwork: Blue, address: 10.0.0.9}]'),
    good: hostSwitch('nics: [n1], hostVnics: [{name: x, vmNetwork: Office, address: 10.1.0.9}]'),
  },
  {
    what: 'a host vNIC outside of its subnet',
    code: 'address-outside',
    path: 'HostSwitch/h1/main.hostVnics[0].address',
    bad: hostSwitch('nics: [n1], hostVnics: [{name: x, vmNetwork: Office, address: 10.2.0.9}]'),
    good: hostSwitch('nics: [n1], hostVnics: [{name: x, vmNetwork: Office, address: 10.1.0.9}]'),
  },
  {
    what: 'two host vNICs of one name',
    code: 'value-duplicate',
    path: 'HostSwitch/h1/main.hostVnics[1].name',
    bad: hostSwitch('nics: [n1], hostVnics: [{name: x, vmNetwork: Office}, {name: x, vmNetwork: Office}]'),
    good: hostSwitch('nics: [n1], hostVnics: [{name: x, vmNetwork: Office}, {name: y, vmNetwork: Office}]'),
  },
  {
    what: 'an address beside inherited ones',
    code: 'field-conflict',
    path: 'HostSwitch/h1/main.hostVnics[0].address',
    bad: hostSwitch(
      'nics: [n1], hostVnics: [{name: x, vmNetwork: Office, address: 10.1.0.9, inheritManagementNic: true}]',
    ),
    good: hostSwitch('nics: [n1], hostVnics: [{name: x, vmNetwork: Office, inheritManagementNic: true}]'),
  },
  {
    what: 'two host vNICs that inherit',
    code: 'value-duplicate',
    path: 'HostSwitch/h1/main.hostVnics[1].inheritManagementNic',
    bad: hostSwitch(
      'nics: [n1], hostVnics: [{name: x, vmNetwork: Office, inheritManagementNic: true}, {name: y, vmNetwork: Office, inheritManagementNic: true}]',
    ),
    good: hostSwitch(
      'nics: [n1], hostVnics: [{name: x, vmNetwork: Office, inheritManagementNic: true}, {name: y, vmNetwork: Office}]',
    ),
  },
  {
    what: 'inheriting from a NIC that is not in the switch',
    code: 'nic-unknown',
    path: 'HostSwitch/h1/main.hostVnics[0].inheritManagementNic',
    bad: hostSwitch('nics: [n2], hostVnics: [{name: x, vmNetwork: Office, inheritManagementNic: true}]'),
    good: hostSwitch('nics: [n1], hostVnics: [{name: x, vmNetwork: Office, inheritManagementNic: true}]'),
  },
  // ---- vNICs of VMs
  {
    what: 'two vNICs of one name',
    code: 'value-duplicate',
    path: 'VirtualMachine/vm9.vnics[1].name',
    bad: '{kind: VirtualMachine, name: vm9, host: h1, vnics: [{name: eth1, vmNetwork: Blue}, {vmNetwork: Blue}]}',
    good: '{kind: VirtualMachine, name: vm9, host: h1, vnics: [{name: eth0, vmNetwork: Blue}, {vmNetwork: Blue}]}',
  },
  {
    what: 'a network that does not come to the host',
    code: 'network-unreachable',
    path: 'VirtualMachine/vm9.vnics[0].vmNetwork',
    bad: vm('vmNetwork: Lab 10', 'h2'),
    good: vm('vmNetwork: Lab 10', 'h1'),
  },
  {
    what: 'a migration to a host where the network of the same name is another wire',
    code: 'migration-refused',
    path: 'VirtualMachine/vm9.vnics[0].vmNetwork',
    bad: `${NORTH9}\n---\n${moving('h1', 'h2')}`,
    good: `${NORTH9}\n---\n${moving('h1', 'h9')}`,
  },
  {
    what: 'a migration from a host where the VM is not',
    code: 'field-conflict',
    path: 'VirtualMachine/vm9.migration',
    bad: `${NORTH9}\n---\n${moving('h9', 'h9')}`,
    good: `${NORTH9}\n---\n${moving('h9', 'h1')}`,
  },
  {
    what: 'a virtualized network over an uplink that does not carry any',
    code: 'virtualization-off',
    path: 'VirtualMachine/vm9.vnics[0].vmNetwork',
    bad: `${vm('vmNetwork: Blue', 'h2')}\n---\n{kind: UplinkPortProfile, name: up south, networkVirtualization: false, sites: [{logicalNetwork: Fabric, site: All}]}`,
    good: `${vm('vmNetwork: Blue', 'h2')}\n---\n{kind: UplinkPortProfile, name: up south, networkVirtualization: true, sites: [{logicalNetwork: Fabric, site: All}]}`,
  },
  {
    what: 'a classification that the switch does not offer',
    code: 'classification-not-offered',
    path: 'VirtualMachine/vm9.vnics[0].classification',
    bad: vm('vmNetwork: Blue, classification: lead'),
    good: vm('vmNetwork: Blue, classification: gold'),
  },
  {
    what: 'a virtualized network without a subnet',
    code: 'subnet-missing',
    path: 'VirtualMachine/vm9.vnics[0].vmNetwork',
    bad: `${vm('vmNetwork: V9, addresses: [10.0.0.9]')}\n---\n{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}`,
    good: `${vm('vmNetwork: V9, addresses: [10.0.0.9]')}\n---\n{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: test, vmNetwork: V9, prefix: 10.0.0.0/24}`,
  },
  {
    what: 'a choice of subnets that is not made',
    code: 'subnet-missing',
    path: 'VirtualMachine/vm9.vnics[0].subnet',
    bad: `${vm('vmNetwork: V9, addresses: [10.0.0.9]')}\n---\n{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 10.0.0.0/24}\n---\n{kind: VmSubnet, name: b, vmNetwork: V9, prefix: 10.0.1.0/24}`,
    good: `${vm('vmNetwork: V9, subnet: a, addresses: [10.0.0.9]')}\n---\n{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 10.0.0.0/24}\n---\n{kind: VmSubnet, name: b, vmNetwork: V9, prefix: 10.0.1.0/24}`,
  },
  {
    what: 'a prefix where a VM subnet is meant',
    code: 'subnet-missing',
    path: 'VirtualMachine/vm9.vnics[0].subnet',
    bad: vm('vmNetwork: Blue, subnet: 10.0.0.0/24'),
    good: vm('vmNetwork: Blue, subnet: s1'),
  },
  {
    what: 'a subnet that the site does not have',
    code: 'subnet-missing',
    path: 'VirtualMachine/vm9.vnics[0].subnet',
    bad: vm('vmNetwork: Office, subnet: 10.1.1.0/24'),
    good: vm('vmNetwork: Office, subnet: 10.1.0.0/24'),
  },
  {
    what: 'a choice of VLANs that is not made',
    code: 'subnet-missing',
    path: 'VirtualMachine/vm9.vnics[0].subnet',
    bad: `${vm('vmNetwork: Labs')}\n---\n{kind: LogicalNetwork, name: Labs, type: vlan, sameNameVmNetwork: true}`,
    good: `${vm('vmNetwork: Labs, subnet: 10.2.11.0/24')}\n---\n{kind: LogicalNetwork, name: Labs, type: vlan, sameNameVmNetwork: true}`,
  },
  {
    what: 'an address that is on none of the VLANs',
    code: 'address-outside',
    path: 'VirtualMachine/vm9.vnics[0].addresses[0]',
    bad: `${vm('vmNetwork: Labs, addresses: [10.2.12.5]')}\n---\n{kind: LogicalNetwork, name: Labs, type: vlan, sameNameVmNetwork: true}`,
    good: `${vm('vmNetwork: Labs, addresses: [10.2.11.5]')}\n---\n{kind: LogicalNetwork, name: Labs, type: vlan, sameNameVmNetwork: true}`,
  },
  {
    what: 'a VLAN that the site of the host does not have',
    code: 'subnet-missing',
    path: 'VirtualMachine/vm9.vnics[0].vmNetwork',
    bad: `${vm('vmNetwork: Lab 10')}\n---\n{kind: NetworkSite, name: North, logicalNetwork: Labs, hostGroups: [North], subnets: [{vlan: 11}]}\n---\n{kind: NetworkSite, name: South, logicalNetwork: Labs, hostGroups: [South], subnets: [{vlan: 10}]}`,
    good: `${vm('vmNetwork: Lab 10')}\n---\n{kind: NetworkSite, name: North, logicalNetwork: Labs, hostGroups: [North], subnets: [{vlan: 10}]}\n---\n{kind: NetworkSite, name: South, logicalNetwork: Labs, hostGroups: [South], subnets: [{vlan: 10}]}`,
  },
  {
    what: 'an address outside of the subnet',
    code: 'address-outside',
    path: 'VirtualMachine/vm9.vnics[0].addresses[0]',
    bad: vm('vmNetwork: Blue, addresses: [10.0.1.9]'),
    good: vm('vmNetwork: Blue, addresses: [10.0.0.9]'),
  },
  {
    what: 'an address of the second subnet on the same wire, and one of neither',
    code: 'address-outside',
    path: 'VirtualMachine/vm9.vnics[0].addresses[1]',
    bad: vm('vmNetwork: Office, addresses: [10.1.0.9, 2001:db8:2::9]'),
    good: vm('vmNetwork: Office, addresses: [10.1.0.9, 2001:db8:1::9]'),
  },
  {
    what: 'the address of the distributed router',
    code: 'address-reserved',
    path: 'VirtualMachine/vm9.vnics[0].addresses[0]',
    bad: vm('vmNetwork: Blue, addresses: [10.0.0.1]'),
    good: vm('vmNetwork: Blue, addresses: [10.0.0.2]'),
  },
  {
    what: 'the address of the router of the site',
    code: 'address-reserved',
    path: 'VirtualMachine/vm9.vnics[0].addresses[0]',
    bad: vm('vmNetwork: Office, addresses: [10.1.0.1]'),
    good: vm('vmNetwork: Office, addresses: [10.1.0.2]'),
  },
  {
    what: 'an address twice on a VM network',
    code: 'value-duplicate',
    path: 'VirtualMachine/vm9.vnics[0].addresses[0]',
    bad: vm('vmNetwork: Blue, addresses: [10.0.0.5]'),
    good: vm('vmNetwork: Blue, addresses: [10.0.0.6]'),
  },
  {
    what: 'a MAC address twice',
    code: 'value-duplicate',
    path: 'VirtualMachine/vm9.vnics[0].mac',
    bad: vm('vmNetwork: Blue, mac: 02-00-00-00-01-02'),
    good: vm('vmNetwork: Blue, mac: 02-00-00-00-09-02'),
  },
  {
    what: 'a VM subnet without a pool',
    code: 'pool-missing',
    path: 'VirtualMachine/vm9.vnics[0].addresses',
    bad: `${vm('vmNetwork: V9')}\n---\n{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 10.0.0.0/24}`,
    good: `${vm('vmNetwork: V9')}\n---\n{kind: VmNetwork, name: V9, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 10.0.0.0/24}\n---\n{kind: IpPool, name: p, vmNetwork: V9, subnet: a, from: 10.0.0.100, to: 10.0.0.130}`,
  },
  {
    what: 'a host that cannot have a provider address',
    code: 'pool-missing',
    path: 'VirtualMachine/vm9.vnics[0].vmNetwork',
    bad: `${vm('vmNetwork: V9, addresses: [10.0.0.9]')}\n---\n{kind: VmNetwork, name: V9, logicalNetwork: F9, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 10.0.0.0/24}\n---\n{kind: LogicalNetwork, name: F9, networkVirtualization: true}\n---\n{kind: NetworkSite, name: S9, logicalNetwork: F9, hostGroups: [North], subnets: [{prefix: 192.168.9.0/24}]}\n---\n{kind: UplinkPortProfile, name: up fabric, networkVirtualization: true, sites: [{logicalNetwork: F9, site: S9}]}\n---\n{kind: HostSwitch, host: h1, logicalSwitch: other, nics: [n6], uplinkProfile: up fabric}`,
    good: `${vm('vmNetwork: V9, addresses: [10.0.0.9]')}\n---\n{kind: VmNetwork, name: V9, logicalNetwork: F9, isolation: virtualized}\n---\n{kind: VmSubnet, name: a, vmNetwork: V9, prefix: 10.0.0.0/24}\n---\n{kind: LogicalNetwork, name: F9, networkVirtualization: true}\n---\n{kind: NetworkSite, name: S9, logicalNetwork: F9, hostGroups: [North], subnets: [{prefix: 192.168.9.0/24}]}\n---\n{kind: UplinkPortProfile, name: up fabric, networkVirtualization: true, sites: [{logicalNetwork: F9, site: S9}]}\n---\n{kind: HostSwitch, host: h1, logicalSwitch: other, nics: [n6], uplinkProfile: up fabric}\n---\n{kind: IpPool, name: p, logicalNetwork: F9, site: S9, prefix: 192.168.9.0/24, from: 192.168.9.5, to: 192.168.9.9}`,
  },
  {
    what: 'more VM networks than the quota of the tenant',
    code: 'quota-exceeded',
    path: 'Tenant/red.quotas.vmNetworks',
    bad: `{kind: Tenant, name: red, logicalNetworks: [Fabric], quotas: {vmNetworks: 0}}\n---\n{kind: VmNetwork, name: web, tenant: red, logicalNetwork: Fabric, isolation: virtualized}`,
    good: `{kind: Tenant, name: red, logicalNetworks: [Fabric], quotas: {vmNetworks: 1}}\n---\n{kind: VmNetwork, name: web, tenant: red, logicalNetwork: Fabric, isolation: virtualized}`,
  },
  {
    what: 'a VM network of a tenant on a logical network that is not open to it',
    code: 'network-not-open',
    path: 'VmNetwork/red:web.logicalNetwork',
    bad: `{kind: Tenant, name: red, logicalNetworks: [Office]}\n---\n{kind: VmNetwork, name: web, tenant: red, logicalNetwork: Fabric, isolation: virtualized}`,
    good: `{kind: Tenant, name: red, logicalNetworks: [Fabric, Office]}\n---\n{kind: VmNetwork, name: web, tenant: red, logicalNetwork: Fabric, isolation: virtualized}`,
  },
  {
    what: 'a VM network of a tenant that is the logical network as it is',
    code: 'isolation-not-allowed',
    path: 'VmNetwork/red:web.isolation',
    bad: `{kind: Tenant, name: red, logicalNetworks: [Fabric, Office]}\n---\n{kind: VmNetwork, name: web, tenant: red, logicalNetwork: Fabric, isolation: none}`,
    good: `{kind: Tenant, name: red, logicalNetworks: [Fabric, Office]}\n---\n{kind: VmNetwork, name: web, tenant: red, logicalNetwork: Fabric, isolation: virtualized}`,
  },
  {
    what: 'a machine of a tenant on a network of nobody that is not open to it',
    code: 'network-not-open',
    path: 'VirtualMachine/red:a.vnics[0].vmNetwork',
    bad: `{kind: Tenant, name: red, logicalNetworks: [Fabric, Office]}\n---\n{kind: VirtualMachine, name: a, tenant: red, vnics: [{vmNetwork: Blue}]}`,
    good: `{kind: Tenant, name: red, logicalNetworks: [Fabric, Office]}\n---\n{kind: VirtualMachine, name: a, tenant: red, vnics: [{vmNetwork: Office}]}`,
  },
  {
    what: 'a machine without a tenant on the network of one',
    code: 'tenant-mismatch',
    path: 'VirtualMachine/a.vnics[0].vmNetwork',
    bad: `{kind: Tenant, name: red, logicalNetworks: [Fabric, Office]}\n---\n{kind: VmNetwork, name: web, tenant: red, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VirtualMachine, name: a, vnics: [{vmNetwork: red:web}]}`,
    good: `{kind: Tenant, name: red, logicalNetworks: [Fabric, Office]}\n---\n{kind: VmNetwork, name: web, tenant: red, logicalNetwork: Fabric, isolation: virtualized}\n---\n{kind: VirtualMachine, name: a, tenant: red, vnics: [{vmNetwork: red:web}]}`,
  },
  {
    what: 'a user with a role of a tenant and no tenant',
    code: 'field-conflict',
    path: 'User/ann.role',
    bad: '{kind: User, name: ann, role: self-service}',
    good: '{kind: User, name: ann, role: administrator}',
  },
  {
    what: 'a user who would be taken for the operator of the machine',
    code: 'name-duplicate',
    path: 'User/Operator.name',
    bad: '{kind: User, name: Operator, role: administrator}',
    good: '{kind: User, name: Operators, role: administrator}',
  },
  {
    what: 'a logical network that is opened twice',
    code: 'value-duplicate',
    path: 'Tenant/red.logicalNetworks[1]',
    bad: '{kind: Tenant, name: red, logicalNetworks: [Office, Office]}',
    good: '{kind: Tenant, name: red, logicalNetworks: [Fabric, Office]}',
  },
  ...MODE_CASES,

  // ---- port ACLs
  {
    what: 'two rules of one name',
    code: 'value-duplicate',
    path: 'PortAcl/a.rules[1].name',
    bad: aclOf(
      '{name: x, direction: inbound, action: deny, priority: 1}, {name: x, direction: outbound, action: deny, priority: 1}',
    ),
    good: aclOf(
      '{name: x, direction: inbound, action: deny, priority: 1}, {name: y, direction: outbound, action: deny, priority: 1}',
    ),
  },
  {
    what: 'ports of a protocol that has none',
    code: 'field-conflict',
    path: 'PortAcl/a.rules[0].remotePorts',
    bad: aclOf('{direction: inbound, action: deny, priority: 1, protocol: icmp, remotePorts: 80}'),
    good: aclOf('{direction: inbound, action: deny, priority: 1, protocol: 17, remotePorts: 80}'),
  },
  {
    what: 'an ICMP type without ICMP',
    code: 'field-conflict',
    path: 'PortAcl/a.rules[0].icmpType',
    bad: aclOf('{direction: inbound, action: deny, priority: 1, protocol: tcp, icmpType: 8}'),
    good: aclOf('{direction: inbound, action: deny, priority: 1, protocol: icmpv6, icmpType: 128}'),
  },
  {
    what: 'addresses of two IP versions in a rule',
    code: 'field-conflict',
    path: 'PortAcl/a.rules[0].remoteAddress',
    bad: aclOf(
      '{direction: inbound, action: deny, priority: 1, localAddress: 10.0.0.5, remoteAddress: "fd00::/64"}',
    ),
    good: aclOf(
      '{direction: inbound, action: deny, priority: 1, localAddress: "fd00::5", remoteAddress: "fd00::/64"}',
    ),
  },
  {
    what: 'an IPv6 address of ICMP for IPv4',
    code: 'field-conflict',
    path: 'PortAcl/a.rules[0].localAddress',
    bad: aclOf('{direction: inbound, action: deny, priority: 1, protocol: icmp, localAddress: "fd00::5"}'),
    good: aclOf('{direction: inbound, action: deny, priority: 1, protocol: icmpv6, localAddress: "fd00::5"}'),
  },
  {
    what: 'a stateful rule that denies',
    code: 'field-conflict',
    path: 'PortAcl/a.rules[0].stateful',
    bad: aclOf('{direction: inbound, action: deny, priority: 1, stateful: true}'),
    good: aclOf('{direction: inbound, action: allow, priority: 1, stateful: true}'),
  },
  {
    what: 'a stateful rule about a protocol without connections',
    code: 'field-conflict',
    path: 'PortAcl/a.rules[0].stateful',
    bad: aclOf('{direction: inbound, action: allow, priority: 1, protocol: 47, stateful: true}'),
    good: aclOf('{direction: inbound, action: allow, priority: 1, protocol: 6, stateful: true}'),
  },
  {
    what: 'two odd ranges of ports in a rule',
    code: 'range-invalid',
    path: 'PortAcl/a.rules[0].localPorts',
    bad: aclOf(
      '{direction: inbound, action: deny, priority: 1, protocol: tcp, localPorts: 1-65534, remotePorts: 1-65534}',
    ),
    good: aclOf(
      '{direction: inbound, action: deny, priority: 1, protocol: tcp, localPorts: 1-65534, remotePorts: 1024-2047}',
    ),
  },
  {
    what: 'rules of one priority that contradict each other',
    code: 'rule-ambiguous',
    path: 'PortAcl/a.rules[1].priority',
    bad: aclOf(
      '{direction: inbound, action: deny, priority: 1, protocol: tcp, localPorts: 1-99}, {direction: inbound, action: allow, priority: 1, protocol: tcp, localPorts: 80}',
    ),
    good: aclOf(
      '{direction: inbound, action: deny, priority: 1, protocol: tcp, localPorts: 1-79}, {direction: inbound, action: allow, priority: 1, protocol: tcp, localPorts: 80}',
    ),
  },
  {
    what: 'a rule that another one leaves nothing for',
    code: 'rule-unreachable',
    path: 'PortAcl/a.rules[1]',
    bad: aclOf(
      '{direction: inbound, action: deny, priority: 1, remoteAddress: 10.0.0.0/8}, {direction: inbound, action: allow, priority: 2, protocol: tcp, remoteAddress: 10.1.0.0/16}',
    ),
    good: aclOf(
      '{direction: inbound, action: deny, priority: 2, remoteAddress: 10.0.0.0/8}, {direction: inbound, action: allow, priority: 1, protocol: tcp, remoteAddress: 10.1.0.0/16}',
    ),
  },
  {
    what: 'a port ACL that does not exist',
    code: 'reference-missing',
    path: 'VmNetwork/Blue.acls[0]',
    bad: '{kind: VmNetwork, name: Blue, logicalNetwork: Fabric, isolation: virtualized, acls: [a]}',
    good: `${aclOf('')}\n---\n{kind: VmNetwork, name: Blue, logicalNetwork: Fabric, isolation: virtualized, acls: [a]}`,
  },
];
