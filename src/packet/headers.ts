/** How each layer is written (see header.ts); those of links, groups and services have files of their own. */
import { BROADCAST_MAC, ipv4ToNumber } from './address.ts';
import { ARP, ARP_ETHERNET_IPV4 } from './arp.ts';
import { write16, write24, write32 } from './bytes.ts';
import { checksumFor } from './checksum.ts';
import {
  byteOption,
  DHCP,
  DHCP_BROADCAST,
  DHCP_COOKIE,
  DHCP_OP,
  DHCP_OPTION,
  dhcpOpOf,
  dhcpOptionsLength,
  isDhcpText,
  writeDhcpOptions,
} from './dhcp.ts';
import { ETHERNET } from './ethernet.ts';
import { GRE, GRE_FLAG, greChecksum, greLength, nvgreKey } from './gre.ts';
import { fitting16, type Header, within, writeIpv4, writeIpv6, writeMac } from './header.ts';
import { dnsHeader } from './headers-dns.ts';
import { igmpHeader, mldHeader } from './headers-group.ts';
import { lacpHeader, llcHeader, lldpHeader, snapHeader } from './headers-link.ts';
import { bfdHeader, dhcp6Header, geneveHeader } from './headers-service.ts';
import { ICMP } from './icmp.ts';
import {
  ICMPV6,
  ICMPV6_TYPE,
  icmpv6Checksum,
  linkAddressOption,
  ND_OPTION,
  NEIGHBOR_FLAG,
  ndHeaderLength,
  ROUTER_FLAG,
  ROUTER_PREFERENCE_SHIFT,
} from './icmpv6.ts';
import { IPV4, IPV4_FLAG } from './ipv4.ts';
import { IPV6, IPV6_FRAGMENT } from './ipv6.ts';
import type * as L from './layer.ts';
import { announced, DEFAULT, defaultHopLimit, defaultPorts } from './layer.ts';
import { LONGEST_802_3 } from './llc.ts';
import { ND_OPTION_LIMITS } from './nd-options.ts';
import { type Option, optionProblem } from './option.ts';
import { TCP, tcpChecksum } from './tcp.ts';
import { UDP, udpChecksum } from './udp.ts';
import { VLAN } from './vlan.ts';
import { VXLAN, VXLAN_FLAG } from './vxlan.ts';

const NO_BYTES = new Uint8Array(0);

export function headerOf(layer: L.Layer): Header {
  switch (layer.layer) {
    case 'eth':
      return ethernetHeader(layer);
    case 'vlan':
      return vlanHeader(layer);
    case 'llc':
      return llcHeader(layer);
    case 'snap':
      return snapHeader(layer);
    case 'lldp':
      return lldpHeader(layer);
    case 'lacp':
      return lacpHeader(layer);
    case 'arp':
    case 'rarp':
      return arpHeader(layer);
    case 'ipv4':
      return ipv4Header(layer);
    case 'ipv6':
      return ipv6Header(layer);
    case 'hopopts':
    case 'routing':
    case 'dstopts':
    case 'ah':
      return extensionHeader(layer);
    case 'fragment':
      return fragmentHeader(layer);
    case 'icmp':
      return icmpHeader(layer);
    case 'icmpv6':
      return icmpv6Header(layer);
    case 'igmp':
      return igmpHeader(layer);
    case 'mld':
      return mldHeader(layer);
    case 'udp':
      return udpHeader(layer);
    case 'tcp':
      return tcpHeader(layer);
    case 'dhcp':
      return dhcpHeader(layer);
    case 'dns':
      return dnsHeader(layer);
    case 'dhcp6':
      return dhcp6Header(layer);
    case 'bfd':
      return bfdHeader(layer);
    case 'gre':
      return greHeader(layer);
    case 'vxlan':
      return vxlanHeader(layer);
    case 'geneve':
      return geneveHeader(layer);
    case 'data':
    case 'pad':
      return { size: layer.bytes.length, write: ({ bytes, at }) => bytes.set(layer.bytes, at) };
  }
}

function ethernetHeader(l: L.EthLayer): Header {
  return {
    size: ETHERNET.SIZE,
    write({ bytes, at, end, next }) {
      writeMac(bytes, at + ETHERNET.DST, l.dst ?? BROADCAST_MAC);
      writeMac(bytes, at + ETHERNET.SRC, l.src);
      write16(bytes, at + ETHERNET.TYPE, l.type ?? typeOf('eth', next, end - at - ETHERNET.SIZE));
    },
  };
}

function vlanHeader(l: L.VlanLayer): Header {
  return {
    size: VLAN.SIZE,
    write({ bytes, at, end, next }) {
      write16(bytes, at + VLAN.TCI, ((l.pcp ?? 0) << 13) | (l.dei ? 0x1000 : 0) | (l.vid ?? 0));
      write16(bytes, at + VLAN.TYPE, l.type ?? typeOf('vlan', next, end - at - VLAN.SIZE));
    },
  };
}

/** The EtherType field before what follows, of which there are `length` bytes. */
function typeOf(layer: 'eth' | 'vlan', next: L.Layer | undefined, length: number): number {
  if (next?.layer !== 'llc') return announced(layer, next);
  if (length > LONGEST_802_3)
    throw new RangeError(
      `an 802.3 frame carries at most ${LONGEST_802_3} bytes; this one would carry ${length}`,
    );
  return length;
}

function arpHeader(l: L.ArpLayer): Header {
  return {
    size: ARP.SIZE,
    write({ bytes, at }) {
      write16(bytes, at + ARP.HARDWARE_TYPE, ARP_ETHERNET_IPV4.hardwareType);
      write16(bytes, at + ARP.PROTOCOL_TYPE, ARP_ETHERNET_IPV4.protocolType);
      bytes[at + ARP.HARDWARE_LENGTH] = ARP_ETHERNET_IPV4.hardwareLength;
      bytes[at + ARP.PROTOCOL_LENGTH] = ARP_ETHERNET_IPV4.protocolLength;
      const usual = l.layer === 'arp' ? DEFAULT.arpOperation : DEFAULT.rarpOperation;
      write16(bytes, at + ARP.OPERATION, l.op ?? usual);
      writeMac(bytes, at + ARP.SHA, l.sha);
      writeIpv4(bytes, at + ARP.SPA, l.spa);
      writeMac(bytes, at + ARP.THA, l.tha);
      writeIpv4(bytes, at + ARP.TPA, l.tpa);
    },
  };
}

function ipv4Header(l: L.Ipv4Layer): Header {
  const options = l.options ?? NO_BYTES;
  if (options.length % 4 !== 0 || options.length > 40) {
    throw new RangeError(`IPv4 options are a multiple of 4 bytes, at most 40; these are ${options.length}`);
  }
  const size = IPV4.SIZE + options.length;
  return {
    size,
    write({ bytes, at, end, next }) {
      bytes[at + IPV4.VERSION_IHL] = (4 << 4) | (size / 4);
      bytes[at + IPV4.TOS] = l.tos ?? 0;
      write16(bytes, at + IPV4.LENGTH, l.len ?? fitting16(end - at, 'an IPv4 packet'));
      write16(bytes, at + IPV4.ID, l.id ?? 0);
      const flags =
        (l.reserved ? IPV4_FLAG.RESERVED : 0) | (l.df ? IPV4_FLAG.DF : 0) | (l.mf ? IPV4_FLAG.MF : 0);
      write16(bytes, at + IPV4.FRAGMENT, flags | (fragmentOffset(l.frag) >>> 3));
      bytes[at + IPV4.TTL] = l.ttl ?? defaultHopLimit(next);
      bytes[at + IPV4.PROTOCOL] = l.proto ?? announced('ipv4', next);
      writeIpv4(bytes, at + IPV4.SRC, l.src);
      writeIpv4(bytes, at + IPV4.DST, l.dst);
      bytes.set(options, at + IPV4.SIZE);
      const field = at + IPV4.CHECKSUM;
      write16(bytes, field, l.checksum ?? checksumFor(bytes, at, at + size, field));
    },
  };
}

function ipv6Header(l: L.Ipv6Layer): Header {
  return {
    size: IPV6.SIZE,
    write({ bytes, at, end, next }) {
      write32(bytes, at + IPV6.WORD, ((6 << 28) | ((l.tos ?? 0) << 20) | (l.flow ?? 0)) >>> 0);
      write16(bytes, at + IPV6.LENGTH, l.len ?? fitting16(end - at - IPV6.SIZE, 'an IPv6 payload'));
      bytes[at + IPV6.NEXT] = l.proto ?? announced('ipv6', next);
      bytes[at + IPV6.HOP_LIMIT] = l.ttl ?? defaultHopLimit(next);
      writeIpv6(bytes, at + IPV6.SRC, l.src);
      writeIpv6(bytes, at + IPV6.DST, l.dst);
    },
  };
}

/** PadN over the six bytes: the shortest option list there is (RFC 8200, 4.2). */
const PADDING_OPTIONS = Uint8Array.of(1, 4, 0, 0, 0, 0);

function extensionHeader(l: L.ExtensionLayer): Header {
  const body =
    l.body ?? (l.layer === 'hopopts' || l.layer === 'dstopts' ? PADDING_OPTIONS : new Uint8Array(6));
  const size = 2 + body.length;
  const length = l.layer === 'ah' ? size / 4 - 2 : size / 8 - 1;
  if (!Number.isInteger(length) || length < 0 || length > 255) {
    throw new RangeError(
      `${l.layer} has a body of ${l.layer === 'ah' ? '4n + 6' : '8n + 6'} bytes; this one has ${body.length}`,
    );
  }
  return {
    size,
    write({ bytes, at, next }) {
      bytes[at] = l.proto ?? announced(l.layer, next);
      bytes[at + 1] = length;
      bytes.set(body, at + 2);
    },
  };
}

function fragmentHeader(l: L.FragmentLayer): Header {
  return {
    size: IPV6_FRAGMENT.SIZE,
    write({ bytes, at, next }) {
      bytes[at + IPV6_FRAGMENT.NEXT] = l.proto ?? announced('fragment', next);
      write16(bytes, at + IPV6_FRAGMENT.OFFSET, fragmentOffset(l.frag) | (l.mf ? 1 : 0));
      write32(bytes, at + IPV6_FRAGMENT.ID, l.id ?? 0);
    },
  };
}

function icmpHeader(l: L.IcmpLayer): Header {
  return {
    size: ICMP.SIZE,
    write({ bytes, at }) {
      bytes[at + ICMP.TYPE] = l.type ?? DEFAULT.icmpType;
      bytes[at + ICMP.CODE] = l.code ?? 0;
      write32(bytes, at + ICMP.REST, l.rest ?? icmpRest(l));
    },
    seal({ bytes, at, end }) {
      write16(bytes, at + ICMP.CHECKSUM, l.checksum ?? checksumFor(bytes, at, end, at + ICMP.CHECKSUM));
    },
  };
}

/** The four bytes behind the checksum, from the fields that lie in them. */
function icmpRest(l: L.IcmpLayer): number {
  if (l.gateway !== undefined) return ipv4ToNumber(l.gateway);
  if (l.pointer !== undefined) return (l.pointer << 24) >>> 0;
  return (((l.id ?? 0) << 16) | (l.seq ?? l.mtu ?? 0)) >>> 0;
}

function icmpv6Header(l: L.Icmpv6Layer): Header {
  const type = l.type ?? DEFAULT.icmpv6Type;
  const fixed = ndHeaderLength(type) ?? ICMPV6.SIZE;
  const options = [
    ...(l.sll ? [linkAddressOption(ND_OPTION.SOURCE_LINK, l.sll)] : []),
    ...(l.tll ? [linkAddressOption(ND_OPTION.TARGET_LINK, l.tll)] : []),
    ...(l.options ?? []).map(ndOption),
  ];
  return {
    size: options.reduce((sum, option) => sum + option.length, fixed),
    write({ bytes, at }) {
      bytes[at + ICMPV6.TYPE] = type;
      bytes[at + ICMPV6.CODE] = l.code ?? 0;
      write32(bytes, at + ICMPV6.REST, l.rest ?? icmpv6Rest(l, type));
      if (type === ICMPV6_TYPE.ROUTER_ADVERTISEMENT) {
        write32(bytes, at + ICMPV6.REACHABLE, l.reachable ?? 0);
        write32(bytes, at + ICMPV6.RETRANS, l.retrans ?? 0);
      }
      if (fixed >= 24) writeIpv6(bytes, at + ICMPV6.TARGET, l.target);
      if (fixed >= 40) writeIpv6(bytes, at + ICMPV6.DESTINATION, l.destination);
      let to = at + fixed;
      for (const option of options) {
        bytes.set(option, to);
        to += option.length;
      }
    },
    seal({ bytes, at, end, ip }) {
      write16(bytes, at + ICMPV6.CHECKSUM, l.checksum ?? icmpv6Checksum(bytes, within(ip), at, end));
    },
  };
}

function ndOption(option: Option): Uint8Array {
  const problem = optionProblem(option, ND_OPTION_LIMITS);
  if (problem) throw new RangeError(`Neighbor Discovery ${problem}`);
  const size = 2 + option.data.length;
  return Uint8Array.of(option.code, size / 8, ...option.data);
}

/** The four bytes behind the checksum, from the fields that the type has there. */
export function icmpv6Rest(l: L.Icmpv6Layer, type: number): number {
  switch (type) {
    case ICMPV6_TYPE.PACKET_TOO_BIG:
      return l.mtu ?? 0;
    case ICMPV6_TYPE.PARAMETER_PROBLEM:
      return l.pointer ?? (((l.id ?? 0) << 16) | (l.seq ?? 0)) >>> 0;
    case ICMPV6_TYPE.ROUTER_ADVERTISEMENT: {
      const flags =
        (l.managed ? ROUTER_FLAG.MANAGED : 0) |
        (l.other ? ROUTER_FLAG.OTHER : 0) |
        ((l.preference ?? 0) << ROUTER_PREFERENCE_SHIFT);
      return (((l.hoplimit ?? 0) << 24) | (flags << 16) | (l.lifetime ?? 0)) >>> 0;
    }
    case ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT: {
      const { ROUTER, SOLICITED, OVERRIDE } = NEIGHBOR_FLAG;
      return ((l.router ? ROUTER : 0) | (l.solicited ? SOLICITED : 0) | (l.override ? OVERRIDE : 0)) >>> 0;
    }
    default:
      return (((l.id ?? 0) << 16) | (l.seq ?? 0)) >>> 0;
  }
}

function udpHeader(l: L.UdpLayer): Header {
  return {
    size: UDP.SIZE,
    write({ bytes, at, end, next }) {
      const ports = defaultPorts(next);
      write16(bytes, at + UDP.SPORT, l.sport ?? ports.sport);
      write16(bytes, at + UDP.DPORT, l.dport ?? ports.dport);
      write16(bytes, at + UDP.LENGTH, l.len ?? fitting16(end - at, 'a UDP datagram'));
    },
    seal({ bytes, at, end, next, ip }) {
      const none = next?.layer === 'vxlan' && bytes[within(ip)]! >>> 4 === 4;
      write16(bytes, at + UDP.CHECKSUM, l.checksum ?? (none ? 0 : udpChecksum(bytes, within(ip), at, end)));
    },
  };
}

function tcpHeader(l: L.TcpLayer): Header {
  const options = l.options ?? NO_BYTES;
  if (options.length % 4 !== 0 || options.length > 40) {
    throw new RangeError(`TCP options are a multiple of 4 bytes, at most 40; these are ${options.length}`);
  }
  const size = TCP.SIZE + options.length;
  return {
    size,
    write({ bytes, at }) {
      write16(bytes, at + TCP.SPORT, l.sport ?? DEFAULT.port);
      write16(bytes, at + TCP.DPORT, l.dport ?? DEFAULT.tcpPort);
      write32(bytes, at + TCP.SEQ, l.seq ?? 0);
      write32(bytes, at + TCP.ACK, l.ack ?? 0);
      bytes[at + TCP.DATA_OFFSET] = ((size / 4) << 4) | (l.reserved ?? 0);
      bytes[at + TCP.FLAGS] = l.flags ?? 0;
      write16(bytes, at + TCP.WINDOW, l.window ?? DEFAULT.window);
      write16(bytes, at + TCP.URGENT, l.urgent ?? 0);
      bytes.set(options, at + TCP.SIZE);
    },
    seal({ bytes, at, end, ip }) {
      write16(bytes, at + TCP.CHECKSUM, l.checksum ?? tcpChecksum(bytes, within(ip), at, end));
    },
  };
}

function dhcpText(text = '', longest: number): Uint8Array {
  if (!isDhcpText(text, longest))
    throw new RangeError(`a DHCP text has at most ${longest} printable characters`);
  return new TextEncoder().encode(text);
}

function dhcpHeader(l: L.DhcpLayer): Header {
  const typeOption = l.type === undefined ? [] : [byteOption(DHCP_OPTION.MESSAGE_TYPE, l.type)];
  const options = [...typeOption, ...(l.options ?? [])];
  const bad = options.find(
    (o) => o.data.length > 255 || o.code <= DHCP_OPTION.PAD || o.code >= DHCP_OPTION.END,
  );
  if (bad)
    throw new RangeError(
      `DHCP option ${bad.code} with ${bad.data.length} bytes; codes are 1..254, 255 bytes at most`,
    );
  const serverName = dhcpText(l.sname, DHCP.FILE - DHCP.SNAME);
  const bootFile = dhcpText(l.file, DHCP.COOKIE - DHCP.FILE);
  return {
    size: DHCP.OPTIONS + dhcpOptionsLength(options),
    write({ bytes, at }) {
      bytes[at + DHCP.OP] = l.op ?? (l.type === undefined ? DHCP_OP.REQUEST : dhcpOpOf(l.type));
      bytes[at + DHCP.HTYPE] = 1;
      bytes[at + DHCP.HLEN] = 6;
      bytes[at + DHCP.HOPS] = l.hops ?? 0;
      write32(bytes, at + DHCP.XID, l.xid ?? 0);
      write16(bytes, at + DHCP.SECS, l.secs ?? 0);
      write16(bytes, at + DHCP.FLAGS, l.broadcast ? DHCP_BROADCAST : 0);
      writeIpv4(bytes, at + DHCP.CIADDR, l.ciaddr);
      writeIpv4(bytes, at + DHCP.YIADDR, l.yiaddr);
      writeIpv4(bytes, at + DHCP.SIADDR, l.siaddr);
      writeIpv4(bytes, at + DHCP.GIADDR, l.giaddr);
      writeMac(bytes, at + DHCP.CHADDR, l.chaddr);
      bytes.set(serverName, at + DHCP.SNAME);
      bytes.set(bootFile, at + DHCP.FILE);
      write32(bytes, at + DHCP.COOKIE, DHCP_COOKIE);
      writeDhcpOptions(bytes, at + DHCP.OPTIONS, options);
    },
  };
}

function greHeader(l: L.GreLayer): Header {
  const hasKey = l.key !== undefined || l.vsid !== undefined || l.flow !== undefined;
  const hasChecksum = l.c === true || l.checksum !== undefined;
  const flags =
    (hasChecksum ? GRE_FLAG.CHECKSUM : 0) |
    (hasKey ? GRE_FLAG.KEY : 0) |
    (l.seq === undefined ? 0 : GRE_FLAG.SEQUENCE);
  const size = greLength(flags);
  return {
    size,
    write({ bytes, at, next }) {
      write16(bytes, at + GRE.FLAGS, flags);
      write16(bytes, at + GRE.PROTOCOL, l.proto ?? announced('gre', next));
      const key = at + GRE.OPTIONAL + (hasChecksum ? 4 : 0);
      if (hasKey) write32(bytes, key, l.key ?? nvgreKey(l.vsid ?? 0, l.flow ?? 0));
      if (l.seq !== undefined) write32(bytes, at + size - 4, l.seq);
    },
    seal({ bytes, at, end }) {
      if (hasChecksum) write16(bytes, at + GRE.OPTIONAL, l.checksum ?? greChecksum(bytes, at, end));
    },
  };
}

function vxlanHeader(l: L.VxlanLayer): Header {
  return {
    size: VXLAN.SIZE,
    write({ bytes, at }) {
      bytes[at + VXLAN.FLAGS] = VXLAN_FLAG.VNI;
      write24(bytes, at + VXLAN.VNI, l.vni ?? 0);
    },
  };
}

function fragmentOffset(offset = 0): number {
  if (offset % 8 !== 0 || offset > 0xfff8) {
    throw new RangeError(`a fragment offset is a multiple of 8 up to 65528; ${offset} is not`);
  }
  return offset;
}
