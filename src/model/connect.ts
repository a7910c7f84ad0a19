/**
 * Connecting one vNIC of a VM to a VM network, as `netloom vm connect` does: what the VM says then, and, where that cannot
 * be, an object that would repair it.
 */
import { type Finding, finding, NetloomError } from '../base/error.ts';
import {
  firstHost,
  type IpAddress,
  ipToBigint,
  ipv4FromNumber,
  ipv6FromBigint,
  lastAddress,
  type Prefix,
  prefix,
  prefixOverlaps,
  prefixParts,
} from '../packet/address.ts';
import { get, objects, type Reader } from './facts.ts';
import type { VmVnic } from './kinds/virtual-machine.ts';
import { prefixesOf, subnetKey } from './kinds/vm-subnet.ts';
import {
  type IpPool,
  KINDS,
  type LogicalNetwork,
  type ModelObject,
  objectKey,
  type VirtualMachine,
  type VmNetwork,
} from './kinds.ts';
import { tenantOfKey } from './tenancy.ts';
import { hostSwitchFor } from './uplinks.ts';
import { choices } from './words.ts';

/** Where a vNIC shall be. */
export interface Connection {
  readonly vmNetwork: string;
  readonly subnet?: string;
  /** Left out: it keeps the one that it has. */
  readonly classification?: string;
}

/** The vNIC that is meant: by name, or the only one. Throws `not-found` with the names that there are. */
export function vnicOf(vm: VirtualMachine, name: string | undefined): VmVnic {
  const [only] = vm.vnics;
  const found =
    name === undefined ? (vm.vnics.length === 1 ? only : undefined) : vm.vnics.find((v) => v.name === name);
  if (found) return found;
  const names = choices(vm.vnics.map((v) => v.name));
  throw new NetloomError([
    finding(
      'not-found',
      objectKey(vm),
      name === undefined
        ? `${objectKey(vm)} has ${vm.vnics.length} vNICs, so it is not clear which one is meant.`
        : `${objectKey(vm)} has no vNIC "${name}".`,
      vm.vnics.length === 0 ? 'Give the VM a vNIC first.' : `Name ${names}.`,
    ),
  ]);
}

/** The VM with one vNIC connected there. What belongs to its old network (subnet, fixed addresses) goes. */
export function connected(vm: VirtualMachine, vnic: VmVnic, to: Connection): VirtualMachine {
  const { subnet: _old, connected: _was, ...rest } = vnic;
  const addresses = vnic.vmNetwork === to.vmNetwork && vnic.subnet === to.subnet ? vnic.addresses : [];
  return withVnic(vm, vnic, { ...rest, ...to, addresses });
}

/** The VM with one vNIC plugged in nowhere. */
export function disconnected(vm: VirtualMachine, vnic: VmVnic): VirtualMachine {
  return withVnic(vm, vnic, { ...vnic, connected: false });
}

function withVnic(vm: VirtualMachine, old: VmVnic, vnic: VmVnic): VirtualMachine {
  return { ...vm, vnics: vm.vnics.map((v) => (v === old ? vnic : v)) };
}

/**
 * An object that, added, does away with this finding about the vNIC; undefined where no new object can. Names and numbers
 * in it are proposals.
 */
export function repairOf(
  { code, path }: Finding,
  read: Reader,
  vm: VirtualMachine,
  vnic: VmVnic,
  networks: readonly LogicalNetwork[],
): ModelObject | undefined {
  const field = path.slice(path.lastIndexOf('.') + 1);
  const network = get(read, 'VmNetwork', vnic.vmNetwork);
  if (code === 'reference-missing' && field === 'vmNetwork')
    return newNetwork(read, vm, vnic.vmNetwork, networks);
  if (code === 'reference-missing' && field === 'classification' && vnic.classification !== undefined)
    return KINDS.PortClassification.schema.safeParse({
      kind: 'PortClassification',
      name: vnic.classification,
    }).data;
  if (network?.isolation !== 'virtualized') return undefined;
  const isSubnet = code === 'subnet-missing' || (code === 'reference-missing' && field === 'subnet');
  if (
    isSubnet &&
    (vnic.subnet !== undefined || objects(read, 'VmSubnet', 'subnets', vnic.vmNetwork).length === 0)
  )
    return newSubnet(read, vnic);
  if (code === 'pool-missing' && field === 'addresses') return newPool(read, vnic);
  if (code === 'pool-missing' && field === 'vmNetwork') return newProviderPool(read, vm, network);
  return undefined;
}

/** On a logical network that comes to the VM's host and takes virtualized networks. */
function newNetwork(
  read: Reader,
  vm: VirtualMachine,
  key: string,
  networks: readonly LogicalNetwork[],
): ModelObject | undefined {
  const { host } = vm;
  const fabric = networks.find(
    ({ name, networkVirtualization }) =>
      networkVirtualization &&
      host !== undefined &&
      hostSwitchFor(read, host, name)?.profile.networkVirtualization,
  );
  if (!fabric) return undefined;
  const tenant = tenantOfKey(key);
  const said = {
    kind: 'VmNetwork',
    name: key.slice(key.indexOf(':') + 1),
    ...(tenant === undefined ? {} : { tenant }),
    logicalNetwork: fabric.name,
    isolation: 'virtualized',
  };
  // What was asked for need not be the name of anything.
  return KINDS.VmNetwork.schema.safeParse(said).data;
}

/** The first /16 of 10.10.0.0 to 10.255.0.0 that overlaps no other subnet of the network. */
function newSubnet(read: Reader, { vmNetwork, subnet = 'subnet' }: VmVnic): ModelObject | undefined {
  const taken = objects(read, 'VmSubnet', 'subnets', vmNetwork).flatMap(prefixesOf);
  for (let second = 10; second < 256; second++) {
    const free = prefix(`10.${second}.0.0/16`);
    if (taken.some((other) => prefixOverlaps(other, free))) continue;
    const said = { kind: 'VmSubnet', name: subnet, vmNetwork, prefix: free };
    return KINDS.VmSubnet.schema.safeParse(said).data;
  }
  return undefined;
}

function newPool(read: Reader, { vmNetwork, subnet }: VmVnic): ModelObject | undefined {
  const [only] = objects(read, 'VmSubnet', 'subnets', vmNetwork);
  const found = subnet === undefined ? only : get(read, 'VmSubnet', subnetKey(vmNetwork, subnet));
  if (!found) return undefined;
  return pool({ vmNetwork, subnet: found.name }, found.prefix);
}

/** For provider addresses, on the first row of the site that says its prefix. */
function newProviderPool(
  read: Reader,
  { host }: VirtualMachine,
  network: VmNetwork,
): ModelObject | undefined {
  const site = host === undefined ? undefined : hostSwitchFor(read, host, network.logicalNetwork)?.site;
  const prefix = site?.subnets.find((row) => row.prefix !== undefined)?.prefix;
  if (!site || prefix === undefined) return undefined;
  return pool({ logicalNetwork: site.logicalNetwork, site: site.name, prefix }, prefix);
}

/** Everything after the router's address. */
function pool(of: Partial<IpPool>, prefix: Prefix): ModelObject {
  const first = step(firstHost(prefix), 1n);
  const last = lastAddress(prefix);
  return KINDS.IpPool.schema.parse({
    kind: 'IpPool',
    name: `Pool of ${prefixParts(prefix).address.replaceAll(':', '.')}`.slice(0, 63),
    ...of,
    from: first,
    to: prefixParts(prefix).family === 4 ? step(last, -1n) : last,
  });
}

function step(address: IpAddress, by: bigint): IpAddress {
  const number = ipToBigint(address) + by;
  return address.includes(':') ? ipv6FromBigint(number) : ipv4FromNumber(Number(number));
}
