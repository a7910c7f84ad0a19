import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NetloomError } from '../../base/error.ts';
import { openStateDirectory, readState, removeDurably, writeDurably } from './files.ts';
import { lockState } from './lock.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'netloom-state-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const codeOf = (run: () => unknown): string | undefined => {
  try {
    run();
  } catch (thrown) {
    return NetloomError.from(thrown).code;
  }
  return undefined;
};

describe('the state directory', () => {
  it('is made with its parents, for its owner alone', () => {
    const directory = join(home, 'a', 'b');
    openStateDirectory(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    openStateDirectory(directory);
  });

  it('is refused when others may write into it', () => {
    chmodSync(home, 0o777);
    expect(codeOf(() => openStateDirectory(home))).toBe('agent-state');
  });

  it('is refused where nothing can be made', () => {
    expect(codeOf(() => openStateDirectory('/proc/netloom/state'))).toBe('agent-state');
    writeFileSync(join(home, 'file'), '');
    expect(codeOf(() => openStateDirectory(join(home, 'file', 'state')))).toBe('agent-state');
  });

  it('takes files as a whole, readable by nobody else', () => {
    expect(readState(home, 'policy')).toBeUndefined();
    writeDurably(home, 'policy', 'first');
    // What an agent left that was killed while it wrote.
    writeFileSync(join(home, 'policy.new'), 'torn');
    expect(readState(home, 'policy')).toBe('first');
    writeDurably(home, 'policy', 'sécond');
    expect(readFileSync(join(home, 'policy'), 'utf8')).toBe('sécond');
    expect(statSync(join(home, 'policy')).mode & 0o777).toBe(0o600);
    expect(readdirSync(home)).toEqual(['policy']);
    removeDurably(home, 'policy');
    removeDurably(home, 'policy');
    expect(existsSync(join(home, 'policy'))).toBe(false);
  });

  it('belongs to one agent at a time', () => {
    const release = lockState(home);
    expect(codeOf(() => lockState(home))).toBe('agent-running');
    release();
    lockState(home)();
  });
});
