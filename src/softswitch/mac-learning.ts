/**
 * Which port an Ethernet address was last seen on, per VLAN (lib/mac-learning.c of Open vSwitch; IEEE 802.1Q 8.7).
 * Entries age, the table is bounded, and a full table forgets the address that has been quiet longest.
 */

/** Milliseconds without a frame after which an address is forgotten (IEEE 802.1Q, 8.8.3: 300 s). */
export const MAC_AGEING_MS = 300_000;
export const MAC_TABLE_LIMIT = 8192;
/** How long after a gratuitous ARP its reflections over a team are not believed (Open vSwitch: 5 s). */
const GRATUITOUS_LOCK_MS = 5_000;

interface Entry {
  port: number;
  /** Of the last frame from the address. */
  seen: number;
  lockedUntil: number;
}

export interface Learned {
  /** The address is new, or on another port than before. */
  readonly changed: boolean;
}

export class MacTable {
  /** In the order of the last frame, the quietest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #limit: number;

  constructor(limit = MAC_TABLE_LIMIT) {
    this.#limit = limit;
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
    const key = keyOf(mac, vlan);
    const old = this.#alive(key, now);
    const entry = old ?? { port: -1, seen: now, lockedUntil: 0 };
    if (old) this.#entries.delete(key);
    else if (this.#entries.size >= this.#limit) this.#forgetQuietest();
    this.#entries.set(key, entry);
    entry.seen = now;
    if (arp.isGratuitous) {
      if (!arp.byTeam) entry.lockedUntil = now + GRATUITOUS_LOCK_MS;
      else if (entry.lockedUntil > now) return { changed: false };
    }
    const changed = entry.port !== port;
    entry.port = port;
    return { changed };
  }

  /** The port of an address; undefined when it is not known. */
  lookup(mac: number, vlan: number, now: number): number | undefined {
    return this.#alive(keyOf(mac, vlan), now)?.port;
  }

  /** Whether a gratuitous ARP from elsewhere was seen a moment ago. */
  isLocked(mac: number, vlan: number, now: number): boolean {
    return (this.#alive(keyOf(mac, vlan), now)?.lockedUntil ?? 0) > now;
  }

  /** Forgets what was learnt on a port. */
  removePort(port: number): void {
    for (const [key, entry] of this.#entries) if (entry.port === port) this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  #alive(key: string, now: number): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry && now - entry.seen >= MAC_AGEING_MS) {
      this.#entries.delete(key);
      return undefined;
    }
    return entry;
  }

  #forgetQuietest(): void {
    const [quietest] = this.#entries.keys();
    if (quietest !== undefined) this.#entries.delete(quietest);
  }
}

/** The group bit: multicast, and broadcast too. */
export function isGroup(mac: number): boolean {
  return Math.floor(mac / 2 ** 40) % 2 === 1;
}

function keyOf(mac: number, vlan: number): string {
  return `${mac}/${vlan}`;
}
