/** The bits of ct_state (ovs-fields(7)), and what a packet makes of the connection that it belongs to. */

export const CT_STATE = {
  NEW: 0x01,
  ESTABLISHED: 0x02,
  RELATED: 0x04,
  REPLY: 0x08,
  INVALID: 0x10,
  TRACKED: 0x20,
  SNAT: 0x40,
  DNAT: 0x80,
} as const;

/** Both kinds of address translation. */
export const CT_NAT = CT_STATE.SNAT | CT_STATE.DNAT;

/** As `ct_state` is written: `new|trk`. */
export function describeState(state: number): string {
  const names = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'];
  return names.filter((_, bit) => (state & (1 << bit)) !== 0).join('|');
}

/**
 * What a packet is to its connection.
 *
 * - `established`: it belongs to one that both sides know of
 * - `new`: it belongs to one that nobody has answered yet
 * - `again`: the connection is over, and this packet begins another one between the same ends
 * - `invalid`: it cannot belong to it
 */
export type Verdict = 'established' | 'new' | 'again' | 'invalid';

/** Where the headers of a packet are. */
export interface Segment {
  readonly bytes: Uint8Array;
  /** The transport header. */
  readonly l4: number;
  /** Where the IP packet ends. */
  readonly end: number;
}
