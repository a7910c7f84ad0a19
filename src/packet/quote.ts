/**
 * The packet that an ICMP error is about: its IP header, and what came back of what it carried. That is as little as
 * eight bytes (RFC 792), so the length that the header claims says nothing about what is here, and no view of a whole
 * packet can be made of it.
 *
 *     ICMP error  |IP header|options or extension headers|first bytes of the transport header …|
 *                  ^offset                                 ^transport                            ^end
 */
import { type IpAddress, ipv4FromNumber, ipv6FromBigint } from './address.ts';
import { read16, read32, read128 } from './bytes.ts';
import { IP_PROTOCOL, IPV4 } from './ipv4.ts';
import { IPV6, walkHeaders } from './ipv6.ts';
import { fits } from './view.ts';

export interface QuotedPacket {
  readonly src: IpAddress;
  readonly dst: IpAddress;
  /** Behind all extension headers, as far as they came back. */
  readonly protocol: number;
  /** What the packet was long, its IP header included. */
  readonly totalLength: number;
  /** Where its transport header begins. */
  readonly transport: number;
  /** Of TCP, UDP and SCTP, when they came back and the packet was no later fragment. */
  readonly ports: { readonly src: number; readonly dst: number } | undefined;
  /** Identifier and sequence number of an echo, under the same conditions. */
  readonly echo: { readonly id: number; readonly seq: number } | undefined;
}

const SCTP = 132;
const WITH_PORTS: readonly number[] = [IP_PROTOCOL.TCP, IP_PROTOCOL.UDP, SCTP];
/** Echo request and reply: of ICMP, of ICMPv6. */
const ECHOES: Readonly<Record<number, readonly number[]>> = {
  [IP_PROTOCOL.ICMP]: [8, 0],
  [IP_PROTOCOL.ICMPV6]: [128, 129],
};

/** Undefined when offset..end does not begin with a whole IP header. */
export function quotedPacket(bytes: Uint8Array, offset: number, end: number): QuotedPacket | undefined {
  if (!fits(bytes, offset, end, IPV4.SIZE)) return undefined;
  const version = bytes[offset]! >>> 4;
  if (version === 4) return quotedIpv4(bytes, offset, end);
  return version === 6 && end - offset >= IPV6.SIZE ? quotedIpv6(bytes, offset, end) : undefined;
}

function quotedIpv4(bytes: Uint8Array, offset: number, end: number): QuotedPacket | undefined {
  const headerLength = (bytes[offset]! & 15) * 4;
  if (headerLength < IPV4.SIZE || headerLength > end - offset) return undefined;
  const isLater = (read16(bytes, offset + IPV4.FRAGMENT) & 0x1fff) !== 0;
  const protocol = bytes[offset + IPV4.PROTOCOL]!;
  const transport = offset + headerLength;
  return {
    src: ipv4FromNumber(read32(bytes, offset + IPV4.SRC)),
    dst: ipv4FromNumber(read32(bytes, offset + IPV4.DST)),
    protocol,
    totalLength: read16(bytes, offset + IPV4.LENGTH),
    transport,
    ...transportOf(bytes, protocol, transport, isLater ? transport : end),
  };
}

function quotedIpv6(bytes: Uint8Array, offset: number, end: number): QuotedPacket {
  const walk = walkHeaders(bytes, bytes[offset + IPV6.NEXT]!, offset + IPV6.SIZE, end);
  const isLater = (walk.fragment?.offset ?? 0) > 0;
  return {
    src: ipv6FromBigint(read128(bytes, offset + IPV6.SRC)),
    dst: ipv6FromBigint(read128(bytes, offset + IPV6.DST)),
    protocol: walk.protocol,
    totalLength: IPV6.SIZE + read16(bytes, offset + IPV6.LENGTH),
    transport: walk.offset,
    ...transportOf(bytes, walk.protocol, walk.offset, isLater ? walk.offset : end),
  };
}

function transportOf(
  bytes: Uint8Array,
  protocol: number,
  at: number,
  end: number,
): Pick<QuotedPacket, 'ports' | 'echo'> {
  const hasPorts = WITH_PORTS.includes(protocol) && end - at >= 4;
  const isEcho = end - at >= 8 && (ECHOES[protocol]?.includes(bytes[at]!) ?? false);
  return {
    ports: hasPorts ? { src: read16(bytes, at), dst: read16(bytes, at + 2) } : undefined,
    echo: isEcho ? { id: read16(bytes, at + 4), seq: read16(bytes, at + 6) } : undefined,
  };
}
