/** `netloom switch` as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SwitchStatus } from '../../src/cli/switch/words.ts';
import { inNamespace } from '../ovs/open-vswitch.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/netloom.js', import.meta.url));
const LIMIT = 30_000;

export class SwitchProcess {
  readonly #process: ChildProcess;
  #out = '';
  #err = '';
  #changed: (() => void) | undefined;

  private constructor(child: ChildProcess) {
    this.#process = child;
    child.stdout!.on('data', (piece) => {
      this.#out += piece;
      this.#changed?.();
    });
    child.stderr!.on('data', (piece) => {
      this.#err += piece;
      this.#changed?.();
    });
    child.on('exit', () => this.#changed?.());
  }

  /** Waits until it is ready; relative paths in the file are under `directory`. */
  static async start(
    directory: string,
    name: string,
    file: object,
    namespace?: string,
    ...options: readonly string[]
  ): Promise<SwitchProcess> {
    const path = join(directory, `${name}.json`);
    writeFileSync(path, JSON.stringify({ name, ...file }));
    const [command = '', ...args] = [...inNamespace(namespace), process.execPath, PROGRAM, 'switch', path];
    const child = spawn(command, [...args, '-o', 'json', ...options], { cwd: directory, stdio: 'pipe' });
    const made = new SwitchProcess(child);
    try {
      await made.says(/Ready\./);
    } catch (error) {
      await made.kill();
      throw error;
    }
    return made;
  }

  /** What it says on the way goes to its standard error. */
  async says(words: RegExp): Promise<RegExpExecArray> {
    const end = Date.now() + LIMIT;
    for (;;) {
      const found = words.exec(this.#err);
      if (found) return found;
      if (this.#process.exitCode !== null) throw new Error(`the switch has ended: ${this.#err}`);
      if (Date.now() > end) throw new Error(`no ${words} from the switch: ${this.#err}`);
      await this.#change();
    }
  }

  /** The arguments that it prints for QEMU, by port: from -netdev on. */
  netdev(port: string): string[] {
    const line = new RegExp(`\\b${port}\\b.*\\n\\s+qemu-system-x86_64 … (.*)\\n`).exec(this.#err)?.[1];
    if (line === undefined) throw new Error(`nothing is said about ${port}: ${this.#err}`);
    return line.split(' ');
  }

  /** Asks a running switch how it does. */
  async ask(): Promise<string> {
    const before = this.#err.length;
    this.#process.kill('SIGUSR1');
    await this.says(new RegExp(`^[\\s\\S]{${before}}[\\s\\S]*Flow cache.*\\n`));
    return this.#err.slice(before);
  }

  /** Ctrl-C; the status that it ends with. */
  async end(): Promise<{ readonly code: number | null; readonly status: SwitchStatus }> {
    this.#process.kill('SIGINT');
    while (this.#process.exitCode === null && this.#process.signalCode === null) await this.#change();
    return { code: this.#process.exitCode, status: JSON.parse(this.#out) };
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    while (this.#process.exitCode === null && this.#process.signalCode === null) await this.#change();
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 500);
      this.#changed = () => {
        clearTimeout(timer);
        // What it wrote before it ended may come after the news of its end.
        setImmediate(resolve);
      };
    });
    this.#changed = undefined;
  }
}
