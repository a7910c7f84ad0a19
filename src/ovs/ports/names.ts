/**
 * Names and marks of what is ours in the database of Open vSwitch. Linux allows 15 characters for a device; a letter says
 * what it is, a hash whom it serves.
 *
 *     nlb…   bridge of a logical switch, or of a team        nlj…   end of a patch pair on the bridge of a team
 *     nlc…   bond of a team                                  nlplug0   where taps wait until somebody wants them
 *
 * (nlv, nlp, nlt, nlu: ports, named by the agent; src/agent/ports.ts.) What is ours is known by a mark in `external_ids`,
 * never by its name alone.
 */
import { createHash } from 'node:crypto';

/** The bridge that hypervisors plug taps into. It has no flows, and nothing passes it. */
export const QUARANTINE = 'nlplug0';

/** Keys of `external_ids`. */
export const MARK = {
  /** Bridge: the logical switch that it is. */
  switch: 'netloom-switch',
  /** Bridge: the uplink whose team it holds. */
  team: 'netloom-team',
  /** Bridge: the quarantine. */
  plug: 'netloom-plug',
  /** Bridge: followed by the name of a vNIC's port, its spec and number (registry.ts). */
  vif: 'netloom-vif-',
  /** Port: the name of the port that it is. QoS, Queue: of the uplink that they belong to. */
  port: 'netloom-port',
  /** Port: what no column has room for, as JSON (spec-rows.ts). */
  spec: 'netloom-spec',
  /** Mirror: what is wanted of it, as JSON (mirror-rows.ts). */
  mirror: 'netloom-mirror',
  /** IPFIX, sFlow: the bridge that they belong to. */
  flowExport: 'netloom-flow-export',
  /** Interface of a NIC: `no`, where AF_XDP cannot serve it. */
  xdp: 'netloom-xdp',
  /** Interface, as hypervisors set it: the id of the vNIC. */
  ifaceId: 'iface-id',
} as const;

export function bridgeName(switchName: string): string {
  return `nlb${hash(`switch ${switchName}`)}`;
}

/** Of the team that is the uplink of this name: its bridge, its bond, and the end of the patch pair on that bridge. */
export function teamNames(uplink: string): {
  readonly bridge: string;
  readonly bond: string;
  readonly joint: string;
} {
  const id = hash(`team ${uplink}`);
  return { bridge: `nlb${id}`, bond: `nlc${id}`, joint: `nlj${id}` };
}

/**
 * `other_config:datapath-id` of a bridge, 16 hexadecimal digits, not 0. Left to itself it follows the MAC addresses of the
 * ports, and each time it changes, controllers are hung up on.
 */
export function datapathId(bridge: string): string {
  return createHash('sha256').update(bridge).digest('hex').slice(0, 16).replace(/^0/, '1');
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 11);
}
