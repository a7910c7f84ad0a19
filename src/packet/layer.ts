/**
 * A frame as a list of layers: plain values, outermost first. `frame` (build.ts) turns them into bytes, `layersOf`
 * (dissect.ts) turns bytes into them, notation.ts writes and reads them as one line of text.
 *
 *     eth  vlan*  (llc snap)?  arp | rarp | lldp | lacp | ipv4 | ipv6 (hopopts | routing | dstopts | ah | fragment)*
 *                                                         |       |
 *                                                icmp, igmp       icmpv6, mld
 *                     udp (dns | dhcp | dhcp6 | bfd | vxlan eth… | geneve eth…)   tcp   gre eth…   then data, then pad
 *
 * Every field may be left out. Then it is derived from the layers around it (lengths, checksums, types: marked
 * "derived" below), or has the default that is named, or is zero. A field that is given is written as it is, also
 * when it is wrong: that is how tests make bad frames.
 */

import type { Ipv4, Ipv6, Mac } from './address.ts';
import { ARP_OPERATION } from './arp.ts';
import { DHCP_MESSAGE, DHCP_OP, type DhcpOption, dhcpOpOf } from './dhcp.ts';
import { DHCP6_MESSAGE } from './dhcp6.ts';
import { ETHERTYPE } from './ethernet.ts';
import { ICMP_TYPE } from './icmp.ts';
import { ICMPV6_TYPE } from './icmpv6.ts';
import { IGMP_TYPE } from './igmp.ts';
import { IP_PROTOCOL } from './ipv4.ts';
import { MLD_TYPE } from './mld.ts';
import type { Option } from './option.ts';
import { UDP_PORT } from './udp.ts';

export interface EthLayer {
  readonly layer: 'eth';
  readonly src?: Mac;
  readonly dst?: Mac;
  /** Derived. */
  readonly type?: number;
}

export interface VlanLayer {
  readonly layer: 'vlan';
  readonly vid?: number;
  readonly pcp?: number;
  readonly dei?: boolean;
  /** Derived: type of what is inside the tag. */
  readonly type?: number;
}

/** Behind an EtherType field that is a length, which is derived. */
export interface LlcLayer {
  readonly layer: 'llc';
  /** Derived before `snap`. */
  readonly dsap?: number;
  /** Derived before `snap`. */
  readonly ssap?: number;
  /** One byte or two, see LlcView. Default 3, unnumbered information. */
  readonly control?: number;
}

export interface SnapLayer {
  readonly layer: 'snap';
  /** 24 bits: whose protocol numbers these are. Default 0: they are EtherTypes. */
  readonly organization?: number;
  /** Derived. */
  readonly proto?: number;
}

export interface ArpLayer {
  readonly layer: 'arp' | 'rarp';
  /** Default: request, of `rarp` a reverse request. */
  readonly op?: number;
  readonly sha?: Mac;
  readonly spa?: Ipv4;
  readonly tha?: Mac;
  readonly tpa?: Ipv4;
}

export interface Ipv4Layer {
  readonly layer: 'ipv4';
  readonly src?: Ipv4;
  readonly dst?: Ipv4;
  /** Default 64. */
  readonly ttl?: number;
  readonly tos?: number;
  readonly id?: number;
  /** Don't fragment. */
  readonly df?: boolean;
  /** More fragments. */
  readonly mf?: boolean;
  /** The first bit of the flags, which has no meaning. */
  readonly reserved?: boolean;
  /** Fragment offset in bytes, a multiple of 8. */
  readonly frag?: number;
  /** A multiple of 4 bytes, at most 40. */
  readonly options?: Uint8Array;
  /** Derived. */
  readonly proto?: number;
  /** Derived. */
  readonly len?: number;
  /** Derived. */
  readonly checksum?: number;
}

export interface Ipv6Layer {
  readonly layer: 'ipv6';
  readonly src?: Ipv6;
  readonly dst?: Ipv6;
  /** Hop limit. Default 64, and 255 before a Neighbor Discovery message (RFC 4861 demands it). */
  readonly ttl?: number;
  /** Traffic class. */
  readonly tos?: number;
  readonly flow?: number;
  /** Derived: next header. */
  readonly proto?: number;
  /** Derived: payload length. */
  readonly len?: number;
}

/** An extension header other than the fragment header. */
export interface ExtensionLayer {
  readonly layer: 'hopopts' | 'routing' | 'dstopts' | 'ah';
  /** All behind next header and length: 8n + 6 bytes (`ah`: 4n + 6). Default: 6 bytes of padding options, or zeros. */
  readonly body?: Uint8Array;
  /** Derived: next header. */
  readonly proto?: number;
}

export interface FragmentLayer {
  readonly layer: 'fragment';
  /** In bytes, a multiple of 8. */
  readonly frag?: number;
  /** More fragments. */
  readonly mf?: boolean;
  readonly id?: number;
  /** Derived: next header. */
  readonly proto?: number;
}

export interface IcmpLayer {
  readonly layer: 'icmp';
  /** Default: echo request. */
  readonly type?: number;
  readonly code?: number;
  /** Of an echo. */
  readonly id?: number;
  /** Of an echo. */
  readonly seq?: number;
  /** Of "unreachable, fragmentation needed". */
  readonly mtu?: number;
  /** Of a redirect. */
  readonly gateway?: Ipv4;
  /** Of a parameter problem. */
  readonly pointer?: number;
  /** The four bytes that id, seq, mtu, gateway and pointer lie in; comes before them. */
  readonly rest?: number;
  /** Derived. */
  readonly checksum?: number;
}

export interface Icmpv6Layer {
  readonly layer: 'icmpv6';
  /** Default: echo request. */
  readonly type?: number;
  readonly code?: number;
  /** Of an echo. */
  readonly id?: number;
  /** Of an echo. */
  readonly seq?: number;
  /** Of "packet too big". */
  readonly mtu?: number;
  /** Of a parameter problem. */
  readonly pointer?: number;
  /** Of solicitation, advertisement and redirect. */
  readonly target?: Ipv6;
  /** Of a redirect: the address that is reached by way of the target. */
  readonly destination?: Ipv6;
  /** R of a neighbor advertisement. */
  readonly router?: boolean;
  /** S of a neighbor advertisement. */
  readonly solicited?: boolean;
  /** O of a neighbor advertisement. */
  readonly override?: boolean;
  /** Of a router advertisement: hop limit for hosts. */
  readonly hoplimit?: number;
  /** M of a router advertisement: addresses by DHCPv6. */
  readonly managed?: boolean;
  /** O of a router advertisement: other configuration by DHCPv6. */
  readonly other?: boolean;
  /** Of a router advertisement: 0 = medium, 1 = high, 3 = low (RFC 4191). */
  readonly preference?: number;
  /** Of a router advertisement, in seconds. */
  readonly lifetime?: number;
  /** Of a router advertisement, in milliseconds. */
  readonly reachable?: number;
  /** Of a router advertisement, in milliseconds. */
  readonly retrans?: number;
  /** The four bytes behind the checksum; comes before the fields that lie in them. */
  readonly rest?: number;
  /** Source link-layer address option, first of the options. */
  readonly sll?: Mac;
  /** Target link-layer address option, first of the options or behind `sll`. */
  readonly tll?: Mac;
  /** Of a Neighbor Discovery message, in this order, behind the link-layer addresses: see nd-options.ts. */
  readonly options?: readonly Option[];
  /** Derived. */
  readonly checksum?: number;
}

export interface IgmpLayer {
  readonly layer: 'igmp';
  /** Default: query. */
  readonly type?: number;
  readonly maxresp?: number;
  /** Not of a version 3 report. */
  readonly group?: Ipv4;
  /** S of a query. With it, `qrv`, `qqic` or `sources` the query is of version 3. */
  readonly suppress?: boolean;
  readonly qrv?: number;
  readonly qqic?: number;
  readonly sources?: readonly Ipv4[];
  /** Of a version 3 report: see group-record.ts. */
  readonly records?: readonly Option[];
  /** Derived. */
  readonly checksum?: number;
}

/** An ICMPv6 message about multicast groups. */
export interface MldLayer {
  readonly layer: 'mld';
  /** Default: query. */
  readonly type?: number;
  readonly code?: number;
  readonly maxresp?: number;
  /** Not of a version 2 report. */
  readonly group?: Ipv6;
  /** S of a query. With it, `qrv`, `qqic` or `sources` the query is of version 2. */
  readonly suppress?: boolean;
  readonly qrv?: number;
  readonly qqic?: number;
  readonly sources?: readonly Ipv6[];
  /** Of a version 2 report: see group-record.ts. */
  readonly records?: readonly Option[];
  /** Derived. */
  readonly checksum?: number;
}

export interface UdpLayer {
  readonly layer: 'udp';
  /** Default: by what follows (DHCP 67 or 68, DHCPv6 546 or 547, 53 for an answer of DNS), otherwise 49152. */
  readonly sport?: number;
  /** Default: by what follows (DHCP 67 or 68, DHCPv6 546 or 547, VXLAN 4789, …), otherwise 9, "discard". */
  readonly dport?: number;
  /** Derived. */
  readonly len?: number;
  /** Derived; none (0) for VXLAN over IPv4 (RFC 7348, section 5). */
  readonly checksum?: number;
}

export interface TcpLayer {
  readonly layer: 'tcp';
  /** Default 49152. */
  readonly sport?: number;
  /** Default 9, "discard". */
  readonly dport?: number;
  readonly seq?: number;
  readonly ack?: number;
  /** Sum of TCP_FLAG. */
  readonly flags?: number;
  /** Default 65535. */
  readonly window?: number;
  readonly urgent?: number;
  readonly reserved?: number;
  /** A multiple of 4 bytes, at most 40. */
  readonly options?: Uint8Array;
  /** Derived. */
  readonly checksum?: number;
}

export interface DhcpLayer {
  readonly layer: 'dhcp';
  /** The message type option, written before all others. Without it there is none. */
  readonly type?: number;
  /** Derived from the type; request without. */
  readonly op?: number;
  readonly hops?: number;
  readonly xid?: number;
  readonly secs?: number;
  readonly broadcast?: boolean;
  readonly ciaddr?: Ipv4;
  readonly yiaddr?: Ipv4;
  readonly siaddr?: Ipv4;
  readonly giaddr?: Ipv4;
  readonly chaddr?: Mac;
  /** Host to start from: at most 64 printable characters. */
  readonly sname?: string;
  /** File to start from: at most 128 printable characters. */
  readonly file?: string;
  /** In this order, behind the type. */
  readonly options?: readonly DhcpOption[];
}

export interface GreLayer {
  readonly layer: 'gre';
  /** Upper 24 bits of the key. With `vsid` or `flow` there is a key. */
  readonly vsid?: number;
  /** Lower 8 bits of the key. */
  readonly flow?: number;
  /** The whole key; comes before `vsid` and `flow`. */
  readonly key?: number;
  readonly seq?: number;
  /** The header has a checksum. Derived, unless `checksum` says otherwise. */
  readonly c?: boolean;
  readonly checksum?: number;
  /** Derived. */
  readonly proto?: number;
}

export interface VxlanLayer {
  readonly layer: 'vxlan';
  readonly vni?: number;
}

export interface GeneveLayer {
  readonly layer: 'geneve';
  readonly vni?: number;
  /** O: a message between the ends of the tunnel. */
  readonly control?: boolean;
  /** C: some option is critical. */
  readonly critical?: boolean;
  /** Derived: EtherType of the payload. */
  readonly proto?: number;
  /** In this order; the code is class * 256 + C and type, the data a multiple of 4 bytes, at most 124. */
  readonly options?: readonly Option[];
}

export interface Dhcp6Layer {
  readonly layer: 'dhcp6';
  /** Default: solicit. */
  readonly type?: number;
  /** 24 bits. */
  readonly xid?: number;
  /** In this order: see dhcp6-options.ts. */
  readonly options?: readonly Option[];
}

export interface BfdLayer {
  readonly layer: 'bfd';
  /** See BFD_STATE. Default: down. */
  readonly state?: number;
  readonly diag?: number;
  /** Sum of BFD_FLAG. */
  readonly flags?: number;
  /** Detection multiplier. Default 3. */
  readonly multiplier?: number;
  /** My discriminator. Default 1. */
  readonly mine?: number;
  /** Your discriminator. */
  readonly yours?: number;
  /** Desired min TX interval, microseconds. Default 1 s. */
  readonly tx?: number;
  /** Required min RX interval, microseconds. Default 1 s. */
  readonly rx?: number;
  /** Required min echo RX interval, microseconds. */
  readonly echo?: number;
  /** The whole authentication section; its flag is not derived. */
  readonly auth?: Uint8Array;
}

export interface LldpLayer {
  readonly layer: 'lldp';
  /** In this order; the "end" is written behind them. See lldp.ts. */
  readonly options?: readonly Option[];
}

/** Texts of questions and records: see dns-record.ts. */
export interface DnsLayer {
  readonly layer: 'dns';
  readonly id?: number;
  readonly response?: boolean;
  /** 0 = a query. */
  readonly opcode?: number;
  /** Authoritative answer. */
  readonly aa?: boolean;
  /** Truncated. */
  readonly tc?: boolean;
  /** Recursion desired. */
  readonly rd?: boolean;
  /** Recursion available. */
  readonly ra?: boolean;
  /** Reserved. */
  readonly z?: boolean;
  /** Authentic data. */
  readonly ad?: boolean;
  /** Checking disabled. */
  readonly cd?: boolean;
  /** See DNS_RCODE. */
  readonly rcode?: number;
  /** How names are compressed: see DNS_NAMES. */
  readonly names?: number;
  readonly question?: readonly string[];
  readonly answer?: readonly string[];
  readonly authority?: readonly string[];
  readonly additional?: readonly string[];
  /** Derived: records in the section of answers. */
  readonly ancount?: number;
  /** Derived: of authorities. */
  readonly nscount?: number;
  /** Derived: of additionals. */
  readonly arcount?: number;
}

/** Both sides of the link as the sender sees them; see LacpSide. */
export interface LacpLayer {
  readonly layer: 'lacp';
  /** Default 1. */
  readonly version?: number;
  readonly actor?: Mac;
  readonly actorpriority?: number;
  readonly actorkey?: number;
  readonly actorportpriority?: number;
  readonly actorport?: number;
  /** Sum of LACP_STATE. */
  readonly actorstate?: number;
  readonly partner?: Mac;
  readonly partnerpriority?: number;
  readonly partnerkey?: number;
  readonly partnerportpriority?: number;
  readonly partnerport?: number;
  /** Sum of LACP_STATE. */
  readonly partnerstate?: number;
  /** Collector: tens of microseconds. */
  readonly maxdelay?: number;
}

/** Bytes without meaning to us; the rest of what it lies in. */
export interface DataLayer {
  readonly layer: 'data';
  readonly bytes: Uint8Array;
}

/**
 * Bytes behind the end of the packet that a frame carries. Comes last; with frames inside frames, the first pad is
 * that of the innermost.
 */
export interface PadLayer {
  readonly layer: 'pad';
  readonly bytes: Uint8Array;
}

export type Layer =
  | EthLayer
  | VlanLayer
  | LlcLayer
  | SnapLayer
  | LldpLayer
  | LacpLayer
  | ArpLayer
  | Ipv4Layer
  | Ipv6Layer
  | ExtensionLayer
  | FragmentLayer
  | IcmpLayer
  | Icmpv6Layer
  | IgmpLayer
  | MldLayer
  | UdpLayer
  | TcpLayer
  | DhcpLayer
  | Dhcp6Layer
  | DnsLayer
  | BfdLayer
  | GreLayer
  | VxlanLayer
  | GeneveLayer
  | DataLayer
  | PadLayer;

export type LayerName = Layer['layer'];

type Followers = Readonly<Partial<Record<LayerName, number>>>;

const IN_ETHERNET: Followers = {
  vlan: ETHERTYPE.VLAN,
  // Announced by its length.
  llc: 0,
  arp: ETHERTYPE.ARP,
  rarp: ETHERTYPE.RARP,
  ipv4: ETHERTYPE.IPV4,
  ipv6: ETHERTYPE.IPV6,
  lldp: ETHERTYPE.LLDP,
  lacp: ETHERTYPE.SLOW,
  data: ETHERTYPE.EXPERIMENTAL,
};
const IN_IPV6: Followers = {
  hopopts: IP_PROTOCOL.HOP_BY_HOP,
  routing: IP_PROTOCOL.ROUTING,
  dstopts: IP_PROTOCOL.DESTINATION,
  ah: IP_PROTOCOL.AUTHENTICATION,
  fragment: IP_PROTOCOL.FRAGMENT,
  icmpv6: IP_PROTOCOL.ICMPV6,
  mld: IP_PROTOCOL.ICMPV6,
  udp: IP_PROTOCOL.UDP,
  tcp: IP_PROTOCOL.TCP,
  gre: IP_PROTOCOL.GRE,
  data: IP_PROTOCOL.EXPERIMENTAL,
};

/** Which layers may follow which, and the number (type, protocol, port) by which a layer announces its follower. */
export const FOLLOWERS: Readonly<Record<LayerName, Followers>> = {
  eth: IN_ETHERNET,
  vlan: IN_ETHERNET,
  llc: { snap: 0, data: 0 },
  snap: {
    arp: ETHERTYPE.ARP,
    rarp: ETHERTYPE.RARP,
    ipv4: ETHERTYPE.IPV4,
    ipv6: ETHERTYPE.IPV6,
    data: ETHERTYPE.EXPERIMENTAL,
  },
  lldp: {},
  lacp: { data: 0 },
  arp: {},
  rarp: {},
  ipv4: {
    icmp: IP_PROTOCOL.ICMP,
    igmp: IP_PROTOCOL.IGMP,
    udp: IP_PROTOCOL.UDP,
    tcp: IP_PROTOCOL.TCP,
    gre: IP_PROTOCOL.GRE,
    data: IP_PROTOCOL.EXPERIMENTAL,
  },
  ipv6: IN_IPV6,
  hopopts: IN_IPV6,
  routing: IN_IPV6,
  dstopts: IN_IPV6,
  ah: IN_IPV6,
  fragment: IN_IPV6,
  icmp: { data: 0 },
  icmpv6: { data: 0 },
  igmp: { data: 0 },
  mld: { data: 0 },
  udp: {
    dns: UDP_PORT.DNS,
    dhcp: UDP_PORT.DHCP_SERVER,
    dhcp6: UDP_PORT.DHCP6_SERVER,
    bfd: UDP_PORT.BFD,
    vxlan: UDP_PORT.VXLAN,
    geneve: UDP_PORT.GENEVE,
    data: 9,
  },
  tcp: { data: 0 },
  dhcp: { data: 0 },
  dhcp6: {},
  dns: { data: 0 },
  bfd: { data: 0 },
  gre: { eth: ETHERTYPE.TEB, data: ETHERTYPE.EXPERIMENTAL },
  vxlan: { eth: 0, data: 0 },
  geneve: { eth: ETHERTYPE.TEB, data: ETHERTYPE.EXPERIMENTAL },
  data: {},
  pad: {},
};

/** What a layer announces its follower by; that of `data` when nothing follows. */
export function announced(layer: LayerName, next: Layer | undefined): number {
  return FOLLOWERS[layer][next?.layer ?? 'data'] ?? 0;
}

/** Defaults that are not zero. */
export const DEFAULT = {
  arpOperation: ARP_OPERATION.REQUEST,
  rarpOperation: ARP_OPERATION.REVERSE_REQUEST,
  ttl: 64,
  icmpType: ICMP_TYPE.ECHO_REQUEST,
  icmpv6Type: ICMPV6_TYPE.ECHO_REQUEST,
  igmpType: IGMP_TYPE.QUERY,
  mldType: MLD_TYPE.QUERY,
  dhcp6Type: DHCP6_MESSAGE.SOLICIT,
  port: 49152,
  tcpPort: 9,
  window: 65535,
} as const;

/** The hop limit that goes with what follows. */
export function defaultHopLimit(next: Layer | undefined): number {
  // Groups are a matter of one link (RFC 2236, 2; RFC 3810, 5).
  if (next?.layer === 'igmp' || next?.layer === 'mld') return 1;
  const type = next?.layer === 'icmpv6' ? (next.type ?? DEFAULT.icmpv6Type) : 0;
  return type >= ICMPV6_TYPE.ROUTER_SOLICITATION && type <= ICMPV6_TYPE.REDIRECT ? 255 : DEFAULT.ttl;
}

/** The ports that go with what follows: DHCP clients have 68, servers 67. */
export function defaultPorts(next: Layer | undefined): { readonly sport: number; readonly dport: number } {
  if (next?.layer === 'dhcp6') {
    const { ADVERTISE, REPLY, RECONFIGURE } = DHCP6_MESSAGE;
    const isAnswer = [ADVERTISE, REPLY, RECONFIGURE].some((type) => type === next.type);
    const { DHCP6_CLIENT, DHCP6_SERVER } = UDP_PORT;
    return isAnswer
      ? { sport: DHCP6_SERVER, dport: DHCP6_CLIENT }
      : { sport: DHCP6_CLIENT, dport: DHCP6_SERVER };
  }
  if (next?.layer === 'dns' && next.response) return { sport: UDP_PORT.DNS, dport: DEFAULT.port };
  if (next?.layer !== 'dhcp') return { sport: DEFAULT.port, dport: announced('udp', next) };
  const op = next.op ?? dhcpOpOf(next.type ?? DHCP_MESSAGE.DISCOVER);
  const { DHCP_CLIENT, DHCP_SERVER } = UDP_PORT;
  if (op === DHCP_OP.REPLY) return { sport: DHCP_SERVER, dport: DHCP_CLIENT };
  return { sport: DHCP_CLIENT, dport: DHCP_SERVER };
}
