/**
 * The controller's side of the stream, without a network: what each connected agent is to be told.
 *
 *     publish(revision, delta) --> policy, history, who subscribes to what
 *                                     |  wakes the agents that the commit touches, and no others
 *     connect(hello) --> AgentFeed    v
 *                          cursor: the revision that the agent is at once it has read all that was sent
 *                          next message = what its scopes have become since the cursor
 *
 * There is no queue for an agent, only its cursor: what a slow agent is sent next is worked out when it is ready to
 * take it, from what is there then. So it costs nothing while it lags, several commits reach it as one delta, and
 * when the history no longer reaches back to its cursor it gets a snapshot.
 */
import { type Finding, finding, NetloomError } from '../base/error.ts';
import { kindOfKey } from '../policy/order.ts';
import { domainScope, hostOfScope, hostScope, type PolicyRecord, type Scope } from '../policy/records.ts';
import type { PolicyChange, PolicyDelta, PolicySet, PolicyView } from '../policy/set.ts';
import { AgentFeed, type Outcome } from './agent-feed.ts';
import type { HostCounters } from './counted.ts';
import type { Hello } from './gen/policy_pb.ts';
import { History } from './history.ts';
import { MAX_CHANGES, PROTOCOL_VERSION } from './messages.ts';
import type { HostReport } from './report.ts';

export interface HostStatus {
  readonly host: string;
  readonly connected: boolean;
  /** Of the machine that is connected. */
  readonly bootNonce?: string;
  /** The newest revision that changed anything for this host, or what the feed started with; 0 for none. */
  readonly touched: number;
  /** The latest word of the agent that is connected, or was last. */
  readonly outcome?: Outcome;
  /** Why an agent of this name was turned away, until one is accepted. */
  readonly refused?: Finding;
  /** What the agent found on the host, the last time that it said so; it may be away since. */
  readonly report?: HostReport;
  /** When it said so: milliseconds since 1970. */
  readonly reportedAt?: number;
  /** Since when it is connected, or is not: milliseconds since 1970; absent for one that never was. */
  readonly since?: number;
}

export interface FeedOptions {
  /** Name of this history of revisions; another one when the controller starts over or a backup is restored. */
  readonly epoch: string;
  /** The revision that `policy` is at. */
  readonly revision: number;
  /** All records of all scopes. Belongs to the feed from now on. */
  readonly policy: PolicySet;
  /** How many changes are remembered, so that an agent that was away gets a delta and not a snapshot. */
  readonly historyLimit?: number;
  /** How many changes go into one message; MAX_CHANGES unless told otherwise. */
  readonly maxChanges?: number;
  /** The time, in milliseconds since 1970, for people to read; without it nothing says when. */
  readonly wall?: () => number;
  /** Told of each report; `asked`: it is the answer to a question. */
  readonly onReport?: (host: string, report: HostReport, asked: boolean) => void;
}

interface HostState {
  feed?: AgentFeed;
  touched: number;
  outcome?: Outcome;
  refused?: Finding;
  /** The operator has agreed that this host gives up what it holds of another epoch. */
  adopted?: boolean;
  report?: HostReport;
  reportedAt?: number;
  since?: number;
}

interface Waiter {
  /** What each host that is still awaited has to reach. */
  readonly needs: Map<string, number>;
  readonly resolve: () => void;
}

/** RFC 1035, 2.3.4: the longest name of a host. */
const MAX_NAME = 255;
const NONE: ReadonlySet<never> = new Set<never>();

export class PolicyFeed {
  readonly epoch: string;
  #revision: number;
  readonly #policy: PolicySet;
  readonly #history: History;
  readonly #maxChanges: number;
  readonly #wall: (() => number) | undefined;
  readonly #onReport: FeedOptions['onReport'];
  /** Domain scope -> the hosts whose `domain` records name it, connected or not. */
  readonly #subscribers = new Map<Scope, Set<string>>();
  /** Host -> the domain scopes that its `domain` records name. */
  readonly #subscriptions = new Map<string, Set<Scope>>();
  readonly #hosts = new Map<string, HostState>();
  readonly #waiters = new Map<string, Set<Waiter>>();
  readonly #watchers = new Set<(host: string) => void>();

  constructor(options: FeedOptions) {
    this.epoch = options.epoch;
    this.#revision = options.revision;
    this.#policy = options.policy;
    this.#history = new History(options.revision, options.historyLimit ?? 100_000);
    this.#maxChanges = options.maxChanges ?? MAX_CHANGES;
    this.#wall = options.wall;
    this.#onReport = options.onReport;
    for (const scope of this.#policy.scopes()) {
      for (const record of this.#policy.scope(scope).values()) this.#subscribe(scope, record, true);
      const host = hostOfScope(scope);
      if (host !== undefined) this.#host(host).touched = options.revision;
    }
  }

  /** All records of all scopes, as they are; to be read. */
  get policy(): PolicyView {
    return this.#policy;
  }

  /** The newest revision. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * Takes in a commit: its revision, above all before it, and its changes, each record at most once. Returns the
   * hosts that it changes something for, sorted.
   */
  publish(revision: number, delta: PolicyDelta): readonly string[] {
    if (revision <= this.#revision) {
      throw new RangeError(`revision ${revision} was published after revision ${this.#revision}`);
    }
    const before = new Map(
      delta.changes.map((change) => [change, this.#policy.get(change.scope, change.key)]),
    );
    this.#policy.apply(delta);
    this.#revision = revision;
    for (const [{ scope, record }, old] of before) {
      this.#subscribe(scope, old, false);
      this.#subscribe(scope, record, true);
    }
    const hosts = this.#concerned(delta);
    this.#history.add(revision, delta.changes, (change) => before.get(change), hosts);
    for (const host of hosts) {
      const state = this.#host(host);
      state.touched = revision;
      state.feed?.touch();
      this.#forgetIfGone(host);
    }
    return hosts;
  }

  /**
   * Begins a stream with an agent. Throws a NetloomError when it is to be turned away: `protocol-version`,
   * `host-duplicate`, `epoch-mismatch`, `revision-ahead`, `protocol-violation`.
   */
  connect(hello: Hello): AgentFeed {
    if (hello.host === '' || hello.host.length > MAX_NAME) {
      const message = `The agent says that its host is called ${JSON.stringify(hello.host.slice(0, 60))}.`;
      const remedy = `Give the host a name of 1 to ${MAX_NAME} characters.`;
      throw new NetloomError([finding('protocol-violation', '', message, remedy)]);
    }
    if (hello.bootNonce.length > MAX_NAME || hello.epoch.length > MAX_NAME) {
      const message = `The agent of ${hello.host} sends a boot nonce or an epoch of more than ${MAX_NAME} characters.`;
      const remedy = 'Bring controller and agent to the same version of Netloom.';
      throw new NetloomError([finding('protocol-violation', hello.host, message, remedy)]);
    }
    const state = this.#host(hello.host);
    const refused = this.#objection(hello, state);
    if (refused) {
      state.refused = refused;
      throw new NetloomError([refused]);
    }
    const older = state.feed;
    delete state.refused;
    delete state.adopted;
    // What it has in force now, it says now.
    delete state.outcome;
    const agent = new AgentFeed(hello, {
      feed: this,
      maxChanges: this.#maxChanges,
      changesSince: (revision) => this.#changesSince(hello.host, revision),
      everything: () => this.#everything(hello.host),
      hash: () => this.#policy.hash(this.#scopesOf(hello.host)),
      report: (outcome) => this.#report(hello.host, outcome),
      reported: (report, asked) => this.#reported(hello.host, report, asked),
      closed: (feed) => this.#disconnected(hello.host, feed),
    });
    state.feed = agent;
    if (this.#wall) state.since = this.#wall();
    // The same machine comes again: the older stream is one whose end has not been noticed yet.
    older?.close();
    return agent;
  }

  /**
   * The operator agrees that this host, which holds the policy of another epoch, takes this controller's instead.
   * Counts for the next Hello that would be refused for it.
   */
  adopt(host: string): void {
    this.#host(host).adopted = true;
  }

  /**
   * Asks the agents of these hosts how their hosts are; `repair`: after they have made what differs as it should be.
   * Resolves with the status of each when all have answered that are connected and stay so. Give a signal with a
   * deadline; the promise is rejected with its reason.
   */
  async check(
    hosts: readonly string[],
    options: { readonly repair: boolean },
    signal?: AbortSignal,
  ): Promise<readonly HostStatus[]> {
    await Promise.all(hosts.map((host) => this.#hosts.get(host)?.feed?.check(options.repair, signal)));
    signal?.throwIfAborted();
    return hosts.map((host) => this.#status(host));
  }

  /**
   * Asks the agents of these hosts what they have counted. Resolves with the answers, by host, when all have answered that are
   * connected and stay so, or after the signal: those that have come by then. A host that is not in it has not answered.
   */
  async count(hosts: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, HostCounters>> {
    const answers = new Map<string, HostCounters>();
    const asked = hosts.map(async (host) => {
      const counters = await this.#hosts.get(host)?.feed?.count(signal);
      if (counters) answers.set(host, counters);
    });
    await Promise.all(asked);
    return answers;
  }

  /** The status of one host, also of one that nothing is known about. */
  statusOf(host: string): HostStatus {
    return this.#status(host);
  }

  /** Every host that has policy or has spoken, sorted by name. */
  status(): HostStatus[] {
    return [...this.#hosts.keys()].sort().map((host) => this.#status(host));
  }

  /** The hosts that a revision changed something for; when that is forgotten, every host that has policy. */
  touchedBy(revision: number): readonly string[] {
    return this.#history.hosts(revision) ?? this.#hostsWithPolicy();
  }

  /**
   * Resolves when each of these hosts has said what became of all that concerned it up to this revision: their
   * status then. Look at `outcome.ok`: a host that could not put it in force has answered too. A host that is away
   * is waited for, so give a signal with a deadline; the promise is rejected with its reason.
   */
  whenApplied(
    revision: number,
    hosts: readonly string[] = this.touchedBy(revision),
    signal?: AbortSignal,
  ): Promise<readonly HostStatus[]> {
    const needs = new Map<string, number>();
    for (const host of hosts) {
      const { touched, outcome } = this.#status(host);
      const need = Math.min(revision, touched);
      if ((outcome?.revision ?? 0) < need) needs.set(host, need);
    }
    const statuses = () => hosts.map((host) => this.#status(host));
    if (needs.size === 0) return Promise.resolve(statuses());
    return new Promise((resolve, reject) => {
      const done = () => {
        signal?.removeEventListener('abort', give);
        resolve(statuses());
      };
      const waiter: Waiter = { needs, resolve: done };
      const give = () => {
        for (const host of needs.keys()) this.#stopWaiting(host, waiter);
        reject(signal?.reason);
      };
      if (signal?.aborted) return reject(signal.reason);
      signal?.addEventListener('abort', give, { once: true });
      for (const host of needs.keys()) {
        const waiters = this.#waiters.get(host) ?? new Set();
        this.#waiters.set(host, waiters.add(waiter));
      }
    });
  }

  /** Calls `handler` with each host that says what became of a revision or how it is, or is gone. The result stops it. */
  onStatus(handler: (host: string) => void): () => void {
    const watcher = (host: string) => handler(host);
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** Ends all streams: the controller stops. */
  close(): void {
    for (const { feed } of this.#hosts.values()) feed?.close();
  }

  #objection(hello: Hello, state: HostState): Finding | undefined {
    const { host, epoch, bootNonce } = hello;
    if (hello.protocolVersion !== PROTOCOL_VERSION) {
      return finding(
        'protocol-version',
        host,
        `The agent speaks version ${hello.protocolVersion} of the policy protocol, the controller ${PROTOCOL_VERSION}.`,
        'Bring both to the same version of Netloom.',
      );
    }
    if (state.feed && state.feed.bootNonce !== bootNonce) {
      return finding(
        'host-duplicate',
        host,
        `The machine with boot nonce ${nonceText(bootNonce)} says it is ${host}, but the one with ${nonceText(state.feed.bootNonce)} is connected.`,
        'If the host was cloned, give the clone a name and a certificate of its own.',
      );
    }
    if (epoch === '') return undefined;
    if (epoch !== this.epoch) {
      if (state.adopted) return undefined;
      return finding(
        'epoch-mismatch',
        host,
        `The host holds policy of epoch ${epoch}, the controller is in epoch ${this.epoch}.`,
        'It keeps what it has. Check that the controller has the right data, then confirm that the host takes its policy.',
      );
    }
    if (hello.revision > BigInt(this.#revision)) {
      return finding(
        'revision-ahead',
        host,
        `The host holds revision ${hello.revision}, the controller has ${this.#revision}.`,
        'It keeps what it has. If an older backup was restored, start a new epoch.',
      );
    }
    return undefined;
  }

  /** The hosts that a delta, already applied, concerns. One that left a domain is concerned by its own scope. */
  #concerned({ changes }: PolicyDelta): string[] {
    const hosts = new Set<string>();
    for (const scope of new Set(changes.map((change) => change.scope))) {
      const host = hostOfScope(scope);
      if (host !== undefined) hosts.add(host);
      else for (const subscriber of this.#subscribers.get(scope) ?? NONE) hosts.add(subscriber);
    }
    return [...hosts].sort();
  }

  #subscribe(scope: Scope, record: PolicyRecord | undefined, on: boolean): void {
    const host = hostOfScope(scope);
    if (host === undefined || record?.kind !== 'domain') return;
    toggle(this.#subscribers, domainScope(record.rdid), host, on);
    toggle(this.#subscriptions, host, domainScope(record.rdid), on);
  }

  /** The scopes whose records a host holds. */
  #scopesOf(host: string): Set<Scope> {
    return new Set<Scope>([hostScope(host), ...(this.#subscriptions.get(host) ?? NONE)]);
  }

  /** The same as it was at a revision of the history. */
  #scopesAt(host: string, revision: number): Set<Scope> {
    const scopes = this.#scopesOf(host);
    for (const [key, before] of this.#history.since(hostScope(host), revision)) {
      if (kindOfKey(key) !== 'domain') continue;
      const now = this.#policy.get(hostScope(host), key);
      if (now?.kind === 'domain') scopes.delete(domainScope(now.rdid));
      if (before?.kind === 'domain') scopes.add(domainScope(before.rdid));
    }
    return scopes;
  }

  *#everything(host: string): Generator<PolicyChange> {
    for (const scope of this.#scopesOf(host)) yield* this.#whole(scope);
  }

  *#whole(scope: Scope): Generator<PolicyChange> {
    for (const [key, record] of this.#policy.scope(scope)) yield { scope, key, record };
  }

  /** What makes the host's policy of now out of its policy at a revision; undefined when that is forgotten. */
  #changesSince(host: string, revision: number): PolicyChange[] | undefined {
    if (!this.#history.covers(revision)) return undefined;
    const [then, now] = [this.#scopesAt(host, revision), this.#scopesOf(host)];
    const changes: PolicyChange[] = [];
    for (const scope of now) {
      if (!then.has(scope)) {
        changes.push(...this.#whole(scope));
        continue;
      }
      for (const [key, before] of this.#history.since(scope, revision)) {
        const record = this.#policy.get(scope, key);
        if (record) changes.push({ scope, key, record });
        else if (before) changes.push({ scope, key });
      }
    }
    for (const scope of then.difference(now)) {
      const before = this.#history.since(scope, revision);
      for (const key of this.#policy.scope(scope).keys()) if (!before.has(key)) changes.push({ scope, key });
      for (const [key, record] of before) if (record) changes.push({ scope, key });
    }
    return changes;
  }

  #report(host: string, outcome: Outcome): void {
    this.#host(host).outcome = outcome;
    this.#release(host, outcome.revision);
    this.#tell(host);
  }

  #reported(host: string, report: HostReport, asked: boolean): void {
    const state = this.#host(host);
    state.report = report;
    if (this.#wall) state.reportedAt = this.#wall();
    this.#onReport?.(host, report, asked);
    this.#tell(host);
  }

  /** Nobody has to wait any longer for this host to reach this revision. */
  #release(host: string, revision: number): void {
    for (const waiter of this.#waiters.get(host) ?? NONE) {
      if (revision < waiter.needs.get(host)!) continue;
      this.#stopWaiting(host, waiter);
      waiter.needs.delete(host);
      if (waiter.needs.size === 0) waiter.resolve();
    }
  }

  #stopWaiting(host: string, waiter: Waiter): void {
    const waiters = this.#waiters.get(host);
    waiters?.delete(waiter);
    if (waiters?.size === 0) this.#waiters.delete(host);
  }

  #disconnected(host: string, feed: AgentFeed): void {
    const state = this.#host(host);
    if (state.feed === feed) {
      delete state.feed;
      if (this.#wall) state.since = this.#wall();
    }
    this.#forgetIfGone(host);
    this.#tell(host);
  }

  #tell(host: string): void {
    for (const watcher of [...this.#watchers]) watcher(host);
  }

  /** A host without policy that is not connected has left the fabric. */
  #forgetIfGone(host: string): void {
    if (this.#hosts.get(host)?.feed || this.#policy.scope(hostScope(host)).size > 0) return;
    this.#hosts.delete(host);
    this.#release(host, Number.POSITIVE_INFINITY);
  }

  #host(host: string): HostState {
    let state = this.#hosts.get(host);
    if (!state) {
      state = { touched: 0 };
      this.#hosts.set(host, state);
    }
    return state;
  }

  #status(host: string): HostStatus {
    const { feed, touched = 0, outcome, refused, report, reportedAt, since } = this.#hosts.get(host) ?? {};
    return {
      host,
      connected: feed !== undefined,
      ...(feed && { bootNonce: feed.bootNonce }),
      touched,
      ...(outcome && { outcome }),
      ...(refused && { refused }),
      ...(report && { report }),
      ...(reportedAt !== undefined && { reportedAt }),
      ...(since !== undefined && { since }),
    };
  }

  #hostsWithPolicy(): string[] {
    return this.#policy.scopes().flatMap((scope) => hostOfScope(scope) ?? []);
  }
}

/** Enough of a boot nonce to tell machines apart, and too little to pass for one of them: who is refused reads it too. */
export function nonceText(nonce: string): string {
  return nonce.length > 8 ? `${nonce.slice(0, 8)}…` : nonce;
}

function toggle<K, V>(sets: Map<K, Set<V>>, key: K, value: V, on: boolean): void {
  const set = sets.get(key) ?? new Set();
  if (on) set.add(value);
  else set.delete(value);
  if (set.size === 0) sets.delete(key);
  else sets.set(key, set);
}
