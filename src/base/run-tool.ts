/** Programs of the system, run to their end with a limit and without a shell: no argument is ever read by one. */
import { execFile } from 'node:child_process';

/** Milliseconds that a program may take, where nobody says another limit. */
const LIMIT_MS = 10_000;
/** Bytes of output. */
const MOST_OUTPUT = 1 << 26;

/** What came of a program. */
export interface Ended {
  /** Null: it did not run, or was ended by a signal. */
  readonly code: number | null;
  readonly out: string;
  /** What it said; where it did not run to its end, why. */
  readonly err: string;
}

export interface RunOptions {
  /** Milliseconds. */
  readonly limit?: number;
  /** What it reads: nobody sees that in the list of processes. */
  readonly input?: string;
}

/** Runs a program to its end, whatever that is. Never rejects. */
export function endOf(
  tool: string,
  args: readonly string[],
  { limit = LIMIT_MS, input = '' }: RunOptions = {},
): Promise<Ended> {
  return new Promise<Ended>((resolve) => {
    const options = { timeout: limit, maxBuffer: MOST_OUTPUT };
    const child = execFile(tool, args, options, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ code, out, err: err || (error && code === null ? error.message : '') });
    });
    // A program that does not read all of it closes it, which is its right.
    child.stdin?.on('error', () => {}).end(input);
  }).catch((thrown: unknown) => {
    // Arguments that no program can be given.
    return { code: null, out: '', err: thrown instanceof Error ? thrown.message : String(thrown) };
  });
}

/** Runs a program to its end and gives what it printed. Rejects when it fails. */
export type RunTool = (tool: string, args: readonly string[]) => Promise<string>;

/** On this machine; rejects with what the program said. */
export const runTool: RunTool = async (tool, args) => {
  const { code, out, err } = await endOf(tool, args);
  if (code !== 0) throw new Error(err.trim() || `it ended with ${code}`);
  return out;
};
