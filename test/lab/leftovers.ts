/** What is left of a lab, looked for without Netloom's own code. */
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

/** A program that is told from a later one with the same id. */
export interface Program {
  readonly pid: number;
  /** In ticks since the machine began. */
  readonly start: string;
}

/**
 * All that live in the namespaces of a lab, whoever started them. Asked before it is taken down: afterwards the namespaces have
 * no names, and their inodes may be those of others.
 */
export function programsIn(lab: string): Program[] {
  const inodes = namesOf(lab).flatMap(
    (name) => statSync(`/run/netns/${name}`, { throwIfNoEntry: false })?.ino ?? [],
  );
  const links = new Set(inodes.map((inode) => `net:[${inode}]`));
  return pids().flatMap((pid) => {
    const start = links.has(linkOf(`/proc/${pid}/ns/net`)) ? startOf(pid) : undefined;
    return start === undefined ? [] : [{ pid, start }];
  });
}

/**
 * Namespaces (with the interfaces in them), programs and files that bear the lab's name, and those of `programs` that run on;
 * empty when nothing is left.
 */
export function leftoversOf(lab: string, programs: readonly Program[] = []): string[] {
  const marked = pids().filter((pid) => {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
      const open = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
      return (
        environment.includes(`NETLOOM_LAB_PART=${lab}/`) ||
        open.some((file) => file.startsWith(`/run/netloom/lab-${lab}/`))
      );
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
  const running = programs.filter(({ pid, start }) => startOf(pid) === start).map(({ pid }) => pid);
  const directory = `/run/netloom/lab-${lab}`;
  return [
    ...namesOf(lab),
    ...[...new Set([...marked, ...running])].map(wordsOf),
    ...(existsSync(directory) ? [directory] : []),
  ];
}

function namesOf(lab: string): string[] {
  if (!existsSync('/run/netns')) return [];
  return readdirSync('/run/netns').filter((name) => name.startsWith(`nl-${lab}-`));
}

/** Of all processes but this one. */
function pids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

/** Undefined for one that has ended, also when nobody has asked for its end yet (proc(5)). */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in brackets, may have anything in it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function wordsOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ');
  } catch {
    return `process ${pid}`;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
