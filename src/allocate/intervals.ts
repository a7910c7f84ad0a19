/**
 * A set of whole numbers as a sorted list of intervals: a free pool of a million addresses is one entry. The lowest
 * member is at hand; taking it costs nothing but a comparison, so a pool is handed out in linear time.
 */
import type { Range } from './space.ts';

export class Intervals {
  /** Sorted, disjoint, and never adjacent: two that meet are one. */
  #list: Range[];

  private constructor(list: Range[]) {
    this.#list = list;
  }

  /** The union of the ranges less that of the holes; both in any order, overlapping or not. */
  static of(ranges: Iterable<Range>, holes: Iterable<Range> = []): Intervals {
    const union = merge([...ranges]);
    const gaps = merge([...holes]);
    const list: Range[] = [];
    let next = 0;
    for (const range of union) {
      let { from } = range;
      while (next < gaps.length && gaps[next]!.to < from) next++;
      // A gap may reach into the next range as well, so it is left behind only when it ends in this one.
      for (let i = next; i < gaps.length && gaps[i]!.from <= range.to; i++) {
        const gap = gaps[i]!;
        if (from < gap.from) list.push({ from, to: gap.from - 1n });
        from = gap.to + 1n;
        if (gap.to <= range.to) next = i + 1;
      }
      if (from <= range.to) list.push({ from, to: range.to });
    }
    return new Intervals(list);
  }

  lowest(): bigint | undefined {
    return this.#list[0]?.from;
  }

  has(value: bigint): boolean {
    return this.#holder(value) !== undefined;
  }

  /** How many numbers there are. */
  size(): bigint {
    return this.#list.reduce((sum, { from, to }) => sum + (to - from + 1n), 0n);
  }

  ranges(): readonly Range[] {
    return this.#list;
  }

  /** Nothing happens when it is there already. */
  add(value: bigint): void {
    const at = this.#search(value);
    const before = this.#list[at - 1];
    const after = this.#list[at];
    if (after && after.from <= value) return;
    const joinsBefore = before !== undefined && before.to === value - 1n;
    const joinsAfter = after !== undefined && after.from === value + 1n;
    const from = joinsBefore ? before.from : value;
    const to = joinsAfter ? after.to : value;
    this.#list.splice(at - (joinsBefore ? 1 : 0), (joinsBefore ? 1 : 0) + (joinsAfter ? 1 : 0), { from, to });
  }

  /** Nothing happens when it is not there. */
  delete(value: bigint): void {
    const at = this.#holder(value);
    if (at === undefined) return;
    const { from, to } = this.#list[at]!;
    const rest: Range[] = [];
    if (from < value) rest.push({ from, to: value - 1n });
    if (value < to) rest.push({ from: value + 1n, to });
    if (rest.length === 1) this.#list[at] = rest[0]!;
    else this.#list.splice(at, 1, ...rest);
  }

  /** Index of the interval that the value lies in. */
  #holder(value: bigint): number | undefined {
    const at = this.#search(value);
    const candidate = this.#list[at];
    return candidate && candidate.from <= value ? at : undefined;
  }

  /** Index of the first interval that ends at the value or above it. */
  #search(value: bigint): number {
    // The lowest is asked for by far the most.
    if (this.#list.length === 0 || value <= this.#list[0]!.to) return 0;
    let low = 1;
    let high = this.#list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#list[middle]!.to < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function merge(ranges: Range[]): Range[] {
  const merged: Range[] = [];
  for (const range of ranges.sort((a, b) => ascending(a.from, b.from))) {
    const last = merged.at(-1);
    if (!last || last.to + 1n < range.from) merged.push(range);
    else if (last.to < range.to) merged[merged.length - 1] = { from: last.from, to: range.to };
  }
  return merged;
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
