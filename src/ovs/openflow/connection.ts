/**
 * The OpenFlow connection to one bridge: `BRIDGE.mgmt` in the run directory of Open vSwitch, a UNIX socket and nothing else
 * (whoever may open it is root; no switch of the network is ever spoken to).
 *
 *     connect --> hello both ways --> set-up --> ready: exchanges, packet-ins --> the socket ends --> wait, connect again
 *
 * When to connect, to wait and to give up is decided by base/reconnector.ts; what waits for answers is in exchanges.ts. This file
 * holds the socket.
 */
import { connect, type Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { type Finding, finding, NetloomError } from '../../base/error.ts';
import type { ReconnectOptions } from '../../base/reconnect.ts';
import { Reconnector } from '../../base/reconnector.ts';
import { decode } from './codec/decode.ts';
import { encode } from './codec/encode.ts';
import { type Message, OPENFLOW_VERSION, type Received } from './codec/message.ts';
import { Exchanges, type Next, type Reply } from './exchanges.ts';
import { MessageSplitter } from './framing.ts';

/** Sends messages, and settles when the switch has said everything to them, refusals among it. */
export type Exchange = (messages: readonly Message[], next?: Next) => Promise<readonly Reply[]>;

export interface ConnectionOptions {
  /** Of the bridge: `/var/run/openvswitch/BRIDGE.mgmt`. */
  readonly path: string;
  readonly clock: Clock;
  /** Gives numbers in [0, 1). */
  readonly random: () => number;
  /** What each new connection begins with, before anybody else may use it; when it rejects, the connection is made anew. */
  readonly setUp: (exchange: Exchange) => Promise<void>;
  /** Messages that nobody asked for: packet-ins, notices. Must not throw. */
  readonly onMessage: (message: Message) => void;
  /** The connection is ready; `again`: it was before, and in the meantime the switch may have been started anew. */
  readonly onReady: (again: boolean) => void;
  /** Told when the connection is lost or cannot be made, and with undefined when it is ready. */
  readonly onTrouble?: (trouble: Finding | undefined) => void;
}

/**
 * Nothing is between the two but a socket of this machine, so waits are short. A switch that stands still for a moment (it
 * reconfigures itself, the machine is busy) is waited for; nothing on the host suffers from that.
 */
const PATIENCE: ReconnectOptions = {
  // Nothing passes a switch that was started anew until it has its flows, and to try costs next to nothing.
  minBackoff: 20,
  maxBackoff: 250,
  stableAfter: 10_000,
  welcomeWithin: 20_000,
  deadAfter: 30_000,
  heartbeatEvery: 5_000,
};
/** How long an exchange may take, and a request that finds no connection waits for one; milliseconds. */
const ANSWER_WITHIN = 20_000;

export class OpenflowConnection {
  readonly #options: ConnectionOptions;
  readonly #reconnector: Reconnector;
  #line: Line | undefined;
  #readyBefore = false;
  /** Those that wait until the connection is ready. */
  #waiting: { readonly go: () => void; readonly fail: (error: Error) => void }[] = [];
  #trouble: Finding;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#trouble = unreachable(options.path, 'nobody has tried yet');
    this.#reconnector = new Reconnector({
      clock: options.clock,
      random: options.random,
      patience: PATIENCE,
      connect: () => this.#connect(),
      disconnect: (because) => {
        if (because === 'tick') this.#report('it says nothing');
        this.#disconnect();
      },
      heartbeat: () => this.#line?.probe(),
      deadline: { at: () => this.#line?.dueAt, pass: () => this.#fail('it has not answered in time') },
    });
    this.#reconnector.drive('tick');
  }

  /**
   * Sends messages, and settles when the switch has said everything to them, refusals among it. Rejects with NetloomError
   * (switch-unreachable) when the connection ends before that, or when there is none for 20 seconds: nobody knows then what was done.
   */
  readonly exchange: Exchange = async (messages, next) => {
    const line = this.#line?.isReady ? this.#line : await this.#ready();
    return line.exchange(messages, next);
  };

  /** Ends the connection for good. */
  close(): void {
    this.#reconnector.drive('stop');
  }

  async #ready(): Promise<Line> {
    const { clock, path } = this.#options;
    if (this.#reconnector.state.state === 'stopped')
      throw new NetloomError([unreachable(path, 'the agent has closed it')]);
    await new Promise<void>((resolve, reject) => {
      const over = () => this.#waiting.splice(this.#waiting.indexOf(each), 1);
      const cancel = clock.after(ANSWER_WITHIN, () => each.fail(new NetloomError([this.#trouble])));
      const settle = (run: () => void) => {
        cancel();
        over();
        run();
      };
      const each = {
        go: () => settle(resolve),
        fail: (error: Error) => settle(() => reject(error)),
      };
      this.#waiting.push(each);
    });
    if (!this.#line?.isReady) throw new NetloomError([this.#trouble]);
    return this.#line;
  }

  #connect(): void {
    const { path, clock, setUp, onMessage, onReady, onTrouble } = this.#options;
    const line = new Line(path, clock, {
      onMessage,
      onHeard: () => {
        if (this.#line === line) this.#reconnector.drive('heard');
      },
      onEnd: (why) => {
        if (this.#line === line) this.#fail(why);
      },
      onAsked: () => this.#reconnector.arm(),
    });
    this.#line = line;
    const begin = async () => {
      await line.greeted;
      await setUp(line.exchange);
      if (this.#line !== line) return;
      line.isReady = true;
      this.#reconnector.drive('welcomed');
      onTrouble?.(undefined);
      for (const each of [...this.#waiting]) each.go();
      onReady(this.#readyBefore);
      this.#readyBefore = true;
    };
    begin().catch((thrown: unknown) => {
      if (this.#line === line) this.#fail(NetloomError.from(thrown).message);
    });
  }

  #fail(why: string): void {
    this.#report(why);
    this.#reconnector.drive('failed');
  }

  #report(why: string): void {
    const before = this.#trouble;
    this.#trouble = unreachable(this.#options.path, why);
    // While it goes on trying, what is wrong is told once.
    if (this.#trouble.message !== before.message || this.#line?.isReady)
      this.#options.onTrouble?.(this.#trouble);
  }

  #disconnect(): void {
    const line = this.#line;
    this.#line = undefined;
    line?.end(new NetloomError([this.#trouble]));
    if (this.#reconnector.state.state === 'stopped')
      for (const each of [...this.#waiting]) each.fail(new NetloomError([this.#trouble]));
  }
}

interface LineEvents {
  readonly onMessage: (message: Message) => void;
  readonly onHeard: () => void;
  readonly onEnd: (why: string) => void;
  readonly onAsked: () => void;
}

/** One socket, from connect to its end. */
class Line {
  /** Settles when both sides know that they speak OpenFlow 1.5. */
  readonly greeted: Promise<void>;
  /** Set-up is done. */
  isReady = false;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #events: LineEvents;
  readonly #splitter = new MessageSplitter();
  readonly #exchanges = new Exchanges((messages) => {
    this.#socket.cork();
    for (const each of messages) this.#socket.write(each);
    this.#socket.uncork();
  });
  #greet: { readonly resolve: () => void; readonly reject: (error: Error) => void };

  constructor(path: string, clock: Clock, events: LineEvents) {
    this.#clock = clock;
    this.#events = events;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.greeted = promise;
    this.#greet = { resolve, reject };
    this.#socket = connect({ path });
    this.#socket.on('connect', () => this.#say({ type: 'hello', versions: [OPENFLOW_VERSION] }));
    this.#socket.on('data', (chunk) => this.#read(chunk));
    this.#socket.on('error', (error) => events.onEnd(error.message));
    this.#socket.on('close', () => events.onEnd('it has hung up'));
  }

  get dueAt(): number | undefined {
    return this.#exchanges.dueAt;
  }

  readonly exchange: Exchange = (messages, next) => {
    const over = this.#exchanges.begin(messages, this.#clock.now() + ANSWER_WITHIN, next);
    this.#events.onAsked();
    return over;
  };

  /** Asks whether anybody is there; whatever the answer is, it is one. */
  probe(): void {
    this.#say({ type: 'echo-request', data: new Uint8Array(0) });
  }

  end(error: Error): void {
    this.isReady = false;
    this.#socket.destroy();
    this.#greet.reject(error);
    this.#exchanges.end(error);
  }

  #say(message: Message, xid = 0): void {
    this.#socket.write(encode(xid, message));
  }

  #read(chunk: Uint8Array): void {
    try {
      for (const bytes of this.#splitter.push(chunk)) this.#take(decode(bytes));
    } catch (thrown) {
      this.#events.onEnd(NetloomError.from(thrown).message);
      return;
    }
    this.#events.onHeard();
  }

  #take(received: Received): void {
    const { xid, message } = received;
    switch (message.type) {
      case 'hello':
        if (message.versions.includes(OPENFLOW_VERSION)) this.#greet.resolve();
        else this.#events.onEnd('it does not speak OpenFlow 1.5');
        return;
      case 'echo-request':
        this.#say({ type: 'echo-reply', data: message.data }, xid);
        return;
      case 'echo-reply':
        return;
      default:
        if (!this.#exchanges.take(received)) this.#events.onMessage(message);
    }
  }
}

function unreachable(path: string, why: string): Finding {
  return finding(
    'switch-unreachable',
    path,
    `The bridge does not answer on its OpenFlow socket: ${why}.`,
    'See whether ovs-vswitchd runs; the agent goes on trying.',
  );
}
