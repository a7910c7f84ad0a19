/** Network namespaces with cables between them: real stacks of this machine's kernel, apart from its own network. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** No command of a test takes longer. */
const LIMIT = 30_000;

/** Runs a command to its end; the answer is what it printed. Rejects when it fails. */
export async function command(...args: readonly string[]): Promise<string> {
  const [tool = '', ...rest] = args;
  return (await run(tool, rest, { timeout: LIMIT, maxBuffer: 1 << 26 })).stdout;
}

/** One end of a cable: an interface in a namespace. */
export interface CableEnd {
  readonly in: string;
  readonly name: string;
  readonly mac?: string;
}

/** Namespaces with names of this test's own; `remove` takes away all that were added. */
export class Namespaces {
  readonly #names: string[] = [];

  name(what: string): string {
    return `nl${process.pid}-${what}`;
  }

  async add(what: string): Promise<string> {
    const name = this.name(what);
    await command('ip', 'netns', 'add', name);
    this.#names.push(name);
    await command('ip', '-n', name, 'link', 'set', 'lo', 'up');
    return name;
  }

  /** A veth pair with its ends, both up, in two namespaces. */
  async cable(a: CableEnd, b: CableEnd): Promise<void> {
    const end = (e: CableEnd) => [e.name, ...(e.mac ? ['address', e.mac] : []), 'netns', e.in];
    await command('ip', 'link', 'add', ...end(a), 'type', 'veth', 'peer', 'name', ...end(b));
    for (const e of [a, b]) await command('ip', '-n', e.in, 'link', 'set', 'dev', e.name, 'up');
  }

  async remove(): Promise<void> {
    for (const name of this.#names.splice(0)) await command('ip', 'netns', 'del', name).catch(() => {});
  }
}
