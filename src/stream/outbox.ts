import { create } from '@bufbuild/protobuf';
import {
  type AgentMessage,
  AgentMessageSchema,
  type Applied,
  type Counted,
  type Hello,
  type Report,
} from './gen/policy_pb.ts';

/**
 * What an agent has still to say on one stream: a Hello first; then its latest word on what it has applied, its
 * latest report, what it has counted, and a heartbeat. Newer words replace older ones that have not gone out, so it never grows. Iterate it once.
 */
export class Outbox implements AsyncIterableIterator<AgentMessage> {
  #hello: Hello | undefined;
  #applied: Applied | undefined;
  /** The latest that was ever said on this stream. */
  #said: Applied | undefined;
  #report: Report | undefined;
  #counted: Counted | undefined;
  #heartbeat = false;
  #open = true;
  #wake = () => {};

  constructor(hello: Hello) {
    this.#hello = hello;
  }

  applied(applied: Applied): void {
    this.#applied = applied;
    this.#wake();
  }

  /** A report that answers a question takes the place of one that answers none, but not the other way round. */
  report(report: Report): void {
    const answers = report.answers > 0n ? report.answers : (this.#report?.answers ?? 0n);
    this.#report = { ...report, answers };
    this.#wake();
  }

  /** One question is under way at a time: the answer to an older one is of no use any more. */
  counted(counted: Counted): void {
    this.#counted = counted;
    this.#wake();
  }

  /** The last word again, if there is one, is a sign of life too; and the controller may have missed it. */
  heartbeat(): void {
    if (this.#said) this.#applied ??= this.#said;
    else this.#heartbeat = true;
    this.#wake();
  }

  /** Nothing more is said after what is there already. */
  close(): void {
    this.#open = false;
    this.#wake();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<AgentMessage>> {
    while (true) {
      const value = this.#take();
      if (value) return { done: false, value };
      if (!this.#open) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The transport has no more use for it. */
  async return(): Promise<IteratorResult<AgentMessage>> {
    this.close();
    return { done: true, value: undefined };
  }

  /** The stream broke; Connect insists on being able to say so. */
  async throw(): Promise<IteratorResult<AgentMessage>> {
    return this.return();
  }

  #take(): AgentMessage | undefined {
    if (this.#hello) {
      const value = this.#hello;
      this.#hello = undefined;
      return create(AgentMessageSchema, { body: { case: 'hello', value } });
    }
    if (this.#applied) {
      const value = this.#applied;
      this.#applied = undefined;
      this.#said = value;
      return create(AgentMessageSchema, { body: { case: 'applied', value } });
    }
    if (this.#report) {
      const value = this.#report;
      this.#report = undefined;
      return create(AgentMessageSchema, { body: { case: 'report', value } });
    }
    if (this.#counted) {
      const value = this.#counted;
      this.#counted = undefined;
      return create(AgentMessageSchema, { body: { case: 'counted', value } });
    }
    if (this.#heartbeat) {
      this.#heartbeat = false;
      return create(AgentMessageSchema, { body: { case: 'heartbeat', value: {} } });
    }
    return undefined;
  }
}
