import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { testTerminal } from './fixture.ts';
import { main, programOf } from './main.ts';

const BLUE_RED = fileURLToPath(new URL('../../examples/blue-red.yaml', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'netloom-cli-'));
afterAll(() => rmSync(directory, { recursive: true }));

async function run(args: readonly string[], input = '') {
  const terminal = testTerminal({ NETLOOM_DATA: directory }, input);
  const code = await main(args, terminal);
  return { code, ...terminal.written };
}

describe('the command line', () => {
  it('explains every command, with examples that are commands', async () => {
    const program = programOf({ terminal: testTerminal(), finish: () => {} });
    expect(program.commands.map((c) => c.name())).toEqual(
      expect.arrayContaining([
        'up',
        'apply',
        'get',
        'describe',
        'delete',
        'ping',
        'walk',
        'try',
        'history',
        'undo',
      ]),
    );
    const names = program.commands.map((c) => c.name());
    for (const name of names) {
      const { code, out } = await run([name, '--help']);
      expect(code, name).toBe(0);
      const examples = [...out.matchAll(/^ {2}\$ netloom (\S+) ?(.*?) {2,}# (.+)$/gm)];
      expect(examples.length, name).toBeGreaterThan(0);
      for (const [, command] of examples) expect(names).toContain(command);
    }
  });

  it('lists its commands in groups, each of them once', async () => {
    const { out } = await run(['--help']);
    const headings = [...out.matchAll(/^([A-Z][^:$\n]*):$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual([
      'Options',
      'Begin',
      'Describe the network',
      'Machines and hosts',
      'See what happens',
      'Changes, and the way back',
      'People and tenants',
      'About Netloom',
      'Begin with',
    ]);
    const names = programOf({ terminal: testTerminal(), finish: () => {} }).commands.map((c) => c.name());
    for (const name of names) expect(out.match(new RegExp(`^  ${name}\\b`, 'gm')), name).toHaveLength(1);
  });

  it('ends with 2 where it is wrong, and says how it is right', async () => {
    for (const [args, words] of [
      [['tri'], 'Did you mean try?'],
      [['try'], 'or one with policy records by --policy'],
      [['try', 'x.yaml', '--policy', 'y.yaml'], 'or one with policy records by --policy'],
      [['walk', 'a', 'b', '--file', 'x.yaml', '--policy', 'y.yaml'], 'exclude each other'],
      [
        ['policy', 'get', 'h', 'routes'],
        'Allowed choices are switch, provider, domain, subnet, lookup, route',
      ],
      [['try', 'x.yaml', '--ping', 'a'], '--ping FROM TO'],
      [['try', 'x.yaml', '--ping', 'a', '--pcap', 'x'], '--ping FROM TO'],
      [['apply'], "required option '-f, --file <file...>'"],
      [['apply', '-f', 'x', '--dryrun'], 'Did you mean --dry-run?'],
      [['get', '-o', 'xml'], 'Allowed choices are table, wide, json, yaml'],
      [['delete'], 'say a kind and names'],
      [['delete', 'vm'], 'say a kind and names'],
      [['undo', 'x'], 'is not a revision'],
      [['rollback', '0'], 'is not a revision'],
      [['diff', '1', 'now'], 'is not a revision'],
      [['job', 'get', 'x'], 'is not the number of a job'],
      [['job', 'wach'], 'Did you mean watch?'],
      [['ping', 'a', 'b', '-c', '21'], 'from 1 to 20'],
      [['ping', 'a', 'b', '-4', '-6'], 'cannot be used with option'],
      [['walk', 'a', 'b', '-6', '-4'], 'cannot be used with option'],
      [['pool', 'release', 'x'], 'say which addresses, or --all'],
      [['pool', 'release', 'x', '10.0.0.1', '--all'], 'say which addresses, or --all'],
      [['pool', 'shwo', 'x'], 'Did you mean show?'],
      [['vm', 'connect', 'x'], "required option '--network <name>'"],
      [['guest', 'x', '--address', '10.0.0.1'], 'with its prefix length'],
      [['walk', 'a', 'b', '--file', 'x', '--server', 'http://x'], 'exclude each other'],
      [[], 'Usage: netloom'],
    ] as const) {
      const { code, err, out } = await run(args);
      expect(code, args.join(' ')).toBe(2);
      expect(err, args.join(' ')).toContain(words);
      expect(out).toBe('');
    }
  });

  it('ends with 1 where something is refused, and says it on standard error', async () => {
    for (const [args, words] of [
      [['try', 'no-such.yaml'], 'error[input-unreadable] no-such.yaml does not exist.'],
      [['get', 'vmz'], 'Did you mean vm?'],
      [['get', 'vm'], 'error[token-missing]'],
      [['get', 'vm', '--server', 'ftp://x'], '"ftp://x" is not the address of a server'],
      [['up', '--listen', 'nowhere'], '"nowhere" is not an address to listen on'],
      [['try', BLUE_RED, '--ping', 'blue1', 'green1'], 'error[not-found]'],
      [['try', BLUE_RED, '--ping', 'blue1', 'blue2', '--pcap', '/no/such/folder/x'], 'cannot be written'],
    ] as const) {
      const { code, err, out } = await run(args);
      expect(code, args.join(' ')).toBe(1);
      expect(err).toContain(words);
      expect(out).toBe('');
    }
  });

  it('lists the kinds without a server', async () => {
    const { code, out } = await run(['get']);
    expect(code).toBe(0);
    expect(out).toMatch(/^VmSubnet +vm-subnets, subnet, subnets +A subnet of a virtualized VM network/m);
  });
});

describe('try', () => {
  it('shows who reaches whom, and why not', async () => {
    const { code, out, err } = await run(['try', BLUE_RED]);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^✔ +blue1\/eth0 +blue2\/eth0 +1\/1/m);
    expect(out).toMatch(/^✔ +red1\/eth0 +red2\/eth0 +1\/1/m);
    expect(out).toMatch(/^✘ +blue1\/eth0 +red2\/eth0 +0\/1 +there 10\.0\.0\.7 is blue2/m);
    expect(out.match(/^[✔✘]/gm)).toHaveLength(6);
  });

  it('tells a program the same', async () => {
    const pings = ['--ping', 'blue1', 'blue2', '--ping', 'red1/eth0', 'red2', '--ping', 'blue1', 'red2'];
    const { code, out } = await run(['try', BLUE_RED, ...pings, '-o', 'json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject([
      {
        from: 'blue1/eth0',
        to: 'blue2/eth0',
        sent: 1,
        received: 1,
        verdict: 'answered',
        rtt: { min: expect.any(Number) },
      },
      { from: 'red1/eth0', to: 'red2/eth0', verdict: 'answered' },
      {
        from: 'blue1/eth0',
        to: 'red2/eth0',
        received: 0,
        verdict: 'lost',
        dropped: { reason: expect.any(String) },
      },
    ]);
  });

  it('reads standard input, and keeps frames', async () => {
    const { readFileSync } = await import('node:fs');
    const file = join(directory, 'frames.pcapng');
    const { code } = await run(
      ['try', '-', '--ping', 'blue1', 'blue2', '--pcap', file],
      readFileSync(BLUE_RED, 'utf8'),
    );
    expect(code).toBe(0);
    // Section Header Block, draft-ietf-opsawg-pcapng 4.1
    expect(readFileSync(file).subarray(0, 4).toString('hex')).toBe('0a0d0d0a');
  });

  it('says everything that is wrong with a file, each at its line', async () => {
    const file = join(directory, 'bad.yaml');
    writeFileSync(
      file,
      [
        'kind: HostGroup',
        'name: Rack 1',
        'parant: Rack 0',
        '---',
        'kind: Host',
        'name: host.1',
        'group: Rack 2',
        'nics:',
        '  - { name: nic1, mac: aa:55:aa:55:00:11 }',
        '  - { name: nic1, mac: aa:55:aa:55:00:12 }',
        '',
      ].join('\n'),
    );
    const { code, err } = await run(['try', file]);
    expect(code).toBe(1);
    expect(err).toContain(`${file}:3:1: error[field-unknown] HostGroup/Rack 1.parant: `);
    expect(err).toContain(`${file}:10:7: error[value-duplicate] Host/host.1.nics[1].name: `);
    // Rack 1 could not be read; Rack 2 is missing all the same.
    expect(err).toContain(`${file}:7:1: error[reference-missing] Host/host.1.group:`);
    expect(err).toMatch(/^3 errors\.$/m);
  });
});

describe('walk', () => {
  it('in a file needs no server', async () => {
    const { code, out } = await run(['walk', 'blue1', 'blue2', '--file', BLUE_RED]);
    expect(code).toBe(0);
    expect(out).toContain('gre(vsid=5001');
    const json = await run(['walk', 'blue1', 'red2', '--file', BLUE_RED, '-o', 'json']);
    expect(JSON.parse(json.out)).toMatchObject({
      from: 'blue1/eth0',
      to: 'red2/eth0',
      steps: expect.any(Array),
    });
  });
});
