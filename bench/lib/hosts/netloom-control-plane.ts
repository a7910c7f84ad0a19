/**
 * Netloom as it is run: `netloom controller`, and on every host an Open vSwitch and `netloom agent run`, which reach it over
 * TLS. All of it is a lab (src/lab/real) without machines, so `netloom lab down` finds what a benchmark that was killed left.
 */
import { join } from 'node:path';
import { Client } from '../../../src/cli/client.ts';
import { labAccess } from '../../../src/cli/lab-access.ts';
import { findServer } from '../../../src/cli/place.ts';
import { takeDown } from '../../../src/lab/real/down.ts';
import { makeNetworks } from '../../../src/lab/real/host-network.ts';
import { inTurns } from '../../../src/lab/real/in-turns.ts';
import { startOvs, vsctl } from '../../../src/lab/real/ovs-daemons.ts';
import {
  controllerData,
  joinHost,
  ovsOf,
  startAgent,
  startController,
  startRelay,
} from '../../../src/lab/real/parts.ts';
import { claim } from '../../../src/lab/real/place.ts';
import { type LabPlan, planOf } from '../../../src/lab/real/plan.ts';
import { processesOf } from '../../../src/lab/real/processes.ts';
import { run } from '../../../src/lab/real/run.ts';
import { until } from '../../../src/lab/real/wait.ts';
import { fabricText, hostName, machineName, machineObject, objectsOf } from '../topology.ts';
import type { ControlPlane, Processes } from './control-plane.ts';

const AT_A_TIME = 2;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Ready for so many vNICs: networks and hosts are there. */
export async function openNetloom(hosts: number, vnics: number): Promise<ControlPlane> {
  const name = `bench${process.pid % 100_000}`;
  const close = async () => {
    await takeDown(name);
    for (const signal of SIGNALS) process.off(signal, interrupted);
  };
  const interrupted = () => void close().finally(() => process.exit(1));
  for (const signal of SIGNALS) process.once(signal, interrupted);
  const plan = planOf(name, claim(name), objectsOf(fabricText(vnics, hosts)));
  try {
    await bringUp(plan, fabricText(vnics, hosts));
    return new NetloomControlPlane(plan, hosts, close);
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

async function bringUp(plan: LabPlan, text: string): Promise<void> {
  await makeNetworks(plan);
  await startRelay(plan);
  await startController(plan);
  const controller = labAccess(plan);
  await controller.apply(objectsOf(text));
  await inTurns(AT_A_TIME, plan.hosts, async (host) => {
    await startOvs(ovsOf(plan, host));
    await joinHost(host, await controller.joinToken(host.name));
    await startAgent(plan, host);
  });
  for (const { name } of plan.hosts)
    await until(`${name} is not in force.`, () => controller.inForce(name), 120_000);
}

class NetloomControlPlane implements ControlPlane {
  readonly processes: Processes;
  readonly close: () => Promise<void>;
  readonly #plan: LabPlan;
  readonly #hosts: number;
  readonly #client: Client;

  constructor(plan: LabPlan, hosts: number, close: () => Promise<void>) {
    this.#plan = plan;
    this.#hosts = hosts;
    this.close = close;
    this.#client = new Client(findServer({ data: controllerData(plan) }, {}));
    const all = processesOf(plan.name, []);
    const named = (...beginnings: readonly string[]) =>
      all
        .filter(({ part = '' }) => beginnings.some((beginning) => part.startsWith(beginning)))
        .map(({ pid }) => pid);
    this.processes = {
      centre: named('controller', 'relay'),
      agents: named('agent/'),
      switches: named('ovs/', 'ovsdb/'),
    };
  }

  async load(first: number, count: number): Promise<void> {
    const objects = Array.from({ length: count }, (_, i) => this.#machine(first + i));
    await this.#client.post('/api/v1/apply?wait=hosts', { objects });
  }

  async add(i: number): Promise<void> {
    await this.#client.post('/api/v1/apply?wait=hosts', { objects: [this.#machine(i)] });
  }

  async remove(i: number): Promise<void> {
    await this.#client.post('/api/v1/delete?wait=hosts', { objects: [`VirtualMachine/${machineName(i)}`] });
  }

  flows(): Promise<readonly number[]> {
    return Promise.all(
      this.#plan.hosts.map(async (host) => {
        const bridges = (await vsctl(host, 'list-br')).trim().split('\n');
        const counts = bridges.map((bridge) => flowsOf(join(host.runDirectory, `${bridge}.mgmt`)));
        return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
      }),
    );
  }

  #machine(i: number): object {
    return machineObject(i, hostName(i % this.#hosts));
  }
}

/** Flows on a bridge, by its management socket. */
export async function flowsOf(socket: string): Promise<number> {
  const said = await run('ovs-ofctl', '-O', 'OpenFlow15', 'dump-aggregate', `unix:${socket}`);
  return Number(/flow_count=(\d+)/.exec(said)?.[1]);
}
