import { z } from 'zod';
import { ip } from '../../packet/address.ts';
import { defineKind, type Frozen, objectSchema } from '../definition.ts';
import { ipPrefix, name, reference } from '../fields.ts';

/** Virtual subnet ids: 24 bits; below 4096 reserved, the highest two too (RFC 7637, 3.2 reserves 0..0xFFF and 0xFFFFFF). */
export const VSID_MINIMUM = 4096;
export const VSID_MAXIMUM = 16_777_214;

/** The address that guests are answered from by DHCP, as in Hyper-V network virtualization; TEST-NET-1 (RFC 5737). */
export const DHCP_SERVER = ip('192.0.2.253');

const schema = objectSchema('VmSubnet', {
  name: name.describe('Name of the subnet, unique on its VM network.'),
  vmNetwork: reference('Virtualized VM network that it is part of.'),
  prefix: ipPrefix.describe('Its addresses, of the tenant’s choosing. The first one is the router’s.'),
  vsid: z
    .int()
    .min(VSID_MINIMUM)
    .max(VSID_MAXIMUM)
    .describe('Virtual subnet id, 4096 to 16777214. Left out: the controller chooses one.')
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
  references: (subnet) => [{ path: 'vmNetwork', kind: 'VmNetwork', key: subnet.vmNetwork }],
});

export function subnetKey(vmNetwork: string, subnet: string): string {
  return `${vmNetwork}/${subnet}`;
}
