import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { netloom, Server } from './program.ts';

const root = mkdtempSync(join(tmpdir(), 'netloom-bad-'));
const BLUE_RED = fileURLToPath(new URL('../../examples/blue-red.yaml', import.meta.url));
let server: Server;
beforeAll(async () => {
  server = await Server.up(join(root, 'data'), '--sample', 'blue-red');
});
afterAll(async () => {
  await server.end('SIGTERM');
  rmSync(root, { recursive: true });
});

const pool = (name: string, from: string, to: string) =>
  `kind: IpPool\nname: ${name}\nvmNetwork: Blue\nsubnet: Blue subnet\nfrom: ${from}\nto: ${to}\n`;
const vm = (name: string, more: string) =>
  `kind: VirtualMachine\nname: ${name}\nhost: host1\nvnics:\n  - ${more}\n`;
const bomb = [
  'kind: HostGroup',
  'name: &a [x, x, x, x, x, x, x, x, x]',
  ...'bcdefghi'.split('').map((c, i) => `${c}: &${c} [${Array(9).fill(`*${'abcdefgh'[i]}`).join(', ')}]`),
].join('\n');

interface Case {
  readonly what: string;
  readonly text: string | Uint8Array;
  /** Lines of standard error, each with where it is, the code, and what it names. */
  readonly says: readonly RegExp[];
}

/** `line:column: error[code] … words` in the file of the case. */
const at = (place: string, code: string, words: string) =>
  new RegExp(`^FILE:${place}: error\\[${code}\\] .*${words}`, 'm');

const CASES: readonly Case[] = [
  {
    what: 'an unknown kind',
    text: 'kind: Hots\nname: x\n',
    says: [at('1:1', 'kind-unknown', '"Hots".*Host')],
  },
  {
    what: 'an unknown field',
    text: 'kind: HostGroup\nname: x\nparant: y\n',
    says: [at('3:1', 'field-unknown', 'parant')],
  },
  {
    what: 'a wrong type',
    text: 'kind: HostGroup\nname: [x]\n',
    says: [at('2:1', 'value-invalid', 'a list')],
  },
  {
    what: 'a dangling reference',
    text: vm('x', '{ vmNetwork: Green }'),
    says: [at('5:7', 'reference-missing', 'Green')],
  },
  {
    what: 'a duplicate name',
    text: 'kind: HostGroup\nname: x\n---\nkind: HostGroup\nname: x\n',
    says: [at('4:1', 'name-duplicate', 'HostGroup/x')],
  },
  {
    what: 'overlapping pools',
    text: `${pool('p1', '10.0.0.20', '10.0.0.40')}---\n${pool('p2', '10.0.0.30', '10.0.0.50')}`,
    says: [at('\\d+:\\d+', 'overlap', 'p[12]')],
  },
  {
    what: 'an address outside of its subnet',
    text: vm('x', '{ vmNetwork: Blue, addresses: [10.9.0.5] }'),
    says: [at('5:\\d+', 'address-outside', '10\\.9\\.0\\.5')],
  },
  {
    what: 'a host that the network does not come to',
    text: `kind: Host\nname: host3\ngroup: Rack 1\nnics:\n  - { name: nic1, mac: aa:55:aa:55:00:33 }\n---\nkind: HostSwitch\nhost: host3\nlogicalSwitch: Tenant switch\nnics: [nic1]\nuplinkProfile: Fabric uplink\n---\n${vm('x', '{ vmNetwork: Blue, addresses: [10.0.0.9] }').replace('host1', 'host3')}`,
    says: [at('10:\\d+', 'nic-unconnected', 'nic1')],
  },
  {
    what: 'VLAN 4095',
    text: 'kind: NetworkSite\nname: s\nlogicalNetwork: Provider\nhostGroups: [Rack 1]\nsubnets:\n  - { vlan: 4095, prefix: 192.168.9.0/24 }\n',
    says: [at('6:\\d+', 'value-invalid', '4095')],
  },
  {
    what: 'VSID 4095',
    text: 'kind: VmSubnet\nname: s\nvmNetwork: Blue\nprefix: 10.1.0.0/24\nvsid: 4095\n',
    says: [at('5:\\d+', 'value-invalid', '4095')],
  },
  {
    what: 'a prefix /33',
    text: 'kind: VmSubnet\nname: s\nvmNetwork: Blue\nprefix: 10.1.0.0/33\n',
    says: [at('4:\\d+', 'value-invalid', '10\\.1\\.0\\.0/33')],
  },
  {
    what: 'the address 127.1',
    text: vm('x', '{ vmNetwork: Blue, addresses: [127.1] }'),
    says: [at('5:\\d+', 'value-invalid', '127\\.1')],
  },
  { what: 'a YAML alias bomb', text: bomb, says: [at('2:\\d+', 'yaml-forbidden', 'anchor')] },
  {
    what: 'a document of 100 MB',
    text: Buffer.alloc(100_000_000, 'kind: HostGroup\nname: x\n---\n'),
    says: [/^error\[input-too-large\] .*FILE has 95 MiB; at most 32 MiB are read\./m],
  },
  {
    what: 'binary garbage',
    text: Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1, 2, 3]),
    says: [at('1:\\d+', 'input-unreadable', 'not text')],
  },
  {
    what: 'invalid UTF-8',
    text: Buffer.concat([Buffer.from('kind: HostGroup\nname: "'), Buffer.from([0xc3, 0x28])]),
    says: [at('2:8', 'input-unreadable', 'not UTF-8')],
  },
  {
    what: 'many mistakes, all of them in one go',
    text: `kind: HostGroup\nname: x\nparant: y\n---\n${vm('y', '{ vmNetwork: Blue, addresses: [10.9.0.5] }')}---\nkind: VmSubnet\nname: s\nvmNetwork: Blue\nprefix: 10.0.0.0/33\n`,
    says: [
      at('3:1', 'field-unknown', 'parant'),
      at('9:\\d+', 'address-outside', '10\\.9\\.0\\.5'),
      at('14:\\d+', 'value-invalid', '/33'),
      /^3 errors\.$/m,
    ],
  },
];

describe('bad input', () => {
  it.each(CASES)(
    '$what: is refused with file and line, and nothing is changed',
    async ({ what, text, says }) => {
      const file = join(root, `${what.replace(/\W+/g, '-')}.yaml`);
      writeFileSync(file, text);
      const before = await server.revision();
      const { code, out, err } = await netloom(['apply', '-f', BLUE_RED, '-f', file], {
        env: { NETLOOM_DATA: server.data },
      });
      expect([code, out]).toEqual([1, '']);
      const lines = err.replaceAll(file, 'FILE');
      for (const words of says) expect(lines).toMatch(words);
      expect(lines).not.toMatch(/^\s+at |node:internal|TypeError|RangeError/m);
      expect(lines.length).toBeLessThan(20_000);
      expect(await server.revision()).toBe(before);
    },
  );

  it('the same program takes what is right', async () => {
    const file = join(root, 'right.yaml');
    writeFileSync(file, vm('right', '{ vmNetwork: Blue, addresses: [10.0.0.9] }'));
    const before = await server.revision();
    const { code, err } = await netloom(['apply', '-f', BLUE_RED, '-f', file], {
      env: { NETLOOM_DATA: server.data },
    });
    expect([code, err]).toEqual([0, '']);
    expect(await server.revision()).toBe(before + 1);
  });

  it('is said in full without a server, too', async () => {
    const file = join(root, 'offline.yaml');
    writeFileSync(file, 'kind: HostGroup\nname: x\nparant: y\n');
    const { code, err } = await netloom(['apply', '-f', file], {
      env: { NETLOOM_DATA: join(root, 'nobody') },
    });
    expect(code).toBe(1);
    expect(err).toContain(`${file}:3:1: error[field-unknown]`);
  });
});
