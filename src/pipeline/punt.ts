/** What the switch asks the agent for: the `userdata` of a packet-in, in hexadecimal. */
export const PUNT = {
  /** A DHCP request of the port that the frame came in by. */
  dhcp: '01',
} as const;
