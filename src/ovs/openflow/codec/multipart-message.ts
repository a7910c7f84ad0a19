/** Requests for what may be long, and their answers, which come in parts; messages of message.ts. */
import type { Flow, Match } from '../../../flow/flow.ts';
import type { FlowEntry, GroupEntry, MeterEntry, Port } from './state.ts';

/** OFPT_MULTIPART_REQUEST (7.3.5). A number that is left out stands for all of them. */
export type MultipartRequest = { readonly type: 'request' } & (
  | { readonly about: 'desc' | 'table-stats' | 'group-features' | 'meter-features' }
  | {
      readonly about: 'flows' | 'aggregate';
      readonly table?: number;
      /** Default: every frame, so every flow. */
      readonly match?: Match;
      readonly cookie?: bigint;
      readonly cookieMask?: bigint;
    }
  | { readonly about: 'port-stats' | 'ports'; readonly port?: number }
  | { readonly about: 'groups' | 'group-stats'; readonly group?: number }
  | { readonly about: 'meters' | 'meter-stats'; readonly meter?: number }
  | FlowMonitorRequest
  /** A kind that has no name here. */
  | { readonly about: 'unknown'; readonly code: number; readonly body: Uint8Array }
);

/** Tells of flows as they come and go (7.3.5). */
export interface FlowMonitorRequest {
  readonly about: 'flow-monitor';
  readonly monitor: number;
  readonly command: 'add' | 'modify' | 'delete';
  readonly table?: number;
  readonly match?: Match;
  readonly events: readonly ('initial' | 'add' | 'removed' | 'modify')[];
  /** Updates say what the flow does. */
  readonly instructions: boolean;
  /** Changes of this controller come as every other, not only as their transaction id. */
  readonly noAbbreviation: boolean;
  /** Only changes of this controller. */
  readonly onlyOwn: boolean;
}

/** OFPT_MULTIPART_REPLY. `more`: another one with the same transaction id follows. */
export type MultipartReply = { readonly type: 'reply'; readonly more: boolean } & (
  | { readonly about: 'desc'; readonly desc: SwitchDesc }
  | { readonly about: 'flows'; readonly flows: readonly FlowEntry[] }
  | {
      readonly about: 'aggregate';
      readonly packets: bigint;
      readonly bytes: bigint;
      readonly flows: number;
    }
  | { readonly about: 'table-stats'; readonly tables: readonly TableStats[] }
  | { readonly about: 'port-stats'; readonly ports: readonly PortCounters[] }
  | { readonly about: 'ports'; readonly ports: readonly Port[] }
  | { readonly about: 'groups'; readonly groups: readonly GroupEntry[] }
  | { readonly about: 'group-stats'; readonly groups: readonly GroupCounters[] }
  | { readonly about: 'group-features'; readonly types: number; readonly maximum: readonly number[] }
  | { readonly about: 'meters'; readonly meters: readonly MeterEntry[] }
  | { readonly about: 'meter-stats'; readonly meters: readonly MeterCounters[] }
  | {
      readonly about: 'meter-features';
      /** How many there can be; 0: the datapath has none. */
      readonly maximum: number;
      readonly bandTypes: number;
      readonly capabilities: number;
      readonly maximumBands: number;
    }
  | { readonly about: 'flow-monitor'; readonly updates: readonly FlowUpdate[] }
  /** A kind that has no name here. */
  | { readonly about: 'unknown'; readonly code: number; readonly body: Uint8Array }
);

/** OFPMP_DESC: who made the switch. */
export interface SwitchDesc {
  readonly manufacturer: string;
  readonly hardware: string;
  readonly software: string;
  readonly serialNumber: string;
  readonly datapath: string;
}

/** OFPMP_TABLE_STATS: flows that are there, frames that were looked up, and those that matched one. */
export interface TableStats {
  readonly table: number;
  readonly active: number;
  readonly lookups: bigint;
  readonly matches: bigint;
}

/** Counted frames. */
export interface Counted {
  readonly packets: bigint;
  readonly bytes: bigint;
}

/** OFPMP_GROUP_STATS. */
export interface GroupCounters extends Counted {
  readonly id: number;
  /** Flows and groups that name it. */
  readonly references: number;
  /** Milliseconds that the group has been there. */
  readonly duration: number;
  readonly buckets: readonly Counted[];
}

/** OFPMP_METER_STATS. */
export interface MeterCounters extends Counted {
  readonly id: number;
  readonly flows: number;
  readonly duration: number;
  /** What each band dropped. */
  readonly bands: readonly Counted[];
}

/** What a flow monitor tells. */
export type FlowUpdate =
  | {
      readonly event: 'initial' | 'added' | 'removed' | 'modified';
      readonly flow: Flow;
      /** Of `removed`: OFPRR_…. */
      readonly reason: number;
    }
  /** A change that this controller made by the message with this transaction id. */
  | { readonly event: 'abbreviated'; readonly xid: number }
  /** The switch ran out of room for updates: what comes until `resumed` is lost. */
  | { readonly event: 'paused' | 'resumed' };

/** Counters of a port; all ones (2^64-1) where the port does not count. */
export interface PortCounters {
  readonly number: number;
  /** Milliseconds that the port has been there. */
  readonly duration: number;
  readonly rxPackets: bigint;
  readonly txPackets: bigint;
  readonly rxBytes: bigint;
  readonly txBytes: bigint;
  readonly rxDropped: bigint;
  readonly txDropped: bigint;
  readonly rxErrors: bigint;
  readonly txErrors: bigint;
}
