/** What a kernel does with the frames whose places and lengths stand in its lists (layout.ts), one pass after the other. */
export interface KernelPasses {
  /**
   * The key of each frame, and its hash. `base`: where the memory of the batch begins, from where places count; `size`:
   * of it. What is not within it, or not aligned, has no key. `guess`: the megaflow that they may be in, or NONE; gives how
   * many were seen to be in it already. `isTunnel`: 1 or 0, whether the frames came out of one, and what it says of them
   * stands in their keys already.
   */
  read(
    frames: Int32Array,
    base: number,
    size: number,
    count: number,
    ingress: number,
    guess: number,
    isTunnel: number,
  ): number;
  /**
   * The megaflow of each frame. `buckets`: of hints, less one. `step`: counts these calls. Gives how many megaflows are in the list of those to ask; and times MISSES, how
   * many frames have none.
   */
  find(count: number, buckets: number, step: number, isTunnel: number, guess: number): number;
  /** Stops before a frame that is not for the kernel, and gives its place in the batch, or `end`. */
  apply(frames: Int32Array, halves: Uint16Array, base: number, end: number, headroom: number): number;
}
