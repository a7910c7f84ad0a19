/**
 * The state of connections without a handshake (lib/conntrack-other.c and lib/conntrack-icmp.c of Open vSwitch):
 * whether a second packet came, and whether the other side answered.
 */
import type { Segment, Verdict } from './state.ts';
import { TIMEOUT } from './timeouts.ts';

/** FIRST -> MULTIPLE -> ANSWERED; echoes and the like know no MULTIPLE. */
export const DATAGRAM = { FIRST: 0, MULTIPLE: 1, ANSWERED: 2 } as const;
export type DatagramState = (typeof DATAGRAM)[keyof typeof DATAGRAM];

/** UDP and every protocol that nothing more is known of. */
export function nextOther(state: DatagramState, isReply: boolean): DatagramState {
  if (isReply) return DATAGRAM.ANSWERED;
  return state === DATAGRAM.FIRST ? DATAGRAM.MULTIPLE : state;
}

export function otherTimeout(state: DatagramState): number {
  if (state === DATAGRAM.ANSWERED) return TIMEOUT.OTHER_ANSWERED;
  return state === DATAGRAM.FIRST ? TIMEOUT.OTHER_FIRST : TIMEOUT.OTHER_MULTIPLE;
}

/** Questions and answers of ICMP and ICMPv6. */
export function nextIcmp(state: DatagramState, isReply: boolean): DatagramState {
  return isReply ? DATAGRAM.ANSWERED : state;
}

export function icmpTimeout(state: DatagramState): number {
  return state === DATAGRAM.ANSWERED ? TIMEOUT.ICMP_ANSWERED : TIMEOUT.ICMP_FIRST;
}

export function datagramVerdict(state: DatagramState): Verdict {
  return state === DATAGRAM.ANSWERED ? 'established' : 'new';
}

/** Echo, timestamp and information request (RFC 792): an answer to nothing begins nothing. */
export function beginsIcmp({ bytes, l4 }: Segment): boolean {
  const type = bytes[l4];
  return type === 8 || type === 13 || type === 15;
}

/** Echo request (RFC 4443). */
export function beginsIcmpv6({ bytes, l4 }: Segment): boolean {
  return bytes[l4] === 128;
}
