/**
 * Many values under one key, each once. Most keys have a single value, which then stands in the map by itself: a Set
 * for every key would cost several times as much.
 */
export class MultiMap<V extends string> {
  readonly #entries = new Map<string, V | Set<V>>();

  add(key: string, value: V): void {
    const present = this.#entries.get(key);
    if (present === undefined) this.#entries.set(key, value);
    else if (typeof present !== 'string') present.add(value);
    else if (present !== value) this.#entries.set(key, new Set([present, value]));
  }

  delete(key: string, value: V): void {
    const present = this.#entries.get(key);
    if (present === value) this.#entries.delete(key);
    else if (typeof present === 'object' && present.delete(value) && present.size === 0) {
      this.#entries.delete(key);
    }
  }

  /** The values of a key, in no particular order. */
  of(key: string): Iterable<V> {
    const present = this.#entries.get(key);
    if (present === undefined) return [];
    return typeof present === 'string' ? [present] : present;
  }
}
