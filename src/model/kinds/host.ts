import { z } from 'zod';
import { defineKind, type Frozen, objectSchema, type Reference } from '../definition.ts';
import { ipAddress, list, macAddress, name, reference } from '../fields.ts';

const nic = z.strictObject({
  name: name.describe('Name of the NIC, unique on the host.'),
  physicalNetwork: reference(
    'Physical network that it is cabled to. Left out: not cabled; then no switch can use it.',
  ).exactOptional(),
  mac: macAddress.describe('Its burnt-in MAC address.'),
  speedMbps: z.int().min(1).max(1_600_000).default(10_000).describe('Line speed in Mbit/s.'),
  capabilities: list(z.enum(['vlan', 'vmq', 'ipsec-offload', 'sriov']), 4)
    .default(['vlan'])
    .describe('What the hardware can do.'),
});

const providerAddress = z.strictObject({
  logicalNetwork: reference('Logical network whose fabric the address is on.'),
  address: ipAddress.describe('Provider address of this host there.'),
});

const schema = objectSchema('Host', {
  name,
  group: reference('Host group that the host stands in.'),
  nics: list(nic, 64).default([]).describe('NICs of the host.'),
  providerAddresses: list(providerAddress)
    .default([])
    .describe(
      'Provider addresses that are fixed. Where none is given, one is taken from the pool of the site.',
    ),
  managementNic: reference(
    'NIC that the host is managed through; a host vNIC can inherit its settings.',
  ).exactOptional(),
  managementAddresses: list(ipAddress, 16)
    .default([])
    .describe(
      'Addresses that the host is managed by. The host vNIC that inherits from the management NIC has them.',
    ),
  managementGateway: ipAddress
    .describe(
      'Router of the management NIC, which the inheriting host vNIC takes over. Left out: that of the subnet or its pool.',
    )
    .exactOptional(),
  managementDns: list(ipAddress, 16)
    .describe(
      'Name servers of the management NIC, which the inheriting host vNIC takes over. Left out: those of the pool.',
    )
    .exactOptional(),
});

/** A physical server. VMs run on it. */
export type Host = Frozen<z.output<typeof schema>>;
export type Nic = Host['nics'][number];

export const host = defineKind<Host>({
  kind: 'Host',
  title: 'host',
  plural: 'hosts',
  short: ['server', 'servers', 'h'],
  summary: 'A physical server with NICs. VMs run on it.',
  schema,
  key: (h) => h.name,
  references: (h) => [
    { path: 'group', kind: 'HostGroup', key: h.group },
    ...h.nics.flatMap((n, i): Reference[] =>
      n.physicalNetwork === undefined
        ? []
        : [{ path: `nics[${i}].physicalNetwork`, kind: 'PhysicalNetwork', key: n.physicalNetwork }],
    ),
    ...h.providerAddresses.map(
      (p, i): Reference => ({
        path: `providerAddresses[${i}].logicalNetwork`,
        kind: 'LogicalNetwork',
        key: p.logicalNetwork,
      }),
    ),
  ],
});
