/** Telling others about the traffic that passes a switch: IPFIX (RFC 7011) or sFlow (version 5). */

export interface FlowExport {
  /** `ipfix`: what was seen, by connections. `sflow`: the beginnings of packets, and counters of ports. */
  readonly type: 'ipfix' | 'sflow';
  /** Where it is sent by UDP: `192.0.2.10:4739`, `[2001:db8::10]:4739`; sorted; at least one. */
  readonly collectors: readonly string[];
  /** One of so many packets is looked at, 1..2^32-1; 1: each. */
  readonly sampling: number;
}
