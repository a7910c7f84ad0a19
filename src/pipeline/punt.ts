/** What the switch asks the agent for: the `userdata` of a packet-in, in hexadecimal. */
import type { Meter } from '../flow/datapath.ts';

export const PUNT = {
  /** A DHCP request of the port that the frame came in by. */
  dhcp: '01',
  /** A packet that its sender is to hear an ICMP error about; which one, say the bits TOO_BIG and EXPIRED of reg0. */
  routerError: '02',
  /** A router solicitation (RFC 4861, 4.1) on a virtual subnet. */
  routerSolicitation: '03',
  /** A DHCPv6 request of the port that the frame came in by. */
  dhcpv6: '04',
  /** What a rule of a port ACL has decided; which one, say the registers ACL and ACL_RULE. */
  aclLog: '05',
} as const;

/** ICMP errors a second that one vNIC can cause (RFC 1812, 4.3.2.8; RFC 4443, 2.4 f), and how many at once. */
const ERROR_RATE = 50;

/** DHCP requests and router solicitations a second that are heard of one vNIC, and how many at once. */
const QUESTION_RATE = 20;
/** Ports of OpenFlow have 16 bits; the meters of questions come behind those of errors. */
const QUESTION_METERS = 0x10000;

/** Decisions of port ACLs a second that are reported of one vNIC, and how many at once. */
const LOG_RATE = 10;
/** Those from 0x30000 on are for engines that police ports by meters (ovs/openflow/policing.ts). */
const LOG_METERS = 0x20000;

/** What one vNIC can ask of the agent: a meter for each kind, so that none uses up another. */
export function metersOf(port: number): readonly Meter[] {
  return [
    limit(errorMeterId(port), ERROR_RATE),
    limit(questionMeterId(port), QUESTION_RATE),
    limit(logMeterId(port), LOG_RATE),
  ];
}

/** Of PUNT.routerError. */
export function errorMeterId(port: number): number {
  return port;
}

/** Of PUNT.aclLog. */
export function logMeterId(port: number): number {
  return LOG_METERS + port;
}

/** Of all the other kinds. */
export function questionMeterId(port: number): number {
  return QUESTION_METERS + port;
}

function limit(id: number, rate: number): Meter {
  return { id, unit: 'pktps', bands: [{ type: 'drop', rate, burst: rate }] };
}
