/** examples/blue-red.yaml as a lab with traffic across it (lab-traffic.ts), and what breaks it and looks at it. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { askStatus } from '../../src/host/status/socket.ts';
import type { AgentStatus } from '../../src/host/status/status.ts';
import type { ControllerAccess } from '../../src/lab/real/controller-access.ts';
import { type FailureKind, failureOf } from '../../src/lab/real/fail.ts';
import { ovsOf, stateOf } from '../../src/lab/real/parts.ts';
import { readMachines } from '../../src/lab/real/place.ts';
import type { HostPlan, LabPlan } from '../../src/lab/real/plan.ts';
import { running } from '../../src/lab/real/processes.ts';
import type { LabMachine, VmDriver } from '../../src/lab/real/vm-driver.ts';
import { parseDocuments } from '../../src/model/input.ts';
import { command } from '../ovs/namespaces.ts';
import { inNamespace } from '../ovs/open-vswitch.ts';
import { type Found, until, untilIsSo } from '../support/until.ts';
import { DENIED_PORT, LabTraffic, type Outcome } from './lab-traffic.ts';
import { type LabUnderTest, withRealLab } from './lab-under-test.ts';

/** How often a round is tried in which the machine had no processor for a switch. */
const TRIES = 3;

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

/** The lab with its traffic while `use` runs; `signal`: of the test. */
export async function withTraffic(signal: AbortSignal, use: (rig: FaultRig) => Promise<void>): Promise<void> {
  await withRealLab(
    TEXT,
    async (lab) => {
      const rig = new FaultRig(lab, signal);
      try {
        await rig.begin();
        await use(rig);
      } finally {
        rig.traffic.kill();
      }
    },
    signal,
  );
}

export class FaultRig {
  readonly lab: LabUnderTest;
  readonly plan: LabPlan;
  readonly driver: VmDriver;
  readonly controller: ControllerAccess;
  readonly traffic: LabTraffic;
  /** Of the test; ends all waiting. */
  readonly signal: AbortSignal;

  constructor(lab: LabUnderTest, signal: AbortSignal) {
    this.lab = lab;
    this.plan = lab.plan;
    this.driver = lab.driverOfVms;
    this.controller = lab.controller;
    this.traffic = new LabTraffic(lab.plan, signal);
    this.signal = signal;
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

  /** Starts the traffic. From here on nothing may be lost; whether the very first frame arrives is the subject of another test. */
  async begin(): Promise<void> {
    await this.comes('blue1 reaches blue2', () => this.reaches('blue1', '10.0.0.7'));
    await this.traffic.begin();
  }

  /**
   * Does something while the traffic runs, and looks that each frame that is allowed came once, and none that is forbidden.
   * Where frames are lost and the kernel says that a switch did not fetch some, nobody can tell which: then it is done again.
   */
  async losesNothing(round: () => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      if (!this.traffic.isRunning) await this.begin();
      await round();
      const outcome = await this.traffic.end();
      expect(outcome).toMatchObject({ doubled: 0, leaked: 0 });
      const isInconclusive = outcome.lost > 0 && outcome.overrun > 0;
      if (!isInconclusive || tries === TRIES) {
        expect(outcome, isInconclusive ? 'inconclusive each time' : 'lost').toMatchObject({ lost: 0 });
        return;
      }
      const { lost, overrun } = outcome;
      console.warn(
        `INCONCLUSIVE: ${lost} frames lost, ${overrun} found a switch without a processor; once more`,
      );
    }
  }

  /** Ends the traffic: nothing came twice, nothing that is forbidden came. The answer is what else came of it. */
  async letsNothingThrough(): Promise<Outcome> {
    const outcome = await this.traffic.end();
    expect(outcome).toMatchObject({ doubled: 0, leaked: 0 });
    return outcome;
  }

  /** Waits until something is there, or so. */
  comes<T>(what: string, look: () => T | Promise<T>): Promise<Found<T>> {
    return until(what, look, { signal: this.signal });
  }

  /** Whether a ping from this machine is answered. */
  async reaches(machine: string, address: string): Promise<boolean> {
    const { code } = await this.lab.inside(machine, 'ping', '-n', '-c1', '-W1', address);
    return code === 0;
  }

  async breaks(kind: FailureKind, name: string): Promise<void> {
    await failureOf(this.plan, this.driver, kind, name).begin();
    // What an agent had started in that moment, `ip`, ends by itself; whoever starts the agent again would take it for one.
    if (kind === 'agent') await this.comes(`no agent on ${name}`, () => this.isGone('agent', name));
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
        // ovs-vsctl may do it twice, when it does not learn what came of the first time.
        ...['--timeout=20', '--if-exists', 'del-port', tap, '--', 'add-port', 'nlplug0', tap],
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
    await this.comes('the DHCP client has ended', () => pid <= 1 || !existsSync(`/proc/${pid}`));
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

  /** Whether nothing of a program of the host runs, nor of what it has started itself. */
  isGone(part: 'agent' | 'ovs' | 'ovsdb', host: string): boolean {
    return running({ lab: this.plan.name, part: `${part}/${host}` }).length === 0;
  }

  /** What an agent says of itself; throws where there is none. */
  status(host: string): Promise<AgentStatus> {
    return askStatus(stateOf(this.host(host)));
  }

  /** Waits until the agent has the controller's policy in force and finds nothing else than that on its host. */
  async settles(host: string, signal = this.signal): Promise<void> {
    const isSettled = (status: AgentStatus | undefined) => {
      if (!status) return false;
      const { controller, policy, troubles, drift } = status;
      const isInForce = controller.state === 'connected' && policy.inForce === policy.revision;
      return isInForce && policy.inForce > 0 && troubles.length === 0 && drift.length === 0;
    };
    const ask = () => this.status(host).catch(() => undefined);
    await untilIsSo(`the agent of ${host} at rest`, ask, isSettled, { signal });
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
  async hasFlows(host: string, wanted: readonly string[], signal = this.signal): Promise<void> {
    let now: readonly string[] = [];
    const look = async () => {
      now = await this.dump(host);
      return JSON.stringify(now) === JSON.stringify(wanted);
    };
    await until(`the flows of ${host}`, look, { signal }).catch((error: unknown) => {
      if (!signal.aborted) expect(now).toEqual(wanted);
      throw error;
    });
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
