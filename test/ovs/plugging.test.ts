// Taps that hypervisors plug in come to their switch by the id of their vNIC, closed before open, and to nobody else's.
import { describe, expect } from 'vitest';
import { FakeClock } from '../../src/base/clock.ts';
import type { PortSpec } from '../../src/flow/datapath.ts';
import type { HostPorts } from '../../src/ovs/ports/host-ports.ts';
import { command } from './namespaces.ts';
import { itWithNamespaces, type OpenVswitch } from './open-vswitch.ts';
import { eventually, type PortRig, withPorts } from './port-rig.ts';

function vif(id: string, tag: number): PortSpec {
  return { type: 'vif', name: `nlv${id}`, id, vlan: { mode: 'access', tag }, bandwidth: {} };
}

async function makeTap({ namespace }: PortRig, name: string): Promise<void> {
  await command('ip', '-n', namespace, 'tuntap', 'add', name, 'mode', 'tap');
}

/** As a hypervisor does it. */
async function plug({ ovs }: PortRig, tap: string, id: string, bridge = 'nlplug0'): Promise<void> {
  const ids = ['--', 'set', 'interface', tap, `external_ids:iface-id=${id}`];
  await ovs.vsctl('add-port', bridge, tap, ...ids);
}

async function placeOf(ovs: OpenVswitch, tap: string): Promise<string> {
  const [bridge, tag, number] = [
    await ovs.vsctl('port-to-br', tap),
    await ovs.vsctl('get', 'port', tap, 'tag'),
    await ovs.vsctl('get', 'interface', tap, 'ofport_request'),
  ].map((text) => text.trim());
  return `${bridge} ${tag} ${number}`;
}

const tapOf = (ports: HostPorts, id: string) => ports.vifs().find((each) => each.id === id)?.tap;

describe('taps', () => {
  itWithNamespaces(
    'are bound by the id of their vNIC, whenever they come, and wait where nothing passes otherwise',
    () =>
      withPorts(async (rig) => {
        const { ports, ovs, again } = rig;
        const green = await ports.openSwitch('green');
        const blue = await ports.openSwitch('blue');
        for (const name of ['tap1', 'tap2', 'tap3']) await makeTap(rig, name);
        const bound = (bridge: string, tag: number, number: number) => `${bridge} ${tag} ${number}`;

        // Before the policy, and after it.
        await plug(rig, 'tap1', 'one');
        await ports.idle();
        expect(await placeOf(ovs, 'tap1')).toBe('nlplug0 [] []');
        const one = await green.setPort(vif('one', 7));
        await eventually(
          () => placeOf(ovs, 'tap1'),
          (place) => place === bound(green.bridge, 7, one),
        );
        const two = await green.setPort(vif('two', 8));
        expect((await green.ports()).get('nlvtwo')).toEqual({ number: two, spec: vif('two', 8) });
        await plug(rig, 'tap2', 'two');
        await eventually(
          () => placeOf(ovs, 'tap2'),
          (place) => place === bound(green.bridge, 8, two),
        );
        await eventually(
          () => ovs.vsctl('get', 'interface', 'tap2', 'ofport'),
          (text) => Number(text) === two,
        );
        expect((await green.ports()).get('nlvtwo')).toEqual({ number: two, spec: vif('two', 8) });

        // Straight onto a bridge of ours, by mistake or by habit: closed until somebody wants it.
        await plug(rig, 'tap3', 'three', green.bridge);
        await eventually(
          () => placeOf(ovs, 'tap3'),
          (place) => place === 'nlplug0 [] []',
        );

        // Its VLAN changes; it goes to another switch, and keeps its number.
        expect(await green.setPort(vif('one', 9))).toBe(one);
        expect(await placeOf(ovs, 'tap1')).toBe(bound(green.bridge, 9, one));
        expect(await blue.setPort(vif('one', 5))).toBe(one);
        expect(await placeOf(ovs, 'tap1')).toBe(bound(blue.bridge, 5, one));
        await green.removePort('nlvone');
        await ports.idle();
        expect(await placeOf(ovs, 'tap1')).toBe(bound(blue.bridge, 5, one));

        // The tap goes and comes back: the same number, with no moment on another bridge.
        await ovs.vsctl('del-port', 'tap1');
        await eventually(
          () => tapOf(ports, 'one'),
          (tap) => tap === undefined,
        );
        await plug(rig, 'tap1', 'one');
        await eventually(
          () => placeOf(ovs, 'tap1'),
          (place) => place === bound(blue.bridge, 5, one),
        );

        // An agent that was not there meanwhile binds it when it is.
        const later = await again();
        await later.idle();
        expect(tapOf(later, 'one')).toBe('tap1');
        await later.close();

        // Nobody wants it any more.
        await blue.removePort('nlvone');
        expect(await placeOf(ovs, 'tap1')).toBe('nlplug0 [] []');
        await ports.removeSwitch('green');
        expect(await placeOf(ovs, 'tap2')).toBe('nlplug0 [] []');
        expect(
          (await ovs.ofctl('-O', 'OpenFlow15', 'dump-flows', `unix:${ovs.directory}/nlplug0.mgmt`)).includes(
            'actions',
          ),
        ).toBe(false);
        expect(rig.troubles).toEqual([]);
      }),
    60_000,
  );

  itWithNamespaces(
    'go to the other switch that wants their vNIC, when this one does not want it, or goes',
    () =>
      withPorts(async (rig) => {
        const { ports, ovs } = rig;
        const green = await ports.openSwitch('green');
        const number = await green.setPort(vif('one', 7));
        await makeTap(rig, 'tap1');
        await plug(rig, 'tap1', 'one');
        const isOn = (bridge: string, tag: number) =>
          eventually(
            () => placeOf(ovs, 'tap1').catch(() => 'nowhere'),
            (place) => place === `${bridge} ${tag} ${number}`,
          );
        await isOn(green.bridge, 7);
        for (const goes of ['port', 'switch']) {
          const blue = await ports.openSwitch('blue');
          await blue.setPort(vif('one', 8));
          await isOn(blue.bridge, 8);
          if (goes === 'port') await blue.removePort('nlvone');
          else await ports.removeSwitch('blue');
          await isOn(green.bridge, 7);
        }
      }),
  );

  itWithNamespaces('that are being set up are left alone, also when another vNIC goes', async () => {
    const clock = new FakeClock();
    await withPorts(
      async (rig) => {
        const { ports, ovs, database } = rig;
        const green = await ports.openSwitch('green');
        const number = await green.setPort(vif('one', 7));
        await green.setPort(vif('two', 7));
        await makeTap(rig, 'tap1');
        await plug(rig, 'tap1', 'one');
        await eventually(
          () => [...database.rows('Interface').values()],
          (all) => all.some(({ name, admin_state }) => name === 'tap1' && admin_state === 'down'),
        );
        await green.removePort('nlvtwo');
        await ports.idle();
        expect(await placeOf(ovs, 'tap1')).toBe('nlplug0 [] []');
        clock.advance(300);
        await ports.idle();
        expect(await placeOf(ovs, 'tap1')).toBe(`${green.bridge} 7 ${number}`);
      },
      { clock },
    );
  });

  itWithNamespaces(
    'that say that they are one vNIC: the one that is bound stays, a dead one gives way',
    () =>
      withPorts(async (rig) => {
        const { ports, ovs, ip } = rig;
        const green = await ports.openSwitch('green');
        for (const name of ['tap1', 'tap2']) await makeTap(rig, name);
        const number = await green.setPort(vif('one', 7));
        await plug(rig, 'tap1', 'one');
        await eventually(
          () => placeOf(ovs, 'tap1'),
          (place) => place === `${green.bridge} 7 ${number}`,
        );
        await plug(rig, 'tap2', 'one');
        await eventually(
          () => ports.findings(),
          ([first]) => first?.code === 'tap-ambiguous',
        );
        expect(await placeOf(ovs, 'tap2')).toBe('nlplug0 [] []');
        expect(tapOf(ports, 'one')).toBe('tap1');
        await ip('link', 'del', 'tap1');
        await eventually(
          () => placeOf(ovs, 'tap2'),
          (place) => place === `${green.bridge} 7 ${number}`,
        );
        await eventually(
          () => placeOf(ovs, 'tap1'),
          (place) => place === 'nlplug0 [] []',
        );
        await eventually(
          () => ovs.vsctl('get', 'interface', 'tap2', 'ofport'),
          (text) => Number(text) === number,
        );
        await eventually(
          () => ports.findings(),
          (findings) => findings.length === 0,
        );
      }),
    60_000,
  );

  itWithNamespaces(
    'of others, and bridges of others, are as they were, whatever happens',
    () =>
      withPorts(async (rig) => {
        const { ports, ovs } = rig;
        for (const name of ['tap1', 'tap2', 'tap3']) await makeTap(rig, name);
        await ovs.vsctl('add-br', 'foreign', '--', 'set', 'bridge', 'foreign', 'datapath_type=netdev');
        await plug(rig, 'tap1', 'stranger', 'foreign');
        const green = await ports.openSwitch('green');
        await ovs.vsctl('add-port', green.bridge, 'tap2', 'tag=3');
        const rows = async () =>
          (await ovs.vsctl('list', 'port', 'foreign', 'tap1', 'tap2')) +
          (await ovs.vsctl('list', 'bridge', 'foreign'));
        const before = await rows();
        await plug(rig, 'tap3', 'one', 'foreign');
        const number = await green.setPort(vif('one', 7));
        await eventually(
          () => placeOf(ovs, 'tap3'),
          (place) => place === `${green.bridge} 7 ${number}`,
        );
        await green.setMirrors([{ name: 'm', selectSrcPorts: ['nlvone'], output: { vlan: 9 } }]);
        await green.removePort('nlvone');
        await green.setMirrors([]);
        await ports.idle();
        const after = await rows();
        expect(after).toBe(before);
        expect([...(await green.ports()).keys()]).toEqual([]);
      }),
    60_000,
  );
});
