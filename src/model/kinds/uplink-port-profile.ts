import { z } from 'zod';
import { defineKind, type Frozen, objectSchema, type Reference } from '../definition.ts';
import { list, name, reference } from '../fields.ts';
import { siteKey } from './network-site.ts';

const carried = z.strictObject({
  logicalNetwork: reference('Logical network.'),
  site: reference('Its network site.'),
});

const schema = objectSchema('UplinkPortProfile', {
  name,
  teamingMode: z
    .enum(['switch-independent', 'static', 'lacp'])
    .default('switch-independent')
    .describe('How the members of a team and the physical switches work together.'),
  loadBalancing: z
    .enum(['dynamic', 'hyper-v-port', 'address-hash', 'transport-ports'])
    .default('dynamic')
    .describe('How traffic is spread over the members of a team.'),
  sites: list(carried)
    .default([])
    .describe(
      'What the uplink carries: pairs of logical network and site. Only hosts of these sites can use it.',
    ),
  networkVirtualization: z
    .boolean()
    .default(false)
    .describe('Carry virtualized VM networks over this uplink.'),
});

/** What an uplink carries, and how its team works. */
export type UplinkPortProfile = Frozen<z.output<typeof schema>>;

export const uplinkPortProfile = defineKind<UplinkPortProfile>({
  kind: 'UplinkPortProfile',
  title: 'uplink port profile',
  plural: 'uplink-port-profiles',
  short: ['uplink', 'uplinks', 'upp'],
  summary: 'Teaming mode, load balancing, and which sites of which logical networks an uplink carries.',
  schema,
  key: (profile) => profile.name,
  references: (profile) =>
    profile.sites.flatMap((s, i): Reference[] => [
      { path: `sites[${i}].logicalNetwork`, kind: 'LogicalNetwork', key: s.logicalNetwork },
      { path: `sites[${i}].site`, kind: 'NetworkSite', key: siteKey(s.logicalNetwork, s.site) },
    ]),
});
