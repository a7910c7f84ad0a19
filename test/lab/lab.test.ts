/** `netloom lab` as a user has it: the whole of examples/blue-red.yaml on real hosts, and the end of it. */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect } from 'vitest';
import { Lab } from '../../src/lab/lab.ts';
import { parseDocuments } from '../../src/model/input.ts';
import { type Ended, netloom } from '../e2e/program.ts';
import { itWithNamespaces } from '../ovs/open-vswitch.ts';
import { tsharkFileFields } from '../support/tshark.ts';
import { leftoversOf } from './leftovers.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/blue-red.yaml', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../../bin/netloom.js', import.meta.url));
const TOOLS = ['dhclient', 'ethtool', 'tcpdump'];

const labs = new Set<string>();

function newLab(): string {
  const name = `t${randomInt(36 ** 6).toString(36)}`;
  labs.add(name);
  return name;
}

/** A test that fails must not leave a lab behind. */
afterEach(async () => {
  for (const name of labs) await netloom(['lab', 'down', '--name', name]);
  labs.clear();
});

/** A command of `netloom lab` that is to succeed. */
async function lab(name: string, ...args: readonly string[]): Promise<string> {
  const [command = '', ...rest] = args;
  const ended = await netloom(['lab', command, '--name', name, ...rest]);
  expect(ended, ended.err).toMatchObject({ code: 0 });
  return ended.out;
}

async function pings(name: string, from: string, to: string): Promise<boolean> {
  const ended = await netloom(['lab', 'ping', '--name', name, from, to, '-c', '2', '-o', 'json']);
  return (JSON.parse(ended.out) as { readonly verdict: string }).verdict !== 'lost';
}

/** Commands of the lab's own controller. */
function ask(name: string, ...args: readonly string[]): Promise<Ended> {
  return netloom(args, { env: { NETLOOM_DATA: `/run/netloom/lab-${name}/controller` } });
}

/** Who reaches whom on the softswitch, from the same file. */
async function expected(): Promise<Map<string, boolean>> {
  const { objects } = parseDocuments(readFileSync(EXAMPLE), 'blue-red.yaml');
  const inProcess = await Lab.open({ objects: objects.map(({ object }) => object) });
  try {
    await inProcess.ready();
    const names = inProcess.endpoints().map(({ name }) => name);
    const answers = new Map<string, boolean>();
    for (const from of names) {
      for (const to of names) {
        if (from === to) continue;
        answers.set(`${from} ${to}`, (await inProcess.ping(from, to)).verdict === 'answered');
      }
    }
    return answers;
  } finally {
    await inProcess.close();
  }
}

describe('netloom lab', () => {
  itWithNamespaces(
    'brings up examples/blue-red.yaml, where everybody reaches whom they reach on the softswitch; down leaves nothing',
    async () => {
      const name = newLab();
      expect(await lab(name, 'up', EXAMPLE)).toContain('The lab is up: 2 hosts, 4 VMs.');

      const wanted = await expected();
      expect([...wanted.values()].filter((answered) => answered)).toHaveLength(4);
      const seen = new Map<string, boolean>();
      for (const pair of wanted.keys()) {
        const [from = '', to = ''] = pair.split(' ');
        seen.set(pair, await pings(name, from, to));
      }
      expect(seen).toEqual(wanted);

      const status = JSON.parse(await lab(name, 'status', '-o', 'json'));
      expect(status).toMatchObject({
        programs: { controller: true, relay: true, follow: true },
        hosts: [
          { name: 'host1', programs: { agent: true, ovs: true, ovsdb: true }, inForce: true },
          { name: 'host2', programs: { agent: true, ovs: true, ovsdb: true }, inForce: true },
        ],
      });
      // The address came by DHCP, and the MTU with it; the name servers of this machine are its own.
      expect(await lab(name, 'exec', 'blue1', '--', 'ip', 'address', 'show', 'dev', 'eth0')).toMatch(
        /mtu 1458[\s\S]*inet 10\.0\.0\.5\/24/,
      );
      expect((await netloom(['lab', 'exec', '--name', name, 'blue1', '--', 'sh', '-c', 'exit 7'])).code).toBe(
        7,
      );
      expect(await lab(name, 'exec', 'host1', '--', 'ovs-vsctl', 'list-br')).toContain('nlplug0');

      await lab(name, 'down');
      expect(leftoversOf(name)).toEqual([]);
    },
    300_000,
    TOOLS,
  );

  itWithNamespaces(
    'takes VMs that come, move and go while it runs',
    async () => {
      const name = newLab();
      await lab(name, 'up', EXAMPLE);
      const vm = (host: string) =>
        `kind: VirtualMachine\nname: blue3\nhost: ${host}\nvnics:\n  - { vmNetwork: Blue, addresses: [10.0.0.9] }\n`;
      const apply = (text: string) =>
        netloom(['apply', '-f', '-', '--wait'], {
          env: { NETLOOM_DATA: `/run/netloom/lab-${name}/controller` },
          input: text,
        });
      expect(await apply(vm('host2'))).toMatchObject({ code: 0 });
      await comes(async () => (await machine(name, 'blue3'))?.ready === true);
      expect(await pings(name, 'blue1', 'blue3')).toBe(true);

      expect(await ask(name, 'vm', 'migrate', 'blue3', '--to', 'host1')).toMatchObject({ code: 0 });
      await comes(async () => (await machine(name, 'blue3'))?.host === 'host1');
      expect(await pings(name, 'blue3', 'blue2')).toBe(true);

      expect(await ask(name, 'delete', 'vm', 'blue3', '--wait')).toMatchObject({ code: 0 });
      await comes(async () => (await machine(name, 'blue3')) === undefined);
      expect((await netloom(['lab', 'exec', '--name', name, 'blue3', '--', 'true'])).err).toContain('blue3');
    },
    300_000,
    TOOLS,
  );

  itWithNamespaces(
    'breaks what it is told to, and makes it whole again',
    async () => {
      const name = newLab();
      await lab(name, 'up', EXAMPLE);
      await comes(() => pings(name, 'blue1', 'blue2'));
      const failures: readonly (readonly [what: string, goesOn: boolean])[] = [
        ['agent host1', true],
        ['controller', true],
        ['nic host1/nic1', false],
        ['link host2/nic1', false],
        ['link blue2/eth0', false],
        ['ovs host1', false],
        ['host host2', false],
      ];
      for (const [what, goesOn] of failures) {
        const words = what.split(' ');
        expect(await lab(name, 'fail', ...words)).toContain('--undo');
        expect(await pings(name, 'blue1', 'blue2'), what).toBe(goesOn);
        expect(await lab(name, 'fail', ...words, '--undo')).toContain('whole again');
        await comes(() => pings(name, 'blue1', 'blue2'));
      }
      expect(await lab(name, 'fail', 'nic', 'host1/nic1', '--for', '10ms')).toContain('whole again');
      await comes(() => pings(name, 'blue1', 'blue2'));
      const unknown = await netloom(['lab', 'fail', '--name', name, 'nic', 'host1/nic9']);
      expect(unknown).toMatchObject({ code: 1 });
      expect(unknown.err).toContain('There are: host1/nic1, host1/mgmt.');
    },
    300_000,
    TOOLS,
  );

  itWithNamespaces(
    'shows the frames at a place, and writes them to a file that others read',
    async () => {
      const name = newLab();
      await lab(name, 'up', EXAMPLE);
      await comes(() => pings(name, 'blue1', 'blue2'));
      const directory = mkdtempSync(join(tmpdir(), 'netloom-lab-'));
      const pinging = spawn(process.execPath, [
        ...[PROGRAM, 'lab', 'exec', '--name', name, 'blue1', '--'],
        ...['ping', '-i', '0.2', '10.0.0.7'],
      ]);
      try {
        expect(await lab(name, 'capture', 'blue1/eth0', '-c', '4')).toMatch(
          /src=10\.0\.0\.5,dst=10\.0\.0\.7.*icmp\(echo-request/,
        );
        // In the outer headers of NVGRE, on the wire and in the switch of the physical network alike.
        for (const place of ['host1/nic1', 'Fabric'])
          expect(await lab(name, 'capture', place, '-c', '4')).toMatch(
            /src=192\.168\.4\.11,dst=192\.168\.4\.22.*gre\(vsid=5001.*src=10\.0\.0\.5,dst=10\.0\.0\.7/,
          );
        const file = join(directory, 'wire.pcap');
        await lab(name, 'capture', 'host1/nic1', '-c', '4', '-w', file);
        // The VSID and eight bits to spread by (RFC 7637 section 3.2).
        expect(tsharkFileFields(file, 'gre.key').flat()).toContainEqual(
          expect.stringMatching(/^0x001389..$/),
        );
        // The copies of the physical switch are gone with the command.
        expect(await lab(name, 'exec', 'Fabric', '--', 'ovs-vsctl', 'list', 'Mirror')).toBe('');
      } finally {
        pinging.kill('SIGTERM');
        rmSync(directory, { recursive: true });
      }
    },
    300_000,
    TOOLS,
  );

  itWithNamespaces(
    'is left without a trace when it was killed while it came up, wherever that was',
    async () => {
      for (const after of ['begin', 'cables', 'Open vSwitch', 'Agents', 'Machines']) {
        const name = newLab();
        await killedAfter(name, after);
        const other = await netloom(['lab', 'up', EXAMPLE, '--name', name]);
        expect(other, 'the name is taken until it is down').toMatchObject({ code: 1 });
        expect(other.err).toContain('lab-state');
        await lab(name, 'down');
        expect(leftoversOf(name), `killed after ${after}`).toEqual([]);
      }
    },
    400_000,
    TOOLS,
  );

  itWithNamespaces(
    'has another lab beside it, and goes on when that is taken down',
    async () => {
      const [one, two] = [newLab(), newLab()];
      await lab(one, 'up', EXAMPLE);
      await lab(two, 'up', EXAMPLE);
      await lab(two, 'down');
      expect(leftoversOf(two)).toEqual([]);
      expect(await pings(one, 'blue1', 'blue2')).toBe(true);
    },
    300_000,
    TOOLS,
  );
});

interface ShownMachine {
  readonly name: string;
  readonly host: string;
  readonly ready: boolean;
}

async function machine(name: string, key: string): Promise<ShownMachine | undefined> {
  const status = JSON.parse(await lab(name, 'status', '-o', 'json')) as { readonly machines: ShownMachine[] };
  return status.machines.find((each) => each.name === key);
}

/** Waits until something is so; the test's own limit is the limit. */
async function comes(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo()));
}

/** Kills `lab up` once it has said that this step is done; `begin`: once its directory is there. */
async function killedAfter(name: string, step: string): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, 'lab', 'up', EXAMPLE, '--name', name], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  let said = '';
  child.stderr.on('data', (text) => (said += String(text)));
  const isThere = () => (step === 'begin' ? leftoversOf(name).length > 0 : said.includes(`${step}`));
  while (!isThere() && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill('SIGKILL');
  await exited;
}
