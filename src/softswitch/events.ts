/**
 * What an observer of a switch is told, in the order in which it happens: enough to show a person each step of a
 * frame, and what the frame looked like before and after it.
 */
import type { FieldName } from '../flow/fields.ts';
import type { Action, Flow } from '../flow/flow.ts';
import type { FlowKey } from './frame/key.ts';

/** Why a frame, or one copy of it, went no further. */
export type DropReason =
  /** No flow of the table matches; with Netloom's pipelines, "nothing allows it". */
  | 'no-match'
  /** The flow that matched has no actions. */
  | 'flow-drops'
  | 'ttl-expired'
  /** More than 64 resubmits deep, or 4096 in all; nothing of what the frame did before is sent. */
  | 'resubmit-limit'
  /** More than 6 times through connection tracking and on in another table; what the frame did before is sent. */
  | 'recirculation-limit'
  /** A meter had no tokens left. */
  | 'meter'
  /** A group that is not there, or none of whose buckets is alive. */
  | 'no-such-group'
  | 'no-live-bucket'
  /** An output to where the frame came in. */
  | 'output-to-in-port'
  | 'no-such-port'
  /** Nothing is attached to the port, or its link is down. */
  | 'link-down'
  /** NORMAL */
  | 'vlan-not-allowed'
  | 'dead-vlan'
  | 'reserved-address'
  | 'partial-tag'
  | 'learned-on-in-port'
  /** The port where it came in, or where it is to go, is reserved for mirrored frames. */
  | 'mirror-output'
  /** A team: the frame came back over another member, or by one that is not in use. */
  | 'team-loop'
  | 'team-inactive-member'
  /** No partner has agreed by LACP to take frames. */
  | 'team-not-agreed'
  /** A tunnel: what encapsulation lacks. */
  | 'no-tunnel-destination'
  | 'tunnel-to-itself'
  | 'too-long-for-tunnel'
  | DecapsulationDrop
  /** More than the port may send into the switch, and more than its part of an uplink (flow/bandwidth.ts). */
  | 'policed'
  | 'over-share'
  /** Frames came in faster than they could go out, or went round in a circle. */
  | 'too-many-frames';

/** Why a packet from the underlay was not taken out of its tunnel. */
export type DecapsulationDrop =
  | 'outer-truncated'
  | 'outer-version'
  | 'outer-checksum'
  | 'outer-fragment'
  | 'outer-destination'
  | 'outer-protocol'
  | 'udp-length'
  | 'udp-checksum'
  | 'udp-port'
  | 'gre-flags'
  | 'gre-key-missing'
  | 'tunnel-flags'
  | 'tunnel-reserved'
  | 'tunnel-protocol'
  | 'inner-truncated'
  | 'inner-tagged'
  /** The network says that it is congested, and the frame inside cannot be told (RFC 6040, 4.2). */
  | 'inner-not-ecn';

/** A field that an action changed. */
export interface FieldChange {
  readonly field: FieldName;
  readonly before: bigint;
  readonly after: bigint;
}

export type SwitchEvent =
  | {
      readonly type: 'frame-in';
      readonly port: number;
      readonly name: string;
      readonly nic: string | undefined;
      readonly frame: Uint8Array;
    }
  /** `flow` is undefined where no flow of the table matched. */
  | { readonly type: 'match'; readonly table: number; readonly flow: Flow | undefined }
  /** After the action ran. A resubmit, a clone and an output tell first what happens in them. */
  | {
      readonly type: 'action';
      readonly table: number;
      readonly action: Action;
      readonly before: Uint8Array;
      readonly after: Uint8Array;
      /** Metadata and header fields alike. */
      readonly changes: readonly FieldChange[];
    }
  | {
      readonly type: 'output';
      readonly port: number;
      readonly name: string;
      readonly nic: string | undefined;
      readonly frame: Uint8Array;
    }
  | {
      readonly type: 'packet-in';
      readonly table: number;
      readonly userdata: string;
      readonly frame: Uint8Array;
    }
  /** The frame went through connection tracking. */
  | {
      readonly type: 'connection';
      readonly table: number;
      readonly zone: number;
      /** What it is: bits of ct_state (conntrack/state.ts), and in words: `new|trk`. */
      readonly state: number;
      readonly words: string;
      /** The connection that it belongs to, as dumpConnections prints it; undefined: none that is remembered. */
      readonly connection: string | undefined;
    }
  /** Follows the action that names the group; what the bucket does comes next. */
  | { readonly type: 'bucket'; readonly group: number; readonly bucket: number }
  /** A flow was learnt, or learnt again; undefined: there are as many as may be. */
  | { readonly type: 'learn-flow'; readonly flow: Flow | undefined }
  | { readonly type: 'learn'; readonly mac: string; readonly vlan: number; readonly port: number }
  | {
      readonly type: 'encapsulate';
      readonly port: number;
      readonly inner: Uint8Array;
      /** An IP packet. */
      readonly outer: Uint8Array;
      readonly destination: string;
    }
  | {
      readonly type: 'decapsulate';
      readonly port: number;
      readonly outer: Uint8Array;
      readonly inner: Uint8Array;
      readonly tunnelId: bigint;
    }
  | { readonly type: 'drop'; readonly reason: DropReason; readonly port: number; readonly frame: Uint8Array }
  /** A team talks with its partner (LACP), or tells switches where addresses are: past the tables. */
  | {
      readonly type: 'team-frame';
      readonly port: number;
      readonly nic: string;
      readonly direction: 'in' | 'out';
      readonly frame: Uint8Array;
    }
  /** A frame and all that came of it are done; the key as the pipeline left it, when it went through one. */
  | { readonly type: 'done'; readonly key: FlowKey | undefined };

export type Observer = (event: SwitchEvent) => void;
