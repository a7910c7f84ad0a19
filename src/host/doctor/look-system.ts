/** Looks into the kernel and at the daemons: /proc, /sys, the run directory. Nothing is changed. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { SocketFact } from './open-vswitch.ts';

const run = promisify(execFile);
const LIMIT = 20_000;

/** What a program printed when it succeeded; undefined where it is not there or fails. */
export async function printedBy(tool: string, args: readonly string[]): Promise<string | undefined> {
  const { code, out } = await ended(tool, args);
  return code === 0 ? out : undefined;
}

/** The exit code of a program and what it printed; without a code where it did not run to its end. */
export async function ended(
  tool: string,
  args: readonly string[],
): Promise<{ readonly code: number | undefined; readonly out: string }> {
  try {
    return { code: 0, out: (await run(tool, args, { timeout: LIMIT, maxBuffer: 1 << 24 })).stdout };
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && 'stdout' in thrown))
      return { code: undefined, out: '' };
    return { code: typeof thrown.code === 'number' ? thrown.code : undefined, out: String(thrown.stdout) };
  }
}

export function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

export function socketFact(path: string): SocketFact {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode;
  if (mode === undefined) return { path, mode: undefined, isOpenToUs: false };
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    return { path, mode: mode & 0o777, isOpenToUs: true };
  } catch {
    return { path, mode: mode & 0o777, isOpenToUs: false };
  }
}

/**
 * Whether the daemon runs that works in this run directory: the one that wrote its process id there, or, where it was started
 * without, one whose command line names the directory.
 */
export function isDaemonRunning(runDirectory: string, daemon: string): boolean {
  const isIt = (pid: string) => textOf(`/proc/${pid}/comm`) === daemon;
  const noted = textOf(join(runDirectory, `${daemon}.pid`));
  if (noted !== undefined && /^\d+$/.test(noted)) return isIt(noted);
  return readdirSync('/proc').some(
    (pid) =>
      /^\d+$/.test(pid) && isIt(pid) && textOf(`/proc/${pid}/cmdline`)?.includes(`${runDirectory}/`) === true,
  );
}

export function hasKernelModule(): boolean {
  return existsSync('/sys/module/openvswitch');
}

export function effectiveCapabilities(): bigint {
  const [, hex = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(textOf('/proc/self/status') ?? '') ?? [];
  return BigInt(`0x${hex}`);
}
