import { z } from 'zod';
import { type IpAddress, ip, isIpv4, type Prefix, prefixParts } from '../../packet/address.ts';
import { defineKind, type Frozen, objectSchema } from '../definition.ts';
import { acls, ipPrefix, name, ownedReference } from '../fields.ts';
import { aclReferences } from './port-acl.ts';

/** Virtual subnet ids: 24 bits; below 4096 reserved, the highest two too (RFC 7637, 3.2 reserves 0..0xFFF and 0xFFFFFF). */
export const VSID_MINIMUM = 4096;
export const VSID_MAXIMUM = 16_777_214;

/** The address that guests are answered from by DHCP, as in Hyper-V network virtualization; TEST-NET-1 (RFC 5737). */
export const DHCP_SERVER = ip('192.0.2.253');

/** The same for DHCPv6: a link-local address, made from the MAC address 02:4e:4c:00:00:fd. */
export const DHCPV6_SERVER = ip('fe80::4e:4cff:fe00:fd');

const schema = objectSchema('VmSubnet', {
  name: name.describe('Name of the subnet, unique on its VM network.'),
  vmNetwork: ownedReference('Virtualized VM network that it is part of.'),
  prefix: ipPrefix.describe(
    'Its addresses, of the tenant’s choosing, IPv4 or IPv6. The first one is the router’s.',
  ),
  ipv6Prefix: ipPrefix
    .describe('IPv6 addresses beside IPv4 ones: a dual-stack subnet. The first one is the router’s.')
    .exactOptional(),
  ipv6AddressMode: z
    .enum(['managed', 'slaac'])
    .describe(
      'How guests come to IPv6 addresses. managed: by DHCPv6, fixed ones and those of pools. slaac: besides that, each makes one of the prefix and its MAC address. Left out: managed.',
    )
    .exactOptional(),
  vsid: z
    .int()
    .min(VSID_MINIMUM)
    .max(VSID_MAXIMUM)
    .describe('Virtual subnet id, 4096 to 16777214. Left out: the controller chooses one.')
    .exactOptional(),
  acls: acls
    .describe('Port ACLs, at most 8; they come before those of the VM network, and after those of the vNIC.')
    .exactOptional(),
});

/** A subnet of a virtualized VM network: one broadcast domain. */
export type VmSubnet = Frozen<z.output<typeof schema>>;

export const vmSubnet = defineKind<VmSubnet>({
  kind: 'VmSubnet',
  title: 'VM subnet',
  plural: 'vm-subnets',
  short: ['subnet', 'subnets'],
  summary: 'A subnet of a virtualized VM network: one broadcast domain, one VSID.',
  schema,
  key: (subnet) => subnetKey(subnet.vmNetwork, subnet.name),
  references: (subnet) => [
    { path: 'vmNetwork', kind: 'VmNetwork', key: subnet.vmNetwork },
    ...aclReferences(subnet.acls, 'acls'),
  ],
});

/** One of each IP version at most. */
export function prefixesOf({ prefix, ipv6Prefix }: VmSubnet): readonly Prefix[] {
  return ipv6Prefix === undefined ? [prefix] : [prefix, ipv6Prefix];
}

/** The prefix of the address's IP version; where the subnet has none, the one that it has. */
export function prefixFor(subnet: VmSubnet, address: IpAddress): Prefix {
  const family = isIpv4(address) ? 4 : 6;
  return prefixesOf(subnet).find((prefix) => prefixParts(prefix).family === family) ?? subnet.prefix;
}

/** Whether guests make addresses of the prefix themselves. */
export function isAutonomous({ ipv6AddressMode }: VmSubnet, prefix: Prefix): boolean {
  return ipv6AddressMode === 'slaac' && prefixParts(prefix).family === 6;
}

export function subnetKey(vmNetwork: string, subnet: string): string {
  return `${vmNetwork}/${subnet}`;
}
