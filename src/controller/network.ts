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
import { Allocator } from '../allocate/allocator.ts';
import { needs } from '../allocate/demand.ts';
import type { AllocationChange } from '../allocate/holdings.ts';
import { type InactiveChange, readRows } from '../allocate/quarantine.ts';
import { Deriver, type OutputChange } from '../base/derive.ts';
import { type Finding, finding } from '../base/error.ts';
import { entryOf } from '../base/map.ts';
import { Compiler } from '../compile/compile.ts';
import { allocationFact, type CompileFact } from '../compile/facts.ts';
import { builtInAt, builtInKeys } from '../model/built-in.ts';
import type { KindName, ObjectKey } from '../model/definition.ts';
import { factAt, factChanges, type Reader } from '../model/facts.ts';
import { isImplied, originOfImplied } from '../model/implied.ts';
import { type ModelObject, splitObjectKey } from '../model/kinds.ts';
import { compareFindings, type KeyedFinding, validation } from '../model/validate.ts';
import { domainScope, hostOfScope, type PolicyRecord, type ScopedRecord } from '../policy/records.ts';

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
  /** Addresses that become inactive by it, and those that no longer are. */
  readonly inactive: readonly InactiveChange[];
  readonly records: readonly OutputChange<ScopedRecord>[];
}

const NOTHING: Proposal = { findings: [], allocations: [], inactive: [], records: [] };

/** What a proposal goes through after it was checked. */
export type Stage = 'allocate' | 'compile';

type Facts = Map<ObjectKey, ModelObject | undefined>;

/** The network, to be read. */
export type NetworkView = Omit<Network, 'propose' | 'proposeRelease' | 'keep' | 'discard' | 'load'>;

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
    rows: Iterable<{ scope: string; owner: string; value: string }>,
    now: number,
  ): {
    readonly findings: readonly Finding[];
    readonly allocations: readonly AllocationChange[];
    readonly inactive: readonly InactiveChange[];
  } {
    for (const { key, ...held } of objects) this.#hold(key, held);
    const keys = [...builtInKeys(), ...this.#held.keys()];
    const facts: Facts = factChanges(keys, (key) => this.#held.get(key)?.object);
    const { allocations, inactive, findings } = readRows(rows);
    this.#allocator.restore(allocations, inactive);
    const wrong = this.#validation.apply(facts).flatMap((change) => change.after?.finding ?? []);
    const grant = this.#allocator.apply(this.#needs.apply(facts), now);
    const swept = this.#allocator.sweep(now);
    const compiled = this.#compiler.apply([...facts, ...this.#allocator.allocations().map(allocationFact)]);
    for (const { after } of compiled) if (after) this.#subscribe(undefined, after.record, after.scope);
    return {
      findings: [...findings, ...wrong, ...grant.findings],
      allocations: [...grant.changes, ...swept.changes],
      inactive: [...grant.inactive, ...swept.inactive],
    };
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

  /** Facts and groups of the model as validation sees them, those of an open proposal among them. */
  get reader(): Reader {
    return {
      get: (key) => this.#validation.fact(key),
      members: (index, group) => this.#validation.members(index, group),
    };
  }

  allocation(scope: string, owner: string): string | undefined {
    return this.#allocator.value(scope, owner);
  }

  /** Everything that is handed out, sorted by scope and owner. */
  allocations() {
    return this.#allocator.allocations();
  }

  /** How full a pool is at the time `now`. */
  poolUse(key: string, now: number) {
    return this.#allocator.poolUse(key, now);
  }

  /** What a pool gives out, and in which scope. */
  pool(key: string) {
    return this.#allocator.pool(key);
  }

  /** Who holds the values of a scope. */
  holders(scope: string) {
    return this.#allocator.holders(scope);
  }

  /** The addresses of a scope that are inactive at the time `now`. */
  inactive(scope: string, now: number) {
    return this.#allocator.inactive(scope, now);
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

  /**
   * Takes the edits in and says what they come to at the time `now`, wall-clock milliseconds. To be followed by `keep` or
   * `discard`. `onStage` is told when a stage begins, and must not throw.
   */
  propose(edits: readonly Edit[], now: number, onStage: (stage: Stage) => void = () => {}): Proposal {
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
    const gone = [...facts].flatMap(([key, fact]) => (!fact && before.get(key) ? [key] : []));
    const findings = this.#readable(this.#validation.apply(facts), edited, gone);
    if (findings.some((f) => f.severity === 'error')) return { ...NOTHING, findings };

    onStage('allocate');
    undo.push(() => this.#needs.apply(before));
    const demands = this.#needs.apply(facts);
    undo.push(() => this.#allocator.undo());
    const grant = this.#allocator.apply(demands, now);
    if (grant.findings.length > 0) return { ...NOTHING, findings: [...grant.findings, ...findings] };

    onStage('compile');
    const taken: [string, CompileFact | undefined][] = [...facts];
    const back: [string, CompileFact | undefined][] = [...before];
    for (const { scope, owner, before: was, after } of grant.changes) {
      const [key] = allocationFact({ scope, owner, value: '' });
      taken.push([key, after === null ? undefined : allocationFact({ scope, owner, value: after })[1]]);
      back.push([key, was === null ? undefined : allocationFact({ scope, owner, value: was })[1]]);
    }
    undo.push(() => this.#compiler.apply(back));
    const records = this.#compiler.apply(taken);
    return { findings, allocations: grant.changes, inactive: grant.inactive, records };
  }

  /**
   * Ends the quarantine of addresses of a pool: of all, or of those named. Says what would be free, and which of the
   * named are not inactive in it. To be followed by `keep` or `discard`.
   */
  proposeRelease(
    pool: ObjectKey,
    values: readonly string[] | undefined,
    now: number,
  ): { readonly proposal: Proposal; readonly rest: readonly string[] } {
    if (this.#discard) throw new Error('a proposal is open already');
    this.#discard = () => this.#allocator.undo();
    const { inactive, rest } = this.#allocator.release(pool, values, now);
    return { proposal: { ...NOTHING, inactive }, rest };
  }

  /** The hosts that follow a scope of a routing domain. */
  subscribers(scope: string): readonly string[] {
    return [...(this.#subscribers.get(scope) ?? [])];
  }

  /** The hosts that follow a scope of a routing domain, once the proposal is kept; and those that did before. */
  subscribersAfter(proposal: Proposal): (scope: string) => Iterable<string> {
    const joining = new Map<string, Set<string>>();
    for (const { after } of proposal.records) {
      const host = after && hostOfScope(after.scope);
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
    const host = hostOfScope(scope);
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
    gone: readonly ObjectKey[],
  ): Finding[] {
    const fresh = changes.flatMap((change) => change.after ?? []).sort(compareFindings);
    // What stood in the place of something that is built in leaves that behind.
    const deleted = [...edited].flatMap(([key, object]) => (object || builtInAt(key) ? [] : [key]));
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
      const message = `${key} is still used by ${named([...users])}.`;
      inUse.push(
        finding(
          'in-use',
          key,
          message,
          'Delete these in the same change, or let them refer to something else first.',
        ),
      );
    }
    for (const key of gone) {
      const origin = originOfImplied(key);
      // One that went with what implied it is the business of that object's deletion.
      if (edited.has(key) || !origin || !edited.get(origin)) continue;
      const users = this.referrers(key).filter((user) => !edited.has(user as ObjectKey));
      if (users.length === 0) continue;
      for (const user of users) explained.add(user);
      const message = `${key} would be gone, and is still used by ${named(users)}.`;
      const remedy = 'Let these use another VM network first, or leave sameNameVmNetwork: true.';
      inUse.push(finding('in-use', `${origin}.sameNameVmNetwork`, message, remedy));
    }
    const rest = fresh.filter((f) => !explained.has(f.object)).map((f) => f.finding);
    const all = [...inUse, ...rest];
    return [...all.filter((f) => f.severity === 'error'), ...all.filter((f) => f.severity === 'warning')];
  }
}

/** How many users of an object a finding names. */
const USERS_NAMED = 10;

/** The first of them by name, and how many more there are. */
function named(users: readonly string[]): string {
  const shown = users.toSorted().slice(0, USERS_NAMED).join(', ');
  return users.length > USERS_NAMED ? `${shown} and ${users.length - USERS_NAMED} more` : shown;
}
