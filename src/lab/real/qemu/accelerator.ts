/**
 * Whether guests can be run by KVM here. Where the file is there, that is not sure yet: inside another virtual machine a
 * guest may stand still for ever. So a kernel is started that finds nothing to do, and has to end in time.
 */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export type Accelerator = 'kvm' | 'tcg';

/** Milliseconds; with KVM it takes less than a second. */
const LIMIT_MS = 8_000;

let found: Promise<Accelerator> | undefined;

/**
 * What to run the guests of a lab by: the same for all of them, since one that moves goes on by what it began with. It stands
 * in the directory of the lab. NETLOOM_ACCELERATOR (`kvm`, `tcg`) decides when the lab comes up.
 */
export async function accelerator(directory: string, kernel: string): Promise<Accelerator> {
  const file = join(directory, 'accelerator');
  if (existsSync(file)) return readAnswer(file);
  const asked = process.env.NETLOOM_ACCELERATOR;
  found ??= asked === 'kvm' || asked === 'tcg' ? Promise.resolve(asked) : find(kernel);
  const answer = await found;
  writeFileSync(file, answer);
  return answer;
}

/** What was found is kept beside the kernel until this machine starts anew. */
async function find(kernel: string): Promise<Accelerator> {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const file = join(dirname(kernel), `accelerator-${boot}`);
  if (existsSync(file)) return readAnswer(file);
  const answer = (await kvmWorks(kernel)) ? 'kvm' : 'tcg';
  writeFileSync(file, answer);
  return answer;
}

function readAnswer(file: string): Accelerator {
  return readFileSync(file, 'utf8') === 'kvm' ? 'kvm' : 'tcg';
}

async function kvmWorks(kernel: string): Promise<boolean> {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    return false;
  }
  const machine = ['-machine', 'pc', '-accel', 'kvm', '-m', '96', '-nodefaults', '-display', 'none'];
  // It finds no disk, panics, and is asked to start again, which ends QEMU.
  const boot = ['-no-reboot', '-kernel', kernel, '-append', 'quiet panic=-1'];
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const options = { timeout: LIMIT_MS, killSignal: 'SIGKILL' } as const;
  execFile('qemu-system-x86_64', [...machine, ...boot], options, (error) => resolve(error === null));
  return promise;
}
