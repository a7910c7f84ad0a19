/**
 * One port of a switch, and what is plugged into it.
 *
 *     Port   a place in the switch, with a number and a PortSpec
 *     Cable  what is plugged into it: one, or in an uplink one for each NIC
 *     Team   the NICs of an uplink (bond.ts)
 */
import type { PortSpec } from '../../flow/datapath.ts';
import { type IpAddress, ip } from '../../packet/address.ts';
import type { PortLimit } from '../bandwidth/port-limits.ts';
import { type FrameBatch, newBatch } from '../batch.ts';
import type { Outlet } from '../cache/recipe.ts';
import type { DecapsulationDrop } from '../events.ts';
import type { Team } from '../team/bond.ts';
import type { Tunnel, Underlay } from '../tunnel/tunnel.ts';
import type { Tally } from './tally.ts';

/** Something that is plugged into a port; closed for ever once it is unplugged. */
export interface Cable extends Outlet {
  readonly port: Port;
  /** The NIC of an uplink; '' in other ports. */
  readonly nic: string;
  readonly tally: Tally;
  /** Tells the cache where a frame came in. */
  readonly ingress: number;
  /** Whether there is a link. */
  up: boolean;
}

export interface Port {
  readonly number: number;
  /** Of what comes out of a tunnel. */
  readonly ingress: number;
  spec: PortSpec;
  /** By NIC; a port that is not an uplink has one at most, under ''. */
  readonly cables: Map<string, Cable>;
  /** Of an uplink. */
  team: Team | undefined;
  /** Of a tunnel. */
  tunnel: Tunnel | undefined;
  underlay: Underlay | undefined;
  underlayOutlet: Outlet | undefined;
  readonly tunnelDrops: Map<DecapsulationDrop, bigint>;
  readonly limit: PortLimit;
  /** By NIC, as cables are, and stays when they go; of a tunnel under ''. */
  readonly tallies: Map<string, Tally>;
}

/** What a tunnel port says about its outer headers. */
export function tunnelOf({
  encapsulation,
  local,
  tos,
  ttl,
  dontFragment,
}: PortSpec & { type: 'tunnel' }): Tunnel {
  return {
    encapsulation,
    local: ip(local),
    ...(tos !== undefined && { tos }),
    ...(ttl !== undefined && { ttl }),
    ...(dontFragment !== undefined && { dontFragment }),
  };
}

/** Nothing goes by it any more. */
export function close(cable: Cable): void {
  cable.isOpen = false;
  cable.port.cables.delete(cable.nic);
}

/** Whatever is attached to the port is attached no more. */
export function unplugAll(port: Port): void {
  for (const cable of port.cables.values()) close(cable);
  if (port.underlayOutlet) port.underlayOutlet.isOpen = false;
  port.underlay = undefined;
}

/** `deliverBatch` is undefined where frames are taken one by one. */
export function outletOf(
  deliver: (frame: Uint8Array, destination: IpAddress | undefined) => void,
  deliverBatch: ((batch: FrameBatch) => void) | undefined,
): Outlet {
  const waiting = deliverBatch && newBatch(new Uint8Array(0));
  return { isOpen: true, deliver, deliverBatch, waiting };
}
