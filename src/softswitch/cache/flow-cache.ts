/**
 * Remembers what came of frames, so that the next ones like them need no look at the flow tables: two levels, hints
 * and megaflows, both bounded (Pfaff et al., NSDI 2015). It never changes what happens to a frame, only how
 * long that takes: whatever a recipe rests on tells the cache when it changes.
 *
 *     ports, links, teams        clear()            all recipes
 *     flows of some tables       forgetTables()     the recipes that looked into these tables
 *     one group                  forgetGroup()      the recipes that went through it, or looked whether it is alive
 *     one learnt address         forgetMac()        the recipes that looked it up
 *
 * What only the moment tells, a recipe asks for itself each time (gate.ts): whether a flow that it counts for has ended,
 * whether a connection would say the same again.
 *
 * Rules count through it: a recipe counts frames and bytes, and adds them to its rules when somebody asks, or it goes.
 */

import type { Kernel } from '../kernel/kernel.ts';
import { hashKey } from '../kernel/parse.ts';
import type { FrameKey } from './frame-key.ts';
import { HintTable } from './hint-table.ts';
import { MegaflowTable } from './megaflow-table.ts';
import type { Recipe } from './recipe.ts';

export interface CacheLimits {
  readonly megaflows: number;
  /** Flows whose megaflow is found at once: a power of two, at least 64; 8 bytes each. */
  readonly hints: number;
}

export const CACHE_LIMITS: CacheLimits = { megaflows: 131_072, hints: 2_097_152 };

export interface CacheStatistics {
  readonly megaflows: number;
  /** Frames that went by a recipe, and those that left one for the next. */
  readonly hits: number;
  readonly misses: number;
}

export class FlowCache {
  readonly limits: CacheLimits;
  readonly #hints: HintTable;
  readonly #megaflows = new MegaflowTable();
  /** By number. */
  readonly #recipes: (Recipe | undefined)[] = [];
  readonly #free: number[] = [];
  #kernel: Kernel | undefined;
  #hits = 0;
  #misses = 0;
  #packets = new Float64Array(64);
  #bytes = new Float64Array(64);
  /** Numbers by where the frames come in, the oldest first. */
  readonly #byPort = new Map<number, Set<number>>();
  readonly #byMac = new Map<string, Set<number>>();

  constructor(limits: CacheLimits) {
    this.limits = limits;
    this.#hints = new HintTable(limits.hints, (id) => this.#megaflows.has(id));
  }

  /** A kernel looks megaflows up from now on, too: it learns what the cache knows, and goes on learning. */
  useKernel(kernel: Kernel): void {
    this.#kernel = kernel;
    this.#hints.moveTo(kernel.words, kernel.layout.hints);
    for (const [id, recipe] of this.#recipes.entries()) if (recipe) kernel.insert(id, recipe);
  }

  /** Buckets of hints, less one. */
  get hintMask(): number {
    return this.#hints.mask;
  }

  /** Recipes that are held. */
  get size(): number {
    return this.#recipes.length - this.#free.length;
  }

  statistics(): CacheStatistics {
    this.settle();
    return { megaflows: this.size, hits: this.#hits, misses: this.#misses };
  }

  /** The number of the recipe for a frame with this key, or -1. */
  find(key: FrameKey): number {
    const hash = hashKey(key, 0);
    const hint = this.#hints.find(hash);
    return hint >= 0 && this.#megaflows.holds(hint, key) ? hint : this.search(key, hash);
  }

  /** The same for a key, with this hash, that the hints know nothing of. */
  search(key: FrameKey, hash: number): number {
    const id = this.#megaflows.find(key);
    if (id >= 0) this.#hints.insert(hash, id, key[0]!);
    return id;
  }

  recipe(id: number): Recipe {
    return this.#recipes[id]!;
  }

  /** One frame of `length` bytes went by this recipe. */
  count(id: number, length: number): void {
    this.#hits++;
    this.#packets[id]!++;
    this.#bytes[id]! += length;
  }

  insert(recipe: Recipe): void {
    this.#misses++;
    if (this.size >= this.limits.megaflows) this.#evict();
    const id = this.#free.pop() ?? this.#recipes.length;
    if (id >= this.#packets.length) this.#grow();
    this.#recipes[id] = recipe;
    this.#packets[id] = 0;
    this.#bytes[id] = 0;
    this.#megaflows.insert(id, recipe.key, recipe.mask);
    this.#hints.insert(hashKey(recipe.key, 0), id, recipe.key[0]!);
    this.#kernel?.insert(id, recipe);
    addTo(this.#byPort, recipe.key[0]!, id);
    for (const mac of recipe.macs) addTo(this.#byMac, mac, id);
  }

  clear(): void {
    for (const [id, recipe] of this.#recipes.entries()) if (recipe) this.#remove(id, recipe);
    this.#kernel?.clear();
  }

  forgetTables(tables: ReadonlySet<number>): void {
    for (const [id, recipe] of this.#recipes.entries()) {
      if (recipe && !recipe.tables.isDisjointFrom(tables)) this.#remove(id, recipe);
    }
  }

  forgetGroup(group: number): void {
    for (const [id, recipe] of this.#recipes.entries()) {
      if (recipe?.groups.has(group)) this.#remove(id, recipe);
    }
  }

  forgetMac(mac: string): void {
    for (const id of [...(this.#byMac.get(mac) ?? [])]) this.forget(id);
  }

  forget(id: number): void {
    const recipe = this.#recipes[id];
    if (recipe) this.#remove(id, recipe);
  }

  /** Brings the counters of all rules up to date. */
  settle(): void {
    for (const [id, recipe] of this.#recipes.entries()) if (recipe) this.#settle(id, recipe);
  }

  #settle(id: number, recipe: Recipe): void {
    if (this.#kernel) {
      const packets = this.#kernel.takePackets(id);
      this.#hits += packets;
      this.#packets[id]! += packets;
      this.#bytes[id]! += this.#kernel.takeBytes(id);
    }
    if (this.#packets[id] === 0) return;
    for (const rule of recipe.rules) {
      rule.packets += BigInt(this.#packets[id]!);
      rule.bytes += BigInt(this.#bytes[id]!);
    }
    this.#packets[id] = 0;
    this.#bytes[id] = 0;
  }

  #remove(id: number, recipe: Recipe): void {
    this.#settle(id, recipe);
    this.#recipes[id] = undefined;
    this.#free.push(id);
    this.#megaflows.remove(id);
    this.#kernel?.remove(id);
    removeFrom(this.#byPort, recipe.key[0]!, id);
    for (const mac of recipe.macs) removeFrom(this.#byMac, mac, id);
  }

  /** The port with the most megaflows gives up its oldest one. */
  #evict(): void {
    let most: Set<number> | undefined;
    for (const ids of this.#byPort.values()) if (!most || ids.size > most.size) most = ids;
    for (const oldest of most ?? []) {
      this.forget(oldest);
      return;
    }
  }

  #grow(): void {
    const size = this.#packets.length * 2;
    const [packets, bytes] = [this.#packets, this.#bytes];
    this.#packets = new Float64Array(size);
    this.#bytes = new Float64Array(size);
    this.#packets.set(packets);
    this.#bytes.set(bytes);
  }
}

function addTo<K>(sets: Map<K, Set<number>>, key: K, id: number): void {
  const set = sets.get(key);
  if (set) set.add(id);
  else sets.set(key, new Set([id]));
}

function removeFrom<K>(sets: Map<K, Set<number>>, key: K, id: number): void {
  const set = sets.get(key);
  if (set?.delete(id) && set.size === 0) sets.delete(key);
}
