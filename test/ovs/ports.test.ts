// The ports half of the engine on a real Open vSwitch: every kind of port comes, is read back as it was wanted, changes, shows
// what was changed by hand, and goes without a trace; what is somebody else's is as it was.
import { describe, expect } from 'vitest';
import type { PortSpec, PortVlan } from '../../src/flow/datapath.ts';
import { ip } from '../../src/packet/address.ts';
import { itWithNamespaces } from './open-vswitch.ts';
import { eventually, withPorts } from './port-rig.ts';

const TRUNK: PortVlan = { mode: 'trunk', trunks: [] };

const SPECS: readonly PortSpec[] = [
  { type: 'vif', name: 'nlv1', id: 'blue1/eth0', vlan: { mode: 'access', tag: 7 }, bandwidth: {} },
  {
    type: 'vif',
    name: 'nlv2',
    id: 'blue2/eth0',
    vlan: { mode: 'native-untagged', tag: 7, trunks: [7, 8], priorityTags: 'if-nonzero' },
    policing: { rateKbps: 1000, burstKb: 600 },
    bandwidth: { minimumKbps: 500, weight: 7 },
  },
  {
    type: 'internal',
    name: 'nlv3',
    id: 'host1/mgmt',
    mac: '02:00:00:00:00:03',
    vlan: { mode: 'access', tag: 9 },
    addresses: [
      { address: ip('10.9.0.1'), prefixLength: 24, gateway: ip('10.9.0.254') },
      { address: ip('fd09::1'), prefixLength: 64, gateway: ip('fd09::fe') },
    ],
    mtu: 1400,
    bandwidth: {},
  },
  {
    type: 'internal',
    name: 'nlp1',
    id: 'provider ln',
    mac: '02:00:00:00:00:04',
    vlan: { mode: 'access', tag: 100 },
    addresses: [{ address: ip('192.168.4.11'), prefixLength: 24 }],
  },
  { type: 'tunnel', name: 'nlt1', encapsulation: 'nvgre', local: '192.168.4.11', carrier: 'nlu1' },
  {
    type: 'tunnel',
    name: 'nlt2',
    encapsulation: 'vxlan',
    local: '192.168.4.11',
    tos: 0x48,
    ttl: 17,
    dontFragment: false,
  },
  {
    type: 'tunnel',
    name: 'nlt3',
    encapsulation: 'geneve',
    local: 'fd01::11',
    tos: 'inherit',
    ttl: 'inherit',
  },
];

const uplink = (
  nics: readonly string[],
  more: Partial<Extract<PortSpec, { type: 'uplink' }>> = {},
): PortSpec => ({
  type: 'uplink',
  name: 'nlu1',
  nics,
  mode: 'balance-slb',
  lacp: 'off',
  vlan: TRUNK,
  ...more,
});

describe('ports on Open vSwitch', () => {
  itWithNamespaces(
    'come, are read back, and go without a trace',
    () =>
      withPorts(async ({ ports, ovs, ip: run, namespaces, namespace, again, troubles }) => {
        const far = await namespaces.add('far');
        for (const nic of ['nic1', 'nic2'])
          await namespaces.cable({ in: namespace, name: nic }, { in: far, name: nic });
        await ovs.vsctl('add-br', 'foreign', '--', 'set', 'bridge', 'foreign', 'datapath_type=netdev');
        await ovs.vsctl('add-port', 'foreign', 'other', '--', 'set', 'interface', 'other', 'type=internal');
        const before = await ovs.vsctl('list', 'bridge', 'foreign');
        const rules = await run('-4', 'rule', 'show');

        const datapath = await ports.openSwitch('green');
        const specs = [...SPECS, uplink(['nic1'])];
        const numbers = new Map<string, number>();
        for (const spec of specs) numbers.set(spec.name, await datapath.setPort(spec));
        const wanted = new Map(specs.map((spec) => [spec.name, { number: numbers.get(spec.name), spec }]));
        expect(new Set(numbers.values()).size).toBe(specs.length);
        expect(await datapath.ports()).toEqual(wanted);

        // Another life of the agent finds them, and has nothing to write.
        const second = await again();
        const same = await second.openSwitch('green');
        const serial = await ovs.vsctl('get', 'open', '.', 'next_cfg');
        for (const spec of specs) expect(await same.setPort(spec)).toBe(numbers.get(spec.name));
        expect(await same.ports()).toEqual(wanted);
        expect(await ovs.vsctl('get', 'open', '.', 'next_cfg')).toBe(serial);
        await second.close();

        for (const team of [
          uplink(['nic2', 'nic1'], { capacityKbps: 1e6 }),
          uplink(['nic1', 'nic2'], { mode: 'balance-tcp', lacp: 'active' }),
          uplink(['nic2'], { mode: 'active-backup', lacp: 'passive' }),
        ]) {
          expect(await datapath.setPort(team)).toBe(numbers.get('nlu1'));
          expect((await datapath.ports()).get('nlu1')).toEqual({ number: numbers.get('nlu1'), spec: team });
        }

        for (const { name } of specs) await datapath.removePort(name);
        expect(await datapath.ports()).toEqual(new Map());
        await ports.removeSwitch('green');
        expect(ports.switchNames()).toEqual([]);
        expect((await ovs.vsctl('list-br')).trim().split('\n')).toEqual(['foreign', 'nlplug0']);
        expect(await ovs.vsctl('list', 'bridge', 'foreign')).toBe(before);
        expect(await run('-4', 'rule', 'show')).toBe(rules);
        expect(troubles).toEqual([]);
      }),
    60_000,
  );
  itWithNamespaces(
    'have queues at the uplink where the kernel has the datapath, and leave none behind',
    () =>
      withPorts(
        async ({ ports, ovs, ip: run, namespaces, namespace }) => {
          const far = await namespaces.add('far');
          for (const nic of ['nic1', 'nic2'])
            await namespaces.cable({ in: namespace, name: nic }, { in: far, name: nic });
          await run('link', 'show', 'nic1');
          const green = await ports.openSwitch('green');
          const capacityKbps = 1e6;
          const one = await green.setPort(uplink(['nic1'], { capacityKbps }));
          const two = SPECS[1] as PortSpec;
          const number = await green.setPort(two);
          const holder = async () =>
            (await ovs.vsctl('--columns=name', '--bare', 'find', 'port', 'qos!=[]')).trim();
          expect(await holder()).toBe('nlu1');
          expect(await ovs.vsctl('--columns=queues', 'list', 'qos')).toContain(`${number - 0xfff}=`);
          const queues = await ovs.vsctl('--bare', '--columns=other_config', 'list', 'queue');
          expect(queues.trim().split(/\n+/).sort()).toEqual([
            'max-rate=1000000000 min-rate=2208984',
            'max-rate=1000000000 min-rate=244141',
          ]);
          await green.setPort(uplink(['nic1', 'nic2'], { capacityKbps }));
          expect(await holder()).toMatch(/^nlc/);
          expect((await green.ports()).get('nlu1')?.spec).toEqual(uplink(['nic1', 'nic2'], { capacityKbps }));
          const [queue = ''] = (await ovs.vsctl('--bare', '--columns=_uuid', 'list', 'queue'))
            .trim()
            .split(/\n+/);
          await ovs.vsctl('set', 'queue', queue, 'other_config:min-rate=5');
          const told = () => green.ports();
          await eventually(told, (now) => !('capacityKbps' in (now.get('nlu1')?.spec ?? {})));
          expect(await green.setPort(uplink(['nic2'], { capacityKbps }))).toBe(one);
          expect(await holder()).toBe('nlu1');
          expect((await green.ports()).get('nlu1')?.spec).toEqual(uplink(['nic2'], { capacityKbps }));
          await green.removePort('nlv2');
          expect(
            (await ovs.vsctl('--columns=_uuid', '--bare', 'list', 'queue')).trim().split(/\n+/).length,
          ).toBe(1);
          expect(ports.findings().filter(({ code }) => code === 'bandwidth-unenforced')).toEqual([]);
          await green.removePort('nlu1');
          expect(await ovs.vsctl('list', 'qos')).toBe('');
          expect(await ovs.vsctl('list', 'queue')).toBe('');
        },
        { datapathType: 'system' },
      ),
    60_000,
  );

  itWithNamespaces(
    'say that a share is not kept where there are no queues',
    () =>
      withPorts(async ({ ports, ovs }) => {
        const green = await ports.openSwitch('green');
        await green.setPort(SPECS[1] as PortSpec);
        expect(ports.findings().map(({ code }) => code)).toEqual(['bandwidth-unenforced']);
        expect(await ovs.vsctl('list', 'queue')).toBe('');
      }),
    60_000,
  );
});
