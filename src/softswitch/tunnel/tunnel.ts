/**
 * Frames into tunnels and out of them. Nothing here keeps state.
 *
 *     nvgre    IP, GRE with K=1 only, protocol 0x6558, key = tun_id (VSID << 8 | FlowID)      RFC 7637
 *     vxlan    IP, UDP to 4789 from a port that depends on the flow, VNI = tun_id             RFC 7348
 *     geneve   IP, UDP to 6081, no options, VNI = tun_id                                      RFC 8926
 *
 * The outer header has DSCP and TTL as the port says, and always the ECN of the packet inside, so that the network can say
 * that it is congested (ofproto/tunnel.c of Open vSwitch; RFC 6040 in its compatibility mode, RFC 3168, 9.1):
 *
 *     inside    outside           arrived outside  ->  Not-ECT, ECT      CE
 *     Not-ECT   Not-ECT           inside Not-ECT       as it was         dropped
 *     ECT(0/1)  the same                 ECT, CE       as it was         CE
 *     CE        ECT(0)
 *
 * What comes out is checked strictly: the fabric is trusted to deliver, not to be well-behaved, and a packet of one
 * encapsulation must not pass for another. So every flag and reserved bit has to be what we send ourselves, and
 * fragments are not taken (RFC 7637, 4.4). Which sender may use which VSID is for the pipeline to say: it sees
 * tun_src and tun_id.
 */
import {
  type IpAddress,
  ipFromBigint,
  ipToBigint,
  ipv4FromNumber,
  ipv6FromBigint,
  isIpv4,
} from '../../packet/address.ts';
import { read16, read24, read32, read128, write16, write24, write32, write128 } from '../../packet/bytes.ts';
import { checksumFor, checksumHolds, pseudoHeaderSum } from '../../packet/checksum.ts';
import { ETHERNET, ETHERTYPE } from '../../packet/ethernet.ts';
import { GRE, GRE_FLAG } from '../../packet/gre.ts';
import { IP_PROTOCOL, IPV4, IPV4_FLAG } from '../../packet/ipv4.ts';
import { IPV6 } from '../../packet/ipv6.ts';
import { UDP, UDP_PORT } from '../../packet/udp.ts';
import { isVlanType, popVlan } from '../../packet/vlan.ts';
import { VXLAN, VXLAN_FLAG } from '../../packet/vxlan.ts';
import type { FrameBatch } from '../batch.ts';
import type { DecapsulationDrop, DropReason } from '../events.ts';
import { hashSymmetric } from '../frame/hash.ts';
import { prerequisiteHolds, WORD } from '../frame/key.ts';
import { Packet } from '../frame/packet.ts';

/** The network that carries tunnels: hosts, routes and neighbours are its business. */
export interface Underlay {
  /** Sends an IP packet; from where, it says itself. */
  send(packet: Uint8Array, destination: IpAddress): void;
  /** Many of them; each has its destination in its header. Without this they come one by one. */
  sendBatch?(packets: FrameBatch): void;
}

export interface Tunnel {
  readonly encapsulation: 'nvgre' | 'vxlan' | 'geneve';
  readonly local: IpAddress;
  /** As in PortSpec, with the same defaults. */
  readonly tos?: number | 'inherit';
  readonly ttl?: number | 'inherit';
  readonly dontFragment?: boolean;
}

export type Encapsulated =
  | {
      readonly outer: Uint8Array;
      readonly destination: IpAddress;
      /** Bytes of `outer` before the frame. */
      readonly headerLength: number;
    }
  | { readonly drop: DropReason };

export type Decapsulated =
  | {
      readonly inner: Uint8Array;
      /** The outer header says that there is congestion: see `markCongestion`. */
      readonly isCongested: boolean;
      readonly tunnelId: bigint;
      readonly source: IpAddress;
      readonly destination: IpAddress;
    }
  | { readonly drop: DecapsulationDrop };

/** Geneve (RFC 8926, 3.4): version and option length, flags, protocol; VNI and a reserved byte. */
const GENEVE = { FLAGS: 0, PROTOCOL: 2, VNI: 4, RESERVED: 7, SIZE: 8 } as const;
const GENEVE_PORT = 6081;

const OUTER_TTL = 64;
/** The lower two bits of the TOS (RFC 3168, 5). */
const ECN = { MASK: 3, ECT0: 2, CE: 3 } as const;
/** Source ports of VXLAN and Geneve, as Linux and Open vSwitch choose them. */
const SOURCE_PORTS = { first: 32768, count: 61000 - 32768 } as const;
const LONGEST_PACKET = 0xffff;

/** Takes tunnel id and destination from the frame's key. Tags are taken off first (RFC 7637, 3.2.1). */
export function encapsulate(tunnel: Tunnel, packet: Packet): Encapsulated {
  const { trail } = packet;
  trail?.look(WORD.TUN_DST, 0xffffffff);
  const late = tunnel.encapsulation === 'nvgre' ? (trail?.late?.mask ?? 0) : 0;
  trail?.look(WORD.TUN_ID + 1, ~late);
  if (tunnel.encapsulation !== 'nvgre') trail?.lookAtHash();
  const destination = destinationOf(packet);
  if (!destination || isIpv4(destination) !== isIpv4(tunnel.local)) return { drop: 'no-tunnel-destination' };
  if (destination === tunnel.local) return { drop: 'tunnel-to-itself' };
  let inner = packet.share();
  while (isTagged(inner)) inner = popVlan(inner);

  const ipSize = isIpv4(tunnel.local) ? IPV4.SIZE : IPV6.SIZE;
  const isGre = tunnel.encapsulation === 'nvgre';
  const size = isGre ? GRE.SIZE + 4 : UDP.SIZE + VXLAN.SIZE;
  const total = ipSize + size + inner.length;
  if (total > LONGEST_PACKET) return { drop: 'too-long-for-tunnel' };

  const outer = new Uint8Array(total);
  writeIp(outer, tunnel, packet, destination, isGre ? IP_PROTOCOL.GRE : IP_PROTOCOL.UDP);
  outer.set(inner, ipSize + size);
  const id = packet.key[WORD.TUN_ID + 1]!;
  if (isGre) {
    write16(outer, ipSize + GRE.FLAGS, GRE_FLAG.KEY);
    write16(outer, ipSize + GRE.PROTOCOL, ETHERTYPE.TEB);
    write32(outer, ipSize + GRE.OPTIONAL, id);
  } else {
    const at = ipSize + UDP.SIZE;
    if (tunnel.encapsulation === 'vxlan') {
      outer[at + VXLAN.FLAGS] = VXLAN_FLAG.VNI;
      write24(outer, at + VXLAN.VNI, id);
    } else {
      write16(outer, at + GENEVE.PROTOCOL, ETHERTYPE.TEB);
      write24(outer, at + GENEVE.VNI, id);
    }
    writeUdp(outer, ipSize, tunnel, sourcePort(packet));
  }
  return { outer, destination, headerLength: ipSize + size };
}

function isTagged(frame: Uint8Array): boolean {
  return frame.length >= ETHERNET.SIZE + 4 && isVlanType(read16(frame, ETHERNET.TYPE));
}

function destinationOf({ key }: Packet): IpAddress | undefined {
  if (key[WORD.TUN_DST] !== 0) return ipv4FromNumber(key[WORD.TUN_DST]!);
  const words = [0, 1, 2, 3].map((i) => key[WORD.TUN_IPV6_DST + i]!);
  if (words.every((word) => word === 0)) return undefined;
  return ipv6FromBigint(words.reduce((value, word) => (value << 32n) | BigInt(word), 0n));
}

/** One port per flow, so that the fabric can spread flows; both directions of a flow use the same. */
function sourcePort(packet: Packet): number {
  const hash = hashSymmetric(packet.key, 0);
  return SOURCE_PORTS.first + Math.floor((hash * SOURCE_PORTS.count) / 2 ** 32);
}

/** TOS and TTL of the outer header. */
function outerTos({ tos = 0 }: Tunnel, packet: Packet): number {
  if (!prerequisiteHolds('ip', packet.key)) return tos === 'inherit' ? 0 : tos;
  packet.trail?.look(WORD.IP, (tos === 'inherit' ? 0xff : ECN.MASK) << 16);
  const inner = (packet.key[WORD.IP]! >>> 16) & 0xff;
  const ecn = inner & ECN.MASK;
  return (tos === 'inherit' ? inner & ~ECN.MASK : tos) | (ecn === ECN.CE ? ECN.ECT0 : ecn);
}

function outerTtl({ ttl = OUTER_TTL }: Tunnel, packet: Packet): number {
  if (ttl !== 'inherit') return ttl;
  if (!prerequisiteHolds('ip', packet.key)) return OUTER_TTL;
  packet.trail?.look(WORD.IP, 0xff00);
  return (packet.key[WORD.IP]! >>> 8) & 0xff;
}

/** Identification 0, which is right for packets that are not to be fragmented (RFC 6864, 4.1). */
function writeIp(
  outer: Uint8Array,
  tunnel: Tunnel,
  packet: Packet,
  destination: IpAddress,
  protocol: number,
): void {
  const { local: source, dontFragment = true } = tunnel;
  const tos = outerTos(tunnel, packet);
  const ttl = outerTtl(tunnel, packet);
  if (isIpv4(source)) {
    outer[IPV4.VERSION_IHL] = 0x45;
    outer[IPV4.TOS] = tos;
    write16(outer, IPV4.LENGTH, outer.length);
    write16(outer, IPV4.FRAGMENT, dontFragment ? IPV4_FLAG.DF : 0);
    outer[IPV4.TTL] = ttl;
    outer[IPV4.PROTOCOL] = protocol;
    write32(outer, IPV4.SRC, Number(ipToBigint(source)));
    write32(outer, IPV4.DST, Number(ipToBigint(destination)));
    write16(outer, IPV4.CHECKSUM, checksumFor(outer, 0, IPV4.SIZE, IPV4.CHECKSUM));
  } else {
    write16(outer, IPV6.WORD, 0x6000 | (tos << 4));
    write16(outer, IPV6.LENGTH, outer.length - IPV6.SIZE);
    outer[IPV6.NEXT] = protocol;
    outer[IPV6.HOP_LIMIT] = ttl;
    write128(outer, IPV6.SRC, ipToBigint(source));
    write128(outer, IPV6.DST, ipToBigint(destination));
  }
}

/** Over IPv4 without a checksum (RFC 7348, 5), over IPv6 with one (RFC 8200, 8.1). */
function writeUdp(outer: Uint8Array, at: number, tunnel: Tunnel, source: number): void {
  write16(outer, at + UDP.SPORT, source);
  write16(outer, at + UDP.DPORT, tunnelPort(tunnel));
  write16(outer, at + UDP.LENGTH, outer.length - at);
  if (isIpv4(tunnel.local)) return;
  const pseudo = pseudoHeaderSum(outer, 0, IP_PROTOCOL.UDP, outer.length - at);
  write16(
    outer,
    at + UDP.CHECKSUM,
    checksumFor(outer, at, outer.length, at + UDP.CHECKSUM, pseudo) || 0xffff,
  );
}

/** Of UDP, for VXLAN and Geneve. */
export function tunnelPort(tunnel: Tunnel): number {
  return tunnel.encapsulation === 'vxlan' ? UDP_PORT.VXLAN : GENEVE_PORT;
}

// ----------------------------------------------------------------------------------------------- and out again

/** An IP packet from the underlay. The inner frame shares its memory. */
export function decapsulate(tunnel: Tunnel, outer: Uint8Array): Decapsulated {
  const ip = isIpv4(tunnel.local) ? readIpv4(outer) : readIpv6(outer);
  if ('drop' in ip) return ip;
  if (ip.destination !== tunnel.local) return { drop: 'outer-destination' };
  const isGre = tunnel.encapsulation === 'nvgre';
  if (ip.protocol !== (isGre ? IP_PROTOCOL.GRE : IP_PROTOCOL.UDP)) return { drop: 'outer-protocol' };
  const read = isGre ? readGre(outer, ip) : readUdp(tunnel, outer, ip);
  if ('drop' in read) return read;
  const inner = outer.subarray(read.at, ip.end);
  if (inner.length < ETHERNET.SIZE) return { drop: 'inner-truncated' };
  if (isVlanType(read16(inner, ETHERNET.TYPE))) return { drop: 'inner-tagged' };
  const { source, destination } = ip;
  const isCongested = (ip.tos & ECN.MASK) === ECN.CE;
  return { inner, isCongested, tunnelId: BigInt(read.id), source, destination };
}

/** The frame with the mark of congestion; undefined where it cannot bear it. One without an IP packet needs none. */
export function markCongestion(inner: Uint8Array): Uint8Array | undefined {
  const packet = Packet.read(inner);
  if (packet.key[WORD.TYPE]! >>> 16 !== ETHERTYPE.IPV4 && packet.key[WORD.TYPE]! >>> 16 !== ETHERTYPE.IPV6)
    return inner;
  if (packet.get('ip_ecn') === 0n) return undefined;
  packet.set('ip_ecn', BigInt(ECN.CE));
  return packet.share();
}

interface Outer {
  readonly tos: number;
  readonly protocol: number;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** Where the header ends, and where the packet does. */
  readonly at: number;
  readonly end: number;
}

type Refusal = { readonly drop: DecapsulationDrop };

function readIpv4(bytes: Uint8Array): Outer | Refusal {
  if (bytes.length < IPV4.SIZE) return { drop: 'outer-truncated' };
  if (bytes[0]! >>> 4 !== 4) return { drop: 'outer-version' };
  const at = (bytes[0]! & 15) * 4;
  const end = read16(bytes, IPV4.LENGTH);
  if (at < IPV4.SIZE || end < at || end > bytes.length) return { drop: 'outer-truncated' };
  if (!checksumHolds(bytes, 0, at)) return { drop: 'outer-checksum' };
  // More fragments, or an offset.
  if ((read16(bytes, IPV4.FRAGMENT) & 0x3fff) !== 0) return { drop: 'outer-fragment' };
  return {
    tos: bytes[IPV4.TOS]!,
    protocol: bytes[IPV4.PROTOCOL]!,
    source: ipv4FromNumber(read32(bytes, IPV4.SRC)),
    destination: ipv4FromNumber(read32(bytes, IPV4.DST)),
    at,
    end,
  };
}

/** Extension headers are not looked behind: what follows is then not the tunnel's protocol. */
function readIpv6(bytes: Uint8Array): Outer | Refusal {
  if (bytes.length < IPV6.SIZE) return { drop: 'outer-truncated' };
  if (bytes[0]! >>> 4 !== 6) return { drop: 'outer-version' };
  const end = IPV6.SIZE + read16(bytes, IPV6.LENGTH);
  if (end > bytes.length) return { drop: 'outer-truncated' };
  const protocol = bytes[IPV6.NEXT]!;
  if (protocol === IP_PROTOCOL.FRAGMENT) return { drop: 'outer-fragment' };
  return {
    tos: (read16(bytes, IPV6.WORD) >>> 4) & 0xff,
    protocol,
    source: ipFromBigint(read128(bytes, IPV6.SRC), 6),
    destination: ipFromBigint(read128(bytes, IPV6.DST), 6),
    at: IPV6.SIZE,
    end,
  };
}

function readGre(bytes: Uint8Array, { at, end }: Outer): { at: number; id: number } | Refusal {
  if (end - at < GRE.SIZE) return { drop: 'outer-truncated' };
  const flags = read16(bytes, at + GRE.FLAGS);
  if ((flags & GRE_FLAG.KEY) === 0) return { drop: 'gre-key-missing' };
  // Checksum, sequence number, reserved bits and version are all 0 in NVGRE (RFC 7637, 3.2).
  if (flags !== GRE_FLAG.KEY) return { drop: 'gre-flags' };
  if (read16(bytes, at + GRE.PROTOCOL) !== ETHERTYPE.TEB) return { drop: 'tunnel-protocol' };
  if (end - at < GRE.SIZE + 4) return { drop: 'outer-truncated' };
  return { at: at + GRE.SIZE + 4, id: read32(bytes, at + GRE.OPTIONAL) };
}

function readUdp(
  tunnel: Tunnel,
  bytes: Uint8Array,
  { at, end }: Outer,
): { at: number; id: number } | Refusal {
  if (end - at < UDP.SIZE) return { drop: 'outer-truncated' };
  if (read16(bytes, at + UDP.LENGTH) !== end - at) return { drop: 'udp-length' };
  if (read16(bytes, at + UDP.DPORT) !== tunnelPort(tunnel)) return { drop: 'udp-port' };
  // 0 is "none", over IPv6 too for tunnels (RFC 6935).
  const pseudo = pseudoHeaderSum(bytes, 0, IP_PROTOCOL.UDP, end - at);
  const hasChecksum = read16(bytes, at + UDP.CHECKSUM) !== 0;
  if (hasChecksum && !checksumHolds(bytes, at, end, pseudo)) return { drop: 'udp-checksum' };
  const header = at + UDP.SIZE;
  if (end - header < VXLAN.SIZE) return { drop: 'outer-truncated' };
  if (tunnel.encapsulation === 'vxlan') {
    if (bytes[header] !== VXLAN_FLAG.VNI) return { drop: 'tunnel-flags' };
    if (read24(bytes, header + 1) !== 0 || bytes[header + 7] !== 0) return { drop: 'tunnel-reserved' };
    return { at: header + VXLAN.SIZE, id: read24(bytes, header + VXLAN.VNI) };
  }
  // Version, option length, O and C are 0: control messages and options mean nothing here.
  if (bytes[header] !== 0 || (bytes[header + 1]! & 0xc0) !== 0) return { drop: 'tunnel-flags' };
  if ((bytes[header + 1]! & 0x3f) !== 0 || bytes[header + GENEVE.RESERVED] !== 0) {
    return { drop: 'tunnel-reserved' };
  }
  if (read16(bytes, header + GENEVE.PROTOCOL) !== ETHERTYPE.TEB) return { drop: 'tunnel-protocol' };
  return { at: header + GENEVE.SIZE, id: read24(bytes, header + GENEVE.VNI) };
}
