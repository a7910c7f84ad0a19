/** What others wrote, and what happens around a server, does no harm. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { netloom, Server } from './program.ts';

const root = mkdtempSync(join(tmpdir(), 'netloom-hostile-'));
afterAll(() => rmSync(root, { recursive: true }));

describe('a terminal', () => {
  it('is told nothing by what objects, journals and file names say', async () => {
    const data = join(root, 'terminal');
    const server = await Server.up(data);
    const evil = '\u001b]0;pwned\u0007\u001b[2J\u009b8m\u202e';
    const body = {
      objects: [{ kind: 'PortClassification', name: 'A', description: evil }],
      message: evil,
    };
    expect((await server.ask('POST', '/api/v1/apply', body)).status).toBe(200);
    for (const args of [
      ['get', 'PortClassification'],
      ['get', 'PortClassification', 'A', '-o', 'yaml'],
      ['get', 'PortClassification', 'A', '-o', 'json'],
      ['describe', 'PortClassification', 'A'],
      ['history'],
      ['apply', '-f', evil],
      ['get', evil],
      [evil],
    ]) {
      const onServer = args[0] === evil ? args : [...args, '--data', data];
      const { out, err } = await netloom(onServer);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      expect(`${out}${err}`, args.join(' ')).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
      expect(`${out}${err}`, args.join(' ')).toContain('pwned');
    }
    expect((await server.end('SIGTERM')).code).toBe(0);
  }, 60_000);
});

describe('a server', () => {
  it('stops cleanly when nobody reads its log any more', async () => {
    const server = await Server.up(join(root, 'log'));
    server.dropLog();
    expect(await server.end('SIGTERM')).toMatchObject({ code: 0 });
  }, 30_000);

  it('ends, and does not go on half, when it cannot write down where it is', async () => {
    const data = join(root, 'half');
    // A directory in the place of a file that is replaced.
    mkdirSync(join(data, 'server.json', 'x'), { recursive: true, mode: 0o700 });
    const { code, err } = await netloom(['up', '--data', data, '--listen', '127.0.0.1:0']);
    expect([code, err]).toEqual([1, expect.stringContaining('server.json')]);
  }, 30_000);
});

it('runs no compiled code from where others may have put some', async () => {
  const temporary = join(root, 'temporary');
  mkdirSync(temporary);
  expect((await netloom(['version'], { env: { TMPDIR: temporary } })).code).toBe(0);
  expect(readdirSync(temporary)).toEqual([]);
});
