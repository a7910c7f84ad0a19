// Whatever is asked for, plugged in and taken out, in whatever order: the ports are those that are wanted, each with the number
// that it had, taps are where they belong, and what is somebody else's is as it was.
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import type { PortSpec } from '../../src/flow/datapath.ts';
import type { HostPorts } from '../../src/ovs/ports/host-ports.ts';
import { ip } from '../../src/packet/address.ts';
import { seed } from '../support/seed.ts';
import { itWithNamespaces } from './open-vswitch.ts';
import { eventually, type PortRig, withPorts } from './port-rig.ts';

const SWITCHES = ['green', 'blue'] as const;
const TAPS = ['tap1', 'tap2', 'tap3'] as const;

const vif = fc.record({ id: fc.constantFrom('one', 'two'), tag: fc.integer({ min: 1, max: 4094 }) }).map(
  ({ id, tag }): PortSpec => ({
    type: 'vif',
    name: `nlv${id}`,
    id,
    vlan: { mode: 'access', tag },
    bandwidth: {},
  }),
);
const host = fc
  .record({
    tag: fc.integer({ min: 1, max: 4094 }),
    addresses: fc.subarray(['10.7.0.1', '10.7.0.2', 'fd07::1']),
  })
  .map(
    ({ tag, addresses }): PortSpec => ({
      type: 'internal',
      name: 'nlvhost',
      id: 'host',
      mac: '02:00:00:00:00:02',
      vlan: { mode: 'access', tag },
      addresses: addresses.map((text) => ({ address: ip(text), prefixLength: 24 })),
    }),
  );
const tunnel = fc
  .record({
    local: fc.constantFrom('10.7.0.1', 'fd07::1'),
    encapsulation: fc.constantFrom('nvgre' as const, 'vxlan' as const),
  })
  .map((words): PortSpec => ({ type: 'tunnel', name: 'nltt', ...words }));
const uplink = fc
  .record({
    nics: fc.subarray(['nic1', 'nic2', 'nic3'], { minLength: 1 }),
    mode: fc.constantFrom('active-backup' as const, 'balance-slb' as const),
    lacp: fc.constantFrom('off' as const, 'active' as const),
  })
  .map(
    (words): PortSpec => ({ type: 'uplink', name: 'nluu', vlan: { mode: 'trunk', trunks: [] }, ...words }),
  );

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      what: fc.constant('set' as const),
      on: fc.constantFrom(...SWITCHES),
      spec: fc.oneof(vif, host, tunnel, uplink),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      what: fc.constant('remove' as const),
      on: fc.constantFrom(...SWITCHES),
      port: fc.nat(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant('plug' as const),
      tap: fc.constantFrom(...TAPS),
      id: fc.constantFrom('one', 'two', 'stranger'),
      onOurs: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ what: fc.constant('unplug' as const), tap: fc.constantFrom(...TAPS) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('close' as const), on: fc.constantFrom(...SWITCHES) }),
  },
  { weight: 1, arbitrary: fc.constant({ what: 'restart' as const }) },
);

const lives = new WeakMap<PortRig, HostPorts>();

/** Nothing of it may ever change. */
async function foreignRows({ ovs }: PortRig): Promise<string> {
  const lists = [
    ['list', 'bridge', 'foreign'],
    ['list', 'port', 'foreign', 'other', 'theirs'],
    [
      '--columns=name,type,options,external_ids,ofport_request,mac,other_config',
      'list',
      'interface',
      'foreign',
      'other',
      'theirs',
    ],
    ['list', 'mirror', 'watch'],
  ];
  const texts: string[] = [];
  for (const list of lists) texts.push(await ovs.vsctl(...list));
  return texts.join('\n');
}

async function run(
  rig: PortRig,
  steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[],
): Promise<void> {
  const { ovs } = rig;
  // One life of the agent at a time, from run to run.
  let ports = lives.get(rig) ?? rig.ports;
  const wanted = new Map<string, Map<string, PortSpec>>();
  const plugged = new Map<string, string>();
  const foreign = await foreignRows(rig);
  const open = async (name: string) => {
    if (!wanted.has(name)) wanted.set(name, new Map());
    return ports.openSwitch(name);
  };
  try {
    for (const each of steps) {
      if (each.what === 'set') {
        const { on, spec } = each;
        const datapath = await open(on);
        // What is not a vNIC of a machine is in one place; the other switch has lost it then.
        if (spec.type !== 'vif')
          for (const [other, specs] of wanted)
            if (other !== on && specs.delete(spec.name))
              await (await ports.openSwitch(other)).removePort(spec.name);
        await datapath.setPort(spec);
        wanted.get(on)?.set(spec.name, spec);
      } else if (each.what === 'remove') {
        const names = [...(wanted.get(each.on)?.keys() ?? [])];
        const name = names[each.port % Math.max(1, names.length)];
        if (name === undefined) continue;
        await (await ports.openSwitch(each.on)).removePort(name);
        wanted.get(each.on)?.delete(name);
      } else if (each.what === 'plug') {
        if (plugged.has(each.tap) || [...plugged.values()].includes(each.id)) continue;
        const ours = each.onOurs ? [...wanted.keys()][0] : undefined;
        const bridge = ours === undefined ? 'foreign' : (await ports.openSwitch(ours)).bridge;
        if (bridge === 'foreign' && each.id === 'stranger') continue;
        await ovs.vsctl(
          'add-port',
          bridge,
          each.tap,
          '--',
          'set',
          'interface',
          each.tap,
          `external_ids:iface-id=${each.id}`,
        );
        plugged.set(each.tap, each.id);
      } else if (each.what === 'unplug') {
        if (plugged.delete(each.tap)) await ovs.vsctl('del-port', each.tap);
      } else if (each.what === 'close') {
        await ports.removeSwitch(each.on);
        wanted.delete(each.on);
      } else {
        await ports.close();
        ports = await rig.again();
        lives.set(rig, ports);
      }
      await ports.idle();
    }
    expect(ports.switchNames()).toEqual([...wanted.keys()].sort());
    const numbers = new Map<string, number>();
    for (const [name, specs] of wanted) {
      const datapath = await ports.openSwitch(name);
      const isRight = async () => {
        const shown = await datapath.ports();
        expect(new Map([...shown].map(([port, { spec }]) => [port, spec]))).toEqual(specs);
        for (const [port, { number }] of shown) expect(numbers.get(port) ?? number).toBe(number);
        for (const [port, { number }] of shown) numbers.set(port, number);
        return true;
      };
      await eventually(
        () => isRight().catch((error: unknown) => String(error)),
        (is) => is === true,
      );
    }
    expect(new Set(numbers.values()).size).toBe(numbers.size);
    const facts = ports.vifs();
    for (const [tap, id] of plugged) {
      const isWanted = [...wanted.values()].some((specs) => specs.has(`nlv${id}`));
      expect(facts.find((fact) => fact.id === id)?.tap).toBe(isWanted ? tap : undefined);
    }
    // Mirrors, ports and bridges of others.
    const now = await foreignRows(rig);
    const withoutTaps = (text: string) => text.replace(/^(ports|statistics) .*$/gm, '');
    expect(withoutTaps(now)).toBe(withoutTaps(foreign));
    expect(rig.troubles).toEqual([]);
  } finally {
    for (const name of SWITCHES) await ports.removeSwitch(name);
    for (const tap of plugged.keys()) await ovs.vsctl('--if-exists', 'del-port', tap);
    await ports.idle();
  }
  expect((await ovs.vsctl('list-br')).trim().split('\n').sort()).toEqual([
    'foreign',
    ...(await leftQuarantine(rig)),
  ]);
}

/** The quarantine stays once it was made. */
async function leftQuarantine({ ovs }: PortRig): Promise<readonly string[]> {
  return (await ovs.vsctl('list-br')).includes('nlplug0') ? ['nlplug0'] : [];
}

describe('changes of ports', () => {
  itWithNamespaces(
    'come to what is wanted, whatever came before, and touch nothing of others',
    () =>
      withPorts(async (rig) => {
        const { ovs, namespaces, namespace, ip: run1 } = rig;
        const far = await namespaces.add('far');
        for (const nic of ['nic1', 'nic2', 'nic3'])
          await namespaces.cable({ in: namespace, name: nic }, { in: far, name: nic });
        for (const tap of TAPS) await run1('tuntap', 'add', tap, 'mode', 'tap');
        await ovs.vsctl('add-br', 'foreign', '--', 'set', 'bridge', 'foreign', 'datapath_type=netdev');
        await ovs.vsctl(
          'add-port',
          'foreign',
          'other',
          'tag=7',
          '--',
          'set',
          'interface',
          'other',
          'type=internal',
        );
        await ovs.vsctl(
          'add-port',
          'foreign',
          'theirs',
          '--',
          'set',
          'interface',
          'theirs',
          'type=internal',
          'external_ids:iface-id=theirs',
        );
        await ovs.vsctl(
          '--id=@m',
          'create',
          'mirror',
          'name=watch',
          'select_all=true',
          'output_vlan=9',
          '--',
          'set',
          'bridge',
          'foreign',
          'mirrors=@m',
        );
        await fc.assert(
          fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), (steps) => run(rig, steps)),
          { seed, numRuns: 15, endOnFailure: true },
        );
      }),
    180_000,
  );
});
