/**
 * The connections that are remembered. What changes with every packet stands in typed arrays, by the slot of the
 * connection; what says which one it is stands in an object.
 *
 * Memory is bounded as in Open vSwitch: when there are as many connections as the limit of their zone, or of all
 * together, a new one is refused and the old ones stay, so that a flood cannot push out who was there before. A
 * connection whose time is over is not found any more; it leaves the table, and the count, when the sweep comes by.
 * The table has no timer: each new connection looks at a few old ones, and a full table looks at all of them, at most
 * once in SWEEP_INTERVAL.
 */
import { type ConnectionKey, hashConnection, sameConnectionKey, zoneOf } from './connection-key.ts';
import { DATAGRAM, type DatagramState } from './datagrams.ts';
import { TCP_WORDS } from './tcp.ts';

export interface ConnectionLimits {
  /** Of all zones together. */
  readonly total: number;
  /** Fragments that wait for the others of their packet (fragments.ts); 0 = none waits, so all are invalid. */
  readonly fragments: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = { total: 1_000_000, fragments: 1000 };

/** Milliseconds; as the cleaner of Open vSwitch does it. */
const SWEEP_INTERVAL = 20_000;
/** Old connections that are looked at for a new one: two would keep up, the others shrink what a flood left. */
const SWEEP_STEP = 4;

/** Which address of the packets that opened a connection is translated. */
export type Translation = 'none' | 'src' | 'dst';

export class Connection {
  /** Where its numbers stand. */
  readonly slot: number;
  /** As the side that opened it sees it, before translation; and as the answers come in, after it. */
  readonly forward: ConnectionKey;
  readonly reply: ConnectionKey;
  readonly translation: Translation;
  /** Unused for TCP, which has its numbers in the table. */
  state: DatagramState = DATAGRAM.FIRST;
  mark = 0;
  label = 0n;
  /** What counts it. */
  readonly zoneLimit: ZoneLimit | undefined;
  isGone = false;

  constructor(
    slot: number,
    forward: ConnectionKey,
    reply: ConnectionKey,
    translation: Translation,
    zoneLimit: ZoneLimit | undefined,
  ) {
    this.slot = slot;
    this.forward = forward;
    this.reply = reply;
    this.translation = translation;
    this.zoneLimit = zoneLimit;
  }
}

export interface ZoneLimit {
  limit: number;
  count: number;
}

/** One direction of a connection in a chain of those with the same hash. */
interface Node {
  readonly connection: Connection;
  next: Node | undefined;
}

export interface Found {
  readonly connection: Connection;
  /** The key is that of the answers. */
  readonly isReply: boolean;
}

export class ConnectionTable {
  readonly #seed: number;
  readonly #total: number;
  readonly #chains = new Map<number, Node>();
  /** By slot. */
  readonly #connections: (Connection | undefined)[] = [];
  readonly #free: number[] = [];
  /** When a connection is forgotten, in the caller's milliseconds; by slot. */
  expiration = new Float64Array(64);
  /**
   * Grows whenever a packet like one before would be told something else: other state, mark or label, or the end.
   * What was remembered about an older version is worth nothing. By slot, and whoever gets the slot next goes on.
   */
  versions = new Int32Array(64);
  /** Numbers of TCP connections; TCP_WORDS for each slot. */
  tcp = new Int32Array(64 * TCP_WORDS);
  /** By zone; undefined is for the zones that have none of their own, all together. */
  readonly #zoneLimits = new Map<number | undefined, ZoneLimit>();
  #next = 0;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(seed: number, { total }: Pick<ConnectionLimits, 'total'>) {
    this.#seed = seed;
    this.#total = total;
  }

  /** Those that are over and not swept yet included. */
  get size(): number {
    return this.#connections.length - this.#free.length;
  }

  /**
   * How many connections a zone may have, counted from now on; undefined as the zone: the zones without a limit of
   * their own, all together. Undefined as the limit takes it away.
   */
  limitZone(zone: number | undefined, limit: number | undefined): void {
    const old = this.#zoneLimits.get(zone);
    if (limit === undefined) this.#zoneLimits.delete(zone);
    else if (old) old.limit = limit;
    else this.#zoneLimits.set(zone, { limit, count: 0 });
  }

  find(key: ConnectionKey, now: number): Found | undefined {
    for (let node = this.#chains.get(hashConnection(key, this.#seed)); node; node = node.next) {
      const { connection } = node;
      if (now >= this.expiration[connection.slot]!) continue;
      if (sameConnectionKey(connection.forward, key)) return { connection, isReply: false };
      if (sameConnectionKey(connection.reply, key)) return { connection, isReply: true };
    }
    return undefined;
  }

  /** Whether a new connection of this zone would be refused. */
  isFull(zone: number, now: number): boolean {
    const limit = this.#zoneLimitOf(zone);
    if (limit && limit.count >= limit.limit) this.#sweepAll(now);
    if (this.size >= this.#total) this.#sweepAll(now);
    return (limit !== undefined && limit.count >= limit.limit) || this.size >= this.#total;
  }

  /** Remembers a connection until `end`; the caller has seen that there is room. */
  add(
    forward: ConnectionKey,
    reply: ConnectionKey,
    translation: Translation,
    now: number,
    end: number,
  ): Connection {
    this.#sweepSome(now);
    const zoneLimit = this.#zoneLimitOf(zoneOf(forward));
    if (zoneLimit) zoneLimit.count++;
    const slot = this.#free.pop() ?? this.#connections.length;
    if (slot >= this.expiration.length) this.#grow();
    const connection = new Connection(slot, forward, reply, translation, zoneLimit);
    this.#connections[slot] = connection;
    this.expiration[slot] = end;
    for (const hash of this.#hashesOf(connection)) {
      this.#chains.set(hash, { connection, next: this.#chains.get(hash) });
    }
    return connection;
  }

  /** The next packet may be told something else than this one. */
  changed({ slot }: Connection): void {
    this.versions[slot]!++;
  }

  /** It is over: nothing finds it any more. */
  expire(connection: Connection): void {
    if (connection.isGone) return;
    this.changed(connection);
    this.expiration[connection.slot] = 0;
  }

  remove(connection: Connection): void {
    if (connection.isGone) return;
    connection.isGone = true;
    this.changed(connection);
    for (const hash of this.#hashesOf(connection)) this.#unlink(hash, connection);
    if (connection.zoneLimit) connection.zoneLimit.count--;
    this.#connections[connection.slot] = undefined;
    this.expiration[connection.slot] = 0;
    this.#free.push(connection.slot);
  }

  /** Those that are not over, the oldest slot first. */
  *live(now: number): Generator<Connection> {
    for (const connection of this.#connections) {
      if (connection && now < this.expiration[connection.slot]!) yield connection;
    }
  }

  /** Forgets all connections of a zone; undefined: of all zones. */
  flush(zone: number | undefined): void {
    for (const connection of [...this.#connections]) {
      if (connection && (zone === undefined || zoneOf(connection.forward) === zone)) this.remove(connection);
    }
  }

  #zoneLimitOf(zone: number): ZoneLimit | undefined {
    return this.#zoneLimits.get(zone) ?? this.#zoneLimits.get(undefined);
  }

  /** Answers to a translated connection have a key of their own. */
  #hashesOf({ forward, reply }: Connection): ReadonlySet<number> {
    return new Set([hashConnection(forward, this.#seed), hashConnection(reply, this.#seed)]);
  }

  #unlink(hash: number, connection: Connection): void {
    let before: Node | undefined;
    for (let node = this.#chains.get(hash); node; before = node, node = node.next) {
      if (node.connection !== connection) continue;
      if (before) before.next = node.next;
      else if (node.next) this.#chains.set(hash, node.next);
      else this.#chains.delete(hash);
      return;
    }
  }

  #sweepSome(now: number): void {
    const { length } = this.#connections;
    for (let i = 0; i < SWEEP_STEP && length > 0; i++) {
      this.#next = (this.#next + 1) % length;
      this.#sweep(this.#connections[this.#next], now);
    }
  }

  #sweepAll(now: number): void {
    if (now - this.#sweptAt < SWEEP_INTERVAL) return;
    this.#sweptAt = now;
    for (const connection of this.#connections) this.#sweep(connection, now);
  }

  #sweep(connection: Connection | undefined, now: number): void {
    if (connection && now >= this.expiration[connection.slot]!) this.remove(connection);
  }

  #grow(): void {
    const { expiration, versions, tcp } = this;
    this.expiration = new Float64Array(expiration.length * 2);
    this.expiration.set(expiration);
    this.versions = new Int32Array(versions.length * 2);
    this.versions.set(versions);
    this.tcp = new Int32Array(tcp.length * 2);
    this.tcp.set(tcp);
  }
}
