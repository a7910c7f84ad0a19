/** Examples for the checks of trunks, mirrors, bandwidth and teams; they go with the base of cases.ts. */
import type { Case } from './case.ts';

const vm = (vnic: string, name = 'vm9', host = 'h1') =>
  `{kind: VirtualMachine, name: ${name}, host: ${host}, vnics: [{${vnic}}]}`;
const trunk = (fields: string) => vm(`vmNetwork: Lab 10, trunk: {${fields}}`);
const probe = (fields = 'vmNetwork: Lab 10') => vm(fields, 'probe');
const copied = (mirror: string) => vm(`vmNetwork: Lab 10, mirror: {${mirror}}`);
const together = (...documents: string[]) => documents.join('\n---\n');
const profile = (bandwidth: string, more = '') =>
  `{kind: VirtualPortProfile, name: fast, bandwidth: {${bandwidth}}${more}}`;
const mainSwitch = (mode: string) =>
  `{kind: LogicalSwitch, name: main, bandwidthMode: ${mode}, uplinkProfiles: [up north, up south], classifications: [{classification: gold, profile: fast}]}`;
const teamed = (teaming: string) =>
  `{kind: UplinkPortProfile, name: up south, networkVirtualization: true, ${teaming}, sites: [{logicalNetwork: Office, site: South}]}`;

export const MODE_CASES: readonly Case[] = [
  {
    what: 'a trunk with a VLAN that the site does not have',
    code: 'subnet-missing',
    path: 'VirtualMachine/vm9.vnics[0].trunk.tagged',
    bad: trunk('tagged: [11, 12]'),
    good: trunk('tagged: [11]'),
  },
  {
    what: 'the native VLAN of another VM network',
    code: 'subnet-missing',
    path: 'VirtualMachine/vm9.vnics[0].trunk.nativeVlan',
    bad: trunk('nativeVlan: 11'),
    good: trunk('nativeVlan: 10, tagged: [11]'),
  },
  {
    what: 'a VLAN that is tagged and not',
    code: 'field-conflict',
    path: 'VirtualMachine/vm9.vnics[0].trunk.untagged',
    bad: trunk('tagged: [11], untagged: [11]'),
    good: trunk('untagged: [11]'),
  },
  {
    what: 'a native VLAN that is tagged',
    code: 'field-conflict',
    path: 'VirtualMachine/vm9.vnics[0].trunk.tagged',
    bad: trunk('nativeVlan: 10, tagged: [10-11]'),
    good: trunk('nativeVlan: 10, tagged: [11]'),
  },
  {
    what: 'VLAN 0 with a tag',
    code: 'value-invalid',
    path: 'VirtualMachine/vm9.vnics[0].trunk.tagged',
    bad: trunk('tagged: [0-0, 11]'),
    good: trunk('tagged: [11]'),
  },
  {
    what: 'a trunk on a virtualized network',
    code: 'field-conflict',
    path: 'VirtualMachine/vm9.vnics[0].trunk',
    bad: vm('vmNetwork: Blue, trunk: {tagged: [11]}'),
    good: trunk('tagged: [11]'),
  },
  {
    what: 'a fixed address of a VLAN that the trunk does not carry',
    code: 'address-outside',
    path: 'VirtualMachine/vm9.vnics[0].addresses[1]',
    bad: vm('vmNetwork: Lab 10, addresses: [10.2.10.5, 10.2.11.5], trunk: {nativeVlan: 10}'),
    good: vm('vmNetwork: Lab 10, addresses: [10.2.10.5, 10.2.11.5], trunk: {tagged: [11]}'),
  },
  {
    what: 'copies for a machine of another host',
    code: 'mirror-elsewhere',
    path: 'VirtualMachine/vm9.vnics[0].mirror.machine',
    bad: together(vm('vmNetwork: Office', 'probe', 'h2'), copied('machine: probe')),
    good: together(probe(), copied('machine: probe')),
  },
  {
    what: 'copies for a vNIC that is not there',
    code: 'reference-missing',
    path: 'VirtualMachine/vm9.vnics[0].mirror.vnic',
    bad: together(probe(), copied('machine: probe, vnic: eth7')),
    good: together(probe(), copied('machine: probe, vnic: eth0')),
  },
  {
    what: 'a mirror to nowhere',
    code: 'field-missing',
    path: 'VirtualMachine/vm9.vnics[0].mirror',
    bad: copied('direction: to'),
    good: copied('direction: to, vlan: 11'),
  },
  {
    what: 'a mirror of copies',
    code: 'field-conflict',
    path: 'VirtualMachine/probe.vnics[0].mirror',
    bad: together(
      probe('vmNetwork: Lab 10, mirror: {machine: more}'),
      vm('vmNetwork: Lab 10', 'more'),
      copied('machine: probe'),
    ),
    good: together(probe(), vm('vmNetwork: Lab 10', 'more'), copied('machine: probe')),
  },
  {
    what: 'copies into a VLAN that the site does not have',
    code: 'subnet-missing',
    path: 'VirtualMachine/vm9.vnics[0].mirror.vlan',
    bad: copied('vlan: 12'),
    good: copied('vlan: 11'),
  },
  {
    what: 'a weight where minimums are in Mbit/s',
    code: 'field-conflict',
    path: 'LogicalSwitch/main.classifications[0].profile',
    bad: together(profile('minimumWeight: 10'), mainSwitch('absolute')),
    good: together(profile('minimumWeight: 10, minimumMbps: 10'), mainSwitch('absolute')),
  },
  {
    what: 'a minimum where none is counted',
    code: 'field-conflict',
    path: 'LogicalSwitch/main.classifications[0].profile',
    bad: together(profile('minimumMbps: 10'), mainSwitch('none')),
    good: together(profile('maximumMbps: 10'), mainSwitch('none')),
  },
  {
    what: 'bandwidth of a vNIC that goes around the switch',
    code: 'field-conflict',
    path: 'VirtualPortProfile/fast.bandwidth',
    bad: profile('maximumMbps: 10', ', offload: {sriov: true}'),
    good: profile('maximumMbps: 10', ', offload: {vmq: true}'),
  },
  {
    what: 'minimums that are more than the uplink carries',
    code: 'bandwidth-exceeded',
    path: 'HostSwitch/h1/main.nics',
    bad: together(
      profile('minimumMbps: 10001'),
      mainSwitch('absolute'),
      vm('vmNetwork: Office, classification: gold'),
    ),
    good: together(
      profile('minimumMbps: 10000'),
      mainSwitch('absolute'),
      vm('vmNetwork: Office, classification: gold'),
    ),
  },
  {
    what: 'a static team',
    code: 'team-not-allowed',
    path: 'HostSwitch/h2/main.uplinkProfile',
    bad: teamed('teamingMode: static'),
    good: teamed('teamingMode: lacp'),
  },
  {
    what: 'flows spread over a team that the physical switches know nothing of',
    code: 'team-not-allowed',
    path: 'HostSwitch/h2/main.uplinkProfile',
    bad: teamed('loadBalancing: transport-ports'),
    good: teamed('teamingMode: lacp, loadBalancing: transport-ports'),
  },
  {
    what: 'an external switch without a NIC',
    code: 'field-missing',
    path: 'HostSwitch/h2/main.nics',
    bad: '{kind: HostSwitch, host: h2, logicalSwitch: main, uplinkProfile: up south}',
    good: '{kind: HostSwitch, host: h2, logicalSwitch: main, type: internal, uplinkProfile: up south}',
  },
  {
    what: 'an internal switch with a NIC',
    code: 'field-conflict',
    path: 'HostSwitch/h2/main.nics',
    bad: '{kind: HostSwitch, host: h2, logicalSwitch: main, type: internal, nics: [n1], uplinkProfile: up south}',
    good: '{kind: HostSwitch, host: h2, logicalSwitch: main, type: external, nics: [n1], uplinkProfile: up south}',
  },
  {
    what: 'the host on a private switch',
    code: 'field-conflict',
    path: 'HostSwitch/h2/main.hostVnics',
    bad: '{kind: HostSwitch, host: h2, logicalSwitch: main, type: private, uplinkProfile: up south, hostVnics: [{name: o, vmNetwork: Office}]}',
    good: '{kind: HostSwitch, host: h2, logicalSwitch: main, type: internal, uplinkProfile: up south, hostVnics: [{name: o, vmNetwork: Office}]}',
  },
];
