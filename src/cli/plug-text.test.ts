import { describe, expect, it } from 'vitest';
import { incusCommands, libvirtXml, plugInfoOf, qemuOptions, tapCommands } from './plug-text.ts';

const VM = {
  kind: 'VirtualMachine',
  name: 'web',
  tenant: 'red',
  host: 'host1',
  vnics: [{ name: 'eth0' }, { name: 'eth1', adapter: 'legacy' }, { name: 'eth2' }],
  status: {
    vnics: [
      {
        name: 'eth0',
        id: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
        mac: '02:00:00:00:00:01',
        mtu: 1450,
        connected: true,
      },
      {
        name: 'eth1',
        id: '4f2504e0-4f89-41d3-9a0c-0305e82c3302',
        mac: '02:00:00:00:00:02',
        mtu: 1500,
        connected: true,
      },
      { name: 'eth2', connected: false },
    ],
  },
};

describe('plug info', () => {
  const info = plugInfoOf(VM);

  it('names what can be plugged in, and what cannot', () => {
    expect(info).toMatchObject({ vm: 'red:web', host: 'host1', bridge: 'nlplug0', unconnected: ['eth2'] });
    expect(info).not.toHaveProperty('destination');
    expect(info.vnics.map(({ name, mtu }) => [name, mtu])).toEqual([
      ['eth0', 1450],
      ['eth1', 1500],
    ]);
  });

  it('says where else it is plugged in while it moves', () => {
    const migration = { source: 'host1', destination: 'host2' };
    const moving = plugInfoOf({ ...VM, migration });
    expect(moving).toMatchObject({ host: 'host1', destination: 'host2' });
    // The link is to be down there until it runs there.
    expect(tapCommands(moving)).toContain('mtu 1450\n');
    expect(tapCommands(info)).toContain('mtu 1450 up\n');
    expect(plugInfoOf({ ...VM, host: 'host2', migration })).not.toHaveProperty('destination');
  });

  it('is written as each hypervisor has it', () => {
    expect(libvirtXml(info)).toContain("<parameters interfaceid='3f2504e0-4f89-41d3-9a0c-0305e82c3301'/>");
    expect(libvirtXml(info)).toContain("<model type='e1000'/>");
    expect(tapCommands(info)).toContain(
      'ovs-vsctl --may-exist add-port nlplug0 tap-3f2504e0 -- set Interface tap-3f2504e0 external_ids:iface-id=3f2504e0-4f89-41d3-9a0c-0305e82c3301',
    );
    expect(qemuOptions(info).split('\n')[0]).toBe(
      '-netdev tap,id=net0,ifname=tap-3f2504e0,script=no,downscript=no -device virtio-net-pci,netdev=net0,mac=02:00:00:00:00:01,host_mtu=1450',
    );
    expect(incusCommands(info)).toContain(
      'incus config device add red-web eth0 nic nictype=bridged parent=nlplug0',
    );
  });
});
