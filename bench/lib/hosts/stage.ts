/**
 * What a benchmark with real hosts makes on this machine: network namespaces, programs, files. All of it is taken away at
 * its end, however that comes. No frame leaves the namespaces.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inNamespace, run } from '../../../src/lab/real/run.ts';
import { addNamespace } from '../../../src/lab/real/wires.ts';

let stages = 0;

export interface Program {
  /** Where it runs, and what it is called among those of the stage: its log is NAME.log. */
  readonly namespace: string;
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class Stage {
  readonly directory = mkdtempSync(join(tmpdir(), 'netloom-bench-'));
  readonly #mark = `nlbench${process.pid}-${stages++}`;
  readonly #namespaces: string[] = [];
  readonly #programs: ChildProcess[] = [];
  /** A benchmark that fails or is interrupted must leave nothing either, and at that point nothing can be waited for. */
  readonly #abandon = () => {
    for (const program of this.#programs) program.kill('SIGKILL');
    for (const name of this.#namespaces) execFileSync('ip', ['netns', 'delete', name], { stdio: 'ignore' });
    rmSync(this.directory, { recursive: true, force: true });
  };

  constructor() {
    process.once('exit', this.#abandon);
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      if (process.listenerCount(signal) === 0) process.once(signal, () => process.exit(1));
  }

  async namespace(what: string): Promise<string> {
    const name = `${this.#mark}-${what}`;
    this.#namespaces.push(name);
    await addNamespace(name);
    await run(...inNamespace(name, 'sysctl', '-q', '-w', 'net.ipv6.conf.default.disable_ipv6=1'));
    return name;
  }

  /** An empty directory. */
  folder(name: string): string {
    const path = join(this.directory, name);
    mkdirSync(path);
    return path;
  }

  /** The answer is its process id. */
  start({ namespace, name, command, env }: Program): number {
    const log = openSync(join(this.directory, `${name}.log`), 'a');
    const [tool = '', ...args] = inNamespace(namespace, ...command);
    const program = spawn(tool, args, { stdio: ['ignore', log, log], env: { ...process.env, ...env } });
    closeSync(log);
    this.#programs.push(program);
    return program.pid ?? 0;
  }

  /** The last lines that a program has written. */
  said(name: string): string {
    return readFileSync(join(this.directory, `${name}.log`), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(-10)
      .join('\n');
  }

  async close(): Promise<void> {
    const alive = () =>
      this.#programs.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    // Those that were started last depend on those before.
    for (const program of alive().reverse()) program.kill('SIGTERM');
    for (const deadline = performance.now() + 2000; alive().length > 0 && performance.now() < deadline; )
      await sleep(10);
    process.off('exit', this.#abandon);
    this.#abandon();
  }
}
