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
  | { readonly type: 'drop' };

export interface Flow {
  readonly table: number;
  /** 0..65535, higher wins. */
  readonly priority: number;
  readonly match: Match;
  /** Empty = drop. */
  readonly actions: readonly Action[];
  /** 64 bits; which are whose stands in pipeline/cookies.ts. */
  readonly cookie: bigint;
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
