/**
 * A lab comes up:
 *
 *     the plan is written down
 *     controller, its objects  |  namespaces and cables          side by side
 *     physical switches  |  an Open vSwitch a host  |  relay     side by side
 *     agents join and start -> policy in force on every host
 *     machines, plugged in -> their addresses
 *     the follower, which stays and takes machines that come, go or move later
 *
 * Everything runs on by itself when this has ended. Wherever it is killed, `takeDown` finds all that there is by then.
 */
import { type Finding, finding, NetloomError } from '../../base/error.ts';
import type { ModelObject } from '../../model/kinds.ts';
import type { ControllerAccess } from './controller-access.ts';
import { makeNetworks } from './host-network.ts';
import { inTurns, sideBySide } from './in-turns.ts';
import { endOf } from './logs.ts';
import { withLinuxNics } from './nic-names.ts';
import { startOvs } from './ovs-daemons.ts';
import { joinHost, logOf, ovsOf, startAgent, startController, startFollower, startRelay } from './parts.ts';
import { startPhysicalSwitches } from './physical-switches.ts';
import { type DriverKind, writeLab, writeMachines } from './place.ts';
import { type HostPlan, type LabPlan, planOf } from './plan.ts';
import { markChildren } from './processes.ts';
import type { LabMachine, VmDriver } from './vm-driver.ts';
import { until } from './wait.ts';

export interface BringUpOptions {
  readonly name: string;
  /** What `claim` gave. */
  readonly directory: string;
  readonly objects: readonly ModelObject[];
  readonly driver: DriverKind;
  readonly driverOf: (plan: LabPlan) => Promise<VmDriver>;
  /** The controller of the lab, once it listens. */
  readonly controllerOf: (plan: LabPlan) => ControllerAccess;
  /** Told what is done now; the answer is called when it is, with more to say. */
  readonly onStep: (what: string) => (detail?: string) => void;
  readonly onFindings: (findings: readonly Finding[]) => void;
  /** Ends it at the next opportunity, with what is made by then. */
  readonly signal: AbortSignal;
}

export interface LabUp {
  readonly plan: LabPlan;
  readonly machines: readonly LabMachine[];
}

/** Milliseconds; the first start of everything may be slow on a small machine. */
const HOSTS_LIMIT_MS = 120_000;
const MACHINES_LIMIT_MS = 120_000;
/** Machines that are made at a time. */
const AT_A_TIME = 8;

/** Throws what does not come about; whatever is made by then is for `takeDown`. */
export async function bringUp(options: BringUpOptions): Promise<LabUp> {
  const { name, directory, driver, onStep, signal } = options;
  const { objects, findings } = withLinuxNics(options.objects);
  options.onFindings(findings);
  const plan = planOf(name, directory, objects);
  writeLab({ plan, driver });
  using _marked = markChildren({ lab: name, part: 'up' });

  const controlled = startControlled(options, plan, objects);
  const built = build(plan, onStep);
  // Both end before anything is thrown: what was half made would go on being made.
  await sideBySide([controlled, built]);
  const controller = await controlled;
  throwIfStopped(signal);

  await enrol(plan, controller, options);
  throwIfStopped(signal);
  const machines = await makeMachines(options, plan, controller);
  await startFollower(plan);
  return { plan, machines };
}

function throwIfStopped({ aborted }: AbortSignal): void {
  if (aborted) throw new NetloomError([finding('lab-state', '', 'It was stopped before it was up.', '')]);
}

async function startControlled(
  { controllerOf, onFindings, onStep }: BringUpOptions,
  plan: LabPlan,
  objects: readonly ModelObject[],
): Promise<ControllerAccess> {
  const done = onStep('The controller, and what is described');
  await startController(plan);
  const controller = controllerOf(plan);
  onFindings(await controller.apply(objects));
  done(`${objects.length} objects`);
  return controller;
}

async function build(plan: LabPlan, onStep: BringUpOptions['onStep']): Promise<void> {
  const cabled = onStep('Hosts and their cables');
  await makeNetworks(plan);
  cabled(`${plan.hosts.length} hosts, ${plan.networks.length} physical networks`);
  const switching = onStep('Open vSwitch on each of them');
  await sideBySide([
    startPhysicalSwitches(plan),
    startRelay(plan),
    ...plan.hosts.map((host) => startOvs(ovsOf(plan, host))),
  ]);
  switching();
}

/** Agents join, start, and have their policy in force. */
async function enrol(
  plan: LabPlan,
  controller: ControllerAccess,
  { onStep, signal }: BringUpOptions,
): Promise<void> {
  const joined = onStep('Agents join, and put the policy in force');
  await inTurns(AT_A_TIME, plan.hosts, async (host) => {
    throwIfStopped(signal);
    await joinHost(host, await controller.joinToken(host.name));
    await startAgent(plan, host);
  });
  for (const host of plan.hosts) {
    await until(
      () =>
        `The host ${host.name} does not put its policy in force. Its agent says:\n${endOf(logOf(host, 'agent'))}`,
      () => {
        throwIfStopped(signal);
        return controller.inForce(host.name);
      },
      HOSTS_LIMIT_MS,
    );
  }
  joined();
}

async function makeMachines(
  { name, driverOf, onStep, signal }: BringUpOptions,
  plan: LabPlan,
  controller: ControllerAccess,
): Promise<readonly LabMachine[]> {
  const machines = await controller.machines();
  const made = onStep('Machines');
  const driver = await driverOf(plan);
  await inTurns(AT_A_TIME, machines, (machine) => {
    throwIfStopped(signal);
    return driver.create(machine, hostNamed(plan, machine.host));
  });
  writeMachines(name, machines);
  made(`${machines.length}`);
  const ready = onStep('Their addresses');
  for (const machine of machines) {
    await until(
      () => `The machine ${machine.key} on ${machine.host} does not get its addresses.`,
      () => {
        throwIfStopped(signal);
        return driver.ready(machine);
      },
      MACHINES_LIMIT_MS,
    );
  }
  ready();
  return machines;
}

/** Throws where there is no such host in the lab. */
export function hostNamed({ hosts }: LabPlan, name: string): HostPlan {
  const host = hosts.find((each) => each.name === name);
  if (!host) throw new Error(`there is no host ${name} in the lab`);
  return host;
}
