/**
 * Addresses of objects. The key of an object is one or more names with slashes between them, and so is its address;
 * each name is percent-encoded on its own, so a slash in an address always is a border between names:
 *
 *     /api/v1/virtual-machines/blue1
 *     /api/v1/network-sites/Management/Building%20A
 *     /api/v1/ip-pools/VmSubnet/App%20Network/App/CA%20Pool
 */
import type { KindName, ObjectKey } from '../model/definition.ts';
import { kindOf, splitObjectKey } from '../model/kinds.ts';

export const API = '/api/v1';

/** The names that the key of each kind is made of. A pool's first one is the kind of what it belongs to. */
export const KEY_PARTS: Readonly<Record<KindName, readonly string[]>> = {
  FabricSettings: ['name'],
  HostGroup: ['name'],
  PhysicalNetwork: ['name'],
  LogicalNetwork: ['name'],
  Tenant: ['name'],
  User: ['name'],
  NetworkSite: ['logicalNetwork', 'name'],
  Host: ['name'],
  MacPool: ['name'],
  PortAcl: ['name'],
  VmNetwork: ['name'],
  VmSubnet: ['vmNetwork', 'name'],
  IpPool: ['parentKind', 'network', 'siteOrSubnet', 'name'],
  UplinkPortProfile: ['name'],
  VirtualPortProfile: ['name'],
  PortClassification: ['name'],
  LogicalSwitch: ['name'],
  HostSwitch: ['host', 'logicalSwitch'],
  VirtualMachine: ['name'],
};

/** `/api/v1/vm-networks` */
export function kindPath(kind: KindName): string {
  return `${API}/${kindOf(kind).plural}`;
}

/** The address of an object: `VmSubnet/Blue/Blue subnet` makes `/api/v1/vm-subnets/Blue/Blue%20subnet`. */
export function objectPath(key: ObjectKey): string {
  const { kind, key: name } = splitObjectKey(key)!;
  return `${kindPath(kind)}/${name.split('/').map(encodeURIComponent).join('/')}`;
}

/** The route of a kind's objects: `/api/v1/vm-subnets/:vmNetwork/:name`. */
export function objectRoute(kind: KindName): string {
  return `${kindPath(kind)}/${KEY_PARTS[kind].map((part) => `:${part}`).join('/')}`;
}

/** The key that the parameters of such a route say. */
export function keyOfParams(kind: KindName, params: Readonly<Record<string, string>>): ObjectKey {
  return `${kind}/${KEY_PARTS[kind].map((part) => params[part]).join('/')}`;
}
