/** An IP packet as the stack handles it: of either version, checked, with the place of what it carries. */
import type { Family, IpAddress } from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { checksumHolds } from '../packet/checksum.ts';
import { ETHERNET } from '../packet/ethernet.ts';
import { IP_PROTOCOL, IPV4, Ipv4View } from '../packet/ipv4.ts';
import { IPV6, IPV6_FRAGMENT, Ipv6View, walkExtensions } from '../packet/ipv6.ts';
import type { Layer } from '../packet/layer.ts';
import type { DropReason } from './counters.ts';

export interface IpPacket {
  /** From the first byte of the IP header to the last of the packet. A window on the frame that it came in. */
  readonly bytes: Uint8Array;
  readonly family: Family;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** What the packet carries, behind all extension headers. */
  readonly protocol: number;
  /** Where that begins in `bytes`. */
  readonly payloadOffset: number;
  /** The byte in `bytes` that announces it. */
  readonly protocolOffset: number;
  /** Time to live, hop limit. */
  readonly ttl: number;
  /** Present when this is one fragment of a packet. */
  readonly fragment?: FragmentPart;
}

export interface FragmentPart {
  /** Where its data belong in the whole packet's, in bytes. */
  readonly offset: number;
  /** More fragments follow. */
  readonly more: boolean;
  readonly id: number;
  /** Bytes before its data that belong to the whole packet as well: the header, in IPv6 up to the fragment header. */
  readonly headerLength: number;
  /** Where its data begin in `bytes`. */
  readonly dataOffset: number;
  /** IPv6: the byte that announces the fragment header, and what it announces without one. */
  readonly link?: { readonly offset: number; readonly type: number };
}

/** Reads the packet offset..end; padding behind it is left out. A reason when it is none, or a wrong one. */
export function readIp(bytes: Uint8Array, offset: number, end = bytes.length): IpPacket | DropReason {
  const version = offset < end ? bytes[offset]! >>> 4 : 0;
  return version === 4
    ? readIpv4(bytes, offset, end)
    : version === 6
      ? readIpv6(bytes, offset, end)
      : 'ip-malformed';
}

function readIpv4(bytes: Uint8Array, offset: number, end: number): IpPacket | DropReason {
  const ip = Ipv4View.at(bytes, offset, end);
  if (!ip) return 'ip-malformed';
  if (!checksumHolds(bytes, offset, ip.payloadOffset)) return 'ip-checksum';
  const { headerLength, fragmentOffset, moreFragments, id } = ip;
  return {
    bytes: bytes.subarray(offset, ip.end),
    family: 4,
    source: ip.srcIp,
    destination: ip.dstIp,
    protocol: ip.protocol,
    payloadOffset: headerLength,
    protocolOffset: IPV4.PROTOCOL,
    ttl: ip.ttl,
    ...(fragmentOffset > 0 || moreFragments
      ? {
          fragment: {
            offset: fragmentOffset,
            more: moreFragments,
            id,
            headerLength,
            dataOffset: headerLength,
          },
        }
      : {}),
  };
}

function readIpv6(bytes: Uint8Array, offset: number, end: number): IpPacket | DropReason {
  const ip = Ipv6View.at(bytes, offset, end);
  if (!ip) return 'ip-malformed';
  const walk = walkExtensions(ip);
  const last = walk.extensions.at(-1);
  const packet: IpPacket = {
    bytes: bytes.subarray(offset, ip.end),
    family: 6,
    source: ip.srcIp,
    destination: ip.dstIp,
    protocol: walk.protocol,
    payloadOffset: walk.offset - offset,
    protocolOffset: last ? last.offset - offset : IPV6.NEXT,
    ttl: ip.hopLimit,
  };
  const index = walk.extensions.findIndex((e) => e.type === IP_PROTOCOL.FRAGMENT);
  const header = walk.extensions[index];
  if (!walk.fragment || !header) return packet;
  const before = walk.extensions[index - 1];
  return {
    ...packet,
    fragment: {
      ...walk.fragment,
      headerLength: header.offset - offset,
      dataOffset: header.offset - offset + IPV6_FRAGMENT.SIZE,
      link: {
        offset: before ? before.offset - offset : IPV6.NEXT,
        type: bytes[header.offset + IPV6_FRAGMENT.NEXT]!,
      },
    },
  };
}

/** A packet from its layers, the IP layer first; lengths and checksums are filled in. */
export function packetOf(...layers: readonly Layer[]): Uint8Array {
  return frame({ layer: 'eth' }, ...layers).subarray(ETHERNET.SIZE);
}

/** Smallest MTU that a host has to take (RFC 791 section 3.1, RFC 8200 section 5). */
export const MINIMUM_MTU = { 4: 576, 6: 1280 } as const;

/** Data that fit a packet whatever its header. */
export const PAYLOAD_LIMIT = 0xffff - IPV4.SIZE - 40;
