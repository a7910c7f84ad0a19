/**
 * The Link Aggregation Control Protocol (IEEE 802.1AX-2014, 6.4) for the NICs of one team: which of them lead to the same
 * partner, and which may carry frames. No timers and no I/O inside: times come in as milliseconds, what is to be sent
 * comes out of `poll`, and `nextWake` says when to call it again.
 *
 *     receive machine      a LACPDU came                   nothing for 3 periods         nothing for 3 s more
 *     (one a member)       ----------------> current ----------------> expired ----------------> defaulted
 *                                                           ^ carrier comes or goes
 *     selection            members with the partner system and key of the lead are selected; the lead is one that works
 *                          already, and among equals the one whose port comes first by the better system
 *     mux (one a member)   a function of what is known, so that it cannot be out of step with it:
 *
 *         detached       not selected
 *         attached       selected: we are in sync
 *         collecting     … and the partner is in sync, with us
 *         distributing   … and the partner collects
 *
 *     periodic, transmit   every second or every 30, as the partner wants it, and at once when it has a wrong picture of
 *                          us; three a second at most
 *
 * As in Open vSwitch (lib/lacp.c), a link joins without waiting for others first, and an expired partner keeps its place
 * until it is forgotten. Unlike there, a partner counts as in sync only when it sees us as we are (6.4.9, recordPDU), and
 * collecting and distributing are told apart. So a member never sends to who does not listen.
 */
import { type Mac, ZERO_MAC } from '../../packet/address.ts';
import { LACP_STATE, type LacpSide, type LacpView } from '../../packet/lacp.ts';
import type { LacpLayer } from '../../packet/layer.ts';
import {
  expire,
  FAST_PERIOD,
  forget,
  isSamePort,
  type LacpMux,
  type LacpReceive,
  type Member,
  muxOf,
  newMember,
  PATIENCE,
  SLOW_PERIOD,
} from './lacp-member.ts';

const { ACTIVITY, TIMEOUT, AGGREGATION, SYNCHRONIZATION, COLLECTING, DISTRIBUTING, DEFAULTED, EXPIRED } =
  LACP_STATE;

/** At most so many LACPDUs go out by a member in FAST_PERIOD (6.4.16). */
const BURST = 3;
const PORT_PRIORITY = 65_535;

/** One side of the team. */
export interface LacpSettings {
  /** Tells the systems apart: two that talk to each other have different ones. */
  readonly system: Mac;
  /** 0..65535; the lower one decides which links are chosen. */
  readonly systemPriority: number;
  /** 1..65535: what can be one team within the system. */
  readonly key: number;
  /** Speaks first; two passive sides never speak. */
  readonly active: boolean;
  /** Wants to hear every second, otherwise every 30. */
  readonly fast: boolean;
}

/** As `ovs-appctl lacp/show` has it. */
export interface LacpMemberStatus {
  readonly name: string;
  readonly receive: LacpReceive;
  readonly mux: LacpMux;
  readonly actor: LacpSide;
  /** As it was heard last; zeros in `defaulted`. */
  readonly partner: LacpSide;
}

/** A LACPDU that is to go out by a member. */
export interface LacpTransmission {
  readonly member: string;
  readonly layer: LacpLayer;
}

export class Lacp {
  #settings: LacpSettings;
  readonly #members = new Map<string, Member>();

  constructor(settings: LacpSettings) {
    this.#settings = settings;
  }

  // --------------------------------------------------------------------------------------------- what changes

  /** Everybody is told of what is new; members stay as they are. */
  configure(settings: LacpSettings): void {
    this.#settings = settings;
    for (const member of this.#members.values()) member.hasNews = true;
  }

  /** The members, in their order; those that stay keep their state, new ones have no carrier yet. */
  setMembers(names: readonly string[]): void {
    for (const name of [...this.#members.keys()]) if (!names.includes(name)) this.#members.delete(name);
    for (const name of names) {
      if (this.#members.has(name)) continue;
      const used = new Set([...this.#members.values()].map(({ port }) => port));
      let port = 1;
      while (used.has(port)) port++;
      this.#members.set(name, newMember(name, port));
    }
    this.#decide();
  }

  /** The link of a member came or went. */
  setCarrier(name: string, isUp: boolean, now: number): void {
    const member = this.#members.get(name);
    if (!member || member.hasCarrier === isUp) return;
    member.hasCarrier = isUp;
    if (member.receive === 'current' || this.#settings.active) expire(member, now);
    member.hasNews = isUp;
    this.#decide();
  }

  /** A LACPDU came in by a member. */
  receive(name: string, pdu: LacpView, now: number): void {
    const member = this.#members.get(name);
    if (!member?.hasCarrier) return;
    const [them, us] = [pdu.actor(), pdu.partner()];
    const seesUs = isSamePort(us, this.#actor(member));
    member.partner = seesUs ? them : { ...them, state: them.state & ~SYNCHRONIZATION };
    member.receive = 'current';
    member.expiresAt = now + PATIENCE * (this.#settings.fast ? FAST_PERIOD : SLOW_PERIOD);
    this.#decide();
    const told = ACTIVITY | TIMEOUT | AGGREGATION | SYNCHRONIZATION;
    if (!seesUs || ((us.state ^ this.#actor(member).state) & told) !== 0) member.hasNews = true;
  }

  /** Moves on what time moves on; the answer is to be sent now. */
  poll(now: number): readonly LacpTransmission[] {
    for (const member of this.#members.values()) {
      if (now < member.expiresAt) continue;
      if (member.receive === 'current') expire(member, now);
      else forget(member);
    }
    this.#decide();
    const due: LacpTransmission[] = [];
    for (const member of this.#members.values()) {
      if (now < this.#dueAt(member)) continue;
      due.push({ member: member.name, layer: this.#pdu(member) });
      member.hasNews = false;
      member.sent = [...member.sent, now].slice(-BURST);
      member.sendAt = now + (member.partner.state & TIMEOUT ? FAST_PERIOD : SLOW_PERIOD);
    }
    return due;
  }

  // ------------------------------------------------------------------------------------------------- what is

  /** When `poll` has something to do next; a time that is over: now. Infinity: nothing until something happens. */
  get nextWake(): number {
    let wake = Number.POSITIVE_INFINITY;
    for (const member of this.#members.values()) {
      wake = Math.min(wake, member.expiresAt, this.#dueAt(member));
    }
    return wake;
  }

  /** Some partner is there and some member agrees with it. */
  get isNegotiated(): boolean {
    return [...this.#members.values()].some(({ mux }) => mux === 'collecting' || mux === 'distributing');
  }

  /** Frames that come in by the member are taken. */
  isCollecting(name: string): boolean {
    const mux = this.#members.get(name)?.mux;
    return mux === 'collecting' || mux === 'distributing';
  }

  /** Frames go out by the member. */
  isDistributing(name: string): boolean {
    return this.#members.get(name)?.mux === 'distributing';
  }

  /** In the order of the members. */
  status(): readonly LacpMemberStatus[] {
    return [...this.#members.values()].map((member) => ({
      name: member.name,
      receive: member.receive,
      mux: member.mux,
      actor: this.#actor(member),
      partner: member.partner,
    }));
  }

  // ----------------------------------------------------------------------------------------- selection and mux

  /** A change of the mux is news for the partner (6.4.15). */
  #decide(): void {
    const lead = this.#lead();
    for (const member of this.#members.values()) {
      const mux = muxOf(member, lead !== undefined && this.#isSelected(member, lead));
      if (mux !== member.mux) member.hasNews = true;
      member.mux = mux;
    }
  }

  /** Whom the others have to agree with: one that works already before one that does not. */
  #lead(): Member | undefined {
    const able = [...this.#members.values()].filter((member) => this.#isAble(member));
    const working = able.filter(({ receive, mux }) => receive === 'current' && mux !== 'detached');
    const [first, ...others] = working.length > 0 ? working : able;
    if (!first) return undefined;
    return others.reduce((best, member) => (this.#comesBefore(member, best) ? member : best), first);
  }

  /** There is a partner, and it is not this team itself. */
  #isAble({ hasCarrier, receive, partner }: Member): boolean {
    const { system } = this.#settings;
    return hasCarrier && receive !== 'defaulted' && partner.system !== ZERO_MAC && partner.system !== system;
  }

  #isSelected(member: Member, lead: Member): boolean {
    if (member === lead) return true;
    const [a, b] = [member.partner, lead.partner];
    // A link that the partner calls individual is alone in its team.
    const mayJoin = (a.state & b.state & AGGREGATION) !== 0;
    return this.#isAble(member) && mayJoin && a.system === b.system && a.key === b.key;
  }

  /** The system with the lower priority, then with the lower address, says which of its ports come first (6.7.1). */
  #comesBefore(a: Member, b: Member): boolean {
    const rank = (member: Member): readonly number[] => {
      const { systemPriority, system } = this.#settings;
      const { partner } = member;
      const isOurs =
        systemPriority === partner.systemPriority
          ? system < partner.system
          : systemPriority < partner.systemPriority;
      const { portPriority, port } = isOurs ? this.#actor(member) : partner;
      return [portPriority, port, member.port];
    };
    const [first, second] = [rank(a), rank(b)];
    const at = first.findIndex((value, i) => value !== second[i]);
    return at >= 0 && first[at]! < second[at]!;
  }

  // ------------------------------------------------------------------------------------------------- transmit

  /** When a LACPDU is to go out by the member; Infinity: it keeps silent. */
  #dueAt(member: Member): number {
    const { hasCarrier, partner, hasNews, sendAt, sent } = member;
    if (!hasCarrier || !(this.#settings.active || partner.state & ACTIVITY)) return Number.POSITIVE_INFINITY;
    const wanted = hasNews ? Number.NEGATIVE_INFINITY : sendAt;
    return sent.length < BURST ? wanted : Math.max(wanted, sent[0]! + FAST_PERIOD);
  }

  #actor({ port, receive, mux }: Member): LacpSide {
    const { system, systemPriority, key, active, fast } = this.#settings;
    const state =
      (active ? ACTIVITY : 0) |
      (fast ? TIMEOUT : 0) |
      (this.#members.size > 1 ? AGGREGATION : 0) |
      (mux === 'detached' ? 0 : SYNCHRONIZATION) |
      (mux === 'collecting' || mux === 'distributing' ? COLLECTING : 0) |
      (mux === 'distributing' ? DISTRIBUTING : 0) |
      (receive === 'defaulted' ? DEFAULTED : 0) |
      (receive === 'expired' ? EXPIRED : 0);
    return { systemPriority, system, key, portPriority: PORT_PRIORITY, port, state };
  }

  #pdu(member: Member): LacpLayer {
    const actor = this.#actor(member);
    const { partner } = member;
    return {
      layer: 'lacp',
      actor: actor.system,
      actorpriority: actor.systemPriority,
      actorkey: actor.key,
      actorportpriority: actor.portPriority,
      actorport: actor.port,
      actorstate: actor.state,
      partner: partner.system,
      partnerpriority: partner.systemPriority,
      partnerkey: partner.key,
      partnerportpriority: partner.portPriority,
      partnerport: partner.port,
      partnerstate: partner.state,
    };
  }
}
