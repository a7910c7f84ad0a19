import { z } from 'zod';
import { defineKind, type Frozen, objectSchema } from '../definition.ts';
import { name } from '../fields.ts';

const offload = z.strictObject({
  vmq: z.boolean().default(false).describe('Virtual machine queue; needs a NIC that can.'),
  ipsecTaskOffload: z.boolean().default(false).describe('IPsec task offload; needs a NIC that can.'),
  sriov: z
    .boolean()
    .default(false)
    .describe('SR-IOV; needs a NIC that can and a logical switch that allows it.'),
});

const security = z.strictObject({
  macSpoofing: z
    .boolean()
    .default(false)
    .describe('Let the guest send from MAC addresses other than its own.'),
  dhcpGuard: z.boolean().default(true).describe('Drop what a DHCP server would send.'),
  routerGuard: z.boolean().default(true).describe('Drop router advertisements and redirects.'),
  guestTeaming: z
    .boolean()
    .default(false)
    .describe('Let the guest make a team of its vNICs on one VLAN: each may send as any of them.'),
  ieeePriorityTagging: z.boolean().default(false).describe('Keep 802.1p priorities that the guest sets.'),
  guestSpecifiedAddresses: z.boolean().default(false).describe('Let the guest choose its own IP addresses.'),
  promiscuous: z
    .boolean()
    .default(false)
    .describe('On a private VLAN: reach every machine of it, and be reached by all, as its router is.'),
});

const megabits = z.int().min(1).max(1_600_000);

const bandwidth = z.strictObject({
  minimumWeight: z
    .int()
    .min(0)
    .max(100)
    .describe('Minimum share relative to the other vNICs of the switch, 0 to 100. Not a ceiling.')
    .exactOptional(),
  minimumMbps: megabits.describe('Minimum in Mbit/s.').exactOptional(),
  maximumMbps: megabits.describe('Ceiling in Mbit/s.').exactOptional(),
});

const schema = objectSchema('VirtualPortProfile', {
  name,
  offload: offload.prefault({}).describe('Work that the NIC takes over.'),
  security: security.prefault({}).describe('What the guest may do. The defaults are the safe side.'),
  bandwidth: bandwidth.prefault({}).describe('Share of the uplink.'),
});

/** What one vNIC may do. */
export type VirtualPortProfile = Frozen<z.output<typeof schema>> & {
  /** It ships with Netloom (built-in.ts); never in a file. */
  readonly builtIn?: true;
};

export const virtualPortProfile = defineKind<VirtualPortProfile>({
  kind: 'VirtualPortProfile',
  title: 'virtual port profile',
  plural: 'virtual-port-profiles',
  short: ['portprofile', 'portprofiles', 'vpp'],
  summary: 'What one vNIC may do: offload, security, bandwidth.',
  schema,
  key: (profile) => profile.name,
  references: () => [],
});
