/**
 * Real hosts, as an administrator has them: a controller, tokens, two machines that join, and Open vSwitch below them. Each is a
 * network namespace; only the commands of `netloom` are used.
 *
 *     ctl --mg1-- host1 --nic1---nic1-- host2 --mg2-- ctl
 *                   |                     |
 *                 blue1                 blue2
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { AgentStatus } from '../../src/host/status/status.ts';
import { untilIsSo } from '../support/until.ts';
import { command, Namespaces } from './namespaces.ts';
import { inNamespace, type OpenVswitch, startOpenVswitch } from './open-vswitch.ts';

export const PROGRAM = fileURLToPath(new URL('../../bin/netloom.js', import.meta.url));
const EXAMPLE = fileURLToPath(new URL('../../examples/blue-red.yaml', import.meta.url));
/** A user and a group that own nothing on this machine. */
const NOBODY = 64_242;
/** Milliseconds that a command may take. */
export const LIMIT = 60_000;

/** What came of a command. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Two capabilities and a user of its own, as the unit has it (packaging/netloom-agent.service). */
export const UNPRIVILEGED = [
  ...['setpriv', '--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups', '--no-new-privs'],
  ...['bounding-set', 'inh-caps', 'ambient-caps'].map((set) => `--${set}=-all,+net_admin,+net_raw`),
];

/** The controller `ctl`, and the hosts. */
export class World {
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

  /** Waits until the agent of a host says of itself what is so. */
  async until(host: string, isSo: (status: AgentStatus) => boolean): Promise<AgentStatus> {
    const look = () => this.status(host);
    const is = (status: AgentStatus | undefined) => status !== undefined && isSo(status);
    const status = await untilIsSo(`what it should be on ${host}`, look, is).catch((error) => {
      throw new Error(`The log of ${host}:\n${this.logs.get(host)}`, { cause: error });
    });
    if (status === undefined) throw new Error('it has been there');
    return status;
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

/** All of it while `use` runs. */
export async function withWorld(use: (world: World) => Promise<void>): Promise<void> {
  const world = new World();
  try {
    await world.start();
    await use(world);
  } finally {
    await world.stop();
  }
}
