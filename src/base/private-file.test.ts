import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isPrivate, writePrivateFile } from './private-file.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'netloom-private-'));
});
afterEach(() => rmSync(home, { recursive: true }));

it('replaces what is there as a whole, and nobody else may read it', () => {
  const file = join(home, 'key');
  writeFileSync(file, 'anybody may read this');
  chmodSync(file, 0o644);
  writePrivateFile(file, 'sécret');
  expect(readFileSync(file, 'utf8')).toBe('sécret');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(home)).toEqual(['key']);
});

it('does not write through a link that lies where its draft is to be', () => {
  const victim = join(home, 'victim');
  writeFileSync(victim, 'untouched');
  symlinkSync(victim, join(home, 'key.new'));
  writePrivateFile(join(home, 'key'), 'secret');
  expect(readFileSync(victim, 'utf8')).toBe('untouched');
});

it('leaves the old content where the new one cannot be written', () => {
  const file = join(home, 'key');
  writePrivateFile(file, 'old');
  expect(() => writePrivateFile(join(file, 'below'), 'new')).toThrow();
  expect(readFileSync(file, 'utf8')).toBe('old');
});

it.each([
  [0o600, true],
  [0o400, true],
  [0o640, false],
  [0o604, false],
  [0o620, false],
])('sees that a file of mode %o is private: %s', (mode, expected) => {
  const file = join(home, 'key');
  writeFileSync(file, '');
  chmodSync(file, mode);
  expect(isPrivate(file)).toBe(expected);
});
