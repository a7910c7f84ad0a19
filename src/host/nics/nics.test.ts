import { describe, expect, it } from 'vitest';
import { nicLinks } from './links.ts';
import { readOffloads } from './offloads.ts';

const ETHER = { link_type: 'ether', mtu: 1500, flags: ['UP', 'LOWER_UP'], address: '02:00:00:00:00:01' };

describe('NICs among the interfaces', () => {
  it('are those that a cable can be in', () => {
    const all = [
      { ifname: 'lo', ifindex: 1, ...ETHER, link_type: 'loopback' },
      { ifname: 'eth0', ifindex: 2, ...ETHER, permaddr: '02:00:00:00:00:99' },
      { ifname: 'eth1', ifindex: 3, ...ETHER, flags: ['UP'], address: 'nonsense' },
      { ifname: 'nic1', ifindex: 4, ...ETHER, linkinfo: { info_kind: 'veth' }, link_netnsid: 0 },
      // Both ends here: a pair of somebody else.
      { ifname: 'pair', ifindex: 5, ...ETHER, linkinfo: { info_kind: 'veth' } },
      { ifname: 'tap0', ifindex: 6, ...ETHER, linkinfo: { info_kind: 'tun' } },
      { ifname: 'bond0', ifindex: 7, ...ETHER, linkinfo: { info_kind: 'bond' } },
      { ifname: 'ovs-system', ifindex: 8, ...ETHER, linkinfo: { info_kind: 'openvswitch' } },
      { ifname: 'vm1', ifindex: 9, ...ETHER, linkinfo: { info_kind: 'veth' }, link_netnsid: 1 },
      { ifname: 'nlv0123456789a', ifindex: 10, ...ETHER },
    ];
    expect(nicLinks(all, new Set(['vm1']))).toEqual([
      { name: 'eth0', index: 2, mac: '02:00:00:00:00:99', mtu: 1500, link: true },
      { name: 'eth1', index: 3, mtu: 1500, link: false },
      { name: 'nic1', index: 4, mac: '02:00:00:00:00:01', mtu: 1500, link: true, kind: 'veth' },
    ]);
  });

  it.each([
    [undefined],
    [{}],
    [[7, null, 'x', {}, { ifname: 'eth0' }, { ...ETHER, ifname: 7, ifindex: 'x' }]],
  ])('are none in %j', (json) => {
    expect(nicLinks(json, new Set())).toEqual([]);
  });
});

describe('offloads', () => {
  it('are those that are on', () => {
    const text = `Features for eth0:
rx-checksumming: on [fixed]
tx-checksumming: on
\ttx-checksum-ipv4: off [fixed]
tcp-segmentation-offload: on
\ttx-udp_tnl-csum-segmentation: on
\ttx-gre-segmentation: off [fixed]
generic-receive-offload: off
hw-tc-offload: on
`;
    expect(readOffloads(text)).toEqual(['checksum', 'tso', 'vxlan-segmentation', 'flows']);
    expect(readOffloads('')).toEqual([]);
  });
});
