import { createHash } from 'node:crypto';
import { ordered } from './order.ts';
import { type PolicyRecord, recordKey, type Scope, type ScopedRecord } from './records.ts';
import { recordText, sameRecord } from './text.ts';

/** One record that is added or replaced; without `record`, removed. */
export interface PolicyChange {
  readonly scope: Scope;
  readonly key: string;
  readonly record?: PolicyRecord;
}

/** What leads from one policy to another, in the order of `ordered`, each record at most once. */
export interface PolicyDelta {
  readonly changes: readonly PolicyChange[];
}

/** A policy as it is read. */
export interface PolicyView {
  /** Number of records. */
  readonly size: number;
  get(scope: Scope, key: string): PolicyRecord | undefined;
  /** The records of a scope by key; empty when there are none. */
  scope(scope: Scope): ReadonlyMap<string, PolicyRecord>;
  /** Scopes with at least one record, sorted. */
  scopes(): Scope[];
  /** What makes this policy out of an empty one. */
  snapshot(): PolicyDelta;
  /** One of its own, which stays as this one is now. */
  copy(): PolicySet;
  /** Equal policies have equal texts: `host/h1 {record}` on each line, sorted by scope, then by key. */
  text(): string;
  /**
   * SHA-256 in hexadecimal of the policy, or of these scopes of it. Equal policies have equal hashes. Each scope is
   * hashed by itself and again only after a change, so that hosts which share a scope share the work.
   */
  hash(scopes?: Iterable<Scope>): string;
}

/** Policy records by scope and key. */
export class PolicySet implements PolicyView {
  readonly #scopes = new Map<Scope, Map<string, PolicyRecord>>();
  readonly #hashes = new Map<Scope, string>();
  #size = 0;

  static of(records: Iterable<ScopedRecord>): PolicySet {
    const set = new PolicySet();
    for (const { scope, record } of records) set.#put(scope, recordKey(record), record);
    return set;
  }

  get size(): number {
    return this.#size;
  }

  get(scope: Scope, key: string): PolicyRecord | undefined {
    return this.#scopes.get(scope)?.get(key);
  }

  scope(scope: Scope): ReadonlyMap<string, PolicyRecord> {
    return this.#scopes.get(scope) ?? NOTHING;
  }

  scopes(): Scope[] {
    return [...this.#scopes.keys()].sort();
  }

  /** Idempotent; a record to remove that is not there is passed over. */
  apply(delta: PolicyDelta): void {
    for (const { scope, key, record } of delta.changes) this.#put(scope, key, record);
  }

  copy(): PolicySet {
    const copy = new PolicySet();
    for (const [scope, records] of this.#scopes) copy.#scopes.set(scope, new Map(records));
    copy.#size = this.#size;
    return copy;
  }

  snapshot(): PolicyDelta {
    return diff(EMPTY, this);
  }

  text(): string {
    return this.scopes()
      .flatMap((scope) => this.#lines(scope).map((line) => `${scope} ${line}`))
      .join('');
  }

  hash(scopes: Iterable<Scope> = this.#scopes.keys()): string {
    const whole = createHash('sha256');
    for (const scope of [...scopes].sort()) {
      // A scope without records and a scope that is not there are the same thing.
      if (this.#scopes.has(scope)) whole.update(`${JSON.stringify(scope)} ${this.#scopeHash(scope)}\n`);
    }
    return whole.digest('hex');
  }

  #scopeHash(scope: Scope): string {
    let hash = this.#hashes.get(scope);
    if (hash === undefined) {
      const digest = createHash('sha256');
      for (const line of this.#lines(scope)) digest.update(line);
      hash = digest.digest('hex');
      this.#hashes.set(scope, hash);
    }
    return hash;
  }

  #lines(scope: Scope): string[] {
    const records = this.scope(scope);
    return [...records.keys()].sort().map((key) => `${recordText(records.get(key)!)}\n`);
  }

  #put(scope: Scope, key: string, record: PolicyRecord | undefined): void {
    this.#hashes.delete(scope);
    const records = this.#scopes.get(scope) ?? new Map<string, PolicyRecord>();
    this.#size -= records.size;
    if (record === undefined) records.delete(key);
    else records.set(key, record);
    this.#size += records.size;
    if (records.size === 0) this.#scopes.delete(scope);
    else this.#scopes.set(scope, records);
  }
}

const NOTHING: ReadonlyMap<string, PolicyRecord> = new Map();
const EMPTY: PolicyView = new PolicySet();

/** The smallest delta that leads from `a` to `b`. */
export function diff(a: PolicyView, b: PolicyView): PolicyDelta {
  const changes: PolicyChange[] = [];
  for (const scope of new Set([...a.scopes(), ...b.scopes()])) {
    const [before, after] = [a.scope(scope), b.scope(scope)];
    for (const [key, record] of after)
      if (!sameRecord(before.get(key), record)) changes.push({ scope, key, record });
    for (const key of before.keys()) if (!after.has(key)) changes.push({ scope, key });
  }
  return { changes: ordered(changes) };
}
