/** A NIC of a team as LACP sees it (lacp.ts): what is known of it, and its steps from one state to the next. */
import { ZERO_MAC } from '../../packet/address.ts';
import { LACP_STATE, type LacpSide } from '../../packet/lacp.ts';

const { TIMEOUT, SYNCHRONIZATION, COLLECTING } = LACP_STATE;

/** 6.4.4, in milliseconds. */
export const FAST_PERIOD = 1000;
export const SLOW_PERIOD = 30_000;
/** So many periods without a LACPDU end the belief in a partner. */
export const PATIENCE = 3;

export type LacpReceive = 'current' | 'expired' | 'defaulted';
export type LacpMux = 'detached' | 'attached' | 'collecting' | 'distributing';

export interface Member {
  readonly name: string;
  /** 1..65535. */
  readonly port: number;
  hasCarrier: boolean;
  receive: LacpReceive;
  mux: LacpMux;
  partner: LacpSide;
  /** When the receive machine moves on. */
  expiresAt: number;
  /** When the next one is due although nothing is new. */
  sendAt: number;
  /** The partner does not know all that it should ("need to transmit"). */
  hasNews: boolean;
  /** When the last ones went out: BURST at most. */
  sent: readonly number[];
}

const NOBODY: LacpSide = {
  systemPriority: 0,
  system: ZERO_MAC,
  key: 0,
  portPriority: 0,
  port: 0,
  state: 0,
};

/** One without a carrier. */
export function newMember(name: string, port: number): Member {
  return {
    name,
    port,
    hasCarrier: false,
    receive: 'defaulted',
    mux: 'detached',
    partner: NOBODY,
    expiresAt: Number.POSITIVE_INFINITY,
    sendAt: Number.NEGATIVE_INFINITY,
    hasNews: false,
    sent: [],
  };
}

/** The state of the mux follows from what is known, so it cannot be out of step with it. */
export function muxOf({ partner }: Member, isSelected: boolean): LacpMux {
  if (!isSelected) return 'detached';
  if (!(partner.state & SYNCHRONIZATION)) return 'attached';
  return partner.state & COLLECTING ? 'distributing' : 'collecting';
}

/** The partner may be gone: not in sync any more, and it is to be heard from soon. */
export function expire(member: Member, now: number): void {
  const { partner } = member;
  member.receive = 'expired';
  member.partner = { ...partner, state: (partner.state | TIMEOUT) & ~SYNCHRONIZATION };
  member.expiresAt = now + PATIENCE * FAST_PERIOD;
}

/** There is no partner. */
export function forget(member: Member): void {
  member.receive = 'defaulted';
  member.partner = NOBODY;
  member.expiresAt = Number.POSITIVE_INFINITY;
}

/** All but the state. */
export function isSamePort(a: LacpSide, b: LacpSide): boolean {
  return (
    a.system === b.system &&
    a.systemPriority === b.systemPriority &&
    a.key === b.key &&
    a.port === b.port &&
    a.portPriority === b.portPriority
  );
}
