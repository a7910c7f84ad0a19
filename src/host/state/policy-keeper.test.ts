import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../base/clock.ts';
import type { Finding } from '../../base/error.ts';
import { PolicySet } from '../../policy/set.ts';
import { PolicyKeeper } from './policy-keeper.ts';

/** A clock on which every look at the time takes a millisecond. */
class SlowClock extends FakeClock {
  override now(): number {
    this.advance(1);
    return super.now();
  }
}

const record = (name: string) => ({ kind: 'switch', name, type: 'private', origin: '' }) as const;
const add = (name: string) =>
  ({ changes: [{ scope: 'host/h1', key: `switch/${name}`, record: record(name) }] }) as const;

let directory: string;
let troubles: (Finding | undefined)[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'netloom-keeper-'));
  troubles = [];
});
afterEach(() => {
  chmodSync(directory, 0o700);
  rmSync(directory, { recursive: true, force: true });
});

const keeper = (clock = new FakeClock()) =>
  new PolicyKeeper({ directory, host: 'h1', clock, onTrouble: (trouble) => troubles.push(trouble) });
const revisionOnDisk = () => {
  const read = keeper().read();
  return read && 'policy' in read ? [read.revision, read.policy.size] : read;
};

describe('the keeper of the policy', () => {
  it('writes at once where writing is quick', () => {
    const policy = new PolicySet();
    policy.apply(add('a'));
    keeper().keep({ epoch: 'e', revision: 1, policy });
    expect(revisionOnDisk()).toEqual([1, 1]);
  });

  it('writes the latest of many, as it was when it was given, where writing takes its time', () => {
    const clock = new SlowClock();
    const slow = keeper(clock);
    const policy = new PolicySet();
    for (const [i, name] of ['a', 'b', 'c'].entries()) {
      policy.apply(add(name));
      slow.keep({ epoch: 'e', revision: i + 1, policy });
    }
    expect(revisionOnDisk()).toEqual([1, 1]);
    // On trial: not to be kept.
    policy.apply(add('d'));
    clock.advance(1000);
    expect(revisionOnDisk()).toEqual([3, 3]);
  });

  it('tells when the disk does not take it, and when it does again', () => {
    const policy = new PolicySet();
    const one = keeper();
    rmSync(directory, { recursive: true });
    one.keep({ epoch: 'e', revision: 1, policy });
    expect(troubles.at(-1)).toMatchObject({ code: 'agent-state' });
    directory = mkdtempSync(join(tmpdir(), 'netloom-keeper-'));
  });

  it('puts aside what it does not take, and keeps it', () => {
    writeFileSync(join(directory, 'policy'), 'nonsense');
    expect(keeper().read()).toMatchObject({ code: 'agent-state' });
    expect(keeper().read()).toBeUndefined();
    expect(readFileSync(join(directory, 'policy.refused'), 'utf8')).toBe('nonsense');
  });
});
