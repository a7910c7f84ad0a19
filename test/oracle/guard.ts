/** What a vNIC may send: security.md 2a, P1 to P8, P12 and P13, as one function of the port and the frame. */

import { type IpAddress, isIpv6, linkLocalOf, type Mac } from '../../src/packet/address.ts';
import { ARP_OPERATION } from '../../src/packet/arp.ts';
import { ETHERTYPE } from '../../src/packet/ethernet.ts';
import { ICMPV6_TYPE } from '../../src/packet/icmpv6.ts';
import { IP_PROTOCOL } from '../../src/packet/ipv4.ts';
import type { Layers } from '../../src/packet/parse.ts';
import { UDP_PORT } from '../../src/packet/udp.ts';
import type { PortRecord } from '../../src/policy/records.ts';
import {
  icmpv6Type,
  isDhcpRequest,
  isFirstFragmentOf,
  isLinkLocalGroup,
  neighbourMessage,
  udpPorts,
} from './reading.ts';

const UNSPECIFIED = '::';
/** Server port of DHCPv6 (RFC 8415, 7.2). */
const DHCPV6_SERVER = 547;
/** Headers that only lead to the next one. A packet in which one of them is the last has lost the rest. */
const CHAIN: readonly number[] = [
  IP_PROTOCOL.HOP_BY_HOP,
  IP_PROTOCOL.ROUTING,
  IP_PROTOCOL.FRAGMENT,
  IP_PROTOCOL.AUTHENTICATION,
  IP_PROTOCOL.DESTINATION,
];

/** RFC 6980, 5: solicitations and advertisements of routers and neighbours, redirects, certification path solicitations. */
const NEVER_IN_FRAGMENTS: readonly number[] = [133, 134, 135, 136, 137, 148];

/**
 * Why the vNIC may not send the frame, in words; undefined when it may. `port` has the addresses that it uses where the
 * frame is; `tag` is the VLAN of a trunk that the frame is in by its tag, which `frame` is without.
 */
export function refusal(port: PortRecord, frame: Layers, tag: number | undefined): string | undefined {
  const { eth } = frame;
  if (!eth) return 'it has no Ethernet header';
  if (isLinkLocalGroup(eth.dst)) return 'it is addressed to the bridge itself';
  if (frame.vlans.length > 0) return 'it is tagged';
  if (!mayUseMac(port, eth.srcMac)) return 'its source MAC address is not its own';
  switch (frame.etherType) {
    case ETHERTYPE.ARP:
      return arpRefusal(port, frame);
    case ETHERTYPE.IPV4:
      return ipv4Refusal(port, frame, tag);
    case ETHERTYPE.IPV6:
      return ipv6Refusal(port, frame);
    default:
      return 'it is neither IPv4, IPv6 nor ARP';
  }
}

function arpRefusal(port: PortRecord, { arp }: Layers): string | undefined {
  if (!arp) return 'it is not ARP for IPv4 over Ethernet';
  const { operation, senderMac, senderIp, targetIp } = arp;
  if (operation !== ARP_OPERATION.REQUEST && operation !== ARP_OPERATION.REPLY)
    return 'it is neither request nor reply';
  if (!mayUseMac(port, senderMac)) return 'it gives a MAC address that is not its own';
  // RFC 5227, 2.1.1: who probes for an address does not use it yet.
  const probe = operation === ARP_OPERATION.REQUEST && senderIp === '0.0.0.0' && mayUseIp(port, targetIp);
  return probe || mayUseIp(port, senderIp) ? undefined : 'it gives an IP address that is not its own';
}

function ipv4Refusal(port: PortRecord, frame: Layers, tag: number | undefined): string | undefined {
  const { ipv4: ip } = frame;
  if (!ip || ip.protocol === 0) return 'its IPv4 header does not hold';
  const dhcp = dhcpRefusal(port, frame, UDP_PORT.DHCP_SERVER);
  if (dhcp !== undefined) return dhcp;
  // RFC 2131, 4.1: who has no address yet asks from 0.0.0.0.
  const asksForAddress =
    tag === undefined && ip.srcIp === '0.0.0.0' && ip.dstIp === '255.255.255.255' && isDhcpRequest(frame);
  return asksForAddress || mayUseIp(port, ip.srcIp) ? undefined : 'its source address is not its own';
}

function ipv6Refusal(port: PortRecord, frame: Layers): string | undefined {
  const { ipv6: ip, fragment } = frame;
  if (!ip) return 'its IPv6 header does not hold';
  // RFC 7112, RFC 7113: otherwise the first fragment could hide what it is from every guard below.
  if (fragment !== 'later' && CHAIN.includes(frame.protocol!)) return 'its chain of headers is cut short';
  const type = icmpv6Type(frame);
  const {
    ROUTER_SOLICITATION,
    ROUTER_ADVERTISEMENT,
    NEIGHBOR_SOLICITATION,
    NEIGHBOR_ADVERTISEMENT,
    REDIRECT,
  } = ICMPV6_TYPE;
  const dhcp = dhcpRefusal(port, frame, DHCPV6_SERVER);
  if (dhcp !== undefined) return dhcp;
  if (isFirstFragmentOf(frame, IP_PROTOCOL.ICMPV6)) {
    // Type 0 is none (RFC 4443, 2.1).
    if (!type) return 'its first fragment ends before its type';
    if (NEVER_IN_FRAGMENTS.includes(type)) return 'it is neighbour discovery in fragments';
  }
  if (port.security.routerGuard && (type === ROUTER_ADVERTISEMENT || type === REDIRECT))
    return 'it comes from a router';
  if (type === NEIGHBOR_SOLICITATION || type === NEIGHBOR_ADVERTISEMENT) {
    const forged = neighbourRefusal(port, frame);
    if (forged !== undefined) return forged;
  }
  // Duplicate address detection asks from the unspecified address (RFC 4862, 5.4.2), and so may who asks for a router
  // (RFC 4861, 4.1).
  const asks = type === NEIGHBOR_SOLICITATION || type === ROUTER_SOLICITATION;
  const detects = ip.srcIp === UNSPECIFIED && asks && hasIpv6(port);
  return detects || mayUseIp(port, ip.srcIp) ? undefined : 'its source address is not its own';
}

function dhcpRefusal(port: PortRecord, frame: Layers, server: number): string | undefined {
  if (!port.security.dhcpGuard) return undefined;
  const ports = udpPorts(frame);
  // Nobody listens at port 0, so ports of 0 are none.
  if (isFirstFragmentOf(frame, IP_PROTOCOL.UDP) && !ports?.source && !ports?.destination)
    return 'its first fragment ends before its ports';
  return ports?.source === server ? 'it comes from a DHCP server' : undefined;
}

/** Neighbour discovery says again inside the message what its sender has; that must be true as well (P5). */
function neighbourRefusal(port: PortRecord, frame: Layers): string | undefined {
  const message = neighbourMessage(frame);
  if (!message) return 'it is no valid neighbour discovery';
  const advertises = icmpv6Type(frame) === ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT;
  const given = advertises ? message.targetLink : message.sourceLink;
  if (given !== undefined && !mayUseMac(port, given)) return 'it gives a MAC address that is not its own';
  if (advertises && !mayUseIp(port, message.target)) return 'it advertises an address that is not its own';
  return undefined;
}

function mayUseMac(port: PortRecord, mac: Mac): boolean {
  return port.security.macSpoofing || mac === port.mac;
}

function mayUseIp(port: PortRecord, ip: IpAddress): boolean {
  if (port.security.guestSpecifiedAddresses) return true;
  return port.addresses.some((a) => a.address === ip) || (hasIpv6(port) && ip === linkLocalOf(port.mac));
}

function hasIpv6(port: PortRecord): boolean {
  return port.security.guestSpecifiedAddresses || port.addresses.some((a) => isIpv6(a.address));
}
