/**
 * Bytes to layers: the inverse of `frame` (build.ts). For every byte string b, `frame(...layersOf(b))` is b again.
 *
 * A field that `frame` would derive to the same value is left out; one that is wrong in the frame is there. A header
 * with something that no field holds (reserved bits, say) becomes `data` with all that is in it, and nothing is lost.
 */
import { type Ipv6, ipv6FromBigint, macFromNumber } from './address.ts';
import { read16, read32, read48, read128 } from './bytes.ts';
import {
  DHCP,
  DHCP_BROADCAST,
  DHCP_OP,
  DHCP_OPTION,
  type DhcpView,
  dhcpOpOf,
  dhcpOptionsLength,
} from './dhcp.ts';
import { dnsLayer } from './dissect-dns.ts';
import {
  bfdLayer,
  dhcp6Layer,
  geneveLayer,
  igmpLayer,
  lacpLayer,
  llcLayer,
  lldpLayer,
  mldLayer,
  snapLayer,
} from './dissect-more.ts';
import { GRE_FLAG, type GreView } from './gre.ts';
import { icmpv6Rest } from './headers.ts';
import { ICMP_TYPE, ICMP_UNREACHABLE, type IcmpView } from './icmp.ts';
import { ICMPV6, ICMPV6_TYPE, type Icmpv6View, ND_OPTION, NEIGHBOR_FLAG } from './icmpv6.ts';
import { IP_PROTOCOL, IPV4_FLAG, type Ipv4View } from './ipv4.ts';
import { type Extension, IPV6_FRAGMENT, type Ipv6View } from './ipv6.ts';
import type {
  DhcpLayer,
  ExtensionLayer,
  FragmentLayer,
  GreLayer,
  IcmpLayer,
  Icmpv6Layer,
  Ipv4Layer,
  Ipv6Layer,
  Layer,
  TcpLayer,
  UdpLayer,
  VlanLayer,
} from './layer.ts';
import { announced } from './layer.ts';
import { innerFrame, type Layers, parseFrame } from './parse.ts';
import type { TcpView } from './tcp.ts';
import { type UdpView, udpChecksum } from './udp.ts';
import { unless } from './unless.ts';
import type { VlanView } from './vlan.ts';
import { VXLAN_FLAG, type VxlanView } from './vxlan.ts';

/** Never throws. The data of the layers share the memory of the bytes. */
export function layersOf(bytes: Uint8Array): Layer[] {
  const layers: Layer[] = [];
  const pads: Uint8Array[] = [];
  collect(parseFrame(bytes), layers, pads);
  while (pads.at(-1)?.length === 0) pads.pop();
  return [
    ...layers.map((layer, i) => withoutAnnounced(layer, layers[i + 1])),
    ...pads.map((pad) => ({ layer: 'pad', bytes: pad }) as const),
  ];
}

/** Adds the layers of one frame and those of the frames inside it. */
function collect(found: Layers, layers: Layer[], pads: Uint8Array[]): void {
  const { bytes, eth } = found;
  if (!eth) {
    // Also when it is empty: a frame is at least one layer.
    layers.push({ layer: 'data', bytes: bytes.subarray(found.offset, found.end) });
    return;
  }
  const link: Layer[] = [
    { layer: 'eth', src: eth.srcMac, dst: eth.dstMac, type: eth.etherType },
    ...found.vlans.map(vlanLayer),
  ];
  layers.push(...(found.llc?.end === found.payloadEnd ? withoutLength(link) : link));
  const rest = collectNetwork(found, layers);
  const inner = rest === found.payloadOffset ? innerFrame(found) : undefined;
  if (inner) collect(inner, layers, pads);
  else addData(layers, bytes.subarray(rest, found.payloadEnd));
  pads.push(bytes.subarray(found.payloadEnd, found.end));
}

/** The last of the layers without its type, which is the length that `frame` would write. */
function withoutLength(link: readonly Layer[]): Layer[] {
  return link.map((layer, i) => {
    if (i < link.length - 1 || (layer.layer !== 'eth' && layer.layer !== 'vlan')) return layer;
    const { type, ...rest } = layer;
    return rest;
  });
}

/** Adds network and transport; the result is where that stopped: `payloadOffset`, or a header that no layer holds. */
function collectNetwork(found: Layers, layers: Layer[]): number {
  const { llc, snap, lldp, lacp, ipv4, ipv6 } = found;
  if (llc) layers.push(llcLayer(llc, snap !== undefined));
  if (snap) layers.push(snapLayer(snap));
  const control = (lldp && lldpLayer(lldp)) ?? (lacp && lacpLayer(lacp));
  if (control) layers.push(control);
  else if (lldp ?? lacp) return (lldp ?? lacp)!.offset;
  const arp = found.arp ?? found.rarp;
  if (arp) {
    layers.push({
      layer: found.arp ? 'arp' : 'rarp',
      op: arp.operation,
      sha: arp.senderMac,
      spa: arp.senderIp,
      tha: arp.targetMac,
      tpa: arp.targetIp,
    });
  }
  if (ipv4) layers.push(ipv4Layer(ipv4));
  if (ipv6) {
    layers.push(ipv6Layer(ipv6));
    for (const extension of found.extensions) {
      const layer = extensionLayer(found.bytes, extension);
      if (!layer) return extension.offset;
      layers.push(layer);
    }
  }
  return collectTransport(found, layers);
}

function collectTransport(found: Layers, layers: Layer[]): number {
  const { ipv4, ipv6, icmp, icmpv6, udp, tcp, gre } = found;
  if (icmp) layers.push(icmpLayer(icmp));
  const group =
    (found.igmp && igmpLayer(found.igmp)) ?? (found.mld && ipv6 && mldLayer(found.mld, ipv6.offset));
  if (group) {
    layers.push(group);
    return found.payloadOffset;
  }
  if (found.igmp) return found.igmp.offset;
  if (icmpv6 && ipv6) {
    const { layer, end } = icmpv6Layer(icmpv6, ipv6.offset);
    layers.push(layer);
    return end;
  }
  const ip = ipv4 ?? ipv6;
  if (tcp && ip) layers.push(tcpLayer(tcp, ip.offset));
  if (gre) {
    const layer = greLayer(gre);
    if (!layer) return gre.offset;
    layers.push(layer);
  }
  if (udp && ip) return collectUdp(found, udp, ip, layers);
  return found.payloadOffset;
}

function collectUdp(found: Layers, udp: UdpView, ip: Ipv4View | Ipv6View, layers: Layer[]): number {
  const { vxlan, dhcp, geneve, dhcp6, bfd } = found;
  const names = found.dns && dnsLayer(found.dns);
  const inside =
    (vxlan && vxlanLayer(vxlan)) ??
    (geneve && geneveLayer(geneve)) ??
    (dhcp && dhcpLayer(dhcp)) ??
    (dhcp6 && dhcp6Layer(dhcp6)) ??
    (bfd && bfdLayer(bfd)) ??
    names?.layer;
  layers.push(udpLayer(udp, ip, inside?.layer === 'vxlan' && found.ipv4 !== undefined));
  if (!inside) return udp.payloadOffset;
  layers.push(inside);
  return names?.end ?? found.payloadOffset;
}

function vlanLayer(v: VlanView): VlanLayer {
  return {
    layer: 'vlan',
    vid: v.vid,
    ...unless('pcp', v.pcp, 0),
    ...unless('dei', v.dei, false),
    type: v.etherType,
  };
}

function ipv4Layer(v: Ipv4View): Ipv4Layer {
  return {
    layer: 'ipv4',
    src: v.srcIp,
    dst: v.dstIp,
    ttl: v.ttl,
    ...unless('tos', v.tos, 0),
    ...unless('id', v.id, 0),
    ...unless('df', v.dontFragment, false),
    ...unless('mf', v.moreFragments, false),
    ...unless('reserved', (v.fragmentWord & IPV4_FLAG.RESERVED) !== 0, false),
    ...unless('frag', v.fragmentOffset, 0),
    ...(v.options().length > 0 ? { options: v.options() } : {}),
    ...unless('checksum', v.checksum, v.expectedChecksum()),
    proto: v.protocol,
  };
}

function ipv6Layer(v: Ipv6View): Ipv6Layer {
  return {
    layer: 'ipv6',
    src: v.srcIp,
    dst: v.dstIp,
    ttl: v.hopLimit,
    ...unless('tos', v.trafficClass, 0),
    ...unless('flow', v.flowLabel, 0),
    proto: v.nextHeader,
  };
}

const EXTENSION_NAMES: Readonly<Record<number, ExtensionLayer['layer']>> = {
  [IP_PROTOCOL.HOP_BY_HOP]: 'hopopts',
  [IP_PROTOCOL.ROUTING]: 'routing',
  [IP_PROTOCOL.DESTINATION]: 'dstopts',
  [IP_PROTOCOL.AUTHENTICATION]: 'ah',
};

function extensionLayer(bytes: Uint8Array, e: Extension): ExtensionLayer | FragmentLayer | undefined {
  const proto = bytes[e.offset]!;
  const name = EXTENSION_NAMES[e.type];
  if (name) return { layer: name, body: bytes.subarray(e.offset + 2, e.offset + e.length), proto };
  const word = read16(bytes, e.offset + IPV6_FRAGMENT.OFFSET);
  if (bytes[e.offset + IPV6_FRAGMENT.RESERVED] !== 0 || (word & 6) !== 0) return undefined;
  return {
    layer: 'fragment',
    ...unless('frag', word & 0xfff8, 0),
    ...unless('mf', (word & 1) === 1, false),
    id: read32(bytes, e.offset + IPV6_FRAGMENT.ID),
    proto,
  };
}

function icmpLayer(v: IcmpView): IcmpLayer {
  return {
    layer: 'icmp',
    type: v.type,
    ...unless('code', v.code, 0),
    ...icmpRest(v),
    ...unless('checksum', v.checksum, v.expectedChecksum()),
  };
}

function icmpRest(v: IcmpView): Partial<IcmpLayer> {
  const { REDIRECT, PARAMETER_PROBLEM, TIMESTAMP, TIMESTAMP_REPLY } = ICMP_TYPE;
  if (v.isEcho || v.type === TIMESTAMP || v.type === TIMESTAMP_REPLY) return { id: v.id, seq: v.seq };
  if (v.type === REDIRECT) return { gateway: v.gateway };
  if (v.type === PARAMETER_PROBLEM && (v.rest & 0xffffff) === 0) return { pointer: v.pointer };
  const isTooBig = v.type === ICMP_TYPE.UNREACHABLE && v.code === ICMP_UNREACHABLE.FRAGMENTATION_NEEDED;
  if (isTooBig && v.rest <= 0xffff) return { mtu: v.mtu };
  return unless('rest', v.rest, 0);
}

/** Leading link-layer address options have fields of their own. */
function icmpv6Layer(v: Icmpv6View, ip: number): { layer: Icmpv6Layer; end: number } {
  const { bytes } = v;
  let end = v.payloadOffset;
  const linkOption = (type: number) => {
    const isIt = v.options().some((o) => o.offset === end && o.type === type && o.length === 8);
    if (!isIt) return undefined;
    end += 8;
    return macFromNumber(read48(bytes, end - 6));
  };
  const sll = linkOption(ND_OPTION.SOURCE_LINK);
  const tll = linkOption(ND_OPTION.TARGET_LINK);
  const options = v
    .options()
    .filter((o) => o.offset >= end)
    .map((o) => ({ code: o.type, data: bytes.subarray(o.offset + 2, o.offset + o.length) }));
  // The options go to the end of the message.
  if (options.length > 0) end = v.end;
  const target = v.targetIp;
  const layer: Icmpv6Layer = {
    layer: 'icmpv6',
    type: v.type,
    ...unless('code', v.code, 0),
    ...icmpv6RestOf(v),
    ...(v.type === ICMPV6_TYPE.ROUTER_ADVERTISEMENT
      ? {
          ...unless('reachable', read32(bytes, v.offset + ICMPV6.REACHABLE), 0),
          ...unless('retrans', read32(bytes, v.offset + ICMPV6.RETRANS), 0),
        }
      : {}),
    ...(target ? { target } : {}),
    ...(v.type === ICMPV6_TYPE.REDIRECT ? { destination: redirected(v) } : {}),
    ...(sll ? { sll } : {}),
    ...(tll ? { tll } : {}),
    ...(options.length > 0 ? { options } : {}),
    ...unless('checksum', v.checksum, v.expectedChecksum(ip)),
  };
  return { layer, end };
}

function redirected(v: Icmpv6View): Ipv6 {
  return ipv6FromBigint(read128(v.bytes, v.offset + ICMPV6.DESTINATION));
}

/** The fields that the type has in the four bytes behind the checksum; those bytes as they are if that is not all. */
function icmpv6RestOf(v: Icmpv6View): Partial<Icmpv6Layer> {
  const fields = icmpv6Fields(v);
  return icmpv6Rest({ layer: 'icmpv6', ...fields }, v.type) === v.rest ? fields : { rest: v.rest };
}

function icmpv6Fields(v: Icmpv6View): Partial<Icmpv6Layer> {
  if (v.isEcho) return { id: v.id, seq: v.seq };
  const { rest } = v;
  switch (v.type) {
    case ICMPV6_TYPE.PACKET_TOO_BIG:
      return { mtu: rest };
    case ICMPV6_TYPE.PARAMETER_PROBLEM:
      return { pointer: rest };
    case ICMPV6_TYPE.ROUTER_ADVERTISEMENT: {
      const router = v.router();
      return router
        ? {
            hoplimit: router.hopLimit,
            ...unless('managed', router.managed, false),
            ...unless('other', router.other, false),
            ...unless('preference', router.preference, 0),
            lifetime: router.lifetime,
          }
        : {};
    }
    case ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT:
      return {
        ...unless('router', (rest & NEIGHBOR_FLAG.ROUTER) !== 0, false),
        ...unless('solicited', (rest & NEIGHBOR_FLAG.SOLICITED) !== 0, false),
        ...unless('override', (rest & NEIGHBOR_FLAG.OVERRIDE) !== 0, false),
      };
    default:
      return {};
  }
}

function udpLayer(v: UdpView, ip: Ipv4View | Ipv6View, hasNoChecksum: boolean): UdpLayer {
  // What `frame` derives: to the end of the IP packet, which is not always where the datagram says it ends.
  const derived = hasNoChecksum ? 0 : udpChecksum(v.bytes, ip.offset, v.offset, ip.end);
  return {
    layer: 'udp',
    sport: v.srcPort,
    dport: v.dstPort,
    ...unless('len', v.length, ip.end - v.offset),
    ...unless('checksum', v.checksum, derived),
  };
}

function tcpLayer(v: TcpView, ip: number): TcpLayer {
  return {
    layer: 'tcp',
    sport: v.srcPort,
    dport: v.dstPort,
    flags: v.flags,
    seq: v.seq,
    ack: v.ack,
    window: v.window,
    ...unless('urgent', v.urgent, 0),
    ...unless('reserved', v.reserved, 0),
    ...(v.options().length > 0 ? { options: v.options() } : {}),
    ...unless('checksum', v.checksum, v.expectedChecksum(ip)),
  };
}

function greLayer(v: GreView): GreLayer | undefined {
  const { flags, key, sequence, checksumWord } = v;
  const { CHECKSUM, KEY, SEQUENCE } = GRE_FLAG;
  if ((flags & ~(CHECKSUM | KEY | SEQUENCE)) !== 0) return undefined;
  if (checksumWord !== undefined && (checksumWord & 0xffff) !== 0) return undefined;
  const checksum = checksumWord === undefined ? undefined : checksumWord >>> 16;
  return {
    layer: 'gre',
    ...(v.isNvgre ? { vsid: v.vsid ?? 0, flow: v.flowId ?? 0 } : key === undefined ? {} : { key }),
    ...(sequence === undefined ? {} : { seq: sequence }),
    ...(checksum === undefined ? {} : checksum === v.expectedChecksum() ? { c: true } : { checksum }),
    proto: v.protocolType,
  };
}

function vxlanLayer(v: VxlanView): Layer | undefined {
  const isPlain = v.flagsWord === VXLAN_FLAG.VNI * 2 ** 24 && v.reserved === 0;
  return isPlain ? { layer: 'vxlan', vni: v.vni } : undefined;
}

function dhcpLayer(v: DhcpView): DhcpLayer | undefined {
  const all = v.options();
  const { bytes, offset } = v;
  const fixed = bytes.subarray(offset + DHCP.CHADDR + 6, offset + DHCP.COOKIE);
  const { serverName, bootFile } = v;
  if (serverName === undefined || bootFile === undefined) return undefined;
  // Behind the texts nothing but zeros.
  const used = fixed.reduce((sum, octet) => sum + (octet === 0 ? 0 : 1), 0);
  const hasPads = v.headerLength !== DHCP.OPTIONS + dhcpOptionsLength(all);
  if (hasPads || used !== serverName.length + bootFile.length || (v.flags & ~DHCP_BROADCAST) !== 0)
    return undefined;
  const [first, ...others] = all;
  const type =
    first?.code === DHCP_OPTION.MESSAGE_TYPE && first.data.length === 1 ? first.data[0] : undefined;
  const options = type === undefined ? all : others;
  return {
    layer: 'dhcp',
    ...(type === undefined ? {} : { type }),
    ...unless('op', v.op, type === undefined ? DHCP_OP.REQUEST : dhcpOpOf(type)),
    ...unless('hops', v.hops, 0),
    xid: v.xid,
    ...unless('secs', v.secs, 0),
    ...unless('broadcast', v.broadcast, false),
    ...unless('ciaddr', v.ciaddr, '0.0.0.0'),
    ...unless('yiaddr', v.yiaddr, '0.0.0.0'),
    ...unless('siaddr', v.siaddr, '0.0.0.0'),
    ...unless('giaddr', v.giaddr, '0.0.0.0'),
    chaddr: v.chaddr,
    ...unless('sname', serverName, ''),
    ...unless('file', bootFile, ''),
    ...(options.length > 0 ? { options } : {}),
  };
}

function addData(layers: Layer[], bytes: Uint8Array): void {
  if (bytes.length > 0) layers.push({ layer: 'data', bytes });
}

/** Drops the type that announces the next layer where it is the one that `frame` would write. */
function withoutAnnounced(layer: Layer, next: Layer | undefined): Layer {
  switch (layer.layer) {
    case 'eth':
    case 'vlan': {
      const { type, ...rest } = layer;
      return type === announced(layer.layer, next) ? rest : layer;
    }
    case 'ipv4':
    case 'ipv6':
    case 'hopopts':
    case 'routing':
    case 'dstopts':
    case 'ah':
    case 'fragment':
    case 'snap':
    case 'geneve':
    case 'gre': {
      const { proto, ...rest } = layer;
      return proto === announced(layer.layer, next) ? rest : layer;
    }
    default:
      return layer;
  }
}
