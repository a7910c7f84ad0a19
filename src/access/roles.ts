/**
 * What the roles may do. A route says which permission it needs, and this table says who has it. Of the objects that
 * it is then about, a tenant's user sees and changes those of the tenant alone (`view.ts`).
 */
import type { KindName } from '../model/definition.ts';
import { isTenantRole, ROLES, type Role } from '../model/kinds/user.ts';

/**
 * public    anybody, before logging in
 * self      whoever is logged in, about themselves
 * view      look at objects, and at what became of them
 * change    create, change and delete objects
 * inspect   look at the fabric: hosts, their policy and flows, the way of a frame
 * operate   act on the fabric
 * people    users, their passwords, tokens and sessions
 */
export const PERMISSIONS = ['public', 'self', 'view', 'change', 'inspect', 'operate', 'people'] as const;

export type Permission = (typeof PERMISSIONS)[number];

const GRANTS: Readonly<Record<Role, readonly Permission[]>> = {
  administrator: PERMISSIONS,
  'fabric-administrator': ['public', 'self', 'view', 'change', 'inspect', 'operate'],
  'read-only-administrator': ['public', 'self', 'view', 'inspect'],
  'tenant-administrator': ['public', 'self', 'view', 'change', 'people'],
  'self-service': ['public', 'self', 'view', 'change'],
};

export function may(role: Role, permission: Permission): boolean {
  return GRANTS[role].includes(permission);
}

/** The kinds that a tenant's user may write; the administrators may write all, but for what is said below. */
const WRITABLE: Readonly<Partial<Record<Role, readonly KindName[]>>> = {
  'tenant-administrator': ['VmNetwork', 'VmSubnet', 'IpPool', 'VirtualMachine', 'PortAcl', 'User'],
  'self-service': ['VirtualMachine'],
};

/** Whether somebody of the role may write objects of the kind at all. */
export function mayWrite(role: Role, kind: KindName): boolean {
  if (!may(role, 'change')) return false;
  // Whoever writes users says who may do what, and so may do everything.
  if (kind === 'User' && !may(role, 'people')) return false;
  return WRITABLE[role]?.includes(kind) ?? !isTenantRole(role);
}

/** Whether everything that `narrow` may do, `wide` may do too: a token gets no more than its owner has. */
export function covers(wide: Role, narrow: Role): boolean {
  // Users of a tenant are not all administrators' to have: only the first role has everything of theirs.
  if (wide !== 'administrator' && isTenantRole(wide) !== isTenantRole(narrow)) return false;
  return ROLES.indexOf(wide) <= ROLES.indexOf(narrow);
}
