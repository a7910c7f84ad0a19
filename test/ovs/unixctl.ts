/**
 * The control socket of an Open vSwitch daemon, over one connection: what ovs-appctl does with a process a command.
 * JSON-RPC 1.0 as in ovsdb-server(7); one command at a time, so an answer is whole as soon as it parses.
 */
import { connect, type Socket } from 'node:net';

const HUNG_UP = 'the daemon has hung up';

export class Unixctl {
  /** Nobody is at the other end any more. */
  get hasHungUp(): boolean {
    return this.#hasHungUp;
  }

  readonly #socket: Socket;
  #hasHungUp = false;
  #id = 0;
  #text = '';
  #settle: { resolve: (result: string) => void; reject: (error: Error) => void } | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      this.#text += text;
      this.#answer();
    });
    const fail = () => {
      this.#hasHungUp = true;
      this.#settle?.reject(new Error(HUNG_UP));
    };
    socket.on('close', fail).on('error', fail);
  }

  static open(path: string): Promise<Unixctl> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Unixctl(socket));
      });
    });
  }

  /** Throws what the daemon says against it. */
  call(method: string, ...params: readonly string[]): Promise<string> {
    if (this.#hasHungUp) throw new Error(HUNG_UP);
    if (this.#settle) throw new Error('one command at a time');
    return new Promise<string>((resolve, reject) => {
      this.#settle = { resolve, reject };
      this.#socket.write(JSON.stringify({ id: this.#id++, method, params }));
    }).finally(() => {
      this.#settle = undefined;
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #answer(): void {
    // An answer ends with a brace, and so may a part of one.
    if (!this.#text.trimEnd().endsWith('}')) return;
    let answer: { result: string | null; error: string | null };
    try {
      answer = JSON.parse(this.#text);
    } catch {
      return;
    }
    this.#text = '';
    if (answer.error !== null) this.#settle?.reject(new Error(answer.error));
    else this.#settle?.resolve(answer.result ?? '');
  }
}
