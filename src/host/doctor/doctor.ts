/**
 * `netloom agent doctor`: is this host fit for its work? Facts are gathered (look-*.ts), and each is judged by a function of
 * nothing but the facts. Nothing is changed. It runs beside the agent, and without it.
 */
import { join } from 'node:path';
import { recordsOf } from '../../agent/changes.ts';
import type { Clock } from '../../base/clock.ts';
import { askControl, controlSocketIn, readFeatures } from '../../ovs/control.ts';
import type { PolicyView } from '../../policy/set.ts';
import { hostNetwork } from '../inherit/host-network.ts';
import type { Check } from './check.ts';
import { judgeConnections } from './connections.ts';
import { type ControllerFacts, judgeController } from './controller.ts';
import { fabricOf } from './fabric.ts';
import { judgeFeatures } from './features.ts';
import { lookAtConnections } from './look-connections.ts';
import { type DatabaseFacts, lookIntoDatabase } from './look-database.ts';
import { lookAtNics } from './look-nics.ts';
import { lookAtOwnAddress, lookAtPaths } from './look-paths.ts';
import {
  effectiveCapabilities,
  hasKernelModule,
  isDaemonRunning,
  printedBy,
  socketFact,
} from './look-system.ts';
import { judgeOpenVswitch } from './open-vswitch.ts';
import { judgeNic, judgeOwnAddress, judgePaths } from './paths.ts';
import { judgePrivileges } from './privileges.ts';
import { judgeRivals } from './rivals.ts';

export interface DoctorOptions {
  /** Of Open vSwitch. */
  readonly runDirectory: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** The last one; absent where there is none. */
  readonly policy?: PolicyView;
  /** Absent where the host has not joined a controller. */
  readonly controller?: () => Promise<ControllerFacts>;
}

/** No more paths than this are probed. */
const MOST_PATHS = 200;

/** Everything that was looked at, in the order in which one thing needs another. Never rejects. */
export async function examine(options: DoctorOptions): Promise<readonly Check[]> {
  const { runDirectory, policy, controller } = options;
  const fabric = fabricOf(policy ? recordsOf(policy) : []);
  const database = await lookIntoDatabase(runDirectory, options);
  const isUserspace = !(hasKernelModule() && database?.datapathTypes.includes('system'));
  const probed = fabric.paths.slice(0, MOST_PATHS);
  const bridge = database?.bridges.find(({ isOurs }) => isOurs)?.name;
  const [version, features, installed, managers, settings, paths, connections, controllerFacts] =
    await Promise.all([
      versionOf(runDirectory, options.clock),
      featuresOf(runDirectory, options.clock, bridge),
      printedBy('dpkg-query', ['-W', 'openvswitch-switch']),
      printedBy('ovs-vsctl', [`--db=unix:${join(runDirectory, 'db.sock')}`, '--timeout=5', 'get-manager']),
      hostNetwork()
        .settings()
        .catch(() => new Map()),
      lookAtPaths(probed),
      lookAtConnections(runDirectory, options.clock, isUserspace),
      controller?.(),
    ]);
  const deviceOf = (address: string): string | undefined =>
    [...settings.values()].find(({ addresses }) =>
      addresses.some((each: { address: string }) => each.address === address),
    )?.device;
  const own = await Promise.all(fabric.own.map((address) => lookAtOwnAddress(address, deviceOf(address))));
  const { nics, masters } = await lookAtNics(fabric.nics, isUserspace);
  return [
    judgePrivileges({ effective: effectiveCapabilities(), uid: process.geteuid?.() ?? 0 }),
    ...judgeOpenVswitch({
      ...aboutSwitch(database),
      version: version ?? database?.version,
      // name, tab, version
      packageVersion: installed?.split(/\s+/)[1],
      database: socketFact(join(runDirectory, 'db.sock')),
      bridges: (database?.bridges ?? [])
        .filter(({ isOurs }) => isOurs)
        .map(({ name }) => socketFact(join(runDirectory, `${name}.mgmt`))),
      isDatabaseRunning: isDaemonRunning(runDirectory, 'ovsdb-server'),
      isSwitchRunning: isDaemonRunning(runDirectory, 'ovs-vswitchd'),
      hasModule: hasKernelModule(),
    }),
    judgeFeatures(features),
    ...judgeRivals({
      bridges: database?.bridges ?? [],
      managers: (managers ?? '').split('\n').filter((line) => line !== ''),
      wantedNics: [...fabric.nics.keys()],
      masters,
    }),
    ...nics.flatMap(judgeNic),
    ...own.map(judgeOwnAddress),
    ...judgePaths(paths, fabric.paths.length),
    judgeConnections(connections),
    ...(controllerFacts ? judgeController(controllerFacts) : [NOT_JOINED]),
  ];
}

const NOT_JOINED: Check = {
  name: 'controller',
  verdict: 'failed',
  words: 'The host has not joined a controller.',
  remedy: 'Make a token with "netloom host token HOST", and run "netloom agent join TOKEN" here.',
};

/** What the running switch says of itself; the database knows it only where it was started by the distribution. */
async function versionOf(runDirectory: string, clock: Clock): Promise<string | undefined> {
  const socket = await controlSocketIn(runDirectory);
  const said = socket === undefined ? undefined : await askControl(socket, clock, 'version');
  return /\d+\.\d+\.\d+/.exec(said ?? '')?.[0];
}

/** What the datapath of a bridge can do. */
async function featuresOf(
  runDirectory: string,
  clock: Clock,
  bridge: string | undefined,
): Promise<ReadonlyMap<string, string> | undefined> {
  const socket = await controlSocketIn(runDirectory);
  if (socket === undefined || bridge === undefined) return undefined;
  const said = await askControl(socket, clock, 'dpif/show-dp-features', bridge);
  return said === undefined ? undefined : readFeatures(said);
}

function aboutSwitch(database: DatabaseFacts | undefined) {
  return {
    datapathTypes: database?.datapathTypes ?? [],
    interfaceTypes: database?.interfaceTypes ?? [],
  };
}
