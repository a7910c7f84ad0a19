/**
 * What a principal sees of the network. An administrator sees everything. A tenant's user sees what is the tenant's, and
 * of the administrator's objects those that are open to it: logical networks, their VM networks, port classifications. Everything else is not there: nobody can tell it from what does not exist.
 */
import type { NetworkView } from '../controller/network.ts';
import type { KindName, ObjectKey } from '../model/definition.ts';
import { isKind, type ModelObject, splitObjectKey, type Tenant } from '../model/kinds.ts';
import { isOpenTo, tenantOf } from '../model/tenancy.ts';
import { type Principal, tenantView } from './principal.ts';
import { may } from './roles.ts';

export class View {
  readonly principal: Principal;
  /** The tenant whose view it is; undefined: everything is seen. */
  readonly tenant: string | undefined;
  readonly #network: NetworkView;

  constructor(network: NetworkView, principal: Principal) {
    this.#network = network;
    this.principal = principal;
    this.tenant = tenantView(principal);
  }

  /** Whether there is, to this principal, an object of the key. */
  sees(key: ObjectKey): boolean {
    const object = this.#network.fact(key);
    return object !== undefined && this.shows(key, object);
  }

  /** Whether an object, as it is or was, is one that the principal sees. */
  shows(key: ObjectKey, object: ModelObject): boolean {
    if (this.tenant === undefined) return true;
    if (!this.mayShow(key)) return false;
    if (isKind(object, 'User')) return this.#showsUser(key);
    if (tenantOf(key) !== undefined) return true;
    const tenant = this.#tenantObject();
    switch (object.kind) {
      case 'LogicalNetwork':
        return tenant?.logicalNetworks.includes(object.name) === true;
      case 'VmNetwork':
        return tenant !== undefined && isOpenTo(tenant, object);
      case 'PortClassification':
        return tenant?.portClassifications.includes(object.name) === true;
      default:
        return false;
    }
  }

  /** Whether an object of the key may be one that is seen, whatever is in it: costs little, and is asked first. */
  mayShow(key: ObjectKey): boolean {
    if (this.tenant === undefined) return true;
    const owner = tenantOf(key);
    if (owner !== undefined) return owner === this.tenant;
    return SHARED.has(splitObjectKey(key)?.kind ?? 'Host');
  }

  /** Whether the key is one of the tenant's own, whether there is such an object or not. */
  owns(key: ObjectKey): boolean {
    return this.tenant === undefined || tenantOf(key) === this.tenant;
  }

  /**
   * The key that a name of a kind means. A tenant's user leaves the tenant out: `web` is `red:web`, or, where there is
   * none, the administrator's `web`.
   *
   * @param also keys that will be there once the change that is asked for is made
   */
  resolve(kind: KindName, name: string, also?: ReadonlySet<ObjectKey>): ObjectKey {
    const typed: ObjectKey = `${kind}/${name}`;
    const own = this.own(kind, name);
    if (own === typed || this.sees(own) || also?.has(own)) return own;
    return this.sees(typed) ? typed : own;
  }

  /** The same for a key with its kind, as somebody typed it; undefined when it begins with no kind. */
  resolveKey(typed: string): ObjectKey | undefined {
    const split = splitObjectKey(typed);
    return split && this.resolve(split.kind, split.key);
  }

  /** The key of the tenant's own object of a name. */
  own(kind: KindName, name: string): ObjectKey {
    const typed: ObjectKey = `${kind}/${name}`;
    if (this.tenant === undefined || name.includes(':')) return typed;
    switch (kind) {
      case 'IpPool':
        return name.startsWith(SUBNET_POOL)
          ? `IpPool/${SUBNET_POOL}${this.tenant}:${name.slice(SUBNET_POOL.length)}`
          : typed;
      default:
        return OWNABLE.has(kind) ? `${kind}/${this.tenant}:${name}` : typed;
    }
  }

  /** The object of the tenant. */
  #tenantObject(): Tenant | undefined {
    const object = this.#network.get(`Tenant/${this.tenant}`)?.object;
    return isKind(object, 'Tenant') ? object : undefined;
  }

  #showsUser(key: ObjectKey): boolean {
    return may(this.principal.role, 'people') || key === this.principal.user;
  }
}

/** How the key of a pool of a VM subnet begins, within its kind. */
const SUBNET_POOL = 'VmSubnet/';

/** The kinds of which the administrator can open objects to tenants. */
const SHARED: ReadonlySet<KindName> = new Set(['LogicalNetwork', 'VmNetwork', 'PortClassification']);

/** The kinds whose key begins with the tenant. */
const OWNABLE: ReadonlySet<KindName> = new Set([
  'User',
  'VmNetwork',
  'VmSubnet',
  'VirtualMachine',
  'PortAcl',
]);
