/** Looks into the kernel and at the daemons: /proc, /sys, the run directory. Nothing is changed. */
import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { endOf } from '../../base/run-tool.ts';
import type { SocketFact } from './open-vswitch.ts';

/** What a program printed when it succeeded; undefined where it is not there or fails. */
export async function printedBy(tool: string, args: readonly string[]): Promise<string | undefined> {
  const { code, out } = await endOf(tool, args);
  return code === 0 ? out : undefined;
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
