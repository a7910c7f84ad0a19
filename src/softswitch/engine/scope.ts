/**
 * How far a drop reaches. What Open vSwitch makes of a frame is one list of datapath actions, and a meter that refuses
 * the frame ends that list, wherever in the tables it stands: clone, connection tracking that goes on elsewhere and
 * check_pkt_larger begin lists of their own. The tables are gone through all the same, before anything of it happens:
 * flows count a frame that a meter drops, and addresses are learnt from it.
 */
export interface Scope {
  readonly outer: Scope | undefined;
  /** Nothing is delivered any more. */
  isDead: boolean;
  /**
   * The length of the frame in the datapath: that of when it was sent last. Open vSwitch writes to the frame no sooner
   * than somebody gets it, and a meter is nobody.
   */
  length: number;
}

export function newScope(outer: Scope | undefined, length: number, isDead = outer?.isDead === true): Scope {
  return { outer, isDead, length };
}

/** Whether a drop in `scope` reaches `inner`. */
export function reaches(scope: Scope, inner: Scope | undefined): boolean {
  for (let at = inner; at; at = at.outer) if (at === scope) return true;
  return false;
}
