/**
 * Lets a recipe of the flow cache stand for connection tracking (cache/gate.ts). While nothing about a connection
 * changes, each of its packets is told the same: those of UDP once it has been answered, those of TCP between the
 * handshake and the first FIN or RST. The gate makes sure of that for every frame, and does to the connection what
 * tracking would do: it lives on, and the windows of TCP move.
 *
 * A frame that is different, because its checksum is wrong or it lies out of the window, takes the slow path.
 */
import { read16 } from '../../packet/bytes.ts';
import { checksumHolds } from '../../packet/checksum.ts';
import { ETHERNET, ETHERTYPE } from '../../packet/ethernet.ts';
import { IP_PROTOCOL, IPV4 } from '../../packet/ipv4.ts';
import { IPV6 } from '../../packet/ipv6.ts';
import { isVlanType, VLAN } from '../../packet/vlan.ts';
import type { ConnectionUse, Gate } from '../cache/gate.ts';
import type { ConnectionTable } from './connection-table.ts';
import { pseudoHeaderOf } from './extract.ts';
import type { Fragments } from './fragments.ts';
import { quickSum } from './quick-sum.ts';
import { isPlainTcp, TCP_WORDS, updateTcp } from './tcp.ts';

/** Of the frame that is looked at; one for all gates, as each would hold on to the memory of a frame. */
const SEGMENT: { bytes: Uint8Array; l4: number; end: number } = { bytes: new Uint8Array(0), l4: 0, end: 0 };

export class ConnectionGate implements Gate {
  readonly isOfFrame = true;
  readonly #table: ConnectionTable;
  readonly #fragments: Fragments;
  readonly #uses: ConnectionUse[] = [];
  readonly #protocol: number;
  /** Of ICMP, which is in no key of a frame. */
  readonly #identifier: number;
  /** What to go back to when the last of several connections says no. */
  #expirations = new Float64Array(0);
  #peers = new Int32Array(0);

  /** For frames of this protocol; `identifier`: of echoes and the like. */
  constructor(table: ConnectionTable, fragments: Fragments, protocol: number, identifier: number) {
    this.#table = table;
    this.#fragments = fragments;
    this.#protocol = protocol;
    this.#identifier = identifier;
  }

  add(use: ConnectionUse): void {
    this.#uses.push(use);
    this.#expirations = new Float64Array(this.#uses.length);
    this.#peers = new Int32Array(this.#uses.length * TCP_WORDS);
  }

  get connection(): ConnectionUse | undefined {
    return this.#uses.length === 1 ? this.#uses[0] : undefined;
  }

  /** A connection has changed since it was used. */
  get isStale(): boolean {
    return this.#uses.some(({ slot, version }) => this.#table.versions[slot] !== version);
  }

  holds(bytes: Uint8Array, at: number, _length: number, now: number): boolean {
    // Fragments that are given up go on with the next packet that is tracked.
    if (this.#fragments.isDue(now) || !this.#isWhole(bytes, at)) return false;
    const { expiration, versions } = this.#table;
    for (let i = 0; i < this.#uses.length; i++) {
      const { slot, version } = this.#uses[i]!;
      if (versions[slot] !== version || now >= expiration[slot]!) return false;
    }
    for (let i = 0; i < this.#uses.length; i++) {
      if (this.#take(i, now)) continue;
      this.#undo(i);
      return false;
    }
    return true;
  }

  /** Checksums and lengths as extract.ts wants them; the key of the frame says that all headers are there. */
  #isWhole(bytes: Uint8Array, at: number): boolean {
    const tagged = isVlanType(read16(bytes, at + ETHERNET.TYPE));
    const l3 = at + ETHERNET.SIZE + (tagged ? VLAN.SIZE : 0);
    const isIpv4 = read16(bytes, l3 - 2) === ETHERTYPE.IPV4;
    const l4 = l3 + (isIpv4 ? IPV4.SIZE : IPV6.SIZE);
    const end = isIpv4 ? l3 + read16(bytes, l3 + IPV4.LENGTH) : l4 + read16(bytes, l3 + IPV6.LENGTH);
    SEGMENT.bytes = bytes;
    SEGMENT.l4 = l4;
    SEGMENT.end = end;
    if (isIpv4 && !checksumHolds(bytes, l3, l4)) return false;
    switch (this.#protocol) {
      case IP_PROTOCOL.TCP:
        if (!isPlainTcp(SEGMENT)) return false;
        break;
      case IP_PROTOCOL.UDP: {
        const length = read16(bytes, l4 + 4);
        if (length < 8 || length > end - l4) return false;
        if (isIpv4 && read16(bytes, l4 + 6) === 0) return true;
        break;
      }
      case IP_PROTOCOL.ICMP:
        if (!isIpv4) return true;
        return read16(bytes, l4 + 4) === this.#identifier && holds(bytes, l4, end, 0);
      case IP_PROTOCOL.ICMPV6:
        if (isIpv4) return true;
        if (read16(bytes, l4 + 4) !== this.#identifier) return false;
        break;
      default:
        return true;
    }
    return holds(bytes, l4, end, pseudoHeaderOf(bytes, l3, isIpv4 ? 4 : 6, this.#protocol, end - l4));
  }

  #take(i: number, now: number): boolean {
    const { expiration, tcp } = this.#table;
    const { slot, isReply, timeout } = this.#uses[i]!;
    this.#expirations[i] = expiration[slot]!;
    if (this.#protocol === IP_PROTOCOL.TCP) {
      const from = slot * TCP_WORDS;
      for (let word = 0; word < TCP_WORDS; word++) this.#peers[i * TCP_WORDS + word] = tcp[from + word]!;
      if (updateTcp(tcp, from, SEGMENT, isReply).verdict !== 'established') return false;
    }
    expiration[slot] = now + timeout;
    return true;
  }

  /** The slow path is to find all as it was. */
  #undo(last: number): void {
    const { expiration, tcp } = this.#table;
    for (let i = last; i >= 0; i--) {
      const { slot } = this.#uses[i]!;
      expiration[slot] = this.#expirations[i]!;
      if (this.#protocol !== IP_PROTOCOL.TCP) continue;
      for (let word = 0; word < TCP_WORDS; word++)
        tcp[slot * TCP_WORDS + word] = this.#peers[i * TCP_WORDS + word]!;
    }
  }
}

/** checksumHolds, for ranges that may be long. */
function holds(bytes: Uint8Array, from: number, to: number, sum: number): boolean {
  return quickSum(bytes, from, to, sum) === 0xffff;
}
