import { z } from 'zod';
import { defineKind, type Frozen, objectSchema } from '../definition.ts';
import { acls, name, reference, tenant, uuid, vlan } from '../fields.ts';
import { ownedKey, tenantReference } from '../tenancy.ts';
import { aclReferences } from './port-acl.ts';

const schema = objectSchema('VmNetwork', {
  name: name.describe('Name, unique among the VM networks of its tenant.'),
  tenant: tenant.exactOptional(),
  logicalNetwork: reference('Logical network that it is made on.'),
  isolation: z
    .enum(['none', 'vlan', 'pvlan', 'virtualized'])
    .describe(
      'none: the logical network as it is. vlan, pvlan: one of its VLANs. virtualized: a routing domain of its own, with addresses of its own.',
    ),
  routingDomainId: uuid
    .describe('Routing domain id (RDID) of a virtualized network. Left out: the controller makes one.')
    .exactOptional(),
  vlan: vlan
    .min(1)
    .describe('VLAN (the primary one with pvlan), where isolation is by VLAN.')
    .exactOptional(),
  acls: acls.exactOptional(),
  secondaryVlan: vlan
    .min(1)
    .describe('Secondary VLAN, with pvlan. Left out: the one of the row that a vNIC is in by its address.')
    .exactOptional(),
});

/** What vNICs connect to. */
export type VmNetwork = Frozen<z.output<typeof schema>> & {
  /** Set on a VM network that exists because of its logical network's `sameNameVmNetwork`; never in a file. */
  readonly impliedBy?: string;
};

export const vmNetwork = defineKind<VmNetwork>({
  kind: 'VmNetwork',
  title: 'VM network',
  plural: 'vm-networks',
  short: ['vmnet', 'vmnets', 'vn'],
  summary: 'What vNICs connect to: a logical network as it is, one of its VLANs, or a virtualized network.',
  schema,
  key: vmNetworkKey,
  references: (network) => [
    ...tenantReference(network.tenant),
    { path: 'logicalNetwork', kind: 'LogicalNetwork', key: network.logicalNetwork },
    ...aclReferences(network.acls, 'acls'),
  ],
});

export function vmNetworkKey({ tenant: owner, name: own }: Pick<VmNetwork, 'tenant' | 'name'>): string {
  return ownedKey(owner, own);
}
