import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Server } from './program.ts';

const root = mkdtempSync(join(tmpdir(), 'netloom-story-'));
const STORY = fileURLToPath(new URL('../../examples/aaa-bbb/story.sh', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../../bin/netloom.js', import.meta.url));

describe('the story of AAA and BBB (seed 002)', () => {
  let server: Server;
  beforeAll(async () => {
    server = await Server.up(join(root, 'data'));
  });
  afterAll(async () => {
    await server.end('SIGTERM');
    rmSync(root, { recursive: true });
  });

  it('goes as the script tells it', { timeout: 120_000 }, () => {
    const { status, stdout, stderr } = spawnSync('sh', [STORY], {
      encoding: 'utf8',
      timeout: 110_000,
      env: {
        ...process.env,
        NETLOOM: `${process.execPath} ${PROGRAM}`,
        NETLOOM_DATA: join(root, 'data'),
        NO_COLOR: '1',
      },
    });
    expect(stdout + stderr).not.toContain('should have been');
    expect(status, stdout + stderr).toBe(0);
    const lines = stdout.split('\n');
    const lineOf = (begin: string, from = 0) => {
      const at = lines.findIndex((line, i) => i >= from && line.startsWith(begin));
      expect(at, begin).toBeGreaterThanOrEqual(0);
      return at;
    };
    // Where the vNIC stays is said after each failure.
    expect(lines.filter((line) => line.startsWith('test01/eth0 is on "TDIv2", as it was.')).length).toBe(2);
    expect(stdout).toContain('error[subnet-missing] VirtualMachine/test01.vnics[0].vmNetwork:');
    expect(stdout).toContain('error[pool-missing] VirtualMachine/test01.vnics[0].addresses:');
    expect(stdout).toContain('Nothing stands in the way of connecting test01 to "AAA".');
    const both = lineOf('# Both machines have 10.10.1.100');
    expect(
      lines.slice(both, lineOf('$ netloom ping', both)).filter((line) => /^test0[12]/.test(line)),
    ).toEqual([
      expect.stringMatching(/^test01\/eth0 +10\.10\.1\.100 .*AAA\/test/),
      expect.stringMatching(/^test02\/eth0 +10\.10\.1\.100 .*BBB\/test/),
    ]);
    const jobs = lines.filter((line) =>
      /^\d+ +(failed|succeeded) .*Connect VirtualMachine\/test0/.test(line),
    );
    expect(jobs.map((line) => line.split(/ +/)[1])).toEqual(['succeeded', 'succeeded', 'failed', 'failed']);
    expect(stdout).toMatch(/10\.10\.1\.100 +inactive +VirtualMachine\/test01\/eth0/);
    expect(lines.slice(lineOf('# Undoing that')).join('\n')).toMatch(
      /^test01\/eth0 +10\.10\.1\.100 .*AAA\/test/m,
    );
  });
});
