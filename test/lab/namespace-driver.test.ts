/**
 * The pieces of a lab on real namespaces and switches, without controller and agents: `nlplug0` is a plain switch here, with
 * the host's NIC in it.
 */
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { expect } from 'vitest';
import { takeDown } from '../../src/lab/real/down.ts';
import { makeNetworks } from '../../src/lab/real/host-network.ts';
import { namespaceDriver } from '../../src/lab/real/namespace-driver.ts';
import { startOvs, vsctl } from '../../src/lab/real/ovs-daemons.ts';
import { ovsOf } from '../../src/lab/real/parts.ts';
import { startPhysicalSwitches } from '../../src/lab/real/physical-switches.ts';
import { claim, directoryOf, writeLab } from '../../src/lab/real/place.ts';
import { type HostPlan, type LabPlan, planOf } from '../../src/lab/real/plan.ts';
import { processesOf } from '../../src/lab/real/processes.ts';
import { outcome } from '../../src/lab/real/run.ts';
import type { LabMachine } from '../../src/lab/real/vm-driver.ts';
import { until } from '../../src/lab/real/wait.ts';
import { namespacesOf } from '../../src/lab/real/wires.ts';
import { parseDocuments } from '../../src/model/input.ts';
import { ipv4, mac } from '../../src/packet/address.ts';
import { itWithNamespaces } from '../ovs/open-vswitch.ts';

const HOSTS = `kind: PhysicalNetwork
name: red wire
---
kind: PhysicalNetwork
name: blue wire
joinedWith: [red wire]
---
kind: HostGroup
name: g
---
kind: Host
name: host1
group: g
nics: [{ name: nic1, physicalNetwork: red wire, mac: "02:00:00:00:00:01" }, { name: spare, mac: "02:00:00:00:00:03" }]
---
kind: Host
name: host2
group: g
nics: [{ name: nic1, physicalNetwork: blue wire, mac: "02:00:00:00:00:02" }]
`;

function machine(number: number, host: string): LabMachine {
  return {
    key: `vm${number}`,
    host,
    nics: [
      {
        name: 'eth0',
        tap: `vm${number}.eth0`,
        adapter: 'synthetic',
        port: {
          kind: 'port',
          id: `00000000-0000-4000-8000-00000000000${number}`,
          name: `vm${number}/eth0`,
          owner: 'vm',
          switch: 'any',
          mac: mac(`02:00:00:00:01:0${number}`),
          addresses: [{ address: ipv4(`10.0.0.${number}`), prefixLength: 24, dns: [] }],
          attachment: { type: 'vlan', vlan: 0 },
          security: SECURITY,
          mtu: 1400,
          origin: `VirtualMachine/vm${number}`,
        },
      },
    ],
  };
}

const SECURITY = {
  macSpoofing: false,
  dhcpGuard: false,
  routerGuard: false,
  guestSpecifiedAddresses: false,
};

/** Hosts and switches, and nothing left of them. */
async function withHosts(use: (plan: LabPlan) => Promise<void>): Promise<void> {
  const lab = `t${randomInt(36 ** 6).toString(36)}`;
  const directory = claim(lab);
  try {
    const { objects, findings } = parseDocuments(HOSTS, 'test');
    expect(findings).toEqual([]);
    const plan = planOf(
      lab,
      directory,
      objects.map(({ object }) => object),
    );
    writeLab({ plan, driver: 'namespace' });
    await makeNetworks(plan);
    await Promise.all([
      startPhysicalSwitches(plan),
      ...plan.hosts.map((host) => startOvs(ovsOf(plan, host))),
    ]);
    for (const host of plan.hosts) {
      const bridge = ['--', 'set', 'Bridge', 'nlplug0', 'datapath_type=netdev'];
      await vsctl(host, '--', 'add-br', 'nlplug0', ...bridge, '--', 'add-port', 'nlplug0', 'nic1');
    }
    await use(plan);
  } finally {
    await takeDown(lab);
  }
  expect(namespacesOf(lab)).toEqual([]);
  expect(processesOf(lab, [])).toEqual([]);
  expect(existsSync(directoryOf(lab))).toBe(false);
}

/** What Netloom does with a tap that is plugged in: the port gets the number that is wanted for it. */
async function binds(host: HostPlan, tap: string): Promise<void> {
  const bound = () => vsctl(host, 'set', 'Interface', tap, 'ofport_request=77').catch(() => undefined);
  await until(`${tap} is plugged in`, async () => (await bound()) !== undefined);
}

itWithNamespaces(
  'machines in namespaces reach each other over the physical switches, and go on when they move',
  () =>
    withHosts(async (plan) => {
      const driver = namespaceDriver({ lab: plan.name, directory: plan.directory });
      const [host1, host2] = plan.hosts;
      if (!host1 || !host2) throw new Error('two hosts');
      const [one, two] = [machine(1, 'host1'), machine(2, 'host2')];
      await driver.create(one, host1);
      await driver.create(two, host2);
      for (const each of [one, two]) expect(await driver.ready(each)).toBe(true);
      const ping = (options: readonly string[] = []) =>
        outcome(
          driver.inside(one, ['ping', '-n', '-c', '3', '-i', '0.2', '-W', '3', ...options, '10.0.0.2']),
        );
      expect((await ping()).code).toBe(0);
      // The MTU of the record holds: what is larger does not leave.
      expect((await ping(['-M', 'do', '-s', '1372'])).code).toBe(0);
      expect((await ping(['-M', 'do', '-s', '1373'])).code).not.toBe(0);

      await Promise.all([driver.move(two, host2, host1), binds(host1, 'vm2.eth0')]);
      expect(await driver.ready(two)).toBe(true);
      expect((await ping()).code).toBe(0);
      expect(await vsctl(host2, 'list-ports', 'nlplug0')).not.toContain('vm2.eth0');
      expect(await vsctl(host1, 'get', 'Interface', 'vm2.eth0', 'external_ids:iface-id')).toContain(
        two.nics[0]?.port.id,
      );

      await driver.destroy(two, host1);
      expect((await ping()).code).not.toBe(0);
      expect(await vsctl(host1, 'list-ports', 'nlplug0')).not.toContain('vm2.eth0');
      // Once more is nothing new, and neither is one that was never there.
      await driver.destroy(two, host1);
      await driver.destroy(machine(3, 'host1'), host1);
    }),
);

itWithNamespaces('a machine on a trunk has an interface for each tagged VLAN, apart from the others', () =>
  withHosts(async (plan) => {
    const driver = namespaceDriver({ lab: plan.name, directory: plan.directory });
    const [host1, host2] = plan.hosts;
    if (!host1 || !host2) throw new Error('two hosts');
    const trunk = (number: number, host: string): LabMachine => {
      const made = machine(number, host);
      const tagged = [30, 40].map((vlan) => ({
        address: ipv4(`10.${vlan}.0.${number}`),
        prefixLength: 24,
        dns: [],
        vlan,
      }));
      const nics = made.nics.map((nic) => ({
        ...nic,
        port: { ...nic.port, addresses: [...nic.port.addresses, ...tagged] },
      }));
      return { ...made, nics };
    };
    const [one, two] = [trunk(1, 'host1'), trunk(2, 'host2')];
    await driver.create(one, host1);
    await driver.create(two, host2);
    const ping = async (device: string, address: string) => {
      const command = ['ping', '-n', '-c', '3', '-i', '0.2', '-W', '2', '-I', device, address];
      return (await outcome(driver.inside(one, command))).code === 0;
    };
    expect(await ping('eth0', '10.0.0.2')).toBe(true);
    expect(await ping('eth0.30', '10.30.0.2')).toBe(true);
    expect(await ping('eth0.40', '10.40.0.2')).toBe(true);
    expect(await ping('eth0.30', '10.40.0.2')).toBe(false);
    await driver.destroy(one, host1);
    await driver.destroy(two, host2);
    expect(processesOf(plan.name, []).filter(({ part }) => part?.includes('/vm/'))).toEqual([]);
  }),
);
