/** What the controller asks of one agent: to look at its host, and to repair what differs. */

/** One question, with those who wait for its answer. */
interface Ask {
  readonly id: bigint;
  repair: boolean;
  readonly waiting: (() => void)[];
}

/**
 * One question is under way at a time. What is asked in the meantime is one question more, however often it is asked, so
 * an agent that is slow to answer is not asked faster than it can.
 */
export class Asks {
  #last = 0n;
  /** Sent, and not answered. */
  #open: Ask | undefined;
  /** Not sent yet. */
  #next: Ask | undefined;

  /** Resolves with the answer, or when there will be none. */
  ask(repair: boolean): Promise<void> {
    this.#next ??= { id: ++this.#last, repair: false, waiting: [] };
    const next = this.#next;
    next.repair ||= repair;
    return new Promise((resolve) => void next.waiting.push(resolve));
  }

  /** The question to send now, if there is one. */
  take(): { readonly id: bigint; readonly repair: boolean } | undefined {
    if (this.#open || !this.#next) return undefined;
    this.#open = this.#next;
    this.#next = undefined;
    const { id, repair } = this.#open;
    return { id, repair };
  }

  /** Whether this is the question under way. */
  awaits(id: bigint): boolean {
    return this.#open?.id === id;
  }

  /** The agent says that it answers this question; another one than that under way is passed over. */
  answered(id: bigint): void {
    if (!this.awaits(id)) return;
    const waiting = this.#open?.waiting ?? [];
    this.#open = undefined;
    for (const resolve of waiting) resolve();
  }

  /** Nobody will answer any more. */
  close(): void {
    for (const resolve of [...(this.#open?.waiting ?? []), ...(this.#next?.waiting ?? [])]) resolve();
    this.#open = undefined;
    this.#next = undefined;
  }
}
