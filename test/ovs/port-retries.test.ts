// What fails half-way is done by the next attempt, whole: by the repair, or by itself where nobody asked for it.
import { describe, expect } from 'vitest';
import { FakeClock, systemClock } from '../../src/base/clock.ts';
import type { RunTool } from '../../src/base/run-tool.ts';
import type { PortSpec } from '../../src/flow/datapath.ts';
import { Bridge } from '../../src/ovs/bridge.ts';
import { SwitchFlows } from '../../src/ovs/openflow/switch-flows.ts';
import { Uplinks } from '../../src/ovs/uplinks.ts';
import { ip } from '../../src/packet/address.ts';
import { command } from './namespaces.ts';
import { inNamespace, itWithNamespaces } from './open-vswitch.ts';
import { eventually, type PortRig, withPorts } from './port-rig.ts';

const HOST: PortSpec = {
  type: 'internal',
  name: 'nlv2',
  id: 'host',
  mac: '02:00:00:00:00:02',
  vlan: { mode: 'access', tag: 7 },
  addresses: [{ address: ip('10.7.0.1'), prefixLength: 24, gateway: ip('10.7.0.254') }],
};
/** Name of the namespace of the switch. */
const HERE = `nl${process.pid}-host`;
const OTHER = { address: ip('10.8.0.1'), prefixLength: 24 };
const TUNNEL: PortSpec = { type: 'tunnel', name: 'nlt1', encapsulation: 'vxlan', local: '10.7.0.1' };

function uplink(nics: readonly string[], more: { readonly capacityKbps?: number } = {}): PortSpec {
  const vlan = { mode: 'trunk', trunks: [] } as const;
  return { type: 'uplink', name: 'nlu1', nics, mode: 'active-backup', lacp: 'off', vlan, ...more };
}

function vif(id: string): Extract<PortSpec, { type: 'vif' }> {
  return { type: 'vif', name: `nlv-${id}`, id, vlan: { mode: 'access', tag: 7 }, bandwidth: {} };
}

async function plugNics({ namespaces, namespace }: PortRig, far: string, ...nics: readonly string[]) {
  for (const nic of nics) await namespaces.cable({ in: namespace, name: nic }, { in: far, name: nic });
}

async function takesPartInArp({ ip: run }: PortRig, nic: string): Promise<boolean> {
  return !(await run('link', 'show', 'dev', nic)).includes('NOARP');
}

/** Runs tools in the namespace of the switch, and at times does not. */
function breakable(isBroken: () => boolean): RunTool {
  return (tool, args) =>
    isBroken() ? Promise.reject(new Error('it does not run')) : command(...inNamespace(HERE), tool, ...args);
}

describe('what fails half-way', () => {
  itWithNamespaces('has its number in its row already, and keeps it', () =>
    withPorts(async (rig) => {
      const { ports, ovs, database } = rig;
      const green = await ports.openSwitch('green');
      await ports.idle();
      database.faults.push('silent');
      await expect(green.setPort(TUNNEL)).rejects.toMatchObject({ code: 'switch-silent' });
      const written = Number(await ovs.vsctl('get', 'interface', 'nlt1', 'ofport_request'));
      expect(await green.setPort(TUNNEL)).toBe(written);

      // Its first choice is taken, and then is not any more.
      const first = await green.setPort(vif('one'));
      await green.removePort('nlv-one');
      await ovs.vsctl('add-br', 'foreign', '--', 'set', 'bridge', 'foreign', 'datapath_type=netdev');
      await ovs.vsctl(
        ...['add-port', 'foreign', 'other', '--', 'set', 'interface', 'other', 'type=internal'],
        `ofport_request=${first}`,
      );
      await ports.idle();
      database.faults.push('silent');
      await expect(green.setPort(vif('one'))).rejects.toMatchObject({ code: 'switch-silent' });
      await ovs.vsctl('del-br', 'foreign');
      await ports.idle();
      expect(await green.setPort(vif('one'))).toBe(first + 1);
    }),
  );

  for (const datapathType of ['netdev', 'system'] as const)
    itWithNamespaces(
      `is a switch that goes, on ${datapathType}: nothing of it is left after the second attempt`,
      () =>
        withPorts(
          async (rig) => {
            const { ports, ovs, database, ip: run, namespaces } = rig;
            await plugNics(rig, await namespaces.add('far'), 'nic1', 'nic2');
            const green = await ports.openSwitch('green');
            for (const spec of [HOST, uplink(['nic1', 'nic2'], { capacityKbps: 1e6 })])
              await green.setPort(spec);
            await ports.idle();
            // Queues are there on one of them only, and so, without the kernel's datapath, are devices.
            if (datapathType === 'system') expect(await ovs.vsctl('list', 'qos')).not.toBe('');
            else expect(await run('rule')).toContain('10.7.0.1');
            database.faults.push('unwritten');
            await expect(ports.removeSwitch('green')).rejects.toMatchObject({ code: 'ovsdb-unreachable' });
            await ports.removeSwitch('green');
            expect(await run('rule')).not.toContain('10.7.0.1');
            expect((await ovs.vsctl('list-br')).trim()).toBe('nlplug0');
            expect(await ovs.vsctl('list', 'qos')).toBe('');
          },
          { datapathType },
        ),
    );

  itWithNamespaces(
    'is a port that goes: what is outside of the database goes with the second attempt',
    async () => {
      let isBroken = false;
      await withPorts(
        async (rig) => {
          const { ports, ip: run, namespaces } = rig;
          await plugNics(rig, await namespaces.add('far'), 'nic1');
          const green = await ports.openSwitch('green');
          for (const spec of [HOST, uplink(['nic1'])]) await green.setPort(spec);
          await ports.idle();
          isBroken = true;
          for (const name of ['nlv2', 'nlu1'])
            await expect(green.removePort(name)).rejects.toMatchObject({ code: 'host-tool-failed' });
          isBroken = false;
          for (const name of ['nlv2', 'nlu1']) await green.removePort(name);
          expect(await run('rule')).not.toContain('10.7.0.1');
          expect(await takesPartInArp(rig, 'nic1')).toBe(true);
        },
        {
          run: (tool, args) =>
            isBroken
              ? Promise.reject(new Error('it does not run'))
              : command(...inNamespace(HERE), tool, ...args),
        },
      );
    },
  );

  itWithNamespaces('is an uplink whose NIC is another one: it is put back', async () => {
    const clock = new FakeClock();
    await withPorts(
      async (rig) => {
        const { ports, database, ip: run, namespaces } = rig;
        const far = await namespaces.add('far');
        await plugNics(rig, far, 'nic1');
        const green = await ports.openSwitch('green');
        const number = await green.setPort(uplink(['nic1']));
        await ports.idle();
        database.faults.push('silent');
        await run('link', 'del', 'nic1');
        await plugNics(rig, far, 'nic1');
        const codes = () => rig.troubles.map(({ code }) => code);
        await eventually(
          () => {
            clock.advance(300);
            return codes();
          },
          (all) => all.length > 0,
        );
        expect(codes()).toEqual(['switch-silent']);
        await eventually(
          () => {
            clock.advance(1000);
            return green.ports();
          },
          (all) => all.get('nlu1')?.number === number,
        );
        expect((await green.ports()).get('nlu1')?.spec).toEqual(uplink(['nic1']));
        expect(codes()).toEqual(['switch-silent']);
      },
      { clock },
    );
  });

  itWithNamespaces(
    'is an address of a device that was made anew: it is set without anything else happening',
    async () => {
      const clock = new FakeClock();
      let isBroken = false;
      await withPorts(
        async ({ ports, ovs, ip: run, troubles }) => {
          const green = await ports.openSwitch('green');
          await green.setPort(HOST);
          await ports.idle();
          isBroken = true;
          await ovs.crash();
          await run('link', 'del', 'nlv2');
          await ovs.restart();
          await eventually(
            () => troubles.map(({ code }) => code),
            (codes) => codes.includes('host-tool-failed'),
          );
          await ovs.vsctl('set', 'Open_vSwitch', '.', 'external_ids:test=done');
          await ports.idle();
          isBroken = false;
          await eventually(
            () => {
              clock.advance(1000);
              return run('address', 'show', 'dev', 'nlv2');
            },
            (text) => text.includes('10.7.0.1'),
          );
          // However often it was tried.
          expect(troubles.map(({ code }) => code)).toEqual(['host-tool-failed']);
        },
        { clock, run: breakable(() => isBroken) },
      );
    },
  );

  itWithNamespaces('is not the addresses of a device that comes while those of another are set', async () => {
    const gate = Promise.withResolvers<void>();
    let [isShut, waiting] = [false, 0];
    await withPorts(
      async ({ ports, ovs, database, ip: run }) => {
        const green = await ports.openSwitch('green');
        const other: PortSpec = {
          ...HOST,
          name: 'nlv3',
          id: 'other',
          mac: '02:00:00:00:00:03',
          addresses: [OTHER],
        };
        for (const spec of [HOST, other]) await green.setPort(spec);
        await ports.idle();
        const indexOf = (device: string) =>
          [...database.rows('Interface').values()].find(({ name }) => name === device)?.ifindex;
        const makeAnew = async (device: string) => {
          const before = indexOf(device);
          await ovs.crash();
          await run('link', 'del', device);
          await ovs.restart();
          await eventually(
            () => indexOf(device),
            (now) => (now ?? 0) > 0 && now !== before,
          );
        };
        isShut = true;
        await makeAnew('nlv2');
        await eventually(
          () => waiting,
          (count) => count > 0,
        );
        await makeAnew('nlv3');
        gate.resolve();
        for (const [device, address] of [
          ['nlv2', '10.7.0.1'],
          ['nlv3', OTHER.address],
        ] as const)
          await eventually(
            () => run('address', 'show', 'dev', device),
            (text) => text.includes(address),
          );
      },
      {
        run: async (tool, args) => {
          waiting += 1;
          if (isShut) await gate.promise;
          return command(...inNamespace(HERE), tool, ...args);
        },
      },
    );
  });

  itWithNamespaces('is flow export of a bridge that somebody took away: that is told', () =>
    withPorts(async ({ ports, ovs }) => {
      const green = await ports.openSwitch('green');
      const collectors = ['192.0.2.10:4739'];
      await green.setFlowExport({ type: 'ipfix', collectors, sampling: 100 });
      await ovs.vsctl('del-br', green.bridge);
      await eventually(
        () => ports.switchNames(),
        (names) => names.length === 0,
      );
      const again = green.setFlowExport({ type: 'ipfix', collectors, sampling: 10 });
      await expect(again).rejects.toMatchObject({ code: 'not-found' });
    }),
  );

  itWithNamespaces('is a policed port that goes: no meter is left of it', () =>
    withPorts(async ({ ports, ovs, database }) => {
      const green = await ports.openSwitch('green');
      const openBridge = (bridge: string) =>
        new SwitchFlows({ path: `${ovs.directory}/${bridge}.mgmt`, clock: systemClock, random: Math.random });
      const flows = openBridge(green.bridge);
      const uplinks = new Uplinks({ bridge: green.bridge, flows, database, clock: systemClock, openBridge });
      const bridge = new Bridge(green, flows, uplinks);
      try {
        await bridge.setPort({ ...vif('one'), policing: { rateKbps: 1000, burstKb: 600 } });
        const meters = () =>
          ovs.ofctl('-O', 'OpenFlow15', 'dump-meters', `unix:${ovs.directory}/${green.bridge}.mgmt`);
        expect(await meters()).toContain('rate=1000');
        await ports.idle();
        database.faults.push('silent');
        await expect(bridge.removePort('nlv-one')).rejects.toMatchObject({ code: 'switch-silent' });
        expect(await bridge.ports()).toEqual(new Map());
        expect(await meters()).not.toContain('rate=1000');
      } finally {
        await bridge.close();
      }
    }),
  );
});

describe('a NIC', () => {
  itWithNamespaces('that no uplink has any more takes part in ARP again', () =>
    withPorts(async (rig) => {
      const { ports, namespaces } = rig;
      await plugNics(rig, await namespaces.add('far'), 'nic1', 'nic2');
      const arp = async () => [await takesPartInArp(rig, 'nic1'), await takesPartInArp(rig, 'nic2')];
      const green = await ports.openSwitch('green');
      await green.setPort(uplink(['nic1', 'nic2']));
      expect(await arp()).toEqual([false, false]);
      await green.setPort(uplink(['nic2']));
      expect(await arp()).toEqual([true, false]);
      await ports.removeSwitch('green');
      expect(await arp()).toEqual([true, true]);
    }),
  );
});
