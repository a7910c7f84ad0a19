/** What the switch asks the agent for: the `userdata` of a packet-in, in hexadecimal. */
import type { Meter } from '../flow/datapath.ts';

export const PUNT = {
  /** A DHCP request of the port that the frame came in by. */
  dhcp: '01',
  /** A packet that its sender is to hear an ICMP error about; which one, say the bits TOO_BIG and EXPIRED of reg0. */
  routerError: '02',
} as const;

/** ICMP errors a second that one vNIC can cause (RFC 1812, 4.3.2.8; RFC 4443, 2.4 f), and how many at once. */
const ERROR_RATE = 50;

/** The meter of a vNIC; its number is that of the port. */
export function errorMeter(port: number): Meter {
  return { id: port, unit: 'pktps', bands: [{ type: 'drop', rate: ERROR_RATE, burst: ERROR_RATE }] };
}
