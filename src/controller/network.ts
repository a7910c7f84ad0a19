/**
 * The network as the controller holds it: what the operator said, what was handed out for it, and what both come to.
 *
 *     edits -> facts -> validation -> findings
 *                  \--> demands ----> allocations
 *                   \______________________\--> compiler -> policy records
 *
 * All four are incremental. `propose` takes edits in and says what they come to; then `keep` or `discard`. Nothing
 * here waits or touches the outside, so a proposal that is discarded was never there: that is a dry run, and also what
 * becomes of a refused change.
 */
import { type AllocationChange, Allocator } from '../allocate/allocator.ts';
import { needs } from '../allocate/demand.ts';
import { Deriver, type OutputChange } from '../base/derive.ts';
import { type Finding, finding } from '../base/error.ts';
import { entryOf } from '../base/map.ts';
import { Compiler } from '../compile/compile.ts';
import { allocationFact, type CompileFact } from '../compile/facts.ts';
import type { KindName, ObjectKey } from '../model/definition.ts';
import { factAt, factChanges } from '../model/facts.ts';
import { isImplied } from '../model/implied.ts';
import { type ModelObject, splitObjectKey } from '../model/kinds.ts';
import { compareFindings, type KeyedFinding, validation } from '../model/validate.ts';
import { domainScope, type PolicyRecord, type ScopedRecord } from '../policy/records.ts';

/** An object as it is kept: what the operator said, the id that it was given, the commit that last changed it. */
export interface Held {
  readonly object: ModelObject;
  readonly id: string;
  readonly revision: number;
}

/** One object that is new, changed, or (without `object`) gone. */
export interface Edit {
  readonly key: ObjectKey;
  readonly object?: ModelObject;
}

/** What edits come to. */
export interface Proposal {
  /** Errors first; with an error in it the proposal can only be discarded. */
  readonly findings: readonly Finding[];
  readonly allocations: readonly AllocationChange[];
  readonly records: readonly OutputChange<ScopedRecord>[];
}

type Facts = Map<ObjectKey, ModelObject | undefined>;

export class Network {
  readonly #held = new Map<ObjectKey, Held>();
  readonly #byKind = new Map<KindName, Map<ObjectKey, Held>>();
  readonly #validation = new Deriver(validation);
  readonly #needs = new Deriver(needs);
  readonly #allocator: Allocator;
  readonly #compiler = new Compiler();
  /** Domain scope -> hosts that take part in the routing domain. */
  readonly #subscribers = new Map<string, Set<string>>();
  /** How to take the open proposal back; undefined when there is none. */
  #discard: (() => void) | undefined;

  /** `uuid` gives a random UUID each time. */
  constructor(uuid: () => string) {
    this.#allocator = new Allocator(uuid);
  }

  /**
   * Takes over what was kept before. Returns what is wrong with it, and the allocations that have to change: what
   * this version needs and an earlier one did not, and what nothing stands behind any more.
   */
  load(
    objects: Iterable<Held & { readonly key: ObjectKey }>,
    allocations: Iterable<{ scope: string; owner: string; value: string }>,
  ): { readonly findings: readonly Finding[]; readonly allocations: readonly AllocationChange[] } {
    for (const { key, ...held } of objects) this.#hold(key, held);
    const facts: Facts = factChanges(this.#held.keys(), (key) => this.#held.get(key)?.object);
    const kept = [...allocations];
    this.#allocator.restore(kept);
    const wrong = this.#validation.apply(facts).flatMap((change) => change.after?.finding ?? []);
    const grant = this.#allocator.apply(this.#needs.apply(facts));
    const changes = [...grant.changes, ...this.#allocator.sweep()];
    const compiled = this.#compiler.apply([...facts, ...this.#allocator.allocations().map(allocationFact)]);
    for (const { after } of compiled) if (after) this.#subscribe(undefined, after.record, after.scope);
    return { findings: [...wrong, ...grant.findings], allocations: changes };
  }

  get(key: ObjectKey): Held | undefined {
    return this.#held.get(key);
  }

  /** The object, also one that nobody wrote but another one implies. */
  fact(key: ObjectKey): ModelObject | undefined {
    return factAt(key, (k) => this.#held.get(k)?.object);
  }

  /** The objects of a kind, implied ones among them, sorted by key. */
  list(kind: KindName): { readonly key: ObjectKey; readonly object: ModelObject; readonly held?: Held }[] {
    const all = [...(this.#byKind.get(kind) ?? [])].map(([key, held]) => ({
      key,
      object: held.object,
      held,
    }));
    const implied = [...this.#validation.facts()]
      .filter(([, fact]) => fact.kind === kind && isImplied(fact))
      .map(([key, object]) => ({ key: key as ObjectKey, object }));
    return [...all, ...implied].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** Every key that is in use, in no particular order. */
  keys(): IterableIterator<ObjectKey> {
    return this.#held.keys();
  }

  /** The objects that name this one. */
  referrers(key: ObjectKey): readonly string[] {
    return this.#validation.members('referrers', key);
  }

  /** Members of any group of the model's indexes. */
  members(index: string, group: string): readonly string[] {
    return this.#validation.members(index, group);
  }

  allocation(scope: string, owner: string): string | undefined {
    return this.#allocator.value(scope, owner);
  }

  poolUse(key: string) {
    return this.#allocator.poolUse(key);
  }

  records(): Iterable<ScopedRecord> {
    return this.#compiler.outputs();
  }

  record(scope: string, key: string): ScopedRecord | undefined {
    return this.#compiler.output(`${scope} ${key}`);
  }

  /** What stands in the way of nothing, but deserves to be read. */
  warnings(): KeyedFinding[] {
    return [...this.#validation.outputs()].sort(compareFindings);
  }

  /** Takes the edits in and says what they come to. To be followed by `keep` or `discard`. */
  propose(edits: readonly Edit[]): Proposal {
    if (this.#discard) throw new Error('a proposal is open already');
    const edited = new Map(edits.map((edit) => [edit.key, edit.object]));
    const object = (key: ObjectKey) => (edited.has(key) ? edited.get(key) : this.#held.get(key)?.object);
    const facts: Facts = factChanges(edited.keys(), object);
    const before: Facts = new Map([...facts.keys()].map((key) => [key, this.#validation.fact(key)]));
    const undo: (() => void)[] = [];
    this.#discard = () => {
      for (const step of undo.reverse()) step();
    };

    undo.push(() => this.#validation.apply(before));
    const findings = this.#readable(this.#validation.apply(facts), edited);
    if (findings.some((f) => f.severity === 'error')) return { findings, allocations: [], records: [] };

    undo.push(() => this.#needs.apply(before));
    const demands = this.#needs.apply(facts);
    undo.push(() => this.#allocator.undo());
    const grant = this.#allocator.apply(demands);
    if (grant.findings.length > 0)
      return { findings: [...grant.findings, ...findings], allocations: [], records: [] };

    const taken: [string, CompileFact | undefined][] = [...facts];
    const back: [string, CompileFact | undefined][] = [...before];
    for (const { scope, owner, before: was, after } of grant.changes) {
      const [key] = allocationFact({ scope, owner, value: '' });
      taken.push([key, after === null ? undefined : allocationFact({ scope, owner, value: after })[1]]);
      back.push([key, was === null ? undefined : allocationFact({ scope, owner, value: was })[1]]);
    }
    undo.push(() => this.#compiler.apply(back));
    const records = this.#compiler.apply(taken);
    return { findings, allocations: grant.changes, records };
  }

  /** The hosts that follow a scope of a routing domain, once the proposal is kept; and those that did before. */
  subscribersAfter(proposal: Proposal): (scope: string) => Iterable<string> {
    const joining = new Map<string, Set<string>>();
    for (const { after } of proposal.records) {
      const host = after && hostOf(after.scope);
      if (after?.record.kind !== 'domain' || host === undefined) continue;
      entryOf(joining, domainScope(after.record.rdid), () => new Set<string>()).add(host);
    }
    return (scope) => new Set([...(this.#subscribers.get(scope) ?? []), ...(joining.get(scope) ?? [])]);
  }

  /** The proposal was committed: the edits are what is held now. */
  keep(edits: readonly Edit[], revision: number, idOf: (key: ObjectKey) => string, proposal: Proposal): void {
    this.#discard = undefined;
    for (const { before, after } of proposal.records)
      this.#subscribe(before?.record, after?.record, (after ?? before)!.scope);
    for (const { key, object } of edits) {
      this.#hold(key, object && { object, id: idOf(key), revision });
    }
  }

  /** As if the proposal had never been made. */
  discard(): void {
    this.#discard?.();
    this.#discard = undefined;
  }

  #subscribe(before: PolicyRecord | undefined, after: PolicyRecord | undefined, scope: string): void {
    const host = hostOf(scope);
    if (host === undefined) return;
    if (before?.kind === 'domain') this.#subscribers.get(domainScope(before.rdid))?.delete(host);
    if (after?.kind === 'domain')
      entryOf(this.#subscribers, domainScope(after.rdid), () => new Set<string>()).add(host);
  }

  #hold(key: ObjectKey, held: Held | undefined): void {
    const kind = splitObjectKey(key)!.kind;
    const ofKind = this.#byKind.get(kind) ?? new Map<ObjectKey, Held>();
    this.#byKind.set(kind, ofKind);
    if (held) {
      this.#held.set(key, held);
      ofKind.set(key, held);
    } else {
      this.#held.delete(key);
      ofKind.delete(key);
    }
  }

  /**
   * New findings, errors first. What the deletion of an object makes wrong with others is said once, at the object,
   * with the list of its users.
   */
  #readable(
    changes: readonly OutputChange<KeyedFinding>[],
    edited: ReadonlyMap<ObjectKey, ModelObject | undefined>,
  ): Finding[] {
    const fresh = changes.flatMap((change) => change.after ?? []).sort(compareFindings);
    const deleted = [...edited].filter(([, object]) => !object).map(([key]) => key);
    const hurt = fresh
      .filter((f) => f.finding.severity === 'error' && !edited.has(f.object))
      .map((f) => f.object);
    const inUse: Finding[] = [];
    const explained = new Set<string>();
    for (const key of deleted) {
      // Some use an object without naming it: the only subnet of their network. With one deletion it is clear whose fault it is.
      const users = new Set([
        ...this.referrers(key),
        ...(deleted.length === edited.size && deleted.length === 1 ? hurt : []),
      ]);
      for (const user of users) if (edited.has(user as ObjectKey)) users.delete(user);
      if (users.size === 0) continue;
      for (const user of users) explained.add(user);
      const shown = [...users].sort().slice(0, USERS_NAMED).join(', ');
      const more = users.size > USERS_NAMED ? ` and ${users.size - USERS_NAMED} more` : '';
      const message = `${key} is still used by ${shown}${more}.`;
      inUse.push(
        finding(
          'in-use',
          key,
          message,
          'Delete these in the same change, or let them refer to something else first.',
        ),
      );
    }
    const rest = fresh.filter((f) => !explained.has(f.object)).map((f) => f.finding);
    const all = [...inUse, ...rest];
    return [...all.filter((f) => f.severity === 'error'), ...all.filter((f) => f.severity === 'warning')];
  }
}

/** How many users of an object a finding names. */
const USERS_NAMED = 10;

function hostOf(scope: string): string | undefined {
  return scope.startsWith('host/') ? scope.slice('host/'.length) : undefined;
}
