/**
 * Batches on the fast path: a kernel does what can be done to the bytes where they are, and what leaves by one outlet
 * goes on together. A frame that the kernel leaves alone (no key, no recipe, more than one delivery, not enough room
 * before it) goes on by itself, after those that came before it.
 *
 * Whoever gets a frame may change the switch, or send one; from then on nothing is sure that was looked up, so what
 * follows in the batch is looked up again, in steps that begin small.
 */
import { BATCH_FRAMES, type FrameBatch } from '../batch.ts';
import type { EngineParts } from '../engine/engine-parts.ts';
import type { Turn } from '../engine/frame-queue.ts';
import { passConnections } from '../kernel/connection-pass.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { ASKS, LIST, MISSES, NONE } from '../kernel/layout.ts';
import { outerSize, readOuter } from '../kernel/outer.ts';
import type { KernelPasses } from '../kernel/passes.ts';
import type { Tunnel } from '../tunnel/tunnel.ts';
import type { FlowCache } from './flow-cache.ts';
import type { Outlet } from './recipe.ts';

/** Frames that are looked up after one that went by itself. */
const FIRST_STEP = 8;

/** Where a batch comes in. */
export interface BatchSource {
  readonly ingress: number;
  readonly isOpen: boolean;
  /** Where packets come out of it. */
  readonly tunnel: Tunnel | undefined;
  /** One frame, or packet, by itself. */
  take(frame: Uint8Array): void;
}

export class BatchPath {
  readonly #cache: FlowCache;
  readonly #kernel: Kernel;
  readonly #parts: EngineParts;
  readonly #turn: Turn;
  readonly #ask: (id: number, now: number) => boolean;
  readonly #holds: (id: number, bytes: Uint8Array, at: number, length: number, now: number) => boolean;
  #passes: KernelPasses;
  readonly #pays: (id: number, length: number, now: number) => boolean;
  /** The megaflow of the frame before, which that of the next may be. */
  #guess: number = NONE;
  readonly #outAt: Int32Array;
  readonly #outLength: Int32Array;
  /** Counts steps, so that gates are asked once in each. */
  #step = 0;
  /** The memory of the last batch as words, and as halves of them. */
  #buffer: ArrayBufferLike | undefined;
  #words: Int32Array = new Int32Array(0);
  #halves: Uint16Array = new Uint16Array(0);
  /** Outlets that have frames waiting. */
  readonly #waiting: Outlet[] = [];

  /**
   * `ask`: whether a recipe holds still, at this moment; if not, it is forgotten. `holds`: whether it does for a frame.
   * `pays`: takes the tolls of a recipe for a frame.
   */
  constructor(
    cache: FlowCache,
    kernel: Kernel,
    parts: EngineParts,
    turn: Turn,
    ask: (id: number, now: number) => boolean,
    holds: (id: number, bytes: Uint8Array, at: number, length: number, now: number) => boolean,
    pays: (id: number, length: number, now: number) => boolean,
  ) {
    this.#cache = cache;
    this.#kernel = kernel;
    this.#parts = parts;
    this.#turn = turn;
    this.#ask = ask;
    this.#holds = holds;
    this.#pays = pays;
    this.#outAt = kernel.words.subarray(LIST.OUT_AT, LIST.OUT_AT + BATCH_FRAMES);
    this.#outLength = kernel.words.subarray(LIST.OUT_LENGTH, LIST.OUT_LENGTH + BATCH_FRAMES);
    this.#passes = kernel.passesElsewhere;
    cache.useKernel(kernel);
  }

  take(from: BatchSource, batch: FrameBatch): void {
    this.#view(batch.bytes);
    let size = BATCH_FRAMES;
    for (let first = 0; first < batch.count && from.isOpen; ) {
      const end = Math.min(batch.count, first + size);
      const outer = from.tunnel ? outerSize(from.tunnel) : 0;
      // An observer sees every step of every frame.
      if (this.#parts.observer || outer === undefined) {
        takeOne(from, batch, first++);
        continue;
      }
      const done = this.#takeStep(from, outer, batch, first, end);
      this.#flush();
      first = done;
      size = Math.min(BATCH_FRAMES, size * 2);
      if (done === end) continue;
      if (!from.isOpen) return;
      takeOne(from, batch, done);
      first++;
      size = FIRST_STEP;
    }
  }

  /** Gives the place of the frame that it stopped at. */
  #takeStep(from: BatchSource, outer: number, batch: FrameBatch, first: number, end: number): number {
    const kernel = this.#kernel;
    const passes = this.#passes;
    const count = end - first;
    this.#parts.flows.endTeachers();
    this.#load(batch, first, count);
    this.#step = (this.#step + 1) & 0x7fffffff || 1;
    const { byteOffset, length } = batch.bytes;
    const { ingress, tunnel } = from;
    const isTunnel = tunnel ? 1 : 0;
    if (tunnel) readOuter(tunnel, outer, this.#halves, byteOffset, length, kernel.words, count);
    const guess = this.#guess;
    const known = passes.read(this.#words, byteOffset, length, count, ingress, guess, isTunnel);
    const isFound = known === count && kernel.isUngated(guess);
    const found = isFound ? 0 : passes.find(count, this.#cache.hintMask, this.#step, isTunnel, guess);
    const now = this.#parts.now();
    const asked = found % MISSES;
    for (let i = 0; i < asked; i++) this.#ask(kernel.words[LIST.ASK + i]!, now);
    if (found >= MISSES) this.#search(count, now);
    const room = batch.headroom + outer;
    const passed = kernel.hasGates || kernel.hasTolls ? this.#pass(batch, room, count, now) : count;
    if (kernel.hasTolls) this.#takeTolls(passed, now);
    const done = passes.apply(this.#words, this.#halves, byteOffset, passed, room);
    const last = done > 0 ? kernel.words[LIST.FOUND + done - 1]! : NONE;
    this.#guess = last === kernel.refused ? NONE : last;
    this.#share(kernel, batch, room, done);
    return first + done;
  }

  /**
   * Asks the gates that depend on the frame, each frame once: how many frames go on. It ends where `apply` would stop, as
   * what follows is looked up again.
   */
  #pass(batch: FrameBatch, room: number, count: number, now: number): number {
    const kernel = this.#kernel;
    const { words, layout } = kernel;
    const { bytes } = batch;
    const { connections } = this.#parts;
    // Fragments that are given up go on before the next packet that is tracked.
    const isDue = connections.isDue(now);
    for (let i = 0; i < count; i++) {
      if (!isDue) {
        const { table } = connections;
        i = passConnections(words, layout.records, this.#words, bytes.byteOffset, i, count, room, table, now);
        if (i === count) return count;
      }
      if (kernel.stopsAt(i, room)) return i;
      const id = words[LIST.FOUND + i]!;
      if (!this.#holds(id, bytes, words[LIST.AT + i]!, words[LIST.LENGTH + i]!, now)) return i;
    }
    return count;
  }

  /** Takes the tolls for the first `count` frames. Frames in a row that pay the same pay together where all of them can. */
  #takeTolls(count: number, now: number): void {
    const kernel = this.#kernel;
    const { words, tolls } = kernel;
    for (let first = 0, end = 0; first < count; first = end) {
      let id = words[LIST.FOUND + first]!;
      const number = kernel.tollOf(id);
      let bytes = 0;
      for (; end < count; end++) {
        const next = words[LIST.FOUND + end]!;
        if (next !== id && kernel.tollOf(next) !== number) break;
        id = next;
        bytes += words[LIST.LENGTH + end]!;
      }
      if (number === 0) continue;
      if (number !== ASKS.TOLLS && tolls[number - 1]!.takeAll(end - first, bytes, now)) continue;
      for (let i = first; i < end; i++) this.#takeToll(i, now);
    }
  }

  #takeToll(i: number, now: number): void {
    const { words, refused } = this.#kernel;
    const id = words[LIST.FOUND + i]!;
    const length = words[LIST.LENGTH + i]!;
    if (this.#pays(id, length, now)) return;
    this.#cache.count(id, length);
    words[LIST.FOUND + i] = refused;
  }

  #view(bytes: Uint8Array): void {
    if (this.#buffer === bytes.buffer) return;
    this.#buffer = bytes.buffer;
    this.#passes = bytes.buffer === this.#kernel.memory ? this.#kernel.passes : this.#kernel.passesElsewhere;
    this.#words = new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2);
    this.#halves = new Uint16Array(bytes.buffer, 0, bytes.buffer.byteLength >> 1);
  }

  #load({ at, length }: FrameBatch, first: number, count: number): void {
    const { words } = this.#kernel;
    if (first === 0 && at.length <= BATCH_FRAMES) {
      words.set(at, LIST.AT);
      words.set(length, LIST.LENGTH);
      return;
    }
    for (let i = 0; i < count; i++) {
      words[LIST.AT + i] = at[first + i]!;
      words[LIST.LENGTH + i] = length[first + i]!;
    }
  }

  /** Frames whose megaflow no hint names. */
  #search(count: number, now: number): void {
    const kernel = this.#kernel;
    for (let i = 0; i < count; i++) {
      if (kernel.words[LIST.FOUND + i] !== NONE) continue;
      const id = this.#cache.search(kernel.keyOf(i), kernel.hashOf(i));
      if (id >= 0 && this.#ask(id, now)) kernel.words[LIST.FOUND + i] = id;
    }
  }

  /** Puts what goes out before its outlets. */
  #share(kernel: Kernel, batch: FrameBatch, room: number, count: number): void {
    const { words } = kernel;
    if (words[LIST.IS_ALIKE] !== 0 && this.#shareAll(words, batch, room, count)) return;
    let number: number = NONE;
    let waiting: FrameBatch | undefined;
    for (let i = 0; i < count; i++) {
      const outlet = words[LIST.OUTLET + i]!;
      if (outlet === NONE) continue;
      if (outlet !== number || !waiting) {
        number = outlet;
        waiting = this.#waitingAt(kernel.outlets[outlet]!, batch, room);
      }
      const start = words[LIST.OUT_AT + i]!;
      const headroom = room + words[LIST.OUT_AT + i]! - words[LIST.AT + i]!;
      waiting.at[waiting.count] = start;
      waiting.length[waiting.count] = words[LIST.OUT_LENGTH + i]!;
      if (headroom < waiting.headroom) waiting.headroom = headroom;
      waiting.count++;
    }
  }

  /** The same for frames that all go to one outlet: false where that has frames waiting. */
  #shareAll(words: Int32Array, batch: FrameBatch, room: number, count: number): boolean {
    const waiting = this.#waitingAt(this.#kernel.outlets[words[LIST.OUTLET]!]!, batch, room);
    if (waiting.count > 0) return false;
    waiting.at.set(this.#outAt);
    waiting.length.set(this.#outLength);
    waiting.count = count;
    waiting.headroom = room - words[LIST.MOST]!;
    return true;
  }

  #waitingAt(outlet: Outlet, batch: FrameBatch, room: number): FrameBatch {
    const waiting = outlet.waiting!;
    if (waiting.count === 0) {
      waiting.bytes = batch.bytes;
      waiting.headroom = room;
      this.#waiting.push(outlet);
    }
    return waiting;
  }

  /** Hands on what waits. */
  #flush(): void {
    if (this.#waiting.length === 0) return;
    this.#turn.enter();
    try {
      for (const outlet of this.#waiting) {
        if (outlet.waiting && outlet.isOpen) outlet.deliverBatch?.(outlet.waiting);
        if (outlet.waiting) outlet.waiting.count = 0;
      }
    } finally {
      this.#waiting.length = 0;
      this.#turn.leave(0);
    }
  }
}

/** A frame of a batch by itself: it may be kept, so it gets memory of its own. */
export function takeOne(from: BatchSource, { bytes, at, length }: FrameBatch, i: number): void {
  from.take(bytes.slice(at[i]!, at[i]! + length[i]!));
}
