/**
 * Many frames in one piece of memory, so that none of them costs an object. Who hands a batch over lends its memory
 * until the call returns; the frames may be changed, and so may `headroom` bytes before each of them.
 *
 * A batch is done quickest where its frames are in `SoftSwitch.frameMemory()`, and begin 2 bytes behind a multiple of 4
 * (counted from the start of the ArrayBuffer), so that all behind the Ethernet header is aligned. In other memory the
 * kernel in TypeScript does the same, without a copy. Frames that begin elsewhere, and those that have less room before
 * them than what is to be put there, are copied and go on one by one.
 */
export interface FrameBatch {
  /** The memory; a batch that comes out has that of the batch which came in. */
  bytes: Uint8Array;
  /** Where each frame begins, and how long it is. */
  readonly at: Int32Array;
  readonly length: Int32Array;
  count: number;
  /** Bytes before every frame that belong to it alone. */
  headroom: number;
}

/** Enough for all that a switch puts before a frame: an outer IPv6 header with UDP and VXLAN is 56, a tag 4. */
export const HEADROOM = 64;
/** Frames that are looked up before the first of them is sent, so that memory is waited for once. */
export const BATCH_FRAMES = 256;

export function newBatch(bytes: Uint8Array, frames = BATCH_FRAMES, headroom = HEADROOM): FrameBatch {
  return { bytes, at: new Int32Array(frames), length: new Int32Array(frames), count: 0, headroom };
}
