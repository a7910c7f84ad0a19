/** The agent's end of the stream: carries messages between a transport, the replica and the agent's handler. */
import { create } from '@bufbuild/protobuf';
import { ConnectError, createClient, type Transport } from '@connectrpc/connect';
import type { Clock } from '../base/clock.ts';
import { type Finding, finding, NetloomError } from '../base/error.ts';
import { type ConnectionState, RECONNECT_DEFAULTS, type ReconnectOptions } from '../base/reconnect.ts';
import { Reconnector } from '../base/reconnector.ts';
import type { PolicyDelta, PolicyView } from '../policy/set.ts';
import { type HostCounters, writeCounted } from './counted.ts';
import { writeFindings } from './findings.ts';
import {
  type Applied,
  AppliedSchema,
  CountedSchema,
  PolicyService,
  type Report,
  ReportSchema,
} from './gen/policy_pb.ts';
import { Outbox } from './outbox.ts';
import { type Held, type Received, Replica } from './replica.ts';
import { type HostReport, writeReport } from './report.ts';

type Findings = readonly Finding[];

/**
 * What an agent does with its policy. Calls come one at a time: the next one waits until the promise of the last has
 * settled, and what happens in the meantime comes as one delta. The result is what is to be reported: with an error
 * among the findings, or when it throws, the revision counts as not in force. After a throw the next call is
 * onSnapshot.
 */
export interface PolicyHandler {
  /** All of the policy is new: make it so. `policy` stays the current one; read it, do not keep a copy of it. */
  onSnapshot(policy: PolicyView, revision: number, epoch: string): Promise<Findings> | Findings;
  /** The policy has changed, by these changes in the order in which they can be carried out. */
  onDelta(delta: PolicyDelta, from: number, to: number, policy: PolicyView): Promise<Findings> | Findings;
  /** The revision that is held has a newer number; nothing changed for this host. */
  onBookmark?(revision: number): void;
  /** The controller asks how the host is; `repair`: after what differs has been made as it should be. Must not throw. */
  onCheck?(repair: boolean): Promise<HostReport>;
  /** The controller asks what the host has counted. Must not throw. */
  onCount?(): Promise<HostCounters>;
}

export interface ClientOptions {
  readonly host: string;
  /** Differs from machine to machine and from boot to boot; the same after a restart of the agent. */
  readonly bootNonce: string;
  readonly transport: Transport;
  readonly handler: PolicyHandler;
  readonly clock: Clock;
  /** Gives numbers in [0, 1). */
  readonly random: () => number;
  /** What an earlier life of the agent left on the disk. Belongs to the client from now on. */
  readonly held?: Held;
  readonly reconnect?: Partial<ReconnectOptions>;
  /** Told of everything that goes wrong, and with undefined when the controller has accepted this agent. */
  readonly onTrouble?: (trouble: Finding | undefined) => void;
}

export class PolicyClient {
  readonly #options: ClientOptions;
  readonly #reconnector: Reconnector;
  readonly #replica: Replica;
  readonly #client;
  /** Settles when the latest stream has ended and the handler is at rest. */
  #conversation: Promise<void> = Promise.resolve();
  #outbox: Outbox | undefined;
  #abort = new AbortController();
  /** The handler is at work. */
  #busy = false;
  /** The handler threw: nobody knows how far it got, so next it is given all of the policy. */
  #uncertain = false;
  #applied: Applied | undefined;
  /** The latest; said again at the beginning of each stream. */
  #report: Report | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#replica = new Replica(options.held);
    this.#client = createClient(PolicyService, options.transport);
    this.#reconnector = new Reconnector({
      clock: options.clock,
      random: options.random,
      patience: { ...RECONNECT_DEFAULTS, ...options.reconnect },
      connect: () => {
        this.#conversation = this.#converse(this.#conversation);
      },
      disconnect: () => this.#abort.abort(),
      heartbeat: () => this.#outbox?.heartbeat(),
      // While the handler is at work nobody listens.
      isBusy: () => this.#busy,
    });
  }

  get connection(): ConnectionState {
    return this.#reconnector.state;
  }

  get epoch(): string {
    return this.#replica.epoch;
  }

  get revision(): number {
    return this.#replica.revision;
  }

  /** The policy that is held, whether or not all of it is in force. */
  get policy(): PolicyView {
    return this.#replica.policy;
  }

  /**
   * Connects, and from then on again whenever the connection is lost. Before that the handler gets the policy that
   * an earlier life left (`held`), so that the host has it also while no controller can be reached.
   */
  start(): void {
    const { held, handler } = this.#options;
    if (held) {
      const { policy, revision, epoch } = this.#replica;
      this.#conversation = this.#apply(revision, () => handler.onSnapshot(policy, revision, epoch));
    }
    this.#reconnector.drive('tick');
  }

  /** Tells the controller how the host is, now and at the beginning of each stream to come. */
  report(report: HostReport, answers = 0n): void {
    this.#report = create(ReportSchema, { report: writeReport(report) });
    this.#outbox?.report({ ...this.#report, answers });
  }

  /** What became of the latest revision, where that is not what the handler answered any more. */
  outcome(findings: Findings): void {
    if (this.#applied) this.#sayApplied(outcome(Number(this.#applied.revision), findings));
  }

  /** Ends the stream. Settles when the handler is at rest; it is not called again. */
  async stop(): Promise<void> {
    this.#reconnector.drive('stop');
    await this.#conversation;
  }

  /** One stream from beginning to end. Never rejects. */
  async #converse(previous: Promise<void>): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    // The handler may still be at work on what the stream before brought.
    await previous;
    if (abort.signal.aborted) return;
    const outbox = new Outbox(this.#replica.hello(this.#options.host, this.#options.bootNonce));
    this.#outbox = outbox;
    if (this.#report) outbox.report(this.#report);
    let end: 'failed' | 'rejected' | undefined;
    try {
      for await (const message of this.#client.sync(outbox, { signal: abort.signal })) {
        // What still comes belongs to a stream that is over; the controller ends it when it has read our last word.
        if (end) continue;
        this.#reconnector.drive('heard');
        const verdict = await this.#take(this.#replica.receive(message));
        if (verdict === 'go on') continue;
        end = verdict;
        outbox.close();
      }
      if (!end) this.#trouble(unreachable('the controller ended it'));
    } catch (error) {
      if (!end && !abort.signal.aborted) this.#trouble(unreachable(ConnectError.from(error).rawMessage));
    } finally {
      outbox.close();
    }
    // When aborted, the state machine knows already, and may be on its next stream.
    if (!abort.signal.aborted) this.#reconnector.drive(end ?? 'failed');
  }

  async #take(received: Received): Promise<'go on' | 'failed' | 'rejected'> {
    const { handler } = this.#options;
    const { policy } = this.#replica;
    switch (received.type) {
      case 'nothing':
        return 'go on';
      case 'welcome':
        this.#options.onTrouble?.(undefined);
        this.#reconnector.drive('welcomed');
        return 'go on';
      case 'snapshot': {
        const { revision, epoch } = received;
        await this.#apply(revision, () => handler.onSnapshot(policy, revision, epoch));
        return 'go on';
      }
      case 'delta': {
        const { delta, from, to } = received;
        const { epoch } = this.#replica;
        await this.#apply(to, () =>
          this.#uncertain ? handler.onSnapshot(policy, to, epoch) : handler.onDelta(delta, from, to, policy),
        );
        return 'go on';
      }
      case 'bookmark':
        handler.onBookmark?.(received.revision);
        // What is in force is in force at this revision too; so is what failed. It is said now and not at the welcome:
        // the first message after that one shows whether what is in force is what should be.
        if (this.#applied) this.#sayApplied({ ...this.#applied, revision: BigInt(received.revision) });
        return 'go on';
      case 'check':
        await this.#check(received.id, received.repair);
        return 'go on';
      case 'count':
        await this.#count(received.id);
        return 'go on';
      case 'rejected':
        for (const trouble of received.findings) this.#trouble(trouble);
        this.#sayApplied(outcome(received.revision, received.findings));
        return 'rejected';
      case 'refused':
        this.#trouble(received.finding);
        return 'rejected';
      case 'lost':
        this.#trouble(received.finding);
        return 'failed';
    }
  }

  async #apply(revision: number, run: () => Promise<Findings> | Findings): Promise<void> {
    this.#busy = true;
    let findings: Findings;
    try {
      findings = await run();
      this.#uncertain = false;
    } catch (error) {
      findings = NetloomError.from(error).findings;
      this.#uncertain = true;
    }
    this.#busy = false;
    this.#reconnector.drive('busy');
    this.#sayApplied(outcome(revision, findings));
  }

  /** A handler that has no eyes leaves the question open; the controller does not wait for ever. */
  async #check(id: bigint, repair: boolean): Promise<void> {
    const { onCheck } = this.#options.handler;
    if (!onCheck) return;
    this.#busy = true;
    const report = await onCheck(repair);
    this.#busy = false;
    this.#reconnector.drive('busy');
    this.report(report, id);
  }

  async #count(id: bigint): Promise<void> {
    const { onCount } = this.#options.handler;
    // As an agent does that does not know the question.
    if (!onCount) return this.#check(id, false);
    this.#busy = true;
    const counters = await onCount();
    this.#busy = false;
    this.#reconnector.drive('busy');
    this.#outbox?.counted(create(CountedSchema, { answers: id, counted: writeCounted(counters) }));
  }

  #sayApplied(applied: Applied): void {
    this.#applied = applied;
    this.#outbox?.applied(applied);
  }

  #trouble(trouble: Finding): void {
    this.#options.onTrouble?.(trouble);
  }
}

function outcome(revision: number, findings: Findings): Applied {
  return create(AppliedSchema, {
    revision: BigInt(revision),
    ok: findings.every(({ severity }) => severity !== 'error'),
    findings: findings.length > 0 ? writeFindings(findings) : new Uint8Array(),
  });
}

function unreachable(reason: string): Finding {
  return finding(
    'controller-unreachable',
    '',
    `The stream to the controller has ended: ${reason}.`,
    'The host goes on with the policy that it has; the agent tries again by itself.',
  );
}
