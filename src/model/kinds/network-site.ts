import { z } from 'zod';
import { defineKind, type Frozen, objectSchema, type Reference } from '../definition.ts';
import { ipAddress, ipPrefix, list, name, reference, vlan } from '../fields.ts';

const subnet = z.strictObject({
  vlan: vlan.default(0),
  secondaryVlan: vlan
    .describe('Secondary VLAN, on a logical network of private VLANs; `vlan` is then the primary one.')
    .exactOptional(),
  secondaryType: z
    .enum(['isolated', 'community'])
    .describe(
      'Whether machines of the secondary VLAN reach one another (community) or only promiscuous ones (isolated). Left out: isolated.',
    )
    .exactOptional(),
  prefix: ipPrefix
    .describe('IP subnet of the VLAN. Left out: addresses are not the business of Netloom.')
    .exactOptional(),
  gateway: ipAddress.describe('Router of the subnet.').exactOptional(),
});

const schema = objectSchema('NetworkSite', {
  name: name.describe('Name of the site, unique on its logical network.'),
  logicalNetwork: reference('Logical network that exists here.'),
  hostGroups: list(reference('Host group.'))
    .default([])
    .describe('Where the site is: hosts of these groups, and of the groups in them, can use it.'),
  subnets: list(subnet).default([]).describe('Rows of VLAN and IP subnet.'),
});

/** Where a logical network exists, and with which VLANs and subnets. */
export type NetworkSite = Frozen<z.output<typeof schema>>;
export type SiteSubnet = NetworkSite['subnets'][number];

export const networkSite = defineKind<NetworkSite>({
  kind: 'NetworkSite',
  title: 'network site',
  plural: 'network-sites',
  short: ['site', 'sites'],
  summary: 'Where a logical network exists: host groups, and rows of VLAN and subnet.',
  schema,
  key: (site) => siteKey(site.logicalNetwork, site.name),
  references: (site) => [
    { path: 'logicalNetwork', kind: 'LogicalNetwork', key: site.logicalNetwork },
    ...site.hostGroups.map((key, i): Reference => ({ path: `hostGroups[${i}]`, kind: 'HostGroup', key })),
  ],
});

export function siteKey(logicalNetwork: string, site: string): string {
  return `${logicalNetwork}/${site}`;
}
