/**
 * Where a lab keeps its things: `/run/netloom/lab-NAME`. The directory is the claim to the name: whoever makes it has the
 * lab, and what the lab will be called stands in it before any of it is made.
 *
 *     maker.json         the process that makes the lab
 *     lab.json           the plan
 *     controller/        data of the controller; token and address
 *     agents.sock        where the controller listens for agents
 *     hosts/NAME/        state of the agent, its log; ovs/ is the run directory of its Open vSwitch
 *     fabric/            run directory of the physical switches
 *     machines/NAME/     files of the machine
 *     machines.json      the machines that are made
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { finding, NetloomError } from '../../base/error.ts';
import { writePrivateFile } from '../../base/private-file.ts';
import { labName } from './names.ts';
import type { LabPlan } from './plan.ts';
import { type Identity, identityOf, processesOf } from './processes.ts';
import type { LabMachine } from './vm-driver.ts';
import { namespacesOf } from './wires.ts';

const ROOT = '/run/netloom';
const MAKER = 'maker.json';

/** What VMs are: namespaces; machines of QEMU; or those of these keys machines of QEMU, and the others namespaces. */
export type DriverKind = 'namespace' | 'qemu' | { readonly qemu: readonly string[] };

/** What is on disk of a lab. */
export interface LabFile {
  readonly plan: LabPlan;
  readonly driver: DriverKind;
}

export function directoryOf(lab: string): string {
  return join(ROOT, `lab-${labName(lab)}`);
}

/** Takes the name for a new lab. Throws `lab-state` when there is such a lab, or something is left of one. */
export function claim(lab: string): string {
  const directory = directoryOf(lab);
  mkdirSync(ROOT, { recursive: true, mode: 0o755 });
  checkOwner(ROOT);
  const namespaces = namespacesOf(lab);
  if (existsSync(directory) || namespaces.length > 0 || processesOf(lab, []).length > 0) throw taken(lab);
  try {
    mkdirSync(directory, { mode: 0o700 });
  } catch (thrown) {
    // Somebody was faster.
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST') throw taken(lab);
    throw thrown;
  }
  write(join(directory, MAKER), identityOf(process.pid));
  return directory;
}

/** What runs as root is not to find links there that somebody else has put. Throws `lab-state`. */
function checkOwner(directory: string): void {
  const { uid, mode } = statSync(directory);
  if (uid === process.getuid?.() && (mode & 0o022) === 0) return;
  throw new NetloomError([
    finding(
      'lab-state',
      directory,
      `Others than you may put files into ${directory}.`,
      `Look who made it. If nothing uses it, remove it; otherwise say: chown root ${directory}; chmod 755 ${directory}`,
    ),
  ]);
}

/** Who makes the lab, or has made it; undefined when that is not written there. */
export function makerOf(lab: string): Identity | undefined {
  try {
    return JSON.parse(readFileSync(join(directoryOf(lab), MAKER), 'utf8')) as Identity;
  } catch {
    // It was killed in the moment between the two.
    return undefined;
  }
}

function taken(lab: string): NetloomError {
  return new NetloomError([
    finding(
      'lab-state',
      '',
      `There is a lab "${lab}" already, or something is left of one.`,
      `Take it away with "netloom lab down --name ${lab}", or give this one another name with --name.`,
    ),
  ]);
}

export function writeLab(file: LabFile): void {
  write(join(file.plan.directory, 'lab.json'), file);
}

/** Throws `lab-state` when there is no lab of that name that came as far as having a plan. */
export function readLab(lab: string): LabFile {
  const file = join(directoryOf(lab), 'lab.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as LabFile;
  const others = labs().filter((name) => name !== lab);
  throw new NetloomError([
    finding(
      'lab-state',
      '',
      `There is no lab "${lab}".`,
      others.length > 0
        ? `There are: ${others.join(', ')}. Say which with --name.`
        : 'Make one with "netloom lab up FILE".',
    ),
  ]);
}

/** Names of the labs that have a directory. */
export function labs(): string[] {
  if (!existsSync(ROOT)) return [];
  return readdirSync(ROOT).flatMap((entry) => (entry.startsWith('lab-') ? [entry.slice('lab-'.length)] : []));
}

export function writeMachines(lab: string, machines: readonly LabMachine[]): void {
  write(join(directoryOf(lab), 'machines.json'), machines);
}

export function readMachines(lab: string): readonly LabMachine[] {
  const file = join(directoryOf(lab), 'machines.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as readonly LabMachine[]) : [];
}

/** Takes the directory away, and that of all labs when it was the last. */
export function removeDirectory(lab: string): void {
  rmSync(directoryOf(lab), { recursive: true, force: true });
  try {
    rmdirSync(ROOT);
  } catch {
    // There is another lab, or one is being made.
  }
}

function write(file: string, value: unknown): void {
  writePrivateFile(file, `${JSON.stringify(value, undefined, 2)}\n`);
}
