/**
 * `netloom vm migrate` on a lab: a machine of QEMU moves from one host to another with all that it does, and nobody who talks
 * to it has to begin again. examples/migration.yaml, where "shop" has a vNIC on each kind of network.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { Ended } from '../../src/base/run-tool.ts';
import { type OpenLab, openRealLab } from '../../src/cli/lab-options.ts';
import { kill, running } from '../../src/lab/real/processes.ts';
import { outcome } from '../../src/lab/real/run.ts';
import { commandAt, whereIs } from '../../src/lab/real/where.ts';
import { netloom } from '../e2e/program.ts';
import { itWithNamespaces } from '../ovs/open-vswitch.ts';
import { whyNoGuests } from '../qemu/guest.ts';
import { itUnless } from '../support/required.ts';
import { until } from '../support/until.ts';
import { LAB_TOOLS, newLabName } from './lab-under-test.ts';
import { leftoversOf } from './leftovers.ts';

/** Only iperf3 and ping may come in to "shop" on its virtual network; what it begins itself has answers. */
const ACL = `---
kind: PortAcl
name: shop
default: { inbound: deny }
rules:
  - { name: begun here, direction: outbound, action: allow, priority: 60000, stateful: true }
  - { name: iperf, direction: inbound, action: allow, priority: 100, protocol: tcp, localPorts: 5201, stateful: true }
  - { name: ping, direction: inbound, action: allow, priority: 200, protocol: icmp, icmpType: 8, stateful: true }
`;
const EXAMPLE = readFileSync(new URL('../../examples/migration.yaml', import.meta.url), 'utf8');
/** The addresses of "shop", each from who is on the same network, by the names of the vNICs. */
const NETWORKS = { front: '10.0.0.5', office: '172.16.20.5', till: '10.9.0.5' } as const;

/** Milliseconds that no command of these tests takes. */
const LIMIT = 60_000;

interface Vnic {
  readonly id: string;
  readonly mac: string;
  readonly vsid?: number;
  readonly addresses: readonly string[];
}

class LabUnderTest {
  readonly name = newLabName();
  readonly #data = { env: { NETLOOM_DATA: `/run/netloom/lab-${this.name}/controller` } };
  #lab: OpenLab | undefined;

  async up(...options: readonly string[]): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'netloom-migration-'));
    const file = join(folder, 'lab.yaml');
    onTestFinished(async () => {
      await netloom(['lab', 'down', '--name', this.name]);
      rmSync(folder, { recursive: true });
      expect(leftoversOf(this.name)).toEqual([]);
    });
    const withAcl = EXAMPLE.replace('addresses: [10.0.0.5] }', 'addresses: [10.0.0.5], acls: [shop] }');
    expect(withAcl).not.toBe(EXAMPLE);
    writeFileSync(file, `${withAcl}${ACL}`);
    const ended = await netloom(['lab', 'up', '--name', this.name, ...options, '--', file]);
    expect(ended, ended.err).toMatchObject({ code: 0 });
    this.#lab = await openRealLab({ name: this.name });
  }

  /** A command of `netloom` with this lab's controller, however it ends. */
  tell(...args: readonly string[]): Promise<Ended> {
    return netloom(args, this.#data);
  }

  /** The same that is to succeed; what it prints. */
  async ask(...args: readonly string[]): Promise<string> {
    const ended = await this.tell(...args);
    expect(ended, ended.err).toMatchObject({ code: 0 });
    return ended.out;
  }

  /** A command in a VM or on a host, as `netloom lab exec` runs it. */
  inside(place: string, ...command: readonly string[]): Promise<Ended> {
    return outcome(this.#commandAt(place, command), LIMIT);
  }

  /** A command beside what else happens; what it has printed when it is over, or when `end` ends it. */
  begin(
    place: string,
    ...command: readonly string[]
  ): { readonly out: Promise<string>; readonly end: () => Promise<string> } {
    const { promise, resolve } = Promise.withResolvers<string>();
    const [tool = '', ...args] = this.#commandAt(place, command);
    const options = { timeout: LIMIT, maxBuffer: 1 << 26 };
    const child = execFile(tool, args, options, (_error, out) => resolve(out));
    const end = () => {
      child.kill('SIGINT');
      return promise;
    };
    return { out: promise, end };
  }

  #commandAt(place: string, command: readonly string[]): readonly string[] {
    if (!this.#lab) throw new Error('the lab is not up');
    const { plan, driverOfVms } = this.#lab;
    return commandAt(plan, driverOfVms, whereIs(plan, place), command);
  }

  async reaches(vm: string, address: string): Promise<boolean> {
    const { code } = await this.inside(vm, 'ping', '-c', '3', '-i', '0.2', '-W', '2', address);
    return code === 0;
  }

  /** When the machine stopped at the source and went on at the destination, in seconds since 1970, of its last move. */
  lastMove(): { readonly stoppedAt: number; readonly resumedAt: number } {
    const log = join(this.#lab?.plan.directory ?? '', 'machines', 'shop', 'moves.log');
    const [line = ''] = readFileSync(log, 'utf8').trim().split('\n').slice(-1);
    const { stoppedAt, resumedAt } = JSON.parse(line) as { stoppedAt: number; resumedAt: number };
    return { stoppedAt: stoppedAt / 1000, resumedAt: resumedAt / 1000 };
  }

  /** What `netloom lab status` says of "shop". */
  async state(): Promise<{ readonly host: string; readonly ready: boolean; readonly ended?: string }> {
    const { machines } = JSON.parse(await this.ask('lab', 'status', '--name', this.name, '-o', 'json')) as {
      machines: readonly { name: string; host: string; ready: boolean; ended?: string }[];
    };
    const found = machines.find(({ name }) => name === 'shop');
    if (!found) throw new Error('there is no shop');
    return found;
  }

  async vnics(): Promise<readonly Vnic[]> {
    const { status } = JSON.parse(await this.ask('describe', 'vm', 'shop', '-o', 'json')) as {
      status: { vnics: readonly Vnic[] };
    };
    return status.vnics.map(({ id, mac, vsid, addresses }) => ({
      id,
      mac,
      addresses,
      ...(vsid === undefined ? {} : { vsid }),
    }));
  }

  /** What the last migration did, step by step. */
  async steps(): Promise<readonly string[]> {
    const [job] = JSON.parse(await this.ask('job', 'list', '--kind', 'migrate', '-o', 'json')) as [
      { id: number },
    ];
    const { steps } = JSON.parse(await this.ask('job', 'get', `${job.id}`, '-o', 'json')) as {
      steps: readonly { name: string; state: string }[];
    };
    return steps.map(({ name, state }) => `${name}: ${state}`);
  }
}

async function everybodyReachesIt(lab: LabUnderTest): Promise<void> {
  const pairs = ['near', 'there', 'far'].flatMap((peer) =>
    Object.entries(NETWORKS).map(([network, address]) => ({ peer, network, address })),
  );
  const reached = await Promise.all(
    pairs.map(async ({ peer, network, address }) =>
      (await lab.reaches(peer, address)) ? [] : [`${peer} ${network}`],
    ),
  );
  expect(reached.flat()).toEqual([]);
}

/** Whether a TCP connection to this port of "shop" comes about. */
async function answersTcp(lab: LabUnderTest, port: number): Promise<boolean> {
  const { code } = await lab.inside('far', 'timeout', '3', 'bash', '-c', `: < /dev/tcp/10.0.0.5/${port}`);
  return code === 0;
}

const ALL_STEPS = ['prepare: succeeded', 'move: succeeded', 'switch over: succeeded', 'finish: succeeded'];

/** What iperf3 says with -J. */
interface Measured {
  readonly error?: string;
  readonly start: { readonly timestamp: { readonly timesecs: number } };
  readonly intervals: readonly { readonly sum: { readonly start: number; readonly bytes: number } }[];
  readonly end: { readonly sum_received?: { readonly bytes: number } };
}

/** When each answer to `ping -D` came, in seconds since 1970. */
function answersOf(pinged: string): readonly number[] {
  return [...pinged.matchAll(/^\[([\d.]+)\] \d+ bytes from .*icmp_seq=\d+/gmu)].map(([, at]) => Number(at));
}

const noGuests = await whyNoGuests();
const TOOLS = [...LAB_TOOLS, 'iperf3'];

/** A test with a machine of QEMU. */
function itWithGuests(name: string, test: () => Promise<void>): void {
  if (noGuests === undefined) itWithNamespaces(name, test, 300_000, TOOLS);
  else itUnless(noGuests, name, test);
}

itWithGuests(
  'a machine of QEMU moves with its connections, its addresses and its ACL, and back',
  async () => {
    const lab = new LabUnderTest();
    await lab.up('--qemu', 'shop');
    await everybodyReachesIt(lab);
    const before = await lab.vnics();
    expect(before).toHaveLength(3);
    // The same program listens on both ports; the ACL tells them apart.
    for (const port of ['5201', '5202']) await lab.inside('shop', 'iperf3', '-s', '-D', '-p', port);
    expect(await answersTcp(lab, 5201)).toBe(true);
    expect(await answersTcp(lab, 5202)).toBe(false);

    for (const destination of ['host2', 'host1']) {
      const client = lab.begin('far', 'iperf3', '-c', '10.0.0.5', '-t', '15', '-i', '1', '-J');
      const pings = lab.begin('near', 'ping', '-n', '-D', '-i', '0.05', '172.16.20.5');
      expect(await lab.ask('vm', 'migrate', 'shop', '--to', destination)).toContain('shop has moved');
      expect(await lab.steps()).toEqual(ALL_STEPS);
      const { stoppedAt, resumedAt } = lab.lastMove();
      // One connection from the beginning to the end, and bytes go through it after the move.
      const { error, start, intervals, end } = JSON.parse(await client.out) as Measured;
      expect(error).toBeUndefined();
      expect(end.sum_received?.bytes).toBeGreaterThan(0);
      const since = resumedAt - start.timestamp.timesecs;
      expect(intervals.some(({ sum }) => sum.start > since && sum.bytes > 0)).toBe(true);
      const answers = answersOf(await pings.end());
      expect(answers.some((at) => at < stoppedAt)).toBe(true);
      expect(answers.some((at) => at > resumedAt)).toBe(true);

      expect(await lab.vnics()).toEqual(before);
      const status = JSON.parse(await lab.ask('get', 'vm', 'shop', '-o', 'json')) as { host: string };
      expect(status.host).toBe(destination);
      await everybodyReachesIt(lab);
      expect(await answersTcp(lab, 5201)).toBe(true);
      expect(await answersTcp(lab, 5202)).toBe(false);
    }
  },
);

itWithGuests('a machine of QEMU whose QEMU ends is where it was, or is said to have ended', async () => {
  const lab = new LabUnderTest();
  await lab.up('--qemu', 'shop');
  const part = (host: string) => ({ lab: lab.name, part: `qemu/shop/${host}` });
  // That of the destination ends before the machine runs there: wherever that is, it goes on here.
  const moved = lab.tell('vm', 'migrate', 'shop', '--to', 'host2');
  await until('QEMU at the destination', () => running(part('host2')).length > 0);
  await kill(running(part('host2')));
  const { code, err } = await moved;
  expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('shop') });
  await until('it is ready again', async () => (await lab.state()).ready);
  expect(await lab.state()).toMatchObject({ host: 'host1' });
  await everybodyReachesIt(lab);

  // That of the source ends while everybody waits for the hypervisor, which this time is late.
  const [hypervisor] = running({ lab: lab.name, part: 'follow' });
  if (!hypervisor) throw new Error('nobody follows the machines');
  process.kill(hypervisor.pid, 'SIGSTOP');
  const waiting = lab.tell('vm', 'migrate', 'shop', '--to', 'host2');
  await until('the move has begun', async () => (await lab.steps()).includes('move: running'));
  await kill(running(part('host1')));
  process.kill(hypervisor.pid, 'SIGCONT');
  const why = 'QEMU has ended on host1';
  expect(await waiting).toMatchObject({ code: 1, err: expect.stringContaining(why) });
  expect(await lab.state()).toMatchObject({ ready: false, ended: expect.stringContaining(why) });
  expect(await lab.ask('lab', 'status', '--name', lab.name)).toContain(why);
});

itWithNamespaces(
  'a VM that is a namespace moves too, with a connection through it',
  async () => {
    const lab = new LabUnderTest();
    await lab.up();
    await everybodyReachesIt(lab);
    const before = await lab.vnics();
    const server = lab.begin('shop', 'iperf3', '-s', '-1');
    await until('iperf3 listens', async () => /:5201\b/.test((await lab.inside('shop', 'ss', '-ltn')).out));
    const client = lab.begin('far', 'iperf3', '-c', '10.0.0.5', '-t', '8', '-i', '1', '-J');
    await lab.ask('vm', 'migrate', 'shop', '--to', 'host2');
    expect(await lab.steps()).toEqual(ALL_STEPS);
    const { error, end } = JSON.parse(await client.out) as Measured;
    expect(error).toBeUndefined();
    expect(end.sum_received?.bytes).toBeGreaterThan(0);
    await server.out;
    expect(await lab.vnics()).toEqual(before);
    await everybodyReachesIt(lab);
  },
  300_000,
  TOOLS,
);
