/**
 * `netloom vm migrate` on a lab: a machine of QEMU moves from one host to another with all that it does, and nobody who talks
 * to it has to begin again. examples/migration.yaml, where "shop" has a vNIC on each kind of network.
 */
import { type ChildProcess, execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect } from 'vitest';
import { netloom } from '../e2e/program.ts';
import { itWithNamespaces } from '../ovs/open-vswitch.ts';
import { whyNoGuests } from '../qemu/guest.ts';
import { itUnless } from '../support/required.ts';
import { until } from '../support/until.ts';
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

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

interface Vnic {
  readonly id: string;
  readonly mac: string;
  readonly vsid?: number;
  readonly addresses: readonly string[];
}

class LabUnderTest {
  readonly name = `t${randomInt(36 ** 6).toString(36)}`;
  readonly #data = { env: { NETLOOM_DATA: `/run/netloom/lab-${this.name}/controller` } };

  async up(...options: readonly string[]): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'netloom-migration-'));
    const file = join(folder, 'lab.yaml');
    undo.push(async () => {
      await netloom(['lab', 'down', '--name', this.name]);
      rmSync(folder, { recursive: true });
      expect(leftoversOf(this.name)).toEqual([]);
    });
    const withAcl = EXAMPLE.replace('addresses: [10.0.0.5] }', 'addresses: [10.0.0.5], acls: [shop] }');
    expect(withAcl).not.toBe(EXAMPLE);
    writeFileSync(file, `${withAcl}${ACL}`);
    const ended = await netloom(['lab', 'up', '--name', this.name, ...options, '--', file]);
    expect(ended, ended.err).toMatchObject({ code: 0 });
  }

  /** A command of `netloom` with this lab's controller, that is to succeed; what it prints. */
  async ask(...args: readonly string[]): Promise<string> {
    const ended = await netloom(args, this.#data);
    expect(ended, ended.err).toMatchObject({ code: 0 });
    return ended.out;
  }

  /** A command in a VM or on a host. */
  inside(place: string, ...command: readonly string[]) {
    return netloom(['lab', 'exec', '--name', this.name, place, '--', ...command]);
  }

  /** A command in a VM that is a namespace, beside what else happens; what it prints when it is over. */
  begin(
    vm: string,
    ...command: readonly string[]
  ): { readonly out: Promise<string>; readonly child: ChildProcess } {
    const { promise, resolve } = Promise.withResolvers<string>();
    const args = ['netns', 'exec', `nl-${this.name}-vm-${vm}`, ...command];
    const child = execFile('ip', args, { timeout: 60_000 }, (_error, out) => resolve(out));
    return { out: promise, child };
  }

  async reaches(vm: string, address: string): Promise<boolean> {
    const { code } = await this.inside(vm, 'ping', '-c', '3', '-i', '0.2', '-W', '2', address);
    return code === 0;
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
  for (const peer of ['near', 'there', 'far'])
    for (const [network, address] of Object.entries(NETWORKS))
      expect(await lab.reaches(peer, address), `${peer} ${network}`).toBe(true);
}

/** Whether a TCP connection to this port of "shop" comes about. */
async function answersTcp(lab: LabUnderTest, port: number): Promise<boolean> {
  const { code } = await lab.inside('far', 'timeout', '3', 'bash', '-c', `: < /dev/tcp/10.0.0.5/${port}`);
  return code === 0;
}

const ALL_STEPS = ['prepare: succeeded', 'move: succeeded', 'switch over: succeeded', 'finish: succeeded'];

itUnless(
  (await whyNoGuests()) ?? (process.getuid?.() === 0 ? undefined : 'not root'),
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
      const client = lab.begin('far', 'iperf3', '-c', '10.0.0.5', '-t', '12', '-i', '1', '-J');
      const pings = lab.begin('near', 'ping', '-n', '-i', '0.01', '-w', '10', '172.16.20.5');
      expect(await lab.ask('vm', 'migrate', 'shop', '--to', destination)).toContain('shop has moved');
      expect(await lab.steps()).toEqual(ALL_STEPS);
      const [measured, pinged] = await Promise.all([client.out, pings.out]);
      const result = JSON.parse(measured) as {
        error?: string;
        intervals: readonly { sum: { bytes: number } }[];
        end: { sum_received?: { bytes: number } };
      };
      // One connection from the beginning to the end, and it goes on in every second after the move.
      expect(result.error).toBeUndefined();
      expect(result.end.sum_received?.bytes).toBeGreaterThan(0);
      expect(result.intervals.slice(-3).every(({ sum }) => sum.bytes > 0)).toBe(true);
      // No more is lost than what came while the machine stood still.
      const [, sent, received] = /(\d+) packets transmitted, (\d+) received/u.exec(pinged) ?? [];
      expect(Number(received)).toBeGreaterThan(0.8 * Number(sent));

      expect(await lab.vnics()).toEqual(before);
      const status = JSON.parse(await lab.ask('get', 'vm', 'shop', '-o', 'json')) as { host: string };
      expect(status.host).toBe(destination);
      await everybodyReachesIt(lab);
      expect(await answersTcp(lab, 5201)).toBe(true);
      expect(await answersTcp(lab, 5202)).toBe(false);
    }
  },
  300_000,
);

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
    const result = JSON.parse(await client.out) as {
      error?: string;
      end: { sum_received?: { bytes: number } };
    };
    expect(result.error).toBeUndefined();
    expect(result.end.sum_received?.bytes).toBeGreaterThan(0);
    await server.out;
    expect(await lab.vnics()).toEqual(before);
    await everybodyReachesIt(lab);
  },
  300_000,
  ['iperf3'],
);
