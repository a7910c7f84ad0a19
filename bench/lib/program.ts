/** The program as a user starts it, and what starting a process costs at least. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../bin/netloom.js', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Run {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  /** Milliseconds from the start to the end. Rejects when it fails. */
  readonly ended: Promise<number>;
  /** Milliseconds from the start until the output contains this text. */
  said(text: string): Promise<number>;
}

/** `cache`: directory of compiled code; what is in it was compiled by an earlier run. */
export function netloom(args: readonly string[], cache: string): Run {
  return run([PROGRAM, ...args], { ...process.env, NODE_COMPILE_CACHE: cache });
}

/** Node, doing nothing. */
export async function nothing(): Promise<number> {
  return run(['-e', '0'], process.env).ended;
}

function run(args: readonly string[], env: NodeJS.ProcessEnv): Run {
  const start = performance.now();
  const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stderr.on('data', (data) => (errors += data));
  const ended = new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => {
      if (code === 0) resolve(performance.now() - start);
      else reject(new Error(`it ended with exit code ${code}: ${errors}`));
    });
  });
  const said = (text: string) =>
    new Promise<number>((resolve, reject) => {
      const look = (data: unknown) => {
        output += data;
        if (output.includes(text)) resolve(performance.now() - start);
      };
      child.stdout.on('data', look);
      ended.then(() => reject(new Error(`it ended without saying ${text}`)), reject);
    });
  child.stdout.resume();
  return { child, ended, said };
}

/** Megabytes of memory that a process has now, and had at most (proc(5), VmRSS and VmHWM). */
export function residentMegabytes(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (field: string) => Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1000;
  return { now: megabytes('VmRSS'), peak: megabytes('VmHWM') };
}
