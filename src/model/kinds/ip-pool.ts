import { z } from 'zod';
import { isIpv4 } from '../../packet/address.ts';
import { defineKind, type Frozen, type ObjectKey, objectSchema, type Reference } from '../definition.ts';
import {
  addressRange,
  ipAddress,
  ipPrefix,
  list,
  name,
  ownedReference,
  quarantineSeconds,
  reference,
} from '../fields.ts';
import { siteKey } from './network-site.ts';
import { subnetKey } from './vm-subnet.ts';

const gateway = z.strictObject({
  address: ipAddress.describe('Default gateway.'),
  metric: z.int().min(1).max(9999).default(1).describe('The lowest metric is preferred.'),
});

const domain = z
  .string()
  .max(253)
  .regex(
    /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/,
    {
      error: 'must be a domain name such as corp.example',
    },
  );

const schema = objectSchema('IpPool', {
  name: name.describe('Name of the pool, unique in its site or VM subnet.'),
  logicalNetwork: reference('Logical network, for a pool of a site.').exactOptional(),
  site: reference('Network site, for a pool of a site.').exactOptional(),
  prefix: ipPrefix.describe('Subnet of the site that the pool is for.').exactOptional(),
  vmNetwork: ownedReference('VM network, for a pool of a VM subnet.').exactOptional(),
  subnet: reference('VM subnet, for a pool of a VM subnet.').exactOptional(),
  from: ipAddress.describe('First address that is given out.'),
  to: ipAddress.describe('Last address that is given out.'),
  reserved: list(addressRange)
    .default([])
    .describe('Addresses and ranges within the pool that are never given out. Gateways never are anyway.'),
  vips: list(addressRange)
    .default([])
    .describe(
      'Addresses and ranges within the pool that are kept for load balancers: never given out, and to be fixed by hand where one is used.',
    ),
  quarantineSeconds: quarantineSeconds.describe(
    'How long an address whose owner is gone is given to nobody else, in seconds, 0 to 2592000 (30 days). "netloom pool release" ends it earlier.',
  ),
  gateways: list(gateway, 16)
    .default([])
    .describe(
      'Default gateways that users of the pool are told, in the order of their metrics. Left out: the gateway of the site, or the first address of the VM subnet.',
    ),
  dns: list(ipAddress, 16).default([]).describe('DNS servers, in the order of preference.'),
  dnsSuffix: domain.describe('Domain that names are completed with.').exactOptional(),
  dnsSearch: list(domain, 16)
    .default([])
    .describe('Further domains that names are searched in, after dnsSuffix.'),
  wins: list(ipAddress.refine(isIpv4, { error: 'must be an IPv4 address' }), 16)
    .default([])
    .describe('NetBIOS name servers (WINS), in the order of preference.'),
}).superRefine((pool, context) => {
  const site = [pool.logicalNetwork, pool.site, pool.prefix].filter((x) => x !== undefined).length;
  const subnet = [pool.vmNetwork, pool.subnet].filter((x) => x !== undefined).length;
  if ((site === 3 && subnet === 0) || (site === 0 && subnet === 2)) return;
  context.addIssue({
    code: 'custom',
    path: [],
    message:
      'must say where it belongs: either logicalNetwork, site and prefix, or vmNetwork and subnet, and not both',
  });
});

/** A range that addresses are allocated from: of a site's subnet, or of a VM subnet. */
export type IpPool = Frozen<z.output<typeof schema>>;

export const ipPool = defineKind<IpPool>({
  kind: 'IpPool',
  title: 'IP pool',
  plural: 'ip-pools',
  short: ['pool', 'pools'],
  summary: 'A range of addresses that is given out on a subnet of a site or on a VM subnet.',
  schema,
  key: (pool) => `${poolParent(pool)}/${pool.name}`,
  references: (pool) => {
    const references: Reference[] = [];
    if (pool.logicalNetwork !== undefined && pool.site !== undefined) {
      references.push(
        { path: 'logicalNetwork', kind: 'LogicalNetwork', key: pool.logicalNetwork },
        { path: 'site', kind: 'NetworkSite', key: siteKey(pool.logicalNetwork, pool.site) },
      );
    }
    if (pool.vmNetwork !== undefined && pool.subnet !== undefined) {
      references.push(
        { path: 'vmNetwork', kind: 'VmNetwork', key: pool.vmNetwork },
        { path: 'subnet', kind: 'VmSubnet', key: subnetKey(pool.vmNetwork, pool.subnet) },
      );
    }
    return references;
  },
});

/** What the pool belongs to: `NetworkSite/Management/Building A` or `VmSubnet/AAA/test`. */
export function poolParent(pool: IpPool): ObjectKey {
  return pool.vmNetwork !== undefined
    ? `VmSubnet/${subnetKey(pool.vmNetwork, pool.subnet ?? '?')}`
    : `NetworkSite/${siteKey(pool.logicalNetwork ?? '?', pool.site ?? '?')}`;
}
