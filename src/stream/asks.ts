/** What the controller asks of one agent: to look at its host, to repair what differs, to say what it has counted. */
import type { HostCounters } from './counted.ts';

/** One question, with those who wait for its answer. */
interface Ask {
  readonly what: 'look' | 'count';
  repair: boolean;
  readonly waiting: Set<(answer: HostCounters | undefined) => void>;
}

/** A question as it is sent. */
export interface Question {
  readonly id: bigint;
  readonly repair: boolean;
  readonly count: boolean;
}

/**
 * One question is under way at a time. What is asked in the meantime is one question more of each kind, however often it is
 * asked, so an agent that is slow to answer is not asked faster than it can.
 */
export class Asks {
  /** The number of the latest question that was sent. */
  #last = 0n;
  /** Sent, and not answered. */
  #open: Ask | undefined;
  /** Not sent yet, at most one of each kind. */
  #next: Ask[] = [];

  /** Asks how the host is. Resolves with the answer, when there will be none, and after the signal. */
  async look(repair: boolean, signal?: AbortSignal): Promise<void> {
    await this.#ask('look', repair, signal);
  }

  /** Asks what the host has counted. Resolves with undefined when there will be no answer, and after the signal. */
  count(signal?: AbortSignal): Promise<HostCounters | undefined> {
    return this.#ask('count', false, signal);
  }

  /** The question to send now, if there is one. */
  take(): Question | undefined {
    if (this.#open) return undefined;
    this.#open = this.#next.shift();
    if (!this.#open) return undefined;
    return { id: ++this.#last, repair: this.#open.repair, count: this.#open.what === 'count' };
  }

  /** Whether this is the question under way. */
  awaits(id: bigint): boolean {
    return this.#open !== undefined && this.#last === id;
  }

  /** The agent says that it answers this question; another one than that under way is passed over. */
  answered(id: bigint, answer?: HostCounters): void {
    if (!this.awaits(id)) return;
    const { waiting = [] } = this.#open ?? {};
    this.#open = undefined;
    for (const resolve of waiting) resolve(answer);
  }

  /** Nobody will answer any more. */
  close(): void {
    const asks = [...(this.#open ? [this.#open] : []), ...this.#next];
    this.#open = undefined;
    this.#next = [];
    for (const { waiting } of asks) for (const resolve of waiting) resolve(undefined);
  }

  #ask(what: Ask['what'], repair: boolean, signal?: AbortSignal): Promise<HostCounters | undefined> {
    let ask = this.#next.find((each) => each.what === what);
    if (!ask) {
      ask = { what, repair: false, waiting: new Set() };
      this.#next.push(ask);
    }
    ask.repair ||= repair;
    const { waiting } = ask;
    return new Promise((resolve) => {
      // Whoever waits no more is let go of: an agent that never answers would hold everybody who ever asked.
      const give = () => end(undefined);
      const end = (answer: HostCounters | undefined) => {
        waiting.delete(end);
        signal?.removeEventListener('abort', give);
        resolve(answer);
      };
      waiting.add(end);
      if (signal?.aborted) give();
      else signal?.addEventListener('abort', give, { once: true });
    });
  }
}
