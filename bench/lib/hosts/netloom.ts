/** Netloom on Open vSwitch: the agent's engine, with the policy that the controller makes for a small virtual network. */
import { Agent } from '../../../src/agent/agent.ts';
import { portsOf } from '../../../src/agent/ports.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { Lab } from '../../../src/lab/lab.ts';
import { inNamespace, run } from '../../../src/lab/real/run.ts';
import { until } from '../../../src/lab/real/wait.ts';
import type { ModelObject } from '../../../src/model/kinds.ts';
import { openOpenVswitch } from '../../../src/ovs/open-vswitch.ts';
import type { PolicyRecord } from '../../../src/policy/records.ts';
import { fabricText, hostName, machinesText, objectsOf } from '../topology.ts';
import { type OpenVswitch, startOpenVswitch } from './open-vswitch.ts';
import type { Stage } from './stage.ts';
import {
  type Connected,
  type Contender,
  configure,
  type Host,
  type Machine,
  QUARANTINE,
  TAP,
} from './two-hosts.ts';

/** `afXdp`: the NIC is used as it comes on a switch in user space; otherwise by packet sockets, as others do. */
export function netloom(afXdp: boolean): Contender {
  return {
    name: afXdp ? 'Netloom' : 'Netloom without AF_XDP',
    missing: undefined,
    async connect({ stage, hosts }) {
      const objects = objectsOf([fabricText(2, 2), machinesText(2, 2)].join('---\n'));
      return connectHosts(stage, hosts, await policiesOf(objects), afXdp);
    },
  };
}

type Policies = ReadonlyMap<string, readonly PolicyRecord[]>;

/** The hosts are `host0` and on in the policies, each with one machine. */
export async function connectHosts(
  stage: Stage,
  hosts: readonly Host[],
  policies: Policies,
  afXdp: boolean,
): Promise<Connected> {
  const engines: RealEngine[] = [];
  const close = async () => {
    for (const engine of engines) await engine.close();
  };
  try {
    const machines: Machine[] = [];
    const switches: number[] = [];
    for (const { namespace, number, machine } of hosts) {
      const ovs = await startOpenVswitch({ stage, namespace, name: `host${number}` });
      switches.push(ovs.pids.daemon);
      const engine = await openEngine(ovs, namespace, afXdp);
      engines.push(engine);
      const records = policies.get(hostName(number - 1)) ?? [];
      machines.push(await putInForce({ engine, ovs, records, machine }));
    }
    return { machines, switches, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

type RealEngine = Awaited<ReturnType<typeof openEngine>>;

function openEngine({ runDirectory }: OpenVswitch, namespace: string, afXdp: boolean) {
  return openOpenVswitch({
    runDirectory,
    clock: systemClock,
    random: Math.random,
    datapathType: 'netdev',
    afXdp,
    run: (tool, args) => run(...inNamespace(namespace, tool, ...args)),
  });
}

/** What the controller tells each host, after `first` was done there. */
export async function policiesOf(
  objects: readonly ModelObject[],
  first: (lab: Lab) => Promise<unknown> = async () => {},
): Promise<Policies> {
  const lab = await Lab.open({ objects });
  try {
    await first(lab);
    return new Map([...lab.fabric.hosts].map(([name, { agent }]) => [name, [...agent.records().values()]]));
  } finally {
    await lab.close();
  }
}

interface Ours {
  readonly engine: RealEngine;
  readonly ovs: OpenVswitch;
  readonly records: readonly PolicyRecord[];
  /** Namespace of the one machine of the host. */
  readonly machine: string;
}

async function putInForce({ engine, ovs, records, machine }: Ours): Promise<Machine> {
  const agent = new Agent('host', {
    openSwitch: (name) => engine.openSwitch(name),
    removeSwitch: (name) => engine.removeSwitch(name),
    switchNames: () => engine.switchNames(),
    about: () => engine.about(),
    // What a NIC can do is said to people; flows do not depend on it.
    nics: async () => [],
  });
  const { ok, findings } = await agent.replace([...records]);
  if (!ok) throw new Error(JSON.stringify(findings[0]));
  const port = records.find((record) => record.kind === 'port' && portsOf(record).length > 0);
  if (port?.kind !== 'port') throw new Error('the host has no machine');
  const asHypervisor = ['set', 'Interface', TAP, `external_ids:iface-id=${port.id}`];
  await ovs.vsctl('add-port', QUARANTINE, TAP, '--', ...asHypervisor);
  await until('The tap is not bound.', () => engine.vifs().every(({ tap }) => tap !== undefined));
  const made = { namespace: machine, mac: port.mac, address: port.addresses[0]?.address ?? '' };
  await configure(made, false);
  return made;
}
