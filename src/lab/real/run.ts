/** Programs of the system: run to their end with a limit, without a shell. */
import { finding, NetloomError } from '../../base/error.ts';
import { type Ended, endOf } from '../../base/run-tool.ts';

/** Milliseconds; none of these programs has reason to take as long. */
const LIMIT_MS = 30_000;

/** Runs a program with its arguments; the answer is what it printed. Throws `lab-failed` with what it said. */
export function run(...command: readonly string[]): Promise<string> {
  return runWith('', command);
}

/** The same with something to read: what nobody is to see in the list of processes. */
export async function runWith(input: string, command: readonly string[]): Promise<string> {
  const ended = await outcome(command, LIMIT_MS, input);
  if (ended.code === 0) return ended.out;
  const why = ended.err.trim() || `it ended with ${ended.code}`;
  throw new NetloomError([
    finding(
      'lab-failed',
      '',
      `"${command.join(' ')}" failed: ${why.slice(0, 2000)}`,
      'Take the lab down with "netloom lab down", and look whether the machine has what the message asks for.',
    ),
  ]);
}

/** What came of a program that may fail, as ping does where nobody answers, within `limit` milliseconds. Never rejects. */
export function outcome(command: readonly string[], limit = LIMIT_MS, input = ''): Promise<Ended> {
  const [tool = '', ...args] = command;
  return endOf(tool, args, { limit, input });
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
