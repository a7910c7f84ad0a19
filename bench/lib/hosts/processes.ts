/** What programs use of the machine (proc(5)). */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const TICKS = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** Seconds of processor that these processes have taken since they began, all together. */
export function processorSeconds(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + seconds(pid), 0);
}

function seconds(pid: number): number {
  if (!existsSync(`/proc/${pid}`)) throw new Error(`the program with process id ${pid} has ended`);
  // The name, which may contain anything, is in parentheses; user and system time are the 14th and the 15th field.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}
