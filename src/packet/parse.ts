/**
 * One walk over a frame that finds its layers. It copies nothing and takes any bytes: where a header does not hold,
 * the walk ends there, and what it found up to there stands.
 *
 *     eth | vlan* | arp, rarp, lldp, lacp
 *                 | llc | snap ------.  organization 0: an EtherType, and on as from there
 *                 | ipv4 ------------.
 *                 | ipv6 extension* -+- icmp, igmp, icmpv6 (mld), udp, tcp, gre
 *                                            udp 53: dns   67/68: dhcp   546/547: dhcp6   3784/4784: bfd
 *                                            udp 4789: vxlan   6081: geneve
 *     gre and geneve 0x6558, vxlan: `innerFrame` walks the frame inside
 */
import { ArpView } from './arp.ts';
import { BfdView } from './bfd.ts';
import { DhcpView } from './dhcp.ts';
import { Dhcp6View } from './dhcp6.ts';
import { DnsView } from './dns.ts';
import { ETHERTYPE, EthernetView } from './ethernet.ts';
import { GeneveView } from './geneve.ts';
import { GreView } from './gre.ts';
import { IcmpView } from './icmp.ts';
import { Icmpv6View } from './icmpv6.ts';
import { IgmpView } from './igmp.ts';
import { IP_PROTOCOL, Ipv4View } from './ipv4.ts';
import { type Extension, Ipv6View, walkExtensions } from './ipv6.ts';
import { LacpView } from './lacp.ts';
import { LlcView, LONGEST_802_3, SnapView } from './llc.ts';
import { LldpView } from './lldp.ts';
import { MldView } from './mld.ts';
import { TcpView } from './tcp.ts';
import { UDP_PORT, UdpView } from './udp.ts';
import { isVlanType, VlanView } from './vlan.ts';
import { VxlanView } from './vxlan.ts';

/** What the walk found. A view is undefined where there is no such layer, or not a whole one. */
export interface Layers {
  readonly bytes: Uint8Array;
  /** Where the frame begins, and ends (exclusive). */
  readonly offset: number;
  readonly end: number;
  /** Undefined for a frame of less than 14 bytes; then there is nothing else either. */
  readonly eth: EthernetView | undefined;
  /** Outermost first. */
  readonly vlans: readonly VlanView[];
  /** The type behind all tags, and behind SNAP with organization 0; 0 without an Ethernet header. */
  readonly etherType: number;
  /** Where the type is a length that holds. */
  readonly llc: LlcView | undefined;
  readonly snap: SnapView | undefined;
  readonly arp: ArpView | undefined;
  readonly rarp: ArpView | undefined;
  readonly lldp: LldpView | undefined;
  readonly lacp: LacpView | undefined;
  readonly ipv4: Ipv4View | undefined;
  readonly ipv6: Ipv6View | undefined;
  /** Of IPv6, in order. */
  readonly extensions: readonly Extension[];
  /** The protocol that IP carries, behind all extension headers; undefined without IP. */
  readonly protocol: number | undefined;
  /** `first` and `later` fragments of an IP packet; only a first one has the transport header. */
  readonly fragment: 'none' | 'first' | 'later';
  readonly icmp: IcmpView | undefined;
  readonly icmpv6: Icmpv6View | undefined;
  readonly igmp: IgmpView | undefined;
  /** The same message as `icmpv6`, where it is about multicast groups. */
  readonly mld: MldView | undefined;
  readonly udp: UdpView | undefined;
  readonly tcp: TcpView | undefined;
  readonly gre: GreView | undefined;
  readonly vxlan: VxlanView | undefined;
  readonly geneve: GeneveView | undefined;
  readonly dhcp: DhcpView | undefined;
  readonly dhcp6: Dhcp6View | undefined;
  readonly bfd: BfdView | undefined;
  readonly dns: DnsView | undefined;
  /** What no header covers: from here, */
  readonly payloadOffset: number;
  /** to here (exclusive). Up to `end` there is padding. */
  readonly payloadEnd: number;
}

type Found = { -readonly [K in keyof Layers]: Layers[K] };

/** Finds the layers of the frame offset..end. Never throws. */
export function parseFrame(bytes: Uint8Array, offset = 0, end = bytes.length): Layers {
  const found: Found = {
    bytes,
    offset,
    end,
    eth: EthernetView.at(bytes, offset, end),
    vlans: [],
    etherType: 0,
    llc: undefined,
    snap: undefined,
    arp: undefined,
    rarp: undefined,
    lldp: undefined,
    lacp: undefined,
    ipv4: undefined,
    ipv6: undefined,
    extensions: [],
    protocol: undefined,
    fragment: 'none',
    icmp: undefined,
    icmpv6: undefined,
    igmp: undefined,
    mld: undefined,
    udp: undefined,
    tcp: undefined,
    gre: undefined,
    vxlan: undefined,
    geneve: undefined,
    dhcp: undefined,
    dhcp6: undefined,
    bfd: undefined,
    dns: undefined,
    payloadOffset: offset,
    payloadEnd: end,
  };
  if (!found.eth) return found;
  found.etherType = found.eth.etherType;
  found.payloadOffset = found.eth.payloadOffset;
  findTags(found);
  findLlc(found);
  findNetwork(found);
  return found;
}

/** The frame inside a GRE or Geneve (0x6558) or VXLAN packet; undefined when there is none, or in fragments. */
export function innerFrame(layers: Layers): Layers | undefined {
  if (layers.fragment !== 'none') return undefined;
  const announcing = layers.gre ?? layers.geneve;
  if (!layers.vxlan && announcing?.protocolType !== ETHERTYPE.TEB) return undefined;
  return parseFrame(layers.bytes, layers.payloadOffset, layers.payloadEnd);
}

function findTags(found: Found): void {
  const vlans: VlanView[] = [];
  while (isVlanType(found.etherType)) {
    const vlan = VlanView.at(found.bytes, found.payloadOffset, found.end);
    if (!vlan) break;
    vlans.push(vlan);
    found.etherType = vlan.etherType;
    found.payloadOffset = vlan.payloadOffset;
  }
  found.vlans = vlans;
}

/** A length that goes beyond the frame is none, and nothing behind it is read. */
function findLlc(found: Found): void {
  const { bytes, payloadOffset: at, end, etherType: length } = found;
  if (length > LONGEST_802_3 || length > end - at) return;
  found.llc = LlcView.at(bytes, at, at + length);
  if (!found.llc) return;
  cover(found, found.llc);
  if (!found.llc.isSnap) return;
  found.snap = SnapView.at(bytes, found.payloadOffset, found.payloadEnd);
  if (!found.snap) return;
  cover(found, found.snap);
  if (found.snap.organization === 0) found.etherType = found.snap.protocol;
}

function findNetwork(found: Found): void {
  const { bytes, payloadOffset: at, payloadEnd: end } = found;
  switch (found.etherType) {
    case ETHERTYPE.RARP:
      found.rarp = ArpView.at(bytes, at, end);
      if (found.rarp) cover(found, found.rarp);
      return;
    case ETHERTYPE.LLDP:
      found.lldp = found.snap ? undefined : LldpView.at(bytes, at, end);
      if (found.lldp) cover(found, found.lldp);
      return;
    case ETHERTYPE.SLOW:
      found.lacp = found.snap ? undefined : LacpView.at(bytes, at, end);
      if (found.lacp) cover(found, found.lacp);
      return;
    case ETHERTYPE.ARP:
      found.arp = ArpView.at(bytes, at, end);
      if (found.arp) cover(found, found.arp);
      return;
    case ETHERTYPE.IPV4:
      found.ipv4 = Ipv4View.at(bytes, at, end);
      if (found.ipv4) findInIpv4(found, found.ipv4);
      return;
    case ETHERTYPE.IPV6:
      found.ipv6 = Ipv6View.at(bytes, at, end);
      if (found.ipv6) findInIpv6(found, found.ipv6);
      return;
  }
}

function findInIpv4(found: Found, ip: Ipv4View): void {
  cover(found, ip);
  found.protocol = ip.protocol;
  if (ip.fragmentOffset > 0) found.fragment = 'later';
  else if (ip.moreFragments) found.fragment = 'first';
  findTransport(found);
}

function findInIpv6(found: Found, ip: Ipv6View): void {
  cover(found, ip);
  const walk = walkExtensions(ip);
  found.extensions = walk.extensions;
  found.protocol = walk.protocol;
  found.payloadOffset = walk.offset;
  // A packet in one piece may have a fragment header too: an atomic fragment (RFC 6946).
  if (walk.fragment && walk.fragment.offset > 0) found.fragment = 'later';
  else if (walk.fragment?.more) found.fragment = 'first';
  findTransport(found);
}

function findTransport(found: Found): void {
  if (found.fragment === 'later') return;
  const { bytes, payloadOffset: at, payloadEnd: end } = found;
  switch (found.protocol) {
    case IP_PROTOCOL.ICMP:
      if (!found.ipv4) return;
      found.icmp = IcmpView.at(bytes, at, end);
      if (found.icmp) cover(found, found.icmp);
      return;
    case IP_PROTOCOL.IGMP:
      if (!found.ipv4 || found.fragment !== 'none') return;
      found.igmp = IgmpView.at(bytes, at, end);
      if (found.igmp) cover(found, found.igmp);
      return;
    case IP_PROTOCOL.ICMPV6:
      if (!found.ipv6) return;
      found.icmpv6 = Icmpv6View.at(bytes, at, end);
      if (found.icmpv6) cover(found, found.icmpv6);
      found.mld = found.fragment === 'none' ? MldView.at(bytes, at, end) : undefined;
      if (found.mld) cover(found, found.mld);
      return;
    case IP_PROTOCOL.TCP:
      found.tcp = TcpView.at(bytes, at, end);
      if (found.tcp) cover(found, found.tcp);
      return;
    case IP_PROTOCOL.GRE:
      found.gre = GreView.at(bytes, at, end);
      if (found.gre) cover(found, found.gre);
      return;
    case IP_PROTOCOL.UDP:
      found.udp = UdpView.at(bytes, at, end, found.fragment === 'first');
      if (found.udp) findInUdp(found, found.udp);
      return;
  }
}

function findInUdp(found: Found, udp: UdpView): void {
  // Bytes between the end of the datagram and that of the IP packet stay part of the payload, but in no deeper layer.
  found.payloadOffset = udp.payloadOffset;
  if (udp.end !== found.payloadEnd || found.fragment !== 'none') return;
  const { bytes, payloadOffset: at, payloadEnd: end } = found;
  switch (udp.dstPort) {
    case UDP_PORT.VXLAN:
      found.vxlan = VxlanView.at(bytes, at, end);
      if (found.vxlan) cover(found, found.vxlan);
      return;
    case UDP_PORT.GENEVE:
      found.geneve = GeneveView.at(bytes, at, end);
      if (found.geneve) cover(found, found.geneve);
      return;
    case UDP_PORT.DHCP_CLIENT:
    case UDP_PORT.DHCP_SERVER:
      if (!found.ipv4) return;
      found.dhcp = DhcpView.at(bytes, at, end);
      if (found.dhcp) cover(found, found.dhcp);
      return;
    case UDP_PORT.DHCP6_CLIENT:
    case UDP_PORT.DHCP6_SERVER:
      if (!found.ipv6) return;
      found.dhcp6 = Dhcp6View.at(bytes, at, end);
      if (found.dhcp6) cover(found, found.dhcp6);
      return;
    case UDP_PORT.BFD:
    case UDP_PORT.BFD_MULTIHOP:
      found.bfd = BfdView.at(bytes, at, end);
      if (found.bfd) cover(found, found.bfd);
      return;
  }
  if (udp.dstPort !== UDP_PORT.DNS && udp.srcPort !== UDP_PORT.DNS) return;
  found.dns = DnsView.at(bytes, at, end);
  if (found.dns) cover(found, found.dns);
}

/** The payload is now that of this header. */
function cover(found: Found, view: { readonly payloadOffset: number; readonly end: number }): void {
  found.payloadOffset = view.payloadOffset;
  found.payloadEnd = view.end;
}
