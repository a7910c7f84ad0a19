/** Streams of numbered frames between namespaces, with what was lost, doubled, and delivered though it must not be. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inNamespace } from '../ovs/open-vswitch.ts';

const PROGRAM = fileURLToPath(new URL('traffic.py', import.meta.url));

export interface Stream {
  /** Unique among all streams of a test. */
  readonly stream: number;
  readonly perSecond: number;
  readonly srcMac: string;
  readonly dstMac: string;
  readonly src: string;
  readonly dst: string;
  /** Destination, of UDP. */
  readonly port: number;
}

export interface Sent {
  readonly sent: number;
}

export interface Received {
  /** Different frames. */
  readonly received: number;
  /** Frames that came once more. */
  readonly doubled: number;
  /** Between two frames, since the last `mark`. */
  readonly longestGapMs: number;
  /** Numbers of frames that did not come although later ones did; the first 50. */
  readonly missing: readonly number[];
}

/** A running sender or receiver. */
export class Traffic<R> {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  /** Sends by this interface of a namespace, from now on. */
  static send(namespace: string, device: string, streams: readonly Stream[]): Promise<Traffic<Sent>> {
    return Traffic.#start<Sent>(namespace, 'send', device, JSON.stringify(streams));
  }

  /** Counts what comes in by this interface. */
  static receive(namespace: string, device: string): Promise<Traffic<Received>> {
    return Traffic.#start<Received>(namespace, 'receive', device);
  }

  static async #start<R>(namespace: string, ...args: readonly string[]): Promise<Traffic<R>> {
    const [tool = '', ...rest] = [...inNamespace(namespace), 'python3', PROGRAM, ...args];
    const child = spawn(tool, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    // It may be gone before it is told to end.
    child.stdin.on('error', () => {});
    const traffic = new Traffic<R>(child);
    await traffic.#line();
    return traffic;
  }

  /** By stream; a receiver knows of no stream that nothing came of. */
  report(): Promise<ReadonlyMap<number, R>> {
    return this.#ask('report');
  }

  /** The same, and gaps are measured anew. */
  mark(): Promise<ReadonlyMap<number, R>> {
    return this.#ask('mark');
  }

  /** The last report; the program has ended then. */
  async stop(): Promise<ReadonlyMap<number, R>> {
    const exited = once(this.#child, 'exit');
    const report = await this.#ask('stop');
    await exited;
    return report;
  }

  /** Ends it at once, where nobody asks any more. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async #ask(question: string): Promise<ReadonlyMap<number, R>> {
    this.#child.stdin?.write(`${question}\n`);
    const answer = JSON.parse(await this.#line()) as Readonly<Record<string, R>>;
    return new Map(Object.entries(answer).map(([stream, each]) => [Number(stream), each]));
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the traffic program has ended');
    return value;
  }
}
