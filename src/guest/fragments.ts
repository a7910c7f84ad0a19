/**
 * Fragmentation of packets that the link does not take, and reassembly of those that arrive in pieces (RFC 791
 * section 3.2, RFC 8200 section 4.5). Reassembly is bounded in every direction, and fragments that overlap cost the
 * whole packet, in IPv4 as in IPv6 (RFC 5722, for the reasons in its section 2).
 */
import type { Clock } from '../base/clock.ts';
import { read16, sameBytes, write16, write32 } from '../packet/bytes.ts';
import { checksumFor } from '../packet/checksum.ts';
import { IP_PROTOCOL, IPV4, IPV4_FLAG, Ipv4View } from '../packet/ipv4.ts';
import { IPV6, IPV6_FRAGMENT, Ipv6View, walkExtensions } from '../packet/ipv6.ts';
import type { DropReason } from './counters.ts';
import type { FragmentPart, IpPacket } from './ip-packet.ts';

// ----------------------------------------------------------------------------------------------- sending

/**
 * The packet in pieces of at most `mtu` bytes; the packet itself when it fits. `id` ties the pieces together. The
 * packet is a whole one with a correct header; whether it may be fragmented is for the caller to see to.
 */
export function fragment(packet: Uint8Array, mtu: number, id: number): readonly Uint8Array[] {
  if (packet.length <= mtu) return [packet];
  return packet[0]! >>> 4 === 4 ? fragmentIpv4(packet, mtu, id) : fragmentIpv6(packet, mtu, id);
}

function fragmentIpv4(packet: Uint8Array, mtu: number, id: number): readonly Uint8Array[] {
  const ip = Ipv4View.at(packet, 0);
  if (!ip) return [];
  const { headerLength, fragmentOffset, moreFragments } = ip;
  // A piece of a piece keeps the identification of the whole.
  const name = fragmentOffset > 0 || moreFragments ? ip.id : id & 0xffff;
  const first = packet.subarray(0, headerLength);
  const later = laterHeader(first);
  const payload = packet.subarray(headerLength);
  const size = (mtu - headerLength) & ~7;
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += size) {
    const data = payload.subarray(at, at + size);
    const header = at === 0 ? first : later;
    const piece = new Uint8Array(header.length + data.length);
    piece.set(header);
    piece.set(data, header.length);
    const more = moreFragments || at + size < payload.length ? IPV4_FLAG.MF : 0;
    write16(piece, IPV4.LENGTH, piece.length);
    write16(piece, IPV4.ID, name);
    write16(piece, IPV4.FRAGMENT, more | ((fragmentOffset + at) >>> 3));
    seal(piece, header.length);
    pieces.push(piece);
  }
  return pieces;
}

/** The header of all pieces but the first: only the options whose "copied" bit is set (RFC 791 section 3.1). */
function laterHeader(first: Uint8Array): Uint8Array {
  const options: number[] = [];
  for (let at = IPV4.SIZE; at < first.length; ) {
    const type = first[at]!;
    if (type === 0) break;
    const length = type === 1 ? 1 : (first[at + 1] ?? 0);
    if (length < 1 || (type !== 1 && length < 2) || length > first.length - at) break;
    if (type & 0x80) options.push(...first.subarray(at, at + length));
    at += length;
  }
  while (options.length % 4 !== 0) options.push(0);
  const header = new Uint8Array(IPV4.SIZE + options.length);
  header.set(first.subarray(0, IPV4.SIZE));
  header.set(options, IPV4.SIZE);
  header[IPV4.VERSION_IHL] = (4 << 4) | (header.length / 4);
  return header;
}

function fragmentIpv6(packet: Uint8Array, mtu: number, id: number): readonly Uint8Array[] {
  const ip = Ipv6View.at(packet, 0);
  if (!ip) return [];
  // What routers on the way look at stays before the fragment header: hop-by-hop options and routing headers.
  const { extensions } = walkExtensions(ip);
  const onTheWay = extensions.findLastIndex(
    (e) => e.type === IP_PROTOCOL.HOP_BY_HOP || e.type === IP_PROTOCOL.ROUTING,
  );
  const last = extensions[onTheWay];
  const split = last ? last.offset + last.length : IPV6.SIZE;
  const link = last ? last.offset : IPV6.NEXT;
  const size = (mtu - split - IPV6_FRAGMENT.SIZE) & ~7;
  if (size <= 0) return [];
  const payload = packet.subarray(split);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += size) {
    const data = payload.subarray(at, at + size);
    const piece = new Uint8Array(split + IPV6_FRAGMENT.SIZE + data.length);
    piece.set(packet.subarray(0, split));
    piece.set(data, split + IPV6_FRAGMENT.SIZE);
    piece[split + IPV6_FRAGMENT.NEXT] = piece[link]!;
    piece[link] = IP_PROTOCOL.FRAGMENT;
    write16(piece, split + IPV6_FRAGMENT.OFFSET, at | (at + size < payload.length ? 1 : 0));
    write32(piece, split + IPV6_FRAGMENT.ID, id);
    write16(piece, IPV6.LENGTH, piece.length - IPV6.SIZE);
    pieces.push(piece);
  }
  return pieces;
}

function seal(ipv4: Uint8Array, headerLength: number): void {
  write16(ipv4, IPV4.CHECKSUM, checksumFor(ipv4, 0, headerLength, IPV4.CHECKSUM));
}

// --------------------------------------------------------------------------------------------- receiving

/** Packets in reassembly at one time; the oldest gives way. */
export const REASSEMBLY_LIMIT = 16;
/** Pieces of one packet: a packet of 65535 bytes over the smallest IPv4 link has 119. */
export const PIECE_LIMIT = 256;
/** Milliseconds until what is incomplete is given up (RFC 8200 section 4.5; RFC 1122 section 3.3.2 asks for 60 to 120 s). */
export const REASSEMBLY_MS = 60_000;

interface Piece {
  readonly start: number;
  readonly data: Uint8Array;
}

interface Assembly {
  readonly pieces: Piece[];
  received: number;
  /** Length of all data; known from the last piece. */
  total: number | undefined;
  /** The first piece's header, with the link that its fragment header has to be taken out of. */
  header: Uint8Array | undefined;
  link: FragmentPart['link'];
  cancel: () => void;
}

export class Reassembly {
  readonly #clock: Clock;
  readonly #drop: (reason: DropReason) => void;
  readonly #assemblies = new Map<string, Assembly>();

  constructor(clock: Clock, drop: (reason: DropReason) => void) {
    this.#clock = clock;
    this.#drop = drop;
  }

  /** Takes one piece; the answer is the whole packet when this was the last that lacked. */
  add(packet: IpPacket, piece: FragmentPart): Uint8Array | undefined {
    const data = packet.bytes.subarray(piece.dataOffset);
    const end = piece.offset + data.length;
    if (data.length === 0 || (piece.more && data.length % 8 !== 0) || end + piece.headerLength > 0xffff) {
      this.#drop('fragment-malformed');
      return undefined;
    }
    // A packet in a single piece has nothing to do with others of its identification (RFC 6946).
    if (piece.offset === 0 && !piece.more)
      return join(header(packet, piece), piece.link, [{ start: 0, data }], end);

    const key = `${packet.source} ${packet.destination} ${packet.family === 4 ? packet.protocol : ''} ${piece.id}`;
    const assembly = this.#assemblies.get(key) ?? this.#create(key);
    const problem = this.#insert(assembly, piece, data);
    if (problem === 'duplicate') return undefined;
    if (problem) {
      this.#forget(key);
      this.#drop(problem);
      return undefined;
    }
    if (piece.offset === 0) {
      assembly.header = header(packet, piece);
      assembly.link = piece.link;
    }
    if (assembly.total !== assembly.received || !assembly.header) return undefined;
    this.#forget(key);
    if (assembly.header.length + assembly.total > 0xffff) {
      this.#drop('fragment-malformed');
      return undefined;
    }
    return join(assembly.header, assembly.link, assembly.pieces, assembly.total);
  }

  /** Gives up all that is incomplete. */
  clear(): void {
    for (const key of [...this.#assemblies.keys()]) this.#forget(key);
  }

  #insert(assembly: Assembly, piece: FragmentPart, data: Uint8Array): DropReason | 'duplicate' | undefined {
    const start = piece.offset;
    const end = start + data.length;
    const over = assembly.pieces.find((p) => start < p.start + p.data.length && p.start < end);
    if (over) return over.start === start && sameBytes(over.data, data) ? 'duplicate' : 'fragment-overlap';
    if (assembly.pieces.length >= PIECE_LIMIT) return 'fragment-limit';
    if (assembly.total !== undefined && (end > assembly.total || !piece.more)) return 'fragment-malformed';
    if (!piece.more) {
      if (assembly.pieces.some((p) => p.start + p.data.length > end)) return 'fragment-malformed';
      assembly.total = end;
    }
    // Copied: the frame's bytes are not ours after the call.
    assembly.pieces.push({ start, data: data.slice() });
    assembly.received += data.length;
    return undefined;
  }

  #create(key: string): Assembly {
    if (this.#assemblies.size >= REASSEMBLY_LIMIT) {
      const [oldest] = this.#assemblies.keys();
      if (oldest !== undefined) this.#forget(oldest);
      this.#drop('fragment-limit');
    }
    const assembly: Assembly = {
      pieces: [],
      received: 0,
      total: undefined,
      header: undefined,
      link: undefined,
      cancel: this.#clock.after(REASSEMBLY_MS, () => {
        this.#assemblies.delete(key);
        this.#drop('fragment-timeout');
      }),
    };
    this.#assemblies.set(key, assembly);
    return assembly;
  }

  #forget(key: string): void {
    this.#assemblies.get(key)?.cancel();
    this.#assemblies.delete(key);
  }
}

function header(packet: IpPacket, piece: FragmentPart): Uint8Array {
  return packet.bytes.slice(0, piece.headerLength);
}

/** The whole packet, as if it had never been fragmented. */
function join(
  head: Uint8Array,
  link: FragmentPart['link'],
  pieces: readonly Piece[],
  total: number,
): Uint8Array {
  const packet = new Uint8Array(head.length + total);
  packet.set(head);
  for (const { start, data } of pieces) packet.set(data, head.length + start);
  if (link) {
    packet[link.offset] = link.type;
    write16(packet, IPV6.LENGTH, packet.length - IPV6.SIZE);
  } else {
    write16(packet, IPV4.LENGTH, packet.length);
    write16(packet, IPV4.FRAGMENT, read16(packet, IPV4.FRAGMENT) & IPV4_FLAG.DF);
    seal(packet, head.length);
  }
  return packet;
}
