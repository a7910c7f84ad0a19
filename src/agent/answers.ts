/** What the answers of the switch to its guests have in common: DHCP of both versions, router advertisements. */
import { type Ipv6, isIpv4, isIpv6, type Mac, mac } from '../packet/address.ts';
import { checksumHolds, fold, pseudoHeaderSum } from '../packet/checksum.ts';
import { IP_PROTOCOL } from '../packet/ipv4.ts';
import { slaacAddress } from '../packet/slaac.ts';
import type { UdpView } from '../packet/udp.ts';
import type { PortAddress, PortRecord, SubnetRecord } from '../policy/records.ts';

/** Source MAC address of DHCP answers: locally administered, "NL", and the last octet of 192.0.2.253. */
export const DHCP_SERVER_MAC: Mac = mac('02:4e:4c:00:00:fd');

/** The IPv6 addresses that a guest is given: those that it makes of a prefix itself are not among them. */
export function managedAddresses(port: PortRecord, subnet: SubnetRecord | undefined): PortAddress[] {
  const made = (subnet?.prefixes ?? [])
    .filter(({ autonomous }) => autonomous)
    .map(({ prefix }) => slaacAddress(prefix, port.mac));
  return port.addresses.filter(
    ({ address, vlan }) => isIpv6(address) && vlan === undefined && !made.includes(address),
  );
}

/** What answers of IPv6 have room for, so that they fit the smallest MTU of IPv6; domains: bytes of all names. */
export const MOST_IPV6 = { addresses: 16, servers: 8, domains: 480 } as const;

/** DNS servers and domains for an answer of IPv6. */
export function ipv6DnsOf(port: PortRecord): {
  readonly servers: readonly Ipv6[];
  readonly domains: readonly string[];
} {
  let room: number = MOST_IPV6.domains;
  return {
    servers: dnsOf(port, 6).filter(isIpv6).slice(0, MOST_IPV6.servers),
    domains: searchOf(port).filter((name) => {
      room -= name.length + 2;
      return room >= 0;
    }),
  };
}

/** DNS servers of one IP version, those of any address of the port, each once. */
export function dnsOf(port: PortRecord, family: 4 | 6): PortAddress['dns'] {
  const all = port.addresses.flatMap(({ dns }) => dns);
  return [...new Set(all)].filter((server) => isIpv4(server) === (family === 4));
}

/** Domains that names are completed with, each once. */
export function searchOf(port: PortRecord): readonly string[] {
  const suffixes = port.addresses.flatMap(({ dnsSuffix }) => dnsSuffix ?? []);
  return [...new Set([...suffixes, ...port.addresses.flatMap(({ dnsSearch }) => dnsSearch ?? [])])];
}

/**
 * Whether the checksum of a guest's datagram is right, or only begun: a guest may leave it to its NIC, and then it is the
 * sum of the pseudo header until the frame leaves the machine, which it has not yet where a switch answers.
 */
export function isDatagramWhole(bytes: Uint8Array, ip: number, udp: UdpView): boolean {
  const pseudo = pseudoHeaderSum(bytes, ip, IP_PROTOCOL.UDP, udp.end - udp.offset);
  return udp.checksum === fold(pseudo) || checksumHolds(bytes, udp.offset, udp.end, pseudo);
}
