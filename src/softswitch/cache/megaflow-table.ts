/**
 * The second level: megaflows, each of which stands for all frames that agree in the bits of its mask. Megaflows of one
 * mask are one group, in which a hash of those bits finds one at once; any that is found is right, as each of them says
 * what the flow tables would say.
 */
import { FRAME_KEY, type FrameKey } from './frame-key.ts';

/** Slots of a group's index: 0 = never used, GONE = used before, otherwise the number of a megaflow + 1. */
const GONE = -1;

interface Group {
  readonly text: string;
  readonly words: Uint8Array;
  readonly masks: Int32Array;
  index: Int32Array;
  /** Slots that are not 0, and those of megaflows that are there. */
  used: number;
  live: number;
}

export class MegaflowTable {
  readonly #groups: Group[] = [];
  /** By the number of the megaflow: its key under its mask, and its group. */
  #keys = new Int32Array(0);
  readonly #groupOf: (Group | undefined)[] = [];

  /** The number of a megaflow that the key is in, or -1. */
  find(key: FrameKey): number {
    const groups = this.#groups;
    for (let g = 0; g < groups.length; g++) {
      const group = groups[g]!;
      const slot = this.#slotOf(group, key);
      if (slot < 0) continue;
      // What is found often comes to the front.
      if (g > 0) {
        groups[g] = groups[g - 1]!;
        groups[g - 1] = group;
      }
      return group.index[slot]! - 1;
    }
    return -1;
  }

  /** Whether the key is in the megaflow of this number; false when there is none. */
  holds(id: number, key: FrameKey): boolean {
    const group = this.#groupOf[id];
    if (!group) return false;
    const { words, masks } = group;
    const at = id * FRAME_KEY.WORDS;
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!;
      if (this.#keys[at + word] !== (key[word]! & masks[i]!)) return false;
    }
    return true;
  }

  has(id: number): boolean {
    return this.#groupOf[id] !== undefined;
  }

  insert(id: number, key: FrameKey, mask: FrameKey): void {
    if ((id + 1) * FRAME_KEY.WORDS > this.#keys.length) {
      const larger = new Int32Array(Math.max(64 * FRAME_KEY.WORDS, this.#keys.length * 2));
      larger.set(this.#keys);
      this.#keys = larger;
    }
    for (let i = 0; i < FRAME_KEY.WORDS; i++) this.#keys[id * FRAME_KEY.WORDS + i] = key[i]! & mask[i]!;
    const group = this.#groupFor(mask);
    this.#groupOf[id] = group;
    if ((group.used + 1) * 2 > group.index.length) this.#rebuild(group);
    this.#place(group, id);
    group.live++;
  }

  remove(id: number): void {
    const group = this.#groupOf[id];
    if (!group) return;
    this.#groupOf[id] = undefined;
    const at = id * FRAME_KEY.WORDS;
    const slot = this.#slotOf(group, this.#keys.subarray(at, at + FRAME_KEY.WORDS));
    group.index[slot] = GONE;
    group.live--;
    if (group.live === 0) this.#groups.splice(this.#groups.indexOf(group), 1);
  }

  clear(): void {
    this.#groups.length = 0;
    this.#groupOf.length = 0;
  }

  #groupFor(mask: FrameKey): Group {
    const text = mask.join();
    const known = this.#groups.find((group) => group.text === text);
    if (known) return known;
    const words = Uint8Array.from([...mask.keys()].filter((i) => mask[i] !== 0));
    const masks = Int32Array.from(words, (i) => mask[i]!);
    const group = { text, words, masks, index: new Int32Array(16), used: 0, live: 0 };
    this.#groups.push(group);
    return group;
  }

  #slotOf({ words, masks, index }: Group, key: FrameKey): number {
    const keys = this.#keys;
    const last = index.length - 1;
    next: for (let slot = hashOf(words, masks, key) & last; ; slot = (slot + 1) & last) {
      const held = index[slot]!;
      if (held === 0) return -1;
      if (held === GONE) continue;
      const at = (held - 1) * FRAME_KEY.WORDS;
      for (let i = 0; i < words.length; i++) {
        const word = words[i]!;
        if (keys[at + word] !== (key[word]! & masks[i]!)) continue next;
      }
      return slot;
    }
  }

  #place(group: Group, id: number): void {
    const { words, masks, index } = group;
    const at = id * FRAME_KEY.WORDS;
    const last = index.length - 1;
    let slot = hashOf(words, masks, this.#keys.subarray(at, at + FRAME_KEY.WORDS)) & last;
    while (index[slot]! > 0) slot = (slot + 1) & last;
    if (index[slot] === 0) group.used++;
    index[slot] = id + 1;
  }

  #rebuild(group: Group): void {
    const ids = group.index.filter((held) => held > 0);
    group.index = new Int32Array(Math.max(16, 2 ** Math.ceil(Math.log2((group.live + 1) * 4))));
    group.used = 0;
    for (const held of ids) this.#place(group, held - 1);
  }
}

function hashOf(words: Uint8Array, masks: Int32Array, key: FrameKey): number {
  let hash = 0x2545f491;
  for (let i = 0; i < words.length; i++) {
    hash = Math.imul(hash ^ (key[words[i]!]! & masks[i]!), 0x9e3779b1);
    hash ^= hash >>> 15;
  }
  return hash;
}
