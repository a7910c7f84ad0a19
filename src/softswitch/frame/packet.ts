/**
 * A frame on its way through the pipeline: its bytes, its flow key, and where its headers are. Writing a field
 * changes the key and the bytes together, checksums included. Bytes are copied on the first write after they were
 * handed to somebody (`share`), so that what was sent stays as it was sent.
 */

import { FIELDS, type FieldName, fullMask } from '../../flow/fields.ts';
import { ARP, ARP_ETHERNET_IPV4 } from '../../packet/arp.ts';
import { read16, read32 } from '../../packet/bytes.ts';
import { ETHERNET } from '../../packet/ethernet.ts';
import { IP_PROTOCOL, IPV4 } from '../../packet/ipv4.ts';
import { IPV6 } from '../../packet/ipv6.ts';
import { isVlanType, popVlan, pushVlan } from '../../packet/vlan.ts';
import { patch16 } from '../cache/edits.ts';
import type { Trail } from '../cache/trail.ts';
import type { Headers } from '../conntrack/extract.ts';
import type { Tracking } from '../conntrack/tracking.ts';
import { type FlowKey, newKey, prerequisiteHolds, readField, WORD, writeField } from './key.ts';

/** An IEEE 802.1Q tag: its type, and its control information with bit 0x1000 set. */
export interface Tag {
  readonly type: number;
  readonly tci: number;
}

/** What Open vSwitch puts for the type of an 802.3 frame that has none (FLOW_DL_TYPE_NONE). */
const NO_TYPE = 0x05ff;
const FIRST_TYPE = 0x0600;
const SCTP = 132;

/** What tells connections apart. */
const ENDPOINT_FIELDS: ReadonlySet<FieldName> = new Set<FieldName>([
  'ip_src',
  'ip_dst',
  'ipv6_src',
  'ipv6_dst',
  'tcp_src',
  'tcp_dst',
  'udp_src',
  'udp_dst',
]);

export class Packet {
  readonly key: FlowKey;
  /** Offset of the ARP or IP header, 0 = there is none that could be read. */
  #l3 = 0;
  /** Offset of the transport header, 0 = none. */
  #l4 = 0;
  /** Where the IP packet ends; padding lies behind. */
  #end = 0;
  /** Offset of the checksum that covers the IP addresses too; 0 = none. */
  #checksum = 0;
  /** The destination that the checksum covers is in a routing header (RFC 8200, 8.1). */
  #routed = false;
  /** The transport header was long enough for its ports, or its type and code, to be in the key. */
  #hasPorts = false;
  /** Offsets of the first link-layer address options of neighbour discovery, source and target; 0 = none. */
  #sll = 0;
  #tll = 0;
  #bytes: Uint8Array;
  #owned = false;
  #trail: Trail | undefined;
  /** The hash by which groups select (dp_hash); 0 = none was computed yet. It stays, whatever happens to the frame. */
  selectionHash = 0;
  /** The length that flows count, where the frame went on anew with that hash; undefined: that of the run. */
  countedLength: number | undefined;
  /** What connection tracking found out, even where matches do not see it any more. */
  tracking: Tracking | undefined;

  private constructor(bytes: Uint8Array, key: FlowKey) {
    this.#bytes = bytes;
    this.key = key;
  }

  /** Reads the frame as lib/flow.c of Open vSwitch does, so absent fields are zero. The bytes are not copied. */
  static read(bytes: Uint8Array): Packet {
    const packet = new Packet(bytes, newKey());
    packet.#extract();
    return packet;
  }

  /** Notes from now on what is read of the frame and done to it. */
  follow(trail: Trail): void {
    this.#trail = trail;
  }

  get trail(): Trail | undefined {
    return this.#trail;
  }

  /** As it is now. What the caller gets is not changed afterwards. */
  share(): Uint8Array {
    this.#owned = false;
    return this.#bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** Without the padding behind an IP packet. */
  get lengthWithoutPadding(): number {
    return this.#end || this.#bytes.length;
  }

  /** Another one with the same bytes and key. */
  clone(): Packet {
    const copy = new Packet(this.share(), this.key.slice());
    copy.#l3 = this.#l3;
    copy.#l4 = this.#l4;
    copy.#end = this.#end;
    copy.#checksum = this.#checksum;
    copy.#routed = this.#routed;
    copy.#hasPorts = this.#hasPorts;
    copy.#sll = this.#sll;
    copy.#tll = this.#tll;
    copy.#trail = this.#trail?.fork();
    copy.tracking = this.tracking;
    copy.selectionHash = this.selectionHash;
    copy.countedLength = this.countedLength;
    return copy;
  }

  /** Another one that is read anew from the same bytes; what is not in the bytes (ports, tunnel, registers) stays. */
  recirculate(): Packet {
    const copy = Packet.read(this.share());
    copy.key.set(this.key.subarray(0, WORD.ETH));
    copy.#trail = this.#trail?.fork();
    copy.tracking = this.tracking;
    copy.selectionHash = this.selectionHash;
    return copy;
  }

  /** Reading the bytes anew would find other tags than are known: of a frame that comes in, only one is looked at. */
  get hidesTags(): boolean {
    return this.tags.length > 1 || isVlanType(this.key[WORD.TYPE]! >>> 16);
  }

  /** Reads the headers anew; ports, tunnel and registers stay. */
  readAnew(): void {
    this.key.fill(0, WORD.ETH);
    this.#l3 = this.#l4 = this.#end = this.#checksum = this.#sll = this.#tll = 0;
    this.#routed = this.#hasPorts = false;
    this.#extract();
  }

  /** Where the headers of an IP packet are; undefined where there is none that could be read. */
  get ipHeaders(): Headers | undefined {
    if (this.#l3 === 0 || this.#l4 === 0) return undefined;
    const family = this.key[WORD.TYPE]! >>> 16 === 0x0800 ? 4 : 6;
    const protocol = this.key[WORD.IP]! & 0xff;
    return { bytes: this.#bytes, family, protocol, l3: this.#l3, l4: this.#l4, end: this.#end };
  }

  /** The bytes, to write to what the key does not know. */
  writable(): Uint8Array {
    this.#own();
    return this.#bytes;
  }

  get(field: FieldName): bigint {
    return readField(this.key, field);
  }

  /** Writes bits of a field; nothing happens where the frame has no such field. */
  set(field: FieldName, value: bigint, mask: bigint = fullMask(field)): void {
    if (!prerequisiteHolds(FIELDS[field].needs, this.key)) return;
    if (field === 'vlan_tci') {
      this.#setTci(Number((this.get(field) & ~mask) | (value & mask)));
      return;
    }
    // An id or a priority is that of a tag.
    if (field === 'vlan_vid' && !this.tagged) return;
    // Open vSwitch has eight bits for the operation, which it shares with the protocol of IP.
    if (field === 'arp_op') value &= 0xffn;
    if (this.tracking?.connection && ENDPOINT_FIELDS.has(field) && (this.get(field) & mask) !== value) {
      this.tracking = { ...this.tracking, connection: undefined };
    }
    this.#trail?.write(field, mask, mask === fullMask(field));
    writeField(this.key, field, value, mask);
    this.#writeThrough(field);
  }

  /** For dec_ttl: the frame is IP and its TTL above 1. */
  decrementTtl(): void {
    this.set('ip_ttl', this.get('ip_ttl') - 1n);
  }

  // ------------------------------------------------------------------------------------------------- VLAN

  /** The tags that the key knows, the outermost first. */
  get tags(): Tag[] {
    return [this.key[WORD.TAG]!, this.key[WORD.INNER_TAG]!]
      .filter((word) => (word & 0x1000) !== 0)
      .map((word) => ({ type: word >>> 16, tci: word & 0xffff }));
  }

  get tagged(): boolean {
    return (this.key[WORD.TAG]! & 0x1000) !== 0;
  }

  /** Open vSwitch handles two tags at most: a third push takes the place of the inner one. */
  pushTag({ type, tci }: Tag): void {
    if (this.#bytes.length < ETHERNET.SIZE) return;
    const [outer, inner] = this.tags;
    if (outer && inner) {
      this.popTag();
      this.popTag();
      this.pushTag(outer);
    }
    this.#trail?.push(type, tci & 0xefff);
    this.#bytes = pushVlan(this.#bytes, tci & 0xefff, type);
    this.#owned = true;
    this.#moveHeaders(4);
    this.key[WORD.INNER_TAG] = this.key[WORD.TAG]!;
    this.key[WORD.TAG] = ((type << 16) | tci | 0x1000) >>> 0;
  }

  popTag(): void {
    if (!this.tagged) return;
    this.#trail?.pop();
    this.#bytes = popVlan(this.#bytes);
    this.#owned = true;
    this.#moveHeaders(-4);
    this.key[WORD.TAG] = this.key[WORD.INNER_TAG]!;
    this.key[WORD.INNER_TAG] = 0;
  }

  /** Replaces the tags that the key knows, the outermost first. */
  retag(tags: readonly Tag[]): void {
    const now = this.tags;
    if (now.length === tags.length && now.every((t, i) => t.tci === tags[i]!.tci && t.type === tags[i]!.type))
      return;
    while (this.tagged) this.popTag();
    for (const tag of tags.toReversed()) this.pushTag(tag);
  }

  /** A tag comes where bit 0x1000 is set and there was none, and goes where it is not set. */
  #setTci(tci: number): void {
    const type = this.key[WORD.TAG]! >>> 16 || 0x8100;
    if ((tci & 0x1000) === 0) {
      while (this.tagged) this.popTag();
    } else if (this.tagged) {
      this.#put16(ETHERNET.SIZE, tci & 0xefff, 0);
    } else {
      this.pushTag({ type, tci });
      this.key[WORD.INNER_TAG] = 0;
    }
    if (this.#bytes.length >= ETHERNET.SIZE) this.key[WORD.TAG] = ((type << 16) | tci) >>> 0;
  }

  #moveHeaders(by: number): void {
    if (this.#l3) this.#l3 += by;
    if (this.#l4) this.#l4 += by;
    if (this.#end) this.#end += by;
    if (this.#checksum) this.#checksum += by;
    if (this.#sll) this.#sll += by;
    if (this.#tll) this.#tll += by;
  }

  // ---------------------------------------------------------------------------------------------- reading

  #extract(): void {
    const { key } = this;
    const bytes = this.#bytes;
    if (bytes.length < ETHERNET.SIZE) return;
    for (let i = 0; i < 3; i++) key[WORD.ETH + i] = read32(bytes, 4 * i);
    let at: number = ETHERNET.TYPE;
    if (isVlanType(read16(bytes, at)) && bytes.length - at >= 6) {
      key[WORD.TAG] = (read32(bytes, at) | 0x1000) >>> 0;
      at += 4;
    }
    let type = read16(bytes, at);
    at += 2;
    if (type < FIRST_TYPE) {
      // 802.2 LLC and SNAP with Ethernet's own organization code carry a type (RFC 1042).
      const isSnap =
        bytes.length - at >= 8 && read32(bytes, at) === 0xaaaa0300 && read16(bytes, at + 4) === 0;
      type = isSnap ? read16(bytes, at + 6) : NO_TYPE;
      if (isSnap) at += 8;
      if (type < FIRST_TYPE) type = NO_TYPE;
    }
    key[WORD.TYPE] = (type << 16) >>> 0;
    if (type === 0x0800) this.#extractIpv4(at);
    else if (type === 0x86dd) this.#extractIpv6(at);
    else if (type === 0x0806 || type === 0x8035) this.#extractArp(at);
  }

  #extractArp(at: number): void {
    const { key } = this;
    const bytes = this.#bytes;
    const kind = ARP_ETHERNET_IPV4;
    if (
      bytes.length - at < ARP.SIZE ||
      read16(bytes, at + ARP.HARDWARE_TYPE) !== kind.hardwareType ||
      read16(bytes, at + ARP.PROTOCOL_TYPE) !== kind.protocolType ||
      bytes[at + ARP.HARDWARE_LENGTH] !== kind.hardwareLength ||
      bytes[at + ARP.PROTOCOL_LENGTH] !== kind.protocolLength
    ) {
      return;
    }
    this.#l3 = at;
    key[WORD.IP_SRC] = read32(bytes, at + ARP.SPA);
    key[WORD.IP_DST] = read32(bytes, at + ARP.TPA);
    const operation = read16(bytes, at + ARP.OPERATION);
    key[WORD.IP] = operation <= 0xff ? operation : 0;
    this.#keepMacs(at + ARP.SHA, at + ARP.THA);
  }

  /** The two addresses at these offsets, 0 = none, go to where ARP and neighbour discovery have theirs. */
  #keepMacs(source: number, target: number): void {
    const bytes = this.#bytes;
    const { key } = this;
    const high = (at: number) => (at ? read32(bytes, at) : 0);
    const low = (at: number) => (at ? read16(bytes, at + 4) : 0);
    key[WORD.ARP] = high(source);
    key[WORD.ARP + 1] = ((low(source) << 16) | (high(target) >>> 16)) >>> 0;
    key[WORD.ARP + 2] = ((high(target) << 16) | low(target)) >>> 0;
  }

  #extractIpv4(at: number): void {
    const { key } = this;
    const bytes = this.#bytes;
    if (bytes.length - at < IPV4.SIZE) return;
    const headerLength = (bytes[at]! & 15) * 4;
    const total = read16(bytes, at + IPV4.LENGTH);
    if (headerLength < IPV4.SIZE || total > bytes.length - at || headerLength > total) return;
    this.#l3 = at;
    this.#end = at + total;
    this.#l4 = at + headerLength;
    key[WORD.IP_SRC] = read32(bytes, at + IPV4.SRC);
    key[WORD.IP_DST] = read32(bytes, at + IPV4.DST);
    const fragment = read16(bytes, at + IPV4.FRAGMENT);
    const frag = (fragment & 0x3fff) === 0 ? 0 : (fragment & 0x1fff) === 0 ? 1 : 3;
    this.#keepIp(frag, bytes[at + IPV4.TOS]!, bytes[at + IPV4.TTL]!, bytes[at + IPV4.PROTOCOL]!);
  }

  #extractIpv6(at: number): void {
    const { key } = this;
    const bytes = this.#bytes;
    if (bytes.length - at < IPV6.SIZE) return;
    const payload = read16(bytes, at + IPV6.LENGTH);
    if (payload + IPV6.SIZE > bytes.length - at) return;
    this.#l3 = at;
    this.#end = at + IPV6.SIZE + payload;
    for (let i = 0; i < 4; i++) {
      key[WORD.IPV6_SRC + i] = read32(bytes, at + IPV6.SRC + 4 * i);
      key[WORD.IPV6_DST + i] = read32(bytes, at + IPV6.DST + 4 * i);
    }
    let protocol = bytes[at + IPV6.NEXT]!;
    let frag = 0;
    let next = at + IPV6.SIZE;
    while (isExtension(protocol)) {
      if (this.#end - next < 8) return;
      const kind = protocol;
      protocol = bytes[next]!;
      if (kind === IP_PROTOCOL.FRAGMENT) {
        const word = read16(bytes, next + 2);
        next += 8;
        if (word !== 0) frag = 1;
        if ((word & 0xfff8) !== 0) {
          frag = 3;
          protocol = IP_PROTOCOL.FRAGMENT;
          break;
        }
      } else {
        if (kind === IP_PROTOCOL.ROUTING && bytes[next + 3] !== 0) this.#routed = true;
        const units = bytes[next + 1]!;
        next += kind === IP_PROTOCOL.AUTHENTICATION ? (units + 2) * 4 : (units + 1) * 8;
        if (next > this.#end) return;
      }
    }
    this.#l4 = next;
    const tos = (read16(bytes, at) >>> 4) & 0xff;
    this.#keepIp(frag, tos, bytes[at + IPV6.HOP_LIMIT]!, protocol);
  }

  #keepIp(frag: number, tos: number, ttl: number, protocol: number): void {
    this.key[WORD.IP] = ((frag << 24) | (tos << 16) | (ttl << 8) | protocol) >>> 0;
    if ((frag & 2) !== 0) return;
    const bytes = this.#bytes;
    const at = this.#l4;
    const size = this.#end - at;
    switch (protocol) {
      case IP_PROTOCOL.TCP: {
        if (size >= 20) this.#checksum = at + 16;
        const headerLength = size >= 20 ? (bytes[at + 12]! >>> 4) * 4 : 0;
        if (headerLength < 20 || headerLength > size) break;
        this.#keepPorts(read32(bytes, at));
        this.key[WORD.TYPE]! |= read16(bytes, at + 12) & 0xfff;
        break;
      }
      case IP_PROTOCOL.UDP:
        if (size < 8) break;
        this.#keepPorts(read32(bytes, at));
        this.#checksum = at + 6;
        break;
      case SCTP:
        if (size >= 12) this.#keepPorts(read32(bytes, at));
        break;
      case IP_PROTOCOL.ICMP:
        if (size >= 8) this.#keepPorts((bytes[at]! << 16) | bytes[at + 1]!);
        break;
      case IP_PROTOCOL.ICMPV6:
        // In IPv4 it means nothing, and has no pseudo header.
        if (size >= 4 && this.key[WORD.TYPE]! >>> 16 === 0x86dd) this.#checksum = at + 2;
        if (size >= 8) this.#extractIcmpv6(at);
        break;
    }
  }

  #keepPorts(word: number): void {
    this.key[WORD.PORTS] = word >>> 0;
    this.#hasPorts = true;
  }

  #extractIcmpv6(at: number): void {
    const bytes = this.#bytes;
    const { key } = this;
    const [type, code] = [bytes[at]!, bytes[at + 1]!];
    this.#keepPorts((type << 16) | code);
    if (code !== 0 || (type !== 135 && type !== 136)) return;
    key[WORD.ND_RESERVED] = read32(bytes, at + 4);
    if (this.#end - at < 24) return;
    const isZero = (offset: number) => (read32(bytes, offset) | read16(bytes, offset + 4)) === 0;
    let source = 0;
    let target = 0;
    let isValid = true;
    for (let option = at + 24; this.#end - option >= 8; ) {
      const length = bytes[option + 1]! * 8;
      if (length === 0 || length > this.#end - option) break;
      const kind = bytes[option]!;
      if ((kind === 1 || kind === 2) && length === 8) {
        const before = kind === 1 ? source : target;
        // The same address twice is an error, and nothing in the message is then believed.
        isValid = before === 0 || isZero(before);
        if (!isValid) break;
        if ((key[WORD.TYPE]! & 0xff) === 0) key[WORD.TYPE]! |= kind;
        if (kind === 1) source = option + 2;
        else target = option + 2;
      }
      option += length;
    }
    if (!isValid) return;
    for (let i = 0; i < 4; i++) key[WORD.ND_TARGET + i] = read32(bytes, at + 8 + 4 * i);
    this.#keepMacs(source, target);
    this.#sll = source;
    this.#tll = target;
  }

  // ---------------------------------------------------------------------------------------------- writing

  /** Brings the bytes of a field that was written in the key up to date; a field that the frame lacks has none. */
  #writeThrough(field: FieldName): void {
    const [l3, l4, sum] = [this.#l3, this.#l4, this.#checksum];
    const hasNdTarget = this.#hasPorts && this.#end - l4 >= 24;
    const put = (isThere: unknown, at: number, octets: number, checksum = 0, header = 0) => {
      if (isThere) this.#put(field, at, octets, checksum, header);
    };
    switch (field) {
      case 'eth_dst':
        put(true, ETHERNET.DST, 6);
        break;
      case 'eth_src':
        put(true, ETHERNET.SRC, 6);
        break;
      case 'vlan_vid':
      case 'vlan_pcp':
        this.#setTci(this.key[WORD.TAG]! & 0xffff);
        break;
      case 'arp_op':
        put(l3, l3 + ARP.OPERATION, 2);
        break;
      case 'arp_spa':
        put(l3, l3 + ARP.SPA, 4);
        break;
      case 'arp_tpa':
        put(l3, l3 + ARP.TPA, 4);
        break;
      case 'arp_sha':
        put(l3, l3 + ARP.SHA, 6);
        break;
      case 'arp_tha':
        put(l3, l3 + ARP.THA, 6);
        break;
      case 'ip_src':
        put(l3, l3 + IPV4.SRC, 4, sum, l3 + IPV4.CHECKSUM);
        break;
      case 'ip_dst':
        put(l3, l3 + IPV4.DST, 4, sum, l3 + IPV4.CHECKSUM);
        break;
      case 'ipv6_src':
        put(l3, l3 + IPV6.SRC, 16, sum);
        break;
      case 'ipv6_dst':
        put(l3, l3 + IPV6.DST, 16, this.#routed ? 0 : sum);
        break;
      case 'ip_dscp':
      case 'ip_ecn':
      case 'ip_ttl':
        if (l3) this.#writeTosTtl(l3);
        break;
      case 'tcp_src':
      case 'udp_src':
        put(this.#hasPorts, l4, 2, sum);
        break;
      case 'tcp_dst':
      case 'udp_dst':
        put(this.#hasPorts, l4 + 2, 2, sum);
        break;
      case 'icmp_type':
      case 'icmp_code':
      case 'icmpv6_type':
      case 'icmpv6_code': {
        const ports = this.key[WORD.PORTS]!;
        if (this.#hasPorts) this.#put16(l4, ((ports >>> 8) & 0xff00) | (ports & 0xff), l4 + 2);
        break;
      }
      case 'nd_reserved':
        put(this.#hasPorts, l4 + 4, 4, sum);
        break;
      case 'nd_target':
        put(hasNdTarget, l4 + 8, 16, sum);
        break;
      case 'nd_sll':
        // Open vSwitch writes the first of the two only: no message has both (RFC 4861, 4.3 and 4.4).
        put(this.#sll && (!this.#tll || this.#sll < this.#tll), this.#sll, 6, sum);
        break;
      case 'nd_tll':
        put(this.#tll && (!this.#sll || this.#tll < this.#sll), this.#tll, 6, sum);
        break;
      case 'nd_options_type': {
        const option = this.#sll || this.#tll;
        const kind = this.key[WORD.TYPE]! & 0xff;
        if (option === 0) break;
        this.#put16(option - 2, (kind << 8) | 1, sum);
        // An address that is written from now on goes to the option of its kind as it is now.
        if (kind === 2 && option === this.#sll) [this.#sll, this.#tll] = [0, option];
        if (kind === 1 && option === this.#tll) [this.#sll, this.#tll] = [option, 0];
        break;
      }
    }
  }

  /** Writes a field of `octets` bytes, an even number, and updates the checksums at these offsets (0 = none). */
  #put(field: FieldName, at: number, octets: number, checksum: number, header = 0): void {
    if (at + octets > this.#bytes.length) return;
    const value = readField(this.key, field);
    for (let i = 0; i < octets; i += 2) {
      const word = Number((value >> BigInt(8 * (octets - 2 - i))) & 0xffffn);
      this.#put16(at + i, word, checksum, header);
    }
  }

  #own(): void {
    if (this.#owned) return;
    this.#bytes = this.#bytes.slice();
    this.#owned = true;
  }

  /** Writes the bits of `mask` in 16 bits, as patch16 does. */
  #put16(at: number, value: number, checksum: number, header = 0, mask = 0xffff): void {
    const isUdp =
      checksum !== 0 && checksum === this.#checksum && (this.key[WORD.IP]! & 0xff) === IP_PROTOCOL.UDP;
    this.#trail?.put(at, value, mask, checksum, isUdp, header);
    if (((read16(this.#bytes, at) ^ value) & mask) === 0) return;
    this.#own();
    patch16(this.#bytes, at, value, mask, checksum, isUdp, header);
  }

  #writeTosTtl(at: number): void {
    const word = this.key[WORD.IP]!;
    const tos = (word >>> 16) & 0xff;
    const ttl = (word >>> 8) & 0xff;
    if (this.key[WORD.TYPE]! >>> 16 === 0x0800) {
      this.#put16(at, tos, at + IPV4.CHECKSUM, 0, 0x00ff);
      this.#put16(at + IPV4.TTL, ttl << 8, at + IPV4.CHECKSUM, 0, 0xff00);
    } else {
      this.#put16(at, tos << 4, 0, 0, 0x0ff0);
      this.#put16(at + IPV6.NEXT, ttl, 0, 0, 0x00ff);
    }
  }
}

/** IPv6 extension headers that are looked behind (RFC 8200, 4; RFC 4302). */
function isExtension(protocol: number): boolean {
  return (
    protocol === IP_PROTOCOL.HOP_BY_HOP ||
    protocol === IP_PROTOCOL.ROUTING ||
    protocol === IP_PROTOCOL.DESTINATION ||
    protocol === IP_PROTOCOL.AUTHENTICATION ||
    protocol === IP_PROTOCOL.FRAGMENT
  );
}
