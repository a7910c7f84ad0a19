/** What vNICs need: an id, a MAC address, and addresses where the operator fixed them or Netloom gives them out. */
import type { Rule } from '../base/derive.ts';
import { get, type Reader } from '../model/facts.ts';
import { isKind, type ModelObject, objectKey } from '../model/kinds.ts';
import { hostVnicAddresses, isPlaced, placeVnic, type VnicPlace, type VnicWish } from '../model/placement.ts';
import { isIpv4, type Mac } from '../packet/address.ts';
import { vnicIdDemand } from './identifier.ts';
import { type Demand, type Need, optional } from './need.ts';
import { macPoolsOf, rangeOfPrefix } from './pools.ts';
import { addressOwner, hostVnicOwner, MAC, vmVnicOwner } from './scopes.ts';
import { subnetOfAddress, subnetsOfPlace } from './subnets.ts';

export const virtualMachineRule: Rule<ModelObject, Need> = {
  name: 'virtual-machine',
  units: (key, object) => (isKind(object, 'VirtualMachine') ? [key] : []),
  *derive(key, read) {
    const vm = read.get(key);
    if (!isKind(vm, 'VirtualMachine')) return;
    const macPools = macPoolsOf(read, get(read, 'Host', vm.host));
    for (const [i, vnic] of vm.vnics.entries()) {
      const owner = vmVnicOwner(vm.name, vnic.name);
      const path = `${key}.vnics[${i}]`;
      yield vnicIdDemand(owner, path);
      yield macDemand(owner, `${path}.mac`, macPools, vnic.mac);
      const place = placeVnic(read, vm.host, vnic);
      if (isPlaced(place)) yield* addressDemands(read, place, vnic, owner, path, (j) => `addresses[${j}]`);
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
      // What it inherits and nobody has written down is not to be replaced by an address of the pool.
      if (vnic.inheritManagementNic && addresses.length === 0) continue;
      const wish = { ...vnic, addresses };
      const place = placeVnic(read, hostSwitch.host, wish);
      if (isPlaced(place)) {
        yield* addressDemands(read, place, wish, owner, path, () =>
          vnic.inheritManagementNic ? 'inheritManagementNic' : 'address',
        );
      }
    }
  },
};

function* addressDemands(
  read: Reader,
  place: VnicPlace,
  wish: VnicWish,
  owner: string,
  path: string,
  field: (index: number) => string,
): Iterable<Demand> {
  const subnets = subnetsOfPlace(read, place);
  for (const [i, address] of wish.addresses.entries()) {
    const subnet = subnetOfAddress(subnets, address);
    if (!subnet) continue;
    yield {
      kind: 'demand',
      scope: subnet.scope,
      owner: addressOwner(owner, address, i),
      space: isIpv4(address) ? 'ipv4' : 'ipv6',
      value: address,
      pools: [],
      place: subnet.words,
      remedy: '',
      path: `${path}.${field(i)}`,
    };
  }
  const [first] = subnets;
  if (wish.addresses.length > 0 || first?.prefix === undefined) return;
  // A virtualized network has no other source of addresses than its pools; a physical one may have a DHCP server.
  if (first.pools.length === 0 && place.type === 'site') return;
  yield {
    kind: 'demand',
    scope: first.scope,
    owner,
    space: first.prefix.includes(':') ? 'ipv6' : 'ipv4',
    pools: first.pools.map(objectKey),
    within: rangeOfPrefix(first.prefix),
    place: first.words,
    remedy: `Add an IP pool with a range of ${first.prefix}, or fix the address of the vNIC.`,
    path,
  };
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
