/**
 * Three hosts at one switch of the kernel. A machine on the first talks to one that moves from the second to the third: two
 * network namespaces with the same addresses, of which only one has a link at a time. Both hosts have been told of the move.
 */
import { run } from '../../../src/lab/real/run.ts';
import { until } from '../../../src/lab/real/wait.ts';
import { fabricText, hostName, machineName, machinesText, objectsOf } from '../topology.ts';
import { connectHosts, policiesOf } from './netloom.ts';
import { connectMoving, whyNoOvn } from './ovn.ts';
import { Stage } from './stage.ts';
import { type Connected, cable, type Host, host, NIC, reaches, TAP, UNDERLAY_MTU } from './two-hosts.ts';

type Hosts = readonly [Host, Host, Host];

export interface Mover {
  readonly name: string;
  /** Why it cannot run here; undefined when it can. */
  readonly missing: string | undefined;
  /** Up to the moment before the machine moves. */
  connect(stage: Stage, hosts: Hosts): Promise<Connected>;
}

export const netloomMover: Mover = {
  name: 'Netloom',
  missing: undefined,
  async connect(stage, hosts) {
    const objects = objectsOf([fabricText(2, 3), machinesText(2, 3)].join('---\n'));
    const policies = await policiesOf(objects, (lab) =>
      lab.controller.migrations.migrate(
        machineName(1),
        { destination: hostName(2), until: 'prepared' },
        { author: 'bench' },
      ),
    );
    // Links decide: it has none yet where it is to go to.
    await run('ip', '-n', hosts[2].namespace, 'link', 'set', TAP, 'down');
    return connectHosts(stage, hosts, policies, true);
  },
};

export const ovnMover: Mover = {
  name: 'OVN, on two chassis, by announcement',
  missing: whyNoOvn(),
  connect: connectMoving,
};

/** Builds it, and takes everything away again. */
export async function withMover<T>(
  mover: Mover,
  use: (hosts: Hosts, connected: Connected) => Promise<T>,
): Promise<T> {
  const stage = new Stage();
  let connected: Connected | undefined;
  try {
    const hosts = [await host(stage, 1), await host(stage, 2), await host(stage, 3)] as const;
    const wiring = await stage.namespace('switch');
    const ip = (...args: readonly string[]) => run('ip', '-n', wiring, ...args);
    await ip('link', 'add', 'br0', 'mtu', `${UNDERLAY_MTU}`, 'type', 'bridge');
    await ip('link', 'set', 'br0', 'up');
    for (const { namespace, number } of hosts) {
      await cable([namespace, NIC], [wiring, `p${number}`], UNDERLAY_MTU);
      await ip('link', 'set', `p${number}`, 'master', 'br0');
    }
    connected = await mover.connect(stage, hosts);
    const [client, machine] = connected.machines;
    await until('The machine that is to move is not reached.', () =>
      reaches(client?.namespace ?? '', machine?.address ?? ''),
    );
    return await use(hosts, connected);
  } finally {
    await connected?.close?.();
    await stage.close();
  }
}
