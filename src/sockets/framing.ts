/**
 * Frames in a stream of bytes, as QEMU's `-netdev stream` and `-netdev socket` have them: each frame has its length
 * before it, 32 bits in network byte order, which does not count itself.
 *
 *     | length (4) | frame | length (4) | frame | …
 *
 * A stream keeps no boundaries: what one side wrote at once comes in pieces, and what it wrote in pieces comes at once.
 *
 * Frames are read into a room beside the stream, because the switch is fastest with frames that begin 2 bytes behind a
 * multiple of 4: everything behind the Ethernet header is then in whole words. Frames that follow each other are copied
 * together as long as their lengths keep them so. The length before a frame has been read by then, and its four bytes
 * are the headroom of the frame: a tag can be pushed, and the length for the next stream written, in its place.
 */
import { read32, write32 } from '../packet/bytes.ts';
import { ETHERNET } from '../packet/ethernet.ts';
import { type FrameBatch, newBatch } from '../softswitch/batch.ts';

/** Bytes of a length. */
export const LENGTH_BYTES = 4;
/** What QEMU takes at most (NET_BUFSIZE): a segment of 64 KiB that the receiver is to cut, and its headers. */
export const LONGEST_FRAME = 69_632;
/** Where the room begins to fill, modulo 4: so lies every length, and therefore every frame. */
const START = 2;
/** Bytes of a room: one of the longest frames, and as much as one read brings. */
export const ROOM = 160 * 1024;

/** The frames of one stream. */
export class FrameReader {
  /** Shorter than an Ethernet header; they are left out. */
  runts = 0;
  readonly #room: Uint8Array;
  readonly #batch: FrameBatch;
  /** A frame, with its length, whose end has not come. */
  #held = new Uint8Array(0);
  #heldBytes = 0;

  /** `room`: at least ROOM bytes that are used while `read` runs; readers may share them. They begin at a multiple of 4. */
  constructor(room: Uint8Array = new Uint8Array(ROOM)) {
    if (room.length < ROOM) throw new RangeError(`the room has ${room.length} bytes; ${ROOM} are needed`);
    this.#room = room;
    this.#batch = newBatch(room, undefined, LENGTH_BYTES);
  }

  /**
   * Reads the next piece and hands its frames to `take`, in order, in as few batches as they fit in. A batch is lent to
   * `take` until it returns. The answer is what is wrong with the stream, of which nothing more can be read then, or
   * undefined.
   */
  read(piece: Uint8Array, take: (batch: FrameBatch) => void): string | undefined {
    let at = 0;
    /** Where the room goes on. */
    let to = START;
    if (this.#heldBytes > 0) {
      at = this.#hold(piece, 0, LENGTH_BYTES);
      if (this.#heldBytes < LENGTH_BYTES) return undefined;
      const length = read32(this.#held, 0);
      if (length > LONGEST_FRAME) return tooLong(length);
      at = this.#hold(piece, at, LENGTH_BYTES + length);
      if (this.#heldBytes < LENGTH_BYTES + length) return undefined;
      this.#room.set(this.#held.subarray(0, this.#heldBytes), START);
      to = aligned(START + this.#heldBytes);
      this.#heldBytes = 0;
      this.#add(START + LENGTH_BYTES, length);
    }
    while (at + LENGTH_BYTES <= piece.length) {
      const end = this.#addRun(piece, at, to);
      if (end > at) {
        this.#room.set(at === 0 && end === piece.length ? piece : piece.subarray(at, end), to);
        to = aligned(to + end - at);
        at = end;
        continue;
      }
      const length = read32(piece, at);
      if (length > LONGEST_FRAME) {
        this.#handOn(take);
        return tooLong(length);
      }
      if (at + LENGTH_BYTES + length > piece.length) break;
      // No room for one more frame, or for its place in the batch.
      this.#handOn(take);
      to = START;
    }
    this.#handOn(take);
    this.#hold(piece, at, piece.length - at);
    return undefined;
  }

  /** Adds the frames from `at` on that keep in step when they are moved to `to` together. Gives where they end. */
  #addRun(piece: Uint8Array, at: number, to: number): number {
    const shift = to - at;
    const last = Math.min(piece.length, ROOM - shift);
    while (
      at + LENGTH_BYTES <= last &&
      ((at + shift) & 3) === START &&
      this.#batch.count < this.#batch.at.length
    ) {
      const length = read32(piece, at);
      const end = at + LENGTH_BYTES + length;
      if (end > last || length > LONGEST_FRAME) break;
      this.#add(at + LENGTH_BYTES + shift, length);
      at = end;
    }
    return at;
  }

  #add(at: number, length: number): void {
    if (length < ETHERNET.SIZE) {
      this.runts++;
      return;
    }
    const batch = this.#batch;
    batch.at[batch.count] = at;
    batch.length[batch.count] = length;
    batch.count++;
  }

  #handOn(take: (batch: FrameBatch) => void): void {
    if (this.#batch.count > 0) take(this.#batch);
    this.#batch.count = 0;
  }

  /** Holds what is lacking of `size` bytes, as far as the piece has it from `at` on; where the piece goes on. */
  #hold(piece: Uint8Array, at: number, size: number): number {
    const end = Math.min(piece.length, at + size - this.#heldBytes);
    if (end <= at) return at;
    // Made when first needed: many reads end with a frame.
    if (this.#held.length === 0) this.#held = new Uint8Array(LENGTH_BYTES + LONGEST_FRAME);
    this.#held.set(piece.subarray(at, end), this.#heldBytes);
    this.#heldBytes += end - at;
    return end;
  }
}

/** The next place for a length. */
function aligned(at: number): number {
  return at + ((START - at) & 3);
}

function tooLong(length: number): string {
  return `it announced a frame of ${length} bytes, and ${LONGEST_FRAME} is the most: this is no stream of frames`;
}

/** A piece of memory that fills with frames, each with its length before it. */
export class FrameBuffer {
  readonly bytes: Buffer;
  used = 0;

  /** `size`: bytes; at least one frame of LONGEST_FRAME has to fit. */
  constructor(size: number) {
    this.bytes = Buffer.allocUnsafe(size);
  }

  /** False where there is no room for the frame, or it is too long for any. */
  add(frame: Uint8Array): boolean {
    const { used } = this;
    if (used + LENGTH_BYTES + frame.length > this.bytes.length || frame.length > LONGEST_FRAME) return false;
    write32(this.bytes, used, frame.length);
    this.bytes.set(frame, used + LENGTH_BYTES);
    this.used = used + LENGTH_BYTES + frame.length;
    return true;
  }

  /** How many frames of the batch, from `first` on, there was room for; one that is too long ends it as well. */
  addBatch(batch: FrameBatch, first: number): number {
    const { bytes, at, length, count } = batch;
    if (batch.headroom < LENGTH_BYTES) return this.#addEach(batch, first);
    // Frames that come from one stream lie one after the other: so many are copied at once.
    let added = first;
    while (added < count) {
      const from = at[added]! - LENGTH_BYTES;
      const most = from + this.bytes.length - this.used;
      let end = from;
      let next = added;
      while (next < count && at[next]! - LENGTH_BYTES === end) {
        const after = end + LENGTH_BYTES + length[next]!;
        if (after > most || length[next]! > LONGEST_FRAME) break;
        write32(bytes, end, length[next]!);
        end = after;
        next++;
      }
      if (next === added) break;
      this.bytes.set(bytes.subarray(from, end), this.used);
      this.used += end - from;
      added = next;
    }
    return added - first;
  }

  #addEach({ bytes, at, length, count }: FrameBatch, first: number): number {
    let i = first;
    while (i < count && this.add(bytes.subarray(at[i]!, at[i]! + length[i]!))) i++;
    return i - first;
  }
}
