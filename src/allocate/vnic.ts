/** What vNICs need: an id, a MAC address, and addresses where the operator fixed them or Netloom gives them out. */
import type { Rule } from '../base/derive.ts';
import { get, type Reader } from '../model/facts.ts';
import { virtualMachineKey } from '../model/kinds/virtual-machine.ts';
import { isKind, type ModelObject, objectKey } from '../model/kinds.ts';
import { hostVnicAddresses, isPlaced, placeVnic, type VnicPlace, type VnicWish } from '../model/placement.ts';
import { isIpv4, type Mac } from '../packet/address.ts';
import { vnicIdDemand } from './identifier.ts';
import { type Demand, type Need, optional } from './need.ts';
import { macPoolsOf, rangeOfPrefix } from './pools.ts';
import { addressOwner, hostVnicOwner, MAC, vmVnicOwner } from './scopes.ts';
import { givingSubnets, subnetOfAddress, subnetsOfPlace } from './subnets.ts';

export const virtualMachineRule: Rule<ModelObject, Need> = {
  name: 'virtual-machine',
  units: (key, object) => (isKind(object, 'VirtualMachine') ? [key] : []),
  *derive(key, read) {
    const vm = read.get(key);
    // A VM that is not placed yet holds nothing.
    if (!isKind(vm, 'VirtualMachine') || vm.host === undefined) return;
    const macPools = macPoolsOf(read, get(read, 'Host', vm.host));
    for (const [i, vnic] of vm.vnics.entries()) {
      const owner = vmVnicOwner(virtualMachineKey(vm), vnic.name);
      const path = `${key}.vnics[${i}]`;
      yield vnicIdDemand(owner, path);
      yield macDemand(owner, `${path}.mac`, macPools, vnic.mac);
      const place = placeVnic(read, vm.host, vnic);
      if (isPlaced(place))
        yield* addressDemands(read, place, vnic, owner, path, {
          field: (j) => `addresses[${j}]`,
          pooled: true,
        });
    }
  },
};

export const hostSwitchRule: Rule<ModelObject, Need> = {
  name: 'host-switch',
  units: (key, object) => (isKind(object, 'HostSwitch') ? [key] : []),
  *derive(key, read) {
    const hostSwitch = read.get(key);
    if (!isKind(hostSwitch, 'HostSwitch')) return;
    const macPools = macPoolsOf(read, get(read, 'Host', hostSwitch.host));
    for (const [i, vnic] of hostSwitch.hostVnics.entries()) {
      const owner = hostVnicOwner(hostSwitch, vnic.name);
      const path = `${key}.hostVnics[${i}]`;
      yield vnicIdDemand(owner, path);
      yield macDemand(owner, `${path}.mac`, macPools, vnic.mac);
      const addresses = hostVnicAddresses(read, hostSwitch, vnic);
      const wish = { ...vnic, addresses };
      const place = placeVnic(read, hostSwitch.host, wish);
      if (isPlaced(place)) {
        yield* addressDemands(read, place, wish, owner, path, {
          field: () => (vnic.inheritManagementNic ? 'inheritManagementNic' : 'address'),
          pooled: !vnic.inheritManagementNic,
        });
      }
    }
  },
};

interface AddressOptions {
  /** The field that a fixed address stands in. */
  readonly field: (index: number) => string;
  /** Pools may add to the fixed ones. Not where addresses are inherited: what nobody has written down is there all the same. */
  readonly pooled: boolean;
}

function* addressDemands(
  read: Reader,
  place: VnicPlace,
  wish: VnicWish,
  owner: string,
  path: string,
  { field, pooled }: AddressOptions,
): Iterable<Demand> {
  const subnets = subnetsOfPlace(read, place);
  const inScope = new Map<string, number>();
  for (const [i, address] of wish.addresses.entries()) {
    const subnet = subnetOfAddress(subnets, address);
    if (!subnet) continue;
    const index = inScope.get(subnet.scope) ?? 0;
    inScope.set(subnet.scope, index + 1);
    yield {
      kind: 'demand',
      scope: subnet.scope,
      owner: addressOwner(owner, address, index),
      space: isIpv4(address) ? 'ipv4' : 'ipv6',
      value: address,
      pools: [],
      place: subnet.words,
      remedy: '',
      path: `${path}.${field(i)}`,
    };
  }
  for (const subnet of pooled ? givingSubnets(place, subnets, wish.addresses) : []) {
    if (subnet.prefix === undefined) continue;
    yield {
      kind: 'demand',
      scope: subnet.scope,
      owner,
      space: subnet.prefix.includes(':') ? 'ipv6' : 'ipv4',
      pools: subnet.pools.map(objectKey),
      within: rangeOfPrefix(subnet.prefix),
      place: subnet.words,
      remedy: `Add an IP pool with a range of ${subnet.prefix}, or fix the address of the vNIC.`,
      path,
    };
  }
}

export function macDemand(owner: string, path: string, pools: readonly string[], value?: Mac): Demand {
  return {
    kind: 'demand',
    scope: MAC,
    owner,
    space: 'mac',
    pools,
    place: 'this network',
    remedy: 'Add a MAC pool.',
    path,
    ...optional('value', value),
  };
}
