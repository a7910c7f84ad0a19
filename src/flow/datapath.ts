/**
 * Datapath: the contract between an agent and the engine below it. Two engines stand behind it, Open vSwitch and
 * the softswitch; one suite (flow/datapath-suite.ts) runs on both.
 */

import type { Finding } from '../base/error.ts';
import type { IpAddress } from '../packet/address.ts';
import type { Bandwidth, Policing } from './bandwidth.ts';
import type { FieldName } from './fields.ts';
import type { Action, Flow } from './flow.ts';
import type { FlowExport } from './flow-export.ts';
import type { Mirror, MirrorStats } from './mirror.ts';
import type { PortTraffic } from './port-traffic.ts';

/** VLAN behaviour of a port in the NORMAL pipeline, as in ovs-vswitchd.conf.db(5), Port:vlan_mode. */
export type PortVlan = PortVlanMode & {
  /**
   * Whether frames leave with a tag that says a priority and no VLAN (VLAN id 0): when there is a priority, or, `always`,
   * wherever there was a tag. Absent: never, but for trunks, which leave such a tag as it came.
   */
  readonly priorityTags?: 'if-nonzero' | 'always';
};

type PortVlanMode =
  | { readonly mode: 'access'; readonly tag: number }
  /** `trunks` empty = every VLAN. */
  | { readonly mode: 'trunk'; readonly trunks: readonly number[] }
  /**
   * A hybrid port, as others call it: some VLANs tagged, and one, `tag`, that untagged frames are in. `native-untagged` sends
   * that one untagged too (H3C: port link-type hybrid with one untagged VLAN; Hyper-V: trunk with NativeVlanId).
   */
  | {
      readonly mode: 'native-tagged' | 'native-untagged';
      readonly tag: number;
      readonly trunks: readonly number[];
    }
  /**
   * A customer's port of a provider bridge (QinQ): whatever comes in, tagged or not, is in the service VLAN `tag`, with a
   * tag of its own around what it has. `cvlans`: the customer's VLANs that may pass, 0 = untagged; empty = all.
   */
  | {
      readonly mode: 'dot1q-tunnel';
      readonly tag: number;
      readonly cvlans: readonly number[];
      /** Of the service tag. Default 0x88a8 (IEEE 802.1ad). */
      readonly ethertype?: 0x88a8 | 0x8100;
    };

/** A VLAN that no frame is ever in: a port with this tag takes no part in NORMAL forwarding and flooding. */
export const DEAD_VLAN = 4095;

/** An address of an interface of the host. */
export interface InterfaceAddress {
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** Next hop to everything that is not on-link. */
  readonly gateway?: IpAddress;
}

export type PortSpec =
  /** A vNIC of a VM; `id` is the vNIC id that it is found by. */
  | {
      readonly type: 'vif';
      readonly name: string;
      readonly id: string;
      readonly vlan: PortVlan;
      readonly policing?: Policing;
      readonly bandwidth?: Bandwidth;
    }
  /** A host vNIC or a provider interface: a port whose other end is in the host's own stack. */
  | {
      readonly type: 'internal';
      readonly name: string;
      readonly id: string;
      readonly mac: string;
      readonly vlan: PortVlan;
      /** Addresses that the host's stack has on it; none: they are not ours to set. */
      readonly addresses?: readonly InterfaceAddress[];
      /** MTU of the interface in bytes of IP packet. */
      readonly mtu?: number;
      readonly policing?: Policing;
      readonly bandwidth?: Bandwidth;
    }
  /** The uplink: one NIC, or several as a team. */
  | {
      readonly type: 'uplink';
      readonly name: string;
      readonly nics: readonly string[];
      readonly mode: 'active-backup' | 'balance-slb' | 'balance-tcp';
      readonly lacp: 'off' | 'active' | 'passive';
      readonly vlan: PortVlan;
      readonly policing?: Policing;
      /** What all ports with a `bandwidth` share when they send out here, kbit/s above 0; absent: there is no limit. */
      readonly capacityKbps?: number;
    }
  /** Encapsulates to the frame's tun_dst with the frame's tun_id, from `local`. */
  | {
      readonly type: 'tunnel';
      readonly name: string;
      readonly encapsulation: 'nvgre' | 'vxlan' | 'geneve';
      readonly local: string;
      /** DSCP of the outer header, in place in the TOS byte (0, 4 … 252), or that of the frame inside. Default 0. */
      readonly tos?: number | 'inherit';
      /** TTL of the outer header, 1..255, or that of the packet inside where there is one. Default 64. */
      readonly ttl?: number | 'inherit';
      /** The outer IPv4 header says that the packet is not to be fragmented. Default true. */
      readonly dontFragment?: boolean;
      /**
       * The uplink that carries the tunnel: what goes into the tunnel is counted there, for the port that it came in by. (The
       * port by which the packets of the tunnel come back to the switch is then to have no bandwidth of its own.)
       */
      readonly carrier?: string;
    };

/** Buckets of actions that flows name together (OpenFlow 1.3, 5.6). */
export interface Group {
  /** 0..0xffffff00 */
  readonly id: number;
  /**
   * `all`: every bucket gets a copy. `select`: one bucket, by a hash of the frame. `indirect`: the only bucket. `ff`,
   * fast failover: the first bucket whose watched port or group is up.
   */
  readonly type: 'all' | 'select' | 'indirect' | 'ff';
  /** Of `select`: how the bucket is found; absent: `dp_hash` of Open vSwitch with its defaults. */
  readonly selection?: GroupSelection;
  readonly buckets: readonly Bucket[];
}

/** `hash`: of these fields, or of addresses and ports where there are none. `dp_hash`: of addresses and ports. */
export interface GroupSelection {
  readonly method: 'hash' | 'dp_hash';
  /** 64 bits; goes into the hash. */
  readonly param: bigint;
  readonly fields: readonly FieldName[];
}

export interface Bucket {
  /** 0..0xffffff00, unique in the group. */
  readonly id: number;
  /** 0..65535; how often `select` takes the bucket compared with the others. 0 = never. */
  readonly weight: number;
  /** The bucket is alive while the link of this port is up; absent: of no port. */
  readonly watchPort?: number;
  /** The bucket is alive while a bucket of this group is. */
  readonly watchGroup?: number;
  readonly actions: readonly Action[];
}

/** A limit that flows share (OpenFlow 1.3, 5.7). */
export interface Meter {
  /** 1..0xffffff00 */
  readonly id: number;
  readonly unit: 'kbps' | 'pktps';
  /** Whether the switch is asked to count; Open vSwitch and the softswitch always do. */
  readonly stats?: boolean;
  readonly bands: readonly MeterBand[];
}

export interface MeterBand {
  readonly type: 'drop';
  /** Of kilobits or packets a second; what is above is dropped. */
  readonly rate: number;
  /**
   * Kilobits or packets that may pass at once, 1..2^32-1; absent: as much as passes in a second. Every band of a meter
   * has one, or none has.
   */
  readonly burst?: number;
}

export interface FlowChange {
  readonly add: readonly Flow[];
  /** Exact (strict) removals, by table, priority and match. */
  readonly remove: readonly Flow[];
}

export interface FlowStats {
  readonly flow: Flow;
  readonly packets: bigint;
  readonly bytes: bigint;
}

export interface PacketIn {
  readonly inPort: number;
  readonly table: number;
  readonly cookie: bigint;
  /** Hexadecimal, from the controller action. */
  readonly userdata: string;
  readonly frame: Uint8Array;
  /** Values of metadata fields at the time, by field name: tun_id, reg0 … */
  readonly metadata: Readonly<Record<string, bigint>>;
}

/**
 * One virtual switch in the engine. Every promise settles; a refused change leaves everything as it was.
 *
 * Fragments match as what they are: the first one has its ports, or its ICMP type and code, as a whole packet has;
 * later ones have none (0), and neither has a first one that ends before them. An engine with Open vSwitch asks for
 * this with `ovs-ofctl set-frags BRIDGE nx-match`.
 */
export interface Datapath {
  /** Adds or changes a port; the answer is its OpenFlow port number, which stays until the port is removed. */
  setPort(spec: PortSpec): Promise<number>;
  removePort(name: string): Promise<void>;
  ports(): Promise<ReadonlyMap<string, { readonly number: number; readonly spec: PortSpec }>>;
  /** What has gone through the ports, those of an uplink NIC by NIC. An engine may tell of a moment some seconds ago. */
  traffic(): Promise<readonly PortTraffic[]>;
  /** The mirrors that there are from now on, in place of those before; one that keeps its name goes on counting. */
  setMirrors(mirrors: readonly Mirror[]): Promise<void>;
  mirrors(): Promise<readonly MirrorStats[]>;
  /** Tells these collectors about the traffic from now on, or nobody. The findings say what this engine does not do of it. */
  setFlowExport(flowExport: FlowExport | undefined): Promise<readonly Finding[]>;
  /** As it was set. */
  flowExport(): Promise<FlowExport | undefined>;
  /** All of the change or nothing, with no moment in between (an OpenFlow bundle). */
  applyFlows(change: FlowChange): Promise<void>;
  /** All flows, whoever's (the cookie says it), but those that the engine has for needs of its own. */
  dumpFlows(): Promise<readonly FlowStats[]>;
  /** Adds a group, or changes the one with this id. Flows that name it keep it. */
  setGroup(group: Group): Promise<void>;
  /** Removes a group and the flows that use it, as OpenFlow has it (1.3, 6.7); nothing where there is none. */
  removeGroup(id: number): Promise<void>;
  /** Adds a meter, or changes the one with this id. */
  setMeter(meter: Meter): Promise<void>;
  /** Removes a meter and the flows that use it; nothing where there is none. */
  removeMeter(id: number): Promise<void>;
  meters(): Promise<ReadonlyMap<number, Meter>>;
  /** Runs a frame through the actions as if it had come in by `inPort`. */
  packetOut(inPort: number, frame: Uint8Array, actions: readonly Action[]): Promise<void>;
  onPacketIn(handler: (packet: PacketIn) => void): void;
  /**
   * Calls the handler each time when flows may be gone, and can be set again: Open vSwitch was started anew. Ports, mirrors,
   * groups and meters are there by then as they were set. Never called by an engine that lives in this process.
   */
  onReset(handler: () => void): void;
  /**
   * Calls the handler soon after flows have changed that this Datapath did not change: somebody else did, or their time was
   * up. Only an engine that others can get at does so, and never for what happened while it was not connected.
   */
  onForeignChange(handler: () => void): void;
  close(): Promise<void>;
}
