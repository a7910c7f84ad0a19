import { z } from 'zod';
import { defineKind, type Frozen, objectSchema } from '../definition.ts';
import { list, name, reference } from '../fields.ts';

/** What a tenant can have of each countable thing when nobody said otherwise: much for one, little for the whole. */
const DEFAULTS = {
  vmNetworks: 16,
  vmSubnets: 64,
  ipPools: 64,
  virtualMachines: 256,
  vnics: 512,
  addresses: 1024,
  portAcls: 64,
  rules: 1024,
  users: 64,
} as const;

/** Everything of a tenant that is counted. */
export type Countable = keyof typeof DEFAULTS;

export const COUNTABLES = Object.keys(DEFAULTS) as readonly Countable[];

/** As written in a sentence. */
const WORDS: Readonly<Record<Countable, string>> = {
  vmNetworks: 'VM networks',
  vmSubnets: 'VM subnets',
  ipPools: 'IP pools',
  virtualMachines: 'virtual machines',
  vnics: 'vNICs',
  addresses: 'addresses of vNICs',
  portAcls: 'port ACLs',
  rules: 'rules of port ACLs',
  users: 'users',
};

export function countableWords(countable: Countable): string {
  return WORDS[countable];
}

function quota(countable: Countable) {
  return z
    .int()
    .min(0)
    .max(1_000_000)
    .default(DEFAULTS[countable])
    .describe(`How many ${WORDS[countable]} it can have, 0 to 1000000.`);
}

const quotas = z.strictObject({
  vmNetworks: quota('vmNetworks'),
  vmSubnets: quota('vmSubnets'),
  ipPools: quota('ipPools'),
  virtualMachines: quota('virtualMachines'),
  vnics: quota('vnics'),
  addresses: quota('addresses'),
  portAcls: quota('portAcls'),
  rules: quota('rules'),
  users: quota('users'),
});

const schema = objectSchema('Tenant', {
  name,
  logicalNetworks: list(reference('Logical network.'))
    .default([])
    .describe(
      'Logical networks that are open to it: it makes virtualized VM networks on them, and connects to them as they are where they have a VM network of their own name.',
    ),
  portClassifications: list(reference('Port classification.'))
    .default([])
    .describe(
      'Port classifications that its users may pick. Each gives what its profile gives: one whose profile allows spoofed addresses allows it to them.',
    ),
  quotas: quotas
    .default({ ...DEFAULTS })
    .describe('How much it can have of each countable thing; nothing is without a limit.'),
});

/** Somebody who makes networks of their own on the fabric of the administrator, and sees nobody else's. */
export type Tenant = Frozen<z.output<typeof schema>>;

export const tenant = defineKind<Tenant>({
  kind: 'Tenant',
  title: 'tenant',
  plural: 'tenants',
  short: [],
  summary:
    'Somebody with networks of their own, within quotas, on the logical networks that are open to them.',
  schema,
  key: (object) => object.name,
  references: (object) => [
    ...object.logicalNetworks.map(
      (key, i) => ({ path: `logicalNetworks[${i}]`, kind: 'LogicalNetwork', key }) as const,
    ),
    ...object.portClassifications.map(
      (key, i) => ({ path: `portClassifications[${i}]`, kind: 'PortClassification', key }) as const,
    ),
  ],
});
