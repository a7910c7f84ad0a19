/**
 * The NICs of an uplink as one team (ofproto/bond.c of Open vSwitch).
 *
 *     active-backup   one NIC carries everything; another takes over when its link goes down
 *     balance-slb     a source address and VLAN stick to one NIC
 *     balance-tcp     a flow sticks to one NIC
 *
 * LACP is configuration that is carried but not spoken here: a team with LACP behaves as if its partner had agreed
 * at once, and balance-tcp without LACP works too. (Open vSwitch drops everything in both cases until a partner
 * agrees.)
 */
import { hashAdd, hashFinish, hashFlow } from './hash.ts';
import { type FlowKey, WORD } from './key.ts';
import { isGroup } from './mac-learning.ts';

export type TeamMode = 'active-backup' | 'balance-slb' | 'balance-tcp';

/** `unless-moved`: only when the source is not known on another port. */
export type Admission = 'accept' | 'drop' | 'unless-moved';

/** Flows are put on NICs by bucket, so that a link that goes down moves only the flows that it carried. */
const BUCKETS = 256;

export class Team {
  #nics: readonly string[];
  #mode: TeamMode;
  #lacp: boolean;
  readonly #up = new Set<string>();
  #active: string | undefined;

  constructor(nics: readonly string[], mode: TeamMode, lacp: boolean) {
    this.#nics = nics;
    this.#mode = mode;
    this.#lacp = lacp;
  }

  /** Links that stay keep their state. */
  configure(nics: readonly string[], mode: TeamMode, lacp: boolean): void {
    this.#nics = nics;
    this.#mode = mode;
    this.#lacp = lacp;
    for (const nic of this.#up) if (!nics.includes(nic)) this.#up.delete(nic);
    this.#elect();
  }

  get nics(): readonly string[] {
    return this.#nics;
  }

  /** More than one NIC; with one there is nothing to choose, nor to loop. */
  get isTeam(): boolean {
    return this.#nics.length > 1;
  }

  /** Which NIC a frame goes out by depends on its headers. */
  get isBalanced(): boolean {
    return this.isTeam && this.#mode !== 'active-backup';
  }

  /** The NIC that takes group frames; undefined while all links are down. */
  get active(): string | undefined {
    return this.#active;
  }

  setLink(nic: string, up: boolean): void {
    if (up && this.#nics.includes(nic)) this.#up.add(nic);
    else this.#up.delete(nic);
    this.#elect();
  }

  /** The active NIC stays as long as it can: a link that comes back does not take over. */
  #elect(): void {
    if (this.#active !== undefined && this.#up.has(this.#active)) return;
    this.#active = this.#nics.find((nic) => this.#up.has(nic));
  }

  /** The NIC that a frame goes out by; undefined while all links are down. */
  choose(key: FlowKey): string | undefined {
    if (this.#mode === 'active-backup') return this.#active;
    const hash = this.#mode === 'balance-tcp' ? hashFlow(key) : hashSource(key);
    const bucket = hash % BUCKETS;
    const nic = this.#nics[bucket % this.#nics.length];
    if (nic !== undefined && this.#up.has(nic)) return nic;
    const up = this.#nics.filter((n) => this.#up.has(n));
    return up[bucket % up.length];
  }

  /** Whether a frame that came in by `nic` is taken, by its destination (48 bits). */
  admit(nic: string, destination: number): Admission {
    if (!this.isTeam) return 'accept';
    if (!this.#up.has(nic)) return 'drop';
    // A partner that knows of the team sends each frame once.
    if (this.#lacp || this.#mode === 'balance-tcp') return 'accept';
    // Without one, a group frame that we or another sent comes back on every other member.
    if (nic !== this.#active && (this.#mode === 'active-backup' || isGroup(destination))) return 'drop';
    return this.#mode === 'balance-slb' ? 'unless-moved' : 'accept';
  }
}

function hashSource(key: FlowKey): number {
  const high = hashAdd(0, key[WORD.ETH + 1]! & 0xffff);
  const vlan = key[WORD.TAG]! & 0x1000 ? key[WORD.TAG]! & 0xfff : 0;
  return hashFinish(hashAdd(hashAdd(high, key[WORD.ETH + 2]!), vlan), 12);
}
