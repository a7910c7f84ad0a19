/**
 * What the kernels work on: the megaflows of a cache, once more, in the memory that layout.ts describes.
 *
 * A megaflow here has a record under its number. What is done to its frames is a program, and many megaflows share one:
 * the connections between two machines differ in their ports, and all end in the same tunnel.
 */
import { IP_PROTOCOL } from '../../packet/ipv4.ts';
import { type FrameKey, SHAPE } from '../cache/frame-key.ts';
import type { Toll } from '../cache/gate.ts';
import type { Delivery, Outlet, Recipe } from '../cache/recipe.ts';
import {
  ASKS,
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
  /** Megaflows with gates that ask each frame, and those with tolls. */
  #gated = 0;
  #tolled = 0;
  readonly #outletOf: (delivery: Delivery) => Outlet | undefined;
  /** By number. */
  readonly outlets: Outlet[] = [];
  readonly tolls: Toll[] = [];
  readonly #tollNumbers = new Map<Toll, number>();
  /** Instead of a megaflow, for frames that a toll has refused: they go nowhere. */
  readonly refused: number;

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
    // No key is in a megaflow that has this mask, and a key that is not 0.
    this.#noMask = this.#masks.take(new Int32Array(KEY.SIZE))!;
    this.refused = limits.megaflows;
    this.#clearRecord(this.refused);
    const record = this.#record(this.refused);
    this.words[record + RECORD.PROGRAM] = this.#programs.take(DROP_PROGRAM)!;
    this.words[record + RECORD.LONGEST] = 0x7fffffff;
  }

  /** Whether some megaflow has gates that ask each frame; and tolls. */
  get hasGates(): boolean {
    return this.#gated > 0;
  }

  get hasTolls(): boolean {
    return this.#tolled > 0;
  }

  /** Whether a megaflow has no gates at all. */
  isUngated(id: number): boolean {
    return this.words[this.#record(id) + RECORD.ASKED] === UNGATED;
  }

  /** The number of the toll of a megaflow, as ASKS has it. */
  tollOf(id: number): number {
    return this.words[this.#record(id) + RECORD.ASKS]! >>> ASKS.TOLL_SHIFT;
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
    this.#ask(record, recipe);
    const asksMoment = recipe.known.length > 0 || recipe.gates.some((gate) => !gate.isOfFrame);
    words[record + RECORD.ASKED] = asksMoment ? 0 : UNGATED;
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
    this.tolls.length = 0;
    this.#tollNumbers.clear();
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

  /** Notes what each frame is asked. */
  #ask(record: number, recipe: Recipe): void {
    const { words } = this;
    const gates = recipe.gates.filter((gate) => gate.isOfFrame);
    const use = gates.length === 1 && isPlainIpv4(recipe.key) ? gates[0]!.connection : undefined;
    let asks = this.#numberOfToll(recipe.tolls) << ASKS.TOLL_SHIFT;
    if (use) {
      const isTcp = protocolOf(recipe.key) === IP_PROTOCOL.TCP;
      asks |= ASKS.CONNECTION | (isTcp ? ASKS.TCP : 0) | (use.isReply ? ASKS.REPLY : 0);
      words[record + RECORD.SLOT] = use.slot;
      words[record + RECORD.VERSION] = use.version;
      words[record + RECORD.TIMEOUT] = use.timeout;
    } else if (gates.length > 0) {
      asks |= ASKS.GATES;
    }
    words[record + RECORD.ASKS] = asks;
    this.#count(asks, 1);
  }

  #count(asks: number, by: number): void {
    if ((asks & (ASKS.CONNECTION | ASKS.GATES)) !== 0) this.#gated += by;
    if (asks >>> ASKS.TOLL_SHIFT !== 0) this.#tolled += by;
  }

  #numberOfToll([toll, ...more]: readonly Toll[]): number {
    if (!toll) return 0;
    const known = this.#tollNumbers.get(toll);
    if (more.length > 0 || (known === undefined && this.tolls.length + 1 >= ASKS.TOLLS)) return ASKS.TOLLS;
    if (known !== undefined) return known;
    const number = this.tolls.push(toll);
    this.#tollNumbers.set(toll, number);
    return number;
  }

  #clearRecord(id: number): void {
    const record = this.#record(id);
    this.#count(this.words[record + RECORD.ASKS]!, -1);
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

/** UDP or TCP over IPv4, without a tag: what connection-pass.ts can ask. */
function isPlainIpv4(key: FrameKey): boolean {
  const protocol = protocolOf(key);
  return key[5]! >>> 24 === SHAPE.IPV4 && (protocol === IP_PROTOCOL.TCP || protocol === IP_PROTOCOL.UDP);
}

function protocolOf(key: FrameKey): number {
  return (key[5]! >>> 16) & 0xff;
}
