/**
 * The programs of a lab, which run on when the command that started them has ended. Each bears a mark in its environment,
 * `NETLOOM_LAB_PART=demo/agent/node1`, by which it is found in /proc: nothing has to be written down before it starts, so
 * nothing is forgotten when the command is killed at that moment. A process id is never kept, so none is taken for another.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { finding, NetloomError } from '../../base/error.ts';

const MARK = 'NETLOOM_LAB_PART';

/** The kernel ends a program at once, unless it waits for a disk or a driver. */
const KILL_LIMIT_MS = 10_000;

export interface Part {
  readonly lab: string;
  /** What it is: `agent/node1`, `ovs/node1`, `controller`. */
  readonly part: string;
}

/** A running program of a lab. */
export interface LabProcess {
  readonly pid: number;
  /** Undefined: something that was started in a namespace of the lab by hand. */
  readonly part: string | undefined;
}

export interface Program extends Part {
  readonly command: readonly string[];
  /** File that it writes what it says to. */
  readonly log: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a program in a session of its own. Throws `lab-failed` when there is no such program. */
export async function startProgram({ lab, part, command, log, env }: Program): Promise<number> {
  mkdirSync(join(log, '..'), { recursive: true });
  const output = openSync(log, 'a', 0o600);
  try {
    const [tool = '', ...args] = command;
    const { PATH = '/usr/sbin:/usr/bin:/sbin:/bin', HOME = '/root', TERM = 'dumb' } = process.env;
    const child = spawn(tool, args, {
      detached: true,
      stdio: ['ignore', output, output],
      cwd: '/',
      // Not what else the user has in the environment: a lab behaves the same whoever starts it.
      env: { PATH, HOME, TERM, LANG: 'C.UTF-8', ...env, [MARK]: `${lab}/${part}` },
    });
    child.unref();
    return await new Promise<number>((resolve, reject) => {
      child.once('spawn', () => resolve(child.pid ?? 0));
      child.once('error', (error) => reject(cannotStart(tool, error)));
    });
  } finally {
    closeSync(output);
  }
}

/** What this process starts until the answer is disposed of bears the mark: what helps to make a lab is found like the lab. */
export function markChildren({ lab, part }: Part): Disposable {
  const before = process.env[MARK];
  process.env[MARK] = `${lab}/${part}`;
  return {
    [Symbol.dispose]() {
      if (before === undefined) delete process.env[MARK];
      else process.env[MARK] = before;
    },
  };
}

/**
 * Everything that runs for a lab: what bears its mark, and what lives in one of these namespaces (what a user started
 * there). Looks at what this process may read, so as root at everything.
 */
export function processesOf(lab: string, namespaces: readonly string[]): LabProcess[] {
  const inodes = new Set(namespaces.flatMap((name) => inodeOf(`/run/netns/${name}`)));
  return readdirSync('/proc').flatMap((entry): LabProcess[] => {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) return [];
    const mark = markOf(pid);
    if (mark?.startsWith(`${lab}/`) && isOfOurUser(pid)) return [{ pid, part: mark.slice(lab.length + 1) }];
    const inside = inodes.size > 0 ? networkOf(pid) : undefined;
    return inside !== undefined && inodes.has(inside) ? [{ pid, part: undefined }] : [];
  });
}

/** The programs of one part that run. */
export function running({ lab, part }: Part): LabProcess[] {
  return processesOf(lab, []).filter((each) => each.part === part);
}

/** Ends programs: asks, and after a while does not ask. Resolves when none of them is there. */
export async function end(processes: readonly LabProcess[], patience = 5_000): Promise<void> {
  const born = new Map(processes.map(({ pid }) => [pid, startOf(pid)]));
  const left = () =>
    processes.filter(({ pid }) => born.get(pid) !== undefined && startOf(pid) === born.get(pid));
  for (const { pid } of left()) signal(pid, 'SIGTERM');
  const deadline = performance.now() + patience;
  while (left().length > 0 && performance.now() < deadline) await sleep(20);
  await kill(left());
}

/** Ends programs at once, as a crash would. Throws `lab-failed` with those that are there all the same, after ten seconds. */
export async function kill(processes: readonly LabProcess[]): Promise<void> {
  const born = new Map(processes.map(({ pid }) => [pid, startOf(pid)]));
  const left = () =>
    processes.filter(({ pid }) => born.get(pid) !== undefined && startOf(pid) === born.get(pid));
  for (const { pid } of left()) signal(pid, 'SIGKILL');
  for (const deadline = performance.now() + KILL_LIMIT_MS; left().length > 0; await sleep(10))
    if (performance.now() > deadline) throw cannotEnd(left());
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended by itself.
  }
}

/** Of the variables that the process was started with; undefined where it has none, or may not be read. */
function markOf(pid: number): string | undefined {
  try {
    let variables = environmentOf(pid);
    // Of a program that takes the place of another one (execve(2)) the environment is not there for a moment. It may be when
    // one has asked about that, so it is read once more in any case.
    for (let tries = 0, isOver = false; variables === '' && tries < 100 && !isOver; tries += 1) {
      isOver = !isBeingReplaced(pid);
      if (!isOver) pause(1);
      variables = environmentOf(pid);
    }
    const mark = variables.split('\0').find((each) => each.startsWith(`${MARK}=`));
    return mark?.slice(MARK.length + 1);
  } catch {
    return undefined;
  }
}

const environmentOf = (pid: number) => readFileSync(`/proc/${pid}/environ`, 'utf8');

/** A thread of the kernel has no environment either, but no program; and an empty one is somewhere in memory. */
function isBeingReplaced(pid: number): boolean {
  const environment = fieldsOf(pid)[47];
  return environment === '0' && existsSync(`/proc/${pid}/exe`);
}

function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Anybody can put a mark into the environment of his own programs; they are not part of the lab for that. */
function isOfOurUser(pid: number): boolean {
  try {
    // The user who started it, whatever a set-user-ID bit made of it (proc(5)).
    const real = /^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return real !== undefined && Number(real) === process.getuid?.();
  } catch {
    return false;
  }
}

/** Inode of its network namespace. */
function networkOf(pid: number): number | undefined {
  try {
    const inode = /^net:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/ns/net`))?.[1];
    return inode === undefined ? undefined : Number(inode);
  } catch {
    return undefined;
  }
}

function inodeOf(path: string): number[] {
  const found = statSync(path, { throwIfNoEntry: false });
  return found ? [found.ino] : [];
}

/** A program that has no mark, told from a later one with the same id. */
export interface Identity {
  readonly pid: number;
  /** See `startOf`. */
  readonly start: string | undefined;
}

export function identityOf(pid: number): Identity {
  return { pid, start: startOf(pid) };
}

/** Whether it is still there. */
export function isThere({ pid, start }: Identity): boolean {
  return pid !== process.pid && start !== undefined && startOf(pid) === start;
}

/** When the process began, in ticks since the machine did; a zombie has ended. */
function startOf(pid: number): string | undefined {
  try {
    const fields = fieldsOf(pid);
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/** /proc/PID/stat from its third field, the state, on (proc(5)): the 22nd is the start, the 50th where the environment is. */
function fieldsOf(pid: number): readonly string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, in brackets, may have anything in it.
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function cannotStart(tool: string, error: Error): NetloomError {
  return new NetloomError(
    [finding('lab-failed', '', `${tool} cannot be started: ${error.message}.`, 'Install it.')],
    { cause: error },
  );
}

function cannotEnd(processes: readonly LabProcess[]): NetloomError {
  const all = processes.map(({ pid, part }) => `${pid}${part === undefined ? '' : ` (${part})`}`).join(', ');
  return new NetloomError([
    finding(
      'lab-failed',
      '',
      `The kernel does not end ${all}.`,
      'See what it waits for: ps -o pid,stat,wchan,cmd.',
    ),
  ]);
}
