/**
 * Whose an object is, told by its key alone. The key of an owned object is `tenant:name`, and whatever is part of it
 * has its key inside its own:
 *
 *     VmNetwork/red:web     VmSubnet/red:web/front     IpPool/VmSubnet/red:web/front/pool     Tenant/red
 *
 * Names have no colon, so `red:web` is never the name of an object without a tenant.
 */
import type { ObjectKey, Reference } from './definition.ts';

/** Key of an object that a tenant may own: `red:web`, or the name alone where it is nobody's. */
export function ownedKey(tenant: string | undefined, name: string): string {
  return tenant === undefined ? name : `${tenant}:${name}`;
}

/** The tenant in a key within its kind, or in a reference: `red` of `red:web`; undefined where there is none. */
export function tenantOfKey(key: string): string | undefined {
  const colon = key.indexOf(':');
  return colon < 0 ? undefined : key.slice(key.lastIndexOf('/', colon) + 1, colon);
}

/** The tenant that an object belongs to; undefined: it is the administrator's. */
export function tenantOf(key: ObjectKey): string | undefined {
  return key.startsWith('Tenant/') ? key.slice('Tenant/'.length) : tenantOfKey(key);
}

/** The reference that an owned object makes to its tenant, for its kind's `references`. */
export function tenantReference(tenant: string | undefined): Reference[] {
  return tenant === undefined ? [] : [{ path: 'tenant', kind: 'Tenant', key: tenant }];
}

/**
 * Whether a VM network that is nobody's can be seen and connected to by the tenant: it is the logical network as it
 * is, and that one is open to the tenant.
 */
export function isOpenTo(
  tenant: { readonly logicalNetworks: readonly string[] },
  network: { readonly tenant?: string; readonly isolation: string; readonly logicalNetwork: string },
): boolean {
  const isPlain = network.tenant === undefined && network.isolation === 'none';
  return isPlain && tenant.logicalNetworks.includes(network.logicalNetwork);
}
