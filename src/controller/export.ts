/**
 * The whole description as it can be applied to an empty system. With allocations, what was handed out is written into it
 * as if the operator had fixed it, so that the other system hands out the same: routing domain ids, VSIDs, MAC addresses,
 * addresses. What nobody can fix is made anew: the ids of vNICs, the numbers that domains have inside switches, and the MAC
 * addresses of provider interfaces.
 */
import { hostVnicOwner, MAC, providerOwner, RDID, VSID, vmVnicOwner } from '../allocate/scopes.ts';
import { entryOf } from '../base/map.ts';
import { KIND_NAMES, type KindName, type ObjectKey } from '../model/definition.ts';
import { virtualMachineKey } from '../model/kinds/virtual-machine.ts';
import { type Host, type HostSwitch, isKind, type ModelObject, type VirtualMachine } from '../model/kinds.ts';
import { type IpAddress, ip, mac } from '../packet/address.ts';
import type { NetworkView } from './network.ts';

export interface ExportOptions {
  /** Left out: all. */
  readonly kinds?: readonly KindName[];
  /** Write down what was handed out. */
  readonly allocations?: boolean;
}

/** What the operator wrote, kind by kind so that nothing comes before what it refers to, and by key within a kind. */
export function exportObjects(network: NetworkView, options: ExportOptions = {}): ModelObject[] {
  const kinds = KIND_NAMES.filter((kind) => options.kinds?.includes(kind) ?? true);
  const written = kinds.flatMap((kind) => network.list(kind).filter(({ held }) => held !== undefined));
  if (!options.allocations) return written.map(({ object }) => object);
  const given = addressesByOwner(network);
  return written.map(({ key, object }) => fixed(network, key, object, given));
}

/** Owner -> its addresses, of all subnets. */
type Given = ReadonlyMap<string, readonly IpAddress[]>;

function addressesByOwner(network: NetworkView): Given {
  const given = new Map<string, IpAddress[]>();
  for (const { scope, owner, value } of network.allocations()) {
    if (scope.startsWith('ip/') || scope.startsWith('fabric/'))
      entryOf(given, owner, (): IpAddress[] => []).push(ip(value));
  }
  return given;
}

function fixed(network: NetworkView, key: ObjectKey, object: ModelObject, given: Given): ModelObject {
  if (isKind(object, 'VmNetwork')) {
    const routingDomainId = network.allocation(RDID, key);
    return routingDomainId === undefined ? object : { ...object, routingDomainId };
  }
  if (isKind(object, 'VmSubnet')) {
    const vsid = network.allocation(VSID, key);
    return vsid === undefined ? object : { ...object, vsid: Number(vsid) };
  }
  if (isKind(object, 'VirtualMachine')) return fixedMachine(network, object, given);
  if (isKind(object, 'HostSwitch')) return fixedHostSwitch(network, object, given);
  if (isKind(object, 'Host')) return fixedHost(network, object, given);
  return object;
}

function fixedMachine(network: NetworkView, vm: VirtualMachine, given: Given): VirtualMachine {
  const name = virtualMachineKey(vm);
  return {
    ...vm,
    vnics: vm.vnics.map((vnic) => {
      const owner = vmVnicOwner(name, vnic.name);
      const addresses = [...new Set([...vnic.addresses, ...(given.get(owner) ?? [])])];
      return { ...vnic, ...macOf(network, owner), addresses };
    }),
  };
}

function fixedHostSwitch(network: NetworkView, hostSwitch: HostSwitch, given: Given): HostSwitch {
  return {
    ...hostSwitch,
    hostVnics: hostSwitch.hostVnics.map((vnic) => {
      const owner = hostVnicOwner(hostSwitch, vnic.name);
      // What it inherits stands at the host.
      const address = vnic.inheritManagementNic ? undefined : (vnic.address ?? given.get(owner)?.[0]);
      return { ...vnic, ...macOf(network, owner), ...(address === undefined ? {} : { address }) };
    }),
  };
}

function macOf(network: NetworkView, owner: string) {
  const address = network.allocation(MAC, owner);
  return address === undefined ? {} : { mac: mac(address) };
}

function fixedHost(network: NetworkView, host: Host, given: Given): Host {
  const fabrics = network.list('LogicalNetwork').flatMap(({ object }) => {
    if (!isKind(object, 'LogicalNetwork')) return [];
    const known = host.providerAddresses.some(({ logicalNetwork }) => logicalNetwork === object.name);
    const [address] = known ? [] : (given.get(providerOwner(host.name, object.name)) ?? []);
    return address === undefined ? [] : [{ logicalNetwork: object.name, address }];
  });
  return { ...host, providerAddresses: [...host.providerAddresses, ...fabrics] };
}
