/**
 * Remembers what came of frames, so that the next ones like them need no look at the flow tables: two levels, exact
 * keys and megaflows, both bounded (Pfaff et al., NSDI 2015). It never changes what happens to a frame, only how
 * long that takes: whatever a recipe rests on tells the cache when it changes.
 *
 *     ports, links, teams        clear()            all recipes
 *     flows of some tables       forgetTables()     the recipes that looked into these tables
 *     one learnt address         forgetMac()        the recipes that looked it up
 *
 * Rules count through it: a recipe counts frames and bytes, and adds them to its rules when somebody asks, or it goes.
 */

import { ExactTable } from './exact-table.ts';
import { type FrameKey, isWide } from './frame-key.ts';
import { MegaflowTable } from './megaflow-table.ts';
import type { Recipe } from './recipe.ts';

export interface CacheLimits {
  readonly megaflows: number;
  /** A power of two; 64 bytes each. */
  readonly exact: number;
}

export const CACHE_LIMITS: CacheLimits = { megaflows: 65_536, exact: 131_072 };

export interface CacheStatistics {
  readonly megaflows: number;
  /** Frames that went by a recipe, and those that left one for the next. */
  readonly hits: number;
  readonly misses: number;
}

export class FlowCache {
  readonly #limit: number;
  readonly #exact: ExactTable;
  readonly #megaflows = new MegaflowTable();
  /** By number. */
  readonly #recipes: (Recipe | undefined)[] = [];
  readonly #free: number[] = [];
  #stamps = new Int32Array(64);
  #nextStamp = 1;
  #hits = 0;
  #misses = 0;
  #packets = new Float64Array(64);
  #bytes = new Float64Array(64);
  /** Numbers by where the frames come in, the oldest first. */
  readonly #byPort = new Map<number, Set<number>>();
  readonly #byMac = new Map<string, Set<number>>();

  constructor({ megaflows, exact }: CacheLimits) {
    this.#limit = megaflows;
    this.#exact = new ExactTable(exact);
  }

  /** Recipes that are held. */
  get size(): number {
    return this.#recipes.length - this.#free.length;
  }

  statistics(): CacheStatistics {
    return { megaflows: this.size, hits: this.#hits, misses: this.#misses };
  }

  /** The number of the recipe for a frame with this key, or -1. */
  find(key: FrameKey): number {
    const isNarrow = !isWide(key);
    if (isNarrow) {
      const exact = this.#exact.find(key, this.#stamps);
      if (exact >= 0) return exact;
    }
    const id = this.#megaflows.find(key);
    if (id >= 0 && isNarrow) this.#exact.insert(key, id, this.#stamps);
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
    if (this.size >= this.#limit) this.#evict();
    const id = this.#free.pop() ?? this.#recipes.length;
    if (id >= this.#stamps.length) this.#grow();
    this.#recipes[id] = recipe;
    this.#stamps[id] = this.#nextStamp;
    this.#nextStamp = (this.#nextStamp + 1) | 0 || 1;
    this.#packets[id] = 0;
    this.#bytes[id] = 0;
    this.#megaflows.insert(id, recipe.key, recipe.mask);
    if (!isWide(recipe.key)) this.#exact.insert(recipe.key, id, this.#stamps);
    addTo(this.#byPort, recipe.key[0]!, id);
    for (const mac of recipe.macs) addTo(this.#byMac, mac, id);
  }

  clear(): void {
    for (const [id, recipe] of this.#recipes.entries()) if (recipe) this.#remove(id, recipe);
  }

  forgetTables(tables: ReadonlySet<number>): void {
    for (const [id, recipe] of this.#recipes.entries()) {
      if (recipe && !recipe.tables.isDisjointFrom(tables)) this.#remove(id, recipe);
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
    this.#stamps[id] = 0;
    this.#free.push(id);
    this.#megaflows.remove(id);
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
    const size = this.#stamps.length * 2;
    const [stamps, packets, bytes] = [this.#stamps, this.#packets, this.#bytes];
    this.#stamps = new Int32Array(size);
    this.#packets = new Float64Array(size);
    this.#bytes = new Float64Array(size);
    this.#stamps.set(stamps);
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
