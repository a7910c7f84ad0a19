/** Frames out of an interface of a namespace and into it, whatever they are: past the stack of the system. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { toHex } from '../../src/packet/bytes.ts';
import { until } from '../support/until.ts';
import { inNamespace } from './open-vswitch.ts';

const PROGRAM = fileURLToPath(new URL('frame-socket.py', import.meta.url));

export class FrameSocket {
  readonly #program: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #heard: string[] = [];
  #isReady = false;
  #rest = '';
  #said = '';

  private constructor(namespace: string, nic: string) {
    const [tool = '', ...args] = [...inNamespace(namespace), 'python3', PROGRAM, nic];
    this.#program = spawn(tool, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    // A write to a program that has ended: what it said is told by `send`.
    this.#program.stdin.on('error', () => {});
    this.#program.stderr.on('data', (text) => {
      this.#said += String(text);
    });
    this.#program.stdout.on('data', (text) => {
      const lines = (this.#rest + String(text)).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line === 'ready') this.#isReady = true;
        else this.#heard.push(line);
      }
    });
  }

  static async open(namespace: string, nic: string): Promise<FrameSocket> {
    const opened = new FrameSocket(namespace, nic);
    await until(`a socket on ${nic} of ${namespace}`, () => {
      opened.#check();
      return opened.#isReady;
    });
    return opened;
  }

  send(frame: Uint8Array): void {
    this.#check();
    this.#program.stdin.write(`${toHex(frame)}\n`);
  }

  /** Whether this frame has come in, with or without something behind it, since `forget`. */
  hasHeard(frame: Uint8Array): boolean {
    this.#check();
    const text = toHex(frame);
    return this.#heard.some((heard) => heard.startsWith(text));
  }

  /** Whether a frame that has come in since `forget` has these bytes somewhere. */
  hasHeardOf(part: Uint8Array): boolean {
    this.#check();
    const text = toHex(part);
    return this.#heard.some((heard) => heard.includes(text));
  }

  forget(): void {
    this.#heard.length = 0;
  }

  async close(): Promise<void> {
    if (this.#program.exitCode !== null || this.#program.signalCode !== null) return;
    const ended = once(this.#program, 'exit');
    this.#program.kill('SIGKILL');
    await ended;
  }

  #check(): void {
    if (this.#program.exitCode !== null) throw new Error(`the packet socket has ended: ${this.#said}`);
  }
}
