// Frames through ports that the ports half has made: teams, mirrors, AF_XDP, tunnels through a gateway.
import { describe, expect } from 'vitest';
import type { PortSpec } from '../../src/flow/datapath.ts';
import type { SwitchPorts } from '../../src/ovs/ports/switch-ports.ts';
import { ip } from '../../src/packet/address.ts';
import { command } from './namespaces.ts';
import { inNamespace, itWithNamespaces, startOpenVswitch } from './open-vswitch.ts';
import { eventually, type PortRig, withPorts } from './port-rig.ts';

const TRUNK = { mode: 'trunk', trunks: [] } as const;

function host(last: number): PortSpec {
  return {
    type: 'internal',
    name: 'nlv1',
    id: 'host',
    mac: `02:00:00:00:00:0${last}`,
    vlan: { mode: 'access', tag: 7 },
    addresses: [{ address: ip(`10.7.0.${last}`), prefixLength: 24 }],
  };
}

function team(more: Partial<Extract<PortSpec, { type: 'uplink' }>>): PortSpec {
  const nics = ['nic1', 'nic2'];
  return { type: 'uplink', name: 'nlu1', nics, mode: 'balance-slb', lacp: 'off', vlan: TRUNK, ...more };
}

/** Flows are the other half's; here a learning switch is enough. */
async function learn({ ovs }: PortRig, { bridge }: SwitchPorts): Promise<void> {
  await ovs.ofctl('-O', 'OpenFlow15', 'add-flow', `unix:${ovs.directory}/${bridge}.mgmt`, 'actions=NORMAL');
}

async function ping(namespace: string, address: string): Promise<boolean> {
  return command(...inNamespace(namespace), 'ping', '-c', '1', '-W', '1', address).then(
    () => true,
    () => false,
  );
}

describe('ports carry', () => {
  itWithNamespaces(
    'frames over a team, also while it changes and when a cable is pulled',
    () =>
      withPorts(async (rig) => {
        const { ports, ovs, ip: run, namespaces, namespace } = rig;
        const far = await namespaces.add('far');
        for (const nic of ['nic1', 'nic2'])
          await namespaces.cable({ in: namespace, name: nic }, { in: far, name: nic });
        const other = await startOpenVswitch({ namespace: far });
        try {
          await other.vsctl('add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=netdev');
          await other.vsctl('set', 'port', 'br0', 'tag=7');
          await other.vsctl(
            'add-bond',
            'br0',
            'bond',
            'nic1',
            'nic2',
            'lacp=active',
            'bond_mode=balance-tcp',
            'other_config:lacp-time=fast',
          );
          await command('ip', '-n', far, 'address', 'add', '10.7.0.2/24', 'dev', 'br0');
          await command('ip', '-n', far, 'link', 'set', 'br0', 'up');
          const green = await ports.openSwitch('green');
          await learn(rig, green);
          await green.setPort(host(1));
          const reaches = () =>
            eventually(
              () => ping(namespace, '10.7.0.2'),
              (isAnswered) => isAnswered,
            );

          const number = await green.setPort(team({ mode: 'balance-tcp', lacp: 'active' }));
          await reaches();
          expect((await ovs.appctl('lacp/show')).match(/current attached/g)?.length).toBe(2);
          await run('link', 'set', 'nic1', 'down');
          await reaches();
          await run('link', 'set', 'nic1', 'up');
          await eventually(
            () => ovs.appctl('lacp/show'),
            (text) => text.match(/current attached/g)?.length === 2,
          );
          await run('link', 'set', 'nic2', 'down');
          await reaches();
          await run('link', 'set', 'nic2', 'up');

          await other.vsctl('set', 'port', 'bond', 'lacp=off', 'bond_mode=active-backup');
          expect(await green.setPort(team({ mode: 'active-backup' }))).toBe(number);
          await reaches();
          await other.vsctl('del-port', 'bond', '--', 'add-port', 'br0', 'nic2');
          expect(await green.setPort(team({ nics: ['nic2'] }))).toBe(number);
          await reaches();
        } finally {
          await other.stop();
        }
      }),
    90_000,
  );

  itWithNamespaces(
    'copies of a mirror to a vNIC that is plugged in later, and count them',
    () =>
      withPorts(async (rig) => {
        const { ports, ovs, namespaces, namespace } = rig;
        const green = await ports.openSwitch('green');
        await learn(rig, green);
        await green.setPort(host(1));
        const vif = (id: string): PortSpec => ({
          type: 'vif',
          name: `nlv${id}`,
          id,
          vlan: { mode: 'access', tag: 7 },
          bandwidth: {},
        });
        const plug = async (id: string) => {
          const guest = await namespaces.add(id);
          await namespaces.cable({ in: guest, name: 'eth0' }, { in: namespace, name: id });
          await ovs.vsctl(
            'add-port',
            'nlplug0',
            id,
            '--',
            'set',
            'interface',
            id,
            `external_ids:iface-id=${id}`,
          );
          return guest;
        };
        for (const id of ['vm', 'probe']) await green.setPort(vif(id));
        const mirrors = [
          {
            name: 'a',
            selectSrcPorts: ['nlvvm'],
            selectDstPorts: ['nlvvm', 'nobody'],
            output: { port: 'nlvprobe' },
          },
          { name: 'b', selectAll: true, selectVlans: [7], output: { vlan: 99 }, snaplen: 64 },
        ];
        await green.setMirrors(mirrors);
        const none = mirrors.map((mirror) => ({ mirror, packets: 0n, bytes: 0n }));
        expect(await green.mirrors()).toEqual(none);
        const guest = await plug('vm');
        await command('ip', '-n', guest, 'address', 'add', '10.7.0.3/24', 'dev', 'eth0');
        await eventually(
          () => ping(guest, '10.7.0.1'),
          (isAnswered) => isAnswered,
        );
        const probe = await plug('probe');
        await ports.idle();
        const received = async () => {
          const text = await command('ip', '-n', probe, '-json', '-statistics', 'link', 'show', 'eth0');
          return JSON.parse(text)[0].stats64.rx.packets as number;
        };
        await eventually(
          async () => (await ping(guest, '10.7.0.1')) && (await received()),
          (count) => Number(count) >= 4,
        );
        const [first] = await eventually(
          () => green.mirrors(),
          ([a]) => (a?.packets ?? 0n) >= 4n,
        );
        expect(first?.mirror).toEqual(mirrors[0]);
        expect(first?.bytes).toBeGreaterThan(4n * 60n);
        await green.setMirrors(mirrors.slice(1));
        expect((await green.mirrors()).map(({ mirror }) => mirror)).toEqual(mirrors.slice(1));
        await ovs.vsctl('set', 'mirror', 'b', 'select_all=false');
        await eventually(
          () => green.mirrors(),
          ([b]) => b?.mirror.selectAll === undefined,
        );
        await green.setMirrors([]);
        expect(await ovs.vsctl('list', 'mirror')).toBe('');
      }),
    90_000,
  );

  itWithNamespaces(
    'tunnels through the gateway of the fabric, beside a default route of the host that leads elsewhere',
    () =>
      withPorts((one) =>
        withPorts(
          async (two) => {
            const router = await one.namespaces.add('router');
            await command(
              ...inNamespace(router),
              'sysctl',
              '-qw',
              'net.ipv4.ip_forward=1',
              'net.ipv6.conf.all.forwarding=1',
            );
            const sites = [
              { rig: one, net: 4, last: 1 },
              { rig: two, net: 5, last: 2 },
            ];
            for (const { rig, net, last } of sites) {
              await one.namespaces.cable(
                { in: rig.namespace, name: 'nic1' },
                { in: router, name: `fabric${net}` },
              );
              const at = async (address: string, ...more: readonly string[]) =>
                command('ip', '-n', router, 'address', 'add', address, 'dev', `fabric${net}`, ...more);
              await at(`192.168.${net}.254/24`);
              await at(`fd0${net}::fe/64`, 'nodad');
              // The host's own: management, which knows nothing of the fabric.
              const far = await one.namespaces.add(`far${net}`);
              await one.namespaces.cable({ in: rig.namespace, name: 'mgmt' }, { in: far, name: 'mgmt' });
              await rig.ip('address', 'add', '172.16.0.1/24', 'dev', 'mgmt');
              await rig.ip('route', 'add', 'default', 'via', '172.16.0.254');
              const green = await rig.ports.openSwitch('green');
              const access = { mode: 'access', tag: 100 } as const;
              const provider: PortSpec = {
                type: 'internal',
                name: 'nlp1',
                id: 'provider',
                mac: `02:00:00:00:01:0${last}`,
                vlan: access,
                addresses: [
                  { address: ip(`192.168.${net}.1`), prefixLength: 24, gateway: ip(`192.168.${net}.254`) },
                  { address: ip(`fd0${net}::1`), prefixLength: 64, gateway: ip(`fd0${net}::fe`) },
                ],
              };
              await green.setPort(team({ nics: ['nic1'], vlan: access }));
              await green.setPort(provider);
              const guest = await green.setPort({
                ...host(last),
                vlan: { mode: 'access', tag: 4095 },
              } as PortSpec);
              await learn(rig, green);
              const socket = `unix:${rig.ovs.directory}/${green.bridge}.mgmt`;
              const local = `192.168.${net}.1`;
              const tunnel = await green.setPort({
                type: 'tunnel',
                name: 'nlt1',
                encapsulation: 'vxlan',
                local,
              });
              for (const flow of [
                `in_port=${guest},actions=set_field:7->tun_id,set_field:192.168.${9 - net}.1->tun_dst,output:${tunnel}`,
                `in_port=${tunnel},actions=output:${guest}`,
              ])
                await rig.ovs.ofctl('-O', 'OpenFlow15', 'add-flow', socket, `priority=40000,${flow}`);
            }
            await eventually(
              () => ping(one.namespace, '10.7.0.2'),
              (isAnswered) => isAnswered,
            );
            for (const [peer, gateway] of [
              ['192.168.5.1', '192.168.4.254'],
              ['fd05::1', 'fd04::fe'],
            ] as const) {
              const way = await one.ovs.appctl('ovs/route/lookup', peer);
              expect(way).toContain(`gateway ${gateway}`);
              expect(way).toContain('dev nlp1');
            }
            // What the host sends by itself goes where it went before; what it sends from the address, by the fabric.
            expect(await one.ip('route', 'get', '8.8.8.8')).toContain('dev mgmt');
            expect(await one.ip('route', 'get', '192.168.5.1', 'from', '192.168.4.1')).toContain('dev nlp1');
            expect(await one.ip('route', 'get', '192.168.4.7', 'from', '192.168.4.1')).not.toContain('via');
            expect(await ping(one.namespace, '192.168.4.254')).toBe(true);
          },
          { name: 'host2' },
        ),
      ),
    60_000,
  );

  itWithNamespaces(
    'frames of a NIC by AF_XDP where it takes it, and otherwise without',
    () =>
      withPorts(
        async (rig) => {
          const { ports, ovs, ip: run, namespaces, namespace } = rig;
          const far = await namespaces.add('far');
          await namespaces.cable({ in: far, name: 'nic' }, { in: namespace, name: 'nic1' });
          await command('ip', '-n', far, 'address', 'add', '10.7.0.2/24', 'dev', 'nic');
          const green = await ports.openSwitch('green');
          await learn(rig, green);
          await green.setPort(host(1));
          const spec = team({ nics: ['nic1'], vlan: { mode: 'access', tag: 7 } });
          const number = await green.setPort(spec);
          await eventually(
            () => ping(namespace, '10.7.0.2'),
            (isAnswered) => isAnswered,
          );
          await ports.idle();
          expect((await green.ports()).get('nlu1')).toEqual({ number, spec });
          const type = async () => (await ovs.vsctl('get', 'interface', 'nic1', 'type')).trim();
          expect(await type()).toBe('afxdp-nonpmd');
          expect(ports.findings()).toEqual([]);
          await run('link', 'set', 'nic1', 'mtu', '9000');
          await eventually(type, (now) => now === '""');
          await eventually(
            () => ports.findings(),
            ([first]) => first?.code === 'afxdp-unavailable',
          );
          await eventually(
            () => ping(namespace, '10.7.0.2'),
            (isAnswered) => isAnswered,
          );
          expect((await green.ports()).get('nlu1')).toEqual({ number, spec });
        },
        { afXdp: true },
      ),
    60_000,
  );
});
