/**
 * The names of allocations: in which scope a value is unique, and who holds it. Whoever allocates, compiles or shows
 * allocations writes these names by the functions here.
 *
 *     scope                            value                         owners
 *     rdid                             routing domain id, a UUID     VmNetwork/AAA
 *     domain-number                    1..16777215                   VmNetwork/AAA
 *     acl-number                       1..16777215                   PortAcl/web
 *     vsid                             4096..16777214                VmSubnet/AAA/test
 *     vnic                             vNIC id, a UUID               VirtualMachine/vm1/eth0  HostSwitch/h1/Internal/Management
 *     mac                              MAC address                   vNICs, Host/h1/nic/eth0, Host/h1/provider/App
 *     ip/<VM network>/<VM subnet>      customer address              vNICs, VmSubnet/AAA/test/router
 *     ip/<VM network>/<VM subnet>/ipv6 customer address, IPv6        vNICs, VmSubnet/AAA/test/router
 *     fabric/<logical network>/...     address on the fabric         vNICs, Host/h1/provider/App
 *
 * A vNIC with several addresses in a scope owns the first one under its own name, the others under `<vNIC>/<address>`.
 */

import type { SiteSubnet } from '../model/kinds/network-site.ts';
import { subnetKey } from '../model/kinds/vm-subnet.ts';
import { type HostSwitch, type LogicalNetwork, objectKey } from '../model/kinds.ts';
import type { Family, IpAddress } from '../packet/address.ts';

export const RDID = 'rdid';
export const DOMAIN_NUMBER = 'domain-number';
export const ACL_NUMBER = 'acl-number';
export const VSID = 'vsid';
export const VNIC = 'vnic';
export const MAC = 'mac';

/** Addresses of one IP version of a VM subnet. */
export function subnetScope(vmNetwork: string, subnet: string, family: Family): string {
  return `ip/${subnetKey(vmNetwork, subnet)}${family === 6 ? '/ipv6' : ''}`;
}

/**
 * Addresses of a row of a site: of vNICs without virtualization, host vNICs and provider addresses alike. The site is
 * not part of it: where a connected network has one subnet in two buildings, an address is one machine's in both.
 * Networks of independent VLANs may use one prefix on several of them, so there the VLAN is part of it.
 */
export function fabricScope(network: LogicalNetwork, row: SiteSubnet): string {
  const vlan = network.type === 'connected' ? '' : `${row.vlan}/`;
  return `fabric/${network.name}/${vlan}${row.prefix ?? 'no-prefix'}`;
}

export function vmVnicOwner(vm: string, vnic: string): string {
  return `VirtualMachine/${vm}/${vnic}`;
}

export function hostVnicOwner(hostSwitch: HostSwitch, vnic: string): string {
  return `${objectKey(hostSwitch)}/${vnic}`;
}

/** Owner of the vNIC's address number `index` in one scope. */
export function addressOwner(vnicOwner: string, address: IpAddress | undefined, index: number): string {
  return index === 0 || address === undefined ? vnicOwner : `${vnicOwner}/${address}`;
}

/** The host's interface that bears its provider address on a logical network. */
export function providerOwner(host: string, logicalNetwork: string): string {
  return `Host/${host}/provider/${logicalNetwork}`;
}

export function nicOwner(host: string, nic: string): string {
  return `Host/${host}/nic/${nic}`;
}

/** The distributed router of a VM subnet, which holds the subnet's first address. */
export function routerOwner(vmNetwork: string, subnet: string): string {
  return `VmSubnet/${subnetKey(vmNetwork, subnet)}/router`;
}
