/** vNICs of VMs and of hosts in one form, with what was handed out for them. */
import { addressOwner, hostVnicOwner, MAC, VNIC, vmVnicOwner } from '../allocate/scopes.ts';
import { type AddressSubnet, subnetOfAddress, subnetsOfPlace } from '../allocate/subnets.ts';
import { type HostSwitch, objectKey, type VirtualMachine } from '../model/kinds.ts';
import { hostVnicAddresses, isPlaced, placeVnic, type VnicPlace } from '../model/placement.ts';
import { type IpAddress, ip, type Mac, mac } from '../packet/address.ts';
import type { Origin } from '../policy/records.ts';
import { allocated, modelOf } from './facts.ts';
import type { CompileRead } from './feature.ts';

/** A vNIC with everything that it needs to be connected. */
export interface Vnic {
  /** The vNIC id, a UUID. */
  readonly id: string;
  /** `blue1/eth0` */
  readonly name: string;
  readonly owner: 'vm' | 'host';
  readonly mac: Mac;
  readonly place: VnicPlace;
  readonly classification: string | undefined;
  /** Fixed addresses, or the one that was given, each with its subnet. */
  readonly addresses: readonly VnicAddress[];
  readonly origin: Origin;
}

export interface VnicAddress {
  readonly address: IpAddress;
  readonly subnet: AddressSubnet;
}

/** What an operator says of a vNIC, be it of a VM or of a host. */
interface Wish {
  readonly vmNetwork: string;
  readonly subnet?: string;
  readonly classification?: string;
  readonly addresses: readonly IpAddress[];
}

export function* vnicsOfVm(read: CompileRead, vm: VirtualMachine): Iterable<Vnic> {
  for (const vnic of vm.vnics) {
    const owner = vmVnicOwner(vm.name, vnic.name);
    const complete = complement(read, vm.host, vnic, owner);
    if (complete) yield { ...complete, name: `${vm.name}/${vnic.name}`, owner: 'vm', origin: objectKey(vm) };
  }
}

export function* vnicsOfHost(read: CompileRead, hostSwitch: HostSwitch): Iterable<Vnic> {
  const origin = objectKey(hostSwitch);
  for (const vnic of hostSwitch.hostVnics) {
    const wish = { ...vnic, addresses: hostVnicAddresses(modelOf(read), hostSwitch, vnic) };
    const complete = complement(read, hostSwitch.host, wish, hostVnicOwner(hostSwitch, vnic.name));
    if (complete) yield { ...complete, name: `${hostSwitch.host}/${vnic.name}`, owner: 'host', origin };
  }
}

/** Undefined while something is missing that the vNIC cannot do without. */
function complement(
  read: CompileRead,
  host: string,
  wish: Wish,
  owner: string,
): Omit<Vnic, 'name' | 'owner' | 'origin'> | undefined {
  const place = placeVnic(modelOf(read), host, wish);
  if (!isPlaced(place)) return undefined;
  const id = allocated(read, VNIC, owner);
  const macAddress = allocated(read, MAC, owner);
  if (id === undefined || macAddress === undefined) return undefined;
  return {
    id,
    mac: mac(macAddress),
    place,
    classification: wish.classification,
    addresses: addressesOf(read, place, wish, owner),
  };
}

function addressesOf(read: CompileRead, place: VnicPlace, wish: Wish, owner: string): VnicAddress[] {
  const subnets = subnetsOfPlace(modelOf(read), place);
  const [first] = subnets;
  if (!first) return [];
  if (wish.addresses.length > 0) {
    return wish.addresses.map((address) => ({ address, subnet: subnetOfAddress(subnets, address) ?? first }));
  }
  const given = allocated(read, first.scope, addressOwner(owner, undefined, 0));
  return given === undefined ? [] : [{ address: ip(given), subnet: first }];
}
