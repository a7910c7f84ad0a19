import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ObjectKey } from '../model/definition.ts';
import { all, edits, FABRIC, Granted, network, pool, vm } from './fixture.ts';

const example = (name: string) =>
  readFileSync(new URL(`../../examples/${name}.yaml`, import.meta.url), 'utf8');

function granted(...documents: string[]): Granted {
  const world = new Granted();
  expect(world.edit(all(...documents)).grant.findings).toEqual([]);
  return world;
}

describe('demands', () => {
  it('are refused without a pool, and met with one: the first address of it (domain.md section 7)', () => {
    const world = granted(FABRIC, network('AAA'));
    const { grant } = world.edit(all(vm('test01', 'h1', 'AAA')));
    expect(grant.findings.map((f) => `${f.code} ${f.path}`)).toEqual([
      'pool-missing VirtualMachine/test01.vnics[0]',
    ]);
    expect(grant.findings[0]!.remedy).toContain('Add an IP pool with a range of 10.10.0.0/16');
    expect(world.text('ip/')).toEqual(['ip/AAA/test VmSubnet/AAA/test/router = 10.10.0.1']);

    world.edit(all(pool('AAA')));
    expect(world.edit(all(vm('test01', 'h1', 'AAA'))).grant.findings).toEqual([]);
    expect(world.allocator.value('ip/AAA/test', 'VirtualMachine/test01/eth0')).toBe('10.10.1.100');
  });

  it('have addresses of their own on each virtualized network, and one space where there is no isolation', () => {
    const world = granted(FABRIC, network('AAA'), pool('AAA'), network('BBB'), pool('BBB'));
    world.edit(all(vm('a', 'h1', 'AAA'), vm('b', 'h1', 'BBB')));
    expect(world.allocator.value('ip/AAA/test', 'VirtualMachine/a/eth0')).toBe('10.10.1.100');
    expect(world.allocator.value('ip/BBB/test', 'VirtualMachine/b/eth0')).toBe('10.10.1.100');

    expect(world.edit(all(vm('x', 'h1', 'Mgmt', ', addresses: [192.168.0.9]'))).grant.findings).toEqual([]);
    const { grant } = world.edit(all(vm('y', 'h2', 'Mgmt', ', addresses: [192.168.0.9]')));
    expect(grant.findings.map((f) => [f.code, f.path])).toEqual([
      ['address-taken', 'VirtualMachine/y.vnics[0].addresses[0]'],
    ]);
    expect(grant.findings[0]!.message).toContain('already held by VirtualMachine/x/eth0');
  });

  it('are for one address of each IP version that has a pool and no fixed address', () => {
    const dual = network('AAA').replace(
      'prefix: 10.10.0.0/16',
      'prefix: 10.10.0.0/16\nipv6Prefix: "fd00::/64"',
    );
    const six = pool('AAA')
      .replace(/name: .*/, 'name: six')
      .replace(/from: .*/, 'from: "fd00::100"')
      .replace(/to: .*/, 'to: "fd00::199"');
    const world = granted(FABRIC, dual, six);
    const held = (name: string) =>
      world.text('ip/').filter((line) => line.includes(`VirtualMachine/${name}/`));
    expect(world.text('ip/')).toEqual([
      'ip/AAA/test VmSubnet/AAA/test/router = 10.10.0.1',
      'ip/AAA/test/ipv6 VmSubnet/AAA/test/router = fd00::1',
    ]);
    // Without a pool of IPv4, IPv6 is enough.
    expect(world.edit(all(vm('a', 'h1', 'AAA'))).grant.findings).toEqual([]);
    expect(held('a')).toEqual(['ip/AAA/test/ipv6 VirtualMachine/a/eth0 = fd00::100']);
    world.edit(all(pool('AAA')));
    expect(held('a')).toEqual([
      'ip/AAA/test VirtualMachine/a/eth0 = 10.10.1.100',
      'ip/AAA/test/ipv6 VirtualMachine/a/eth0 = fd00::100',
    ]);
    world.edit(all(vm('b', 'h1', 'AAA', ', addresses: [10.10.0.9]')));
    expect(held('b')).toEqual([
      'ip/AAA/test VirtualMachine/b/eth0 = 10.10.0.9',
      'ip/AAA/test/ipv6 VirtualMachine/b/eth0 = fd00::101',
    ]);
    world.edit(all(vm('c', 'h1', 'AAA', ', addresses: ["fd00::9", 10.10.0.8]')));
    expect(held('c')).toEqual([
      'ip/AAA/test VirtualMachine/c/eth0 = 10.10.0.8',
      'ip/AAA/test/ipv6 VirtualMachine/c/eth0 = fd00::9',
    ]);
  });

  it('need no pool where machines make their addresses themselves, and are met besides where there is one', () => {
    const slaac = network('AAA').replace(
      'prefix: 10.10.0.0/16',
      'prefix: "fd00::/64"\nipv6AddressMode: slaac',
    );
    const world = granted(FABRIC, slaac);
    expect(world.edit(all(vm('a', 'h1', 'AAA'))).grant.findings).toEqual([]);
    expect(world.text('ip/')).toEqual(['ip/AAA/test/ipv6 VmSubnet/AAA/test/router = fd00::1']);
  });

  it('are met by each row of a segment that is of another IP version', () => {
    const fabric = FABRIC.replace(
      'subnets: [{ prefix: 192.168.0.0/24',
      'subnets: [{ prefix: "fd00:1::/64" }, { prefix: 192.168.0.0/24',
    );
    expect(fabric).not.toBe(FABRIC);
    const six =
      '{kind: IpPool, name: six, logicalNetwork: Mgmt, site: S, prefix: "fd00:1::/64", from: "fd00:1::10", to: "fd00:1::20"}';
    const world = granted(fabric, six, vm('a', 'h1', 'Mgmt'));
    expect(world.text('fabric/Mgmt')).toEqual([
      'fabric/Mgmt/192.168.0.0/24 VirtualMachine/a/eth0 = 192.168.0.2',
      'fabric/Mgmt/fd00:1::/64 VirtualMachine/a/eth0 = fd00:1::10',
    ]);
  });

  it('give a host a provider address and its MAC address with the first VM of a fabric there, and no earlier', () => {
    const world = granted(FABRIC, network('AAA'), pool('AAA'));
    const provider = () => world.text().filter((line) => line.includes('/provider/'));
    expect(provider()).toEqual([]);
    world.edit(all(vm('a', 'h1', 'AAA')));
    const first = [
      'fabric/App/192.168.30.0/24 Host/h1/provider/App = 192.168.30.11',
      'mac Host/h1/provider/App = 00:1d:d8:b7:1c:02',
    ];
    expect(provider()).toEqual(first);
    const { grant } = world.edit(all(vm('b', 'h1', 'AAA')));
    expect(grant.changes.every((change) => !change.owner.includes('provider'))).toBe(true);
    world.edit(all(vm('m', 'h2', 'Mgmt')));
    expect(provider()).toEqual(first);
    world.edit(edits('', 'VirtualMachine/a', 'VirtualMachine/b'));
    expect(provider()).toEqual([]);
  });

  it('leave out what a pool cannot give: network and broadcast address, gateways, reserved addresses', () => {
    const gateway = 'reserved: [192.168.0.3]\ngateways: [{ address: 192.168.0.5 }]';
    const fabric = FABRIC.replace('to: 192.168.0.4', 'to: 192.168.0.5').replace(
      'reserved: [192.168.0.3]',
      gateway,
    );
    const world = granted(fabric, vm('a', 'h1', 'Mgmt'), vm('b', 'h1', 'Mgmt'));
    expect(world.text('fabric/Mgmt')).toEqual([
      'fabric/Mgmt/192.168.0.0/24 VirtualMachine/a/eth0 = 192.168.0.2',
      'fabric/Mgmt/192.168.0.0/24 VirtualMachine/b/eth0 = 192.168.0.4',
    ]);
    const { grant } = world.edit(all(vm('c', 'h1', 'Mgmt')));
    expect(grant.findings.map((f) => f.code)).toEqual(['pool-exhausted']);
    expect(world.allocator.poolUse('IpPool/NetworkSite/Mgmt/S/M', 0)).toEqual({
      size: 2n,
      used: 2n,
      inactive: 0n,
      free: 0n,
    });
  });

  it('leave to load balancers what a pool keeps for them, and let it be fixed', () => {
    const world = granted(
      FABRIC,
      network('AAA'),
      `${pool('AAA')}vips: [10.10.1.100-10.10.1.101]`,
      vm('a', 'h1', 'AAA'),
      vm('lb', 'h1', 'AAA', ', addresses: [10.10.1.101]'),
    );
    const address = (name: string) => world.allocator.value('ip/AAA/test', `VirtualMachine/${name}/eth0`);
    expect([address('a'), address('lb')]).toEqual(['10.10.1.102', '10.10.1.101']);
    // They are not in the pool, so nothing of them is counted, and a given back one is free to be fixed at once.
    expect(world.allocator.poolUse('IpPool/VmSubnet/AAA/test/CA Pool', 0)).toMatchObject({
      size: 29n,
      used: 1n,
    });
    world.edit(edits('', 'VirtualMachine/lb'));
    const { grant } = world.edit(all(vm('lb2', 'h1', 'AAA', ', addresses: [10.10.1.101]')));
    expect(grant.findings).toEqual([]);
  });

  it('take MAC addresses of the default pool, 3,998,720 of them, from the first one on', () => {
    const world = granted(FABRIC.replaceAll('00:1d:d8:b7:1c:0', '02:00:00:00:00:0'), vm('m', 'h1', 'Mgmt'));
    expect(world.allocator.value('mac', 'VirtualMachine/m/eth0')).toBe('00:1d:d8:b7:1c:00');
    expect(world.allocator.poolUse('default MAC pool', 0)).toEqual({
      size: 3_998_720n,
      used: 1n,
      inactive: 0n,
      free: 3_998_719n,
    });
  });

  it('keep MAC addresses, VSIDs and domain numbers that were given back from others for a while', () => {
    const world = granted(FABRIC, network('AAA'), pool('AAA'), vm('a', 'h1', 'AAA'));
    const values = () => ['mac', 'vsid', 'domain-number'].map((scope) => world.text(scope).join());
    const before = values();
    const gone = [
      'VirtualMachine/a',
      'IpPool/VmSubnet/AAA/test/CA Pool',
      'VmSubnet/AAA/test',
      'VmNetwork/AAA',
    ];
    world.edit(edits('', ...(gone as ObjectKey[])));
    world.edit(all(network('BBB'), pool('BBB'), vm('b', 'h1', 'BBB')));
    const mac = (owner: string) => world.allocator.value('mac', owner);
    expect(world.allocator.value('vsid', 'VmSubnet/BBB/test')).toBe('1048577');
    expect(world.allocator.value('domain-number', 'VmNetwork/BBB')).toBe('2');
    const [first] = before;
    expect(first).not.toContain(mac('VirtualMachine/b/eth0'));
    // The same once more, as if undone: each has what it had.
    world.edit(
      edits('', 'VirtualMachine/b', 'IpPool/VmSubnet/BBB/test/CA Pool', 'VmSubnet/BBB/test', 'VmNetwork/BBB'),
    );
    world.edit(all(network('AAA'), pool('AAA'), vm('a', 'h1', 'AAA')));
    expect(values()).toEqual(before);
  });

  it('keep a subnet to its router: no machine can fix its address', () => {
    const world = granted(FABRIC, network('AAA'));
    const { grant } = world.edit(all(vm('a', 'h1', 'AAA', ', addresses: [10.10.0.1]')));
    expect(grant.findings.map((f) => f.code)).toEqual(['address-taken']);
    expect(grant.findings[0]!.message).toContain('VmSubnet/AAA/test/router');
  });

  it('let a VM keep everything when it moves, also where new ones get a MAC address of another pool', () => {
    const world = granted(FABRIC, network('AAA'), pool('AAA'), vm('a', 'h1', 'AAA'));
    const room = all(
      'kind: HostGroup\nname: Room\nparent: G',
      'kind: Host\nname: h2\ngroup: Room',
      'kind: MacPool\nname: Room\nfrom: 02:00:00:00:00:00\nto: 02:00:00:00:00:ff\nhostGroups: [Room]',
    );
    expect(world.edit(room).grant.findings).toEqual([]);
    const before = world.text().filter((line) => line.includes('VirtualMachine/a'));
    expect(before).toHaveLength(3);
    world.edit(all(vm('a', 'h2', 'AAA'), vm('b', 'h2', 'AAA')));
    expect(world.text().filter((line) => line.includes('VirtualMachine/a'))).toEqual(before);
    expect(world.allocator.value('mac', 'VirtualMachine/b/eth0')).toMatch(/^02:00:00:/);
  });

  it('never give out the MAC address of a NIC, nor a VSID that people fix', () => {
    const world = granted(FABRIC, network('AAA'), pool('AAA'), vm('a', 'h1', 'AAA'));
    expect(world.allocator.owner('mac', '00:1d:d8:b7:1c:00')).toBe('Host/h1/nic/n');
    expect(world.allocator.value('vsid', 'VmSubnet/AAA/test')).toBe('1048576');
  });

  it('are those of the examples, without a finding', () => {
    const blueRed = granted(example('blue-red'));
    expect(blueRed.text('ip/')).toEqual([
      'ip/Blue/Blue subnet VirtualMachine/blue1/eth0 = 10.0.0.5',
      'ip/Blue/Blue subnet VirtualMachine/blue2/eth0 = 10.0.0.7',
      'ip/Blue/Blue subnet VmSubnet/Blue/Blue subnet/router = 10.0.0.1',
      'ip/Red/Red subnet VirtualMachine/red1/eth0 = 10.0.0.5',
      'ip/Red/Red subnet VirtualMachine/red2/eth0 = 10.0.0.7',
      'ip/Red/Red subnet VmSubnet/Red/Red subnet/router = 10.0.0.1',
    ]);
    expect(blueRed.text('fabric/')).toEqual([
      'fabric/Provider/192.168.4.0/24 Host/host1/provider/Provider = 192.168.4.11',
      'fabric/Provider/192.168.4.0/24 Host/host2/provider/Provider = 192.168.4.22',
    ]);
    const campus = granted(example('campus'));
    expect(campus.text('fabric/Application')).toEqual([
      'fabric/Application/192.168.30.0/24 Host/cloud-pm-cn01/provider/Application = 192.168.30.11',
      'fabric/Application/192.168.30.0/24 Host/cloud-pm-cn02/provider/Application = 192.168.30.12',
    ]);
    expect(campus.text('ip/App')).toContain('ip/App Network/App VirtualMachine/app-web01/eth0 = 10.10.1.101');
    expect(campus.text('ip/Database')).toContain(
      'ip/Database Network/Database VirtualMachine/db01/eth0 = 10.20.1.101',
    );
  });

  it('are granted alike in whatever order the objects of one change come, and all given back at the end', () => {
    const whole = [
      ...all(
        FABRIC,
        network('AAA'),
        pool('AAA'),
        vm('a', 'h1', 'AAA'),
        vm('b', 'h2', 'AAA'),
        vm('c', 'h1', 'Mgmt'),
      ),
    ];
    const reference = new Granted();
    reference.edit(new Map(whole));
    fc.assert(
      fc.property(fc.shuffledSubarray(whole, { minLength: whole.length }), (shuffled) => {
        const world = new Granted();
        expect(world.edit(new Map(shuffled)).grant.findings).toEqual([]);
        expect(world.text()).toEqual(reference.text());
        world.edit(new Map(shuffled.map(([key]): [ObjectKey, undefined] => [key, undefined])));
        expect(world.text()).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });
});
