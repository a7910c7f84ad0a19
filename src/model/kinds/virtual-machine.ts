import { z } from 'zod';
import { defineKind, type Frozen, objectSchema } from '../definition.ts';
import { ipAddress, list, macAddress, name, reference, subnetChoice } from '../fields.ts';
import { vnicReferences } from './vnic.ts';

const vnic = z.strictObject({
  name: name
    .describe('Name of the vNIC, unique on the VM. Left out: eth0, eth1 … by position.')
    .exactOptional(),
  vmNetwork: reference('VM network that it connects to.'),
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

const schema = objectSchema('VirtualMachine', {
  name,
  host: reference('Host that the VM runs on.'),
  vnics,
});

/** A virtual machine, as far as its network goes. */
export type VirtualMachine = Frozen<z.output<typeof schema>>;

export const virtualMachine = defineKind<VirtualMachine>({
  kind: 'VirtualMachine',
  title: 'virtual machine',
  plural: 'virtual-machines',
  short: ['vm', 'vms'],
  summary: 'A virtual machine: the host that it runs on, and its vNICs.',
  schema,
  key: (vm) => vm.name,
  references: (vm) => [
    { path: 'host', kind: 'Host', key: vm.host },
    ...vm.vnics.flatMap((v, i) => vnicReferences(v, `vnics[${i}]`)),
  ],
});
