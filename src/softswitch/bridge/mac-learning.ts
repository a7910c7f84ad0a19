/**
 * Which port an Ethernet address was last seen on, per VLAN (lib/mac-learning.c of Open vSwitch; IEEE 802.1Q 8.7).
 * Entries age, the table is bounded, and a full table forgets the address that has been quiet longest.
 */

import { macFromNumber } from '../../packet/address.ts';

/** Milliseconds without a frame after which an address is forgotten (IEEE 802.1Q, 8.8.3: 300 s). */
export const MAC_AGEING_MS = 300_000;
export const MAC_TABLE_LIMIT = 8192;
/** How long after a gratuitous ARP its reflections over a team are not believed (Open vSwitch: 5 s). */
const GRATUITOUS_LOCK_MS = 5_000;

/** What is known of an address in a VLAN. */
export interface MacEntry {
  readonly key: string;
  port: number;
  /** Time of the last frame from the address. */
  seen: number;
  lockedUntil: number;
  /** Neighbours in the order of the last frame. */
  quieter: MacEntry | undefined;
  later: MacEntry | undefined;
}

/** What `ovs-appctl fdb/show` tells of an address; `age` in milliseconds since the last frame from it. */
export interface LearnedMac {
  readonly mac: string;
  readonly vlan: number;
  readonly port: number;
  readonly age: number;
}

export interface Learned {
  /** The address is new, or on another port than before. */
  readonly changed: boolean;
}

export class MacTable {
  readonly #entries = new Map<string, MacEntry>();
  #quietest: MacEntry | undefined;
  #latest: MacEntry | undefined;
  readonly #limit: number;
  readonly #onChange: (key: string) => void;

  /** `onChange` is told the key of an address whenever its port becomes another one, or known, or unknown. */
  constructor(limit = MAC_TABLE_LIMIT, onChange: (key: string) => void = () => {}) {
    this.#limit = limit;
    this.#onChange = onChange;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Notes that a frame from `mac` (48 bits) came in. `arp`: it was a gratuitous ARP, which moves an address unless it
   * came by a team shortly after one from elsewhere: then it is that one coming back. Group addresses are not learnt.
   */
  learn(
    mac: number,
    vlan: number,
    port: number,
    now: number,
    arp: { isGratuitous: boolean; byTeam: boolean } = { isGratuitous: false, byTeam: false },
  ): Learned {
    if (isGroup(mac)) return { changed: false };
    const key = macKey(mac, vlan);
    let entry = this.#alive(key, now);
    if (!entry) {
      if (this.#entries.size >= this.#limit && this.#quietest) this.#forget(this.#quietest);
      entry = { key, port: -1, seen: now, lockedUntil: 0, quieter: undefined, later: undefined };
      this.#entries.set(key, entry);
      this.#append(entry);
    }
    this.touch(entry, now);
    if (arp.isGratuitous) {
      if (!arp.byTeam) entry.lockedUntil = now + GRATUITOUS_LOCK_MS;
      else if (entry.lockedUntil > now) return { changed: false };
    }
    const changed = entry.port !== port;
    entry.port = port;
    if (changed) this.#onChange(key);
    return { changed };
  }

  /** The port of an address; undefined when it is not known. */
  lookup(mac: number, vlan: number, now: number): number | undefined {
    return this.#alive(macKey(mac, vlan), now)?.port;
  }

  /** The entry itself, which stays the same as long as the address stays known. */
  entry(key: string): MacEntry | undefined {
    return this.#entries.get(key);
  }

  /** All that is known at this time, the address that has been quiet for longest first. */
  list(now: number): LearnedMac[] {
    return [...this.#entries.values()]
      .filter((entry) => !isStale(entry, now))
      .sort((a, b) => a.seen - b.seen)
      .map(({ key, port, seen }) => {
        const [mac, vlan] = key.split('/').map(Number);
        return { mac: macFromNumber(mac!), vlan: vlan!, port, age: now - seen };
      });
  }

  /** Notes one more frame from an address that is known. */
  touch(entry: MacEntry, now: number): void {
    entry.seen = now;
    if (entry === this.#latest) return;
    this.#unlink(entry);
    this.#append(entry);
  }

  /** Whether a gratuitous ARP from elsewhere was seen a moment ago. */
  isLocked(mac: number, vlan: number, now: number): boolean {
    return (this.#alive(macKey(mac, vlan), now)?.lockedUntil ?? 0) > now;
  }

  /** Forgets what was learnt on a port. */
  removePort(port: number): void {
    for (const entry of this.#entries.values()) if (entry.port === port) this.#forget(entry);
  }

  clear(): void {
    for (const entry of this.#entries.values()) this.#forget(entry);
  }

  #alive(key: string, now: number): MacEntry | undefined {
    const entry = this.#entries.get(key);
    if (!entry || !isStale(entry, now)) return entry;
    this.#forget(entry);
    return undefined;
  }

  #forget(entry: MacEntry): void {
    this.#entries.delete(entry.key);
    this.#unlink(entry);
    this.#onChange(entry.key);
  }

  #append(entry: MacEntry): void {
    entry.quieter = this.#latest;
    entry.later = undefined;
    if (this.#latest) this.#latest.later = entry;
    else this.#quietest = entry;
    this.#latest = entry;
  }

  #unlink(entry: MacEntry): void {
    if (entry.quieter) entry.quieter.later = entry.later;
    else this.#quietest = entry.later;
    if (entry.later) entry.later.quieter = entry.quieter;
    else this.#latest = entry.quieter;
  }
}

/** Whether the address has been quiet for so long that it is not known any more. */
export function isStale(entry: MacEntry, now: number): boolean {
  return now - entry.seen >= MAC_AGEING_MS;
}

/** The group bit: multicast, and broadcast too. */
export function isGroup(mac: number): boolean {
  return Math.floor(mac / 2 ** 40) % 2 === 1;
}

/** What an entry is found by. */
export function macKey(mac: number, vlan: number): string {
  return `${mac}/${vlan}`;
}
