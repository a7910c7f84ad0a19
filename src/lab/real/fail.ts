/**
 * Failures on purpose, each with its end:
 *
 *     nic HOST/NIC     the NIC is dead: taken down on the host            | up again
 *     link PLACE/NIC   the cable of a host's NIC or of a VM's is pulled   | plugged in again
 *     agent HOST       kill -9                                            | started again
 *     ovs HOST         ovs-vswitchd: kill -9; its flows are gone          | started again
 *     ovsdb HOST       ovsdb-server: kill -9                              | started again, on the same database
 *     host HOST        power cut: programs killed, VMs and cables with it | cables, programs on the same disk, its VMs anew
 *     controller       kill -9                                            | started again, on the same data and address
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { finding, NetloomError } from '../../base/error.ts';
import { endOf } from './logs.ts';
import { MANAGEMENT_NIC } from './names.ts';
import { startDatabase, startSwitch } from './ovs-daemons.ts';
import {
  controllerData,
  controllerLog,
  logOf,
  ovsOf,
  startAgent,
  startController,
  startHost,
} from './parts.ts';
import { readMachines } from './place.ts';
import type { HostPlan, LabPlan } from './plan.ts';
import { kill, processesOf, running } from './processes.ts';
import { run } from './run.ts';
import type { VmDriver } from './vm-driver.ts';
import { hostCalled, nowhere, splitPlace, whereIs } from './where.ts';
import { prepareEnd } from './wires.ts';

export const FAILURES = ['nic', 'link', 'agent', 'ovs', 'ovsdb', 'host', 'controller'] as const;
export type FailureKind = (typeof FAILURES)[number];

/** What can be done to a lab, and taken back. */
export interface Failure {
  /** What is done, in words. */
  readonly words: string;
  begin(): Promise<void>;
  end(): Promise<void>;
}

/** Throws `not-found` where nothing has that name. */
export function failureOf(plan: LabPlan, driver: VmDriver, kind: FailureKind, name: string): Failure {
  switch (kind) {
    case 'nic':
      return nicFailure(plan, name);
    case 'link':
      return linkFailure(plan, name);
    case 'agent':
    case 'ovs':
    case 'ovsdb':
      return programFailure(plan, kind, hostCalled(plan, name));
    case 'host':
      return hostFailure(plan, driver, hostCalled(plan, name));
    case 'controller':
      return controllerFailure(plan);
  }
}

function nicFailure(plan: LabPlan, name: string): Failure {
  const { host, nic } = nicCalled(plan, name);
  return {
    words: `NIC ${nic.name} of ${host.name} is dead`,
    begin: () => setLink(host.namespace, nic.name, 'down'),
    end: () => setLink(host.namespace, nic.name, 'up'),
  };
}

function linkFailure(plan: LabPlan, name: string): Failure {
  const [place, nicName] = splitPlace(name);
  const where = whereIs(plan, place);
  if (where.type === 'machine') {
    const { machine } = where;
    const nic = machine.nics.find((each) => each.name === nicName);
    if (!nic)
      throw nowhere(
        name,
        machine.nics.map((each) => `${machine.key}/${each.name}`),
      );
    const { namespace } = hostCalled(plan, machine.host);
    return {
      words: `The cable of ${name} is pulled`,
      begin: () => setLink(namespace, nic.tap, 'down'),
      end: () => setLink(namespace, nic.tap, 'up'),
    };
  }
  const { nic } = nicCalled(plan, name);
  return {
    words: `The cable of ${name} is pulled`,
    begin: () => setLink(plan.fabric, nic.port, 'down'),
    end: () => setLink(plan.fabric, nic.port, nic.network === undefined ? 'down' : 'up'),
  };
}

function programFailure(plan: LabPlan, kind: 'agent' | 'ovs' | 'ovsdb', host: HostPlan): Failure {
  const part = { lab: plan.name, part: `${kind}/${host.name}` };
  const start = {
    agent: () => startAgent(plan, host),
    ovs: () => startSwitch(ovsOf(plan, host)),
    ovsdb: () => startDatabase(ovsOf(plan, host)),
  }[kind];
  const words = { agent: 'The agent', ovs: 'ovs-vswitchd', ovsdb: 'ovsdb-server' }[kind];
  return {
    words: `${words} of ${host.name} is killed`,
    async begin() {
      let processes = running(part);
      if (processes.length === 0) throw doesNotRun(`${words} of ${host.name}`, logOf(host, kind));
      // It may have been starting a program of its own, which bears its mark: until nothing is found.
      for (; processes.length > 0; processes = running(part)) await kill(processes);
    },
    async end() {
      if (running(part).length === 0) await start();
    },
  };
}

function hostFailure(plan: LabPlan, driver: VmDriver, host: HostPlan): Failure {
  const machines = () => readMachines(plan.name).filter((machine) => machine.host === host.name);
  const cables = host.nics.filter(({ network }) => network !== undefined);
  return {
    words: `${host.name} loses its power`,
    async begin() {
      // At one blow, as far as that goes: nobody hears of it from the host itself.
      await setLink(host.namespace, MANAGEMENT_NIC, 'down');
      await Promise.all(cables.map((nic) => setLink(plan.fabric, nic.port, 'down')));
      const parts = ['agent', 'ovs', 'ovsdb'].map((kind) => `${kind}/${host.name}`);
      await kill(processesOf(plan.name, []).filter(({ part }) => part !== undefined && parts.includes(part)));
      await Promise.all(machines().map((machine) => driver.destroy(machine, host)));
    },
    async end() {
      await setLink(host.namespace, MANAGEMENT_NIC, 'up');
      await Promise.all(cables.map((nic) => prepareEnd({ in: plan.fabric, name: nic.port, silent: true })));
      await startHost(plan, host);
      for (const machine of machines()) await driver.create(machine, host);
    },
  };
}

function controllerFailure(plan: LabPlan): Failure {
  const part = { lab: plan.name, part: 'controller' };
  return {
    words: 'The controller is killed',
    async begin() {
      const processes = running(part);
      if (processes.length === 0) throw doesNotRun('The controller', controllerLog(plan));
      await kill(processes);
    },
    async end() {
      if (running(part).length === 0) await startController(plan, lastListen(plan));
    },
  };
}

/** Where the controller listened before; whoever had its address finds it there again. */
function lastListen(plan: LabPlan): string {
  const file = join(controllerData(plan), 'server.json');
  if (!existsSync(file)) return '127.0.0.1:0';
  const { url } = JSON.parse(readFileSync(file, 'utf8')) as { readonly url: string };
  return new URL(url).host;
}

function nicCalled(plan: LabPlan, name: string) {
  const [hostName, nicName] = splitPlace(name);
  const host = hostCalled(plan, hostName);
  const nic = host.nics.find((each) => each.name === nicName);
  if (!nic)
    throw nowhere(
      name,
      host.nics.map((each) => `${host.name}/${each.name}`),
    );
  return { host, nic };
}

async function setLink(namespace: string, device: string, state: 'up' | 'down'): Promise<void> {
  await run('ip', '-n', namespace, 'link', 'set', device, state);
}

function doesNotRun(what: string, log: string): NetloomError {
  return new NetloomError([
    finding(
      'lab-state',
      '',
      `${what} does not run. The last that it said:\n${endOf(log)}`,
      'Start it again with --undo.',
    ),
  ]);
}
