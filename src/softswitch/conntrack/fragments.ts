/**
 * Fragments on their way through connection tracking (lib/ipf.c of Open vSwitch): they wait until the packet is whole,
 * it is tracked, and they all go on, in order, with what was found out. Fragments of a packet that is not whole after
 * 15 s go on as invalid, with the next packet of their family that is tracked.
 *
 * Memory is bounded: so many fragments wait at most, and small ones, which cost as much as large ones, do not wait
 * unless they are the last of their packet. A fragment that may not wait is invalid.
 */
import { read16, read32, write16 } from '../../packet/bytes.ts';
import { checksumHolds } from '../../packet/checksum.ts';
import { IP_PROTOCOL, IPV4, IPV4_FLAG } from '../../packet/ipv4.ts';
import { IPV6 } from '../../packet/ipv6.ts';
import { patch16 } from '../cache/edits.ts';
import { Packet } from '../frame/packet.ts';
import type { Headers } from './extract.ts';
import { CT_STATE } from './state.ts';
import type { Tracking } from './tracking.ts';

/** Bytes of IP packet that a fragment which is not the last has at least. */
const SMALLEST = { 4: 1200, 6: 1280 } as const;
/** Of one IPv4 packet: as many of the smallest as the largest packet has. */
const MOST_OF_ONE = Math.ceil((65_535 - 60) / (SMALLEST[4] - 60));
/** Milliseconds until a packet that is not whole is given up, and until its fragments are dropped, too. */
const TIMEOUT = 15_000;
const PURGE = 10_000;
/** Packets that go on together at most (NETDEV_MAX_BURST). */
const BURST = 32;
const FRAGMENT_HEADER = 8;

interface Fragment {
  readonly packet: Packet;
  /** The first and the last byte of the whole that it has. */
  readonly start: number;
  readonly end: number;
}

interface Group {
  readonly family: 4 | 6;
  readonly fragments: Fragment[];
  readonly expiration: number;
  /** The first and the last fragment are there. */
  hasFirst: boolean;
  hasLast: boolean;
  state: 'waiting' | 'too-long' | 'whole';
  /** How many have gone on. */
  sent: number;
}

/** What a fragment says of itself. */
interface Piece {
  readonly identity: string;
  readonly start: number;
  readonly end: number;
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

export class Fragments {
  /** By what identifies the packet; the oldest first, which is also the order in which they are given up. */
  readonly #groups = new Map<string, Group>();
  readonly #whole: Group[] = [];
  readonly #limit: number;
  #waiting = 0;

  /** `limit`: how many wait at most. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether some would go on with the next packet. */
  isDue(now: number): boolean {
    if (this.#groups.size === 0) return false;
    if (this.#whole.length > 0) return true;
    for (const { expiration } of this.#groups.values()) return now > expiration;
    return false;
  }

  /**
   * A fragment: `invalid`, or it waits (undefined), or the packet is whole now. `passage` tells apart on which way the
   * fragment is, as a packet may be tracked several times.
   */
  take(packet: Packet, zone: number, passage: string, now: number): 'invalid' | Whole | undefined {
    const headers = packet.ipHeaders;
    const piece = headers && (headers.family === 4 ? pieceOfIpv4(headers) : pieceOfIpv6(headers));
    if (!headers || !piece || this.#waiting >= this.#limit) return 'invalid';
    const { start, end, isFirst, isLast } = piece;
    const name = `${zone} ${headers.family} ${piece.identity} ${passage}`;
    const group = this.#groups.get(name) ?? newGroup(headers.family, now);
    this.#groups.set(name, group);
    const { fragments } = group;
    if (group.state !== 'waiting' || (group.family === 4 && fragments.length >= MOST_OF_ONE))
      return 'invalid';
    const isThere = (byte: number) => fragments.some((other) => byte >= other.start && byte <= other.end);
    if (isThere(start) || isThere(end)) return 'invalid';
    fragments.push({ packet: packet.clone(), start, end });
    this.#waiting++;
    group.hasFirst ||= isFirst;
    group.hasLast ||= isLast;
    if (!group.hasFirst || !group.hasLast) return undefined;
    fragments.sort((a, b) => a.start - b.start);
    if (fragments.some(({ start: from }, i) => i > 0 && fragments[i - 1]!.end + 1 !== from)) return undefined;
    const whole = joined(group);
    group.state = whole ? 'whole' : 'too-long';
    return whole && new Whole(whole, group.fragments, () => this.#whole.push(group));
  }

  /** What goes on now besides `others` packets: fragments of whole packets, and those that are given up. */
  leaving(family: 4 | 6, others: number, now: number): Packet[] {
    if (this.#groups.size === 0) return [];
    const leaving: Packet[] = [];
    const room = () => BURST - others - leaving.length;
    for (const group of [...this.#whole]) {
      if (group.family !== family) continue;
      if (!this.#send(group, leaving, room(), now)) return leaving;
      this.#whole.splice(this.#whole.indexOf(group), 1);
      this.#forget(group);
    }
    for (const group of this.#groups.values()) {
      if (group.family !== family || group.state === 'whole') continue;
      if (now <= group.expiration) break;
      const from = leaving.length;
      const isDone = this.#send(group, leaving, room(), now);
      for (const packet of leaving.slice(from)) packet.tracking = invalid(packet.tracking);
      if (isDone) this.#forget(group);
      // One at a time: a flood of halves is not to hold up what is whole.
      break;
    }
    return leaving;
  }

  /** True: none of them is left. */
  #send(group: Group, leaving: Packet[], room: number, now: number): boolean {
    const { fragments, expiration } = group;
    const isPurged = now >= expiration + PURGE;
    const until = isPurged ? fragments.length : Math.min(fragments.length, group.sent + room);
    for (; group.sent < until; group.sent++) {
      if (!isPurged) leaving.push(fragments[group.sent]!.packet);
      this.#waiting--;
    }
    return group.sent === fragments.length;
  }

  #forget(group: Group): void {
    for (const [name, other] of this.#groups) if (other === group) this.#groups.delete(name);
  }
}

/** A packet that is whole, and the fragments that it came in. */
export class Whole {
  readonly packet: Packet;
  readonly #fragments: readonly Fragment[];
  readonly #release: () => void;

  constructor(packet: Packet, fragments: readonly Fragment[], release: () => void) {
    this.packet = packet;
    this.#fragments = fragments;
    this.#release = release;
  }

  /** It has been tracked: what was found out, and what was translated, goes to the fragments; they may go on. */
  divide(): void {
    const whole = this.packet.ipHeaders;
    const { tracking } = this.packet;
    if (!whole || !tracking) return;
    for (const [i, { packet }] of this.#fragments.entries()) {
      const headers = packet.ipHeaders;
      if (!headers) continue;
      const bytes = packet.writable();
      const { l3, l4, end, family } = headers;
      if (i === 0) bytes.set(whole.bytes.subarray(whole.l4, whole.l4 + end - l4), l4);
      const from = family === 4 ? IPV4.SRC : IPV6.SRC;
      for (let at = from; at < from + (family === 4 ? 8 : 32); at += 2) {
        const header = family === 4 ? l3 + IPV4.CHECKSUM : 0;
        patch16(bytes, l3 + at, read16(whole.bytes, whole.l3 + at), 0xffff, 0, false, header);
      }
      const { connection, isReply = false, isRelated = false } = packet.tracking ?? {};
      packet.tracking = { ...tracking, connection, isReply, isRelated };
    }
    this.#release();
  }
}

function newGroup(family: 4 | 6, now: number): Group {
  const expiration = now + TIMEOUT;
  return { family, fragments: [], expiration, hasFirst: false, hasLast: false, state: 'waiting', sent: 0 };
}

function invalid(tracking: Tracking | undefined): Tracking {
  const nothing = { zone: 0, mark: 0, label: 0n, original: undefined, connection: undefined };
  return {
    ...nothing,
    isReply: false,
    isRelated: false,
    ...tracking,
    state: CT_STATE.INVALID,
  };
}

function pieceOfIpv4({ bytes, l3, l4, end, protocol }: Headers): Piece | undefined {
  if (!checksumHolds(bytes, l3, l4)) return undefined;
  const word = read16(bytes, l3 + IPV4.FRAGMENT);
  const offset = (word & 0x1fff) * 8;
  const hasMore = (word & IPV4_FLAG.MF) !== 0;
  const isLast = offset !== 0 && !hasMore;
  if (!isLast && end - l3 < SMALLEST[4]) return undefined;
  return {
    identity: [
      read32(bytes, l3 + IPV4.SRC),
      read32(bytes, l3 + IPV4.DST),
      protocol,
      read16(bytes, l3 + IPV4.ID),
    ].join(),
    start: offset,
    end: (offset + end - l4 - 1) & 0xffff,
    isFirst: offset === 0 && hasMore,
    isLast,
  };
}

function pieceOfIpv6({ bytes, l3, l4, end }: Headers): Piece | undefined {
  const at = fragmentHeaderOf(bytes, l3);
  const word = read16(bytes, at + 2);
  const offset = word & 0xfff8;
  const hasMore = (word & 1) !== 0;
  if (offset === 0 && !hasMore) return undefined;
  const isLast = offset !== 0 && !hasMore;
  if (!isLast && end - l3 < SMALLEST[6]) return undefined;
  const start = (offset + FRAGMENT_HEADER) & 0xffff;
  return {
    identity: `${bytes.subarray(l3 + IPV6.SRC, l3 + IPV6.SIZE).join()} ${read32(bytes, at + 4)}`,
    start,
    end: (start + end - l4 - 1) & 0xffff,
    isFirst: offset === 0 && hasMore,
    isLast,
  };
}

/** Of a packet that has one. */
function fragmentHeaderOf(bytes: Uint8Array, l3: number): number {
  let protocol = bytes[l3 + IPV6.NEXT]!;
  let at = l3 + IPV6.SIZE;
  while (protocol !== IP_PROTOCOL.FRAGMENT && at + FRAGMENT_HEADER <= bytes.length) {
    const units = bytes[at + 1]!;
    const size = protocol === IP_PROTOCOL.AUTHENTICATION ? (units + 2) * 4 : (units + 1) * 8;
    protocol = bytes[at]!;
    at += size;
  }
  return at;
}

/** The whole packet, without a fragment header; undefined where it would be too long. */
function joined({ family, fragments }: Group): Packet | undefined {
  const first = fragments[0]!.packet;
  const headers = first.ipHeaders!;
  const { bytes, l3, l4, end } = headers;
  const parts = fragments.map(({ packet }) => {
    const part = packet.ipHeaders!;
    return part.bytes.subarray(part.l4, part.end);
  });
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  if (end + size - parts[0]!.length > 65_535) return undefined;
  const header = family === 4 ? l4 - l3 : IPV6.SIZE;
  const whole = new Uint8Array(l3 + header + size);
  whole.set(bytes.subarray(0, l3 + header));
  let at = l3 + header;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  if (family === 4) {
    const sum = l3 + IPV4.CHECKSUM;
    const word = read16(whole, l3 + IPV4.FRAGMENT);
    patch16(whole, l3 + IPV4.FRAGMENT, word & ~IPV4_FLAG.MF, 0xffff, 0, false, sum);
    patch16(whole, l3 + IPV4.LENGTH, header + size, 0xffff, 0, false, sum);
  } else {
    whole[l3 + IPV6.NEXT] = headers.protocol;
    write16(whole, l3 + IPV6.LENGTH, size);
  }
  const packet = Packet.read(whole);
  packet.tracking = first.tracking;
  return packet;
}
