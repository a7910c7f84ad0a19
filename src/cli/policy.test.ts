import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blueRed, openApi, type TestApi, TOKEN } from '../api/fixture.ts';
import { testTerminal } from './fixture.ts';
import { main } from './main.ts';

const BY_HAND = fileURLToPath(new URL('../../examples/blue-red-by-hand.yaml', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'netloom-policy-'));
let api: TestApi;
let url: string;
beforeAll(async () => {
  api = await openApi(blueRed());
  url = await api.app.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await api.close();
  rmSync(directory, { recursive: true });
});

async function run(...args: readonly string[]) {
  const terminal = testTerminal({ NETLOOM_TOKEN: TOKEN, NETLOOM_SERVER: url });
  const code = await main(args, terminal);
  return { code, ...terminal.written };
}

/** Words of each line, columns with one blank between them. */
const rows = (out: string) => out.split('\n').map((line) => line.trim().split(/ {2,}/).join(' | '));

describe('netloom policy get', () => {
  it('shows the records of a host, in the words of the source', async () => {
    const { code, out, err } = await run('policy', 'get', 'host1', 'lookup', 'provider');
    expect([code, err]).toEqual([0, '']);
    expect(rows(out)).toEqual([
      'host1: revision 1, its agent is not connected',
      '',
      'Provider addresses',
      'LOGICAL NETWORK | PROVIDER ADDRESS | MAC | VLAN | ENCAPSULATION',
      'Provider | 192.168.4.11/24 | 00:1d:d8:b7:1c:00 | 0 | nvgre',
      '',
      'Lookup records',
      'VSID | CUSTOMER ADDRESS | MAC | PROVIDER ADDRESS | RULE',
      '5001 | 10.0.0.5 | 00:1d:d8:b7:1c:02 | 192.168.4.11 | encap',
      '5001 | 10.0.0.7 | 00:1d:d8:b7:1c:03 | 192.168.4.22 | encap',
      '6001 | 10.0.0.5 | 00:1d:d8:b7:1c:04 | 192.168.4.11 | encap',
      '6001 | 10.0.0.7 | 00:1d:d8:b7:1c:05 | 192.168.4.22 | encap',
      '',
    ]);
  });

  it('shows more with -o wide, and the object that a record came from', async () => {
    const { out } = await run('policy', 'get', 'host1', 'switch', '-o', 'wide');
    expect(rows(out).slice(3, 5)).toEqual([
      'NAME | TYPE | NICS | TEAMING | BALANCING | MTU | FLOW EXPORT | FROM',
      expect.stringMatching(/^Tenant switch \| external \| nic1 \| .*HostSwitch\/host1\/Tenant switch$/),
    ]);
  });

  it('says that there is nothing, and that there is no such host', async () => {
    expect(await run('policy', 'get', 'host1', 'mirror')).toMatchObject({
      code: 0,
      err: 'host1 holds no records of the kind mirror.\n',
    });
    const missing = await run('policy', 'get', 'nobody');
    expect(missing.code).toBe(1);
    expect(missing.err).toContain('not-found');
  });

  it('prints YAML that try and walk run, of one host after the other', async () => {
    const texts = [];
    for (const host of ['host1', 'host2']) texts.push((await run('policy', 'get', host, '-o', 'yaml')).out);
    const file = join(directory, 'both.yaml');
    writeFileSync(file, texts.join(''));
    const pings = await run(
      'try',
      '--policy',
      file,
      '--ping',
      'blue1',
      'blue2',
      '--ping',
      'blue1',
      'red2',
      '-o',
      'json',
    );
    expect(pings.code).toBe(0);
    expect(JSON.parse(pings.out)).toMatchObject([{ verdict: 'answered' }, { verdict: 'lost' }]);
  });
});

describe('netloom try and walk --policy', () => {
  it('say who reaches whom, and how', async () => {
    const { code, out } = await run('try', '--policy', BY_HAND);
    expect(code).toBe(0);
    expect(
      rows(out)
        .filter((row) => row.startsWith('✔'))
        .map((row) => row.split(' | ').slice(1, 4)),
    ).toEqual([
      ['Blue1/eth0', 'Blue2/eth0', '1/1'],
      ['Red1/eth0', 'Red2/eth0', '1/1'],
    ]);
    const walk = await run('walk', 'Blue1', 'Blue2', '--policy', BY_HAND, '-o', 'json');
    expect(walk.code).toBe(0);
    expect(JSON.parse(walk.out)).toMatchObject({ outcome: 'answered' });
  });

  it('say what is wrong, at its line', async () => {
    const file = join(directory, 'wrong.yaml');
    writeFileSync(file, 'host: a\nrecords:\n  - { kind: switch, nam: S }\n');
    const { code, err } = await run('try', '--policy', file);
    expect(code).toBe(1);
    expect(err).toContain(`${file}:3:21: error[field-unknown] host/a.records[0].nam`);
    expect(err).toContain('Did you mean name?');
  });
});
