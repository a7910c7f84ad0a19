/**
 * The walk of seed 004: what one frame met on its way, in numbered steps, and the way back of its answer. Each
 * step has a place, the frame before and after, and inside a switch every table with the rule that decided, in words,
 * and the operator's object that the rule came from.
 */
import type { Dropped } from './ping.ts';

export interface WalkRule {
  /** Name of the table. */
  readonly table: string;
  /** What the rule says; for a miss, what a miss means. */
  readonly words: string;
  /** The rule as `ovs-ofctl` writes it; absent for a miss. */
  readonly flow?: string;
  /** The operator's object that the rule came from; absent for rules that are always there. */
  readonly origin?: string;
  /** What the rule wrote, fields of the frame and registers: `eth_dst=00:1d:d8:b7:1c:03`. */
  readonly writes: readonly string[];
}

export type WalkPlace = 'guest' | 'cable' | 'host-stack' | 'switch' | 'tunnel' | 'nic' | 'physical-network';

export interface WalkStep {
  readonly number: number;
  readonly way: 'there' | 'back';
  readonly place: WalkPlace;
  /** The host that the step is on; absent on physical networks. */
  readonly host?: string;
  /** What happens, in words. */
  readonly what: string;
  /** The frame as it came and as it went, in the text notation; `after` only where it changed. */
  readonly before?: string;
  readonly after?: string;
  readonly rules: readonly WalkRule[];
  /** Ports of the switch that a copy left by. */
  readonly outputs: readonly string[];
}

export interface Walk {
  readonly from: string;
  readonly to: string;
  readonly address: string;
  /**
   * `answered`: there and back. `delivered`: there, and the answer was lost. `answered-by-another`: the address means
   * another machine where the sender is. `dropped`: it did not get there.
   */
  readonly outcome: 'answered' | 'delivered' | 'answered-by-another' | 'dropped';
  readonly steps: readonly WalkStep[];
  /** Where it ended, or why it never gets to the machine that was meant; absent when that one answered. */
  readonly dropped?: Dropped;
}
