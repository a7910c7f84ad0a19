/** What the engine runs over, and what it comes to. */
import type { PacketIn } from '../../flow/datapath.ts';
import type { IpAddress } from '../../packet/address.ts';
import type { GroupTable } from '../actions/group.ts';
import type { MeterTable } from '../actions/meter.ts';
import type { MacTable } from '../bridge/mac-learning.ts';
import type { Mirrors } from '../bridge/mirrors.ts';
import type { BridgePort } from '../bridge/normal.ts';
import type { ConnectionTracker } from '../conntrack/tracker.ts';
import type { DropReason, Observer } from '../events.ts';
import type { FlowStore } from '../flows/flow-store.ts';
import type { Packet } from '../frame/packet.ts';

export type Effect =
  | {
      readonly type: 'send';
      readonly port: number;
      readonly nic: string | undefined;
      readonly frame: Uint8Array;
    }
  | {
      readonly type: 'tunnel';
      readonly port: number;
      readonly outer: Uint8Array;
      readonly destination: IpAddress;
      readonly headerLength: number;
      readonly inner: Uint8Array;
    }
  | { readonly type: 'packet-in'; readonly packet: PacketIn };

/** What comes of sending a packet by a port. */
export type Sent = Exclude<Effect, { readonly type: 'packet-in' }> | { readonly drop: DropReason };

/** The ports of the switch as the engine needs them. */
export interface EnginePorts {
  name(port: number): string;
  /** All of them, ascending. */
  numbers(): readonly number[];
  bridgePorts(): Iterable<BridgePort>;
  bridgePort(port: number): BridgePort | undefined;
  /** What it takes to send the packet by a port as it is now. */
  send(packet: Packet, port: number): Sent;
  /** Whether there is a link. */
  isLive(port: number): boolean;
}

/** What a run works on: the parts of one switch, the same for every frame. A feature adds its part here. */
export interface EngineParts {
  readonly flows: FlowStore;
  readonly groups: GroupTable;
  readonly meters: MeterTable;
  readonly ports: EnginePorts;
  readonly macs: MacTable;
  readonly connections: ConnectionTracker;
  readonly mirrors: Mirrors;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Told what happens to each frame; it may come and go. */
  observer: Observer | undefined;
}

/** Where a frame came in. */
export interface Arrival {
  readonly port: number;
  readonly bridge: BridgePort | undefined;
}
