import { describe, expect, it } from 'vitest';
import { parseDocuments } from '../../model/input.ts';
import { isKind, type VirtualMachine } from '../../model/kinds.ts';
import { ipv4, mac } from '../../packet/address.ts';
import type { PortRecord } from '../../policy/records.ts';
import { stepsTo } from './follow.ts';
import { settingsOf } from './guest-settings.ts';
import { machinesOf } from './machines.ts';
import type { LabMachine } from './vm-driver.ts';

const PORT: PortRecord = {
  kind: 'port',
  id: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
  name: 'web/eth0',
  owner: 'vm',
  switch: 'Tenant switch',
  mac: mac('00:1d:d8:b7:1c:00'),
  addresses: [{ address: ipv4('10.0.0.5'), prefixLength: 24, dns: [] }],
  attachment: { type: 'vlan', vlan: 10 },
  security: { macSpoofing: false, dhcpGuard: true, routerGuard: true, guestSpecifiedAddresses: false },
  mtu: 1500,
  origin: 'VirtualMachine/web',
};

function vms(text: string): VirtualMachine[] {
  return parseDocuments(text, 'test')
    .objects.map(({ object }) => object)
    .filter((object) => isKind(object, 'VirtualMachine'));
}

const WEB = vms(
  'kind: VirtualMachine\nname: web\nhost: host1\nvnics: [{ vmNetwork: Blue }, { vmNetwork: Blue }]',
);

describe('machines of a lab', () => {
  it('are where their ports are, with the NICs that are plugged in', () => {
    const [web] = machinesOf(WEB, [{ host: 'host1', ports: [PORT] }]);
    expect(web).toEqual({
      key: 'web',
      host: 'host1',
      nics: [{ name: 'eth0', tap: 'web.eth0', adapter: 'synthetic', port: PORT }],
    });
  });

  it('move once the hosts are prepared, and not before', () => {
    const [web] = WEB;
    if (!web) throw new Error('there is one');
    const moving: VirtualMachine = { ...web, migration: { source: 'host1', destination: 'host2' } };
    const hosts = [
      { host: 'host1', ports: [{ ...PORT, migration: 'active' as const }] },
      { host: 'host2', ports: [{ ...PORT, migration: 'standby' as const }] },
    ];
    expect(machinesOf([moving], hosts)[0]).toMatchObject({ host: 'host1', nics: [{ name: 'eth0' }] });
    const there = { host: 'host2', nics: [{ name: 'eth0' }] };
    expect(machinesOf([moving], hosts, new Set(['web']))[0]).toMatchObject(there);
    expect(machinesOf([{ ...moving, host: 'host2' }], hosts)[0]).toMatchObject(there);
  });

  it('are none without a host', () => {
    expect(machinesOf(vms('kind: VirtualMachine\nname: web'), [])).toEqual([]);
  });
});

describe('steps of the follower', () => {
  const machine = (key: string, host = 'host1', port = PORT): LabMachine => ({
    key,
    host,
    nics: [{ name: 'eth0', tap: `${key}.eth0`, adapter: 'synthetic', port }],
  });
  const doings = (wanted: readonly LabMachine[], present: readonly LabMachine[]) =>
    stepsTo(wanted, present).map((step) => `${step.do} ${step.machine.key}`);

  it('take away what goes before they make what comes', () => {
    expect(doings([machine('new')], [machine('old')])).toEqual(['destroy old', 'create new']);
  });

  it('move a machine, and leave alone what is as it should be', () => {
    expect(doings([machine('a', 'host2'), machine('b')], [machine('a'), machine('b')])).toEqual(['move a']);
  });

  it('make anew what has other addresses, and nothing because the switch is to do otherwise', () => {
    const address = { address: ipv4('10.0.0.9'), prefixLength: 24, dns: [] };
    expect(doings([machine('a', 'host1', { ...PORT, addresses: [address] })], [machine('a')])).toEqual([
      'replace a',
    ]);
    expect(doings([machine('a', 'host1', { ...PORT, acls: ['x'] })], [machine('a')])).toEqual([]);
  });
});

describe('addresses of a machine', () => {
  it('are set by hand where nobody gives them', () => {
    expect(settingsOf(PORT)).toMatchObject({ dhcp: false, dhcpv6: false, expected: ['10.0.0.5'] });
    expect(settingsOf(PORT).fixed).toEqual(PORT.addresses);
  });

  it('come by DHCP where the switch answers, the first one alone', () => {
    const second = { address: ipv4('10.0.0.6'), prefixLength: 24, dns: [] };
    const settings = settingsOf({
      ...PORT,
      addresses: [...PORT.addresses, second],
      dhcpServer: ipv4('10.0.0.1'),
    });
    expect(settings).toMatchObject({ dhcp: true, fixed: [], expected: ['10.0.0.5'] });
  });

  it('of tagged VLANs are on interfaces of their own', () => {
    const tagged = { address: ipv4('10.3.0.5'), prefixLength: 24, dns: [], vlan: 30 };
    const settings = settingsOf({ ...PORT, addresses: [...PORT.addresses, tagged] });
    expect([...settings.vlans]).toEqual([[30, [tagged]]]);
    expect(settings.expected).toEqual(['10.0.0.5']);
  });
});
