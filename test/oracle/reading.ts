/** What a frame says about itself, in the places that the rules of the data plane look at. */
import { type Ipv6, ipv6FromBigint, type Mac, macFromNumber, ZERO_MAC } from '../../src/packet/address.ts';
import { read16, read48, read128, toHex } from '../../src/packet/bytes.ts';
import { ETHERNET } from '../../src/packet/ethernet.ts';
import { ICMPV6, ICMPV6_TYPE, ND_OPTION, ndHeaderLength } from '../../src/packet/icmpv6.ts';
import { IP_PROTOCOL } from '../../src/packet/ipv4.ts';
import type { Layers } from '../../src/packet/parse.ts';
import { UDP_PORT } from '../../src/packet/udp.ts';

/** Smaller numbers are lengths (IEEE 802.3). */
const FIRST_TYPE = 0x600;
const SNAP_SIZE = 8;
const TCP_HEADER_SIZE = 20;

/** From a DHCP client to a server, of IPv4. */
export function isDhcpRequest(frame: Layers): boolean {
  const ports = frame.ipv4 && udpPorts(frame);
  return ports?.source === UDP_PORT.DHCP_CLIENT && ports.destination === UDP_PORT.DHCP_SERVER;
}

/** From a DHCPv6 client to a server. */
export function isDhcpv6Request(frame: Layers): boolean {
  const ports = frame.ipv6 && udpPorts(frame);
  return ports?.source === UDP_PORT.DHCP6_CLIENT && ports.destination === UDP_PORT.DHCP6_SERVER;
}

/** 01:80:c2:00:00:00 to 0f: no bridge passes these on (IEEE 802.1Q-2018, 8.6.3). STP, LACP, LLDP, EAPOL … */
export function isLinkLocalGroup(mac: number): boolean {
  return Math.floor(mac / 16) === 0x0180_c200_000;
}

/** Ports and types are looked at as soon as they are there, also where a length behind them lies; not in later fragments. */
export function udpPorts(frame: Layers): { source: number; destination: number } | undefined {
  const at = transportOffset(frame, IP_PROTOCOL.UDP);
  return at === undefined
    ? undefined
    : { source: read16(frame.bytes, at), destination: read16(frame.bytes, at + 2) };
}

/** Ports of TCP or UDP, where the whole header is there. */
export function transportPorts(frame: Layers): { source: number; destination: number } | undefined {
  const at =
    transportOffset(frame, IP_PROTOCOL.UDP) ?? transportOffset(frame, IP_PROTOCOL.TCP, TCP_HEADER_SIZE);
  return at === undefined
    ? undefined
    : { source: read16(frame.bytes, at), destination: read16(frame.bytes, at + 2) };
}

/** Offset of the header of ICMP in IPv4, ICMPv6 in IPv6. */
export function icmpOffset(frame: Layers): number | undefined {
  return transportOffset(frame, frame.ipv6 ? IP_PROTOCOL.ICMPV6 : IP_PROTOCOL.ICMP);
}

export function icmpv6Type(frame: Layers): number | undefined {
  const at = frame.ipv6 && icmpOffset(frame);
  return at === undefined ? undefined : frame.bytes[at];
}

/** Where the header of this protocol begins, if so many bytes of it are there. */
function transportOffset(frame: Layers, protocol: number, size = 8): number | undefined {
  if (frame.protocol !== protocol || frame.fragment === 'later') return undefined;
  const at = (frame.udp ?? frame.tcp ?? frame.icmp ?? frame.icmpv6)?.offset ?? frame.payloadOffset;
  const end = (frame.ipv4 ?? frame.ipv6)!.end;
  return end - at >= size ? at : undefined;
}

/** A neighbour solicitation or advertisement, as far as it holds. */
export interface NeighbourMessage {
  /** Offset of the ICMPv6 header. */
  readonly offset: number;
  readonly target: Ipv6;
  readonly sourceLink?: Mac;
  readonly targetLink?: Mac;
  /** Offset of the first link-layer address option, of either kind. */
  readonly firstLink?: number;
}

/** Undefined where a receiver must drop it: code other than 0, cut short, no target, one MAC address given twice. */
export function neighbourMessage(frame: Layers): NeighbourMessage | undefined {
  const offset = icmpOffset(frame)!;
  const { bytes } = frame;
  const { end } = frame.ipv6!;
  const options = offset + ndHeaderLength(ICMPV6_TYPE.NEIGHBOR_SOLICITATION)!;
  if (bytes[offset + ICMPV6.CODE] !== 0 || options > end) return undefined;
  const target = ipv6FromBigint(read128(bytes, offset + ICMPV6.TARGET));
  if (target === '::') return undefined;
  const found: { [kind: number]: Mac } = {};
  let firstLink: number | undefined;
  // Options behind a broken one are not looked at: whoever receives it drops the message as a whole.
  for (let at = options; end - at >= 8; at += bytes[at + 1]! * 8) {
    const [kind, units] = [bytes[at]!, bytes[at + 1]!];
    if (units === 0 || units * 8 > end - at) break;
    if (units !== 1 || (kind !== ND_OPTION.SOURCE_LINK && kind !== ND_OPTION.TARGET_LINK)) continue;
    if (found[kind] !== undefined) return undefined;
    firstLink ??= at;
    const mac = macFromNumber(read48(bytes, at + 2));
    // An address of zeros is none.
    if (mac !== ZERO_MAC) found[kind] = mac;
  }
  const { [ND_OPTION.SOURCE_LINK]: sourceLink, [ND_OPTION.TARGET_LINK]: targetLink } = found;
  return {
    offset,
    target,
    ...(sourceLink && { sourceLink }),
    ...(targetLink && { targetLink }),
    ...(firstLink && { firstLink }),
  };
}

/** Any but an atomic fragment (RFC 6946), which is a whole packet; reserved bits count as set on purpose. */
export function isFragment({ fragment, extensions, bytes }: Layers): boolean {
  const marked = extensions.some((e) => e.type === IP_PROTOCOL.FRAGMENT && read16(bytes, e.offset + 2) !== 0);
  return fragment !== 'none' || marked;
}

/** The fragment that begins with a header of this protocol. */
export function isFirstFragmentOf(frame: Layers, protocol: number): boolean {
  return isFragment(frame) && frame.fragment !== 'later' && frame.protocol === protocol;
}

/** The 802.3 length and the 802.2 SNAP header that may stand before a type (RFC 1042), and the frame without them. */
export function withoutSnap(bytes: Uint8Array): { header: Uint8Array; frame: Uint8Array } | undefined {
  const [from, to] = [ETHERNET.TYPE, ETHERNET.SIZE + SNAP_SIZE - 2];
  if (bytes.length < to + 2 || read16(bytes, from) >= FIRST_TYPE) return undefined;
  if (toHex(bytes, ETHERNET.SIZE, to) !== 'aaaa03000000') return undefined;
  return {
    header: bytes.slice(from, to),
    frame: Uint8Array.of(...bytes.subarray(0, from), ...bytes.subarray(to)),
  };
}

export function withSnap(frame: Uint8Array, header: Uint8Array): Uint8Array {
  return Uint8Array.of(...frame.subarray(0, ETHERNET.TYPE), ...header, ...frame.subarray(ETHERNET.TYPE));
}
