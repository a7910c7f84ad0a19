/** A virtual machine: a Linux guest in QEMU without acceleration, with one NIC, and a shell on its serial line. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchKernel } from '../../src/lab/real/qemu/kernel.ts';
import { makeInitrd } from './kernel.ts';

/** No guest takes longer to start, and no command in it. */
const LIMIT = 60_000;
const MARK = /exit=(\d+)\r?\n/;

/** Why guests cannot run here; undefined when they can. */
export async function whyNoGuests(): Promise<string | undefined> {
  for (const [tool, option] of [
    ['qemu-system-x86_64', '--version'],
    ['busybox', '--help'],
    ['dpkg-deb', '--version'],
  ] as const) {
    try {
      execFileSync(tool, [option], { stdio: 'ignore', timeout: LIMIT });
    } catch {
      return `${tool} not installed (apt-get install qemu-system-x86 busybox-static)`;
    }
  }
  try {
    await fetchKernel();
    return undefined;
  } catch (thrown) {
    return `no kernel for guests (${thrown instanceof Error ? thrown.message.split('\n')[0] : thrown})`;
  }
}

/** Kernel and RAM disk, for all guests of a test file; `remove` when they are gone. */
export async function prepareGuests(): Promise<{ readonly boot: Boot; remove(): void }> {
  const directory = mkdtempSync(join(tmpdir(), 'netloom-guests-'));
  const kernel = await fetchKernel();
  return {
    boot: { kernel: kernel.image, initrd: makeInitrd(kernel, directory) },
    remove: () => rmSync(directory, { recursive: true }),
  };
}

export interface Boot {
  readonly kernel: string;
  readonly initrd: string;
}

export class Guest {
  readonly #process: ChildProcess;
  #output = '';
  #waiting: (() => void) | undefined;

  /** `network`: the arguments for its NIC, as `netloom switch` prints them. `address`: with its prefix length. */
  constructor(boot: Boot, network: readonly string[], address: string) {
    const machine = [
      '-accel',
      'tcg',
      '-M',
      'pc',
      '-m',
      '96',
      '-nodefaults',
      '-display',
      'none',
      '-monitor',
      'none',
    ];
    const append = `console=ttyS0 quiet panic=-1 rdinit=/init netloom.address=${address}`;
    this.#process = spawn(
      'qemu-system-x86_64',
      [...machine, '-serial', 'stdio', '-no-reboot', '-kernel', boot.kernel, '-initrd', boot.initrd]
        .concat(['-append', append])
        .concat(network),
      { stdio: 'pipe' },
    );
    const read = (piece: unknown) => {
      this.#output += String(piece);
      this.#waiting?.();
    };
    this.#process.stdout!.on('data', read);
    this.#process.stderr!.on('data', read);
    this.#process.on('exit', () => this.#waiting?.());
    this.#process.stdin!.on('error', () => {});
  }

  async ready(): Promise<this> {
    await this.#says(/guest ready\r?\n/);
    return this;
  }

  /** Runs a command of busybox's shell; what it printed, and its exit code. */
  async run(command: string): Promise<{ readonly output: string; readonly code: number }> {
    this.#output = '';
    this.#process.stdin!.write(`${command}; echo exit=$?\n`);
    const [whole, code] = await this.#says(MARK);
    return { output: this.#output.slice(0, this.#output.indexOf(whole)), code: Number(code) };
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGKILL');
    await gone;
  }

  async #says(words: RegExp): Promise<RegExpExecArray> {
    const end = Date.now() + LIMIT;
    for (;;) {
      const found = words.exec(this.#output);
      if (found) return found;
      if (this.#process.exitCode !== null) throw new Error(`QEMU has ended: ${this.#output}`);
      if (Date.now() > end) throw new Error(`no ${words} from the guest: ${this.#output.slice(-2000)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.#waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#waiting = undefined;
    }
  }
}
