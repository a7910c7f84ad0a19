/**
 * Finds the flows whose time is up without looking at those whose is not: a binary heap of flows by the moment before
 * which none of them can be over. A flow that was used in the meantime is put back with its new end, so each use costs
 * nothing, and each timeout of a flow one step at most.
 */
import { endOf, type Lifetime } from './lifetime.ts';

interface Mortal {
  readonly life: Lifetime | undefined;
}

interface Entry<T> {
  readonly at: number;
  readonly item: T & { readonly life: Lifetime };
}

export class ExpiryQueue<T extends Mortal> {
  readonly #heap: Entry<T>[] = [];

  /** From now on the item is watched; again when its time became shorter. One without an end needs no watching. */
  watch(item: T): void {
    if (!hasLife(item)) return;
    const at = endOf(item.life);
    if (at === Number.POSITIVE_INFINITY) return;
    this.#heap.push({ at, item });
    this.#rise(this.#heap.length - 1);
  }

  /** Those whose time is up, and which are not over yet; each once. */
  due(now: number): T[] {
    const due = new Set<T>();
    for (let first = this.#heap[0]; first && first.at < now; first = this.#heap[0]) {
      this.#removeFirst();
      const { item } = first;
      if (item.life.isOver) continue;
      if (endOf(item.life) >= now) this.watch(item);
      else due.add(item);
    }
    return [...due];
  }

  clear(): void {
    this.#heap.length = 0;
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (!last || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink();
  }

  #rise(place: number): void {
    const heap = this.#heap;
    for (let at = place; at > 0; ) {
      const above = (at - 1) >>> 1;
      if (heap[above]!.at <= heap[at]!.at) return;
      [heap[above], heap[at]] = [heap[at]!, heap[above]!];
      at = above;
    }
  }

  #sink(): void {
    const heap = this.#heap;
    for (let at = 0; ; ) {
      let least = at;
      for (const below of [2 * at + 1, 2 * at + 2]) {
        if (below < heap.length && heap[below]!.at < heap[least]!.at) least = below;
      }
      if (least === at) return;
      [heap[least], heap[at]] = [heap[at]!, heap[least]!];
      at = least;
    }
  }
}

function hasLife<T extends Mortal>(item: T): item is T & { readonly life: Lifetime } {
  return item.life !== undefined;
}
