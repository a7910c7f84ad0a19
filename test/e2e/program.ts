/** The real program, started as a user starts it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

const PROGRAM = fileURLToPath(new URL('../../bin/netloom.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs one command to its end. */
export async function netloom(
  args: readonly string[],
  {
    env = {},
    input = '',
    directory,
  }: { env?: Record<string, string>; input?: string | Uint8Array; directory?: string } = {},
): Promise<Ended> {
  const child = start(args, env, directory);
  // A program that does not read all of its input closes it, which is its right.
  child.stdin!.on('error', () => {}).end(input);
  const [out, err, [code]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, out, err };
}

/** A running `netloom up` or `netloom controller`. */
export class Server {
  readonly data: string;
  readonly url: string;
  readonly token: string;
  /** What it printed until it was ready. */
  readonly greeting: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<Ended>;

  private constructor(
    data: string,
    child: ChildProcess,
    ended: Promise<Ended>,
    url: string,
    greeting: string,
  ) {
    this.data = data;
    this.greeting = greeting;
    this.url = url;
    this.token = readFileSync(join(data, 'token'), 'utf8').trim();
    this.#child = child;
    this.#ended = ended;
  }

  /** Waits until it says that it is ready. */
  static up(data: string, ...args: readonly string[]): Promise<Server> {
    return Server.#begin('up', data, args);
  }

  /** The same; `agents` is where it listens for agents. */
  static controller(data: string, agents: string, ...args: readonly string[]): Promise<Server> {
    return Server.#begin('controller', data, ['--agents', agents, ...args]);
  }

  static async #begin(name: string, data: string, args: readonly string[]): Promise<Server> {
    const child = start([name, '--data', data, '--listen', '127.0.0.1:0', ...args], {});
    let out = '';
    let err = '';
    child.stderr!.on('data', (chunk) => (err += chunk));
    const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, out, err }));
    const url = await new Promise<string>((resolve, reject) => {
      child.stdout!.on('data', (chunk) => {
        out += chunk;
        const said = /API +(http:\S+)\/api\/v1[\s\S]*Stop with/.exec(out)?.[1];
        if (said) resolve(said);
      });
      void ended.then(({ code }) => reject(new Error(`it ended with ${code}: ${err}`)));
    });
    return new Server(data, child, ended, url, out);
  }

  ask(method: string, path: string, body?: object): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
  }

  async revision(): Promise<number> {
    const { revision } = (await (await this.ask('GET', '/api/v1/status')).json()) as { revision: number };
    return revision;
  }

  /** Whoever reads its standard error goes away. */
  dropLog(): void {
    this.#child.stderr?.destroy();
  }

  /** Sends a signal to this one process, and waits for its end. */
  end(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<Ended> {
    this.#child.kill(signal);
    return this.#ended;
  }
}

function start(args: readonly string[], env: Record<string, string>, cwd?: string): ChildProcess {
  const { NETLOOM_DATA: _data, NETLOOM_SERVER: _server, NETLOOM_TOKEN: _token, ...inherited } = process.env;
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...inherited, ...env },
    stdio: 'pipe',
    ...(cwd === undefined ? {} : { cwd }),
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** A test that fails half way must not leave a program behind. */
const running = new Set<ChildProcess>();
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let all = '';
  for await (const chunk of stream) all += chunk;
  return all;
}
