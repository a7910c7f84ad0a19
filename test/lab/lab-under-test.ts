/** Labs for tests: made as a user makes them, and gone without a trace when the test is over, however it ends. */
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Ended, netloom } from '../e2e/program.ts';
import { leftoversOf } from './leftovers.ts';

/** What `netloom lab` asks of the machine besides Open vSwitch. */
export const LAB_TOOLS = ['dhclient', 'ethtool', 'tcpdump'];

export interface LabUnderTest {
  readonly name: string;
  /** A command of `netloom` to the lab's controller, that is to succeed; the answer is what it printed. */
  ask(...args: readonly string[]): Promise<string>;
  /** Applies documents of YAML, and waits until the hosts have them in force. */
  apply(text: string): Promise<void>;
  /** A command in a VM or on a host. */
  inside(place: string, ...command: readonly string[]): Promise<Ended>;
}

/** The lab of this YAML text while `use` runs. Asks at its end whether anything is left. */
export async function withRealLab(text: string, use: (lab: LabUnderTest) => Promise<void>): Promise<void> {
  const name = `t${randomInt(36 ** 6).toString(36)}`;
  const env = { NETLOOM_DATA: `/run/netloom/lab-${name}/controller` };
  const succeed = async (args: readonly string[], options: Parameters<typeof netloom>[1] = {}) => {
    const ended = await netloom(args, options);
    expect(ended, ended.err).toMatchObject({ code: 0 });
    return ended.out;
  };
  const folder = mkdtempSync(join(tmpdir(), 'netloom-lab-'));
  try {
    const file = join(folder, 'lab.yaml');
    writeFileSync(file, text);
    await succeed(['lab', 'up', '--name', name, file]);
    await use({
      name,
      ask: (...args) => succeed(args, { env }),
      apply: async (input) => void (await succeed(['apply', '-f', '-', '--wait'], { env, input })),
      inside: (place, ...command) => netloom(['lab', 'exec', '--name', name, place, '--', ...command]),
    });
  } finally {
    await netloom(['lab', 'down', '--name', name]);
    rmSync(folder, { recursive: true });
  }
  expect(leftoversOf(name)).toEqual([]);
}
