/** Programs of the system: run to their end with a limit, without a shell. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { finding, NetloomError } from '../../base/error.ts';

const execute = promisify(execFile);
/** Milliseconds; none of these programs has reason to take as long. */
const LIMIT_MS = 30_000;
/** Bytes of output. */
const MOST_OUTPUT = 1 << 26;

/** Runs a program with its arguments; the answer is what it printed. Throws `lab-failed` with what it said. */
export function run(...command: readonly string[]): Promise<string> {
  return runWith('', command);
}

/** The same with something to read: what nobody is to see in the list of processes. */
export async function runWith(input: string, command: readonly string[]): Promise<string> {
  const [tool = '', ...args] = command;
  try {
    const running = execute(tool, args, { timeout: LIMIT_MS, maxBuffer: MOST_OUTPUT });
    // A program that does not read all of it closes it, which is its right.
    running.child.stdin?.on('error', () => {}).end(input);
    return (await running).stdout;
  } catch (thrown) {
    throw failure(command, thrown);
  }
}

/** What came of a program that may fail, as ping does where nobody answers. */
export interface Ended {
  /** Null: it was ended by a signal. */
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end, whatever that is, within `limit` milliseconds. */
export async function outcome(command: readonly string[], limit = LIMIT_MS): Promise<Ended> {
  const [tool = '', ...args] = command;
  return new Promise((resolve) => {
    execFile(tool, args, { timeout: limit, maxBuffer: MOST_OUTPUT }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : null;
      resolve({ code, out, err: err || (error && code === null ? error.message : '') });
    });
  });
}

/** The same for what may have been done already, or need not be there: true where it worked. */
export async function attempt(...command: readonly string[]): Promise<boolean> {
  return run(...command).then(
    () => true,
    () => false,
  );
}

/** What to put before a command that is to run in a network namespace. `ip netns exec` becomes the command itself. */
export function inNamespace(namespace: string, ...command: readonly string[]): readonly string[] {
  return ['ip', 'netns', 'exec', namespace, ...command];
}

function failure(command: readonly string[], thrown: unknown): NetloomError {
  const said = thrown instanceof Error && 'stderr' in thrown ? String(thrown.stderr).trim() : '';
  const why = said || (thrown instanceof Error ? thrown.message : String(thrown));
  return new NetloomError(
    [
      finding(
        'lab-failed',
        '',
        `"${command.join(' ')}" failed: ${why.slice(0, 2000)}`,
        'Take the lab down with "netloom lab down", and look whether the machine has what the message asks for.',
      ),
    ],
    { cause: thrown },
  );
}
