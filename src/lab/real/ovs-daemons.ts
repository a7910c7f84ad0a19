/**
 * An Open vSwitch of its own for a host of a lab: ovsdb-server and ovs-vswitchd in the host's namespace, with their own
 * run directory, database, sockets and logs; nothing is shared with a switch that the machine may be running.
 */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { controlSocketIn } from '../../ovs/control.ts';
import { endOf, hasEnded } from './logs.ts';
import { type OvsPrograms, ovsPrograms } from './ovs-programs.ts';
import { identityOf, isThere, startProgram } from './processes.ts';
import { inNamespace, run } from './run.ts';
import { until } from './wait.ts';

export interface OvsPlace {
  readonly lab: string;
  /** What it is called among the parts of the lab: `node1`. */
  readonly name: string;
  readonly namespace: string;
  readonly runDirectory: string;
}

function programsOf({ runDirectory }: Pick<OvsPlace, 'runDirectory'>): OvsPrograms {
  const programs = ovsPrograms(runDirectory, { pidFiles: true });
  // As ovs-ctl(8) does by default: a switch that has to wait for a processor loses frames.
  return { ...programs, daemon: ['nice', '-n', '-10', ...programs.daemon] };
}

/** Starts both daemons on the database that there is, or a new one. */
export async function startOvs(place: OvsPlace): Promise<void> {
  mkdirSync(place.runDirectory, { recursive: true, mode: 0o700 });
  const { file, create } = programsOf(place);
  if (!existsSync(file)) await run(...create);
  await startDatabase(place);
  // The socket is there a moment before anybody listens on it.
  await run(...programsOf(place).vsctl, '--retry', '--timeout=20', '--no-wait', 'init');
  await startSwitch(place);
}

/** Starts ovsdb-server. */
export async function startDatabase(place: OvsPlace): Promise<void> {
  const { socket } = programsOf(place);
  rmSync(socket, { force: true });
  await startDaemon(place, 'server', () => existsSync(socket));
}

/** Starts ovs-vswitchd. By the file with its process id `ovs-appctl` and the doctor find its control socket. */
export async function startSwitch(place: OvsPlace): Promise<void> {
  const { runDirectory } = place;
  // Those of one that was killed.
  const before = await controlSocketIn(runDirectory);
  for (const file of [programsOf(place).signs.daemon, before])
    if (file !== undefined) rmSync(file, { force: true });
  await startDaemon(place, 'daemon', async () => {
    const control = await controlSocketIn(runDirectory);
    return control !== undefined && existsSync(control);
  });
}

/** `ovs-vsctl` on this switch; with `--no-wait` among the arguments it does not wait for ovs-vswitchd. */
export function vsctl(place: Pick<OvsPlace, 'runDirectory'>, ...args: readonly string[]): Promise<string> {
  return run(...programsOf(place).vsctl, '--timeout=20', ...args);
}

const PARTS = {
  server: { part: 'ovsdb', program: 'ovsdb-server' },
  daemon: { part: 'ovs', program: 'ovs-vswitchd' },
} as const;

async function startDaemon(
  place: OvsPlace,
  which: keyof typeof PARTS,
  isUp: () => boolean | Promise<boolean>,
): Promise<void> {
  const { lab, name, namespace, runDirectory } = place;
  const { part, program } = PARTS[which];
  const { env, [which]: command } = programsOf(place);
  const log = join(runDirectory, `${part}.log`);
  const pid = await startProgram({
    lab,
    part: `${part}/${name}`,
    command: inNamespace(namespace, ...command),
    log,
    env,
  });
  const started = identityOf(pid);
  await until(
    () => `${program} of ${name} does not come up. It says:\n${endOf(log)}`,
    async () => {
      if (await isUp()) return true;
      if (!isThere(started)) throw hasEnded(`${program} of ${name}`, log);
      return undefined;
    },
  );
}
