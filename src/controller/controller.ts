/**
 * The controller: takes changes, checks and compiles them, commits them, and tells the agents. One change at a time; a
 * change is committed as a whole or leaves no trace.
 *
 *     apply -> normalise -> Network.propose -> Store.commit -> Network.keep -> PolicyFeed.publish
 *                                 |                  |
 *                                 +--- findings -----+--- refused: Network.discard
 */
import type { AllocationChange } from '../allocate/allocator.ts';
import type { Clock } from '../base/clock.ts';
import { type Finding, finding, NetloomError, throwIfErrors } from '../base/error.ts';
import { sameJson } from '../base/json.ts';
import type { ObjectKey } from '../model/definition.ts';
import { isImplied } from '../model/implied.ts';
import { isKind, type ModelObject, objectKey, splitObjectKey } from '../model/kinds.ts';
import { recordKey } from '../policy/records.ts';
import { type PolicyDelta, PolicySet } from '../policy/set.ts';
import type { Commit, HistoryFilter, Store, TransactionChanges } from '../store/contract.ts';
import { Watchers } from '../store/watchers.ts';
import { PolicyFeed } from '../stream/feed.ts';
import {
  type ChangeSummary,
  commitSummaries,
  fieldChanges,
  hostSummaries,
  type ObjectSummary,
} from './change.ts';
import { type Edit, Network, type Proposal } from './network.ts';
import { jsonOf, readStored, writeStored } from './stored.ts';

/** One thing that a caller wants. `expect`: the revision at which the object must have been changed last. */
export type Change =
  | { readonly object: ModelObject; readonly expect?: number | 'absent' }
  | { readonly delete: ObjectKey; readonly expect?: number };

export interface ChangeOptions {
  readonly author: string;
  /** Why, for the journal. */
  readonly message?: string;
  /** Say what would happen and change nothing. */
  readonly dryRun?: boolean;
  /** Makes it safe to send the same change again. */
  readonly requestId?: string;
}

export interface ControllerOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** A random UUID each time. */
  readonly uuid: () => string;
}

export class Controller {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #uuid: () => string;
  #network: Network;
  readonly feed: PolicyFeed;
  #revision: number;
  /** Request id -> what became of the request, for the last ones. */
  readonly #requests = new Map<string, Commit>();
  // Not the store's own: it tells before the commit is what is held here.
  readonly #watchers = new Watchers();
  #work: Promise<unknown> = Promise.resolve();

  private constructor(options: ControllerOptions, network: Network, revision: number) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#uuid = options.uuid;
    this.#network = network;
    this.#revision = revision;
    this.feed = new PolicyFeed({
      epoch: options.store.epoch,
      revision,
      policy: PolicySet.of(network.records()),
    });
  }

  /** Starts from what the store holds. Refuses a store whose objects it does not understand. */
  static async open(options: ControllerOptions): Promise<Controller> {
    const { network, revision, adaptations } = await load(options);
    const controller = new Controller(options, network, await adapt(options, revision, adaptations));
    const recent = await options.store.history({ limit: REMEMBERED_REQUESTS });
    for (const commit of recent.toReversed()) controller.#remember(commit);
    return controller;
  }

  get revision(): number {
    return this.#revision;
  }

  /** What is held and what it comes to, to be read. */
  get network(): Omit<Network, 'propose' | 'keep' | 'discard' | 'load'> {
    return this.#network;
  }

  /** Carries out the changes, all or none, and says what they came to. Throws with every reason for refusal. */
  apply(changes: readonly Change[], options: ChangeOptions): Promise<ChangeSummary> {
    return this.#enqueue(() => this.#apply(changes, options));
  }

  /** Takes back one commit. Refused where later commits touched the same. */
  undo(revision: number, options: ChangeOptions): Promise<ChangeSummary> {
    return this.#enqueue(async () => {
      const known = options.requestId === undefined ? undefined : this.#requests.get(options.requestId);
      if (known) return repeated(known);
      const inverse: TransactionChanges = await this.#store.undo(revision);
      const changes = inverse.objects.map(({ kind, key, value }): Change => {
        if (value === null) return { delete: `${kind}/${key}` as ObjectKey };
        return { object: readStored(kind, key, value).object };
      });
      return this.#apply(changes, { message: inverse.message, ...options });
    });
  }

  history(filter: HistoryFilter): Promise<readonly Commit[]> {
    return this.#store.history(filter);
  }

  changes(since: number, limit?: number) {
    return this.#store.changes(since, limit);
  }

  /** Calls `handler` with every commit from now on, once it is durable and is what is held. The result stops it. */
  watch(handler: (commit: Commit) => void): () => void {
    return this.#watchers.add(handler);
  }

  /** Finishes the change under way and closes the store. */
  async close(): Promise<void> {
    await this.#work;
    await this.#store.close();
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#work.then(work);
    this.#work = result.catch(() => {});
    return result;
  }

  async #apply(changes: readonly Change[], options: ChangeOptions): Promise<ChangeSummary> {
    const known = options.requestId === undefined ? undefined : this.#requests.get(options.requestId);
    if (known) return repeated(known);
    const { edits, unchanged, expectations } = this.#editsOf(changes);
    const objects = edits.map((edit) => this.#summaryOf(edit));
    const proposal = await this.#propose(edits);
    try {
      throwIfErrors(proposal.findings);
      const summary: ChangeSummary = {
        dryRun: options.dryRun === true,
        objects,
        unchanged,
        allocations: proposal.allocations,
        hosts: hostSummaries(proposal.records, this.#network.subscribersAfter(proposal)),
        findings: proposal.findings,
      };
      if (options.dryRun || edits.length === 0) {
        this.#network.discard();
        return summary;
      }
      const commit = await this.#commit(edits, expectations, proposal, options);
      return { revision: commit.revision, ...summary };
    } catch (thrown) {
      this.#network.discard();
      throw thrown;
    }
  }

  /** A defect on the way leaves a network that is neither the old nor the new one; the store still has the old one. */
  async #propose(edits: readonly Edit[]): Promise<Proposal> {
    try {
      return this.#network.propose(edits);
    } catch (thrown) {
      this.#network = (await load({ store: this.#store, uuid: this.#uuid })).network;
      throw thrown;
    }
  }

  async #commit(
    edits: readonly Edit[],
    expectations: Expectations,
    proposal: Proposal,
    options: ChangeOptions,
  ): Promise<Commit> {
    const ids = new Map(edits.map(({ key }) => [key, this.#network.get(key)?.id ?? this.#uuid()]));
    const commit = await this.#store.commit({
      author: options.author,
      message: options.message ?? '',
      time: this.#clock.wall(),
      base: this.#revision,
      ...(options.requestId === undefined ? {} : { requestId: options.requestId }),
      objects: edits.map(({ key, object }) => {
        const { kind, key: name } = splitObjectKey(key)!;
        const expect = expectations.get(key);
        return {
          kind,
          key: name,
          value: object ? writeStored(object, ids.get(key)!) : null,
          ...(expect === undefined ? {} : { expect }),
        };
      }),
      allocations: proposal.allocations.map(({ scope, owner, after }) => ({ scope, owner, value: after })),
    });
    const { revision } = commit;
    // The store knows a request that was forgotten here: it was carried out long ago, and this change is not its.
    if (revision <= this.#revision) throw new NetloomError([requestUsed(options.requestId, revision)]);
    this.#revision = revision;
    this.#remember(commit);
    this.#network.keep(edits, revision, (key) => ids.get(key)!, proposal);
    this.feed.publish(revision, deltaOf(proposal));
    this.#watchers.tell(commit);
    return commit;
  }

  #remember(commit: Commit): void {
    if (commit.requestId === undefined) return;
    this.#requests.set(commit.requestId, commit);
    for (const oldest of this.#requests.keys()) {
      if (this.#requests.size <= REMEMBERED_REQUESTS) break;
      this.#requests.delete(oldest);
    }
  }

  /** What really changes; and everything that is wrong with the request itself, at once. */
  #editsOf(changes: readonly Change[]): {
    edits: Edit[];
    unchanged: ObjectKey[];
    expectations: Expectations;
  } {
    const edits = new Map<ObjectKey, Edit>();
    const unchanged: ObjectKey[] = [];
    const expectations: Expectations = new Map();
    const findings: Finding[] = [];
    for (const change of changes) {
      const key = 'delete' in change ? change.delete : objectKey(change.object);
      const held = this.#network.get(key);
      if (edits.has(key))
        findings.push(
          finding('name-duplicate', key, `${key} is in this change more than once.`, 'Leave one of them.'),
        );
      if (change.expect !== undefined) {
        expectations.set(key, change.expect);
        const conflict = expectationFinding(key, change.expect, held?.revision);
        if (conflict) findings.push(conflict);
      }
      if ('delete' in change) {
        if (!held) findings.push(this.#notThere(key));
        edits.set(key, { key });
      } else if (held && sameObject(held.object, change.object)) {
        unchanged.push(key);
      } else {
        edits.set(key, { key, object: change.object });
      }
    }
    throwIfErrors(findings);
    return { edits: [...edits.values()], unchanged, expectations };
  }

  #notThere(key: ObjectKey): Finding {
    const implied = this.#network.fact(key);
    if (implied && isImplied(implied) && isKind(implied, 'VmNetwork')) {
      return finding(
        'in-use',
        key,
        `${key} exists because ${implied.impliedBy} asks for a VM network of its own name.`,
        `Set sameNameVmNetwork of ${implied.impliedBy} to false instead.`,
      );
    }
    return finding('not-found', key, `There is no ${key}.`, 'Look at the names with "netloom get".');
  }

  #summaryOf({ key, object }: Edit): ObjectSummary {
    const held = this.#network.get(key);
    if (!object) return { key, action: 'delete', fields: [] };
    if (!held) return { key, action: 'create', fields: [] };
    return { key, action: 'update', fields: fieldChanges(held.object, object) };
  }
}

/** How many requests can be sent again and get the answer that they got. */
const REMEMBERED_REQUESTS = 100;

function repeated(commit: Commit): ChangeSummary {
  return {
    revision: commit.revision,
    repeated: true,
    dryRun: false,
    objects: commitSummaries(commit),
    unchanged: [],
    allocations: commit.allocations,
    hosts: [],
    findings: [],
  };
}

function requestUsed(requestId: string | undefined, revision: number): Finding {
  return finding(
    'conflict',
    '',
    `The request id ${JSON.stringify(requestId)} belongs to the request that became revision ${revision}.`,
    'Nothing was changed. Use a new id for a new request.',
  );
}

type Expectations = Map<ObjectKey, number | 'absent'>;

function expectationFinding(
  key: ObjectKey,
  expect: number | 'absent',
  revision: number | undefined,
): Finding | undefined {
  if (expect === 'absent' ? revision === undefined : expect === revision) return undefined;
  const now = revision === undefined ? 'it does not exist' : `it was last changed in revision ${revision}`;
  const wanted = expect === 'absent' ? 'it to be new' : `revision ${expect}`;
  return finding(
    'conflict',
    key,
    `The change of ${key} expects ${wanted}, but ${now}.`,
    revision === undefined
      ? 'Leave "meta" out to make a new object.'
      : 'Read it again, and make the change on what it is now.',
  );
}

function sameObject(a: ModelObject, b: ModelObject): boolean {
  return sameJson(jsonOf(a), jsonOf(b));
}

function deltaOf(proposal: Proposal): PolicyDelta {
  return {
    changes: proposal.records.map(({ before, after }) => {
      const { scope, record } = (after ?? before)!;
      return { scope, key: recordKey(record), ...(after ? { record: after.record } : {}) };
    }),
  };
}

/** The network that the store holds, and what this version hands out otherwise than the one that wrote it. */
async function load({ store, uuid }: Pick<ControllerOptions, 'store' | 'uuid'>): Promise<{
  network: Network;
  revision: number;
  adaptations: readonly AllocationChange[];
}> {
  const network = new Network(uuid);
  const { revision, objects, allocations } = await store.snapshot();
  const held = objects.map(({ kind, key, revision: changed, value }) => ({
    key: `${kind}/${key}` as ObjectKey,
    ...readStored(kind, key, value),
    revision: changed,
  }));
  const loaded = network.load(held, allocations);
  throwIfErrors(loaded.findings);
  return { network, revision, adaptations: loaded.allocations };
}

/** Commits what this version hands out otherwise than the one that wrote the data; the revision that this leads to. */
async function adapt(
  { store, clock }: ControllerOptions,
  revision: number,
  allocations: readonly AllocationChange[],
): Promise<number> {
  if (allocations.length === 0) return revision;
  const commit = await store.commit({
    author: 'netloom',
    message: 'allocations as this version needs them',
    time: clock.wall(),
    base: revision,
    objects: [],
    allocations: allocations.map(({ scope, owner, after }) => ({ scope, owner, value: after })),
  });
  return commit.revision;
}
