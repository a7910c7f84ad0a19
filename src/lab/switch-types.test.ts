/** Internal and private switches with real guests: who reaches whom (domain.md, 3), next to an external one that does. */
import { expect, it } from 'vitest';
import { parseDocuments } from '../model/input.ts';
import { Lab } from './lab.ts';

const host = (n: number, type: string) => `
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

const network = (type: string) => `
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

it.each([
  ['external', { machines: 'answered', host: 'answered', others: 'answered' }],
  ['internal', { machines: 'answered', host: 'answered', others: 'lost' }],
  ['private', { machines: 'answered', host: 'lost', others: 'lost' }],
] as const)('an %s switch joins %j', async (type, { machines, host: toHost, others }) => {
  const { objects, findings } = parseDocuments(network(type), type);
  expect(findings).toEqual([]);
  const lab = await Lab.open({ objects: objects.map(({ object }) => object) });
  try {
    await lab.ready();
    expect(await lab.ping('a1', 'b1')).toMatchObject({ verdict: machines });
    expect(await lab.ping('a1', '10.0.0.1')).toMatchObject({ verdict: toHost });
    expect(await lab.ping('a1', '10.0.0.22')).toMatchObject({ verdict: others });
  } finally {
    await lab.close();
  }
});
