/**
 * How fast ports may be. A port is held to it by dropping what is too much: a switch has no queue to hold frames in.
 *
 *     policing     of what comes in by a port, before anything else happens to it
 *     bandwidth    of what a port sends out by an uplink, beside all the others that send there
 */

/** As `ingress_policing_rate` and `ingress_policing_burst` of Open vSwitch; kbit/s and kbit, 1 kbit is 1000 bits. */
export interface Policing {
  /** Above 0. */
  readonly rateKbps: number;
  /** What may come at once when little came before; 0: 8000. */
  readonly burstKb: number;
}

/** The part of an uplink's `capacityKbps` that is for what comes in by a port. Ports without one are not counted. */
export interface Bandwidth {
  /** This much it can always send; all minimums together fit the uplink. Default 0. */
  readonly minimumKbps?: number;
  /** Its share, 0..100, of what the minimums of all leave over, against the weights of those who want it. Default 1. */
  readonly weight?: number;
  /** More than this it never sends. Default: the capacity of the uplink. */
  readonly maximumKbps?: number;
}
