import { z } from 'zod';
import { defineKind, type Frozen, objectSchema } from '../definition.ts';
import { list, name, reference, vlan, vlanRange } from '../fields.ts';

const schema = objectSchema('PhysicalNetwork', {
  name,
  joinedWith: list(reference('Physical network.'))
    .default([])
    .describe(
      'Physical networks that a link joins to this one, so that their NICs reach each other. Holds in both directions and onwards; saying it on one side is enough.',
    ),
  mtu: z
    .int()
    .min(1280)
    .max(9216)
    .default(1500)
    .describe('Largest IP packet that the network carries, in bytes.'),
  vlans: list(z.union([vlan, vlanRange], { error: 'must be a VLAN (0 to 4094) or a range such as 10-19' }))
    .describe('VLANs that the physical switch ports carry. Left out: all.')
    .exactOptional(),
});

/** What NICs are cabled to. Two NICs on one physical network, or on two that are joined, reach each other. */
export type PhysicalNetwork = Frozen<z.output<typeof schema>>;

export const physicalNetwork = defineKind<PhysicalNetwork>({
  kind: 'PhysicalNetwork',
  title: 'physical network',
  plural: 'physical-networks',
  short: ['physnet', 'physnets', 'pn'],
  summary: 'What NICs are cabled to. NICs on one physical network, or on joined ones, reach each other.',
  schema,
  key: (network) => network.name,
  references: (network) =>
    network.joinedWith.map((key, i) => ({ path: `joinedWith[${i}]`, kind: 'PhysicalNetwork', key })),
});
