/** Labs for tests: made as a user makes them, and gone without a trace when the test is over, however it ends. */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Ended } from '../../src/base/run-tool.ts';
import { openRealLab } from '../../src/cli/lab-options.ts';
import type { ControllerAccess } from '../../src/lab/real/controller-access.ts';
import type { LabPlan } from '../../src/lab/real/plan.ts';
import { outcome } from '../../src/lab/real/run.ts';
import type { VmDriver } from '../../src/lab/real/vm-driver.ts';
import { commandAt, whereIs } from '../../src/lab/real/where.ts';
import { netloom } from '../e2e/program.ts';
import { until } from '../support/until.ts';
import { leftoversOf, type Program, programsIn } from './leftovers.ts';

/** What `netloom lab` asks of the machine besides Open vSwitch. */
export const LAB_TOOLS = ['dhclient', 'ethtool', 'tcpdump'];

/** Milliseconds that a command in a lab may take. */
const LIMIT = 120_000;

export interface LabUnderTest {
  readonly name: string;
  readonly plan: LabPlan;
  readonly driverOfVms: VmDriver;
  readonly controller: ControllerAccess;
  /** A command of `netloom` to the lab's controller, that is to succeed; the answer is what it printed. */
  ask(...args: readonly string[]): Promise<string>;
  /** Applies documents of YAML, and waits until the hosts have them in force. */
  apply(text: string): Promise<void>;
  /** A command in a VM or on a host, as `netloom lab exec` runs it. */
  inside(place: string, ...command: readonly string[]): Promise<Ended>;
}

export function newLabName(): string {
  return `t${randomInt(36 ** 6).toString(36)}`;
}

/**
 * The lab of this YAML text while `use` runs. Asks at its end whether anything is left. When `signal` (of the test) is
 * aborted, whatever `use` asks for fails, so that it does not run on beside what comes after the test.
 */
export async function withRealLab(
  text: string,
  use: (lab: LabUnderTest) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  const name = newLabName();
  const env = { NETLOOM_DATA: `/run/netloom/lab-${name}/controller` };
  const succeed = async (args: readonly string[], options: Parameters<typeof netloom>[1] = {}) => {
    signal?.throwIfAborted();
    const ended = await netloom(args, options);
    expect(ended, ended.err).toMatchObject({ code: 0 });
    return ended.out;
  };
  const folder = mkdtempSync(join(tmpdir(), 'netloom-lab-'));
  let programs: readonly Program[] = [];
  try {
    const file = join(folder, 'lab.yaml');
    writeFileSync(file, text);
    await succeed(['lab', 'up', '--name', name, file]);
    const { plan, driverOfVms, controller } = await openRealLab({ name });
    await use({
      ...{ name, plan, driverOfVms, controller },
      ask: (...args) => succeed(args, { env }),
      apply: async (input) => void (await succeed(['apply', '-f', '-', '--wait'], { env, input })),
      inside: async (place, ...command) => {
        signal?.throwIfAborted();
        return outcome(commandAt(plan, driverOfVms, whereIs(plan, place), command), LIMIT);
      },
    });
  } finally {
    programs = programsIn(name);
    await netloom(['lab', 'down', '--name', name]);
    rmSync(folder, { recursive: true });
  }
  expect(leftoversOf(name, programs)).toEqual([]);
}

/** Starts a server of iperf3 in a VM or on a host, which ends after its first client, and waits until it listens. */
export async function serveOnce({ inside }: LabUnderTest, place: string, port = 5201): Promise<void> {
  const { code, err } = await inside(place, 'iperf3', '-s', '-1', '-D', '-p', `${port}`);
  expect({ code, err }).toMatchObject({ code: 0 });
  const listens = new RegExp(`:${port}\\b`);
  await until(`a server on port ${port}`, async () => listens.test((await inside(place, 'ss', '-ltn')).out));
}

/** Lets commands go on in VMs while `use` runs, as long as it takes. */
export async function meanwhile<T>(
  { plan, driverOfVms }: LabUnderTest,
  commands: readonly (readonly [place: string, ...command: string[]])[],
  use: () => Promise<T>,
): Promise<T> {
  const running = commands.map(([place, ...command]) => {
    const [tool = '', ...args] = commandAt(plan, driverOfVms, whereIs(plan, place), command);
    const child = spawn(tool, args, { stdio: 'ignore' });
    return { child, ended: once(child, 'exit') };
  });
  try {
    return await use();
  } finally {
    for (const { child } of running) child.kill('SIGTERM');
    await Promise.all(running.map(({ ended }) => ended));
  }
}
