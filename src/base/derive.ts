/**
 * Incremental derivation: the engine under both compilers.
 *
 *     facts (keyed)  --index-->  groups of members
 *        |  units()                    |
 *        v                             v
 *     units of work  --derive(unit, read)-->  outputs (keyed)
 *
 * A rule says which units a fact gives rise to, and what one unit comes to. What a unit read while it was derived is
 * remembered; when one of those things changes, the unit is derived again, and nothing else is. So
 * a change costs what it touches, nobody keeps a list of dependents by hand, and the sum of all increments is what
 * one derivation from all the facts gives (`derive.test.ts`).
 *
 * A unit reads in two ways: one fact by its key, or the distinct members of a group. A group changes only when its
 * set of members does: a second VM behind a provider address that is already in the group touches nobody.
 */

import { entryOf } from './map.ts';
import { MultiMap } from './multimap.ts';

/** What a unit may look at. Every look is remembered as a dependency, also one that found nothing. */
export interface Read<F> {
  /** The fact with this key, if it exists. */
  get(key: string): F | undefined;
  /** The distinct members of a group, sorted. Empty for a group that nobody is in. */
  members(index: string, group: string): readonly string[];
}

export interface Rule<F, O> {
  /** Unique among the rules of a derivation; named after the feature. */
  readonly name: string;
  /** The units that this fact gives rise to. A unit exists as long as at least one fact gives rise to it. */
  units(key: string, fact: F): Iterable<string>;
  /** What one unit comes to, from what it reads and nothing else. */
  derive(unit: string, read: Read<F>): Iterable<O>;
}

/** Which groups a fact is in, and as what: pairs of group and member. */
export type Index<F> = (key: string, fact: F) => Iterable<readonly [group: string, member: string]>;

export interface Derivation<F, O> {
  readonly indexes: Readonly<Record<string, Index<F>>>;
  readonly rules: readonly Rule<F, O>[];
  /** Identity of an output. No two units may make the same one. */
  outputKey(output: O): string;
  /** Whether two outputs of one key say the same. */
  same(a: O, b: O): boolean;
}

/** `before` is absent for an addition, `after` for a removal; never both. */
export interface OutputChange<O> {
  readonly key: string;
  readonly before?: O;
  readonly after?: O;
}

interface Unit {
  /** How many facts give rise to it. */
  facts: number;
  /** Keys of the facts and groups that it read, and of the outputs that it made. */
  reads: readonly string[];
  outputs: readonly string[];
}

/** What a change touched, and whether it was there before. */
interface Touched {
  readonly members: Map<string, { readonly group: string; readonly member: string; readonly was: boolean }>;
  readonly units: Map<string, boolean>;
}

const SEPARATOR = '\u0000';
const NOTHING: readonly string[] = [];

export class Deriver<F, O> {
  readonly #derivation: Derivation<F, O>;
  readonly #rules: ReadonlyMap<string, Rule<F, O>>;
  readonly #facts = new Map<string, F>();
  /** index SEPARATOR group -> member -> number of facts that put it there */
  readonly #groups = new Map<string, Map<string, number>>();
  readonly #units = new Map<string, Unit>();
  /** what was read -> the units that read it; group keys and fact keys share the map, told apart by the separator */
  readonly #readers = new MultiMap<string>();
  readonly #outputs = new Map<string, { unit: string; output: O }>();

  constructor(derivation: Derivation<F, O>) {
    this.#derivation = derivation;
    this.#rules = new Map(derivation.rules.map((rule) => [rule.name, rule]));
    if (this.#rules.size !== derivation.rules.length) throw new Error('two rules have the same name');
  }

  /** All outputs, in no particular order. */
  *outputs(): IterableIterator<O> {
    for (const { output } of this.#outputs.values()) yield output;
  }

  output(key: string): O | undefined {
    return this.#outputs.get(key)?.output;
  }

  fact(key: string): F | undefined {
    return this.#facts.get(key);
  }

  facts(): ReadonlyMap<string, F> {
    return this.#facts;
  }

  /** The distinct members of a group, sorted. */
  members(index: string, group: string): readonly string[] {
    return [...(this.#groups.get(index + SEPARATOR + group)?.keys() ?? [])].sort();
  }

  /**
   * Adds, replaces and (with undefined) removes facts, all at once, and says what that changes in the outputs,
   * sorted by key. Throws when two units make the same output; the deriver is then no longer usable.
   */
  apply(changes: Iterable<readonly [key: string, fact: F | undefined]>): OutputChange<O>[] {
    const dirty = this.#change(changes);
    return this.#rederive(dirty);
  }

  /** Takes the changes into facts, groups and units; returns the units to derive again. */
  #change(changes: Iterable<readonly [string, F | undefined]>): Set<string> {
    const dirty = new Set<string>();
    const touched: Touched = { members: new Map(), units: new Map() };
    for (const [key, fact] of changes) {
      const old = this.#facts.get(key);
      if (old === fact) continue;
      for (const unit of this.#readers.of(key)) dirty.add(unit);
      if (old !== undefined) this.#count(key, old, -1, touched);
      if (fact === undefined) this.#facts.delete(key);
      else {
        this.#facts.set(key, fact);
        this.#count(key, fact, +1, touched);
      }
    }
    // A unit that was there and still is needs no new derivation for that; if the fact matters to it, it has read it.
    for (const [id, was] of touched.units) {
      const is = this.#units.get(id)!.facts > 0;
      if (is !== was) dirty.add(id);
      else if (!is) this.#units.delete(id);
    }
    for (const { group, member, was } of touched.members.values()) {
      const members = this.#groups.get(group);
      const is = (members?.get(member) ?? 0) > 0;
      if (!is) {
        members?.delete(member);
        if (members?.size === 0) this.#groups.delete(group);
      }
      if (is !== was) for (const unit of this.#readers.of(group)) dirty.add(unit);
    }
    return dirty;
  }

  #count(key: string, fact: F, by: 1 | -1, touched: Touched): void {
    for (const [name, index] of Object.entries(this.#derivation.indexes)) {
      for (const [groupName, member] of index(key, fact)) {
        const group = name + SEPARATOR + groupName;
        const members = entryOf(this.#groups, group, () => new Map<string, number>());
        const count = members.get(member) ?? 0;
        const id = group + SEPARATOR + member;
        if (!touched.members.has(id)) touched.members.set(id, { group, member, was: count > 0 });
        members.set(member, count + by);
      }
    }
    for (const rule of this.#derivation.rules) {
      for (const name of rule.units(key, fact)) {
        const id = rule.name + SEPARATOR + name;
        const unit = entryOf(this.#units, id, () => ({ facts: 0, reads: NOTHING, outputs: NOTHING }));
        if (!touched.units.has(id)) touched.units.set(id, unit.facts > 0);
        unit.facts += by;
      }
    }
  }

  #rederive(dirty: ReadonlySet<string>): OutputChange<O>[] {
    const before = new Map<string, O | undefined>();
    const made: [unit: string, outputs: Map<string, O>][] = [];
    // Every dirty unit lets go of its outputs first, so that an output can move from one unit to another.
    for (const id of dirty) {
      const unit = this.#units.get(id);
      if (!unit) continue;
      for (const key of unit.outputs) {
        before.set(key, this.output(key));
        this.#outputs.delete(key);
      }
      made.push([id, this.#derive(id, unit)]);
    }
    const after = new Map<string, O>();
    for (const [id, outputs] of made) {
      for (const [key, output] of outputs) {
        const taken = this.#outputs.get(key);
        if (taken) throw new Error(`${name(taken.unit)} and ${name(id)} both make the output ${key}`);
        this.#outputs.set(key, { unit: id, output });
        after.set(key, output);
        if (!before.has(key)) before.set(key, undefined);
      }
    }
    const changes: OutputChange<O>[] = [];
    for (const [key, was] of before) {
      const is = after.get(key);
      if (was !== undefined && is !== undefined) {
        if (!this.#derivation.same(was, is)) changes.push({ key, before: was, after: is });
      } else if (was !== undefined) changes.push({ key, before: was });
      else if (is !== undefined) changes.push({ key, after: is });
    }
    return changes.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  #derive(id: string, unit: Unit): Map<string, O> {
    const outputs = new Map<string, O>();
    const reads = new Set<string>();
    if (unit.facts > 0) {
      const [ruleName, unitName] = split(id);
      const read: Read<F> = {
        get: (key) => {
          reads.add(key);
          return this.#facts.get(key);
        },
        members: (index, group) => {
          reads.add(index + SEPARATOR + group);
          return this.members(index, group);
        },
      };
      for (const output of this.#rules.get(ruleName)!.derive(unitName, read)) {
        const key = this.#derivation.outputKey(output);
        if (outputs.has(key)) throw new Error(`${name(id)} makes the output ${key} twice`);
        outputs.set(key, output);
      }
    }
    for (const key of unit.reads) if (!reads.has(key)) this.#readers.delete(key, id);
    for (const key of reads) this.#readers.add(key, id);
    if (unit.facts === 0) this.#units.delete(id);
    unit.reads = [...reads];
    unit.outputs = [...outputs.keys()];
    return outputs;
  }
}

function split(id: string): [rule: string, unit: string] {
  const at = id.indexOf(SEPARATOR);
  return [id.slice(0, at), id.slice(at + 1)];
}

function name(id: string): string {
  return split(id).join(' ');
}
