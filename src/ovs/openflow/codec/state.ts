/** What a switch has, as it tells of it: flows, groups, meters, ports. */
import type { Group, Meter } from '../../../flow/datapath.ts';
import type { Flow } from '../../../flow/flow.ts';

/** OFPFF_…; what is left out is off. */
export interface FlowFlags {
  readonly sendFlowRemoved?: boolean;
  readonly checkOverlap?: boolean;
  readonly resetCounts?: boolean;
  readonly noPacketCounts?: boolean;
  readonly noByteCounts?: boolean;
}

/** What was counted of a flow; 0 where the switch does not say. */
export interface FlowCounters {
  /** Milliseconds that the flow has been there. */
  readonly duration: number;
  /** Milliseconds since the last frame. */
  readonly idle: number;
  readonly packets: bigint;
  readonly bytes: bigint;
}

/** A flow of a switch with what is known about it. Parts that have no name here: `flow.unknown`. */
export interface FlowEntry extends FlowCounters {
  readonly flow: Flow;
  readonly importance: number;
  readonly flags: FlowFlags;
  /** Of set_queue in front of the actions. */
  readonly queue?: number;
}

/** A group of a switch. */
export interface GroupEntry {
  readonly group: Group;
  /** What of it has no name here, in hexadecimal; empty: nothing. A group with such parts is none that we made. */
  readonly unknown: string;
}

/** A meter of a switch; `unknown` as in GroupEntry. */
export interface MeterEntry {
  readonly meter: Meter;
  readonly unknown: string;
}

/** A port of the switch. */
export interface Port {
  readonly number: number;
  readonly name: string;
  /** `aa:bb:cc:dd:ee:ff` */
  readonly mac: string;
  /** Administratively down (OFPPC_PORT_DOWN). */
  readonly down: boolean;
  /** No carrier (OFPPS_LINK_DOWN). */
  readonly linkDown: boolean;
  /** kbit/s; 0 where the port does not say. */
  readonly speedKbps: number;
  /** The bitmaps OFPPC_… and OFPPS_… as they are. */
  readonly config: number;
  readonly state: number;
}
