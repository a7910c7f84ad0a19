import { z } from 'zod';
import { defineKind, type Frozen, objectSchema } from '../definition.ts';
import {
  acls,
  ipAddress,
  list,
  macAddress,
  name,
  ownedReference,
  reference,
  subnetChoice,
  tenant,
} from '../fields.ts';
import { ownedKey, tenantReference } from '../tenancy.ts';
import { aclReferences } from './port-acl.ts';
import { vnicReferences } from './vnic.ts';
import { mirror, mirrorReferences, trunk } from './vnic-modes.ts';

const vnic = z.strictObject({
  name: name
    .describe('Name of the vNIC, unique on the VM. Left out: eth0, eth1 … by position.')
    .exactOptional(),
  vmNetwork: ownedReference('VM network that it connects to.'),
  connected: z
    .boolean()
    .describe(
      'false: it is plugged in nowhere, as "netloom vm disconnect" leaves it; it keeps its MAC address. Left out: true.',
    )
    .exactOptional(),
  subnet: subnetChoice.exactOptional(),
  classification: reference(
    'Port classification, one that the logical switch offers. Left out: the safe defaults.',
  ).exactOptional(),
  mac: macAddress.describe('Fixed MAC address. Left out: taken from the MAC pool.').exactOptional(),
  addresses: list(ipAddress, 64)
    .default([])
    .describe('Fixed addresses. Left out: one is taken from the pool of the subnet, if it has one.'),
  adapter: z
    .enum(['synthetic', 'legacy'])
    .default('synthetic')
    .describe('synthetic: virtio. legacy: an emulated card that can boot by PXE without drivers.'),
  trunk: trunk.exactOptional(),
  mirror: mirror.exactOptional(),
  acls: acls
    .describe('Port ACLs, at most 8; they come before those of the VM subnet and of the VM network.')
    .exactOptional(),
});

type Named = z.output<typeof vnic> & { name: string };

// The array is overwritten rather than transformed, so that it keeps its JSON Schema.
const vnics = list(vnic, 64)
  .default([])
  .describe('Virtual NICs of the VM.')
  .overwrite((all) => all.map((v, i) => ({ ...v, name: v.name ?? `eth${i}` }))) as z.ZodType<
  Named[],
  z.input<typeof vnic>[] | undefined
>;

const migration = z
  .strictObject({
    source: reference('Host that it comes from.'),
    destination: reference('Host that it goes to.'),
  })
  .describe('The VM is being moved. Written by "netloom vm migrate" alone; ignored on the way in.');

const schema = objectSchema('VirtualMachine', {
  name: name.describe('Name, unique among the VMs of its tenant.'),
  tenant: tenant.exactOptional(),
  host: reference(
    'Host that the VM runs on. Left out: it is not placed yet, so nothing of it is connected.',
  ).exactOptional(),
  migration: migration.exactOptional(),
  vnics,
});

/** A virtual machine, as far as its network goes. */
export type VirtualMachine = Frozen<z.output<typeof schema>>;
/** What it says of one of its vNICs. */
export type VmVnic = VirtualMachine['vnics'][number];
export type Trunk = NonNullable<VmVnic['trunk']>;
export type Mirror = NonNullable<VmVnic['mirror']>;

export const virtualMachine = defineKind<VirtualMachine>({
  kind: 'VirtualMachine',
  title: 'virtual machine',
  plural: 'virtual-machines',
  short: ['vm', 'vms'],
  summary: 'A virtual machine: the host that it runs on, and its vNICs.',
  schema,
  key: virtualMachineKey,
  references: (vm) => [
    ...tenantReference(vm.tenant),
    ...(vm.host === undefined ? [] : [{ path: 'host', kind: 'Host', key: vm.host } as const]),
    ...(vm.migration
      ? (['source', 'destination'] as const).map(
          (end) => ({ path: `migration.${end}`, kind: 'Host', key: vm.migration?.[end] ?? '' }) as const,
        )
      : []),
    ...vm.vnics.flatMap((v, i) => [
      ...vnicReferences(v, `vnics[${i}]`),
      ...aclReferences(v.acls, `vnics[${i}].acls`),
      ...mirrorReferences(v.mirror, `vnics[${i}].mirror`),
    ]),
  ],
});

export function virtualMachineKey({
  tenant: owner,
  name: own,
}: Pick<VirtualMachine, 'tenant' | 'name'>): string {
  return ownedKey(owner, own);
}

/** The VM networks that it is connected to, one for each vNIC that is. */
export function connectedTo({ vnics: all }: VirtualMachine): string[] {
  return all.filter(({ connected }) => connected !== false).map(({ vmNetwork }) => vmNetwork);
}
