/**
 * Datapath: the contract between an agent and the engine below it. Two engines stand behind it, Open vSwitch and
 * the softswitch; one suite (flow/datapath-suite.ts) runs on both.
 */
import type { IpAddress } from '../packet/address.ts';
import type { Action, Flow } from './flow.ts';

/** VLAN behaviour of a port in the NORMAL pipeline, as in ovs-vswitchd.conf.db(5), Port:vlan_mode. */
export type PortVlan =
  | { readonly mode: 'access'; readonly tag: number }
  /** `trunks` empty = every VLAN. */
  | { readonly mode: 'trunk'; readonly trunks: readonly number[] }
  | {
      readonly mode: 'native-tagged' | 'native-untagged';
      readonly tag: number;
      readonly trunks: readonly number[];
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
  | { readonly type: 'vif'; readonly name: string; readonly id: string; readonly vlan: PortVlan }
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
    }
  /** The uplink: one NIC, or several as a team. */
  | {
      readonly type: 'uplink';
      readonly name: string;
      readonly nics: readonly string[];
      readonly mode: 'active-backup' | 'balance-slb' | 'balance-tcp';
      readonly lacp: 'off' | 'active' | 'passive';
      readonly vlan: PortVlan;
    }
  /** Encapsulates to the frame's tun_dst with the frame's tun_id, from `local`. */
  | {
      readonly type: 'tunnel';
      readonly name: string;
      readonly encapsulation: 'nvgre' | 'vxlan' | 'geneve';
      readonly local: string;
    };

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

/** One virtual switch in the engine. Every promise settles; a refused change leaves everything as it was. */
export interface Datapath {
  /** Adds or changes a port; the answer is its OpenFlow port number, which stays until the port is removed. */
  setPort(spec: PortSpec): Promise<number>;
  removePort(name: string): Promise<void>;
  ports(): Promise<ReadonlyMap<string, { readonly number: number; readonly spec: PortSpec }>>;
  /** All of the change or nothing, with no moment in between (an OpenFlow bundle). */
  applyFlows(change: FlowChange): Promise<void>;
  dumpFlows(): Promise<readonly FlowStats[]>;
  /** Runs a frame through the actions as if it had come in by `inPort`. */
  packetOut(inPort: number, frame: Uint8Array, actions: readonly Action[]): Promise<void>;
  onPacketIn(handler: (packet: PacketIn) => void): void;
  close(): Promise<void>;
}
