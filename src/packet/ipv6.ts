/**
 * IPv6 (RFC 8200) and the walk over its extension headers.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-------+---------------+---------------------------------------+
 *     |version| traffic class |              flow label               |
 *     +-------+---------------+-------+---------------+---------------+
 *     |        payload length         |  next header  |   hop limit   |
 *     +-------------------------------+---------------+---------------+
 *     |                   source address, 16 bytes                    |
 *     +---------------------------------------------------------------+
 *     |                 destination address, 16 bytes                 |
 *     +---------------------------------------------------------------+
 *     |          extension headers, then the upper layer …            |
 *
 * Extension headers begin with the type of what follows them and, all but the fragment header, their length:
 *
 *     hop-by-hop options 0, routing 43, destination options 60:  (length + 1) * 8 bytes   (RFC 8200, 4.3 to 4.6)
 *     authentication 51:                                         (length + 2) * 4 bytes   (RFC 4302, 2)
 *     fragment 44:  | next | 0 | offset in 8 bytes (13 bits), 2 bits 0, M | identification (32 bits) |
 *
 * Jumbograms (RFC 2675) are not taken: no link here carries one.
 */
import { type Ipv6, ipv6FromBigint, ipv6ToBigint } from './address.ts';
import { read16, read32, read128, write16, write32, write128 } from './bytes.ts';
import { IP_PROTOCOL } from './ipv4.ts';
import { fits, View } from './view.ts';

export const IPV6 = { WORD: 0, LENGTH: 4, NEXT: 6, HOP_LIMIT: 7, SRC: 8, DST: 24, SIZE: 40 } as const;

/** Offsets within a fragment header. */
export const IPV6_FRAGMENT = { NEXT: 0, RESERVED: 1, OFFSET: 2, ID: 4, SIZE: 8 } as const;

export class Ipv6View extends View {
  static at(bytes: Uint8Array, offset: number, end = bytes.length): Ipv6View | undefined {
    if (!fits(bytes, offset, end, IPV6.SIZE)) return undefined;
    const total = IPV6.SIZE + read16(bytes, offset + IPV6.LENGTH);
    if (bytes[offset]! >>> 4 !== 6 || total > end - offset) return undefined;
    return new Ipv6View(bytes, offset, offset + total);
  }

  /** Without extension headers. */
  get headerLength(): number {
    return IPV6.SIZE;
  }

  /** DSCP and ECN together. */
  get trafficClass(): number {
    return (read16(this.bytes, this.offset + IPV6.WORD) >>> 4) & 0xff;
  }
  set trafficClass(value: number) {
    const word = read16(this.bytes, this.offset + IPV6.WORD);
    write16(this.bytes, this.offset + IPV6.WORD, (word & 0xf00f) | ((value & 0xff) << 4));
  }

  /** 20 bits. */
  get flowLabel(): number {
    return read32(this.bytes, this.offset + IPV6.WORD) & 0xfffff;
  }
  set flowLabel(value: number) {
    const word = read32(this.bytes, this.offset + IPV6.WORD);
    write32(this.bytes, this.offset + IPV6.WORD, ((word & 0xfff00000) | (value & 0xfffff)) >>> 0);
  }

  /** Bytes behind this header. */
  get payloadLength(): number {
    return read16(this.bytes, this.offset + IPV6.LENGTH);
  }
  set payloadLength(value: number) {
    write16(this.bytes, this.offset + IPV6.LENGTH, value);
  }

  get nextHeader(): number {
    return this.bytes[this.offset + IPV6.NEXT]!;
  }
  set nextHeader(value: number) {
    this.bytes[this.offset + IPV6.NEXT] = value;
  }

  get hopLimit(): number {
    return this.bytes[this.offset + IPV6.HOP_LIMIT]!;
  }
  set hopLimit(value: number) {
    this.bytes[this.offset + IPV6.HOP_LIMIT] = value;
  }

  get src(): bigint {
    return read128(this.bytes, this.offset + IPV6.SRC);
  }
  set src(value: bigint) {
    write128(this.bytes, this.offset + IPV6.SRC, value);
  }

  get dst(): bigint {
    return read128(this.bytes, this.offset + IPV6.DST);
  }
  set dst(value: bigint) {
    write128(this.bytes, this.offset + IPV6.DST, value);
  }

  get srcIp(): Ipv6 {
    return ipv6FromBigint(this.src);
  }
  set srcIp(value: Ipv6) {
    this.src = ipv6ToBigint(value);
  }

  get dstIp(): Ipv6 {
    return ipv6FromBigint(this.dst);
  }
  set dstIp(value: Ipv6) {
    this.dst = ipv6ToBigint(value);
  }
}

/** One extension header: `type` is what announced it; it takes `length` bytes from `offset`. */
export interface Extension {
  readonly type: number;
  readonly offset: number;
  readonly length: number;
}

/** What a fragment header says. */
export interface Fragment {
  /** In bytes. */
  readonly offset: number;
  readonly more: boolean;
  readonly id: number;
}

export interface ExtensionWalk {
  readonly extensions: readonly Extension[];
  /** The upper-layer protocol; where a header is cut short, the type of that header. */
  readonly protocol: number;
  /** Where that protocol (or the cut header) begins. */
  readonly offset: number;
  /** Present when there is a fragment header; the walk ends behind one with an offset other than 0. */
  readonly fragment: Fragment | undefined;
}

/** Walks the chain of extension headers. Stops, rather than fails, at a header that does not fit. */
export function walkExtensions(ip: Ipv6View): ExtensionWalk {
  return walkHeaders(ip.bytes, ip.nextHeader, ip.payloadOffset, ip.end);
}

/** The same from a header that was announced as `protocol`, in offset..end. */
export function walkHeaders(bytes: Uint8Array, protocol: number, offset: number, end: number): ExtensionWalk {
  const extensions: Extension[] = [];
  let fragment: Fragment | undefined;
  for (;;) {
    const length = extensionLength(bytes, protocol, offset, end);
    if (length === undefined) return { extensions, protocol, offset, fragment };
    extensions.push({ type: protocol, offset, length });
    if (protocol === IP_PROTOCOL.FRAGMENT) {
      const word = read16(bytes, offset + IPV6_FRAGMENT.OFFSET);
      fragment = {
        offset: word & 0xfff8,
        more: (word & 1) === 1,
        id: read32(bytes, offset + IPV6_FRAGMENT.ID),
      };
    }
    protocol = bytes[offset]!;
    offset += length;
    // Behind this stands the middle of something: it must not be read as headers.
    if (fragment && fragment.offset > 0) return { extensions, protocol, offset, fragment };
  }
}

/** Undefined when the type is not an extension header, or the header does not fit. */
function extensionLength(bytes: Uint8Array, type: number, offset: number, end: number): number | undefined {
  if (!fits(bytes, offset, end, 8)) return undefined;
  const length = lengthOf(type, bytes[offset + 1]!);
  return length !== undefined && length <= end - offset ? length : undefined;
}

function lengthOf(type: number, length: number): number | undefined {
  switch (type) {
    case IP_PROTOCOL.HOP_BY_HOP:
    case IP_PROTOCOL.ROUTING:
    case IP_PROTOCOL.DESTINATION:
      return (length + 1) * 8;
    case IP_PROTOCOL.FRAGMENT:
      return IPV6_FRAGMENT.SIZE;
    case IP_PROTOCOL.AUTHENTICATION:
      return (length + 2) * 4;
    default:
      return undefined;
  }
}
