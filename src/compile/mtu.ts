/** How large a packet a guest may send, so that it fits the fabric when it is encapsulated. */
import { objects, type Reader } from '../model/facts.ts';
import type { LogicalNetwork } from '../model/kinds.ts';
import type { Encapsulation } from '../policy/records.ts';

/** Bytes of IP packet in an Ethernet frame (RFC 894). */
export const ETHERNET_MTU = 1500;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const ETHERNET_HEADER = 14;

/** What stands between the outer IP header and the inner frame. */
const TUNNEL_HEADER: Readonly<Record<Encapsulation, number>> = {
  /** GRE with key (RFC 7637 section 3.2) */
  nvgre: 8,
  /** UDP and VXLAN (RFC 7348 section 5) */
  vxlan: 8 + 8,
  /** UDP and Geneve without options (RFC 8926 section 3.1) */
  geneve: 8 + 8,
};

/**
 * MTU of every guest on virtualized networks over this logical network, at most 1500. It is the same on all hosts, because a guest
 * that moves keeps it; so it goes by the smallest physical network anywhere, and by IPv6 where a site has that.
 */
export function guestMtu(read: Reader, network: LogicalNetwork): number {
  const mtus = read.members('mtus', '').map(Number);
  const underlay = mtus.length > 0 ? Math.min(...mtus) : ETHERNET_MTU;
  return Math.min(ETHERNET_MTU, underlay - encapsulationBytes(read, network));
}

/** Bytes that encapsulation adds to an IP packet of a guest. */
export function encapsulationBytes(read: Reader, network: LogicalNetwork): number {
  const overIpv6 = objects(read, 'NetworkSite', 'sites', network.name).some((site) =>
    site.subnets.some((row) => row.prefix?.includes(':')),
  );
  const outer = overIpv6 ? IPV6_HEADER : IPV4_HEADER;
  return outer + TUNNEL_HEADER[network.encapsulation] + ETHERNET_HEADER;
}
