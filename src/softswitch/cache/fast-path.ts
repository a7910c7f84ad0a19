/**
 * The way of most frames: the cache knows what came of one like it, and that is done again. Nothing here decides
 * anything; what the cache does not know goes the slow path (slow-path.ts), which tells it.
 *
 *     take        one frame, at once, when nothing waits before it
 *     takeBatch   many; those that leave by one port, and may be changed where they are, go on together
 */
import type { FrameBatch } from '../batch.ts';
import type { EngineParts } from '../engine/engine-parts.ts';
import type { Turn } from '../engine/frame-queue.ts';
import { Kernel, type KernelChoice } from '../kernel/kernel.ts';
import type { Cable } from '../ports/port.ts';
import type { PortTable } from '../ports/port-table.ts';
import { BatchPath, type BatchSource, takeOne } from './batch-path.ts';
import type { CacheStatistics, FlowCache } from './flow-cache.ts';
import { type FrameKey, newFrameKey, readFrameKey } from './frame-key.ts';
import { areKnown, areOpen, type Delivery, type Outlet, type Recipe } from './recipe.ts';

/** The cache does not know what comes of a frame, but could; or it cannot. */
export const MISS = -1;
export const UNCACHEABLE = -2;

/** How batches are done, and how many bytes of memory there are for them beside that of their owners. */
export interface BatchOptions {
  readonly kernel: KernelChoice;
  readonly frameMemory: number;
}

/** Programs of a kernel: what else is to be done to frames is done one by one. */
const PROGRAMS = 16_384;

export class FastPath {
  readonly #cache: FlowCache | undefined;
  readonly #parts: EngineParts;
  readonly #ports: PortTable;
  readonly #turn: Turn;
  readonly #slow: (cable: Cable, frame: Uint8Array) => void;
  readonly #key = newFrameKey();
  readonly #options: BatchOptions;
  /** From the first batch on. */
  #kernel: Kernel | undefined;
  #batches: BatchPath | undefined;

  /** `slow` takes the frames that the cache does not know. Without a cache those are all. */
  constructor(
    cache: FlowCache | undefined,
    parts: EngineParts,
    ports: PortTable,
    turn: Turn,
    slow: (cable: Cable, frame: Uint8Array) => void,
    options: BatchOptions,
  ) {
    this.#options = options;
    this.#cache = cache;
    this.#parts = parts;
    this.#ports = ports;
    this.#turn = turn;
    this.#slow = slow;
  }

  /** Of the frame that was looked up last; overwritten by the next one. */
  get key(): FrameKey {
    return this.#key;
  }

  statistics(): CacheStatistics {
    return this.#cache?.statistics() ?? { megaflows: 0, hits: 0, misses: 0 };
  }

  /** What came of the frame that was looked up last. */
  insert(recipe: Recipe): void {
    this.#cache?.insert(recipe);
  }

  /** Sends a frame at once when the cache knows what comes of it and nothing waits before it; else it goes slowly. */
  take(cable: Cable, frame: Uint8Array): void {
    const id = this.#turn.isBusy ? UNCACHEABLE : this.find(cable.ingress, frame, 0, frame.length, 0, 0, 0);
    if (id < 0) {
      this.#slow(cable, frame);
      return;
    }
    this.#turn.enter();
    try {
      this.repeat(id, frame);
    } finally {
      this.#turn.leave(1);
    }
  }

  takeBatch(from: BatchSource, batch: FrameBatch): void {
    if (this.#turn.isBusy || this.#parts.observer || !this.#cache) {
      for (let i = 0; i < batch.count && from.isOpen; i++) takeOne(from, batch, i);
      return;
    }
    this.#batches ??= this.#startBatches(this.#cache);
    this.#batches.take(from, batch);
  }

  /** Memory in which batches are done quickest; empty without a cache. */
  frameMemory(): Uint8Array {
    return this.#cache ? this.#kernelFor(this.#cache).frames() : new Uint8Array(0);
  }

  #kernelFor({ limits: { megaflows, hints } }: FlowCache): Kernel {
    const limits = { megaflows, hints, programs: PROGRAMS, frames: this.#options.frameMemory };
    this.#kernel ??= new Kernel(this.#options.kernel, limits, (delivery) => this.#outletOf(delivery));
    return this.#kernel;
  }

  #startBatches(cache: FlowCache): BatchPath {
    const ask = (id: number, now: number) => this.#ask(id, now);
    const holds = (id: number, bytes: Uint8Array, at: number, length: number, now: number) =>
      this.#holds(id, bytes, at, length, now);
    const pays = (id: number, length: number, now: number) => this.#pays(id, length, now);
    return new BatchPath(cache, this.#kernelFor(cache), this.#parts, this.#turn, ask, holds, pays);
  }

  /** The number of the recipe for a frame, MISS or UNCACHEABLE. An observer sees every step, so nothing is skipped. */
  find(
    ingress: number,
    bytes: Uint8Array,
    at: number,
    length: number,
    tunnelId: number,
    source: number,
    destination: number,
  ): number {
    const cache = this.#cache;
    const key = this.#key;
    if (!cache || this.#parts.observer || !readFrameKey(bytes, at, length, key)) return UNCACHEABLE;
    key[0] = ingress;
    key[10] = tunnelId;
    key[11] = source;
    key[12] = destination;
    this.#parts.flows.endTeachers();
    const id = cache.find(key);
    if (id < 0) return MISS;
    const recipe = cache.recipe(id);
    if (length > recipe.longest) return UNCACHEABLE;
    if (recipe.known.length === 0 && recipe.gates.length === 0) return id;
    const now = this.#parts.now();
    if (!this.#ask(id, now)) return MISS;
    if (this.#holds(id, bytes, at, length, now)) return id;
    cache.forget(id);
    return MISS;
  }

  /** Whether a recipe holds for a frame, as far as its gates ask each of them. */
  #holds(id: number, bytes: Uint8Array, at: number, length: number, now: number): boolean {
    const { gates } = this.#cache!.recipe(id);
    for (let i = 0; i < gates.length; i++) {
      const gate = gates[i]!;
      if (gate.isOfFrame && !gate.holds(bytes, at, length, now)) return false;
    }
    return true;
  }

  /** Whether a recipe holds still, as far as only the moment says; if not, it is forgotten. */
  #ask(id: number, now: number): boolean {
    const { known, sources, gates } = this.#cache!.recipe(id);
    if (!areKnown(known, now) || !areOpen(gates, now)) {
      this.#cache?.forget(id);
      return false;
    }
    for (let i = 0; i < sources.length; i++) this.#parts.macs.touch(sources[i]!, now);
    return true;
  }

  /** Does with a frame what the recipe says. */
  repeat(id: number, frame: Uint8Array): void {
    const cache = this.#cache!;
    cache.count(id, frame.length);
    const { deliveries, tolls } = cache.recipe(id);
    if (tolls.length > 0 && !this.#pays(id, frame.length, this.#parts.now())) return;
    for (let i = 0; i < deliveries.length; i++) {
      const delivery = deliveries[i]!;
      const made = delivery.make(frame);
      const outlet = this.#outletOf(delivery);
      if (outlet?.isOpen) outlet.deliver(made, delivery.header?.destination);
    }
  }

  /** Takes all tolls of a recipe; false: one of them refuses the frame. */
  #pays(id: number, length: number, now: number): boolean {
    const { tolls } = this.#cache!.recipe(id);
    for (let i = 0; i < tolls.length; i++) if (!tolls[i]!.take(length, now)) return false;
    return true;
  }

  #outletOf(delivery: Delivery): Outlet | undefined {
    if (delivery.outlet) return delivery.outlet;
    const port = this.#ports.get(delivery.port);
    delivery.outlet = delivery.header ? port?.underlayOutlet : port?.cables.get(delivery.nic ?? '');
    return delivery.outlet;
  }
}
