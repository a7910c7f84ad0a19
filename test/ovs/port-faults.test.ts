// What breaks under the ports, or is changed by hand: it is told, or comes back by itself, with the same numbers.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect } from 'vitest';
import type { PortSpec } from '../../src/flow/datapath.ts';
import type { FlowExport } from '../../src/flow/flow-export.ts';
import { ip } from '../../src/packet/address.ts';
import { command } from './namespaces.ts';
import { inNamespace, itWithNamespaces } from './open-vswitch.ts';
import { eventually, withPorts } from './port-rig.ts';

const TRUNK = { mode: 'trunk', trunks: [] } as const;
const VIF: PortSpec = {
  type: 'vif',
  name: 'nlv1',
  id: 'one',
  vlan: { mode: 'access', tag: 7 },
  bandwidth: {},
};
const HOST: PortSpec = {
  type: 'internal',
  name: 'nlv2',
  id: 'host',
  mac: '02:00:00:00:00:02',
  vlan: { mode: 'access', tag: 7 },
  addresses: [
    { address: ip('10.7.0.1'), prefixLength: 24, gateway: ip('10.7.0.254') },
    { address: ip('fd07::1'), prefixLength: 64 },
  ],
};
const TUNNEL: PortSpec = { type: 'tunnel', name: 'nlt1', encapsulation: 'vxlan', local: '10.7.0.1' };
const EXPORT: FlowExport = { type: 'ipfix', collectors: ['192.0.2.10:4739'], sampling: 100 };
const TEAM: PortSpec = {
  type: 'uplink',
  name: 'nlu1',
  nics: ['nic1', 'nic2'],
  mode: 'active-backup',
  lacp: 'off',
  vlan: TRUNK,
};

describe('ports', () => {
  itWithNamespaces(
    'that were changed by hand are told, and set right',
    () =>
      withPorts(async ({ ports, ovs, ip: run, namespaces, namespace }) => {
        const far = await namespaces.add('far');
        for (const nic of ['nic1', 'nic2', 'vm'])
          await namespaces.cable({ in: namespace, name: nic }, { in: far, name: nic });
        const green = await ports.openSwitch('green');
        await ovs.vsctl(
          'add-port',
          'nlplug0',
          'vm',
          '--',
          'set',
          'interface',
          'vm',
          'external_ids:iface-id=one',
        );
        const specs = [VIF, HOST, TUNNEL, TEAM];
        for (const spec of specs) await green.setPort(spec);
        await ports.idle();
        const right = await green.ports();
        for (const spec of specs) expect(right.get(spec.name)?.spec).toEqual(spec);
        const teamBridge = (await ovs.vsctl('list-br'))
          .split('\n')
          .find((name) => name.startsWith('nlb') && name !== green.bridge);
        const byHand: readonly (readonly [name: string, ...change: readonly string[]])[] = [
          ['nlv1', 'ovs-vsctl', 'set', 'port', 'vm', 'tag=8'],
          ['nlv1', 'ovs-vsctl', 'set', 'interface', 'vm', 'ofport_request=77'],
          [
            'nlv1',
            'ovs-vsctl',
            'clear',
            'bridge',
            green.bridge,
            'external_ids',
            '--',
            'set',
            'bridge',
            green.bridge,
            'external_ids:netloom-switch=green',
          ],
          ['nlv2', 'ovs-vsctl', 'set', 'port', 'nlv2', 'tag=0'],
          ['nlv2', 'ovs-vsctl', 'set', 'interface', 'nlv2', 'mac="02:00:00:00:00:99"'],
          ['nlv2', 'ip', 'address', 'add', '10.8.0.1/24', 'dev', 'nlv2'],
          ['nlv2', 'ip', 'address', 'del', '10.7.0.1/24', 'dev', 'nlv2'],
          ['nlv2', 'ip', 'route', 'del', '0.0.0.0/1', 'table', '253'],
          ['nlv2', 'ip', 'rule', 'del', 'from', '10.7.0.1'],
          ['nlv2', 'ip', 'link', 'set', 'nlv2', 'down'],
          ['nlt1', 'ovs-vsctl', 'set', 'interface', 'nlt1', 'options:key=7'],
          ['nlt1', 'ovs-vsctl', 'clear', 'port', 'nlt1', 'trunks'],
          ['nlt1', 'ovs-vsctl', 'del-port', 'nlt1'],
          ['nlu1', 'ovs-vsctl', 'set', 'bridge', `${teamBridge}`, 'fail_mode=secure'],
          ['nlu1', 'ovs-vsctl', 'del-br', `${teamBridge}`],
          ['nlu1', 'ovs-vsctl', '--if-exists', 'del-port', 'nlu1'],
        ];
        for (const [name, tool = '', ...args] of byHand) {
          await (tool === 'ip' ? run(...args) : ovs.vsctl(...args));
          const spec = specs.find((each) => each.name === name);
          if (!spec) throw new Error(name);
          const told = await eventually(
            () => green.ports(),
            (now) => JSON.stringify(now.get(name)) !== JSON.stringify(right.get(name)),
          );
          expect(told.get(name), args.join(' ')).not.toEqual(right.get(name));
          await green.setPort(spec);
          expect((await green.ports()).get(name), args.join(' ')).toEqual(right.get(name));
        }
        expect(await green.ports()).toEqual(right);
      }),
    60_000,
  );

  itWithNamespaces(
    'are there again after ovs-vswitchd, after a device, and after the database',
    () =>
      withPorts(async (rig) => {
        const { ports, ovs, ip: run, namespaces, namespace, troubles } = rig;
        const guest = await namespaces.add('guest');
        const plugIn = async () => {
          await namespaces.cable(
            { in: guest, name: 'eth0', mac: '02:00:00:00:00:0a' },
            { in: namespace, name: 'vm' },
          );
          await command('ip', '-n', guest, 'address', 'add', '10.7.0.2/24', 'dev', 'eth0');
        };
        await plugIn();
        const green = await ports.openSwitch('green');
        await ovs.vsctl(
          'add-port',
          'nlplug0',
          'vm',
          '--',
          'set',
          'interface',
          'vm',
          'external_ids:iface-id=one',
        );
        for (const spec of [VIF, HOST]) await green.setPort(spec);
        await green.setFlowExport(EXPORT);
        await ports.idle();
        const right = await green.ports();
        // Flows are the other half's; here it is enough that there are some.
        const socket = `unix:${ovs.directory}/${green.bridge}.mgmt`;
        const ping = async () => {
          try {
            await ovs.ofctl('-O', 'OpenFlow15', 'add-flow', socket, 'actions=NORMAL');
            await command(...inNamespace(guest), 'ping', '-c', '1', '-W', '1', '10.7.0.1');
            return true;
          } catch {
            return false;
          }
        };
        const isRight = async () =>
          isDeepStrictEqual([await green.ports(), await green.flowExport()], [right, EXPORT]);
        await eventually(ping, (isAnswered) => isAnswered);

        await ovs.crash();
        await ovs.restart();
        await eventually(isRight, (is) => is);
        await eventually(ping, (isAnswered) => isAnswered);

        await run('link', 'del', 'vm');
        await plugIn();
        await eventually(ping, (isAnswered) => isAnswered);
        expect(await isRight()).toBe(true);

        await loseDatabase(ovs.directory);
        await eventually(isRight, (is) => is);
        await eventually(
          () => ports.vifs(),
          ([vif]) => vif?.tap === 'vm' && vif.link,
        );
        await eventually(ping, (isAnswered) => isAnswered);
        expect(troubles).toEqual([]);
      }),
    90_000,
  );

  itWithNamespaces(
    'give a tap back to the machine that has it now, and not to one that had one of its name',
    () =>
      withPorts(async ({ ports, ovs, ip: run, namespaces, namespace, troubles }) => {
        const guest = await namespaces.add('guest');
        const green = await ports.openSwitch('green');
        for (const id of ['one', 'two', 'three']) await green.setPort({ ...VIF, id, name: `nlv-${id}` });
        const plugged = () => ports.vifs().map(({ id, tap }) => `${id} ${tap ?? '-'}`);
        // A hypervisor numbers its taps, and begins anew with numbers that are free.
        for (const id of ['one', 'two']) {
          await namespaces.cable({ in: guest, name: 'eth0' }, { in: namespace, name: 'vnet0' });
          await ovs.vsctl(
            ...['add-port', 'nlplug0', 'vnet0', '--', 'set', 'interface', 'vnet0'],
            `external_ids:iface-id=${id}`,
          );
          await eventually(plugged, (all) => all.includes(`${id} vnet0`));
          await ports.idle();
          if (id === 'two') break;
          await ovs.vsctl('del-port', 'vnet0');
          await run('link', 'del', 'vnet0');
        }
        await loseDatabase(ovs.directory);
        const written = () =>
          ovs.vsctl('get', 'interface', 'vnet0', 'external_ids:iface-id').catch(() => 'nothing');
        await eventually(written, (id) => id.includes('two') || troubles.length > 0);
        await ports.idle();
        expect(plugged()).toEqual(['one -', 'two vnet0', 'three -']);
        expect(troubles).toEqual([]);

        // The switch is away as well, so nobody answers; what was not finished then is finished later.
        await ovs.crash();
        await loseDatabase(ovs.directory);
        await eventually(
          () => troubles.map(({ code }) => code),
          (codes) => codes.includes('switch-silent'),
        );
        await ovs.restart();
        await eventually(written, (id) => id.includes('two'));
        await eventually(plugged, (all) => all.includes('two vnet0'));
      }),
    60_000,
  );
});

/** The file of the database is lost, and an empty one is in its place. */
async function loseDatabase(directory: string): Promise<void> {
  const appctl = (...args: readonly string[]) =>
    command('ovs-appctl', '-t', join(directory, 'ovsdb.ctl'), ...args);
  const file = join(directory, 'conf.db');
  await appctl('ovsdb-server/remove-db', 'Open_vSwitch');
  rmSync(file);
  await command('ovsdb-tool', 'create', file, '/usr/share/openvswitch/vswitch.ovsschema');
  await appctl('ovsdb-server/add-db', file);
}
