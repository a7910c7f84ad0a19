/**
 * How far a frame has come, and what it has led to. A frame that resubmits without end must do nothing at all, as in
 * Open vSwitch, so everything is collected here first.
 *
 * A frame whose hash a group asks for is frozen, as Open vSwitch does it: what is left of the lists of actions that it
 * is in, up to the clone, the bucket or the branch of check_pkt_larger around them, is kept. The rest of the frame goes
 * on; then the frozen one begins anew, with its hash, at the place among the effects where it was frozen.
 */
import type { Action } from '../../flow/flow.ts';
import type { Rule } from '../flows/table.ts';
import type { DatapathHash } from '../frame/datapath-hash.ts';
import type { Packet } from '../frame/packet.ts';
import type { Effect } from './engine-parts.ts';
import { newScope, type Scope } from './scope.ts';

/** Limits of Open vSwitch (ofproto-dpif-xlate.c): MAX_DEPTH, MAX_RESUBMITS. */
const DEEPEST_RESUBMIT = 64;
const MOST_RESUBMITS = 4096;

/** What is left of a list of actions, for the run that takes it up. */
interface Rest {
  readonly actions: readonly Action[];
  readonly table: number;
  readonly cookie: bigint;
  readonly rule: Rule | undefined;
}

/** A frame that waits for its hash. */
export interface Frozen {
  readonly type: 'frozen';
  readonly packet: Packet;
  readonly selection: DatapathHash;
  /** The innermost list first; it begins with the group that asked. */
  readonly rests: Rest[];
  readonly scope: Scope;
}

export class Progress {
  readonly effects: (Effect | Frozen)[] = [];
  /** Takes back what meters did. */
  readonly metered: (() => void)[] = [];
  depth = 0;
  resubmits = 0;
  /** The frame went round without end. */
  failed = false;
  /** Nothing that follows in these lists of actions is done any more, up to the bucket or branch that they are in. */
  ended = false;
  scope: Scope;
  /** On the way out of its lists. */
  frozen: Frozen | undefined;

  /** `length`: of the frame. */
  constructor(length: number, outer: Scope | undefined) {
    this.scope = newScope(outer, length, false);
  }

  get isOver(): boolean {
    return this.failed || this.ended;
  }

  get isTooDeep(): boolean {
    return this.depth >= DEEPEST_RESUBMIT || this.resubmits >= MOST_RESUBMITS;
  }

  /** Takes back everything. */
  fail(): void {
    this.failed = true;
    this.effects.length = 0;
    for (const undo of this.metered.splice(0).reverse()) undo();
  }

  freeze(packet: Packet, selection: DatapathHash): void {
    this.frozen = { type: 'frozen', packet, selection, rests: [], scope: this.scope };
  }

  /** At the end of a clone, a bucket, a branch, or all; what was frozen in it, unless it was dropped. */
  takeFrozen(): { readonly isFrozen: boolean; readonly goesOn: boolean } {
    const { frozen } = this;
    this.frozen = undefined;
    if (!frozen) return { isFrozen: false, goesOn: false };
    this.scope.length = frozen.packet.length;
    const goesOn = !this.scope.isDead;
    if (goesOn) this.effects.push(frozen);
    return { isFrozen: true, goesOn };
  }

  /** A scope that begins with a frame of this length, as everybody sees it now. */
  enter(length: number, isDead = false): void {
    this.scope.length = length;
    this.scope = newScope(this.scope, length, isDead || this.scope.isDead);
  }
}
