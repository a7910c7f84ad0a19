/** What else a vNIC of a VM can be: a trunk, and the source of a mirror. */
import { z } from 'zod';
import type { Reference } from '../definition.ts';
import { list, name, ownedReference, vlan, vlanRange } from '../fields.ts';

const vlans = list(
  z.union([vlan.min(1), vlanRange], { error: 'must be a VLAN (1 to 4094) or a range such as 10-19' }),
);

export const trunk = z
  .strictObject({
    nativeVlan: vlan
      .describe(
        'VLAN of untagged frames, 0 for those without one on the wire. Left out: that of the subnet that the vNIC is on.',
      )
      .exactOptional(),
    tagged: vlans.default([]).describe('VLANs that are carried with their tag, single ones and ranges.'),
    untagged: vlans
      .default([])
      .describe(
        'VLANs whose frames come to the vNIC without a tag as well (hybrid). What it sends untagged is in the native VLAN.',
      ),
  })
  .describe(
    'Carry several VLANs of the site. A VLAN that is not listed is not carried. Left out: one VLAN, untagged.',
  );

export const mirror = z
  .strictObject({
    machine: ownedReference(
      'VM whose vNIC gets the copies; on the same host and the same switch.',
    ).exactOptional(),
    vnic: name.describe('vNIC of that VM. Left out: its first one.').exactOptional(),
    vlan: vlan
      .min(1)
      .describe('VLAN that gets the copies, in place of a machine (RSPAN): listen there on any host.')
      .exactOptional(),
    direction: z
      .enum(['from', 'to', 'both'])
      .default('both')
      .describe('Copy what the vNIC sends (from), what it gets (to), or both.'),
  })
  .describe('Copy the frames of the vNIC. The vNIC that gets copies gets nothing else, and sends nothing.');

/** The VM that a mirror names. */
export function mirrorReferences(
  asked: { readonly machine?: string } | undefined,
  path: string,
): Reference[] {
  return asked?.machine === undefined
    ? []
    : [{ path: `${path}.machine`, kind: 'VirtualMachine', key: asked.machine }];
}
