/**
 * OVN, whole: both databases, ovn-northd, and ovn-controller on every host.
 *
 * In its favour: nobody probes for inactivity (a daemon that works for more than five seconds would be cut off), and a bundle
 * may stay open for as long as it takes.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../../src/lab/real/run.ts';
import { comesUp, type OpenVswitch, programDirectories, startOpenVswitch } from './open-vswitch.ts';
import type { Stage } from './stage.ts';
import {
  type Connected,
  type Contender,
  configure,
  type Host,
  hostAddress,
  type Machine,
  NIC,
  plainMachine,
  TAP,
} from './two-hosts.ts';

/** Debian's packages ovn-central, ovn-host and ovn-common, installed; OVN_ROOT says where they are unpacked instead. */
const ROOT = process.env.OVN_ROOT ?? '/';
const program = (name: string) => join(ROOT, 'usr/bin', name);
const schema = (database: string) => join(ROOT, `usr/share/ovn/ovn-${database}.ovsschema`);

/** Why it cannot run here; undefined where it can. */
export function whyNoOvn(): string | undefined {
  const needed = [program('ovn-northd'), program('ovn-controller'), program('ovn-nbctl'), schema('nb')];
  const missing = needed.filter((path) => !existsSync(path));
  if (missing.length === 0) return undefined;
  return `${missing.join(', ')} not there: apt-get install ovn-central ovn-host, or unpack both and ovn-common ("dpkg -x") and set OVN_ROOT`;
}

export interface OvnCentre {
  /** Sockets of the databases. */
  readonly northbound: string;
  readonly southbound: string;
  readonly pids: readonly number[];
  nbctl(...args: readonly string[]): Promise<string>;
}

export async function startOvnCentre(stage: Stage): Promise<OvnCentre> {
  const namespace = await stage.namespace('centre');
  const directory = stage.folder('centre');
  const env = programDirectories(directory);
  const at = (file: string) => join(directory, file);
  const start = (name: string, ...command: readonly string[]) =>
    stage.start({ namespace, name: `centre-${name}`, command, env });
  const pids: number[] = [];
  for (const [database, table] of [
    ['nb', 'OVN_Northbound,NB_Global'],
    ['sb', 'OVN_Southbound,SB_Global'],
  ] as const) {
    await run('ovsdb-tool', 'create', at(`${database}.db`), schema(database));
    // By the first socket the database is told of the second, which does not probe.
    const remotes = [`--remote=punix:${at(`${database}.first`)}`, `--remote=db:${table},connections`];
    const server = ['ovsdb-server', at(`${database}.db`), ...remotes];
    pids.push(start(database, ...server, `--unixctl=${at(`${database}.ctl`)}`));
    await comesUp(stage, `centre-${database}`, at(`${database}.first`));
    const init = database === 'nb' ? ['--no-wait', 'init'] : ['init'];
    await run(
      program(`ovn-${database}ctl`),
      `--db=unix:${at(`${database}.first`)}`,
      ...init,
      ...['--', '--inactivity-probe=0', 'set-connection', `punix:${at(`${database}.sock`)}`],
      ...(database === 'nb' ? ['--', 'set', 'NB_Global', '.', 'options:northd_probe_interval=0'] : []),
    );
    await comesUp(stage, `centre-${database}`, at(`${database}.sock`));
  }
  const [northbound, southbound] = [at('nb.sock'), at('sb.sock')];
  const databases = [`--ovnnb-db=unix:${northbound}`, `--ovnsb-db=unix:${southbound}`];
  pids.push(start('northd', program('ovn-northd'), ...databases, `--unixctl=${at('northd.ctl')}`));
  return {
    northbound,
    southbound,
    pids,
    nbctl: (...args) => run(program('ovn-nbctl'), `--db=unix:${northbound}`, '--timeout=600', ...args),
  };
}

export interface OvnHost {
  readonly stage: Stage;
  readonly namespace: string;
  /** Of the chassis, unique. */
  readonly name: string;
  readonly address: string;
  readonly ovs: OpenVswitch;
}

/** Starts ovn-controller; the answer is its process id. */
export async function startOvnHost(
  { stage, namespace, name, address, ovs }: OvnHost,
  { southbound }: OvnCentre,
): Promise<number> {
  await ovs.vsctl(
    ...['add-br', 'br-int', '--', 'set', 'Bridge', 'br-int', 'datapath_type=netdev', 'fail_mode=secure'],
    ...['other_config:disable-in-band=true', '--', 'set', 'Open_vSwitch', '.'],
    `external_ids:system-id=${name}`,
    `external_ids:ovn-remote=unix:${southbound}`,
    'external_ids:ovn-encap-type=geneve',
    `external_ids:ovn-encap-ip=${address}`,
    'external_ids:ovn-remote-probe-interval=0',
    'external_ids:ovn-openflow-probe-interval=0',
    'other_config:bundle-idle-timeout=300',
  );
  const command = [program('ovn-controller'), `unix:${join(ovs.runDirectory, 'db.sock')}`];
  return stage.start({ namespace, name: `${name}-controller`, command, env: ovs.env });
}

export const ovn: Contender = {
  name: 'OVN, Geneve',
  missing: whyNoOvn(),
  async connect({ stage, hosts: [one, two] }) {
    const centre = await startOvnCentre(stage);
    const switches: number[] = [];
    for (const host of [one, two]) switches.push(await connectHost(stage, host, centre));
    const machines = [plainMachine(one), plainMachine(two)] as const;
    await addPorts(centre, machines);
    for (const machine of machines) await configure(machine, false);
    return { machines, switches };
  },
};

/**
 * The machine of the second host is to move to the third, and both have its port: as OVN can do it since 22.09, by the announcement
 * of the machine (`requested-chassis` with two, `activation-strategy=rarp`).
 */
export async function connectMoving(stage: Stage, hosts: readonly [Host, Host, Host]): Promise<Connected> {
  const centre = await startOvnCentre(stage);
  const [one, two, three] = hosts;
  const switches = [await connectHost(stage, one, centre), await connectHost(stage, two, centre)];
  const machines = [plainMachine(one), plainMachine(two)] as const;
  await addPorts(centre, machines);
  switches.push(await connectHost(stage, three, centre, 'p2'));
  const moving = ['requested-chassis=host2,host3', 'activation-strategy=rarp'];
  await centre.nbctl('--wait=hv', 'lsp-set-options', 'p2', ...moving);
  await centre.nbctl('--wait=hv', 'sync');
  const all = [...machines, { ...machines[1], namespace: three.machine }];
  for (const machine of all) await configure(machine, false);
  return { machines: all, switches };
}

async function addPorts(centre: OvnCentre, machines: readonly Machine[]): Promise<void> {
  const ports = machines.flatMap(({ mac, address }, i) => {
    const [name, addresses] = [`p${i + 1}`, `${mac} ${address}`];
    return [
      ...['--', 'lsp-add', 'ls0', name, '--', 'lsp-set-addresses', name, addresses],
      ...['--', 'lsp-set-port-security', name, addresses],
    ];
  });
  await centre.nbctl('ls-add', 'ls0', ...ports);
  // Bindings of ports come after the first, and are flows on the other host by the end of the second.
  for (let i = 0; i < 2; i++) await centre.nbctl('--wait=hv', 'sync');
}

/** The answer is the process id of its ovs-vswitchd. */
async function connectHost(
  stage: Stage,
  host: Host,
  centre: OvnCentre,
  port = `p${host.number}`,
): Promise<number> {
  const { namespace, number } = host;
  const name = `host${number}`;
  const ovs = await startOpenVswitch({ stage, namespace, name });
  const provider = ['add-br', 'br-pa', '--', 'set', 'Bridge', 'br-pa', 'datapath_type=netdev'];
  await ovs.vsctl(...provider, '--', 'add-port', 'br-pa', NIC);
  await run('ip', '-n', namespace, 'address', 'add', `${hostAddress(host)}/24`, 'dev', 'br-pa');
  await run('ip', '-n', namespace, 'link', 'set', 'br-pa', 'mtu', '1600', 'up');
  await startOvnHost({ stage, namespace, name, address: hostAddress(host), ovs }, centre);
  await ovs.vsctl('add-port', 'br-int', TAP, '--', 'set', 'Interface', TAP, `external_ids:iface-id=${port}`);
  return ovs.pids.daemon;
}
