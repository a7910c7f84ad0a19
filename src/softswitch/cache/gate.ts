/**
 * What a recipe rests on besides the bits of the frame. A gate says whether the recipe still holds at this moment: the
 * flows that it counts for have not expired, the connection would say the same again. A toll may refuse a single
 * frame, as a meter does, while the recipe goes on holding.
 *
 *     find      every gate is asked; where one does not hold the recipe is forgotten and the frame goes the slow path
 *     repeat    every toll is taken, in order; where one refuses nothing of the frame is delivered
 */
export interface Gate {
  /**
   * Keeps alive what the frame uses, too. May be asked more than once for a frame, and for frames that come at the
   * same moment once for all of them unless `isOfFrame`: so it does the same each time.
   */
  holds(bytes: Uint8Array, at: number, length: number, now: number): boolean;
  /** The answer depends on the frame and not on the moment alone. */
  readonly isOfFrame: boolean;
  /** When all that it asks is whether the frame fits one connection: which. A kernel can ask that for many frames. */
  readonly connection: ConnectionUse | undefined;
}

/** What connection tracking said of a packet, in so far as it says the same of the next one. */
export interface ConnectionUse {
  /** Where the numbers of the connection stand, and its version at that time. */
  readonly slot: number;
  readonly version: number;
  readonly isReply: boolean;
  /** Milliseconds that each packet gives the connection. */
  readonly timeout: number;
}

export interface Toll {
  /** Once for each frame, of `length` bytes as it came in. */
  take(length: number, now: number): boolean;
  /** The same for `count` frames of `bytes` together, when it refuses none of them; else false, and nothing is done. */
  takeAll(count: number, bytes: number, now: number): boolean;
}
