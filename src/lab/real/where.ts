/** Where in a lab a name means: a machine, a host, or the switch of a physical network. */
import { finding, NetloomError } from '../../base/error.ts';
import { netloom, stateOf } from './parts.ts';
import { fabricPlace } from './physical-switches.ts';
import { readMachines } from './place.ts';
import type { HostPlan, LabPlan, PhysicalSwitch } from './plan.ts';
import { inNamespace } from './run.ts';
import type { LabMachine, VmDriver } from './vm-driver.ts';

export type Where =
  | { readonly type: 'machine'; readonly machine: LabMachine }
  | { readonly type: 'host'; readonly host: HostPlan }
  | { readonly type: 'network'; readonly network: PhysicalSwitch };

/** Throws `not-found` with the names that there are. */
export function whereIs(plan: LabPlan, name: string): Where {
  const machines = readMachines(plan.name);
  const machine = machines.find(({ key }) => key === name);
  if (machine) return { type: 'machine', machine };
  const host = plan.hosts.find((each) => each.name === name);
  if (host) return { type: 'host', host };
  const network = plan.networks.find((each) => each.network === name);
  if (network) return { type: 'network', network };
  const names = [...machines.map(({ key }) => key), ...plan.hosts, ...plan.networks.map((n) => n.network)];
  throw nowhere(
    name,
    names.map((each) => (typeof each === 'string' ? each : each.name)),
  );
}

/** A host by its name. Throws `not-found`. */
export function hostCalled({ hosts }: LabPlan, name: string): HostPlan {
  const host = hosts.find((each) => each.name === name);
  if (host) return host;
  throw nowhere(
    name,
    hosts.map((each) => each.name),
  );
}

/** `web/eth0` in its two parts; the second is undefined without a slash. */
export function splitPlace(text: string): readonly [string, string | undefined] {
  const slash = text.lastIndexOf('/');
  return slash < 0 ? [text, undefined] : [text.slice(0, slash), text.slice(slash + 1)];
}

/**
 * The program with its arguments that does `command` there. On a host, the tools of Open vSwitch and `netloom agent` find
 * what is the host's by themselves; `netloom` is the one that runs here.
 */
export function commandAt(
  plan: LabPlan,
  driver: VmDriver,
  where: Where,
  command: readonly string[],
): readonly string[] {
  const [tool, ...args] = command;
  const there = tool === 'netloom' ? netloom(...args) : command;
  const on = (namespace: string, runDirectory: string, ...more: readonly string[]) =>
    inNamespace(namespace, 'env', `OVS_RUNDIR=${runDirectory}`, ...more, ...there);
  switch (where.type) {
    case 'machine':
      return driver.inside(where.machine, command);
    case 'host':
      return on(where.host.namespace, where.host.runDirectory, `NETLOOM_AGENT_STATE=${stateOf(where.host)}`);
    case 'network':
      return on(plan.fabric, fabricPlace(plan).runDirectory);
  }
}

export function nowhere(name: string, names: readonly string[]): NetloomError {
  const shown = names.length > 12 ? `${names.slice(0, 12).join(', ')} …` : names.join(', ');
  return new NetloomError([
    finding(
      'not-found',
      '',
      `Nothing in the lab is called ${JSON.stringify(name)}.`,
      names.length > 0 ? `There are: ${shown}.` : '"netloom lab status" shows what there is.',
    ),
  ]);
}
