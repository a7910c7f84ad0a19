/**
 * One stream to one agent: a conversation of which each next message is worked out when the agent is ready to take it,
 * from its cursor and what there is then (feed.ts).
 */
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Finding, warning } from '../base/error.ts';
import type { PolicyChange } from '../policy/set.ts';
import { Asks } from './asks.ts';
import { type HostCounters, readCounted } from './counted.ts';
import { readFindings } from './findings.ts';
import {
  type Applied,
  type ControllerMessage,
  ControllerMessageSchema,
  type Counted,
  type Hello,
  type Report,
} from './gen/policy_pb.ts';
import { PROTOCOL_VERSION, parts, revisionOf } from './messages.ts';
import { type HostReport, isReport, readReport } from './report.ts';

/** What an agent said became of a revision. */
export interface Outcome {
  readonly revision: number;
  /** All of it is in force; otherwise what was in force before still is. */
  readonly ok: boolean;
  readonly findings: readonly Finding[];
}

/** What an AgentFeed asks of the feed. */
interface Source {
  readonly feed: { readonly epoch: string; readonly revision: number };
  readonly maxChanges: number;
  changesSince(revision: number): PolicyChange[] | undefined;
  everything(): Iterable<PolicyChange>;
  hash(): string;
  report(outcome: Outcome): void;
  reported(report: HostReport, asked: boolean): void;
  closed(feed: AgentFeed): void;
}

type Body = NonNullable<MessageInitShape<typeof ControllerMessageSchema>['body']>;

/** One stream to one agent. Iterate it once: it gives the messages to send, as the agent is ready to take them. */
export class AgentFeed implements AsyncIterable<ControllerMessage> {
  readonly host: string;
  readonly bootNonce: string;
  readonly #source: Source;
  readonly #conversation: Generator<Body | undefined>;
  /** The revision that the agent is at once it has read all that was given out; undefined: it has nothing of ours. */
  #cursor: number | undefined;
  #sequence = 0n;
  /** Messages that the agent may say once each what became of. */
  #unanswered = 0;
  readonly #asks = new Asks();
  #touched = false;
  #heartbeatDue = false;
  #open = true;
  #wake = () => {};

  constructor(hello: Hello, source: Source) {
    this.host = hello.host;
    this.bootNonce = hello.bootNonce;
    this.#source = source;
    const known = hello.epoch === source.feed.epoch && !hello.wantSnapshot;
    this.#cursor = known ? revisionOf(hello.revision) : undefined;
    this.#conversation = this.#converse();
  }

  /** The next message, or undefined when there is nothing to say at the moment, or no more at all. */
  next(): ControllerMessage | undefined {
    if (!this.#open) return undefined;
    const body = this.#conversation.next().value;
    if (body && body.case !== 'check') this.#unanswered += 1;
    return body && create(ControllerMessageSchema, { sequence: ++this.#sequence, body });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ControllerMessage, void> {
    while (this.#open) {
      const message = this.next();
      if (message) yield message;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** A commit concerns this host. */
  touch(): void {
    this.#touched = true;
    this.#wake();
  }

  /** Says that the controller is alive, and up to which revision the agent has everything. */
  heartbeat(): void {
    this.#heartbeatDue = true;
    this.#wake();
  }

  /** Whether what the agent says became of a revision answers something that it was told; each message is answered once. */
  takeAnswer(): boolean {
    if (this.#unanswered === 0) return false;
    this.#unanswered -= 1;
    return true;
  }

  /** The agent says what became of a revision. One that there is not yet is not believed. */
  applied(message: Applied): void {
    if (!this.#open || message.revision > BigInt(this.#source.feed.revision)) return;
    const findings = readFindings(message.findings);
    this.#source.report({ revision: revisionOf(message.revision), ok: message.ok, findings });
  }

  /** Asks how the host is. Resolves with the answer, with the end of the stream, or after the signal. */
  check(repair: boolean, signal?: AbortSignal): Promise<void> {
    if (!this.#open) return Promise.resolve();
    const answer = this.#asks.look(repair, signal);
    this.#wake();
    return answer;
  }

  /**
   * Asks what the host has counted. Resolves with undefined where the agent does not say (one of an older version, a host that
   * cannot count), at the end of the stream, and after the signal.
   */
  count(signal?: AbortSignal): Promise<HostCounters | undefined> {
    if (!this.#open) return Promise.resolve(undefined);
    const answer = this.#asks.count(signal);
    this.#wake();
    return answer;
  }

  /**
   * The agent says what it has counted. Only an answer to the question under way is read. Returns what is wrong with one that
   * cannot be read.
   */
  counted(message: Counted): Finding | undefined {
    if (!this.#open || !this.#asks.awaits(message.answers)) return undefined;
    const counters = readCounted(message.counted);
    this.#asks.answered(message.answers, counters);
    this.#wake();
    if (counters) return undefined;
    return warning(
      'protocol-violation',
      '',
      'The agent sent counters that cannot be read.',
      "Nothing else is lost. Look into the agent's log.",
    );
  }

  /** Whether the agent was asked for this answer. */
  awaits(id: bigint): boolean {
    return this.#asks.awaits(id);
  }

  /** The agent says how its host is. Returns what is wrong with a report that cannot be read; the one before stands. */
  report(message: Report): Finding | undefined {
    if (!this.#open) return undefined;
    const report = readReport(message.report);
    if (isReport(report)) this.#source.reported(report, message.answers > 0n);
    this.#asks.answered(message.answers);
    this.#wake();
    return isReport(report) ? undefined : report;
  }

  /** Ends the stream; the iteration ends too. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#asks.close();
    this.#source.closed(this);
    this.#wake();
  }

  *#converse(): Generator<Body | undefined, never> {
    const { epoch, revision } = this.#source.feed;
    yield {
      case: 'welcome',
      value: { epoch, revision: BigInt(revision), protocolVersion: PROTOCOL_VERSION },
    };
    yield* this.#catchUp(true);
    while (true) {
      if (this.#touched) {
        yield* this.#catchUp(false);
        continue;
      }
      const ask = this.#asks.take();
      if (ask) yield { case: 'check', value: ask };
      else if (this.#heartbeatDue) yield this.#bookmark();
      else yield undefined;
    }
  }

  /** All parts of what the agent lacks. They tell of this moment, whatever is published while they are sent. */
  *#catchUp(first: boolean): Generator<Body> {
    this.#touched = false;
    const changes = this.#cursor === undefined ? undefined : this.#source.changesSince(this.#cursor);
    if (changes === undefined) {
      yield* this.#snapshot();
    } else if (changes.length === 0 && !first) {
      // What was changed was changed back.
      yield this.#bookmark();
    } else {
      const hash = first ? this.#source.hash() : '';
      const { from, to } = this.#advance();
      for (const part of parts(changes, this.#source.maxChanges)) {
        yield { case: 'delta', value: { from, to, ...part, hash: part.last ? hash : '' } };
      }
    }
  }

  *#snapshot(): Generator<Body> {
    const hash = this.#source.hash();
    const records = [...this.#source.everything()];
    const { to } = this.#advance();
    for (const part of parts(records, this.#source.maxChanges)) {
      yield { case: 'snapshot', value: { revision: to, ...part, hash: part.last ? hash : '' } };
    }
  }

  #bookmark(): Body {
    this.#heartbeatDue = false;
    return { case: 'heartbeat', value: this.#advance() };
  }

  #advance(): { from: bigint; to: bigint } {
    const from = BigInt(this.#cursor ?? 0);
    this.#cursor = this.#source.feed.revision;
    return { from, to: BigInt(this.#cursor) };
  }
}
