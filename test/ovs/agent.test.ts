/**
 * The agent of real hosts, as an administrator has it: a controller, tokens, two machines that join, and Open vSwitch below
 * them. Each is a network namespace; only the commands of `netloom` are used.
 *
 *     ctl --mg1-- host1 --nic1---nic1-- host2 --mg2-- ctl
 *                   |                     |
 *                 blue1                 blue2
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import type { Check } from '../../src/host/doctor/check.ts';
import type { AgentStatus } from '../../src/host/status/status.ts';
import { command, Namespaces } from './namespaces.ts';
import { inNamespace, itWithNamespaces, type OpenVswitch, startOpenVswitch } from './open-vswitch.ts';

const PROGRAM = fileURLToPath(new URL('../../bin/netloom.js', import.meta.url));
const EXAMPLE = fileURLToPath(new URL('../../examples/blue-red.yaml', import.meta.url));
/** A user and a group that own nothing on this machine. */
const NOBODY = 64_242;
const LIMIT = 60_000;

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Two capabilities and a user of its own, as the unit has it (packaging/netloom-agent.service). */
const UNPRIVILEGED = [
  ...['setpriv', '--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups', '--no-new-privs'],
  ...['bounding-set', 'inh-caps', 'ambient-caps'].map((set) => `--${set}=-all,+net_admin,+net_raw`),
];

class World {
  readonly namespaces = new Namespaces();
  readonly directory = mkdtempSync(join(tmpdir(), 'netloom-hosts-'));
  readonly #switches: OpenVswitch[] = [];
  readonly #running = new Set<ChildProcess>();
  readonly #programs = new Map<string, ChildProcess>();
  readonly ovs = new Map<string, OpenVswitch>();
  readonly logs = new Map<string, string>();

  /** Runs the program in a namespace to its end. */
  async run(namespace: string, args: readonly string[], as: readonly string[] = []): Promise<Ended> {
    const [tool = '', ...rest] = [...this.#at(namespace), ...as, process.execPath, PROGRAM, ...args];
    return new Promise((resolve) => {
      execFile(tool, rest, { timeout: LIMIT, env: this.#environment() }, (error, out, err) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, out, err }),
      );
    });
  }

  /** A command at the controller, which has to succeed. */
  async controller(...args: readonly string[]): Promise<string> {
    const { code, out, err } = await this.run('ctl', [...args, '--data', join(this.directory, 'ctl')]);
    expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
    return out;
  }

  async start(): Promise<void> {
    chmodSync(this.directory, 0o755);
    for (const name of ['ctl', 'host1', 'host2']) await this.namespaces.add(name);
    const at = (name: string) => this.namespaces.name(name);
    await this.namespaces.cable(
      { in: at('host1'), name: 'nic1', mac: 'aa:55:aa:55:00:11' },
      { in: at('host2'), name: 'nic1', mac: 'aa:55:aa:55:00:22' },
    );
    for (const n of [1, 2]) {
      const host = at(`host${n}`);
      await this.namespaces.cable(
        { in: host, name: 'mgmt', mac: `aa:55:aa:55:01:${n}${n}` },
        { in: at('ctl'), name: `mg${n}` },
      );
      for (const [where, nic] of [
        [host, 'mgmt'],
        [host, 'nic1'],
        [at('ctl'), `mg${n}`],
      ] as const)
        await command(...inNamespace(where), 'ethtool', '-K', nic, 'tx', 'off');
      await command('ip', '-n', host, 'address', 'add', `10.77.${n}.11/24`, 'dev', 'mgmt');
      await command('ip', '-n', host, 'route', 'add', 'default', 'via', `10.77.${n}.1`);
      await command('ip', '-n', at('ctl'), 'address', 'add', `10.77.${n}.1/24`, 'dev', `mg${n}`);
      await this.#startSwitch(`host${n}`);
    }
    const controller = this.#spawn('ctl', [
      process.execPath,
      PROGRAM,
      'controller',
      '--data',
      join(this.directory, 'ctl'),
      '--agents',
      '0.0.0.0:7301',
    ]);
    this.#programs.set('ctl', controller);
    await new Promise<void>((resolve, reject) => {
      let said = '';
      controller.stdout?.on('data', (chunk) => {
        said += chunk;
        if (said.includes('Stop with')) resolve();
      });
      controller.once('exit', () => reject(new Error(`the controller ended: ${said}`)));
    });
    await this.controller('apply', '-f', EXAMPLE);
  }

  async join(host: 'host1' | 'host2'): Promise<Ended> {
    const url = `https://10.77.${host.at(-1)}.1:7301`;
    const token = await this.controller('host', 'token', host, '--controller', url);
    const ended = await this.run(host, ['agent', 'join', token.trim(), '--state', this.state(host)]);
    if (host === 'host2') {
      chownSync(this.state(host), NOBODY, NOBODY);
      for (const name of readdirSync(this.state(host)))
        chownSync(join(this.state(host), name), NOBODY, NOBODY);
    }
    return ended;
  }

  state(host: string): string {
    return join(this.directory, host);
  }

  /**
   * Begins the agent of a host, host2's without being root, and waits until the policy is in force. `isAlone`: no controller is
   * there.
   */
  async agent(host: string, { isAlone = false } = {}): Promise<void> {
    const as = host === 'host2' ? UNPRIVILEGED : [];
    const child = this.#spawn(host, [
      ...as,
      process.execPath,
      PROGRAM,
      'agent',
      'run',
      '--state',
      this.state(host),
      '--ovs-rundir',
      this.ovs.get(host)?.directory ?? '',
    ]);
    this.#programs.set(host, child);
    child.stderr?.on('data', (chunk) => this.logs.set(host, (this.logs.get(host) ?? '') + chunk));
    await this.until(
      host,
      ({ controller, policy }) =>
        (isAlone || controller.state === 'connected') &&
        policy.revision > 0 &&
        policy.inForce === policy.revision,
    );
  }

  /** The agent of a host, or the controller: `ctl`. */
  async kill(host: string, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#programs.get(host);
    if (!child) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  async status(host: string): Promise<AgentStatus | undefined> {
    const { code, out } = await this.run(host, [
      'agent',
      'status',
      '--state',
      this.state(host),
      '-o',
      'json',
    ]);
    return code === 0 ? (JSON.parse(out) as AgentStatus) : undefined;
  }

  async until(host: string, so: (status: AgentStatus) => boolean): Promise<AgentStatus> {
    for (const end = Date.now() + LIMIT; ; await sleep(200)) {
      const status = await this.status(host);
      if (status && so(status)) return status;
      if (Date.now() > end)
        throw new Error(`${host} does not get there: ${JSON.stringify(status)}\n${this.logs.get(host)}`);
    }
  }

  /** A machine behind a tap, as a hypervisor plugs it in: into the quarantine, with the id of its vNIC. */
  async plug(host: string, machine: string, mac: string, address: string): Promise<void> {
    const port = (await this.status(host))?.ports.find(({ name }) => name === `${machine}/eth0`);
    const inside = await this.namespaces.add(machine);
    await this.namespaces.cable(
      { in: inside, name: 'eth0', mac },
      { in: this.namespaces.name(host), name: `tap-${machine}` },
    );
    await command(...inNamespace(inside), 'ethtool', '-K', 'eth0', 'tx', 'off');
    await command('ip', '-n', inside, 'address', 'add', address, 'dev', 'eth0');
    await this.ovs
      .get(host)
      ?.vsctl(
        'add-port',
        'nlplug0',
        `tap-${machine}`,
        '--',
        'set',
        'interface',
        `tap-${machine}`,
        `external_ids:iface-id=${port?.id}`,
      );
    await this.until(host, ({ ports }) =>
      ports.some(
        ({ name, plugged, link }) => name === `${machine}/eth0` && plugged === true && link === true,
      ),
    );
  }

  /** How many of `count` pings, 100 a second, are answered. */
  async pings(from: string, to: string, count: number): Promise<number> {
    const out = await command(
      ...inNamespace(this.namespaces.name(from)),
      'ping',
      '-n',
      '-q',
      '-c',
      `${count}`,
      '-i',
      '0.01',
      '-W',
      '3',
      to,
    ).catch((error: { stdout?: string }) => error.stdout ?? '');
    return Number(/(\d+) received/.exec(out)?.[1]);
  }

  async stop(): Promise<void> {
    for (const child of this.#running) {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    for (const ovs of this.#switches) await ovs.stop();
    await this.namespaces.remove();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Its sockets are for the group of the agent (packaging/openvswitch-group.conf). */
  async #startSwitch(host: string): Promise<void> {
    const before = process.umask(0o007);
    try {
      const ovs = await startOpenVswitch({ namespace: this.namespaces.name(host) });
      this.#switches.push(ovs);
      this.ovs.set(host, ovs);
      for (const name of readdirSync(ovs.directory)) chownSync(join(ovs.directory, name), 0, NOBODY);
      chownSync(ovs.directory, 0, NOBODY);
      chmodSync(ovs.directory, 0o2750);
    } finally {
      process.umask(before);
    }
  }

  #spawn(namespace: string, args: readonly string[]): ChildProcess {
    const [tool = '', ...rest] = [...this.#at(namespace), ...args];
    const child = spawn(tool, rest, { env: this.#environment(), stdio: ['ignore', 'pipe', 'pipe'] });
    this.#running.add(child);
    child.once('exit', () => this.#running.delete(child));
    return child;
  }

  #at(namespace: string): readonly string[] {
    return inNamespace(this.namespaces.name(namespace));
  }

  #environment(): NodeJS.ProcessEnv {
    const { NETLOOM_DATA: _data, NETLOOM_SERVER: _server, NETLOOM_TOKEN: _token, ...rest } = process.env;
    return rest;
  }
}

async function withWorld(use: (world: World) => Promise<void>): Promise<void> {
  const world = new World();
  try {
    await world.start();
    await use(world);
  } finally {
    await world.stop();
  }
}

/** The management of host1 by a host vNIC in this VLAN. */
const managed = (vlan: number) => `
kind: Host
name: host1
group: Rack 1
managementNic: mgmt
managementAddresses: [10.77.1.11]
nics:
  - { name: nic1, physicalNetwork: Fabric, mac: aa:55:aa:55:00:11 }
  - { name: mgmt, physicalNetwork: Out of band, mac: aa:55:aa:55:01:11, speedMbps: 1000 }
providerAddresses: [{ logicalNetwork: Provider, address: 192.168.4.11 }]
---
kind: LogicalNetwork
name: Management
sameNameVmNetwork: true
---
kind: NetworkSite
name: Management
logicalNetwork: Management
hostGroups: [Rack 1]
subnets: [{ vlan: ${vlan}, prefix: 10.77.1.0/24 }]
---
kind: UplinkPortProfile
name: Management uplink
sites: [{ logicalNetwork: Management, site: Management }]
---
kind: LogicalSwitch
name: Management switch
uplinkMode: no-team
uplinkProfiles: [Management uplink]
---
kind: HostSwitch
host: host1
logicalSwitch: Management switch
nics: [mgmt]
uplinkProfile: Management uplink
hostVnics: [{ name: Management, vmNetwork: Management, inheritManagementNic: true }]
`;

describe('real hosts', () => {
  itWithNamespaces(
    'join, carry the traffic of machines, and lose no packet while their agent is killed and begins again',
    () =>
      withWorld(async (world) => {
        expect(await world.run('host1', ['agent', 'status', '--state', world.state('host1')])).toMatchObject({
          code: 1,
        });
        for (const host of ['host1', 'host2'] as const) {
          expect(await world.join(host)).toMatchObject({ code: 0, err: '' });
          await world.agent(host);
        }
        await world.plug('host1', 'blue1', '00:1d:d8:b7:1c:02', '10.0.0.5/24');
        await world.plug('host2', 'blue2', '00:1d:d8:b7:1c:03', '10.0.0.7/24');
        expect(await world.pings('blue1', '10.0.0.7', 10)).toBeGreaterThan(8);

        const pings = world.pings('blue1', '10.0.0.7', 1000);
        for (const host of ['host1', 'host2', 'host1', 'host2']) {
          await world.kill(host, host === 'host1' ? 'SIGKILL' : 'SIGTERM');
          await world.agent(host);
        }
        expect(await pings).toBe(1000);

        const first = await world.until('host1', ({ ports }) => ports.length > 0);
        expect(first).toMatchObject({ host: 'host1', drift: [], troubles: [] });
        expect(first.ports.map(({ name, plugged }) => [name, plugged])).toEqual([
          ['blue1/eth0', true],
          ['red1/eth0', false],
        ]);
        const doctor = await world.run(
          'host2',
          [
            'agent',
            'doctor',
            '-o',
            'json',
            '--state',
            world.state('host2'),
            '--ovs-rundir',
            world.ovs.get('host2')?.directory ?? '',
          ],
          UNPRIVILEGED,
        );
        const checks = JSON.parse(doctor.out) as Check[];
        expect(checks.filter(({ verdict }) => verdict === 'failed')).toEqual([]);
        expect(checks).toContainEqual(
          expect.objectContaining({
            name: 'path-mtu',
            verdict: 'ok',
            words: expect.stringContaining('1500'),
          }),
        );

        // A path that carries less than the fabric needs is found, with the size that fits.
        await command('ip', '-n', world.namespaces.name('host1'), 'link', 'set', 'nic1', 'mtu', '1450');
        const ill = await world.run('host2', [
          'agent',
          'doctor',
          '--state',
          world.state('host2'),
          '--ovs-rundir',
          world.ovs.get('host2')?.directory ?? '',
        ]);
        expect(ill.code).toBe(1);
        expect(ill.out).toContain('1500 are needed');
        await command('ip', '-n', world.namespaces.name('host1'), 'link', 'set', 'nic1', 'mtu', '1500');

        // As after a boot, while no controller is there: nothing passes until the last policy is in force again.
        const ovs = world.ovs.get('host1');
        await world.kill('ctl', 'SIGKILL');
        await world.kill('host1', 'SIGKILL');
        await ovs?.crash();
        await ovs?.restart();
        expect(await world.pings('blue1', '10.0.0.7', 10)).toBe(0);
        world.logs.delete('host1');
        await world.agent('host1', { isAlone: true });
        await expect.poll(() => world.pings('blue1', '10.0.0.7', 10), { timeout: LIMIT }).toBe(10);
        expect(world.logs.get('host1')).toContain('The policy on the disk is of revision');

        // And its agent sets everything again when Open vSwitch alone begins anew.
        await ovs?.crash();
        await ovs?.restart();
        await expect.poll(() => world.pings('blue1', '10.0.0.7', 10), { timeout: LIMIT }).toBe(10);
        await expect.poll(() => world.logs.get('host1')).toContain('Open vSwitch was started anew');
      }),
    300_000,
    ['ethtool', 'setpriv'],
  );

  itWithNamespaces(
    'keep a change of their management that works, and undo one that cuts them off',
    () =>
      withWorld(async (world) => {
        const reach = () => world.pings('ctl', '10.77.1.11', 3);
        const apply = async (vlan: number) => {
          const { code, err } = await new Promise<Ended>((resolve) => {
            const [tool = '', ...rest] = [
              ...inNamespace(world.namespaces.name('ctl')),
              process.execPath,
              PROGRAM,
              'apply',
              '-f',
              '-',
              '--data',
              join(world.directory, 'ctl'),
            ];
            const child = execFile(tool, rest, { timeout: LIMIT }, (error, out, err) =>
              resolve({ code: error ? 1 : 0, out, err }),
            );
            child.stdin?.end(managed(vlan));
          });
          expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
        };
        await world.join('host1');
        await world.agent('host1');

        await apply(0);
        const kept = await world.until('host1', ({ management }) => management?.state === 'host vNIC');
        expect(await reach()).toBe(3);
        const routes = await command('ip', '-n', world.namespaces.name('host1'), 'route', 'show', 'default');
        expect(routes).toContain(`dev ${kept.management?.device}`);

        await apply(7);
        await world.until('host1', ({ management }) => management?.state === 'on trial');
        expect(await reach()).toBe(0);
        const undone = await world.until('host1', ({ management }) => management?.failed !== undefined);
        await expect.poll(reach, { timeout: 30_000 }).toBe(3);
        expect(undone.policy.inForce).toBe(kept.policy.inForce);
        expect(undone.policy.findings.map(({ code }) => code)).toEqual(['management-lost']);

        // It is not tried again, not by an agent that begins anew either; and a change that is right is.
        await world.kill('host1', 'SIGKILL');
        world.logs.delete('host1');
        await apply(0);
        await world.agent('host1');
        expect(world.logs.get('host1')).not.toContain('undone in 30 s');

        // An agent that is killed in the middle of a trial: the next one undoes what it began.
        await apply(8);
        await world.until('host1', ({ management }) => management?.state === 'on trial');
        await world.kill('host1', 'SIGKILL');
        expect(await reach()).toBe(0);
        await apply(0);
        await world.agent('host1');
        expect(await reach()).toBe(3);
        expect(readFileSync(join(world.state('host1'), 'management'), 'utf8')).not.toContain('"trial"');
      }),
    300_000,
    ['ethtool'],
  );
});
