/**
 * A host whose two NICs are a team, at a switch of the kernel, and a machine on either side:
 *
 *     near: eth0 --- tap0 :host: nic1 ---- p1 :switch: far0 --- eth0 :far
 *                              : nic2 ---- p2 :
 */
import { join } from 'node:path';
import { systemClock } from '../../../src/base/clock.ts';
import { flowOf, output } from '../../../src/flow/actions.ts';
import { matchOf } from '../../../src/flow/match.ts';
import { inNamespace, run } from '../../../src/lab/real/run.ts';
import { until } from '../../../src/lab/real/wait.ts';
import { openOpenVswitch } from '../../../src/ovs/open-vswitch.ts';
import { type OpenVswitch, startOpenVswitch } from './open-vswitch.ts';
import { Stage } from './stage.ts';
import { microseconds } from './traffic.ts';
import { cable, configure, type Machine, QUARANTINE, reaches, TAP } from './two-hosts.ts';

const NICS = ['nic1', 'nic2'] as const;
const MTU = 1500;
const TRUNK = { mode: 'trunk', trunks: [] } as const;
const ID = 'a0000000-0000-4000-8000-000000000001';

/** Who makes a team of the NICs, with one active and the other in reserve. */
export interface Teaming {
  readonly name: string;
  /** The answer ends what is not a program of the stage. */
  connect(ovs: OpenVswitch, namespace: string): Promise<() => Promise<void>>;
}

/** What happens to the NIC that is active: its cable is pulled, or what it sends comes to nothing. */
export type Failure = 'carrier' | 'silence';

export interface Team {
  readonly near: Machine;
  readonly far: Machine;
  /** The answer is when, in microseconds. */
  fail(how: Failure): Promise<number>;
}

export const bond: Teaming = {
  name: 'bond of Open vSwitch',
  async connect(ovs) {
    const bridge = ['add-br', 'br0', '--', 'set', 'Bridge', 'br0', 'datapath_type=netdev'];
    const members = ['add-bond', 'br0', 'bond0', ...NICS, 'bond_mode=active-backup'];
    await ovs.vsctl(...bridge, '--', 'add-port', 'br0', TAP, '--', ...members);
    return async () => {};
  },
};

export const netloomTeam: Teaming = {
  name: 'Netloom',
  async connect(ovs, namespace) {
    const engine = await openOpenVswitch({
      runDirectory: ovs.runDirectory,
      clock: systemClock,
      random: Math.random,
      datapathType: 'netdev',
      run: (tool, args) => run(...inNamespace(namespace, tool, ...args)),
    });
    try {
      const datapath = await engine.openSwitch('team');
      const uplink = { type: 'uplink', name: 'uplink', nics: NICS, mode: 'active-backup' } as const;
      await datapath.setPort({ ...uplink, lacp: 'off', vlan: TRUNK });
      await datapath.setPort({ type: 'vif', name: 'near', id: ID, vlan: TRUNK });
      const normal = flowOf({ table: 0, priority: 0, match: matchOf({}), actions: [output('normal')] });
      await datapath.applyFlows({ add: [normal], remove: [] });
      const asHypervisor = ['set', 'Interface', TAP, `external_ids:iface-id=${ID}`];
      await ovs.vsctl('add-port', QUARANTINE, TAP, '--', ...asHypervisor);
      await until('The tap is not bound.', () => engine.vifs().every(({ tap }) => tap !== undefined));
    } catch (thrown) {
      await engine.close();
      throw thrown;
    }
    return () => engine.close();
  },
};

/** Builds it, with frames that get through, and takes everything away again. */
export async function withTeam<T>(teaming: Teaming, use: (team: Team) => Promise<T>): Promise<T> {
  const stage = new Stage();
  let close = async () => {};
  try {
    const [host, wiring, near, far] = [
      await stage.namespace('host'),
      await stage.namespace('switch'),
      plain(await stage.namespace('near'), 1),
      plain(await stage.namespace('far'), 2),
    ];
    const ip = (...args: readonly string[]) => run('ip', '-n', wiring, ...args);
    await ip('link', 'add', 'br0', 'type', 'bridge');
    await ip('link', 'set', 'br0', 'up');
    for (const nic of NICS) await cable([host, nic], [wiring, farEnd(nic)], MTU);
    await cable([host, TAP], [near.namespace, 'eth0'], MTU);
    await cable([wiring, 'far0'], [far.namespace, 'eth0'], MTU);
    for (const port of [...NICS.map(farEnd), 'far0']) await ip('link', 'set', port, 'master', 'br0');
    for (const machine of [near, far]) await configure(machine, false);
    const ovs = await startOpenVswitch({ stage, namespace: host, name: 'host' });
    close = await teaming.connect(ovs, host);
    await until('Nothing gets through the team.', () => reaches(near.namespace, far.address));
    return await use({
      near,
      far,
      fail: async (how) => {
        const port = farEnd(await activeNic(ovs));
        const now = microseconds();
        await ip('link', 'set', port, how === 'carrier' ? 'down' : 'nomaster');
        return now;
      },
    });
  } finally {
    await close();
    await stage.close();
  }
}

async function activeNic({ runDirectory }: OpenVswitch): Promise<string> {
  const said = await run('ovs-appctl', '-t', join(runDirectory, 'switch.ctl'), 'bond/show');
  const [, nic] = /member (\S+): enabled\n\s*active member/.exec(said) ?? [];
  if (nic === undefined) throw new Error(`no NIC is active: ${said}`);
  return nic;
}

function farEnd(nic: string): string {
  return nic.replace('nic', 'p');
}

function plain(namespace: string, number: number): Machine {
  return { namespace, mac: `02:00:00:00:00:0${number}`, address: `10.0.0.${number}` };
}
