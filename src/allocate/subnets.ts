/** The subnets that the addresses of a vNIC, or of a host's provider interface, are in. */
import { get, type Reader } from '../model/facts.ts';
import type { SiteSubnet } from '../model/kinds/network-site.ts';
import type { IpPool, NetworkSite, VmSubnet } from '../model/kinds.ts';
import { poolsOfRow, poolsOfSubnet, rowsOfSegment, type VnicPlace } from '../model/placement.ts';
import { firstHost, type IpAddress, type Prefix, prefixContains } from '../packet/address.ts';
import { fabricScope, subnetScope } from './scopes.ts';

export interface AddressSubnet {
  /** Where its addresses are unique. */
  readonly scope: string;
  /** Undefined where the site does not say: then addresses are not Netloom's business. */
  readonly prefix?: Prefix;
  /** The router that the subnet has by itself; a pool may name others. */
  readonly router?: IpAddress;
  readonly pools: readonly IpPool[];
  /** For findings. */
  readonly words: string;
}

/**
 * The subnet that an address is given from comes first. On a physical network the others of the same segment follow:
 * fixed addresses can be in those as well (IPv4 and IPv6 side by side). Empty while the logical network is missing.
 */
export function subnetsOfPlace(read: Reader, place: VnicPlace): AddressSubnet[] {
  if (place.type === 'virtual') return [virtualSubnet(read, place.subnet)];
  const { site } = place.uplink;
  const others = rowsOfSegment(site, place.row).filter((row) => row !== place.row);
  return [place.row, ...others].map((row) => fabricSubnet(read, site, row)).filter((s) => s !== undefined);
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

function virtualSubnet(read: Reader, subnet: VmSubnet): AddressSubnet {
  const { vmNetwork, name, prefix } = subnet;
  return {
    scope: subnetScope(vmNetwork, name),
    prefix,
    router: firstHost(prefix),
    pools: poolsOfSubnet(read, subnet),
    words: `VM subnet "${vmNetwork}/${name}", ${prefix}`,
  };
}
