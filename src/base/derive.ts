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

/** What one rule makes of one thing. */
interface Unit<F, O> {
  readonly rule: Rule<F, O>;
  readonly name: string;
  /** How many facts give rise to it. */
  facts: number;
  reads: readonly Source<F, O>[];
  /** Keys of the outputs that it made. */
  outputs: readonly string[];
}

/**
 * What a unit can look at: a fact by its key, or a group. It is kept while somebody looks at it. A large network has
 * millions of these looks, so they are kept small: `readers` may name units that look no longer, or one twice; whether
 * a unit looks is what its `reads` say, and readers are put in order when half of them may be gone.
 */
interface Source<F, O> {
  readonly id: string;
  readers: Unit<F, O>[];
  /** How many looks ended since the readers were last put in order. */
  gone: number;
}

/** What a change touched, and whether it was there before. */
interface Touched<F, O> {
  readonly members: Map<string, { readonly group: string; readonly member: string; readonly was: boolean }>;
  readonly units: Map<Unit<F, O>, boolean>;
}

const SEPARATOR = '\u0000';

export class Deriver<F, O> {
  readonly #derivation: Derivation<F, O>;
  readonly #facts = new Map<string, F>();
  /** index SEPARATOR group -> member -> number of facts that put it there */
  readonly #groups = new Map<string, Map<string, number>>();
  /** rule -> name of the unit -> unit */
  readonly #units: ReadonlyMap<Rule<F, O>, Map<string, Unit<F, O>>>;
  /** Fact keys and group ids share the map, told apart by the separator. */
  readonly #sources = new Map<string, Source<F, O>>();
  readonly #outputs = new Map<string, O>();

  constructor(derivation: Derivation<F, O>) {
    this.#derivation = derivation;
    this.#units = new Map(derivation.rules.map((rule) => [rule, new Map()]));
    const names = new Set(derivation.rules.map((rule) => rule.name));
    if (names.size !== derivation.rules.length) throw new Error('two rules have the same name');
  }

  /** All outputs, in no particular order. */
  outputs(): IterableIterator<O> {
    return this.#outputs.values();
  }

  output(key: string): O | undefined {
    return this.#outputs.get(key);
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
  #change(changes: Iterable<readonly [string, F | undefined]>): Set<Unit<F, O>> {
    const dirty = new Set<Unit<F, O>>();
    const touched: Touched<F, O> = { members: new Map(), units: new Map() };
    for (const [key, fact] of changes) {
      const old = this.#facts.get(key);
      if (old === fact) continue;
      for (const unit of this.#readersOf(key)) dirty.add(unit);
      if (old !== undefined) this.#count(key, old, -1, touched);
      if (fact === undefined) this.#facts.delete(key);
      else {
        this.#facts.set(key, fact);
        this.#count(key, fact, +1, touched);
      }
    }
    // A unit that was there and still is needs no new derivation for that; if the fact matters to it, it has read it.
    for (const [unit, was] of touched.units) {
      const is = unit.facts > 0;
      if (is !== was) dirty.add(unit);
      else if (!is) this.#forget(unit);
    }
    for (const { group, member, was } of touched.members.values()) {
      const members = this.#groups.get(group);
      const is = (members?.get(member) ?? 0) > 0;
      if (!is) {
        members?.delete(member);
        if (members?.size === 0) this.#groups.delete(group);
      }
      if (is !== was) for (const unit of this.#readersOf(group)) dirty.add(unit);
    }
    return dirty;
  }

  #count(key: string, fact: F, by: 1 | -1, touched: Touched<F, O>): void {
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
    for (const [rule, units] of this.#units) {
      for (const name of rule.units(key, fact)) {
        const unit = entryOf(units, name, () => ({ rule, name, facts: 0, reads: [], outputs: [] }));
        if (!touched.units.has(unit)) touched.units.set(unit, unit.facts > 0);
        unit.facts += by;
      }
    }
  }

  #rederive(dirty: ReadonlySet<Unit<F, O>>): OutputChange<O>[] {
    const before = new Map<string, O | undefined>();
    const made: Map<string, O>[] = [];
    // Every dirty unit lets go of its outputs first, so that an output can move from one unit to another.
    for (const unit of dirty) {
      for (const key of unit.outputs) {
        before.set(key, this.output(key));
        this.#outputs.delete(key);
      }
      made.push(this.#derive(unit));
    }
    const after = new Map<string, O>();
    for (const outputs of made) {
      for (const [key, output] of outputs) {
        if (this.#outputs.has(key)) throw new Error(`${this.#makersOf(key)} both make the output ${key}`);
        this.#outputs.set(key, output);
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

  #derive(unit: Unit<F, O>): Map<string, O> {
    const outputs = new Map<string, O>();
    const reads = new Set<Source<F, O>>();
    if (unit.facts > 0) {
      const look = (id: string) =>
        reads.add(entryOf(this.#sources, id, () => ({ id, readers: [], gone: 0 })));
      const read: Read<F> = {
        get: (key) => {
          look(key);
          return this.#facts.get(key);
        },
        members: (index, group) => {
          look(index + SEPARATOR + group);
          return this.members(index, group);
        },
      };
      for (const output of unit.rule.derive(unit.name, read)) {
        const key = this.#derivation.outputKey(output);
        if (outputs.has(key)) throw new Error(`${nameOf(unit)} makes the output ${key} twice`);
        outputs.set(key, output);
      }
    } else this.#forget(unit);
    const before = new Set(unit.reads);
    unit.reads = [...reads];
    for (const source of before) if (!reads.has(source)) this.#endLook(source);
    for (const source of reads) if (!before.has(source)) addReader(source, unit);
    unit.outputs = [...outputs.keys()];
    return outputs;
  }

  #forget(unit: Unit<F, O>): void {
    this.#units.get(unit.rule)?.delete(unit.name);
  }

  #readersOf(id: string): Iterable<Unit<F, O>> {
    const source = this.#sources.get(id);
    return source ? readersOf(source) : [];
  }

  #endLook(source: Source<F, O>): void {
    source.gone++;
    if (2 * source.gone < source.readers.length) return;
    const readers = readersOf(source);
    source.readers = [...readers];
    source.gone = 0;
    if (readers.size === 0) this.#sources.delete(source.id);
  }

  #makersOf(key: string): string {
    const units = [...this.#units.values()].flatMap((ofRule) => [...ofRule.values()]);
    return units
      .filter(({ outputs }) => outputs.includes(key))
      .map(nameOf)
      .join(' and ');
  }
}

/** An array that grows by pushing keeps room for many more; most have one reader or two. */
function addReader<F, O>(source: Source<F, O>, unit: Unit<F, O>): void {
  if (source.readers.length < FEW) source.readers = source.readers.concat(unit);
  else source.readers.push(unit);
}

const FEW = 8;

/** The units that look at it now. */
function readersOf<F, O>(source: Source<F, O>): Set<Unit<F, O>> {
  return new Set(
    source.gone === 0 ? source.readers : source.readers.filter((unit) => unit.reads.includes(source)),
  );
}

function nameOf<F, O>({ rule, name }: Unit<F, O>): string {
  return `${rule.name} ${name}`;
}
