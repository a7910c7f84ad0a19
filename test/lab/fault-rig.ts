/**
 * examples/blue-red.yaml as a lab, with traffic across it while something is broken: from blue1 (host1) to blue2 (host2) a
 * stream that is allowed, and beside it what must never arrive.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { openRealLab } from '../../src/cli/lab-options.ts';
import type { AgentStatus } from '../../src/host/status/status.ts';
import type { ControllerAccess } from '../../src/lab/real/controller-access.ts';
import { type FailureKind, failureOf } from '../../src/lab/real/fail.ts';
import { namespaceName } from '../../src/lab/real/names.ts';
import { ovsOf, stateOf } from '../../src/lab/real/parts.ts';
import { fabricPlace } from '../../src/lab/real/physical-switches.ts';
import { readMachines } from '../../src/lab/real/place.ts';
import type { HostPlan, LabPlan } from '../../src/lab/real/plan.ts';
import { running } from '../../src/lab/real/processes.ts';
import type { LabMachine, VmDriver } from '../../src/lab/real/vm-driver.ts';
import { parseDocuments } from '../../src/model/input.ts';
import { netloom } from '../e2e/program.ts';
import { command } from '../ovs/namespaces.ts';
import { inNamespace } from '../ovs/open-vswitch.ts';
import { type Received, type Sent, type Stream, Traffic } from '../support/traffic.ts';
import { type LabUnderTest, withRealLab } from './lab-under-test.ts';

/** Of the stream that is allowed; the others are forbidden. */
const ALLOWED = 1;
const DENIED_PORT = 7001;

const BLUE2 = '- { vmNetwork: Blue, addresses: [10.0.0.7] }';
const TEXT = `${readFileSync(new URL('../../examples/blue-red.yaml', import.meta.url), 'utf8').replace(
  BLUE2,
  BLUE2.replace(' }', ', acls: [closed] }'),
)}
---
kind: PortAcl
name: closed
rules:
  - { name: closed, direction: inbound, action: deny, priority: 100, protocol: udp, localPorts: ${DENIED_PORT} }
`;

/** What came of the traffic. */
export interface Outcome {
  /** Frames that are allowed. */
  readonly sent: number;
  /** Those that did not arrive, less `overrun`. */
  readonly lost: number;
  /**
   * Frames that a switch did not take out of its socket in time, because this machine had no processor for it (the kernel
   * counts them at the socket): the datapath in user space has room for 200 milliseconds of this traffic. Of all streams together.
   */
  readonly overrun: number;
  /** Numbers of the first frames that did not arrive. */
  readonly missing: readonly number[];
  readonly doubled: number;
  /** Frames that are forbidden, and were sent all the same. */
  readonly tried: number;
  /** Those of them that arrived. */
  readonly leaked: number;
}

/** Everything of the lab, and the traffic that runs while `use` does. */
export async function withTraffic(use: (rig: FaultRig) => Promise<void>): Promise<void> {
  await withRealLab(TEXT, async (lab) => {
    const { plan, driverOfVms, controller } = await openRealLab({ name: lab.name });
    const rig = new FaultRig(lab, plan, driverOfVms, controller);
    try {
      await rig.begin();
      await use(rig);
    } finally {
      rig.kill();
    }
  });
}

export class FaultRig {
  readonly lab: LabUnderTest;
  readonly plan: LabPlan;
  readonly driver: VmDriver;
  readonly controller: ControllerAccess;
  #senders: Traffic<Sent>[] = [];
  #receiver: Traffic<Received> | undefined;
  #overrunBefore = 0;

  constructor(lab: LabUnderTest, plan: LabPlan, driver: VmDriver, controller: ControllerAccess) {
    this.lab = lab;
    this.plan = plan;
    this.driver = driver;
    this.controller = controller;
  }

  host(name: string): HostPlan {
    const host = this.plan.hosts.find((each) => each.name === name);
    if (!host) throw new Error(`no host ${name}`);
    return host;
  }

  machine(key: string): LabMachine {
    const machine = readMachines(this.plan.name).find((each) => each.key === key);
    if (!machine) throw new Error(`no machine ${key}`);
    return machine;
  }

  /** Starts the traffic. */
  async begin(): Promise<void> {
    const [blue1, blue2, red1] = ['blue1', 'blue2', 'red1'].map((key) => this.#portOf(key));
    if (!blue1 || !blue2 || !red1) throw new Error('three machines');
    const toBlue2 = { dstMac: blue2.mac, dst: '10.0.0.7', port: 7000 };
    const fromBlue1 = { ...toBlue2, srcMac: blue1.mac, src: '10.0.0.5', perSecond: 100 };
    const streams: readonly Stream[] = [
      { ...fromBlue1, stream: ALLOWED, perSecond: 1000 },
      { ...fromBlue1, stream: 2, port: DENIED_PORT },
      { ...fromBlue1, stream: 3, src: '10.0.0.66' },
      { ...fromBlue1, stream: 4, srcMac: '00:1d:d8:b7:1c:ee' },
    ];
    // Of another tenant, who has the same addresses.
    const foreign: Stream = { ...toBlue2, stream: 5, srcMac: red1.mac, src: '10.0.0.5', perSecond: 100 };
    // From here on nothing may be lost; whether the very first frame arrives is the subject of another test.
    await comes('blue1 reaches blue2', async () => {
      const { code } = await this.lab.inside('blue1', 'ping', '-n', '-c1', '-W1', '10.0.0.7');
      return code === 0;
    });
    this.#overrunBefore = await this.#overruns();
    this.#receiver = await Traffic.receive(this.#namespaceOf('blue2'), 'eth0');
    this.#senders = [
      await Traffic.send(this.#namespaceOf('blue1'), 'eth0', streams),
      await Traffic.send(this.#namespaceOf('red1'), 'eth0', [foreign]),
    ];
    await this.flows();
  }

  /** Waits until frames arrive that were not sent before now. */
  async flows(): Promise<void> {
    const before = await this.received();
    await comes('the traffic goes on', async () => (await this.received()) > before + 100);
  }

  /** Frames that are allowed and have arrived. */
  async received(): Promise<number> {
    return (await this.#receiver?.report())?.get(ALLOWED)?.received ?? 0;
  }

  /** Milliseconds for which nothing has arrived, since it was asked last. */
  async longestGap(): Promise<number> {
    return (await this.#receiver?.mark())?.get(ALLOWED)?.longestGapMs ?? 0;
  }

  /** Ends the traffic. */
  async outcome(): Promise<Outcome> {
    const sent = new Map<number, Sent>();
    for (const sender of this.#senders)
      for (const [stream, each] of await sender.stop()) sent.set(stream, each);
    // What is under way arrives, or never does.
    for (let before = -1; before !== (await this.received()); await sleep(300))
      before = await this.received();
    const received = (await this.#receiver?.stop()) ?? new Map<number, Received>();
    this.#senders = [];
    this.#receiver = undefined;
    const allowed = sent.get(ALLOWED)?.sent ?? 0;
    const overrun = (await this.#overruns()) - this.#overrunBefore;
    if (overrun > 0) console.info(`${overrun} frames found a switch without a processor`);
    if (allowed !== received.get(ALLOWED)?.received)
      console.info(`missing: ${received.get(ALLOWED)?.missing ?? []}`, await this.#dropped());
    const forbidden = [...sent.keys()].filter((stream) => stream !== ALLOWED);
    const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
    return {
      sent: allowed,
      lost: Math.max(0, allowed - (received.get(ALLOWED)?.received ?? 0) - overrun),
      overrun,
      missing: received.get(ALLOWED)?.missing ?? [],
      doubled: received.get(ALLOWED)?.doubled ?? 0,
      tried: sum(forbidden.map((stream) => sent.get(stream)?.sent ?? 0)),
      leaked: sum(forbidden.map((stream) => received.get(stream)?.received ?? 0)),
    };
  }

  kill(): void {
    for (const traffic of [...this.#senders, ...(this.#receiver ? [this.#receiver] : [])]) traffic.kill();
  }

  async breaks(kind: FailureKind, name: string): Promise<void> {
    await failureOf(this.plan, this.driver, kind, name).begin();
  }

  async mends(kind: FailureKind, name: string): Promise<void> {
    await failureOf(this.plan, this.driver, kind, name).end();
  }

  /** A change of the policy; does not wait until it is in force. */
  async change(text: string): Promise<void> {
    const { objects } = parseDocuments(text, 'change');
    await this.controller.apply(objects.map(({ object }) => object));
  }

  /** As the hypervisor does when the switch does not know its tap any more. */
  async plug(key: string): Promise<void> {
    const machine = this.machine(key);
    for (const { tap, port } of machine.nics)
      await this.ovs(
        machine.host,
        'ovs-vsctl',
        ...['--timeout=20', 'add-port', 'nlplug0', tap],
        ...['--', 'set', 'Interface', tap, `external_ids:iface-id=${port.id}`],
      );
  }

  /** Asks for an address as one who has one (RFC 2131, 4.3.2), and has it confirmed. */
  async renews(key: string): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), 'netloom-dhcp-'));
    const at = (name: string) => join(folder, name);
    const client = ['dhclient', '-4', '-1', '-v', '-lf', at('leases'), '-pf', at('pid'), '-sf', '/bin/true'];
    const ask = async (...more: readonly string[]) =>
      (await this.lab.inside(key, ...client, ...more, 'eth0')).err;
    try {
      writeFileSync(at('leases'), '');
      expect(await ask()).toMatch(/DHCPDISCOVER[\s\S]*DHCPACK of 10\.0\.0\.5/);
      await this.#endClient(at('pid'));
      const renewed = await ask();
      expect(renewed).toMatch(/DHCPREQUEST[\s\S]*DHCPACK of 10\.0\.0\.5/);
      expect(renewed).not.toContain('DHCPDISCOVER');
    } finally {
      await this.#endClient(at('pid'));
      rmSync(folder, { recursive: true });
    }
  }

  /** Whether the switch has looked at frames that come by this port. */
  async sees(host: string, port: string): Promise<boolean> {
    const seen = await this.ovs(host, 'ovs-appctl', 'dpctl/dump-flows', '--names');
    return seen.includes(`in_port(${port})`);
  }

  async #endClient(pidFile: string): Promise<void> {
    const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8')) : 0;
    if (pid > 1) process.kill(pid, 'SIGTERM');
    await comes('the DHCP client has ended', async () => pid <= 1 || !existsSync(`/proc/${pid}`));
    rmSync(pidFile, { force: true });
  }

  /** Process of a program of the host; fails where there is not one. What it runs itself, `ip` for a moment, bears its mark too. */
  pidOf(part: 'agent' | 'ovs' | 'ovsdb', host: string): number {
    const pids = running({ lab: this.plan.name, part: `${part}/${host}` }).map(({ pid }) => pid);
    const [first, ...more] = pids.filter((pid) => !pids.includes(parentOf(pid)));
    expect(more).toEqual([]);
    if (first === undefined) throw new Error(`no ${part} runs on ${host}`);
    return first;
  }

  /** What an agent says of itself; throws where there is none. */
  async status(host: string): Promise<Pick<AgentStatus, 'controller' | 'policy' | 'troubles' | 'drift'>> {
    const { out } = await netloom(['agent', 'status', '--state', stateOf(this.host(host)), '-o', 'json']);
    return JSON.parse(out) as AgentStatus;
  }

  /** Waits until the agent has the controller's policy in force and finds nothing else than that on its host. */
  async settles(host: string): Promise<void> {
    await comes(`the agent of ${host} has settled`, async () => {
      const status = await this.status(host).catch(() => undefined);
      if (!status) return false;
      const { controller, policy, troubles, drift } = status;
      const isInForce = controller.state === 'connected' && policy.inForce === policy.revision;
      return isInForce && policy.inForce > 0 && troubles.length === 0 && drift.length === 0;
    });
  }

  /** The tools of Open vSwitch, on a host. */
  async ovs(host: string, tool: string, ...args: readonly string[]): Promise<string> {
    const { namespace, runDirectory } = this.host(host);
    return command(...inNamespace(namespace), 'env', `OVS_RUNDIR=${runDirectory}`, tool, ...args);
  }

  /** The bridge of the host's logical switch. */
  async bridge(host: string): Promise<string> {
    const bridges = (await this.ovs(host, 'ovs-vsctl', 'list-br')).split('\n');
    const [bridge] = bridges.filter((each) => /^nlb[0-9a-f]+$/.test(each));
    if (bridge === undefined) throw new Error(`no bridge on ${host}`);
    return bridge;
  }

  /** All flows of that bridge as text, without their counters: sorted, to be compared. */
  async dump(host: string): Promise<string[]> {
    const { runDirectory } = ovsOf(this.plan, this.host(host));
    const socket = `unix:${runDirectory}/${await this.bridge(host)}.mgmt`;
    const text = await this.ovs(
      host,
      'ovs-ofctl',
      '-O',
      'OpenFlow15',
      '--no-stats',
      '--no-names',
      'dump-flows',
      socket,
    );
    return text
      .split('\n')
      .filter((line) => line.includes('actions='))
      .map((line) => line.trim())
      .sort();
  }

  /** Waits until the bridge has these flows and no others. */
  async hasFlows(host: string, wanted: readonly string[]): Promise<void> {
    let now: readonly string[] = [];
    await comes(`${host} has the flows that it should`, async () => {
      now = await this.dump(host);
      return JSON.stringify(now) === JSON.stringify(wanted);
    }).catch(() => expect(now).toEqual(wanted));
  }

  /** Frames that the sockets of the switches had no room for; sockets that are gone have taken their count with them. */
  async #overruns(): Promise<number> {
    const places = [this.plan.fabric, ...this.plan.hosts.map(({ namespace }) => namespace)];
    const all = await Promise.all(
      places.map((namespace) => command(...inNamespace(namespace), 'ss', '-0', '-m', '-n')),
    );
    return [...all.join('\n').matchAll(/,d(\d+)\)/g)].reduce((sum, [, dropped]) => sum + Number(dropped), 0);
  }

  /** What each switch says that it dropped since it started, for whoever wonders where a frame went. */
  async #dropped(): Promise<string> {
    const hosts = this.plan.hosts.map(({ namespace, runDirectory }) => ({ namespace, runDirectory }));
    const places = [fabricPlace(this.plan), ...hosts];
    const texts = places.map(async ({ namespace, runDirectory }) => {
      const rundir = `OVS_RUNDIR=${runDirectory}`;
      const text = await command(...inNamespace(namespace), 'env', rundir, 'ovs-appctl', 'coverage/show');
      return `${namespace}\n${text
        .split('\n')
        .filter((line) => /drop|lost|upcall/.test(line))
        .join('\n')}`;
    });
    return (await Promise.all(texts)).join('\n');
  }

  #portOf(key: string) {
    return this.machine(key).nics[0]?.port;
  }

  #namespaceOf(key: string): string {
    return namespaceName(this.plan.name, 'vm', key);
  }
}

/** 0 for a process that has ended. */
function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}

/** Waits until something is so. */
export async function comes(what: string, isSo: () => Promise<boolean>, limit = 60_000): Promise<void> {
  for (const end = performance.now() + limit; !(await isSo()); await sleep(50))
    if (performance.now() > end) throw new Error(`it does not come about that ${what}`);
}
