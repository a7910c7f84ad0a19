import { z } from 'zod';
import { defineKind, type Frozen, objectSchema } from '../definition.ts';
import { name, tenant } from '../fields.ts';
import { ownedKey, tenantReference } from '../tenancy.ts';

/** The roles, from the one that may do everything. The last two are a tenant's. */
export const ROLES = [
  'administrator',
  'fabric-administrator',
  'read-only-administrator',
  'tenant-administrator',
  'self-service',
] as const;

export type Role = (typeof ROLES)[number];

/** Whether whoever has the role sees one tenant and nothing else. */
export function isTenantRole(role: Role): boolean {
  return role === 'tenant-administrator' || role === 'self-service';
}

const schema = objectSchema('User', {
  name: name.describe('Name, unique among the users of the tenant. A tenant’s user logs in as tenant:name.'),
  tenant: tenant
    .describe('Tenant that the user belongs to, with the roles tenant-administrator and self-service.')
    .exactOptional(),
  role: z
    .enum(ROLES)
    .describe(
      'administrator: everything. fabric-administrator: everything but users. read-only-administrator: sees everything, changes nothing. tenant-administrator: everything of one tenant. self-service: the virtual machines of one tenant.',
    ),
  disabled: z.boolean().default(false).describe('Whether the user is kept out, without being deleted.'),
});

/** A person or program that logs in. Passwords and tokens are kept beside it, and never go out. */
export type User = Frozen<z.output<typeof schema>>;

export const user = defineKind<User>({
  kind: 'User',
  title: 'user',
  plural: 'users',
  short: [],
  summary: 'A person or program that logs in, with a role and, for the roles of a tenant, the tenant.',
  schema,
  key: (object) => ownedKey(object.tenant, object.name),
  references: (object) => tenantReference(object.tenant),
});
