/**
 * How a machine of a lab gets its addresses, decided as the guests of the softswitch do (lab/machine.ts): by DHCP where the
 * switch answers it, by the router of a virtual subnet, and by hand, as cloud-init would, where nobody gives them.
 */
import { type IpAddress, isIpv4 } from '../../packet/address.ts';
import type { PortAddress, PortRecord } from '../../policy/records.ts';

export interface GuestSettings {
  /** Runs a DHCP client. */
  readonly dhcp: boolean;
  /** Runs a DHCPv6 client beside what the kernel does with router advertisements. */
  readonly dhcpv6: boolean;
  /** Set on the interface itself. */
  readonly fixed: readonly PortAddress[];
  /** Interfaces of VLANs on a trunk, with what is set on them. */
  readonly vlans: ReadonlyMap<number, readonly PortAddress[]>;
  /** What it has when it is ready. */
  readonly expected: readonly IpAddress[];
}

export function settingsOf({ addresses, dhcpServer, dhcpv6Server, attachment }: PortRecord): GuestSettings {
  const untagged = addresses.filter(({ vlan }) => vlan === undefined);
  const dhcp = dhcpServer !== undefined && untagged.some(({ address }) => isIpv4(address));
  const isRouted = dhcpv6Server !== undefined && attachment.type === 'virtual';
  const dhcpv6 = isRouted && untagged.some(({ address }) => !isIpv4(address));
  const fixed = untagged.filter(({ address }) => (isIpv4(address) ? !dhcp : !dhcpv6));
  const leased = dhcp ? untagged.filter(({ address }) => isIpv4(address)).slice(0, 1) : [];
  const routed = dhcpv6 ? untagged.filter(({ address }) => !isIpv4(address)) : [];
  return {
    dhcp,
    dhcpv6,
    fixed,
    vlans: Map.groupBy(
      addresses.filter(({ vlan }) => vlan !== undefined),
      ({ vlan }) => vlan ?? 0,
    ),
    expected: [...leased, ...routed, ...fixed].map(({ address }) => address),
  };
}
