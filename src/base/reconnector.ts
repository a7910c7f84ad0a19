/**
 * Keeps one connection as reconnect.ts decides, by a clock: tells when to connect, to give up, and to ask for a sign of life.
 * It holds no socket; whoever has one says what happens to it (`drive`).
 */
import type { Clock } from './clock.ts';
import {
  type ConnectionEvent,
  type ConnectionState,
  disconnected,
  dueAt,
  type ReconnectOptions,
  step,
} from './reconnect.ts';

export interface ReconnectorOptions {
  readonly clock: Clock;
  /** Gives numbers in [0, 1). */
  readonly random: () => number;
  readonly patience: ReconnectOptions;
  readonly connect: () => void;
  /** What led to it; `tick`: silence. Also where the connection has ended already. */
  readonly disconnect: (because: ConnectionEvent) => void;
  readonly heartbeat: () => void;
  /** Whether nobody listens at this moment: silence says nothing about the server then. Default: never. */
  readonly isBusy?: () => boolean;
  /** When something else has to have happened on the connection, and what is done when it has not. */
  readonly deadline?: { readonly at: () => number | undefined; readonly pass: () => void };
}

/** A timer that comes later than this, in milliseconds, tells that this process was busy itself, or the machine asleep. */
const LATE = 1_000;

export class Reconnector {
  readonly #options: ReconnectorOptions;
  #state: ConnectionState;
  #cancelTimer = () => {};

  /** Nothing happens until it is driven: the first `tick` connects. */
  constructor(options: ReconnectorOptions) {
    this.#options = options;
    this.#state = disconnected(options.clock.now());
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Says what has happened, and does what comes of it. */
  drive(event: ConnectionEvent): void {
    const { clock, random, patience, connect, disconnect, heartbeat, isBusy } = this.#options;
    if (event === 'tick' && isBusy?.()) this.drive('busy');
    const { state, action } = step(this.#state, event, clock.now(), random(), patience);
    this.#state = state;
    if (action === 'connect') connect();
    if (action === 'heartbeat') heartbeat();
    if (action === 'disconnect') disconnect(event);
    this.arm();
  }

  /** Sets the timer; to be called when the deadline is another one. */
  arm(): void {
    const { clock, patience, deadline } = this.#options;
    this.#cancelTimer();
    const limit = () => deadline?.at() ?? Number.POSITIVE_INFINITY;
    const due = Math.min(dueAt(this.#state, patience) ?? Number.POSITIVE_INFINITY, limit());
    if (due === Number.POSITIVE_INFINITY) return;
    const now = clock.now();
    // What is overdue is due now: a timer that was late once is not late for ever.
    const at = Math.max(now, due);
    this.#cancelTimer = clock.after(at - now, () => {
      // What has come in the meantime lies in the socket, unread.
      if (clock.now() > at + LATE) this.drive('busy');
      else if (clock.now() >= limit()) deadline?.pass();
      else this.drive('tick');
    });
  }
}
