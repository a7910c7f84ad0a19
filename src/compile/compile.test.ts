import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { needs } from '../allocate/demand.ts';
import { all, type Edits, edits, FABRIC, Granted, network, pool, vm } from '../allocate/fixture.ts';
import { type Derivation, Deriver } from '../base/derive.ts';
import type { ObjectKey } from '../model/definition.ts';
import { parseRecord } from '../policy/parse.ts';
import { domainScope, recordKey, type ScopedRecord } from '../policy/records.ts';
import { recordText } from '../policy/text.ts';
import { Compiler, compilation } from './compile.ts';
import { Compiled, policyText, summary } from './fixture.ts';

const example = (name: string) =>
  readFileSync(new URL(`../../examples/${name}.yaml`, import.meta.url), 'utf8');

function compiled(changes: Edits): Compiled {
  const world = new Compiled();
  expect(world.edit(changes).findings).toEqual([]);
  return world;
}

describe('the examples', () => {
  it('blue-red: four lookup records of two routing domains with the same addresses, two provider addresses', () => {
    const { compiler } = compiled(edits(example('blue-red')));
    const blue = 'domain/00000000-0000-4000-8000-000000000001';
    const red = 'domain/00000000-0000-4000-8000-000000000002';
    expect(summary(compiler)).toEqual([
      `${blue} lookup VSID 5001 10.0.0.5 00:1d:d8:b7:1c:02 -> 192.168.4.11`,
      `${blue} lookup VSID 5001 10.0.0.7 00:1d:d8:b7:1c:03 -> 192.168.4.22`,
      `${blue} route 10.0.0.0/24 -> VSID 5001 via 0.0.0.0`,
      `${blue} subnet Blue/Blue subnet VSID 5001 10.0.0.0/24 router 10.0.0.1 02:4e:4c:00:13:89 mtu 1458`,
      `${red} lookup VSID 6001 10.0.0.5 00:1d:d8:b7:1c:04 -> 192.168.4.11`,
      `${red} lookup VSID 6001 10.0.0.7 00:1d:d8:b7:1c:05 -> 192.168.4.22`,
      `${red} route 10.0.0.0/24 -> VSID 6001 via 0.0.0.0`,
      `${red} subnet Red/Red subnet VSID 6001 10.0.0.0/24 router 10.0.0.1 02:4e:4c:00:17:71 mtu 1458`,
      'host/host1 domain Blue on Provider = 1',
      'host/host1 domain Red on Provider = 2',
      'host/host1 port blue1/eth0 (vm) 00:1d:d8:b7:1c:02 on VSID 5001 of Tenant switch [10.0.0.5/24 via 10.0.0.1] mtu 1458 dhcp',
      'host/host1 port red1/eth0 (vm) 00:1d:d8:b7:1c:04 on VSID 6001 of Tenant switch [10.0.0.5/24 via 10.0.0.1] mtu 1458 dhcp',
      'host/host1 provider Provider nvgre 192.168.4.11/24 00:1d:d8:b7:1c:00 VLAN 0 of Tenant switch',
      'host/host1 switch Tenant switch external nic1 switch-independent dynamic mtu 1500',
      'host/host2 domain Blue on Provider = 1',
      'host/host2 domain Red on Provider = 2',
      'host/host2 port blue2/eth0 (vm) 00:1d:d8:b7:1c:03 on VSID 5001 of Tenant switch [10.0.0.7/24 via 10.0.0.1] mtu 1458 dhcp',
      'host/host2 port red2/eth0 (vm) 00:1d:d8:b7:1c:05 on VSID 6001 of Tenant switch [10.0.0.7/24 via 10.0.0.1] mtu 1458 dhcp',
      'host/host2 provider Provider nvgre 192.168.4.22/24 00:1d:d8:b7:1c:01 VLAN 0 of Tenant switch',
      'host/host2 switch Tenant switch external nic1 switch-independent dynamic mtu 1500',
    ]);
  });

  it('dual-stack: a subnet with two prefixes, one whose machines make their addresses, over a fabric of IPv6', () => {
    const { compiler } = compiled(edits(example('dual-stack')));
    const web = 'domain/00000000-0000-4000-8000-000000000002';
    expect(summary(compiler, web)).toEqual([
      `${web} lookup VSID 1048577 10.0.0.10 00:1d:d8:b7:1c:06 -> 2001:db8:4::11`,
      `${web} lookup VSID 1048577 10.0.0.11 00:1d:d8:b7:1c:07 -> 2001:db8:4::22`,
      `${web} lookup VSID 1048577 fd00:0:0:1::10 00:1d:d8:b7:1c:06 -> 2001:db8:4::11`,
      `${web} lookup VSID 1048577 fd00:0:0:1::11 00:1d:d8:b7:1c:07 -> 2001:db8:4::22`,
      `${web} lookup VSID 1048578 fd00::2:21d:d8ff:feb7:1c02 00:1d:d8:b7:1c:02 -> 2001:db8:4::11`,
      `${web} lookup VSID 1048578 fd00::2:21d:d8ff:feb7:1c03 00:1d:d8:b7:1c:03 -> 2001:db8:4::22`,
      `${web} route 10.0.0.0/24 -> VSID 1048577 via 0.0.0.0`,
      `${web} route fd00:0:0:1::/64 -> VSID 1048577 via ::`,
      `${web} route fd00:0:0:2::/64 -> VSID 1048578 via ::`,
      `${web} subnet Web/dual VSID 1048577 10.0.0.0/24 router 10.0.0.1, fd00:0:0:1::/64 router fd00:0:0:1::1 02:4e:4c:10:00:01 mtu 1438`,
      `${web} subnet Web/lab VSID 1048578 fd00:0:0:2::/64 router fd00:0:0:2::1 slaac 02:4e:4c:10:00:02 mtu 1438`,
    ]);
    expect(summary(compiler, 'host/host1').filter((line) => / port | provider /.test(line))).toEqual([
      'host/host1 port lab1/eth0 (vm) 00:1d:d8:b7:1c:02 on VSID 1048578 of Tenant switch [fd00::2:21d:d8ff:feb7:1c02/64 via fd00:0:0:2::1] mtu 1438 dhcp6',
      'host/host1 port old1/eth0 (vm) 00:1d:d8:b7:1c:04 on VSID 1048576 of Tenant switch [10.0.0.10/24 via 10.0.0.1] mtu 1438 dhcp',
      'host/host1 port web1/eth0 (vm) 00:1d:d8:b7:1c:06 on VSID 1048577 of Tenant switch [10.0.0.10/24 via 10.0.0.1, fd00:0:0:1::10/64 via fd00:0:0:1::1] mtu 1438 dhcp dhcp6',
      'host/host1 provider Provider nvgre 2001:db8:4::11/64 00:1d:d8:b7:1c:00 VLAN 0 of Tenant switch',
    ]);
  });

  it('serves DHCPv6 where a pool of a site gives an address of IPv6, and not where somebody else may', () => {
    const fabric = FABRIC.replace(
      'subnets: [{ prefix: 192.168.0.0/24',
      'subnets: [{ prefix: "fd00:1::/64" }, { prefix: 192.168.0.0/24',
    );
    const six =
      '{kind: IpPool, name: six, logicalNetwork: Mgmt, site: S, prefix: "fd00:1::/64", from: "fd00:1::10", to: "fd00:1::20"}';
    const ports = (...documents: string[]) =>
      summary(compiled(all(fabric, ...documents)).compiler, 'host/h1').filter((line) => / port /.test(line));
    expect(ports(six, vm('a', 'h1', 'Mgmt'))).toEqual([
      'host/h1 port a/eth0 (vm) 00:1d:d8:b7:1c:02 on VLAN 0 of L [192.168.0.2/24 via 192.168.0.1, fd00:1::10/64 via -] mtu 1500 dhcp dhcp6',
    ]);
    expect(ports(vm('a', 'h1', 'Mgmt', ', addresses: ["fd00:1::7"]'))).toEqual([
      'host/h1 port a/eth0 (vm) 00:1d:d8:b7:1c:02 on VLAN 0 of L [fd00:1::7/64 via -, 192.168.0.2/24 via 192.168.0.1] mtu 1500 dhcp',
    ]);
  });

  it('campus: teams on two switches, host vNICs, tenants, and VMs on networks as they are', () => {
    const { compiler } = compiled(edits(example('campus')));
    const internal = 'Internal Logical Switch';
    expect(summary(compiler, 'host/cloud-pm-cn01')).toEqual(
      [
        'domain App Network on Application = 1',
        'domain Database Network on Application = 2',
        `port app-db01/eth0 (vm) 00:1d:d8:b7:1c:09 on VSID 1048576 of ${internal} [10.10.1.100/16 via 10.10.0.1] mtu 1458 dhcp`,
        `port app-db01/eth1 (vm) 00:1d:d8:b7:1c:0a on VSID 1048577 of ${internal} [10.20.1.100/16 via 10.20.0.1] mtu 1458 dhcp`,
        `port app-web01/eth0 (vm) 00:1d:d8:b7:1c:0b on VSID 1048576 of ${internal} [10.10.1.101/16 via 10.10.0.1] mtu 1458 dhcp`,
        'port cloud-pm-ag01/eth0 (vm) 00:1d:d8:b7:1c:0d on VLAN 0 of Public Logical Switch [172.16.8.100/24 via 172.16.8.1] mtu 1500 dhcp',
        'port cloud-pm-ag01/eth1 (vm) 00:1d:d8:b7:1c:0e on VLAN 0 of Public Logical Switch [121.192.0.11/26 via 121.192.0.1] mtu 1500 dhcp',
        `port cloud-pm-cn01/Cluster (host) 00:1d:d8:b7:1c:02 on VLAN 0 of ${internal} [192.168.10.11/24 via -] mtu 1500 dhcp`,
        `port cloud-pm-cn01/Management (host) 00:1d:d8:b7:1c:03 on VLAN 0 of ${internal} [192.168.0.11/24 via 192.168.0.1] mtu 1500`,
        `port cloud-pm-cn01/Migration (host) 00:1d:d8:b7:1c:04 on VLAN 0 of ${internal} [192.168.20.11/24 via -] mtu 1500 dhcp`,
        'port edu01/eth0 (vm) 00:1d:d8:b7:1c:10 on VLAN 0 of Public Logical Switch [121.192.0.12/26 via 121.192.0.1] mtu 1500 dhcp',
        `provider Application nvgre 192.168.30.11/24 00:1d:d8:b7:1c:00 VLAN 0 of ${internal}`,
        `switch ${internal} external Ethernet 01+Ethernet 02 switch-independent dynamic mtu 1500`,
        'switch Public Logical Switch external Ethernet 03+Ethernet 04 switch-independent dynamic mtu 1500',
      ].map((line) => `host/cloud-pm-cn01 ${line}`),
    );
    // The other building has no part in the tenants' networks.
    expect(summary(compiler, 'host/cloud-pm-ds01')).toEqual(
      [
        `port cloud-pm-ds01/Management (host) 00:1d:d8:b7:1c:08 on VLAN 0 of ${internal} [192.168.0.21/24 via 192.168.0.1] mtu 1500`,
        `switch ${internal} external Ethernet 01+Ethernet 02 switch-independent dynamic mtu 1500`,
        'switch Public Logical Switch external Ethernet 03+Ethernet 04 switch-independent dynamic mtu 1500',
      ].map((line) => `host/cloud-pm-ds01 ${line}`),
    );
    expect(summary(compiler, 'domain/').filter((line) => line.includes('lookup'))).toEqual([
      'domain/00000000-0000-4000-8000-000000000001 lookup VSID 1048576 10.10.1.100 00:1d:d8:b7:1c:09 -> 192.168.30.11',
      'domain/00000000-0000-4000-8000-000000000001 lookup VSID 1048576 10.10.1.101 00:1d:d8:b7:1c:0b -> 192.168.30.11',
      'domain/00000000-0000-4000-8000-000000000001 lookup VSID 1048576 10.10.1.102 00:1d:d8:b7:1c:0c -> 192.168.30.12',
      'domain/00000000-0000-4000-8000-000000000002 lookup VSID 1048577 10.20.1.100 00:1d:d8:b7:1c:0a -> 192.168.30.11',
      'domain/00000000-0000-4000-8000-000000000002 lookup VSID 1048577 10.20.1.101 00:1d:d8:b7:1c:0f -> 192.168.30.12',
    ]);
  });
});

describe('a change', () => {
  const AAA = [FABRIC, network('AAA'), pool('AAA')];
  const BBB = [network('BBB'), pool('BBB')];
  const keys = (changes: readonly { key: string }[]) =>
    changes.map(({ key }) => key.replace(/[0-9a-f-]{36}/g, 'ID'));

  it('that moves a VM gives the other host its domain, and every lookup record the new provider address', () => {
    const world = compiled(all(...AAA, vm('a', 'h1', 'AAA'), vm('b', 'h1', 'AAA')));
    expect(summary(world.compiler, 'host/h2').filter((line) => line.includes('domain'))).toEqual([]);
    const { changes } = world.edit(all(vm('a', 'h2', 'AAA')));
    expect(keys(changes)).toEqual([
      'domain/ID lookup/1048576/10.10.1.100',
      'host/h1 port/ID',
      'host/h2 domain/ID',
      'host/h2 port/ID',
      'host/h2 provider/App',
    ]);
    expect(changes[0]!.before!.record).toEqual({ ...changes[0]!.after!.record, pa: '192.168.30.11' });
    expect(changes[0]!.after!.record).toMatchObject({ pa: '192.168.30.12' });
    // What the VM is does not change with the place: the port says the same on the other host.
    expect(changes[3]!.after!.record).toEqual(changes[1]!.before!.record);
  });

  it('of the profile behind a classification changes what the port may do; host vNICs choose their addresses', () => {
    const classified = vm('a', 'h1', 'Mgmt', ', classification: Open');
    const offer = (security: string) => [
      'kind: PortClassification\nname: Open',
      `kind: VirtualPortProfile\nname: Open\nsecurity: ${security}`,
      'kind: LogicalSwitch\nname: L\nuplinkProfiles: [U]\nclassifications: [{ classification: Open, profile: Open }]',
    ];
    const world = compiled(all(FABRIC, classified, vm('b', 'h1', 'Mgmt')));
    const security = (name: string) => {
      for (const { record } of world.compiler.outputs()) {
        if (record.kind === 'port' && record.name === name) return record.security;
      }
      return undefined;
    };
    const safe = { macSpoofing: false, dhcpGuard: true, routerGuard: true, guestSpecifiedAddresses: false };
    expect(security('a/eth0')).toEqual(safe);
    world.edit(all(...offer('{ macSpoofing: true, dhcpGuard: false }')));
    expect(security('a/eth0')).toEqual({ ...safe, macSpoofing: true, dhcpGuard: false });
    expect(security('b/eth0')).toEqual(safe);
    world.edit(
      all(
        'kind: HostSwitch\nhost: h1\nlogicalSwitch: L\nnics: [n]\nuplinkProfile: U\nhostVnics: [{ name: M, vmNetwork: Mgmt, address: 192.168.0.9 }]',
      ),
    );
    expect(security('h1/M')).toEqual({ ...safe, guestSpecifiedAddresses: true });
  });

  it('of the fabric changes the MTU of guests, so that what they send still fits', () => {
    const world = compiled(all(...AAA, vm('a', 'h1', 'AAA')));
    const mtus = () =>
      summary(world.compiler).flatMap((text) => /(?:port|subnet) .* mtu (\d+)/.exec(text)?.[1] ?? []);
    expect(mtus()).toEqual(['1458', '1458']);
    const fabric = 'kind: LogicalNetwork\nname: App\nnetworkVirtualization: true';
    world.edit(all(`${fabric}\nencapsulation: vxlan`));
    expect(mtus()).toEqual(['1450', '1450']);
    world.edit(all('kind: PhysicalNetwork\nname: P\nmtu: 1400'));
    expect(mtus()).toEqual(['1350', '1350']);
    // Guests never have more than 1500, and the provider interface has what the fabric carries.
    world.edit(all('kind: PhysicalNetwork\nname: P\nmtu: 9000', fabric));
    expect(mtus()).toEqual(['1500', '1500']);
    const providers = [...world.compiler.outputs()].flatMap(({ record }) =>
      record.kind === 'provider' ? [record.mtu] : [],
    );
    expect(providers).toEqual([9000]);
    world.edit(all('kind: PhysicalNetwork\nname: P\nmtu: 1541'));
    expect(mtus()).toEqual(['1499', '1499']);
  });

  it('to a fixed provider address needs no VM, but an uplink that carries virtualized networks', () => {
    const pinned = (host: string) =>
      `kind: Host\nname: ${host}\ngroup: G\nproviderAddresses: [{ logicalNetwork: App, address: 192.168.30.7 }]`;
    const world = compiled(all(FABRIC));
    const providers = () => summary(world.compiler).filter((line) => line.includes('provider'));
    expect(providers()).toEqual([]);
    world.edit(all(pinned('h2')));
    expect(providers()).toEqual([
      // ...:01 was that of the NIC which the host had until now, and is not given to others yet.
      'host/h2 provider App nvgre 192.168.30.7/24 00:1d:d8:b7:1c:02 VLAN 30 of L',
    ]);
    world.edit(all('kind: UplinkPortProfile\nname: U\nsites: [{ logicalNetwork: App, site: S }]'));
    expect(providers()).toEqual([]);
  });

  it('of the order in which NICs are named changes nothing', () => {
    const nics = (names: string) =>
      `kind: HostSwitch\nhost: h1\nlogicalSwitch: L\nnics: ${names}\nuplinkProfile: U`;
    const world = compiled(all(FABRIC));
    expect(world.edit(all(nics('[m, n]'))).changes).toHaveLength(1);
    expect(world.edit(all(nics('[n, m]'))).changes).toEqual([]);
  });

  it('of whom a switch tells about its traffic reaches every host that has the switch', () => {
    const telling = (text: string) =>
      `kind: LogicalSwitch\nname: L\nuplinkProfiles: [U]\nflowExport: { type: ipfix, ${text} }`;
    const world = compiled(all(FABRIC));
    const { changes } = world.edit(all(telling('collectors: ["[2001:DB8::1]:4739", "192.0.2.1:4739"]')));
    expect(changes.map(({ after }) => after?.record)).toEqual(
      ['h1', 'h2'].map(() =>
        expect.objectContaining({
          kind: 'switch',
          flowExport: { type: 'ipfix', collectors: ['192.0.2.1:4739', '[2001:db8::1]:4739'], sampling: 400 },
        }),
      ),
    );
    // In another order, and one of them twice, it is the same.
    const again = 'collectors: ["192.0.2.1:4739", "[2001:db8::1]:4739", "192.0.2.1:4739"]';
    expect(world.edit(all(telling(again))).changes).toEqual([]);
  });

  it('of a pool tells its users: router, DNS servers, DHCP', () => {
    const world = compiled(all(...AAA, vm('a', 'h1', 'AAA')));
    const port = (name = 'a/eth0') => {
      const records = [...world.compiler.outputs()].map(({ record }) => record);
      return records.find((record) => record.kind === 'port' && record.name === name);
    };
    const address = { address: '10.10.1.100', prefixLength: 16, gateway: '10.10.0.1', dns: [] };
    expect(port()).toMatchObject({ addresses: [address], dhcpServer: '192.0.2.253' });
    const gateways = '[{ address: 10.10.0.254, metric: 5 }, { address: 10.10.0.253, metric: 2 }]';
    const more = 'dnsSuffix: corp.example\ndnsSearch: [lab.example]\nwins: [10.10.0.44]';
    world.edit(all(`${pool('AAA').trim()}\ndns: [10.10.0.53]\n${more}\ngateways: ${gateways}`));
    expect(port()).toMatchObject({
      addresses: [
        {
          ...address,
          gateway: '10.10.0.253',
          otherGateways: ['10.10.0.254'],
          dns: ['10.10.0.53'],
          dnsSuffix: 'corp.example',
          dnsSearch: ['lab.example'],
          wins: ['10.10.0.44'],
        },
      ],
    });

    // On a network as it is, the switch gives out what is in a pool; for others there may be a server on the wire.
    world.edit(
      all(
        vm('in', 'h1', 'Mgmt', ', addresses: [192.168.0.2]'),
        vm('out', 'h1', 'Mgmt', ', addresses: [192.168.0.9]'),
      ),
    );
    const [inside, outside] = [port('in/eth0'), port('out/eth0')];
    expect(inside).toMatchObject({ addresses: [{ gateway: '192.168.0.1' }], dhcpServer: '192.0.2.253' });
    expect(outside).toMatchObject({ addresses: [{ gateway: '192.168.0.1' }] });
    expect(outside).not.toHaveProperty('dhcpServer');
  });

  it('of the rows of a site: IPv4 and IPv6 side by side, or no prefix, and then addresses are the guest’s business', () => {
    const site = (rows: string) =>
      all(`kind: NetworkSite\nname: S\nlogicalNetwork: Mgmt\nhostGroups: [G]\nsubnets: ${rows}`);
    const world = compiled(all(FABRIC, vm('a', 'h1', 'Mgmt', ', addresses: [192.168.0.9, "fd00::9"]')));
    const port = () =>
      [...world.compiler.outputs()].map(({ record }) => record).find(({ kind }) => kind === 'port');
    const closed = { security: { guestSpecifiedAddresses: false } };
    world.edit(site('[{ prefix: 192.168.0.0/24 }, { prefix: "fd00::/64", gateway: "fd00::1" }]'));
    const [four, six] = [
      { address: '192.168.0.9', dns: [] },
      { address: 'fd00::9', gateway: 'fd00::1', dns: [] },
    ];
    expect(port()).toMatchObject({
      ...closed,
      addresses: [
        { ...four, prefixLength: 24 },
        { ...six, prefixLength: 64 },
      ],
    });
    world.edit(site('[{ vlan: 9 }]'));
    expect(port()).toMatchObject({
      attachment: { type: 'vlan', vlan: 9 },
      security: { guestSpecifiedAddresses: true },
      addresses: [
        { ...four, prefixLength: 32 },
        { address: 'fd00::9', prefixLength: 128 },
      ],
    });
  });

  it('to IPv6 is one like any other: on the tenant side, and on the fabric, whose larger header counts', () => {
    const six = (text: string) =>
      text
        .replace('10.10.0.0/16', 'fd00:a::/64')
        .replace('10.10.1.100', '"fd00:a::100"')
        .replace('10.10.1.130', '"fd00:a::1ff"');
    const fabric = FABRIC.replaceAll('192.168.30.0/24', 'fd00:30::/64')
      .replace('192.168.30.11', '"fd00:30::11"')
      .replace('192.168.30.99', '"fd00:30::99"');
    const { compiler } = compiled(all(fabric, six(network('AAA')), six(pool('AAA')), vm('a', 'h1', 'AAA')));
    expect(summary(compiler).filter((line) => !line.includes(' switch ') && !line.includes('h2'))).toEqual([
      'domain/00000000-0000-4000-8000-000000000001 lookup VSID 1048576 fd00:a::100 00:1d:d8:b7:1c:03 -> fd00:30::11',
      'domain/00000000-0000-4000-8000-000000000001 route fd00:a::/64 -> VSID 1048576 via ::',
      'domain/00000000-0000-4000-8000-000000000001 subnet AAA/test VSID 1048576 fd00:a::/64 router fd00:a::1 02:4e:4c:10:00:00 mtu 1438',
      'host/h1 domain AAA on App = 1',
      'host/h1 port a/eth0 (vm) 00:1d:d8:b7:1c:03 on VSID 1048576 of L [fd00:a::100/64 via fd00:a::1] mtu 1438 dhcp6',
      'host/h1 provider App nvgre fd00:30::11/64 00:1d:d8:b7:1c:02 VLAN 30 of L',
    ]);
  });

  it('to private VLANs says what the port is on them, and never the bare VLAN', () => {
    const row = (type: string) => [
      `kind: LogicalNetwork\nname: V\ntype: ${type}`,
      `kind: NetworkSite\nname: S\nlogicalNetwork: V\nhostGroups: [G]\nsubnets: [{ vlan: 7${type === 'pvlan' ? ', secondaryVlan: 8' : ''} }]`,
      `kind: VmNetwork\nname: V7\nlogicalNetwork: V\nisolation: ${type}\nvlan: 7`,
      'kind: UplinkPortProfile\nname: U\nsites: [{ logicalNetwork: V, site: S }]',
    ];
    const world = compiled(all(FABRIC, vm('a', 'h1', 'V7')));
    world.edit(all(...row('vlan')));
    expect(summary(world.compiler).filter((line) => line.includes(' port '))).toEqual([
      'host/h1 port a/eth0 (vm) 00:1d:d8:b7:1c:02 on VLAN 7 of L [] mtu 1500',
    ]);
    const ports = () => summary(world.compiler).filter((line) => line.includes(' port '));
    const port = (words: string) => [
      `host/h1 port a/eth0 (vm) 00:1d:d8:b7:1c:02 on private VLAN 7 ${words} of L [] mtu 1500`,
    ];
    world.edit(all(...row('pvlan')));
    expect(ports()).toEqual(port('isolated 8'));
    const rows = (subnets: string) =>
      all(`kind: NetworkSite\nname: S\nlogicalNetwork: V\nhostGroups: [G]\nsubnets: [${subnets}]`);
    world.edit(rows('{ vlan: 7, secondaryVlan: 8, secondaryType: community }'));
    expect(ports()).toEqual(port('community 8'));
    world.edit(rows('{ vlan: 7 }'));
    expect(ports()).toEqual([]);
  });

  it('of a migration gives both hosts the ports, names both in the lookup records, and then one again', () => {
    const world = compiled(all(...AAA, vm('a', 'h1', 'AAA'), vm('b', 'h1', 'AAA')));
    const [h1, h2] = ['192.168.30.11', '192.168.30.12'];
    const a = (host: string, moves = true) =>
      world.edit(all(`${vm('a', host, 'AAA').trim()}${moves ? MOVING : ''}`)).changes;
    const records = (kind: string) =>
      [...world.compiler.outputs()].flatMap(({ scope, record }) => {
        if (record.origin !== 'VirtualMachine/a' || record.kind !== kind) return [];
        const { pa, standby, migration } = { pa: '', standby: '', migration: '', ...record };
        return [[scope.replace(/domain.*/u, 'domain'), pa, standby, migration].filter((text) => text !== '')];
      });
    const domain = 'domain';
    // Prepared: h2 gets everything, and the rest of the world still sends to h1.
    expect(keys(a('h1'))).toEqual([
      'domain/ID lookup/1048576/10.10.1.100',
      'host/h1 port/ID',
      'host/h2 domain/ID',
      'host/h2 port/ID',
      'host/h2 provider/App',
    ]);
    expect(records('lookup')).toEqual([[domain, h1, h2]]);
    expect(records('port').sort()).toEqual([
      ['host/h1', 'active'],
      ['host/h2', 'standby'],
    ]);
    // Switched over: the same records, the other way round.
    expect(keys(a('h2'))).toEqual([
      'domain/ID lookup/1048576/10.10.1.100',
      'host/h1 port/ID',
      'host/h2 port/ID',
    ]);
    expect(records('lookup')).toEqual([[domain, h2, h1]]);
    expect(records('port').sort()).toEqual([
      ['host/h1', 'standby'],
      ['host/h2', 'active'],
    ]);
    a('h2', false);
    expect(records('lookup')).toEqual([[domain, h2]]);
    expect(records('port')).toEqual([['host/h2']]);
    // h1 keeps the domain for b, and loses it with b.
    expect(summary(world.compiler, 'host/h1').some((line) => line.includes(' domain '))).toBe(true);
    world.edit(all(vm('b', 'h2', 'AAA')));
    expect(summary(world.compiler, 'host/h1').some((line) => line.includes(' domain '))).toBe(false);
  });

  it('of one tenant changes no record of another (invariant 22)', () => {
    const blue = [...AAA, ...['b1', 'b2'].map((name, i) => vm(name, `h${i + 1}`, 'AAA'))];
    const redEdit = fc.oneof(
      fc
        .tuple(
          fc.constantFrom('r1', 'r2', 'r3'),
          fc.constantFrom('h1', 'h2'),
          fc.option(fc.integer({ min: 90, max: 110 })),
        )
        .map(([name, host, last]) =>
          all(vm(name, host, 'BBB', last === null ? '' : `, addresses: [10.10.1.${last}]`)),
        ),
      fc.constantFrom('r1', 'r2', 'r3').map((name) => edits('', `VirtualMachine/${name}`)),
      fc
        .constantFrom('10.10.0.0/16', '10.10.0.0/20')
        .map((prefix) => all(network('BBB').replace('10.10.0.0/16', prefix))),
      fc
        .integer({ min: 101, max: 130 })
        .map((to) => all(pool('BBB').replace('10.10.1.130', `10.10.1.${to}`))),
    );
    let redChanges = 0;
    fc.assert(
      fc.property(fc.array(redEdit, { maxLength: 6 }), (steps) => {
        const world = compiled(all(...blue, ...BBB));
        const rdid = world.granted.allocator.value('rdid', 'VmNetwork/AAA')!;
        const isBlue = ({ scope, record }: ScopedRecord) =>
          scope === domainScope(rdid) ||
          /^(?:VirtualMachine\/b|VmNetwork\/AAA|VmSubnet\/AAA)/.test(record.origin);
        const text = () =>
          [...world.compiler.outputs()]
            .filter(isBlue)
            .map(({ scope, record }) => `${scope} ${recordText(record)}`)
            .sort();
        const before = text();
        expect(before).toHaveLength(2 + 2 + 2 + 2);
        for (const step of steps) {
          const { changes } = world.edit(step);
          redChanges += changes.length;
          for (const { before: was, after } of changes) expect(isBlue((was ?? after)!)).toBe(false);
        }
        expect(text()).toEqual(before);
      }),
      { numRuns: 40 },
    );
    expect(redChanges).toBeGreaterThan(0);
  });
});

/** IPv6 addresses beside those of the tenant's pool. */
const sixPool = (name: string) =>
  `kind: IpPool\nname: six\nvmNetwork: ${name}\nsubnet: test\nfrom: "fd00:a::100"\nto: "fd00:a::103"`;

/** Of a VM between the two hosts. */
const MOVING = '\nmigration: { source: h1, destination: h2 }';

// A small fabric, edited at random. Many of the states are incomplete, as they are while somebody is at work.
const nameOfVm = fc.constantFrom('v1', 'v2', 'v3', 'v4');
const edit: fc.Arbitrary<Edits> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        nameOfVm,
        fc.constantFrom('h1', 'h2'),
        fc.constantFrom('AAA', 'BBB', 'Mgmt'),
        fc.option(fc.integer({ min: 98, max: 103 }), { freq: 3 }),
        fc.boolean(),
        fc.boolean(),
      )
      .map(([name, host, net, last, classified, moves]) => {
        const base = net === 'Mgmt' ? '192.168.0' : '10.10.1';
        const fixed = last === null ? '' : `, addresses: [${base}.${last}]`;
        const machine = vm(name, host, net, `${fixed}${classified ? ', classification: C' : ''}`);
        return all(moves ? `${machine.trim()}${MOVING}` : machine);
      }),
  },
  { weight: 2, arbitrary: nameOfVm.map((name) => edits('', `VirtualMachine/${name}`)) },
  { weight: 2, arbitrary: fc.constantFrom('AAA', 'BBB').map((name) => all(network(name))) },
  fc
    .constantFrom('AAA', 'BBB')
    .map((name) => all(`${network(name).trim()}\nvsid: ${name === 'AAA' ? 5001 : 6001}`)),
  fc.constantFrom('AAA', 'BBB').map((name) => edits('', `VmSubnet/${name}/test`)),
  fc.constantFrom('AAA', 'BBB').map((name) => all(network(name).replace('10.10.0.0/16', '10.10.0.0/17'))),
  fc
    .tuple(fc.constantFrom('AAA', 'BBB'), fc.constantFrom('', '\nipv6AddressMode: slaac'))
    .map(([name, mode]) => all(`${network(name).trim()}\nipv6Prefix: "fd00:a::/64"${mode}`)),
  fc.constantFrom('AAA', 'BBB').map((name) => all(sixPool(name))),
  { weight: 2, arbitrary: fc.constantFrom('AAA', 'BBB').map((name) => all(pool(name))) },
  fc
    .constantFrom('AAA', 'BBB')
    .map((name) => all(`${pool(name).trim()}\ndns: [10.10.0.53]\ngateways: [{ address: 10.10.0.254 }]`)),
  fc.constantFrom('AAA', 'BBB').map((name) => edits('', `IpPool/VmSubnet/${name}/test/CA Pool`)),
  fc
    .constantFrom('nvgre', 'vxlan')
    .map((encapsulation) =>
      all(`kind: LogicalNetwork\nname: App\nnetworkVirtualization: true\nencapsulation: ${encapsulation}`),
    ),
  fc.constantFrom(1400, 1500).map((mtu) => all(`kind: PhysicalNetwork\nname: P\nmtu: ${mtu}`)),
  fc
    .constantFrom(30, 31)
    .map((vlan) =>
      all(
        `kind: NetworkSite\nname: S\nlogicalNetwork: App\nhostGroups: [G]\nsubnets: [{ prefix: 192.168.30.0/24, vlan: ${vlan} }]`,
      ),
    ),
  fc
    .constantFrom('', '\nproviderAddresses: [{ logicalNetwork: App, address: 192.168.30.50 }]')
    .map((pinned) =>
      all(
        `kind: Host\nname: h2\ngroup: G\nnics: [{ name: n, physicalNetwork: P, mac: "00:1d:d8:b7:1c:01" }]${pinned}`,
      ),
    ),
  fc
    .constantFrom('', '\nhostVnics: [{ name: M, vmNetwork: Mgmt }]')
    .map((hostVnics) =>
      all(`kind: HostSwitch\nhost: h2\nlogicalSwitch: L\nnics: [n]\nuplinkProfile: U${hostVnics}`),
    ),
  fc.constant(edits('', 'HostSwitch/h2/L')),
  fc
    .constantFrom('true', 'false')
    .map((spoofing) =>
      all(
        'kind: PortClassification\nname: C',
        `kind: VirtualPortProfile\nname: C\nsecurity: { macSpoofing: ${spoofing} }`,
        'kind: LogicalSwitch\nname: L\nuplinkProfiles: [U]\nclassifications: [{ classification: C, profile: C }]',
      ),
    ),
  fc
    .constantFrom('true', 'false')
    .map((virtualization) =>
      all(
        `kind: UplinkPortProfile\nname: U\nnetworkVirtualization: ${virtualization}\nsites: [{ logicalNetwork: App, site: S }, { logicalNetwork: Mgmt, site: S }]`,
      ),
    ),
);
const start = all(FABRIC, network('AAA'), pool('AAA'), network('BBB'), pool('BBB'), vm('v1', 'h1', 'AAA'));

describe('Compiler', () => {
  it('makes nothing of nothing', () => {
    const compiler = new Compiler();
    expect(compiler.apply([])).toEqual([]);
    expect([...compiler.outputs()]).toEqual([]);
  });

  it('comes to the same by increments as at once (invariant 18), in records that agents accept', () => {
    let refused = 0;
    let changed = 0;
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 12 }), (steps) => {
        const world = compiled(start);
        const replica = new Map(
          [...world.compiler.outputs()].map((o) => [`${o.scope} ${recordKey(o.record)}`, o]),
        );
        for (const step of steps) {
          const { findings, changes } = world.edit(step);
          if (findings.length > 0) refused++;
          changed += changes.length;
          for (const { key, before, after } of changes) {
            expect(replica.get(key)).toEqual(before);
            if (after) {
              replica.set(key, after);
              expect(parseRecord(JSON.parse(recordText(after.record)))).toEqual(after.record);
            } else replica.delete(key);
          }
          const full = new Compiler();
          full.apply(world.compiler.facts());
          expect(policyText(world.compiler)).toBe(policyText(full));
        }
        expect(
          new Map([...world.compiler.outputs()].map((o) => [`${o.scope} ${recordKey(o.record)}`, o])),
        ).toEqual(replica);
      }),
      { numRuns: 60 },
    );
    // The walk went somewhere.
    expect(changed).toBeGreaterThan(refused);
  });

  it('does not mind the order of the facts, nor hearing them twice (invariants 19 and 20)', () => {
    const world = compiled(
      all(
        FABRIC,
        network('AAA'),
        pool('AAA'),
        vm('a', 'h1', 'AAA'),
        vm('b', 'h2', 'AAA'),
        vm('m', 'h2', 'Mgmt'),
      ),
    );
    const facts = [...world.compiler.facts()];
    fc.assert(
      fc.property(
        fc.shuffledSubarray(facts, { minLength: facts.length }),
        fc.array(fc.constantFrom(...facts)),
        (shuffled, again) => {
          const compiler = new Compiler();
          for (const fact of [...shuffled, ...again]) compiler.apply([fact]);
          expect(policyText(compiler)).toBe(world.text());
        },
      ),
      { numRuns: 30 },
    );
  });

  it('takes everything back with the last object', () => {
    const world = compiled(edits(example('campus')));
    world.edit(
      new Map(
        [...world.granted.needs.facts().keys()].map((key): [ObjectKey, undefined] => [
          key as ObjectKey,
          undefined,
        ]),
      ),
    );
    expect(world.text()).toBe('');
    expect(world.granted.text()).toEqual([]);
  });

  it('does the same work for a change of one vNIC among 10 and among 1,000', () => {
    const among = (count: number) => {
      const work: string[] = [];
      const world = new Compiled(new Deriver(watched(compilation, work)), new Granted(watched(needs, work)));
      const others = Array.from({ length: count }, (_, i) =>
        vm(`x${i}`, `h${1 + (i % 2)}`, i % 4 < 2 ? 'AAA' : 'Mgmt'),
      );
      const roomy = (text: string) => text.replace('10.10.1.130', '10.10.9.255');
      const wide = FABRIC.replaceAll('192.168.0.0/24', '192.168.0.0/16').replace(
        'to: 192.168.0.4',
        'to: 192.168.9.255',
      );
      expect(world.edit(all(wide, network('AAA'), roomy(pool('AAA')), ...others)).findings).toEqual([]);
      const log: string[][] = [];
      for (const step of [
        all(vm('a', 'h1', 'AAA')),
        all(vm('a', 'h1', 'AAA', ', addresses: [10.10.20.1]')),
        all(vm('a', 'h2', 'AAA', ', addresses: [10.10.20.1]')),
        all(vm('a', 'h2', 'Mgmt')),
        edits('', 'VirtualMachine/a'),
      ]) {
        work.length = 0;
        const { findings, changes } = world.edit(step);
        expect(findings).toEqual([]);
        expect(changes.length).toBeGreaterThan(0);
        log.push(work.map((line) => line.replace(/10\.10\.1\.\d+/, 'CA')));
      }
      return log;
    };
    const small = among(10);
    expect(small.flat().length).toBeGreaterThan(20);
    expect(among(1_000)).toEqual(small);
  });
});

/** The same derivation, with a line in `work` for each unit that is derived and for each look that it takes. */
function watched<F, O>(derivation: Derivation<F, O>, work: string[]): Derivation<F, O> {
  return {
    ...derivation,
    rules: derivation.rules.map((rule) => ({
      ...rule,
      derive(unit, read) {
        work.push(`${rule.name} ${unit}`);
        return rule.derive(unit, {
          get(key) {
            work.push(`  get ${key}`);
            return read.get(key);
          },
          members(index, group) {
            const found = read.members(index, group);
            work.push(`  ${found.length} members of ${index} ${group}`);
            return found;
          },
        });
      },
    })),
  };
}
