import type { ErrorCode } from '../base/codes.ts';
import { type IpAddress, prefixContains } from '../packet/address.ts';
import { get, objects, type Reader } from './facts.ts';
import type { HostVnic } from './kinds/host-switch.ts';
import { type NetworkSite, type SiteSubnet, siteKey } from './kinds/network-site.ts';
import type { VmNetwork } from './kinds/vm-network.ts';
import { subnetKey, type VmSubnet } from './kinds/vm-subnet.ts';
import { isSitePrefix } from './kinds/vnic.ts';
import { type Host, type HostSwitch, type IpPool, objectKey, type UplinkPortProfile } from './kinds.ts';

/**
 * Where things are: how a logical network comes to a host, and where a vNIC ends up there. Validation, allocation and
 * compilation ask here, so that they cannot disagree.
 *
 *     host --group--> host groups <--hostGroups-- network site <--sites-- uplink port profile <-- host switch
 *       |                                             |
 *      vNIC --> VM network --> logical network -------+--> row of VLAN and subnet, or VM subnet
 */

/** What keeps a vNIC from being placed: the field of the vNIC that it is about, and the words for it. */
export interface Problem {
  /** Relative to what was checked: `subnet`, `nics[0]`; empty for the whole. */
  readonly path: string;
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
}

/** A group and the groups that it is in, from the inside out. Ends where a group is missing or comes round again. */
export function groupPath(read: Reader, group: string): string[] {
  const path: string[] = [];
  let next: string | undefined = group;
  while (next !== undefined && !path.includes(next)) {
    path.push(next);
    next = get(read, 'HostGroup', next)?.parent;
  }
  return path;
}

/**
 * Whether the host stands in the site, and how near: 0 for a site of its own group, 1 for one of the group around it,
 * and so on; undefined when it does not.
 */
export function siteDistance(read: Reader, site: NetworkSite, host: Host): number | undefined {
  const distance = groupPath(read, host.group).findIndex((group) => site.hostGroups.includes(group));
  return distance < 0 ? undefined : distance;
}

/** Those of the sites that the host stands in, the nearest first, then by name. */
function nearestFirst(read: Reader, sites: readonly NetworkSite[], host: Host): NetworkSite[] {
  return sites
    .map((site) => ({ site, distance: siteDistance(read, site, host) }))
    .filter((s): s is { site: NetworkSite; distance: number } => s.distance !== undefined)
    .sort((a, b) => a.distance - b.distance || (a.site.name < b.site.name ? -1 : 1))
    .map(({ site }) => site);
}

/** The sites of a logical network that the host stands in, the nearest first. */
export function sitesOfHost(read: Reader, host: Host, logicalNetwork: string): NetworkSite[] {
  return nearestFirst(read, objects(read, 'NetworkSite', 'sites', logicalNetwork), host);
}

/** The sites that an uplink port profile carries. */
export function sitesOfProfile(read: Reader, profile: UplinkPortProfile): NetworkSite[] {
  return profile.sites
    .map((s) => get(read, 'NetworkSite', siteKey(s.logicalNetwork, s.site)))
    .filter((site) => site !== undefined);
}

/** How a logical network comes to a host. */
export interface Uplink {
  readonly hostSwitch: HostSwitch;
  readonly profile: UplinkPortProfile;
  /** The site of the logical network that the host stands in. */
  readonly site: NetworkSite;
}

/**
 * The host switch through which the logical network comes to the host, with the site. Where there is more than one,
 * which validation refuses, it is the first by name.
 */
export function hostSwitchFor(read: Reader, hostName: string, logicalNetwork: string): Uplink | undefined {
  return uplinksFor(read, hostName, logicalNetwork)[0];
}

/** Every host switch of the host that carries the logical network there. */
export function uplinksFor(read: Reader, hostName: string, logicalNetwork: string): Uplink[] {
  const host = get(read, 'Host', hostName);
  if (!host) return [];
  return objects(read, 'HostSwitch', 'hostSwitches', hostName).flatMap((hostSwitch) => {
    const profile = get(read, 'UplinkPortProfile', hostSwitch.uplinkProfile);
    if (!profile) return [];
    const carried = sitesOfProfile(read, profile).filter((site) => site.logicalNetwork === logicalNetwork);
    const [site] = nearestFirst(read, carried, host);
    return site ? [{ hostSwitch, profile, site }] : [];
  });
}

/** The pools of a VM subnet, sorted by name. */
export function poolsOfSubnet(read: Reader, subnet: VmSubnet): IpPool[] {
  return objects(read, 'IpPool', 'pools', objectKey(subnet));
}

/** The pools of one row of a site, sorted by name. */
export function poolsOfRow(read: Reader, site: NetworkSite, row: SiteSubnet): IpPool[] {
  return objects(read, 'IpPool', 'pools', objectKey(site)).filter((pool) => pool.prefix === row.prefix);
}

/** The host's place on the fabric of a logical network: where its provider address is, or is to be taken from. */
export interface ProviderPlace {
  readonly uplink: Uplink;
  readonly row: SiteSubnet;
  /** The address, where the operator fixed one. */
  readonly fixed?: IpAddress;
  /** Where to take one from otherwise; may be empty. */
  readonly pools: readonly IpPool[];
}

/**
 * Undefined when the logical network does not come to the host, or no subnet of the site can give it an address: none
 * has the fixed one, none has a pool.
 */
export function providerPlace(
  read: Reader,
  hostName: string,
  logicalNetwork: string,
): ProviderPlace | undefined {
  const uplink = hostSwitchFor(read, hostName, logicalNetwork);
  const host = get(read, 'Host', hostName);
  if (!uplink || !host) return undefined;
  const { site } = uplink;
  const fixed = host.providerAddresses.find((p) => p.logicalNetwork === logicalNetwork)?.address;
  for (const row of site.subnets) {
    const pools = poolsOfRow(read, site, row);
    if (fixed === undefined) {
      if (pools.length > 0) return { uplink, row, pools };
    } else if (row.prefix !== undefined && prefixContains(row.prefix, fixed))
      return { uplink, row, fixed, pools };
  }
  return undefined;
}

/** What a vNIC says about where it wants to be. */
export interface VnicWish {
  readonly vmNetwork: string;
  readonly subnet?: string;
  /** Fixed addresses; empty when it takes what it is given. */
  readonly addresses: readonly IpAddress[];
}

/** Where a vNIC is. */
export type VnicPlace =
  | {
      /** On a subnet of the site: the logical network as it is, or one of its VLANs. */
      readonly type: 'site';
      readonly network: VmNetwork;
      readonly uplink: Uplink;
      readonly row: SiteSubnet;
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
 * exist, which is a finding of its own.
 */
export function placeVnic(read: Reader, hostName: string, wish: VnicWish): VnicPlace | Problem | undefined {
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
/** The addresses that are fixed for a host vNIC: its own, or those that it inherits from the management NIC. */
export function hostVnicAddresses(
  read: Reader,
  hostSwitch: HostSwitch,
  vnic: HostVnic,
): readonly IpAddress[] {
  if (vnic.inheritManagementNic) return get(read, 'Host', hostSwitch.host)?.managementAddresses ?? [];
  return vnic.address === undefined ? [] : [vnic.address];
}

export function isPlaced(place: VnicPlace | Problem | undefined): place is VnicPlace {
  return place !== undefined && 'type' in place;
}

function placeVirtual(
  read: Reader,
  wish: VnicWish,
  network: VmNetwork,
  uplink: Uplink,
): VnicPlace | Problem | undefined {
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
    const subnet = get(read, 'VmSubnet', subnetKey(network.name, wish.subnet));
    return subnet && { type: 'virtual', network, uplink, subnet };
  }
  const [subnet, ...others] = objects(read, 'VmSubnet', 'subnets', network.name);
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
  const rows = rowsOfNetwork(network, site);
  const [first] = rows;
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
    if (row) return { type: 'site', network, uplink, row };
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
  if (holder) return { type: 'site', network, uplink, row: holder };
  if (rows.some((row) => segmentOf(row) !== segmentOf(first))) {
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
  return { type: 'site', network, uplink, row };
}

/** Rows of one VLAN are one segment: IPv4 and IPv6 side by side, or a second subnet on the same wire. */
function segmentOf(row: SiteSubnet): string {
  return `${row.vlan}/${row.secondaryVlan ?? ''}`;
}

/** The rows of the site that are the same segment as this one, with the subnets that are at hand there. */
export function rowsOfSegment(site: NetworkSite, row: SiteSubnet): SiteSubnet[] {
  return site.subnets.filter((other) => segmentOf(other) === segmentOf(row));
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

/** The pools that a vNIC at this place takes its address from. */
export function poolsOfPlace(read: Reader, place: VnicPlace): IpPool[] {
  return place.type === 'virtual'
    ? poolsOfSubnet(read, place.subnet)
    : poolsOfRow(read, place.uplink.site, place.row);
}

/** `a`, `a or b`, `a, b or c`; at most eight, because nobody reads more. */
export function choices(values: readonly string[]): string {
  const shown = values.slice(0, 8).map((value) => `"${value}"`);
  if (values.length > shown.length) return `${shown.join(', ')} …`;
  const last = shown.pop() ?? '';
  return shown.length > 0 ? `${shown.join(', ')} or ${last}` : last;
}
