/**
 * The memory of a kernel: everything that the work on a batch touches, in one piece, so that the kernel in TypeScript
 * and the one in WebAssembly read and write the same bytes. Offsets here count 32-bit words.
 *
 *     lists     one word a frame: where it begins, its length, the hash of its key, its recipe, and what goes out
 *     keys      cache/frame-key.ts, one for each frame of the batch
 *     masks     each one once, however many megaflows have it
 *     hints     the first level of the cache (hint-table.ts)
 *     records   a megaflow each, by its number: key, mask, program, counters
 *     programs  what is done to the bytes of a frame (program.ts); megaflows that do the same share one
 *     frames    batches that are made with SoftSwitch.newBatch
 *
 * Pages that nobody has touched cost nothing, so all of it is there from the start and never moves.
 */
import { BATCH_FRAMES } from '../batch.ts';

/** One word for each frame of a batch. */
export const LIST = {
  AT: 0,
  LENGTH: BATCH_FRAMES,
  HASH: 2 * BATCH_FRAMES,
  /** Number of the megaflow, or NONE, or UNKEYED. */
  FOUND: 3 * BATCH_FRAMES,
  /** What goes out: where it begins, its length, and the number of its outlet; NONE = nowhere. */
  OUT_AT: 4 * BATCH_FRAMES,
  OUT_LENGTH: 5 * BATCH_FRAMES,
  OUTLET: 6 * BATCH_FRAMES,
  /** Megaflows whose gates have to be asked before the first of their frames in this batch goes on. */
  ASK: 7 * BATCH_FRAMES,
  /** One word: whether all that `apply` sent went to one outlet, and nothing went nowhere. */
  IS_ALIKE: 8 * BATCH_FRAMES,
  /** One word: how much longer a frame got, at most. */
  MOST: 8 * BATCH_FRAMES + 1,
} as const;

/** Frames begin this far behind a multiple of 4, so that what follows the Ethernet header is aligned. */
export const ALIGNMENT = 2;

/** The cache does not know what comes of the frame; and it cannot. */
export const NONE = -1;
export const UNKEYED = -2;
/** Instead of a hash: the frame is of the megaflow that was guessed. */
export const KNOWN = 1;
/** Guesses that may be wrong before there are no more of them in a batch. */
export const TRIES = 4;
/** Stands before the number of misses in what `find` gives. */
export const MISSES = 1024;

/** A key, with room to make it a multiple of 16 bytes. */
export const KEY = { AT: 8 * BATCH_FRAMES + 32, SIZE: 20 } as const;

/** The first mask is that of megaflows which are not there. */
export const MASK = { AT: KEY.AT + KEY.SIZE * BATCH_FRAMES, LIMIT: 2048 } as const;

/** A megaflow, from the word where its record begins: two cache lines. */
export const RECORD = {
  /** Under the mask. */
  KEY: 0,
  /** Where they begin. */
  MASK: 20,
  PROGRAM: 21,
  /** Float64 each. */
  PACKETS: 22,
  BYTES: 24,
  /** Longer frames are for the tables. */
  LONGEST: 26,
  /** The batch in which its gates were asked last that ask the moment alone; UNGATED = there are none. */
  ASKED: 27,
  /** What each frame is asked, and pays (ASKS). */
  ASKS: 28,
  /** Of the connection that it asks (ConnectionUse in cache/gate.ts). */
  SLOT: 29,
  VERSION: 30,
  TIMEOUT: 31,
  SHIFT: 5,
} as const;

export const UNGATED = -1;

/**
 * CONNECTION: each frame has to fit one connection, of TCP or else of UDP; REPLY: as one that answers. GATES: there are
 * gates of other kinds. TOLL_SHIFT: above it stands the number of its toll, counted from 1; 0 = none; TOLLS = several.
 */
export const ASKS = { CONNECTION: 1, TCP: 2, REPLY: 4, GATES: 8, TOLL_SHIFT: 8, TOLLS: 0xffff } as const;

/** A program, from the word where it begins (program.ts). */
export const PROGRAM = {
  KIND: 0,
  /** Number of the outlet. */
  OUTLET: 1,
  /** Bytes that it needs before a frame. */
  HEADROOM: 2,
  /** Words that the addresses move towards the front: 1 for a tag more, -1 for one less. */
  MOVE: 3,
  /** How many words are written. */
  WRITES: 4,
  /** Where the checksums stand, in halves of a word from the frame's word 0; 0 = none is to be updated. */
  IP_CHECKSUM: 5,
  CHECKSUM: 6,
  IS_UDP: 7,
  /** Words of the header that goes before the frame; 0 = none. */
  HEADER: 8,
  /** Bytes that the frame becomes longer. */
  GROWS: 9,
  /** Sum of the outer IPv4 header but for its length, in the order of memory; -1 = the outer header is IPv6. */
  SUM: 10,
  /** Distance of the length of UDP from the start of the outer header in bytes; 0 = no UDP. */
  UDP_LENGTH: 11,
  /**
   * The hash that goes into one byte of the key of the tunnel: LINKS 0 = none; where it stands in that byte, and how
   * far the byte is from the lowest of the key as a word in memory.
   */
  BASIS: 12,
  LINKS: 13,
  LATE_SHIFT: 14,
  LATE_MASK: 15,
  LATE_BYTE: 30,
  /** Words of the header as they will stand in memory, of which the first and the last are half used. */
  BYTES: 16,
  HEADER_LIMIT: 14,
  /** Whether the addresses are written: the bits that stay in words 0..3 of the frame, and then the new ones. */
  HAS_ADDRESSES: 31,
  ADDRESSES: 32,
  /**
   * The word with TTL, protocol and checksum of an IPv4 header, where nothing but the TTL changes, from one known value
   * to another: 0 = it does not; the new lower half; what this adds to the sum.
   */
  TTL_WORD: 40,
  TTL: 41,
  TTL_CHANGE: 42,
  /** Four words each: which word, the bits that stay, the new ones, and whose checksum they count in. */
  WRITE: 44,
  WRITE_LIMIT: 5,
  SHIFT: 6,
} as const;

/** SLOW: not for the kernel. DROP: goes nowhere. */
export const KIND = { SLOW: 0, DROP: 1, SEND: 2 } as const;

/** Checksums that a word counts in. */
export const COUNTS_IN = { IP: 1, TRANSPORT: 2 } as const;

/** A bucket of hints: eight hashes, then the eight megaflows (24 bits) with eight bits of where the frame came in. */
export const BUCKET = { WAYS: 8, SHIFT: 4, PORT_SHIFT: 24 } as const;

export interface KernelLimits {
  readonly megaflows: number;
  /** A power of two. */
  readonly hints: number;
  readonly programs: number;
  /** Bytes. */
  readonly frames: number;
}

/** Where each part begins that has no fixed size, in words, and the size of all in bytes. */
export interface KernelLayout {
  readonly hints: number;
  readonly records: number;
  readonly programs: number;
  readonly frames: number;
  readonly size: number;
}

export function layoutOf(limits: KernelLimits): KernelLayout {
  const align = (word: number) => Math.ceil(word / 32) * 32;
  const hints = align(MASK.AT + MASK.LIMIT * KEY.SIZE);
  const records = align(hints + 2 * limits.hints);
  // One more than there are, for what is refused.
  const programs = records + ((limits.megaflows + 1) << RECORD.SHIFT);
  const frames = programs + (limits.programs << PROGRAM.SHIFT);
  return { hints, records, programs, frames, size: 4 * frames + 8 * Math.ceil(limits.frames / 8) };
}
