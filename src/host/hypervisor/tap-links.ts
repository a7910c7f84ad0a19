/**
 * Takes the links of taps down and up: one `ip -batch -` that is there already when it matters, because to start a program
 * takes longer than the network part of a migration may.
 */
import { type ChildProcess, spawn } from 'node:child_process';

export class TapLinks {
  readonly #taps: readonly string[];
  readonly #process: ChildProcess;
  #said = '';

  /** `namespace`: the network namespace that the taps are in; absent: that of this process. */
  constructor(taps: readonly string[], namespace?: string) {
    this.#taps = taps;
    const place = namespace === undefined ? [] : ['-n', namespace];
    this.#process = spawn('ip', [...place, '-force', '-batch', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
    this.#process.stdin?.on('error', () => {});
    this.#process.on('error', (error) => {
      this.#said = error.message;
    });
    this.#process.stderr?.on('data', (text) => {
      this.#said = `${this.#said}${text}`.slice(-1000);
    });
  }

  /** All of them. Rejects when `ip` cannot be run any more; a tap that is not there is passed over. */
  async set(link: 'up' | 'down'): Promise<void> {
    const text = this.#taps.map((tap) => `link set dev ${tap} ${link}\n`).join('');
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#process.stdin?.write(text, (error) => (error ? reject(error) : resolve()));
    await promise;
  }

  /** Ends it, after what it has been told is done; what it had against something, in the words of `ip`. */
  async close(): Promise<string> {
    const { stdin, exitCode, signalCode } = this.#process;
    if (exitCode === null && signalCode === null && this.#process.pid !== undefined) {
      const ended = new Promise((resolve) => this.#process.once('close', resolve));
      stdin?.end();
      await ended;
    }
    return this.#said.trim();
  }
}
