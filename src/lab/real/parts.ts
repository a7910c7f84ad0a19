/** The programs of Netloom itself that a lab runs: the controller, the relay, the agents, and who follows the VMs. */
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endOf, hasEnded } from './logs.ts';
import { AGENTS_PORT, CONTROLLER_ADDRESS } from './names.ts';
import { type OvsPlace, startDatabase, startOvs, startSwitch } from './ovs-daemons.ts';
import type { HostPlan, LabPlan } from './plan.ts';
import { running, startProgram } from './processes.ts';
import { inNamespace, runWith } from './run.ts';
import { until } from './wait.ts';

const PROGRAM = fileURLToPath(new URL('../../../bin/netloom.js', import.meta.url));

/** The command line of this very Netloom: a checkout has no `netloom` on the path. */
export function netloom(...args: readonly string[]): readonly string[] {
  return [process.execPath, PROGRAM, ...args];
}

/** Data directory of the controller. */
export function controllerData({ directory }: Pick<LabPlan, 'directory'>): string {
  return join(directory, 'controller');
}

export function agentsSocket({ directory }: Pick<LabPlan, 'directory'>): string {
  return join(directory, 'agents.sock');
}

/** Starts the controller; `listen` as `netloom controller` has it. The answer comes when it can be asked. */
export async function startController(plan: LabPlan, listen = '127.0.0.1:0'): Promise<void> {
  const data = controllerData(plan);
  const server = join(data, 'server.json');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  // Of an earlier life of it.
  for (const file of [server, agentsSocket(plan)]) rmSync(file, { force: true });
  const log = controllerLog(plan);
  await startProgram({
    lab: plan.name,
    part: 'controller',
    command: netloom(
      'controller',
      ...['--data', data],
      ...['--listen', listen],
      ...['--agents', `unix:${agentsSocket(plan)}`],
      ...['--agents-url', `https://${CONTROLLER_ADDRESS}:${AGENTS_PORT}`],
    ),
    log,
  });
  const isAlive = () => running({ lab: plan.name, part: 'controller' }).length > 0;
  await until(
    () => `The controller does not come up. It says:\n${endOf(log)}`,
    () => {
      if (existsSync(server) && existsSync(agentsSocket(plan))) return true;
      if (!isAlive()) throw hasEnded('The controller', log);
      return undefined;
    },
  );
}

/** Starts what passes the agents' connections on to the controller. */
export async function startRelay(plan: LabPlan): Promise<void> {
  await startProgram({
    lab: plan.name,
    part: 'relay',
    command: inNamespace(
      plan.management,
      ...netloom('lab', 'relay', '--port', `${AGENTS_PORT}`, '--socket', agentsSocket(plan)),
    ),
    log: join(plan.directory, 'relay.log'),
  });
}

/** Starts what makes, moves and takes away machines as the controller's objects change. */
export async function startFollower(plan: LabPlan): Promise<void> {
  await startProgram({
    lab: plan.name,
    part: 'follow',
    command: netloom('lab', 'follow', '--name', plan.name),
    log: join(plan.directory, 'follow.log'),
  });
}

export function ovsOf(plan: Pick<LabPlan, 'name'>, host: HostPlan): OvsPlace {
  const { name, namespace, runDirectory } = host;
  return { lab: plan.name, name, namespace, runDirectory };
}

/** Makes the host's agent known to the controller. */
export async function joinHost(host: HostPlan, token: string): Promise<void> {
  mkdirSync(host.directory, { recursive: true, mode: 0o700 });
  await runWith(
    token,
    inNamespace(host.namespace, ...netloom('agent', 'join', '-', '--state', stateOf(host))),
  );
}

export async function startAgent(plan: Pick<LabPlan, 'name'>, host: HostPlan): Promise<void> {
  await startProgram({
    lab: plan.name,
    part: `agent/${host.name}`,
    command: inNamespace(
      host.namespace,
      ...netloom('agent', 'run', '--state', stateOf(host), '--ovs-rundir', host.runDirectory),
      // The switch is in user space here, and a cable of the kernel gains nothing by AF_XDP.
      ...['--datapath', 'netdev', '--no-afxdp'],
    ),
    log: logOf(host, 'agent'),
  });
}

/** State directory of a host's agent. */
export function stateOf({ directory }: HostPlan): string {
  return join(directory, 'agent');
}

/** What a program of a host says. */
export function logOf({ directory, runDirectory }: HostPlan, part: 'agent' | 'ovs' | 'ovsdb'): string {
  return part === 'agent' ? join(directory, 'agent.log') : join(runDirectory, `${part}.log`);
}

export function controllerLog({ directory }: Pick<LabPlan, 'directory'>): string {
  return join(directory, 'controller.log');
}

/** Starts whatever of a host's programs does not run. */
export async function startHost(plan: Pick<LabPlan, 'name'>, host: HostPlan): Promise<void> {
  const place = ovsOf(plan, host);
  const isUp = (part: string) => running({ lab: plan.name, part: `${part}/${host.name}` }).length > 0;
  if (!isUp('ovsdb') && !isUp('ovs')) await startOvs(place);
  else if (!isUp('ovsdb')) await startDatabase(place);
  else if (!isUp('ovs')) await startSwitch(place);
  if (!isUp('agent')) await startAgent(plan, host);
}
