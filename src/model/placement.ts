import type { ErrorCode } from '../base/codes.ts';
import { type IpAddress, prefixContains } from '../packet/address.ts';
import { get, objects, type Reader } from './facts.ts';
import { type HostVnic, isExternal } from './kinds/host-switch.ts';
import type { NetworkSite, SiteSubnet } from './kinds/network-site.ts';
import type { Trunk } from './kinds/virtual-machine.ts';
import { type VmNetwork, vmNetworkKey } from './kinds/vm-network.ts';
import { subnetKey, type VmSubnet } from './kinds/vm-subnet.ts';
import { isSitePrefix } from './kinds/vnic.ts';
import { type HostSwitch, type IpPool, objectKey } from './kinds.ts';
import { vlansIn } from './range.ts';
import { hostSwitchFor, isSameSegment, poolsOfRow, type Uplink } from './uplinks.ts';
import { choices } from './words.ts';

/**
 * Where a vNIC ends up: on a row of the site that its host stands in (uplinks.ts), or on a subnet of a virtualized
 * network. Validation, allocation and compilation ask here, so that they cannot disagree.
 */

/** What keeps a vNIC from being placed: the field of the vNIC that it is about, and the words for it. */
export interface Problem {
  /** Relative to what was checked: `subnet`, `nics[0]`; empty for the whole. */
  readonly path: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
}

/** What a vNIC says about where it wants to be. */
export interface VnicWish {
  readonly vmNetwork: string;
  /** Left out: it is. */
  readonly connected?: boolean;
  readonly subnet?: string;
  /** Fixed addresses; empty when it takes what it is given. */
  readonly addresses: readonly IpAddress[];
  readonly trunk?: Trunk;
}

/** Where a vNIC is. */
export type VnicPlace =
  | {
      /** On a subnet of the site: the logical network as it is, or one of its VLANs. */
      readonly type: 'site';
      readonly network: VmNetwork;
      readonly uplink: Uplink;
      readonly row: SiteSubnet;
      /** Of a trunk: rows of the VLANs that it carries besides, with their tag. */
      readonly tagged?: readonly SiteSubnet[];
      /** Of a trunk: rows of the VLANs that come to it without their tag as well. */
      readonly untagged?: readonly SiteSubnet[];
    }
  | {
      /** On a subnet of a virtualized network. */
      readonly type: 'virtual';
      readonly network: VmNetwork;
      readonly uplink: Uplink;
      readonly subnet: VmSubnet;
    };

/**
 * Where a vNIC of this host ends up, or why it cannot be placed. Undefined when something that it names does not
 * exist, which is a finding of its own, or it is disconnected.
 */
export function placeVnic(read: Reader, hostName: string, wish: VnicWish): VnicPlace | Problem | undefined {
  if (wish.connected === false) return undefined;
  const network = get(read, 'VmNetwork', wish.vmNetwork);
  if (!network || !get(read, 'Host', hostName) || !get(read, 'LogicalNetwork', network.logicalNetwork)) {
    return undefined;
  }
  const uplink = hostSwitchFor(read, hostName, network.logicalNetwork);
  if (!uplink) {
    return {
      path: 'vmNetwork',
      code: 'network-unreachable',
      message: `No switch of host "${hostName}" carries the logical network "${network.logicalNetwork}" of VM network "${network.name}".`,
      remedy: `Give the host a logical switch whose uplink port profile has the site of "${network.logicalNetwork}" that the host stands in, or use another network or host.`,
    };
  }
  return network.isolation === 'virtualized'
    ? placeVirtual(read, wish, network, uplink)
    : placeOnSite(read, wish, network, uplink);
}

/** Whether `placeVnic` found a place. */
export function isPlaced(place: VnicPlace | Problem | undefined): place is VnicPlace {
  return place !== undefined && 'type' in place;
}

function placeVirtual(
  read: Reader,
  wish: VnicWish,
  network: VmNetwork,
  uplink: Uplink,
): VnicPlace | Problem | undefined {
  if (!isExternal(uplink.hostSwitch)) {
    return {
      path: 'vmNetwork',
      code: 'virtualization-off',
      message: `VM network "${network.name}" is virtualized, and the switch that has it on host "${uplink.hostSwitch.host}" is ${uplink.hostSwitch.type}: nothing leaves the host by it.`,
      remedy: 'Make the host switch an external one, or use a VM network without virtualization.',
    };
  }
  if (!uplink.profile.networkVirtualization) {
    return {
      path: 'vmNetwork',
      code: 'virtualization-off',
      message: `VM network "${network.name}" is virtualized, but uplink port profile "${uplink.profile.name}" of host "${uplink.hostSwitch.host}" does not carry virtualized networks.`,
      remedy: 'Set networkVirtualization: true on the uplink port profile.',
    };
  }
  if (wish.subnet !== undefined) {
    if (isSitePrefix(wish.subnet)) {
      return {
        path: 'subnet',
        code: 'subnet-missing',
        message: `VM network "${network.name}" is virtualized; its subnets are meant by name, not by the prefix ${wish.subnet}.`,
        remedy: `Name a subnet of "${network.name}".`,
      };
    }
    const subnet = get(read, 'VmSubnet', subnetKey(vmNetworkKey(network), wish.subnet));
    return subnet && { type: 'virtual', network, uplink, subnet };
  }
  const [subnet, ...others] = objects(read, 'VmSubnet', 'subnets', vmNetworkKey(network));
  if (!subnet) {
    return {
      path: 'vmNetwork',
      code: 'subnet-missing',
      message: `VM network "${network.name}" has no subnet.`,
      remedy: `Add a VmSubnet to "${network.name}", and an IP pool if addresses are to be given out.`,
    };
  }
  if (others.length > 0) {
    const names = [subnet, ...others].map((s) => s.name);
    return {
      path: 'subnet',
      code: 'subnet-missing',
      message: `VM network "${network.name}" has ${names.length} subnets, and the vNIC does not say which.`,
      remedy: `Set subnet to ${choices(names)}.`,
    };
  }
  return { type: 'virtual', network, uplink, subnet };
}

function placeOnSite(read: Reader, wish: VnicWish, network: VmNetwork, uplink: Uplink): VnicPlace | Problem {
  const { site } = uplink;
  const where = `site "${site.name}" of logical network "${site.logicalNetwork}"`;
  const carried = rowsOfNetwork(network, site);
  const native = wish.trunk?.nativeVlan;
  const rows = native === undefined ? carried : carried.filter((row) => row.vlan === native);
  const [first] = rows;
  if (!first && carried.length > 0) {
    return {
      path: 'trunk.nativeVlan',
      code: 'subnet-missing',
      message: `VM network "${network.name}" has no VLAN ${native} in ${where}.`,
      remedy: `Use ${choices([...new Set(carried.map((row) => String(row.vlan)))])}, or leave it out.`,
    };
  }
  if (!first) {
    return {
      path: 'vmNetwork',
      code: 'subnet-missing',
      message: `VM network "${network.name}" is VLAN ${network.vlan}, which ${where} does not have.`,
      remedy: `Add a row with that VLAN to the site, or use another network.`,
    };
  }
  const prefixes = rows.map((row) => row.prefix).filter((prefix) => prefix !== undefined);
  if (wish.subnet !== undefined) {
    const row = rows.find((r) => r.prefix === wish.subnet);
    if (row) return onRow(wish, network, uplink, row);
    return {
      path: 'subnet',
      code: 'subnet-missing',
      message: `VM network "${network.name}" has no subnet ${wish.subnet} in ${where}.`,
      remedy: prefixes.length > 0 ? `Use ${choices(prefixes)}, or leave it out.` : 'Leave it out.',
    };
  }
  const [address] = wish.addresses;
  const holder = rows.find(
    (row) => address !== undefined && row.prefix !== undefined && prefixContains(row.prefix, address),
  );
  if (holder) return onRow(wish, network, uplink, holder);
  if (!rows.every((row) => isSameSegment(row, first))) {
    return {
      path: address === undefined ? 'subnet' : 'addresses',
      code: address === undefined ? 'subnet-missing' : 'address-outside',
      message:
        address === undefined
          ? `VM network "${network.name}" has ${rows.length} subnets in ${where}, and the vNIC does not say which.`
          : `${address} is in none of the subnets of ${where}.`,
      remedy:
        prefixes.length > 0
          ? `Set subnet to ${choices(prefixes)}.`
          : 'Give the subnets of the site prefixes.',
    };
  }
  const row = rows.find((r) => poolsOfRow(read, site, r).length > 0) ?? first;
  return onRow(wish, network, uplink, row);
}

function onRow({ trunk }: VnicWish, network: VmNetwork, uplink: Uplink, row: SiteSubnet): VnicPlace {
  if (!trunk) return { type: 'site', network, uplink, row };
  const rowsOf = (listed: readonly (number | string)[]) => {
    const vlans = new Set(vlansIn(listed));
    return uplink.site.subnets.filter(({ vlan }) => vlans.has(vlan) && vlan !== row.vlan);
  };
  return {
    type: 'site',
    network,
    uplink,
    row,
    tagged: rowsOf(trunk.tagged),
    untagged: rowsOf(trunk.untagged),
  };
}

/** A site without rows is one untagged network whose addresses are not ours. */
const UNTAGGED: SiteSubnet = { vlan: 0 };

/** The rows of a site that a VM network without virtualization can be on. */
function rowsOfNetwork(network: VmNetwork, site: NetworkSite): readonly SiteSubnet[] {
  switch (network.isolation) {
    case 'none':
      return site.subnets.length > 0 ? site.subnets : [UNTAGGED];
    case 'vlan':
      return site.subnets.filter((row) => row.vlan === network.vlan);
    case 'pvlan':
      return site.subnets.filter(
        ({ vlan, secondaryVlan }) =>
          vlan === network.vlan &&
          secondaryVlan !== undefined &&
          (network.secondaryVlan === undefined || secondaryVlan === network.secondaryVlan),
      );
    case 'virtualized':
      return [];
  }
}

/** The pools of a VM subnet, sorted by name. */
export function poolsOfSubnet(read: Reader, subnet: VmSubnet): IpPool[] {
  return objects(read, 'IpPool', 'pools', objectKey(subnet));
}

/** The pools that a vNIC at this place takes its address from. */
export function poolsOfPlace(read: Reader, place: VnicPlace): IpPool[] {
  return place.type === 'virtual'
    ? poolsOfSubnet(read, place.subnet)
    : poolsOfRow(read, place.uplink.site, place.row);
}

/** The addresses that are fixed for a host vNIC: its own, or those that it inherits from the management NIC. */
export function hostVnicAddresses(
  read: Reader,
  hostSwitch: HostSwitch,
  vnic: HostVnic,
): readonly IpAddress[] {
  if (vnic.inheritManagementNic) return get(read, 'Host', hostSwitch.host)?.managementAddresses ?? [];
  return vnic.address === undefined ? [] : [vnic.address];
}
