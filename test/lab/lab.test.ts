/** `netloom lab` as a user has it: the whole of examples/blue-red.yaml on real hosts, and the end of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { Lab } from '../../src/lab/lab.ts';
import { namespaceName } from '../../src/lab/real/names.ts';
import { inNamespace } from '../../src/lab/real/run.ts';
import { parseDocuments } from '../../src/model/input.ts';
import { type Ended, netloom } from '../e2e/program.ts';
import { itWithNamespaces } from '../ovs/open-vswitch.ts';
import { tsharkFileFields } from '../support/tshark.ts';
import { until, untilIsSo } from '../support/until.ts';
import { LAB_TOOLS, newLabName } from './lab-under-test.ts';
import { leftoversOf, programsIn } from './leftovers.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/blue-red.yaml', import.meta.url));
const PROGRAM = fileURLToPath(new URL('../../bin/netloom.js', import.meta.url));

/** A name for a lab that is down afterwards, whatever `use` did with it. */
async function withLab(use: (name: string) => Promise<void>): Promise<void> {
  const name = newLabName();
  try {
    await use(name);
  } finally {
    await netloom(['lab', 'down', '--name', name]);
  }
}

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

interface Pair {
  readonly from: string;
  readonly to: string;
  /** Of `to`. */
  readonly address: string;
  readonly isAnswered: boolean;
}

/** Who reaches whom on the softswitch, from the same file. */
async function expected(): Promise<readonly Pair[]> {
  const { objects } = parseDocuments(readFileSync(EXAMPLE), 'blue-red.yaml');
  const inProcess = await Lab.open({ objects: objects.map(({ object }) => object) });
  try {
    await inProcess.ready();
    const names = inProcess.endpoints().map(({ name }) => name);
    const pairs: Pair[] = [];
    for (const from of names) {
      for (const to of names) {
        if (from === to) continue;
        const { address, verdict } = await inProcess.ping(from, to);
        pairs.push({ from, to, address, isAnswered: verdict === 'answered' });
      }
    }
    return pairs;
  } finally {
    await inProcess.close();
  }
}

describe('netloom lab', () => {
  const name = newLabName();
  let said = '';
  beforeAll(async () => {
    said = await lab(name, 'up', EXAMPLE);
  });
  afterAll(async () => {
    const programs = programsIn(name);
    await netloom(['lab', 'down', '--name', name]);
    expect(leftoversOf(name, programs)).toEqual([]);
  });

  itWithNamespaces(
    'brings up examples/blue-red.yaml, where everybody reaches whom they reach on the softswitch',
    async () => {
      expect(said).toContain('The lab is up: 2 hosts, 4 VMs.');
      const wanted = await expected();
      expect(wanted.filter(({ isAnswered }) => isAnswered)).toHaveLength(4);
      // "netloom lab ping" counts the requests at who is meant, so only one at a time may ask for an address.
      const chains = Map.groupBy(wanted, ({ address }) => address);
      const seen = await Promise.all(
        [...chains.values()].map(async (pairs) => {
          const answered: Pair[] = [];
          for (const pair of pairs)
            answered.push({ ...pair, isAnswered: await pings(name, pair.from, pair.to) });
          return answered;
        }),
      );
      expect(seen.flat()).toEqual([...chains.values()].flat());

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
    },
    300_000,
    LAB_TOOLS,
  );

  itWithNamespaces(
    'takes VMs that come, move and go while it runs',
    async ({ signal }) => {
      const vm = (host: string) =>
        `kind: VirtualMachine\nname: blue3\nhost: ${host}\nvnics:\n  - { vmNetwork: Blue, addresses: [10.0.0.9] }\n`;
      const apply = (text: string) =>
        netloom(['apply', '-f', '-', '--wait'], {
          env: { NETLOOM_DATA: `/run/netloom/lab-${name}/controller` },
          input: text,
        });
      expect(await apply(vm('host2'))).toMatchObject({ code: 0 });
      await comes('blue3 is ready', async () => (await machine(name, 'blue3'))?.ready === true, signal);
      expect(await pings(name, 'blue1', 'blue3')).toBe(true);

      expect(await ask(name, 'vm', 'migrate', 'blue3', '--to', 'host1')).toMatchObject({ code: 0 });
      await comes('blue3 is on host1', async () => (await machine(name, 'blue3'))?.host === 'host1', signal);
      expect(await pings(name, 'blue3', 'blue2')).toBe(true);

      expect(await ask(name, 'delete', 'vm', 'blue3', '--wait')).toMatchObject({ code: 0 });
      await comes('blue3 is gone', async () => (await machine(name, 'blue3')) === undefined, signal);
      expect((await netloom(['lab', 'exec', '--name', name, 'blue3', '--', 'true'])).err).toContain('blue3');
    },
    300_000,
    LAB_TOOLS,
  );

  itWithNamespaces(
    'shows the frames at a place, and writes them to a file that others read',
    async ({ signal }) => {
      await comes('blue1 reaches blue2', () => pings(name, 'blue1', 'blue2'), signal);
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
    LAB_TOOLS,
  );
});

// Each in labs of its own.
describe.concurrent('netloom lab', () => {
  itWithNamespaces(
    'breaks what it is told to, and makes it whole again',
    ({ signal }) =>
      withLab(async (name) => {
        const isWhole = () => comes('blue1 reaches blue2', () => pings(name, 'blue1', 'blue2'), signal);
        await lab(name, 'up', EXAMPLE);
        await isWhole();
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
          await isWhole();
        }
        expect(await lab(name, 'fail', 'nic', 'host1/nic1', '--for', '10ms')).toContain('whole again');
        await isWhole();
        const unknown = await netloom(['lab', 'fail', '--name', name, 'nic', 'host1/nic9']);
        expect(unknown).toMatchObject({ code: 1 });
        expect(unknown.err).toContain('There are: host1/nic1, host1/mgmt.');
      }),
    300_000,
    LAB_TOOLS,
  );

  for (const step of ['begin', 'cables', 'Open vSwitch', 'Agents', 'Machines'])
    itWithNamespaces(
      `is left without a trace when it was killed while it came up, at "${step}"`,
      ({ signal }) =>
        withLab(async (name) => {
          await killedAfter(name, step, signal);
          const other = await netloom(['lab', 'up', EXAMPLE, '--name', name]);
          expect(other, 'the name is taken until it is down').toMatchObject({ code: 1 });
          expect(other.err).toContain('lab-state');
          const programs = programsIn(name);
          await lab(name, 'down');
          expect(leftoversOf(name, programs)).toEqual([]);
        }),
      300_000,
      LAB_TOOLS,
    );

  itWithNamespaces(
    'has another lab beside it, and goes on when that is taken down with all that runs in it',
    ({ signal }) =>
      withLab((one) =>
        withLab(async (two) => {
          await lab(one, 'up', EXAMPLE);
          await lab(two, 'up', EXAMPLE);
          const [tool = '', ...args] = inNamespace(namespaceName(two, 'vm', 'blue1'), 'sleep', '1000');
          const users = spawn(tool, args, { stdio: 'ignore' });
          const ended = once(users, 'exit');
          // "ip netns exec" is there before it is in the namespace.
          const programs = await untilIsSo(
            'the program of the user',
            () => programsIn(two),
            (all) => all.some(({ pid }) => pid === users.pid),
            { signal },
          );
          await lab(two, 'down');
          expect(leftoversOf(two, programs)).toEqual([]);
          await ended;
          expect(await pings(one, 'blue1', 'blue2')).toBe(true);
        }),
      ),
    300_000,
    LAB_TOOLS,
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

/** Waits until something is so; each look is a command or two. */
async function comes(what: string, isSo: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  await until(what, isSo, { seconds: 120, signal });
}

/** Kills `lab up` once it has said that this step is done; `begin`: once its directory is there. */
async function killedAfter(name: string, step: string, signal: AbortSignal): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, 'lab', 'up', EXAMPLE, '--name', name], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(child, 'exit');
  let said = '';
  child.stderr.on('data', (text) => (said += String(text)));
  const isThere = () => (step === 'begin' ? leftoversOf(name).length > 0 : said.includes(step));
  try {
    await until(`${step} is done`, () => isThere() || child.exitCode !== null, { seconds: 120, signal });
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
  expect(child.signalCode, said).toBe('SIGKILL');
}
