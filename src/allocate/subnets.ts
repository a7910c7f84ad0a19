/** The subnets that the addresses of a vNIC, or of a host's provider interface, are in. */
import { get, type Reader } from '../model/facts.ts';
import type { SiteSubnet } from '../model/kinds/network-site.ts';
import { isAutonomous, prefixesOf } from '../model/kinds/vm-subnet.ts';
import type { IpPool, NetworkSite, VmSubnet } from '../model/kinds.ts';
import { poolsOfSubnet, type VnicPlace } from '../model/placement.ts';
import { poolsOfRow, rowsOfSegment } from '../model/uplinks.ts';
import {
  type Family,
  firstHost,
  type IpAddress,
  isIpv4,
  type Prefix,
  prefixContains,
  prefixParts,
} from '../packet/address.ts';
import { fabricScope, subnetScope } from './scopes.ts';

export interface AddressSubnet {
  /** Where its addresses are unique. */
  readonly scope: string;
  /** Undefined where the site does not say: then addresses are not Netloom's business. */
  readonly prefix?: Prefix;
  /** The router that the subnet has by itself; a pool may name others. */
  readonly router?: IpAddress;
  readonly pools: readonly IpPool[];
  /** VLAN of a trunk, with whose tag the addresses are used: fixed ones alone. Undefined: they are used untagged. */
  readonly vlan?: number;
  /** Machines make addresses of the prefix themselves (model/slaac.ts). */
  readonly autonomous?: true;
  /** For findings. */
  readonly words: string;
}

/**
 * The subnets whose addresses a vNIC can have, IPv4 and IPv6 side by side: the prefixes of a VM subnet, or the rows of
 * one segment of a physical network, that of the place first. Empty while the logical network is missing.
 */
export function subnetsOfPlace(read: Reader, place: VnicPlace): AddressSubnet[] {
  if (place.type === 'virtual')
    return prefixesOf(place.subnet).map((prefix) => virtualSubnet(read, place.subnet, prefix));
  const { site } = place.uplink;
  const others = rowsOfSegment(site, place.row).filter((row) => row !== place.row);
  const untagged = [place.row, ...others, ...(place.untagged ?? [])].map((row) =>
    fabricSubnet(read, site, row),
  );
  const tagged = (place.tagged ?? []).map((row) => {
    const subnet = fabricSubnet(read, site, row);
    return subnet && { ...subnet, vlan: row.vlan };
  });
  return [...untagged, ...tagged].filter((s) => s !== undefined);
}

/**
 * The subnets that give the vNIC an address from their pools: one of each IP version of which it has no fixed address.
 * The place itself is the only one of its version, since the operator may have chosen it. A VM subnet without any pool
 * is asked all the same, and has to say that it cannot: a virtualized network has no other source of addresses, while a
 * physical one may have a DHCP server.
 */
export function givingSubnets(
  place: VnicPlace,
  subnets: readonly AddressSubnet[],
  fixed: readonly IpAddress[],
): AddressSubnet[] {
  const [first] = subnets;
  const untagged = subnets.filter(({ vlan }) => vlan === undefined);
  const settled = fixed.filter((address) => subnetOfAddress(subnets, address)?.vlan === undefined);
  const giving = [4, 6].flatMap((family) => {
    if (settled.some((address) => familyOf(address) === family)) return [];
    const all = untagged.filter(
      ({ prefix }) => prefix !== undefined && prefixParts(prefix).family === family,
    );
    const chosen = first && all.includes(first) ? first : all.find(({ pools }) => pools.length > 0);
    return chosen && chosen.pools.length > 0 ? [chosen] : [];
  });
  const hasOther = fixed.length > 0 || giving.length > 0 || subnets.some((s) => s.autonomous);
  return first && place.type === 'virtual' && !hasOther ? [first] : giving;
}

function familyOf(address: IpAddress): Family {
  return isIpv4(address) ? 4 : 6;
}

/** The subnet that the address lies in; the first one for an address that lies in none. */
export function subnetOfAddress(
  subnets: readonly AddressSubnet[],
  address: IpAddress,
): AddressSubnet | undefined {
  return subnets.find(({ prefix }) => prefix !== undefined && prefixContains(prefix, address)) ?? subnets[0];
}

/** A row of a site. Undefined while its logical network is missing. */
export function fabricSubnet(read: Reader, site: NetworkSite, row: SiteSubnet): AddressSubnet | undefined {
  const network = get(read, 'LogicalNetwork', site.logicalNetwork);
  if (!network) return undefined;
  const { prefix, gateway } = row;
  return {
    scope: fabricScope(network, row),
    pools: poolsOfRow(read, site, row),
    words: `logical network "${network.name}"${prefix === undefined ? '' : `, ${prefix}`}`,
    ...(prefix === undefined ? {} : { prefix }),
    ...(gateway === undefined ? {} : { router: gateway }),
  };
}

function virtualSubnet(read: Reader, subnet: VmSubnet, prefix: Prefix): AddressSubnet {
  const { vmNetwork, name } = subnet;
  const { family } = prefixParts(prefix);
  return {
    scope: subnetScope(vmNetwork, name, family),
    prefix,
    router: firstHost(prefix),
    pools: poolsOfSubnet(read, subnet).filter(({ from }) => familyOf(from) === family),
    ...(isAutonomous(subnet, prefix) ? { autonomous: true } : {}),
    words: `VM subnet "${vmNetwork}/${name}", ${prefix}`,
  };
}
