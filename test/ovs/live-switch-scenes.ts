/**
 * What Open vSwitch itself says on its links (LACP, LLDP, BFD, spanning tree), and its tags and tunnels.
 *
 *     left [ l1 l2 ]=======bond======[ r1 r2 ] right         LACP on both
 *     near [ l3 ]-----------------------[ r3 ] far           BFD, spanning tree
 *     guest eth0 --- [ vif, tagged or in a tunnel, nic ] --- eth0 fabric
 *     speaker [ s1 ]-------------- s2                        LLDP
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/until.ts';
import { type Scene, withoutOffload } from './live-scenes.ts';
import { command, type Namespaces } from './namespaces.ts';
import { inNamespace, startOpenVswitch } from './open-vswitch.ts';
import { framesDuring } from './wire.ts';

const GUEST = '203.0.113.1';
const FABRIC = '192.0.2.1';

/** Plays all scenes in order. */
export async function switchScenes(namespaces: Namespaces): Promise<readonly Scene[]> {
  const host = await namespaces.add('switch');
  const guest = await namespaces.add('guest2');
  const fabric = await namespaces.add('fabric');
  const mac = (last: string) => `02:00:00:00:02:${last}`;
  const ends: readonly (readonly [string, string, string, string])[] = [
    [host, 'l1', host, 'r1'],
    [host, 'l2', host, 'r2'],
    [host, 'l3', host, 'r3'],
    [host, 'vif', guest, 'eth0'],
    [host, 'nic', fabric, 'eth0'],
  ];
  for (const [i, [a, first, b, second]] of ends.entries()) {
    await namespaces.cable(
      { in: a, name: first, mac: mac(`1${i}`) },
      { in: b, name: second, mac: mac(`2${i}`) },
    );
    await withoutOffload(a, first);
    await withoutOffload(b, second);
  }
  await command('ip', '-n', guest, 'address', 'add', `${GUEST}/24`, 'dev', 'eth0');
  await command('ip', '-n', fabric, 'address', 'add', `${FABRIC}/24`, 'dev', 'eth0');

  const ovs = await startOpenVswitch({ namespace: host });
  try {
    const bridge = (name: string, last: string) =>
      ovs.vsctl(
        ...['add-br', name, '--', 'set', 'bridge', name, 'datapath_type=netdev'],
        `other-config:hwaddr="${mac(last)}"`,
      );
    const scenes: Scene[] = [];
    const scene = async (name: string, nic: string, act: () => Promise<void>) => {
      scenes.push({ name, frames: await framesDuring(host, nic, 'tcpdump', act) });
    };

    await bridge('left', '01');
    await bridge('right', '02');
    await scene('LACP of Open vSwitch', 'r1', async () => {
      const bond = (name: string, on: string, ...nics: readonly string[]) =>
        ovs.vsctl(
          ...['add-bond', on, name, ...nics, '--', 'set', 'port', name, 'lacp=active'],
          ...['bond_mode=balance-tcp', 'other_config:lacp-time=fast'],
        );
      await bond('bond-left', 'left', 'l1', 'l2');
      await bond('bond-right', 'right', 'r1', 'r2');
      for (const name of ['bond-left', 'bond-right'])
        await until('LACP agreed', async () => {
          const shown = await ovs.appctl('lacp/show', name);
          return shown.match(/current attached/g)?.length === 2;
        });
    });
    await bridge('near', '05');
    await bridge('far', '06');
    await ovs.vsctl('add-port', 'near', 'l3', '--', 'add-port', 'far', 'r3');
    await scene('BFD of Open vSwitch', 'r3', async () => {
      for (const name of ['l3', 'r3'])
        await ovs.vsctl('set', 'interface', name, 'bfd:enable=true', 'bfd:min_tx=300');
      for (const name of ['l3', 'r3'])
        await until('BFD up', async () =>
          (await ovs.vsctl('get', 'interface', name, 'bfd_status')).includes('remote_state=up'),
        );
    });
    for (const name of ['l3', 'r3']) await ovs.vsctl('set', 'interface', name, 'bfd:enable=false');
    await scene('spanning tree of Open vSwitch', 'r3', async () => {
      await ovs.vsctl('set', 'bridge', 'near', 'stp_enable=true');
      // It says hello every two seconds.
      await sleep(2500);
    });

    const ping = (address: string) => {
      const words = ['ping', '-n', '-c', '2', '-i', '0.3', '-W', '1', address];
      return command(...inNamespace(guest), ...words).then(
        () => {},
        // Nobody is there: what matters is what goes out.
        () => {},
      );
    };
    await bridge('access', '03');
    await ovs.vsctl('add-port', 'access', 'vif', 'tag=5', '--', 'add-port', 'access', 'nic');
    await scene('tags of Open vSwitch', 'nic', async () => {
      await ping('203.0.113.2');
      await ovs.vsctl('set', 'port', 'vif', 'vlan_mode=dot1q-tunnel', 'tag=100');
      await ping('203.0.113.3');
    });
    await ovs.vsctl('del-port', 'access', 'vif');
    await command('ip', '-n', host, 'address', 'add', '192.0.2.30/24', 'dev', 'access');
    await command('ip', '-n', host, 'link', 'set', 'access', 'up');
    await bridge('overlay', '04');
    await ovs.vsctl('add-port', 'overlay', 'vif');
    for (const type of ['gre', 'vxlan', 'geneve']) {
      const options = [`options:remote_ip=${FABRIC}`, 'options:key=0x138900'];
      await ovs.vsctl(
        'add-port',
        'overlay',
        type,
        '--',
        'set',
        'interface',
        type,
        `type=${type}`,
        ...options,
      );
    }
    const management = `unix:${ovs.directory}/overlay.mgmt`;
    await ovs.ofctl('add-tlv-map', management, '{class=0x0102,type=0x80,len=4}->tun_metadata0');
    await ovs.ofctl('add-flow', management, 'in_port=vif,actions=set_field:0x1234->tun_metadata0,normal');
    await scene('tunnels of Open vSwitch', 'nic', () => ping('203.0.113.4'));
    return scenes;
  } finally {
    await ovs.stop();
  }
}

/** A switch for which half a minute goes by: it speaks LLDP that often. */
export async function lldpScene(namespaces: Namespaces): Promise<Scene> {
  const host = await namespaces.add('speaker');
  await namespaces.cable(
    { in: host, name: 's1', mac: '02:00:00:00:03:01' },
    { in: host, name: 's2', mac: '02:00:00:00:03:02' },
  );
  const ovs = await startOpenVswitch({ namespace: host, dummy: true });
  try {
    await ovs.vsctl(
      ...['add-br', 'speaker', '--', 'set', 'bridge', 'speaker', 'datapath_type=netdev'],
      ...['other-config:hwaddr="02:00:00:00:03:03"', '--', 'add-port', 'speaker', 's1'],
      ...['--', 'set', 'interface', 's1', 'lldp:enable=true'],
    );
    // Its clock can be moved (`--enable-dummy`).
    const frames = await framesDuring(host, 's2', 'tcpdump', async () => {
      await ovs.appctl('time/stop');
      await ovs.appctl('time/warp', '31000', '1000');
    });
    return { name: 'LLDP of Open vSwitch', frames };
  } finally {
    await ovs.stop();
  }
}
