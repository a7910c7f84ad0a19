import { z } from 'zod';
import { defineKind, type Frozen, objectSchema } from '../definition.ts';
import { name } from '../fields.ts';

const schema = objectSchema('LogicalNetwork', {
  name,
  type: z
    .enum(['connected', 'vlan', 'pvlan'])
    .default('connected')
    .describe('One connected network, VLAN-based independent networks, or private VLAN networks.'),
  networkVirtualization: z
    .boolean()
    .default(false)
    .describe('Allow VM networks on it that use network virtualization, any number of them.'),
  encapsulation: z
    .enum(['nvgre', 'vxlan', 'geneve'])
    .default('nvgre')
    .describe('How frames of virtualized VM networks are carried: RFC 7637, RFC 7348 or RFC 8926.'),
  sameNameVmNetwork: z
    .boolean()
    .default(false)
    .describe(
      'Make a VM network of the same name, so that VMs and hosts can connect to the logical network directly.',
    ),
});

/** All subnets that are routable to one another and serve one purpose. The administrator's. */
export type LogicalNetwork = Frozen<z.output<typeof schema>>;

export const logicalNetwork = defineKind<LogicalNetwork>({
  kind: 'LogicalNetwork',
  title: 'logical network',
  plural: 'logical-networks',
  short: ['lognet', 'lognets', 'ln'],
  summary: 'All subnets that are routable to one another and serve one purpose.',
  schema,
  key: (network) => network.name,
  references: () => [],
});
