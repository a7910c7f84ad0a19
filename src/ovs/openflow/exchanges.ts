/**
 * Requests that wait for what the switch says to them. Several messages and a barrier behind them are one exchange; Open
 * vSwitch does them in order, so when the barrier is answered, everything has been said (OpenFlow 1.5.1, 7.3.8).
 *
 *     flow-mod 17   flow-mod 18   barrier 19    -->
 *                                               <--   error 18   barrier-reply 19
 *
 * What is said may lead to more that is to be sent. It belongs to the same exchange, and so does what the switch says
 * then to the first messages: a commit is refused in the name of a message of the bundle.
 */
import { encode } from './codec/encode.ts';
import type { Message, Received } from './codec/message.ts';

/** What the switch said to a message of an exchange, or a part of it. */
export interface Reply {
  /** Which message it is about, counted from 0 through all that were sent, barriers left out. */
  readonly index: number;
  readonly message: Message;
}

/** What is to be sent next, after what was said so far; nothing: the exchange is over. Called once. */
export type Next = (replies: readonly Reply[]) => readonly Message[];

interface Waiting {
  /** By transaction id, which message of the exchange it is; undefined: the barrier. */
  readonly indexes: Map<number, number | undefined>;
  readonly replies: Reply[];
  sent: number;
  next: Next | undefined;
  readonly deadline: number;
  readonly resolve: (replies: readonly Reply[]) => void;
  readonly reject: (error: Error) => void;
}

/** Transaction ids are 32 bits wide and come round again. Id 0 is for what nobody waits for. */
const LAST_XID = 2 ** 32 - 1;

/** The exchanges of one connection that are not over. Times are milliseconds of a monotonic clock. */
export class Exchanges {
  readonly #write: (messages: readonly Uint8Array[]) => void;
  readonly #waiting = new Set<Waiting>();
  #xid = 0;

  constructor(write: (messages: readonly Uint8Array[]) => void) {
    this.#write = write;
  }

  /** Sends messages; settles with everything that was said to them. Rejects when one cannot be encoded: then none is sent. */
  async begin(messages: readonly Message[], deadline: number, next?: Next): Promise<readonly Reply[]> {
    return new Promise((resolve, reject) => {
      const each = { indexes: new Map(), replies: [], sent: 0, next, deadline, resolve, reject };
      this.#send(each, messages);
      this.#waiting.add(each);
    });
  }

  /** Takes in what the switch said; false when it belongs to none of them. */
  take({ xid, message }: Received): boolean {
    for (const each of this.#waiting) {
      if (!each.indexes.has(xid)) continue;
      const index = each.indexes.get(xid);
      if (index === undefined) this.#said(each);
      else each.replies.push({ index, message });
      return true;
    }
    return false;
  }

  /** When the first one has waited long enough; undefined when none waits. */
  get dueAt(): number | undefined {
    // All are given the same time, so the first one that began is the first one that is due.
    const [first] = this.#waiting;
    return first?.deadline;
  }

  /** The connection is gone: nothing more is said to any of them. */
  end(error: Error): void {
    for (const each of this.#waiting) each.reject(error);
    this.#waiting.clear();
  }

  #send(each: Waiting, messages: readonly Message[]): void {
    const bytes = messages.map((message, i) => {
      const xid = this.#take();
      each.indexes.set(xid, each.sent + i);
      return encode(xid, message);
    });
    const barrier = this.#take();
    each.indexes.set(barrier, undefined);
    each.sent += messages.length;
    this.#write([...bytes, encode(barrier, { type: 'barrier-request' })]);
  }

  #take(): number {
    this.#xid = this.#xid === LAST_XID ? 1 : this.#xid + 1;
    return this.#xid;
  }

  /** The barrier is answered. */
  #said(each: Waiting): void {
    const more = each.next?.(each.replies) ?? [];
    each.next = undefined;
    if (more.length > 0) {
      this.#send(each, more);
      return;
    }
    this.#waiting.delete(each);
    each.resolve(each.replies);
  }
}
