/**
 * Connection tracking as Open vSwitch 3.1 does it in its userspace datapath (process_one of lib/conntrack.c):
 *
 *     packet -> key -> connection? ---- yes --> what is the packet to it (tcp.ts, datagrams.ts)? --> ct_state
 *                          |                                         |
 *                          no <-- the connection is over, and begins again
 *                          |
 *                  may it begin one? -- commit: is there room, a free address and port? --> new connection
 *
 * and with `nat`, a packet of a connection that is translated is written to look as the other side knows it.
 */
import type { Nat } from '../../flow/flow.ts';
import { read16 } from '../../packet/bytes.ts';
import { IP_PROTOCOL } from '../../packet/ipv4.ts';
import type { ConnectionUse } from '../cache/gate.ts';
import { isFragment } from '../frame/key.ts';
import type { Packet } from '../frame/packet.ts';
import { ConnectionGate } from './connection-gate.ts';
import { CONNECTION_KEY, type ConnectionKey, protocolOf, reversed, zoneOf } from './connection-key.ts';
import { firstTimeout, mayBegin, updateState, useOf } from './connection-state.ts';
import { type Connection, type ConnectionLimits, ConnectionTable } from './connection-table.ts';
import { formatConnection } from './dump.ts';
import { type Extracted, extract, type Headers, icmpAnswer } from './extract.ts';
import { Fragments } from './fragments.ts';
import { translateReply, translationOf } from './nat.ts';
import { CT_NAT, CT_STATE } from './state.ts';
import { beginTcp, TCP_WORDS } from './tcp.ts';
import type { Tracking } from './tracking.ts';
import { isHelped, translatePacket } from './translate.ts';

/** One `ct` action. */
export interface TrackRequest {
  readonly zone: number;
  readonly commit: boolean;
  readonly force: boolean;
  readonly nat: Nat | undefined;
  /** Bits of the mark and the label to write. */
  readonly mark: { readonly value: number; readonly mask: number } | undefined;
  readonly label: { readonly value: bigint; readonly mask: bigint } | undefined;
}

/** What came of a `ct` action. */
export interface Outcome {
  /** That the packet belongs to, when it is remembered. */
  readonly connection: Connection | undefined;
  /**
   * What the next packet of the same connection would be told, too. `again`: it follows from what was found out for
   * this packet before; undefined: it may be told something else.
   */
  readonly use: ConnectionUse | 'again' | undefined;
  /** It is a fragment and goes no further: it waits, or goes on as one of `fragments`. */
  readonly waits: boolean;
  /** Fragments that waited, and go on with it. */
  readonly fragments: readonly Packet[];
}

type Tracked = Pick<Outcome, 'connection' | 'use'>;

/** A packet on its way through process(): what is known so far. */
interface Step {
  readonly packet: Packet;
  readonly headers: Headers;
  readonly request: TrackRequest;
  readonly now: number;
  readonly isRelated: boolean;
  key: ConnectionKey;
  connection: Connection | undefined;
  isReply: boolean;
  state: number;
}

export class ConnectionTracker {
  readonly #seed: number;
  readonly table: ConnectionTable;
  readonly #fragments: Fragments;
  /** Of the generator of random numbers. */
  #random: number;

  /** `seed` decides which addresses and ports translation picks. */
  constructor(limits: ConnectionLimits, seed: number) {
    this.#seed = seed;
    this.#random = seed;
    this.table = new ConnectionTable(seed, limits);
    this.#fragments = new Fragments(limits.fragments);
  }

  /**
   * Runs one `ct` action. The packet is translated in place, and what was found out is in `packet.tracking`. `now`:
   * monotonic milliseconds. `passage`: see Fragments.take.
   */
  track(packet: Packet, request: TrackRequest, now: number, passage: string): Outcome {
    const family = packet.ipHeaders?.family ?? 4;
    const taken = isFragment(packet.key)
      ? this.#fragments.take(packet, request.zone, passage, now)
      : 'invalid';
    if (taken === 'invalid') {
      const tracked = this.#track(packet, request, now);
      const fragments = this.#fragments.leaving(family, 1, now);
      return { ...tracked, use: fragments.length > 0 ? undefined : tracked.use, waits: false, fragments };
    }
    if (taken) {
      this.#track(taken.packet, request, now);
      taken.divide();
    }
    const fragments = this.#fragments.leaving(family, 0, now);
    return { connection: undefined, use: undefined, waits: true, fragments };
  }

  #track(packet: Packet, request: TrackRequest, now: number): Tracked {
    const before = packet.tracking;
    const headers = packet.ipHeaders;
    const known = before?.connection;
    if (known && headers && zoneOf(known.forward) === request.zone && !request.force && !isHelped(headers)) {
      this.#again(packet, before, known, request);
      return { connection: known, use: 'again' };
    }
    const extracted = headers && !isFragment(packet.key) ? extract(headers, request.zone) : undefined;
    if (!headers || !extracted) {
      packet.tracking = {
        state: CT_STATE.INVALID | CT_STATE.TRACKED,
        zone: request.zone,
        mark: 0,
        label: 0n,
        original: undefined,
        connection: known,
        isReply: before?.isReply ?? false,
        isRelated: before?.isRelated ?? false,
      };
      return { connection: undefined, use: undefined };
    }
    return this.#process(packet, headers, extracted, request, now);
  }

  /** A gate for frames like this packet (connection-gate.ts). */
  gateFor({ ipHeaders }: Packet): ConnectionGate {
    const { bytes, l4, protocol } = ipHeaders ?? { bytes: new Uint8Array(0), l4: 0, protocol: 0 };
    return new ConnectionGate(this.table, this.#fragments, protocol, read16(bytes, l4 + 4));
  }

  /** Whether fragments are given up, which go on with the next packet that is tracked. */
  isDue(now: number): boolean {
    return this.#fragments.isDue(now);
  }

  /** Text as of `ovs-appctl dpctl/dump-conntrack`; `timeouts`: with the seconds that are left. */
  dump(now: number, options: { readonly timeouts?: boolean } = {}): string[] {
    const { expiration } = this.table;
    return [...this.table.live(now)].map((connection) => {
      const left = expiration[connection.slot]! - now;
      return this.#format(connection, options.timeouts ? Math.floor(left / 1000) : undefined);
    });
  }

  /** The connection that a packet belongs to, if it is remembered. */
  describe({ original }: Tracking, now: number): string | undefined {
    const found = original && this.table.find(original, now);
    return found && this.#format(found.connection, undefined);
  }

  #format(connection: Connection, timeout: number | undefined): string {
    return formatConnection(connection, this.table.tcp, connection.slot * TCP_WORDS, timeout);
  }

  /** The same zone once more, and nothing has changed: the packet is not looked at again. */
  #again(packet: Packet, before: Tracking, connection: Connection, request: TrackRequest): void {
    const { zone, nat } = request;
    const state = nat
      ? this.#translate(packet, connection, before.state, zone, before.isReply, before.isRelated)
      : before.state;
    packet.tracking = {
      ...before,
      ...this.#marked(connection, request),
      state,
      zone,
      connection: nat ? undefined : connection,
    };
  }

  #process(
    packet: Packet,
    headers: Headers,
    { key, isRelated }: Extracted,
    request: TrackRequest,
    now: number,
  ): Tracked {
    const { zone, nat } = request;
    const before = packet.tracking;
    const step: Step = {
      packet,
      headers,
      request,
      now,
      isRelated,
      key,
      connection: undefined,
      isReply: false,
      // What another zone found out says nothing here.
      state: before?.zone === zone ? before.state : 0,
    };
    this.#find(step);
    if (request.force && step.isReply && step.connection) {
      this.table.expire(step.connection);
      step.connection = undefined;
    }
    let begins = false;
    let isSteady = false;
    if (step.connection) {
      begins = this.#update(step, step.connection);
      if (nat && !begins) {
        step.state = this.#translate(packet, step.connection, step.state, zone, step.isReply, isRelated);
      }
      isSteady = !begins && !isRelated && (step.state & CT_STATE.INVALID) === 0;
    } else {
      step.connection = nat ? undefined : this.#findOriginal(step);
      if (step.connection) begins = this.#update(step, step.connection);
      else if (isRelated) step.state = CT_STATE.INVALID;
      else begins = true;
    }
    if (begins && !this.table.find(step.key, now)) step.connection = this.#begin(step);
    const { connection } = step;
    packet.tracking = {
      ...this.#marked(connection, request),
      state: step.state | CT_STATE.TRACKED,
      zone,
      original: connection?.forward ?? step.key,
      connection: nat ? undefined : connection,
      isReply: step.isReply,
      isRelated,
    };
    return {
      connection,
      use: isSteady && connection ? useOf(this.table, connection, step.isReply) : undefined,
    };
  }

  /** A packet that was translated on its way has the key of what its answers would answer. */
  #find(step: Step): void {
    const isTranslated = (step.state & CT_NAT) !== 0;
    const found = this.table.find(isTranslated ? reversed(step.key) : step.key, step.now);
    step.connection = found?.connection;
    step.isReply = found?.isReply ?? false;
    if (!isTranslated || !found) return;
    step.isReply = !step.isReply;
    step.key = step.isReply ? found.connection.reply : found.connection.forward;
  }

  /** Translated, and changed by others since: what the packet looked like at first may be known. */
  #findOriginal({ packet, headers, key, state, now }: Step): Connection | undefined {
    const original = packet.tracking?.original;
    if ((state & CT_NAT) === 0 || !original || protocolOf(original) === 0) return undefined;
    const copy = original.slice();
    const { SRC_PORT, DST_PORT } = CONNECTION_KEY;
    if (protocolOf(key) === (headers.family === 4 ? IP_PROTOCOL.ICMP : IP_PROTOCOL.ICMPV6)) {
      const type = (original[SRC_PORT]! >>> 8) & 0xff;
      const answer = icmpAnswer(type, headers.family) ?? 0;
      copy[SRC_PORT] = ((key[SRC_PORT]! & 0xffff_0000) | (type << 8)) >>> 0;
      copy[DST_PORT] = ((key[DST_PORT]! & 0xffff_0000) | (answer << 8)) >>> 0;
    }
    return this.table.find(copy, now)?.connection;
  }

  /** Tells ct_state; true: the connection is over, and the packet begins another. */
  #update(step: Step, connection: Connection): boolean {
    const reply = step.isReply ? CT_STATE.REPLY : 0;
    if (step.isRelated) {
      step.state |= CT_STATE.RELATED | reply;
      return false;
    }
    switch (updateState(this.table, connection, step.headers, step.isReply, step.now)) {
      case 'established':
        step.state = (step.state & ~CT_STATE.NEW) | CT_STATE.ESTABLISHED | reply;
        return false;
      case 'new':
        step.state |= CT_STATE.NEW;
        return false;
      case 'invalid':
        step.state = CT_STATE.INVALID;
        return false;
      case 'again':
        this.table.expire(connection);
        return true;
    }
  }

  /** The packet belongs to no connection; the answer is the new one, when it is to be remembered and can be. */
  #begin(step: Step): Connection | undefined {
    const { packet, headers, request, now, key, isRelated } = step;
    const protocol = protocolOf(key);
    if (!mayBegin(protocol, headers)) {
      step.state = CT_STATE.INVALID;
      return undefined;
    }
    step.state = CT_STATE.NEW;
    if (!request.commit || this.table.isFull(request.zone, now)) return undefined;
    const reply = reversed(key);
    const { nat } = request;
    if (nat) {
      const around = {
        seed: this.#seed,
        random: () => this.#nextRandom(),
        isTaken: (other: ConnectionKey) => this.table.find(other, now) !== undefined,
      };
      if (!translateReply(nat, key, reply, around)) return undefined;
    }
    const connection = this.table.add(key, reply, translationOf(nat), now, now + firstTimeout(protocol));
    if (protocol === IP_PROTOCOL.TCP) beginTcp(this.table.tcp, connection.slot * TCP_WORDS, headers);
    if (nat) step.state |= translatePacket(packet, connection, false, isRelated);
    return connection;
  }

  /** With `nat`, unless the packet was translated in this zone already; the answer is ct_state. */
  #translate(
    packet: Packet,
    connection: Connection,
    state: number,
    zone: number,
    isReply: boolean,
    isRelated: boolean,
  ): number {
    if (connection.translation === 'none') return state;
    if ((state & CT_NAT) !== 0 && packet.tracking?.zone === zone) return state;
    return (state & ~CT_NAT) | translatePacket(packet, connection, isReply, isRelated);
  }

  /** Writes mark and label to the connection; the answer is what the packet has of them. */
  #marked(
    connection: Connection | undefined,
    request: TrackRequest,
  ): { readonly mark: number; readonly label: bigint } {
    if (!connection) return { mark: 0, label: 0n };
    const { mark, label } = request;
    const newMark = mark ? (mark.value | (connection.mark & ~mark.mask)) >>> 0 : connection.mark;
    const newLabel = label ? label.value | (connection.label & ~label.mask) : connection.label;
    if (newMark !== connection.mark || newLabel !== connection.label) this.table.changed(connection);
    connection.mark = newMark;
    connection.label = newLabel;
    return { mark: newMark, label: newLabel };
  }

  /** Mulberry32: small, and the same for the same seed. */
  #nextRandom(): number {
    this.#random = (this.#random + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#random ^ (this.#random >>> 15), this.#random | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
}
