/**
 * The neighbour cache: IP address -> MAC address, for ARP and neighbour discovery alike. How to ask differs (arp.ts,
 * nd.ts); when to ask, how often, and what waits for the answer is the same and stands here.
 *
 *     absent --send--> incomplete --learn--> fresh --FRESH_MS--> stale --send--> checking --learn--> fresh
 *                          |                                                        |
 *                          +--3 requests unanswered--> absent <--3 polls unanswered-+
 *
 * A stale address is still used while it is checked (the unicast poll of RFC 1122 section 2.3.2.1, the probe state of
 * RFC 4861 section 7.3.3), so that traffic does not stop each time an entry ages.
 */
import type { Clock } from '../base/clock.ts';
import type { IpAddress, Mac } from '../packet/address.ts';

/** Milliseconds between two requests (RFC 1122 section 2.3.2.1: at most one a second; RFC 4861: RETRANS_TIMER). */
export const REQUEST_INTERVAL = 1000;
/** Requests before a neighbour counts as silent (RFC 4861: MAX_MULTICAST_SOLICIT). */
export const REQUESTS = 3;
/** Packets that wait for one neighbour; the oldest gives way (RFC 1122 section 2.3.2.2 asks for one at least). */
export const QUEUE_LIMIT = 3;
/** Milliseconds that an answer is good for (RFC 1122 section 2.3.2.1: on the order of a minute). */
export const FRESH_MS = 60_000;
/** Neighbours kept; the one learned first gives way, so that forged ARP cannot fill the memory. */
export const NEIGHBOUR_LIMIT = 1024;

export interface NeighbourEnvironment {
  readonly clock: Clock;
  /** Asks on the wire for `address`: everybody, or only `known`, where it was last. */
  readonly request: (address: IpAddress, known: Mac | undefined) => void;
  readonly transmit: (to: Mac, packet: Uint8Array) => void;
  /** Nobody answered; `packets` had waited and are lost. */
  readonly silent: (address: IpAddress, packets: readonly Uint8Array[]) => void;
  /** A packet gave way to a newer one in the queue. */
  readonly overflow: () => void;
}

export interface Learned {
  /** Make an entry when there is none. */
  readonly create: boolean;
  /** The neighbour answered us; otherwise the entry is used but checked. */
  readonly confirmed: boolean;
  /** Replace another MAC address that is already known (RFC 4861 section 7.2.5: the override flag). */
  readonly override: boolean;
}

interface Entry {
  mac: Mac | undefined;
  freshUntil: number;
  requests: number;
  queue: Uint8Array[];
  /** Stops the timer of the next request; present while incomplete or checking. */
  cancel: (() => void) | undefined;
}

export class NeighbourCache {
  readonly #env: NeighbourEnvironment;
  readonly #entries = new Map<IpAddress, Entry>();

  constructor(env: NeighbourEnvironment) {
    this.#env = env;
  }

  /** Sends the packet to its next hop, now or when the next hop has answered. */
  send(nextHop: IpAddress, packet: Uint8Array): void {
    const entry = this.#entries.get(nextHop) ?? this.#create(nextHop);
    if (entry.mac !== undefined) {
      const stale = entry.freshUntil <= this.#env.clock.now();
      this.#env.transmit(entry.mac, packet);
      if (stale && entry.cancel === undefined) this.#ask(nextHop, entry);
      return;
    }
    if (entry.queue.push(packet) > QUEUE_LIMIT) {
      entry.queue.shift();
      this.#env.overflow();
    }
    if (entry.cancel === undefined) this.#ask(nextHop, entry);
  }

  /** What the wire says about an address. */
  learn(address: IpAddress, mac: Mac, { create, confirmed, override }: Learned): void {
    const entry = this.#entries.get(address) ?? (create ? this.#create(address) : undefined);
    if (!entry) return;
    if (entry.mac !== undefined && entry.mac !== mac && !override) {
      entry.freshUntil = this.#env.clock.now();
      return;
    }
    const changed = entry.mac !== mac;
    entry.mac = mac;
    if (confirmed) {
      entry.cancel?.();
      entry.cancel = undefined;
      entry.requests = 0;
      entry.freshUntil = this.#env.clock.now() + FRESH_MS;
    } else if (changed) {
      entry.freshUntil = this.#env.clock.now();
    }
    for (const packet of entry.queue.splice(0)) this.#env.transmit(mac, packet);
  }

  /** The MAC address in use for the address. */
  macOf(address: IpAddress): Mac | undefined {
    return this.#entries.get(address)?.mac;
  }

  /** Whether the address was asked for and has not answered so far. */
  waiting(address: IpAddress): boolean {
    const entry = this.#entries.get(address);
    return entry !== undefined && entry.mac === undefined;
  }

  /** Every neighbour that has a MAC address, in the order of learning. */
  entries(): readonly { readonly address: IpAddress; readonly mac: Mac }[] {
    return [...this.#entries].flatMap(([address, { mac }]) => (mac === undefined ? [] : [{ address, mac }]));
  }

  /** Forgets all neighbours and what waits for them. */
  clear(): void {
    for (const entry of this.#entries.values()) entry.cancel?.();
    this.#entries.clear();
  }

  #create(address: IpAddress): Entry {
    if (this.#entries.size >= NEIGHBOUR_LIMIT) {
      const [oldest] = this.#entries.keys();
      if (oldest !== undefined) this.#forget(oldest);
    }
    const entry: Entry = { mac: undefined, freshUntil: 0, requests: 0, queue: [], cancel: undefined };
    this.#entries.set(address, entry);
    return entry;
  }

  #forget(address: IpAddress): readonly Uint8Array[] {
    const entry = this.#entries.get(address);
    entry?.cancel?.();
    this.#entries.delete(address);
    return entry?.queue ?? [];
  }

  /** The timer is set before the request leaves: on a synchronous wire the answer comes back within `request`. */
  #ask(address: IpAddress, entry: Entry): void {
    if (entry.requests >= REQUESTS) {
      const lost = this.#forget(address);
      this.#env.silent(address, lost);
      return;
    }
    entry.requests += 1;
    entry.cancel = this.#env.clock.after(REQUEST_INTERVAL, () => {
      entry.cancel = undefined;
      this.#ask(address, entry);
    });
    this.#env.request(address, entry.mac);
  }
}
