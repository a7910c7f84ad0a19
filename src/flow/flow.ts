/**
 * A flow: what the second compiler makes and both engines run. Values are bigints in the width of their field, so
 * one representation serves a VLAN id and an IPv6 address; engines turn them into what suits them.
 */
import type { FieldName } from './fields.ts';

/** `value` has no bit outside `mask`; an exact match has every bit of the field set in `mask`. */
export interface Masked {
  readonly value: bigint;
  readonly mask: bigint;
}

export type Match = Readonly<Partial<Record<FieldName, Masked>>>;

/** Bits `from`..`to` (inclusive, counted from the least significant) of a field. */
export interface FieldBits {
  readonly field: FieldName;
  readonly from: number;
  readonly to: number;
}

/** Ports by number, or one of OpenFlow's reserved ports. */
export type OutputPort = number | 'in_port' | 'normal' | 'flood' | 'all' | 'local' | 'controller';

export type Action =
  | { readonly type: 'output'; readonly port: OutputPort }
  /** To the agent, as a packet-in that carries `userdata` (hexadecimal) and the whole frame. */
  | { readonly type: 'controller'; readonly userdata: string; readonly maxLength: number }
  | { readonly type: 'set'; readonly field: FieldName; readonly value: bigint; readonly mask: bigint }
  | { readonly type: 'move'; readonly from: FieldBits; readonly to: FieldBits }
  | { readonly type: 'resubmit'; readonly table: number }
  | { readonly type: 'clone'; readonly actions: readonly Action[] }
  | { readonly type: 'dec_ttl' }
  | { readonly type: 'push_vlan'; readonly ethertype: number }
  | { readonly type: 'strip_vlan' }
  /** Spreads flows over `links` values of `to` by their addresses and ports (symmetric_l3l4+udp, modulo_n). */
  | { readonly type: 'multipath'; readonly basis: number; readonly links: number; readonly to: FieldBits }
  | { readonly type: 'drop' }
  /** To the port whose number stands in these bits; 0 and numbers that no port has: nowhere. */
  | { readonly type: 'output_field'; readonly from: FieldBits; readonly maxLength: number }
  /** Goes on in a later table; the last action of a list (OpenFlow 1.3, 5.9). */
  | { readonly type: 'goto_table'; readonly table: number }
  | { readonly type: 'group'; readonly group: number }
  | { readonly type: 'meter'; readonly meter: number }
  | ConnectionAction
  /** Forgets what connection tracking found out about the frame: ct_state and its companions are 0 again. */
  | { readonly type: 'ct_clear' }
  | { readonly type: 'learn'; readonly learn: Learn }
  /**
   * A TCP segment with FIN or RST shortens the timeouts of the flow to these, in seconds (0 = leaves this one as it
   * is). What a learnt flow with fin timeouts begins with.
   */
  | { readonly type: 'fin_timeout'; readonly idleTimeout: number; readonly hardTimeout: number }
  | BundleAction
  /** One bit: 1 when the frame, with its Ethernet header and tags, and without padding, has more than `length` bytes. */
  | { readonly type: 'check_pkt_larger'; readonly length: number; readonly to: FieldBits };

/**
 * Sends a frame through connection tracking (ovs-actions(7), "ct"). Without `table` the frame goes on with the next
 * action as one that was not tracked; with it, a copy goes on there with ct_state and its companions filled in.
 */
export interface ConnectionAction {
  readonly type: 'ct';
  /** Remembers a connection that is new. */
  readonly commit: boolean;
  /** With `commit`: a connection that was begun from the other side is begun anew. */
  readonly force: boolean;
  /** Connections of different zones have nothing to do with each other. Bits of a field: at most 16. */
  readonly zone: number | FieldBits;
  readonly table: number | undefined;
  readonly nat: Nat | undefined;
  /** Helpers for protocols with several connections (FTP, TFTP) are not known here. */
  readonly alg: undefined;
  /** Of exec(…): `set` and `move` that write ct_mark and ct_label. */
  readonly actions: readonly Action[];
}

export type Nat =
  /** Translates as the connection was translated when it was committed. */
  | { readonly type: 'existing' }
  | {
      readonly type: 'src' | 'dst';
      /** The addresses to take from, both ends included; equal: this one. */
      readonly first: bigint;
      readonly last: bigint;
      readonly family: 'ipv4' | 'ipv6';
      /** undefined: any port, and the one that the connection has if it is free. */
      readonly ports: { readonly first: number; readonly last: number } | undefined;
      readonly persistent: boolean;
      /** How an address and a port are picked; undefined: as the engine likes best. */
      readonly selection: 'hash' | 'random' | undefined;
    };

/** The flow that a frame adds (ovs-actions(7), "learn"). Times in seconds, 0 = none. */
export interface Learn {
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  /** The timeouts that the flow gets once it has seen a TCP segment with FIN or RST. */
  readonly finIdleTimeout: number;
  readonly finHardTimeout: number;
  readonly priority: number;
  readonly cookie: bigint;
  readonly table: number;
  /** How many flows with this cookie the table takes; 0 = any number. */
  readonly limit: number;
  /** Tells the controller when the flow goes. */
  readonly sendFlowRemoved: boolean;
  /** Removes what was learnt when the flow with this action is removed. */
  readonly deleteLearned: boolean;
  readonly specs: readonly LearnSpec[];
}

/** `from`: bits of the frame that does the learning, or a value. `to` has the same number of bits. */
export type LearnSpec =
  /** What the learnt flow matches. */
  | { readonly type: 'match'; readonly to: FieldBits; readonly from: FieldBits | bigint }
  /** What it writes. */
  | { readonly type: 'load'; readonly to: FieldBits; readonly from: FieldBits | bigint }
  /** It sends to the port whose number stands in these bits. */
  | { readonly type: 'output'; readonly from: FieldBits };

/** Which headers a hash reads (ovs-actions(7), "multipath"). */
export type HashFields =
  | 'eth_src'
  | 'symmetric_l4'
  | 'symmetric_l3l4'
  | 'symmetric_l3l4+udp'
  | 'nw_src'
  | 'nw_dst';

/** Picks one of several ports whose link is up (ovs-actions(7), "bundle" and "bundle_load"). */
export interface BundleAction {
  readonly type: 'bundle';
  readonly fields: HashFields;
  readonly basis: number;
  /** The first that is up; or by the hash, so that few flows move when a port goes down (highest random weight). */
  readonly algorithm: 'active_backup' | 'hrw';
  readonly members: readonly number[];
  /** Where the number of the port is written; undefined: the frame is sent there. */
  readonly to: FieldBits | undefined;
}

export interface Flow {
  readonly table: number;
  /** 0..65535, higher wins. */
  readonly priority: number;
  readonly match: Match;
  /** Empty = drop. */
  readonly actions: readonly Action[];
  /** 64 bits; which are whose stands in pipeline/cookies.ts. */
  readonly cookie: bigint;
  /** Seconds without a frame after which the flow goes, 1..65535; absent: it stays. */
  readonly idleTimeout?: number;
  /** Seconds after which the flow goes, whatever it does, 1..65535; absent: it stays. */
  readonly hardTimeout?: number;
  /** Only flows that a switch tells of have it: somebody else put them there. */
  readonly unknown?: UnknownParts;
}

/**
 * What this language has no words for, in hexadecimal as the switch says it; empty: nothing. A flow with such parts is
 * the same as no flow that is wanted, and can be removed.
 */
export interface UnknownParts {
  readonly match: string;
  readonly actions: string;
}

/** A flow with the words that explain it. The engines take the flow; the words stay with the agent. */
export interface ExplainedFlow extends Flow {
  /** The virtual switch that it belongs to. */
  readonly switch: string;
  /** What the rule does, for a person who knows networks: "blue2 (10.0.0.7) is on 192.168.4.22". */
  readonly words: string;
  /** The operator's object that it came from: `VirtualMachine/blue2`; empty for a rule that is always there. */
  readonly origin: string;
}
