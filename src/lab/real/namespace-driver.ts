/**
 * Machines that are network namespaces: Linux with a stack of its own, cabled to the host as a VM is by its tap.
 *
 *     nl-lab-vm-web            nl-lab-host-node1
 *       eth0 ------ veth ------ web.eth0    port of nlplug0, then of the switch that Netloom binds it to
 */
import { join } from 'node:path';
import { isIpv4 } from '../../packet/address.ts';
import type { PortAddress, PortRecord } from '../../policy/records.ts';
import { startDhcpClient } from './dhcp-client.ts';
import { settingsOf } from './guest-settings.ts';
import { namespaceName, plainName } from './names.ts';
import { vsctl } from './ovs-daemons.ts';
import { end, processesOf } from './processes.ts';
import { attempt, inNamespace, run } from './run.ts';
import { addVlanInterfaces, switchParts } from './vlan-interfaces.ts';
import type { LabHost, LabMachine, MachineNic, VmDriver } from './vm-driver.ts';
import { until } from './wait.ts';
import { addCable, addNamespace, namespaces, prepareEnd, removeInterface, removeNamespace } from './wires.ts';

/** Where taps wait for Netloom to bind them; the agent makes it. */
const QUARANTINE_BRIDGE = 'nlplug0';

/** Milliseconds; an agent takes a few of them, and may just be starting. */
const BIND_LIMIT_MS = 30_000;

export interface DriverPlace {
  readonly lab: string;
  /** Of the lab. */
  readonly directory: string;
}

export function namespaceDriver({ lab, directory }: DriverPlace): VmDriver {
  const namespaceOf = ({ key }: Pick<LabMachine, 'key'>) => namespaceName(lab, 'vm', key);

  const destroy = async (machine: LabMachine, host: LabHost): Promise<void> => {
    const namespace = namespaceOf(machine);
    for (const { tap } of machine.nics) await unplug(tap, host);
    if (!namespaces().includes(namespace)) return;
    await end(processesOf(lab, [namespace]).filter((each) => isInside(each.part, machine)));
    await removeNamespace(namespace);
  };

  return {
    destroy,
    async create(machine, host) {
      await destroy(machine, host);
      const namespace = namespaceOf(machine);
      await addNamespace(namespace);
      for (const { name, tap, port } of machine.nics) {
        await addCable(
          { in: namespace, name, mac: port.mac },
          { in: host.namespace, name: tap, silent: true },
          port.mtu,
        );
        await plug(tap, port, host);
      }
      for (const [index, nic] of machine.nics.entries()) {
        await configure({ lab, namespace, machine: machine.key, index, nic, directory });
      }
    },
    async move(machine, from, to) {
      await replug(machine, from, to);
      try {
        // What it says before it is on its switch, nobody hears.
        await bound(machine, to);
      } catch (thrown) {
        await replug(machine, to, from);
        throw thrown;
      }
      for (const { name, port } of machine.nics) {
        // A MAC address that is set, even to what it was, is told to the neighbours (arp_notify, ndisc_notify).
        await run('ip', '-n', namespaceOf(machine), 'link', 'set', name, 'address', port.mac);
      }
    },
    async ready(machine) {
      for (const { name, port } of machine.nics) {
        const { expected } = settingsOf(port);
        const present = await addressesOn(namespaceOf(machine), name);
        if (!expected.every((address) => present.includes(address))) return false;
      }
      return true;
    },
    // A namespace does not end by itself.
    whyEnded: () => undefined,
    inside: (machine, command) => inNamespace(namespaceOf(machine), ...command),
  };
}

/** Its own DHCP clients and switch, and what a user started in it. */
function isInside(part: string | undefined, { key }: LabMachine): boolean {
  return part === undefined || part.startsWith(`dhcp/${key}/`) || switchParts(key).includes(part);
}

/** Puts a tap where Netloom finds it. */
export async function plug(tap: string, port: PortRecord, host: LabHost): Promise<void> {
  await vsctl(
    host,
    ...['--', '--if-exists', 'del-port', tap],
    ...['--', 'add-port', QUARANTINE_BRIDGE, tap],
    ...['--', 'set', 'Interface', tap],
    `external_ids:iface-id="${port.id}"`,
    `external_ids:attached-mac="${port.mac}"`,
  );
}

/** The machine's cables go from one host to the other. */
async function replug({ nics }: LabMachine, from: LabHost, to: LabHost): Promise<void> {
  for (const { tap, port } of nics) {
    await vsctl(from, '--if-exists', 'del-port', tap);
    await run('ip', '-n', from.namespace, 'link', 'set', tap, 'netns', to.namespace);
    await prepareEnd({ in: to.namespace, name: tap, silent: true });
    await plug(tap, port, to);
  }
}

/** Waits until Netloom has taken the taps to their switches: from then on its rules are there for them. */
export async function bound(machine: LabMachine, host: LabHost): Promise<void> {
  for (const { tap } of machine.nics) {
    await until(
      `Netloom does not bind ${tap} on ${host.name}: is the migration prepared there?`,
      async () => {
        const numbers = await vsctl(host, 'get', 'Interface', tap, 'ofport', 'ofport_request');
        const [number, wanted] = numbers.split('\n');
        // In quarantine none is wanted.
        return wanted !== '[]' && number === wanted;
      },
      BIND_LIMIT_MS,
    );
  }
}

export async function unplug(tap: string, host: LabHost): Promise<void> {
  // The host may have no Open vSwitch at the moment; what it has on record of the tap then has no interface.
  await vsctl(host, '--if-exists', 'del-port', tap).catch(() => {});
  await removeInterface(host.namespace, tap);
}

interface NicSetup extends DriverPlace {
  readonly namespace: string;
  readonly machine: string;
  /** Place of the NIC among the machine's. */
  readonly index: number;
  readonly nic: MachineNic;
}

async function configure(setup: NicSetup): Promise<void> {
  const { namespace, machine, index, nic, lab, directory } = setup;
  const settings = settingsOf(nic.port);
  const metric = 100 + index;
  const set = async (device: string, addresses: readonly PortAddress[]) => {
    for (const { address, prefixLength, gateway } of addresses) {
      await run('ip', '-n', namespace, 'address', 'add', `${address}/${prefixLength}`, 'dev', device);
      if (gateway === undefined) continue;
      const route = [
        isIpv4(address) ? '-4' : '-6',
        '-n',
        namespace,
        'route',
        'replace',
        'default',
        'via',
        gateway,
      ];
      await attempt('ip', ...route, 'dev', device, 'onlink', 'metric', `${metric}`);
    }
  };
  await set(nic.name, settings.fixed);
  const client = {
    lab,
    machine,
    namespace,
    nic: nic.name,
    metric,
    directory: join(directory, 'machines', plainName(machine, 32)),
  };
  const { mac, mtu } = nic.port;
  if (settings.vlans.size > 0) await addVlanInterfaces({ ...client, mac, mtu }, [...settings.vlans.keys()]);
  for (const [vlan, addresses] of settings.vlans) await set(`${nic.name}.${vlan}`, addresses);
  if (settings.dhcp) await startDhcpClient({ ...client, version: 4 });
  if (!settings.dhcpv6) return;
  // A client has nothing to send from before the link-local address is known to be nobody else's (RFC 8415, 6).
  await until(
    `The link-local address of ${machine}/${nic.name} does not become usable.`,
    async () => (await addressesOn(namespace, nic.name)).some((address) => address.startsWith('fe80:')),
    10_000,
  );
  await startDhcpClient({ ...client, version: 6 });
}

interface ShownInterface {
  readonly addr_info?: readonly { readonly local?: string; readonly tentative?: boolean }[];
}

/** Addresses that an interface has and may use. */
async function addressesOn(namespace: string, device: string): Promise<string[]> {
  const text = await run('ip', '-n', namespace, '-j', 'address', 'show', 'dev', device);
  const shown = JSON.parse(text) as readonly ShownInterface[];
  return shown.flatMap(({ addr_info = [] }) =>
    addr_info.flatMap(({ local, tentative }) => (local === undefined || tentative ? [] : [local])),
  );
}
