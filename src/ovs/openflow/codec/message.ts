/**
 * What is said on an OpenFlow connection, as values. `encode.ts` makes bytes of them and `decode.ts` reads them.
 *
 * The version on the wire is OpenFlow 1.5 (0x06) throughout, with the extensions of Nicira and Netronome where Open
 * vSwitch has more than the standard. Of all the versions it is the one in which one action says `set_field` with and
 * without a mask, statistics of flows come with their importance, and bundles, packet properties and buckets with ids
 * are part of the standard. (OpenFlow Switch Specification 1.5.1; Open vSwitch 3.1, include/openflow.)
 */
import type { Group, Meter } from '../../../flow/datapath.ts';
import type { Action, Flow, Match } from '../../../flow/flow.ts';
import type { MultipartReply, MultipartRequest } from './multipart-message.ts';
import type { FlowCounters, FlowFlags, Port } from './state.ts';

/** OFP15_VERSION: in the first byte of every message. */
export const OPENFLOW_VERSION = 0x06;

export type Message =
  // ---------------------------------------------------------------------------------------------- connection
  /** The versions that the sender speaks, as numbers on the wire (0x04 is 1.3, 0x06 is 1.5). Section 7.5.1. */
  | { readonly type: 'hello'; readonly versions: readonly number[] }
  | ErrorMessage
  | { readonly type: 'echo-request' | 'echo-reply'; readonly data: Uint8Array }
  | { readonly type: 'features-request' | 'get-config-request' | 'barrier-request' | 'barrier-reply' }
  | FeaturesReply
  | ({ readonly type: 'get-config-reply' | 'set-config' } & SwitchConfig)
  /** `generation` guards against an old primary (7.3.8). */
  | {
      readonly type: 'role-request' | 'role-reply';
      readonly role: Role;
      readonly generation: bigint;
    }
  | { readonly type: 'set-async'; readonly wanted: AsyncMessages }
  /** NXT_SET_PACKET_IN_FORMAT: from now on packet-ins come with the user data of the action. */
  | { readonly type: 'set-packet-in-format'; readonly format: 'openflow' | 'nxt-packet-in2' }
  // ------------------------------------------------------------------------------------------------- packets
  | PacketInMessage
  | PacketOut
  // --------------------------------------------------------------------------------------------------- state
  | FlowMod
  | FlowRemoved
  | { readonly type: 'port-status'; readonly reason: 'add' | 'delete' | 'modify'; readonly port: Port }
  | GroupMod
  | MeterMod
  /** NXT_CT_FLUSH_ZONE: every connection of this zone of connection tracking is forgotten. */
  | { readonly type: 'ct-flush-zone'; readonly zone: number }
  // ------------------------------------------------------------------------------------------------- bundles
  | BundleControl
  | BundleAdd
  // ----------------------------------------------------------------------------------------------- multipart
  | MultipartRequest
  | MultipartReply
  // ------------------------------------------------------------------------------------------ not understood
  /** A message that this codec has no name for; `code` is its OpenFlow type. */
  | { readonly type: 'unknown'; readonly code: number; readonly body: Uint8Array }
  /** A message that contradicts itself: a length that leads out of it, a count that cannot be. Nothing of it is used. */
  | { readonly type: 'malformed'; readonly code: number; readonly reason: string };

/** A message as it came. */
export interface Received {
  /** Of the sender: 0x06 once both have said hello. */
  readonly version: number;
  /** An answer has the transaction id of its request. */
  readonly xid: number;
  readonly message: Message;
}

/** OFPT_ERROR (7.5.4). */
export interface ErrorMessage {
  readonly type: 'error';
  readonly errorType: number;
  readonly code: number;
  /** Of errors outside the standard: who defined them, 0x2320 for Nicira. `code` is then that one's number. */
  readonly experimenter?: number;
  /** `OFPBMC_BAD_PREREQ`, `NXBRC_MUST_BE_ZERO`; `type 5 code 99` for one that has no name here. */
  readonly name: string;
  /** How the message that failed begins (at least 64 bytes), or words where there was none. */
  readonly data: Uint8Array;
}

/** OFPT_FEATURES_REPLY (7.3.1). */
export interface FeaturesReply {
  readonly type: 'features-reply';
  /** `other_config:datapath-id` of the bridge. */
  readonly datapathId: bigint;
  readonly buffers: number;
  readonly tables: number;
  readonly auxiliaryId: number;
  /** Bitmap of OFPC_…. */
  readonly capabilities: number;
}

/** What is done with IP fragments; `nx-match`, of Open vSwitch: first fragments match as whole packets do. */
export type Fragments = 'normal' | 'drop' | 'reassemble' | 'nx-match';

/** OFPT_SET_CONFIG (7.3.2). */
export interface SwitchConfig {
  readonly fragments: Fragments;
  /** Bytes of a frame that come with a packet-in where no action says how many; 0..65535, 65535 = all. */
  readonly missSendLength: number;
}

/** OFPCR_ROLE_…; of `primary` there is one, `secondary` may only ask. */
export type Role = 'no-change' | 'equal' | 'primary' | 'secondary';

/** Which messages a switch sends unasked (7.3.10). What is left out stays as it is. */
export type AsyncMessages = { readonly [M in AsyncKind]?: AsyncReasons };

/** Bitmaps of reasons: for a controller that is equal or primary, and for a secondary one. */
export interface AsyncReasons {
  readonly primary?: number;
  readonly secondary?: number;
}

/** Messages that come unasked. */
export type AsyncKind =
  | 'packet-in'
  | 'port-status'
  | 'flow-removed'
  | 'role-status'
  | 'table-status'
  | 'request-forward';

// --------------------------------------------------------------------------------------------------- packets

/** Why a frame came to the controller; OFPR_… (7.4.1). */
export type PacketInReason = 'no-match' | 'action' | 'invalid-ttl' | 'action-set' | 'group' | 'packet-out';

/** OFPT_PACKET_IN or, with user data, NXT_PACKET_IN2. */
export interface PacketInMessage {
  readonly type: 'packet-in';
  readonly form: 'openflow' | 'nxt-packet-in2';
  readonly table: number;
  readonly reason: PacketInReason;
  /** Of the flow; all ones when it was no flow. */
  readonly cookie: bigint;
  /** Length of the frame when only its beginning came. */
  readonly fullLength: number;
  readonly frame: Uint8Array;
  /** Hexadecimal, from the controller action. */
  readonly userdata: string;
  /** in_port, registers, tunnel, metadata, connection tracking: those that are not zero. */
  readonly metadata: Match;
}

/** OFPT_PACKET_OUT (7.3.6). */
export interface PacketOut {
  readonly type: 'packet-out';
  /** As if it had come in here; a port's number, or 'controller' for a frame that came from no port. */
  readonly inPort: number | 'controller';
  readonly actions: readonly Action[];
  readonly frame: Uint8Array;
}

// ------------------------------------------------------------------------------------------------------ flows

/** OFPFC_…; `strict`: of the one flow with exactly this priority and match. */
export type FlowCommand = 'add' | 'modify' | 'modify-strict' | 'delete' | 'delete-strict';

/** OFPT_FLOW_MOD (7.3.4.2). */
export interface FlowMod {
  readonly type: 'flow-mod';
  readonly command: FlowCommand;
  /** What it does says nothing to a delete, and its priority nothing to a command that is not strict. */
  readonly flow: Flow;
  /** Deletes and modifications are of flows whose cookie has these bits; default 0: of all. */
  readonly cookieMask?: bigint;
  /** What is evicted first has the lowest, 0..65535; default 0. */
  readonly importance?: number;
  readonly flags?: FlowFlags;
  /** The queue of a port that frames of this flow wait in: set_queue in front of the actions. */
  readonly queue?: number;
  /** Of a delete: every table. `flow.table` says nothing then. */
  readonly allTables?: boolean;
}

/** OFPT_FLOW_REMOVED (7.4.2): for flows that were added with `sendFlowRemoved`. */
export interface FlowRemoved extends FlowCounters {
  readonly type: 'flow-removed';
  readonly reason: 'idle-timeout' | 'hard-timeout' | 'delete' | 'group-delete' | 'meter-delete' | 'eviction';
  /** Without actions: the switch does not say what they were. */
  readonly flow: Flow;
}

// --------------------------------------------------------------------------------------------- groups, meters

/** OFPT_GROUP_MOD (7.3.4.3). `add-or-modify` is of Open vSwitch (OFPGC15_ADD_OR_MOD): as `modify` where the group is there, else as `add`. */
export type GroupMod =
  | {
      readonly type: 'group-mod';
      readonly command: 'add' | 'modify' | 'add-or-modify';
      readonly group: Group;
    }
  /** `id` undefined: every group. */
  | { readonly type: 'group-mod'; readonly command: 'delete'; readonly id: number | undefined };

/** OFPT_METER_MOD (7.3.4.4). */
export type MeterMod =
  | { readonly type: 'meter-mod'; readonly command: 'add' | 'modify'; readonly meter: Meter }
  /** `id` undefined: every meter. */
  | { readonly type: 'meter-mod'; readonly command: 'delete'; readonly id: number | undefined };

// ---------------------------------------------------------------------------------------------------- bundles

/** OFPT_BUNDLE_CONTROL (7.3.9). The answer to `open` is `open` with `reply`. */
export interface BundleControl {
  readonly type: 'bundle-control';
  readonly bundle: number;
  readonly action: 'open' | 'close' | 'commit' | 'discard';
  readonly reply: boolean;
  readonly flags: BundleFlags;
}

/** `atomic`: a frame sees all of it or nothing. `ordered`: as the messages stand. */
export interface BundleFlags {
  readonly atomic: boolean;
  readonly ordered: boolean;
}

/** OFPT_BUNDLE_ADD_MESSAGE. The message inside has the same transaction id. */
export interface BundleAdd {
  readonly type: 'bundle-add';
  readonly bundle: number;
  readonly flags: BundleFlags;
  /** A flow-mod, group-mod or packet-out, as Open vSwitch takes them. */
  readonly message: Message;
}
