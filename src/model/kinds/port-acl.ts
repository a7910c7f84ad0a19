import { z } from 'zod';
import { defineKind, type Frozen, objectSchema } from '../definition.ts';
import { list, name, portRange, prefixOrAddress, tenant } from '../fields.ts';
import { ownedKey, tenantReference } from '../tenancy.ts';

const ports = z.union([z.int().min(0).max(65_535), portRange], {
  error: 'must be a port (0 to 65535) or a range such as 8000-8080',
});

const rule = z.strictObject({
  name: name
    .describe('Name of the rule, unique in the port ACL. Left out: rule1, rule2 … by position.')
    .exactOptional(),
  direction: z.enum(['inbound', 'outbound']).describe('As the machine sees it: inbound is what comes to it.'),
  action: z.enum(['allow', 'deny']).describe('What becomes of what the rule is about.'),
  priority: z
    .int()
    .min(1)
    .max(65_535)
    .describe('Of the rules that a packet fits, the one with the lowest number decides. 1 to 65535.'),
  protocol: z
    .union([z.enum(['any', 'tcp', 'udp', 'icmp', 'icmpv6']), z.int().min(1).max(255)], {
      error: 'must be any, tcp, udp, icmp, icmpv6 or the number of an IP protocol (1 to 255)',
    })
    .default('any')
    .describe('IP protocol, by name or number (IANA: 47 is GRE). any: all of them.'),
  localAddress: prefixOrAddress
    .describe('Address of the machine, or a prefix that it is in. Left out: any.')
    .exactOptional(),
  localPorts: ports
    .describe('Port of the machine, or a range, 8000-8080; for tcp and udp. Left out: any.')
    .exactOptional(),
  remoteAddress: prefixOrAddress
    .describe('Address of the other side, or a prefix that it is in. Left out: any.')
    .exactOptional(),
  remotePorts: ports
    .describe('Port of the other side, or a range; for tcp and udp. Left out: any.')
    .exactOptional(),
  icmpType: z
    .int()
    .min(0)
    .max(255)
    .describe('Type of the message; for icmp and icmpv6. 8 and 128 ask for an echo. Left out: any.')
    .exactOptional(),
  stateful: z
    .boolean()
    .default(false)
    .describe(
      'Of a rule that allows: answers pass as well, and ICMP errors about it, whatever other rules say.',
    ),
  log: z
    .boolean()
    .default(false)
    .describe('Report what the rule decides, some packets a second of each port.'),
});

type Named = z.output<typeof rule> & { name: string };

const rules = list(rule)
  .default([])
  .describe('Rules, in any order; their priorities say which one decides.')
  .overwrite((all) => all.map((r, i) => ({ ...r, name: r.name ?? `rule${i + 1}` }))) as z.ZodType<
  Named[],
  z.input<typeof rule>[] | undefined
>;

const verdict = z.enum(['allow', 'deny']);

const schema = objectSchema('PortAcl', {
  name: name.describe('Name, unique among the port ACLs of its tenant.'),
  tenant: tenant.exactOptional(),
  rules,
  default: z
    .strictObject({
      inbound: verdict
        .describe('For what comes to the machine. Left out: the next port ACL.')
        .exactOptional(),
      outbound: verdict.describe('For what the machine sends. Left out: the next port ACL.').exactOptional(),
    })
    .default({})
    .describe(
      'What becomes of a packet that fits no rule. Left out: the next port ACL says it, and after the last one it passes.',
    ),
});

/** What vNICs may send and get: rules, to be attached to VM networks, VM subnets and vNICs. */
export type PortAcl = Frozen<z.output<typeof schema>>;
export type PortAclRule = PortAcl['rules'][number];

export const portAcl = defineKind<PortAcl>({
  kind: 'PortAcl',
  title: 'port ACL',
  plural: 'port-acls',
  short: ['acl', 'acls'],
  summary: 'Rules about what vNICs may send and get, attached to VM networks, VM subnets or vNICs.',
  schema,
  key: portAclKey,
  references: (acl) => tenantReference(acl.tenant),
});

export function portAclKey({ tenant: owner, name: own }: Pick<PortAcl, 'tenant' | 'name'>): string {
  return ownedKey(owner, own);
}

/** The port ACLs that an object names, for its kind's `references`. */
export function aclReferences(acls: readonly string[] | undefined, path: string) {
  return (acls ?? []).map((key, i) => ({ path: `${path}[${i}]`, kind: 'PortAcl', key }) as const);
}
