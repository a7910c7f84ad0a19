import { beforeEach, describe, expect, it } from 'vitest';
import type { HostStatus } from '../../stream/feed.ts';
import type { NicFact } from '../../stream/report.ts';
import { FABRIC, hostText, switchText, type World, world } from './fixture.ts';
import { hintsOf } from './hints.ts';

let fabric: World;
beforeEach(async () => {
  fabric = await world(FABRIC);
});
const hints = () =>
  hintsOf(fabric.controller.network, 0).map(({ code, path, message }) => `${code} ${path}: ${message}`);

describe('a fabric that is as it should be', () => {
  it('has no hints', () => {
    expect(hints()).toEqual([]);
  });
});

describe('cable-elsewhere', () => {
  const says = (host: string, ...leaves: readonly (string | undefined)[]): [string, HostStatus] => {
    const nics = ['a', 'b'].map((name, i): NicFact => {
      const system = leaves[i];
      const neighbour = { chassis: `chassis of ${system}`, port: `${host}${name}`, system: `${system}` };
      return { name, link: true, ...(system === undefined ? {} : { neighbour }) };
    });
    const report = { version: '', engine: '', nics, switches: [], drift: [], repaired: [], findings: [] };
    return [host, { host, connected: true, touched: 1, report }];
  };
  const told = (...statuses: readonly [string, HostStatus][]) =>
    hintsOf(fabric.controller.network, 0, new Map(statuses)).map(
      ({ path, message }) => `${path}: ${message}`,
    );

  beforeEach(async () => {
    await fabric.apply(hostText('h3', 3), switchText('h3'));
  });

  it('names the NIC whose cable was swapped, and no other', () => {
    expect(
      told(says('h1', 'leaf1', 'leaf2'), says('h2', 'leaf1', 'leaf2'), says('h3', 'leaf1', 'leaf2')),
    ).toEqual([]);
    expect(
      told(says('h1', 'leaf1', 'leaf2'), says('h2', 'leaf1', 'leaf2'), says('h3', 'leaf2', 'leaf1')),
    ).toEqual([
      'Host/h3.nics[0].physicalNetwork: NIC "a" is described as cabled to "blue", and at the other end is leaf2, port h3a, where the other NICs are of "green".',
      'Host/h3.nics[1].physicalNetwork: NIC "b" is described as cabled to "green", and at the other end is leaf1, port h3b, where the other NICs are of "blue".',
    ]);
  });

  it('says nothing where nobody can know, or one switch carries both', () => {
    expect(told(says('h1', 'leaf1'), says('h2', undefined, 'leaf1'))).toEqual([]);
    expect(told(says('h1', 'leaf1', 'leaf1'), says('h2', 'leaf1', 'leaf1'), says('h3'))).toEqual([]);
    // A switch of its own in each rack.
    expect(
      told(says('h1', 'leaf1', 'leaf2'), says('h2', 'leaf3', 'leaf4'), says('h3', 'leaf5', 'leaf6')),
    ).toEqual([]);
  });
});

// Each begins from the fabric without hints, so the change in it is what causes the hint.
describe('a hint', () => {
  it('few-nics: one NIC; or two for many networks of the host', async () => {
    await fabric.apply(
      'kind: Host\nname: h3\ngroup: G\nnics: [{ name: a, physicalNetwork: blue, mac: "02:00:00:00:03:01" }]',
      ...['Cluster', 'Migration'].flatMap((name) => [
        `kind: LogicalNetwork\nname: ${name}\nsameNameVmNetwork: true`,
        `kind: NetworkSite\nname: S\nlogicalNetwork: ${name}\nhostGroups: [G]`,
      ]),
      'kind: UplinkPortProfile\nname: U\nnetworkVirtualization: true\nsites: [{ logicalNetwork: Mgmt, site: S }, { logicalNetwork: App, site: S }, { logicalNetwork: Cluster, site: S }, { logicalNetwork: Migration, site: S }]',
      switchText(
        'h1',
        '[a, b]',
        '{ name: M, vmNetwork: Mgmt, inheritManagementNic: true }, { name: C, vmNetwork: Cluster }, { name: V, vmNetwork: Migration }',
      ),
    );
    expect(hints()).toEqual([
      'few-nics Host/h1.nics: The host is on 3 networks of its own (Cluster, Mgmt, Migration) and has 2 NICs for them and for its machines.',
      'few-nics Host/h3.nics: Host "h3" has one NIC.',
    ]);
  });

  it('management-missing: the management NIC goes to the switch, and nobody has its addresses', async () => {
    await fabric.apply(switchText('h1', '[a, b]', ''));
    expect(hints()).toEqual([
      expect.stringMatching(/^management-missing HostSwitch\/h1\/L\.hostVnics: The switch takes NIC "a"/),
    ]);
    // Nothing is said of a NIC for management, and none is left for it.
    await fabric.apply(
      switchText('h1', '[a, b]', ''),
      hostText('h1', 1).replace(/managementNic.*\n.*\n/, ''),
    );
    expect(hints()).toEqual([expect.stringMatching(/^management-missing Host\/h1: Switches have all NICs/)]);
    await fabric.apply(switchText('h1', '[a, b]', '{ name: M, vmNetwork: Mgmt, address: 192.168.0.50 }'));
    expect(hints()).toEqual([]);
  });

  it('team-one-cable and speeds-differ', async () => {
    await fabric.apply(hostText('h1', 1, ', speedMbps: 1000').replace('green', 'blue'));
    expect(hints()).toEqual([
      expect.stringMatching(/^team-one-cable HostSwitch\/h1\/L\.nics: .*"blue"/),
      expect.stringMatching(/^speeds-differ HostSwitch\/h1\/L\.nics: .*a 10000 Mbit\/s, b 1000 Mbit\/s\.$/),
    ]);
  });

  it('site-unused: a profile that nobody uses, and a site where none of its hosts stands', async () => {
    await fabric.apply(
      'kind: HostGroup\nname: H',
      'kind: NetworkSite\nname: T\nlogicalNetwork: Mgmt\nhostGroups: [H]',
      'kind: UplinkPortProfile\nname: V\nsites: [{ logicalNetwork: Mgmt, site: T }]',
      'kind: UplinkPortProfile\nname: U\nnetworkVirtualization: true\nsites: [{ logicalNetwork: Mgmt, site: S }, { logicalNetwork: Mgmt, site: T }, { logicalNetwork: App, site: S }]',
    );
    expect(hints()).toEqual([
      'site-unused UplinkPortProfile/U.sites: None of the hosts that use the profile stands in site "T" of logical network "Mgmt".',
      'site-unused UplinkPortProfile/V: No host uses uplink port profile "V".',
    ]);
  });

  it('guest-mtu: says what guests have, and what to raise; raising it does away with the hint', async () => {
    await fabric.apply('kind: PhysicalNetwork\nname: blue\nmtu: 1541');
    expect(hints()).toEqual([
      'guest-mtu LogicalNetwork/App.encapsulation: Guests of virtualized networks on "App" have an MTU of 1499: nvgre takes 42 bytes of each packet, and the physical networks "blue" (1541) carry no larger ones.',
    ]);
    await fabric.apply('kind: PhysicalNetwork\nname: blue\nmtu: 1542');
    expect(hints()).toEqual([]);
  });

  it('ipv6-mtu: a subnet of IPv6 over a fabric that carries too little for it', async () => {
    const blue = (mtu: number) => `kind: PhysicalNetwork\nname: blue\nmtu: ${mtu}`;
    await fabric.apply(
      'kind: VmNetwork\nname: W\nlogicalNetwork: App\nisolation: virtualized',
      'kind: VmSubnet\nname: both\nvmNetwork: W\nprefix: 10.0.0.0/24\nipv6Prefix: "fd00:0:0:1::/64"',
      'kind: VmSubnet\nname: six\nvmNetwork: W\nprefix: "fd00:0:0:2::/64"',
      'kind: VmSubnet\nname: four\nvmNetwork: W\nprefix: 10.0.1.0/24',
      blue(1321),
    );
    expect(hints().filter((text) => text.startsWith('ipv6-mtu'))).toEqual([
      'ipv6-mtu VmSubnet/W/both.ipv6Prefix: Guests of the subnet have an MTU of 1279, and IPv6 needs 1280.',
      'ipv6-mtu VmSubnet/W/six.prefix: Guests of the subnet have an MTU of 1279, and IPv6 needs 1280.',
    ]);
    await fabric.apply(blue(1322));
    expect(hints().filter((text) => text.startsWith('ipv6-mtu'))).toEqual([]);
  });

  it('fabric-versions: provider addresses of both versions', async () => {
    const provider = (name: string, number: number, address: string) =>
      hostText(name, number, '', `providerAddresses: [{ logicalNetwork: App, address: "${address}" }]`);
    await fabric.apply(
      'kind: NetworkSite\nname: S\nlogicalNetwork: App\nhostGroups: [G]\nsubnets: [{ vlan: 30, prefix: 192.168.30.0/24 }, { vlan: 30, prefix: "2001:db8::/64" }]',
      provider('h1', 1, '192.168.30.11'),
      provider('h2', 2, '192.168.30.12'),
    );
    const versions = () => hints().filter((text) => text.startsWith('fabric-versions'));
    expect(versions()).toEqual([]);
    await fabric.apply(provider('h2', 2, '2001:db8::12'));
    expect(versions()).toEqual([
      'fabric-versions LogicalNetwork/App: Provider addresses are of IPv4 on h1, of IPv6 on h2: no tunnel leads from one to the other, so machines there do not reach each other.',
    ]);
  });

  it('vlan-nowhere: a VLAN of a site that no cable of its hosts carries', async () => {
    await fabric.apply(
      'kind: PhysicalNetwork\nname: blue\nmtu: 1600\nvlans: [0, 30]',
      'kind: PhysicalNetwork\nname: green\nmtu: 1600\njoinedWith: [blue]\nvlans: [0, 30-39]',
      'kind: LogicalNetwork\nname: Later\ntype: vlan\nsameNameVmNetwork: true',
      'kind: NetworkSite\nname: S\nlogicalNetwork: Later\nhostGroups: [G]\nsubnets: [{ vlan: 39 }, { vlan: 40 }]',
    );
    expect(hints()).toEqual([
      'vlan-nowhere NetworkSite/Later/S.subnets[1]: No physical network at a host of the site carries VLAN 40; there are "blue", "green".',
    ]);
  });

  it('pool-low: from 80 % on', async () => {
    const pool =
      'kind: IpPool\nname: P\nlogicalNetwork: Mgmt\nsite: S\nprefix: 192.168.0.0/24\nfrom: 192.168.0.100\nto: 192.168.0.104';
    const vms = (count: number) =>
      Array.from(
        { length: count },
        (_, i) => `kind: VirtualMachine\nname: vm${i}\nhost: h1\nvnics: [{ name: eth0, vmNetwork: Mgmt }]`,
      );
    await fabric.apply(pool, ...vms(3));
    expect(hints()).toEqual([]);
    await fabric.apply(...vms(4));
    expect(hints()).toEqual([
      'pool-low IpPool/NetworkSite/Mgmt/S/P: Of the 5 addresses of pool "P", 1 are free.',
    ]);
  });
});
