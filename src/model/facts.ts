import type { Index, Read } from '../base/derive.ts';
import type { IpAddress } from '../packet/address.ts';
import { builtInAt, builtInKeys } from './built-in.ts';
import { type KindName, type ObjectKey, target } from './definition.ts';
import { impliedAt, impliedKeys } from './implied.ts';
import { poolParent } from './kinds/ip-pool.ts';
import type { Countable } from './kinds/tenant.ts';
import { isKind, kindOf, type ModelObject, type ObjectOf, objectKey } from './kinds.ts';
import { tenantOf } from './tenancy.ts';

/**
 * Facts: what validation, allocation and compilation derive from. They are the operator's objects and the implied
 * ones, by object key; where the operator wrote an object that is also implied, the written one stands.
 *
 * The indexes are shared by the three derivations, so that each looks things up in the same way:
 *
 *     deriver = new Deriver({ indexes: INDEXES, rules: … })
 *     deriver.apply(factChanges(changedKeys, lookup))
 */

/** What a rule may look at: facts by object key, and groups of the indexes below. */
export type Reader = Read<ModelObject>;

/** The fact of an object key, given what the operator wrote. */
export function factAt(
  key: ObjectKey,
  object: (key: ObjectKey) => ModelObject | undefined,
): ModelObject | undefined {
  return object(key) ?? impliedAt(key, object) ?? builtInAt(key);
}

/** What the change of some of the operator's objects changes in the facts; `object` looks up how things are now. */
export function factChanges(
  changed: Iterable<ObjectKey>,
  object: (key: ObjectKey) => ModelObject | undefined,
): Map<ObjectKey, ModelObject | undefined> {
  const changes = new Map<ObjectKey, ModelObject | undefined>();
  for (const key of changed) {
    for (const touched of [key, ...impliedKeys(key)]) changes.set(touched, factAt(touched, object));
  }
  return changes;
}

/** All facts of these objects, and those that are built in. Where two have the same key, the last one stands. */
export function factsOf(objects: Iterable<ModelObject>): Map<ObjectKey, ModelObject> {
  const byKey = new Map<ObjectKey, ModelObject>();
  for (const object of objects) byKey.set(objectKey(object), object);
  const facts = new Map<ObjectKey, ModelObject>();
  for (const [key, fact] of factChanges([...builtInKeys(), ...byKey.keys()], (k) => byKey.get(k)))
    if (fact) facts.set(key, fact);
  return facts;
}

type Pairs = Iterable<readonly [group: string, member: string]>;

/**
 * Groups and their members. A member is an object key, or, where it says "field", the path of the field in the form of
 * findings (`VirtualMachine/blue1.vnics[0].mac`).
 */
export const INDEXES = {
  /** object key -> the objects that name it */
  referrers: (key, object) =>
    kindOf(object.kind)
      .references(object)
      .map((reference) => [target(reference), key] as const),
  /** physical network -> the physical networks that a link joins to it */
  joined: (_key, object) =>
    isKind(object, 'PhysicalNetwork')
      ? object.joinedWith.flatMap((other) => [
          [object.name, other],
          [other, object.name],
        ])
      : [],
  /** logical network -> its sites */
  sites: (key, object) => (isKind(object, 'NetworkSite') ? [[object.logicalNetwork, key]] : []),
  /** logical network -> VM networks made on it */
  vmNetworks: (key, object) => (isKind(object, 'VmNetwork') ? [[object.logicalNetwork, key]] : []),
  /** logical network -> VM networks that are the logical network as it is */
  plainNetworks: (key, object) =>
    isKind(object, 'VmNetwork') && object.isolation === 'none' ? [[object.logicalNetwork, key]] : [],
  /** VM network -> its subnets */
  subnets: (key, object) => (isKind(object, 'VmSubnet') ? [[object.vmNetwork, key]] : []),
  /** object key of a site or a VM subnet -> its pools */
  pools: (key, object) => (isKind(object, 'IpPool') ? [[poolParent(object), key]] : []),
  /** logical network -> pools of all its sites */
  fabricPools: (key, object) =>
    isKind(object, 'IpPool') && object.logicalNetwork !== undefined ? [[object.logicalNetwork, key]] : [],
  /** '' -> all MAC pools */
  macPools: (key, object) => (isKind(object, 'MacPool') ? [['', key]] : []),
  /** host -> logical switches applied to it (host switches) */
  hostSwitches: (key, object) => (isKind(object, 'HostSwitch') ? [[object.host, key]] : []),
  /** VM -> VMs with a mirror that copies to it */
  mirrorsOnto: (key, object) =>
    isKind(object, 'VirtualMachine')
      ? object.vnics.flatMap(({ mirror }) =>
          mirror?.machine === undefined ? [] : [[mirror.machine, key] as const],
        )
      : [],
  /** host -> VMs on it */
  virtualMachines: (key, object) =>
    isKind(object, 'VirtualMachine') && object.host !== undefined ? [[object.host, key]] : [],
  /** nicGroup(host, NIC) -> host switches that use the NIC */
  nicUsers: (key, object) =>
    isKind(object, 'HostSwitch') ? object.nics.map((nic) => [nicGroup(object.host, nic), key]) : [],
  /** RDID -> VM networks that fix it */
  routingDomains: (key, object) =>
    isKind(object, 'VmNetwork') && object.routingDomainId !== undefined
      ? [[object.routingDomainId, key]]
      : [],
  /** VSID -> VM subnets that fix it */
  vsids: (key, object) =>
    isKind(object, 'VmSubnet') && object.vsid !== undefined ? [[String(object.vsid), key]] : [],
  /** vlanGroup(logical network, VLAN) -> VM networks that are that VLAN */
  vlanNetworks: (key, object) =>
    isKind(object, 'VmNetwork') && object.isolation === 'vlan' && object.vlan !== undefined
      ? [[vlanGroup(object.logicalNetwork, object.vlan), key]]
      : [],
  /** MAC address -> fields that fix it: of NICs, host vNICs and VM vNICs */
  macs: fixedMacs,
  /** addressGroup(VM network, address) -> fields that fix it: of host vNICs and VM vNICs */
  addresses: fixedAddresses,
  /** addressGroup(logical network, address) -> fields that fix it as a provider address */
  providerAddresses: (key, object) =>
    isKind(object, 'Host')
      ? object.providerAddresses.map((p, i) => [
          addressGroup(p.logicalNetwork, p.address),
          `${key}.providerAddresses[${i}].address`,
        ])
      : [],
  /** `tenant/countable` -> each thing of the tenant that is counted so: an object key, or a part of one */
  countables,
} as const satisfies Readonly<Record<string, Index<ModelObject>>>;

export type IndexName = keyof typeof INDEXES;

/** What counts against the quotas of a tenant. A vNIC without a fixed address is given one, and counts for one. */
function* countables(key: string, object: ModelObject): Pairs {
  const tenant = tenantOf(objectKey(object));
  if (tenant === undefined) return;
  const group = (countable: Countable) => `${tenant}/${countable}`;
  switch (object.kind) {
    case 'VmNetwork':
      yield [group('vmNetworks'), key];
      break;
    case 'VmSubnet':
      yield [group('vmSubnets'), key];
      break;
    case 'IpPool':
      yield [group('ipPools'), key];
      break;
    case 'PortAcl':
      yield [group('portAcls'), key];
      for (const { name } of object.rules) yield [group('rules'), `${key}/${name}`];
      break;
    case 'User':
      yield [group('users'), key];
      break;
    case 'VirtualMachine':
      yield [group('virtualMachines'), key];
      for (const [i, { addresses }] of object.vnics.entries()) {
        const vnic = `${key}.vnics[${i}]`;
        yield [group('vnics'), vnic];
        for (let j = 0; j < Math.max(1, addresses.length); j++) yield [group('addresses'), `${vnic}/${j}`];
      }
      break;
  }
}

function* fixedMacs(key: string, object: ModelObject): Pairs {
  if (isKind(object, 'Host')) {
    for (const [i, nic] of object.nics.entries()) yield [nic.mac, `${key}.nics[${i}].mac`];
  }
  const [field, vnics] = vnicsOf(object);
  for (const [i, vnic] of vnics.entries()) {
    if (vnic.mac !== undefined) yield [vnic.mac, `${key}.${field}[${i}].mac`];
  }
}

function* fixedAddresses(key: string, object: ModelObject): Pairs {
  if (isKind(object, 'VirtualMachine')) {
    for (const [i, vnic] of object.vnics.entries()) {
      for (const [j, address] of vnic.addresses.entries()) {
        yield [addressGroup(vnic.vmNetwork, address), `${key}.vnics[${i}].addresses[${j}]`];
      }
    }
  }
  if (isKind(object, 'HostSwitch')) {
    for (const [i, vnic] of object.hostVnics.entries()) {
      if (vnic.address === undefined) continue;
      yield [addressGroup(vnic.vmNetwork, vnic.address), `${key}.hostVnics[${i}].address`];
    }
  }
}

function vnicsOf(object: ModelObject): [field: string, vnics: readonly { readonly mac?: string }[]] {
  if (isKind(object, 'VirtualMachine')) return ['vnics', object.vnics];
  if (isKind(object, 'HostSwitch')) return ['hostVnics', object.hostVnics];
  return ['', []];
}

/** Names have no slash, so a slash keeps the halves apart. */
export function nicGroup(host: string, nic: string): string {
  return `${host}/${nic}`;
}

export function addressGroup(network: string, address: IpAddress): string {
  return `${network}/${address}`;
}

export function vlanGroup(logicalNetwork: string, vlan: number): string {
  return `${logicalNetwork}/${vlan}`;
}

/** The object of a kind with this key, if it exists. */
export function get<K extends KindName>(read: Reader, kind: K, key: string): ObjectOf<K> | undefined {
  const object = read.get(`${kind}/${key}`);
  return isKind(object, kind) ? object : undefined;
}

/** The members of a group, sorted. */
export function members(read: Reader, index: IndexName, group: string): readonly string[] {
  return read.members(index, group);
}

/** The members of a group of object keys, as the objects of the kind. */
export function objects<K extends KindName>(
  read: Reader,
  kind: K,
  index: IndexName,
  group: string,
): ObjectOf<K>[] {
  return read
    .members(index, group)
    .map((key) => read.get(key))
    .filter((object) => isKind(object, kind));
}
