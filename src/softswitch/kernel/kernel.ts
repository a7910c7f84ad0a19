/**
 * What the kernels work on: the megaflows of a cache, once more, in the memory that layout.ts describes.
 *
 * A megaflow here has a record under its number. What is done to its frames is a program, and many megaflows share one:
 * the connections between two machines differ in their ports, and all end in the same tunnel.
 */
import type { Delivery, Outlet, Recipe } from '../cache/recipe.ts';
import {
  KEY,
  type KernelLayout,
  type KernelLimits,
  KIND,
  LIST,
  layoutOf,
  MASK,
  NONE,
  PROGRAM,
  RECORD,
  UNGATED,
} from './layout.ts';
import type { KernelPasses } from './passes.ts';
import { compileProgram, DROP_PROGRAM, SLOW_PROGRAM } from './program.ts';
import { TypeScriptKernel } from './typescript.ts';
import { WasmKernel } from './wasm.ts';

/** A place in memory that has one content, for all who want that. */
interface Shared {
  readonly text: string;
  readonly at: number;
  users: number;
}

/** Equal contents are there once. The first one always stays. */
class Pool {
  readonly #words: Int32Array;
  readonly #first: number;
  readonly #size: number;
  readonly #limit: number;
  readonly #byText = new Map<string, Shared>();
  readonly #byPlace = new Map<number, Shared>();
  readonly #free: number[] = [];
  #used = 0;

  /** `limit`: of contents, each of `size` words. */
  constructor(words: Int32Array, first: number, size: number, limit: number) {
    this.#words = words;
    this.#first = first;
    this.#size = size;
    this.#limit = limit;
  }

  /** Where the content stands; undefined when there is no room. */
  take(content: ArrayLike<number>): number | undefined {
    const text = Array.prototype.join.call(content);
    const known = this.#byText.get(text);
    if (known) {
      known.users++;
      return known.at;
    }
    if (this.#free.length === 0 && this.#used >= this.#limit) return undefined;
    const at = this.#free.pop() ?? this.#first + this.#size * this.#used++;
    const shared = { text, at, users: 1 };
    this.#byText.set(text, shared);
    this.#byPlace.set(at, shared);
    this.#words.set(content, at);
    return at;
  }

  give(at: number): void {
    const shared = this.#byPlace.get(at);
    if (!shared || --shared.users > 0) return;
    this.#byText.delete(shared.text);
    this.#byPlace.delete(at);
    this.#free.push(at);
  }
}

/** Which kernel: `wasm` is the one in TypeScript where that cannot be had. */
export type KernelChoice = 'wasm' | 'typescript';

export class Kernel {
  readonly memory: ArrayBuffer;
  /** For frames in this memory, and for those elsewhere. */
  readonly passes: KernelPasses;
  readonly passesElsewhere: KernelPasses;
  readonly layout: KernelLayout;
  readonly words: Int32Array;
  readonly #doubles: Float64Array;
  readonly #programs: Pool;
  readonly #masks: Pool;
  readonly #noMask: number;
  readonly #slow: number;
  /** By megaflow: it has gates that ask each frame, or tolls; and how many have. */
  readonly #gated: Uint8Array;
  #gates = 0;
  readonly #outletOf: (delivery: Delivery) => Outlet | undefined;
  /** By number. */
  readonly outlets: Outlet[] = [];

  /** `outletOf`: where a frame goes, when it goes anywhere. */
  constructor(
    choice: KernelChoice,
    limits: KernelLimits,
    outletOf: (delivery: Delivery) => Outlet | undefined,
  ) {
    this.layout = layoutOf(limits);
    const wasm = choice === 'wasm' ? WasmKernel.start(this.layout) : undefined;
    this.memory = wasm?.memory ?? new ArrayBuffer(this.layout.size);
    this.passesElsewhere = new TypeScriptKernel(this.memory, this.layout);
    this.passes = wasm ?? this.passesElsewhere;
    this.words = new Int32Array(this.memory);
    this.#doubles = new Float64Array(this.memory);
    this.#outletOf = outletOf;
    this.#programs = new Pool(this.words, this.layout.programs, 1 << PROGRAM.SHIFT, limits.programs);
    this.#masks = new Pool(this.words, MASK.AT, KEY.SIZE, MASK.LIMIT);
    this.#slow = this.#programs.take(SLOW_PROGRAM)!;
    this.#gated = new Uint8Array(limits.megaflows);
    // No key is in a megaflow that has this mask, and a key that is not 0.
    this.#noMask = this.#masks.take(new Int32Array(KEY.SIZE))!;
  }

  /** Whether some megaflow has gates that ask each frame, or tolls. */
  get hasGates(): boolean {
    return this.#gates > 0;
  }

  /** Whether a megaflow has no gates at all. */
  isUngated(id: number): boolean {
    return this.words[this.#record(id) + RECORD.ASKED] === UNGATED;
  }

  /** Whether this one has. */
  isGated(id: number): boolean {
    return this.#gated[id] !== 0;
  }

  /** Whether `apply` stops at this frame of the batch. */
  stopsAt(i: number, headroom: number): boolean {
    const { words } = this;
    const id = words[LIST.FOUND + i]!;
    if (id < 0) return true;
    const record = this.#record(id);
    const program = words[record + RECORD.PROGRAM]!;
    return (
      words[program + PROGRAM.KIND] === KIND.SLOW ||
      words[program + PROGRAM.HEADROOM]! > headroom ||
      words[LIST.LENGTH + i]! > words[record + RECORD.LONGEST]!
    );
  }

  insert(id: number, recipe: Recipe): void {
    this.#clearRecord(id);
    const mask = new Int32Array(KEY.SIZE);
    mask.set(recipe.mask);
    const maskAt = this.#masks.take(mask);
    if (maskAt === undefined) return;
    const { words } = this;
    const record = this.#record(id);
    for (let i = 0; i < recipe.key.length; i++) words[record + RECORD.KEY + i] = recipe.key[i]! & mask[i]!;
    words[record + RECORD.MASK] = maskAt;
    words[record + RECORD.PROGRAM] = this.#programFor(recipe);
    words[record + RECORD.LONGEST] = Math.min(recipe.longest, 0x7fffffff);
    this.#gate(id, recipe.tolls.length > 0 || recipe.gates.some((gate) => gate.isOfFrame));
    words[record + RECORD.ASKED] = recipe.known.length > 0 || recipe.gates.length > 0 ? 0 : UNGATED;
  }

  remove(id: number): void {
    const record = this.#record(id);
    const { words } = this;
    const mask = words[record + RECORD.MASK]!;
    if (mask === this.#noMask) return;
    this.#masks.give(mask);
    const program = words[record + RECORD.PROGRAM]!;
    if (program !== this.#slow) this.#programs.give(program);
    this.#clearRecord(id);
  }

  /** All megaflows have been removed. */
  clear(): void {
    this.outlets.length = 0;
  }

  /** What was counted since the last time. */
  takePackets(id: number): number {
    return this.#take((this.#record(id) + RECORD.PACKETS) >> 1);
  }

  takeBytes(id: number): number {
    return this.#take((this.#record(id) + RECORD.BYTES) >> 1);
  }

  /** Memory for frames: batches in it are the quickest. */
  frames(): Uint8Array {
    return new Uint8Array(this.memory, this.layout.frames * 4);
  }

  /** The key of a frame of the batch. */
  keyOf(i: number): Int32Array {
    const at = KEY.AT + i * KEY.SIZE;
    return this.words.subarray(at, at + KEY.SIZE);
  }

  hashOf(i: number): number {
    return this.words[LIST.HASH + i]!;
  }

  #take(at: number): number {
    const value = this.#doubles[at]!;
    this.#doubles[at] = 0;
    return value;
  }

  #record(id: number): number {
    return this.layout.records + (id << RECORD.SHIFT);
  }

  #gate(id: number, isGated: boolean): void {
    this.#gates += Number(isGated) - this.#gated[id]!;
    this.#gated[id] = Number(isGated);
  }

  #clearRecord(id: number): void {
    this.#gate(id, false);
    const record = this.#record(id);
    this.words.fill(0, record, record + (1 << RECORD.SHIFT));
    this.words[record] = NONE;
    this.words[record + RECORD.MASK] = this.#noMask;
    this.words[record + RECORD.PROGRAM] = this.#slow;
    this.words[record + RECORD.ASKED] = UNGATED;
  }

  #programFor({ deliveries, key, mask }: Recipe): number {
    const [delivery, ...more] = deliveries;
    if (more.length > 0) return this.#slow;
    if (!delivery) return this.#programs.take(DROP_PROGRAM) ?? this.#slow;
    const outlet = this.#outletOf(delivery);
    if (!outlet?.waiting) return this.#slow;
    const program = compileProgram(delivery, this.#numberOf(outlet), key, mask);
    if (program[PROGRAM.KIND] === KIND.SLOW) return this.#slow;
    return this.#programs.take(program) ?? this.#slow;
  }

  #numberOf(outlet: Outlet): number {
    const known = this.outlets.indexOf(outlet);
    return known >= 0 ? known : this.outlets.push(outlet) - 1;
  }
}
