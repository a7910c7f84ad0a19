/** How a lab is: which of its programs run, which machines are ready. */
import type { ControllerAccess } from './controller-access.ts';
import { readMachines } from './place.ts';
import type { LabPlan } from './plan.ts';
import { processesOf } from './processes.ts';
import { outcome } from './run.ts';
import type { VmDriver } from './vm-driver.ts';

export interface LabStatus {
  readonly name: string;
  readonly directory: string;
  readonly programs: { readonly controller: boolean; readonly relay: boolean; readonly follow: boolean };
  readonly hosts: readonly HostState[];
  readonly machines: readonly MachineState[];
}

export interface HostState {
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
  readonly programs: { readonly agent: boolean; readonly ovs: boolean; readonly ovsdb: boolean };
  /** Whether it has said that all of its policy is in force; undefined when the controller cannot be asked. */
  readonly inForce: boolean | undefined;
  readonly nics: readonly { readonly name: string; readonly network?: string; readonly link: boolean }[];
}

export interface MachineState {
  readonly name: string;
  readonly host: string;
  readonly nics: readonly { readonly name: string; readonly addresses: readonly string[] }[];
  /** Whether it has its addresses. */
  readonly ready: boolean;
  /** Why it does not run any more; absent while it does. */
  readonly ended?: string;
}

export async function statusOf(
  plan: LabPlan,
  driver: VmDriver,
  controller: Pick<ControllerAccess, 'inForce'>,
): Promise<LabStatus> {
  const parts = new Set(processesOf(plan.name, []).map(({ part }) => part));
  const hosts = plan.hosts.map(async (host): Promise<HostState> => {
    const links = await linksOf(host.namespace);
    return {
      name: host.name,
      namespace: host.namespace,
      address: host.managementAddress,
      programs: {
        agent: parts.has(`agent/${host.name}`),
        ovs: parts.has(`ovs/${host.name}`),
        ovsdb: parts.has(`ovsdb/${host.name}`),
      },
      inForce: parts.has('controller')
        ? await controller.inForce(host.name).catch(() => undefined)
        : undefined,
      nics: host.nics.map(({ name, network }) => ({
        name,
        ...(network === undefined ? {} : { network }),
        link: links.has(name),
      })),
    };
  });
  const machines = readMachines(plan.name).map(async (machine): Promise<MachineState> => {
    const ended = driver.whyEnded(machine);
    return {
      name: machine.key,
      host: machine.host,
      nics: machine.nics.map(({ name, port }) => ({
        name,
        addresses: port.addresses.map(({ address }) => address),
      })),
      ready: ended === undefined && (await driver.ready(machine).catch(() => false)),
      ...(ended === undefined ? {} : { ended }),
    };
  });
  return {
    name: plan.name,
    directory: plan.directory,
    programs: {
      controller: parts.has('controller'),
      relay: parts.has('relay'),
      follow: parts.has('follow'),
    },
    hosts: await Promise.all(hosts),
    machines: await Promise.all(machines),
  };
}

/** Interfaces with a link. */
async function linksOf(namespace: string): Promise<ReadonlySet<string>> {
  const { code, out } = await outcome(['ip', '-n', namespace, '-j', 'link', 'show']);
  if (code !== 0) return new Set();
  const shown = JSON.parse(out) as readonly { readonly ifname: string; readonly flags: readonly string[] }[];
  return new Set(shown.filter(({ flags }) => flags.includes('LOWER_UP')).map(({ ifname }) => ifname));
}
