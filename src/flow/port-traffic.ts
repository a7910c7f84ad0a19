/** What has gone through the ports of a switch, and whether there is a link at them. */

/** One way through a port, since the port is there; bytes as the engine counts them. */
export interface Traffic {
  readonly packets: bigint;
  readonly bytes: bigint;
  /** Frames that were broken. */
  readonly errors: bigint;
  /** Frames that were whole and went no further. */
  readonly drops: bigint;
}

export interface PortTraffic {
  /** Name of the port. */
  readonly name: string;
  /** One of the NICs of an uplink, which are told one by one; absent for other ports. */
  readonly nic?: string;
  /** Whether something is plugged in that has a signal. */
  readonly link: boolean;
  /** What came into the switch by the port. */
  readonly received: Traffic;
  /** What left the switch by it. */
  readonly sent: Traffic;
}

export const NO_TRAFFIC: Traffic = { packets: 0n, bytes: 0n, errors: 0n, drops: 0n };
