import { type IpAddress, prefixContains } from '../packet/address.ts';
import { get, objects, type Reader } from './facts.ts';
import { isExternal } from './kinds/host-switch.ts';
import { type NetworkSite, type SiteSubnet, siteKey } from './kinds/network-site.ts';
import { type Host, type HostSwitch, type IpPool, objectKey, type UplinkPortProfile } from './kinds.ts';

/**
 * How a logical network comes to a host: which site the host stands in, which of its switches carries the site, and
 * where on it the host itself has its place.
 *
 *     host --group--> host groups <--hostGroups-- network site <--sites-- uplink port profile <-- host switch
 *       |                                             |
 *      vNIC --> VM network --> logical network -------+--> row of VLAN and subnet, or VM subnet (placement.ts)
 */

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

/** Rows of one VLAN are one segment: IPv4 and IPv6 side by side, or a second subnet on the same wire. */
export function isSameSegment(a: SiteSubnet, b: SiteSubnet): boolean {
  return a.vlan === b.vlan && a.secondaryVlan === b.secondaryVlan;
}

/** The rows of the site that are the same segment as this one, with the subnets that are at hand there. */
export function rowsOfSegment(site: NetworkSite, row: SiteSubnet): SiteSubnet[] {
  return site.subnets.filter((other) => isSameSegment(other, row));
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
  if (!uplink || !host || !isExternal(uplink.hostSwitch)) return undefined;
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
