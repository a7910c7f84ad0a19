/** The other end of an OpenFlow connection, for tests of the codec: a switch for ovs-ofctl, a controller for ovs-vswitchd. */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { decode } from '../../src/ovs/openflow/codec/decode.ts';
import { Encoder, encode } from '../../src/ovs/openflow/codec/encode.ts';
import type { Message, Received } from '../../src/ovs/openflow/codec/message.ts';
import { MessageSplitter } from '../../src/ovs/openflow/framing.ts';
import { type OpenVswitch, startOpenVswitch } from './open-vswitch.ts';

/** A message with its bytes. */
export interface Heard extends Received {
  readonly bytes: Uint8Array;
}

/** Tells of the messages of a socket as they come. */
function listen(socket: Socket, onMessage: (heard: Heard) => void): void {
  const splitter = new MessageSplitter();
  socket.on('data', (chunk) => {
    for (const bytes of splitter.push(chunk)) onMessage({ ...decode(bytes), bytes: bytes.slice() });
  });
  socket.on('error', () => socket.destroy());
}

/** The features of a table without a name: length, table, zeros. ovs-ofctl asks for them, and for the ports. */
const ONE_TABLE = Uint8Array.from({ length: 64 }, (_, i) => (i === 1 ? 64 : 0));

function agreement(message: Message): Message | undefined {
  if (message.type === 'barrier-request') return { type: 'barrier-reply' };
  if (message.type === 'echo-request') return { type: 'echo-reply', data: message.data };
  if (message.type === 'request' && message.about === 'ports') {
    return { type: 'reply', more: false, about: 'ports', ports: [] };
  }
  if (message.type !== 'request' || message.about !== 'unknown') return undefined;
  return { type: 'reply', more: false, about: 'unknown', code: message.code, body: ONE_TABLE };
}

/** What `run` says to a switch that agrees to everything; without greetings, echoes, barriers and what has no name here. */
export async function heardFrom(path: string, run: () => Promise<unknown>): Promise<readonly Heard[]> {
  const heard: Heard[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.write(encode(0, { type: 'hello', versions: [6] }));
    listen(socket, (message) => {
      const answer = agreement(message.message);
      if (answer) socket.write(encode(message.xid, answer));
      else if (message.message.type !== 'hello') heard.push(message);
    });
  });
  server.listen(path);
  await once(server, 'listening');
  try {
    await run();
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(path, { force: true });
  }
  return heard;
}

/** A controller of a real switch. */
export class Controller {
  readonly #socket: Socket;
  readonly #path: string;
  readonly #heard: Heard[] = [];
  #wake = () => {};
  #xid = 1;

  private constructor(socket: Socket, path: string) {
    this.#socket = socket;
    this.#path = path;
    listen(socket, (heard) => {
      this.#heard.push(heard);
      this.#wake();
    });
  }

  static async connect(path: string): Promise<Controller> {
    const socket = connect(path);
    await once(socket, 'connect');
    const controller = new Controller(socket, path);
    socket.write(encode(0, { type: 'hello', versions: [6] }));
    await controller.next((message) => message.type === 'hello');
    // Before that, whoever comes by the management socket is told nothing unasked (ovs-vswitchd, ofconn_receives_async_msg).
    await controller.exchange([{ type: 'set-config', fragments: 'normal', missSendLength: 0xffff }]);
    return controller;
  }

  /** The switch, as ovs-ofctl names it. */
  get path(): string {
    return `unix:${this.#path}`;
  }

  /** Another connection to the same switch: it hangs up on all of them when its datapath id changes. */
  again(): Promise<Controller> {
    return Controller.connect(this.#path);
  }

  /** Says them all at once, and a barrier behind; the answers to them come back in their order. */
  async exchange(messages: readonly Message[]): Promise<readonly Received[]> {
    const first = this.#xid;
    this.#xid += messages.length + 1;
    const encoder = new Encoder();
    for (const [i, message] of messages.entries()) encoder.add(first + i, message);
    const barrier = first + messages.length;
    encoder.add(barrier, { type: 'barrier-request' });
    this.#socket.write(encoder.bytes());
    await this.next((message, xid) => message.type === 'barrier-reply' && xid === barrier);
    const answers = this.#heard.filter(({ xid }) => xid >= first && xid < barrier);
    for (const answer of answers) this.#heard.splice(this.#heard.indexOf(answer), 1);
    return answers;
  }

  /** Says one, without waiting for the answer. */
  send(message: Message): void {
    this.#socket.write(encode(this.#xid++, message));
  }

  /** The next message of which this holds; 20 seconds at most. */
  async next(wanted: (message: Message, xid: number) => boolean): Promise<Heard> {
    const limit = Date.now() + 20_000;
    for (;;) {
      const place = this.#heard.findIndex(({ message, xid }) => wanted(message, xid));
      if (place >= 0) return this.#heard.splice(place, 1)[0]!;
      const left = limit - Date.now();
      if (left <= 0)
        throw new Error(`nothing of what was waited for; but ${this.#heard.map(nameOf).join(', ')}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}

function nameOf({ message }: Received): string {
  return message.type === 'error' ? message.name : message.type;
}

/** A bridge `br0` of dummies with one port, `p1`, of number 1. */
export async function withBridge(
  use: (controller: Controller, ovs: OpenVswitch) => Promise<void>,
): Promise<void> {
  const ovs = await startOpenVswitch({ dummy: true });
  try {
    await ovs.vsctl('add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=dummy', 'fail_mode=secure');
    await ovs.vsctl(
      'add-port',
      'br0',
      'p1',
      '--',
      'set',
      'interface',
      'p1',
      'type=dummy',
      'ofport_request=1',
    );
    const controller = await Controller.connect(join(ovs.directory, 'br0.mgmt'));
    try {
      await use(controller, ovs);
    } finally {
      controller.close();
    }
  } finally {
    await ovs.stop();
  }
}
