import { z } from 'zod';
import { defineKind, type Frozen, objectSchema } from '../definition.ts';
import { ipAddress, list, macAddress, name, reference, subnetChoice } from '../fields.ts';
import { vnicReferences } from './vnic.ts';

const hostVnic = z.strictObject({
  name: name.describe('Name of the host vNIC, unique on the host switch.'),
  vmNetwork: reference('VM network that it connects to; not a virtualized one.'),
  subnet: subnetChoice.exactOptional(),
  classification: reference('Port classification, one that the logical switch offers.').exactOptional(),
  mac: macAddress.describe('Fixed MAC address. Left out: taken from the MAC pool.').exactOptional(),
  address: ipAddress
    .describe('Fixed address. Left out: taken from the pool of the site, if it has one.')
    .exactOptional(),
  inheritManagementNic: z
    .boolean()
    .default(false)
    .describe('Take over addresses, routes and DNS of the management NIC of the host.'),
});

const schema = objectSchema('HostSwitch', {
  name: z.string().max(130).describe('Derived: host/logical switch. Ignored on the way in.').exactOptional(),
  host: reference('Host.'),
  logicalSwitch: reference('Logical switch that is applied to it.'),
  type: z
    .enum(['external', 'internal', 'private'])
    .describe(
      'external: its NICs are the uplink. internal: without NICs, it joins VMs and the host. private: VMs alone. Left out: external.',
    )
    .exactOptional(),
  nics: list(reference('NIC of the host.'), 32)
    .default([])
    .describe('NICs that become the uplink of an external switch. More than one make a team.'),
  uplinkProfile: reference(
    'Uplink port profile, one that the logical switch lists and that has the site of the host.',
  ),
  hostVnics: list(hostVnic).default([]).describe('Virtual NICs of the host itself.'),
});

/** A logical switch applied to a host: one virtual switch there. */
export type HostSwitch = Frozen<z.output<typeof schema>>;
export type HostVnic = HostSwitch['hostVnics'][number];

export const hostSwitch = defineKind<HostSwitch>({
  kind: 'HostSwitch',
  title: 'host switch',
  plural: 'host-switches',
  short: ['hswitch', 'hswitches', 'hs'],
  summary: 'A logical switch applied to a host: its NICs, its uplink profile and the host’s own vNICs.',
  schema,
  key: (s) => hostSwitchKey(s.host, s.logicalSwitch),
  references: (s) => [
    { path: 'host', kind: 'Host', key: s.host },
    { path: 'logicalSwitch', kind: 'LogicalSwitch', key: s.logicalSwitch },
    { path: 'uplinkProfile', kind: 'UplinkPortProfile', key: s.uplinkProfile },
    ...s.hostVnics.flatMap((vnic, i) => vnicReferences(vnic, `hostVnics[${i}]`)),
  ],
});

/** Whether it has an uplink, by which frames leave the host. */
export function isExternal({ type }: Pick<HostSwitch, 'type'>): boolean {
  return type === undefined || type === 'external';
}

export function hostSwitchKey(host: string, logicalSwitch: string): string {
  return `${host}/${logicalSwitch}`;
}
