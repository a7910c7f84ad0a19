/**
 * An Open vSwitch of its own for a host of a lab: ovsdb-server and ovs-vswitchd in the host's namespace, with their own
 * run directory, database, sockets and logs; nothing is shared with a switch that the machine may be running.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { controlSocketIn } from '../../ovs/control.ts';
import { startProgram } from './processes.ts';
import { inNamespace, run } from './run.ts';
import { until } from './wait.ts';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

export interface OvsPlace {
  readonly lab: string;
  /** What it is called among the parts of the lab: `node1`. */
  readonly name: string;
  readonly namespace: string;
  readonly runDirectory: string;
}

/** Starts both daemons on the database that there is, or a new one. */
export async function startOvs(place: OvsPlace): Promise<void> {
  mkdirSync(place.runDirectory, { recursive: true, mode: 0o700 });
  const database = join(place.runDirectory, 'conf.db');
  if (!existsSync(database)) await run('ovsdb-tool', 'create', database, SCHEMA);
  await startDatabase(place);
  await run('ovs-vsctl', `--db=${databaseSocket(place)}`, '--no-wait', 'init');
  await startSwitch(place);
}

/** Starts ovsdb-server. */
export async function startDatabase(place: OvsPlace): Promise<void> {
  const at = (name: string) => join(place.runDirectory, name);
  rmSync(at('db.sock'), { force: true });
  await startDaemon(place, 'ovsdb', [
    'ovsdb-server',
    at('conf.db'),
    `--remote=punix:${at('db.sock')}`,
    `--pidfile=${at('ovsdb-server.pid')}`,
  ]);
  await until(`ovsdb-server of ${place.name} does not come up.`, () => existsSync(at('db.sock')));
}

/**
 * Starts ovs-vswitchd with the datapath in user space: it needs no kernel module, and namespaces of one machine would
 * share the kernel's. By the file with its process id `ovs-appctl` and the doctor find its control socket.
 */
export async function startSwitch(place: OvsPlace): Promise<void> {
  const { name, runDirectory } = place;
  const pidFile = join(runDirectory, 'ovs-vswitchd.pid');
  // Those of one that was killed.
  const before = await controlSocketIn(runDirectory);
  for (const file of [pidFile, before]) if (file !== undefined) rmSync(file, { force: true });
  await startDaemon(place, 'ovs', [
    // As ovs-ctl(8) does by default: a switch that has to wait for a processor loses frames.
    ...['nice', '-n', '-10'],
    'ovs-vswitchd',
    databaseSocket(place),
    `--pidfile=${pidFile}`,
    '--disable-system',
  ]);
  await until(`ovs-vswitchd of ${name} does not come up.`, async () => {
    const control = await controlSocketIn(runDirectory);
    return control !== undefined && existsSync(control);
  });
}

/** `ovs-vsctl` on this switch; with `--no-wait` among the arguments it does not wait for ovs-vswitchd. */
export function vsctl(place: Pick<OvsPlace, 'runDirectory'>, ...args: readonly string[]): Promise<string> {
  return run('ovs-vsctl', `--db=${databaseSocket(place)}`, '--timeout=20', ...args);
}

function databaseSocket({ runDirectory }: Pick<OvsPlace, 'runDirectory'>): string {
  return `unix:${join(runDirectory, 'db.sock')}`;
}

async function startDaemon(
  place: OvsPlace,
  part: 'ovsdb' | 'ovs',
  command: readonly string[],
): Promise<void> {
  const { lab, name, namespace, runDirectory } = place;
  await startProgram({
    lab,
    part: `${part}/${name}`,
    command: inNamespace(namespace, ...command),
    log: join(runDirectory, `${part}.log`),
    env: {
      OVS_RUNDIR: runDirectory,
      OVS_LOGDIR: runDirectory,
      OVS_DBDIR: runDirectory,
      OVS_SYSCONFDIR: runDirectory,
    },
  });
}
