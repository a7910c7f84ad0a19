/**
 * The NICs of an uplink as one team (ofproto/bond.c of Open vSwitch).
 *
 *     active-backup   one NIC carries everything; another takes over when its link goes down
 *     balance-slb     a source address and VLAN stick to one NIC
 *     balance-tcp     a flow sticks to one NIC; needs a partner that has agreed by LACP
 *
 * With LACP (lacp.ts) a NIC carries frames only while it is distributing, and nothing goes through the team until some
 * NIC is. A team of one NIC speaks LACP too, but its NIC carries frames all the same: there is nothing to choose.
 */

import { isGroup } from '../bridge/mac-learning.ts';
import { hashAdd, hashFinish, hashFlow } from '../frame/hash.ts';
import { type FlowKey, WORD } from '../frame/key.ts';
import { Lacp, type LacpSettings } from './lacp.ts';

export type TeamMode = 'active-backup' | 'balance-slb' | 'balance-tcp';

/** `unless-moved`: only when the source is not known on another port. */
export type Admission = 'accept' | 'drop' | 'unless-moved';

/** `configured`: it is spoken, and no partner has agreed. */
export type LacpStatus = 'off' | 'configured' | 'negotiated';

/** Flows are put on NICs by bucket, so that a link that goes down moves only the flows that it carried. */
const BUCKETS = 256;

export class Team {
  #nics: readonly string[] = [];
  #mode: TeamMode = 'active-backup';
  #lacp: Lacp | undefined;
  readonly #up = new Set<string>();
  #active: string | undefined;
  /** Another NIC carries now what a NIC carried before. */
  #hasMoved = false;

  constructor(nics: readonly string[], mode: TeamMode, lacp: LacpSettings | undefined) {
    this.configure(nics, mode, lacp, 0);
  }

  /** Links that stay keep their state. `now`: milliseconds. */
  configure(nics: readonly string[], mode: TeamMode, lacp: LacpSettings | undefined, now: number): void {
    this.#nics = nics;
    this.#mode = mode;
    for (const nic of this.#up) if (!nics.includes(nic)) this.#up.delete(nic);
    const isNew = lacp !== undefined && this.#lacp === undefined;
    if (lacp === undefined) this.#lacp = undefined;
    else if (this.#lacp) this.#lacp.configure(lacp);
    else this.#lacp = new Lacp(lacp);
    this.#lacp?.setMembers(nics);
    if (isNew) for (const nic of this.#up) this.#lacp?.setCarrier(nic, true, now);
    this.elect();
  }

  get mode(): TeamMode {
    return this.#mode;
  }

  hasLink(nic: string): boolean {
    return this.#up.has(nic);
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

  /** The NIC that takes group frames; undefined while none is in use. */
  get active(): string | undefined {
    return this.#active;
  }

  /** After it was told something, `elect` is due. */
  get lacp(): Lacp | undefined {
    return this.#lacp;
  }

  get lacpStatus(): LacpStatus {
    if (!this.#lacp) return 'off';
    return this.#lacp.isNegotiated ? 'negotiated' : 'configured';
  }

  /** All that decides on frames, as a text: what is known of the team's frames holds as long as it does. */
  get state(): string {
    const members = this.#nics.map((nic) => [this.isInUse(nic), this.#lacp?.isCollecting(nic)].join(' '));
    return [this.lacpStatus, this.#active, ...members].join(',');
  }

  setLink(nic: string, up: boolean, now: number): void {
    const isUp = up && this.#nics.includes(nic);
    if (isUp) this.#up.add(nic);
    else if (this.#up.delete(nic)) this.#hasMoved = true;
    this.#lacp?.setCarrier(nic, isUp, now);
    this.elect();
  }

  /** The active NIC stays as long as it can: a NIC that comes back does not take over. */
  elect(): void {
    if (this.#active !== undefined && this.isInUse(this.#active)) return;
    this.#active = this.#nics.find((nic) => this.isInUse(nic));
    this.#hasMoved = true;
  }

  /** Frames go out by the NIC. */
  isInUse(nic: string): boolean {
    return this.#up.has(nic) && (!this.isTeam || (this.#lacp?.isDistributing(nic) ?? true));
  }

  /**
   * Whether the switches outside are to be told where our addresses are now; they are asked for once. A partner that
   * speaks LACP knows by itself, and so does one that balances by flow.
   */
  takeMoved(): boolean {
    const hasMoved = this.#hasMoved;
    this.#hasMoved = false;
    return (
      hasMoved && this.isTeam && !this.#lacp && this.#mode !== 'balance-tcp' && this.#active !== undefined
    );
  }

  /** Why there is no NIC to go out by. */
  get whyNone(): 'link-down' | 'team-not-agreed' {
    const needsPartner = this.isTeam && (this.#lacp !== undefined || this.#mode === 'balance-tcp');
    return needsPartner && this.#up.size > 0 ? 'team-not-agreed' : 'link-down';
  }

  /** The NIC that a frame goes out by; undefined while there is none. */
  choose(key: FlowKey): string | undefined {
    if (this.isTeam && this.#lacp === undefined && this.#mode === 'balance-tcp') return undefined;
    if (!this.isBalanced) return this.#active;
    const hash = this.#mode === 'balance-tcp' ? hashFlow(key) : hashSource(key);
    const bucket = hash % BUCKETS;
    const nic = this.#nics[bucket % this.#nics.length];
    if (nic !== undefined && this.isInUse(nic)) return nic;
    const inUse = this.#nics.filter((n) => this.isInUse(n));
    return inUse[bucket % inUse.length];
  }

  /** Whether a frame that came in by `nic` is taken, by its destination (48 bits). */
  admit(nic: string, destination: number): Admission {
    if (!this.isTeam) return 'accept';
    if (!this.#up.has(nic)) return 'drop';
    // A partner that knows of the team sends each frame once, and only where we said that we listen.
    if (this.#lacp) return this.#lacp.isCollecting(nic) ? 'accept' : 'drop';
    if (this.#mode === 'balance-tcp') return 'drop';
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
