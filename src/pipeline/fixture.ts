/** The policy of one host of seed 002 (domain.md section 8), for the tests of the pipeline and for docs/pipeline.md. */
import { ip, mac, prefix } from '../packet/address.ts';
import type { LookupRecord, PolicyRecord, PortRecord } from '../policy/records.ts';
import { factKey, type PipelineFact, portOf } from './facts.ts';

const HOST1 = ip('192.168.4.11');
const HOST2 = ip('192.168.4.22');

const TENANTS = [
  {
    name: 'Blue',
    rdid: '0a000000-0000-4000-8000-00000000b10e',
    number: 1,
    vsid: 5001,
    gatewayMac: mac('02:4e:4c:00:13:89'),
  },
  {
    name: 'Red',
    rdid: '0a000000-0000-4000-8000-000000000ed0',
    number: 2,
    vsid: 6001,
    gatewayMac: mac('02:4e:4c:00:17:71'),
  },
] as const;

function machine(tenant: (typeof TENANTS)[number], index: 1 | 2): { port: PortRecord; lookup: LookupRecord } {
  const name = `${tenant.name.toLowerCase()}${index}`;
  const id = `${name}-eth0`;
  const address = ip(index === 1 ? '10.0.0.5' : '10.0.0.7');
  const hardware = mac(`00:1d:d8:b7:1c:${tenant.number}${index}`);
  const origin = `VirtualMachine/${name}`;
  return {
    port: {
      kind: 'port',
      id,
      name: `${name}/eth0`,
      owner: 'vm',
      switch: 'Fabric',
      mac: hardware,
      addresses: [{ address, prefixLength: 24, gateway: ip('10.0.0.1'), dns: [] }],
      attachment: { type: 'virtual', vsid: tenant.vsid },
      security: { macSpoofing: false, dhcpGuard: true, routerGuard: true, guestSpecifiedAddresses: false },
      mtu: 1458,
      dhcpServer: ip('192.0.2.253'),
      origin,
    },
    lookup: {
      kind: 'lookup',
      rdid: tenant.rdid,
      vsid: tenant.vsid,
      ca: address,
      mac: hardware,
      pa: index === 1 ? HOST1 : HOST2,
      port: id,
      origin,
    },
  };
}

/** What host1 is told: blue1 and red1 are here, blue2 and red2 on host2. */
export function host1Records(): PolicyRecord[] {
  return [
    {
      kind: 'switch',
      name: 'Fabric',
      type: 'external',
      uplink: { nics: ['eth0'], teaming: 'switch-independent', balancing: 'dynamic', mtu: 1500 },
      origin: 'HostSwitch/host1/Fabric',
    },
    {
      kind: 'provider',
      logicalNetwork: 'Fabric',
      switch: 'Fabric',
      encapsulation: 'nvgre',
      pa: HOST1,
      prefixLength: 24,
      mac: mac('00:1d:d8:b7:1c:f1'),
      vlan: 0,
      origin: 'Host/host1',
    },
    ...TENANTS.flatMap((tenant): PolicyRecord[] => [
      {
        kind: 'domain',
        rdid: tenant.rdid,
        number: tenant.number,
        name: tenant.name,
        logicalNetwork: 'Fabric',
        origin: `VmNetwork/${tenant.name}`,
      },
      {
        kind: 'subnet',
        vsid: tenant.vsid,
        rdid: tenant.rdid,
        name: `${tenant.name}/subnet`,
        prefixes: [{ prefix: prefix('10.0.0.0/24'), gateway: ip('10.0.0.1') }],
        gatewayMac: tenant.gatewayMac,
        mtu: 1458,
        origin: `VmSubnet/${tenant.name}/subnet`,
      },
      {
        kind: 'route',
        rdid: tenant.rdid,
        vsid: tenant.vsid,
        prefix: prefix('10.0.0.0/24'),
        nextHop: ip('0.0.0.0'),
        origin: `VmSubnet/${tenant.name}/subnet`,
      },
      machine(tenant, 1).port,
      machine(tenant, 1).lookup,
      machine(tenant, 2).lookup,
    ]),
  ];
}

/** Where the ports of host1 are in its switch. */
export function host1Bindings(): PipelineFact[] {
  const ports = [
    portOf.uplink('Fabric'),
    portOf.provider('Fabric'),
    portOf.tunnel('Fabric'),
    portOf.vnic('blue1-eth0'),
    portOf.vnic('red1-eth0'),
  ];
  return ports.map((port, index) => ({ kind: 'binding', port, number: index + 1 }));
}

export function host1Facts(): [string, PipelineFact][] {
  return [...host1Records(), ...host1Bindings()].map((fact) => [factKey(fact), fact]);
}

/** Machines of a private VLAN on the same host, and their bindings: one of each mode, and one that may use any address. */
export function privateVlanFacts(): [string, PipelineFact][] {
  const places = [
    { mode: 'isolated', primary: 30, secondaries: [31] },
    { mode: 'isolated', primary: 30, secondaries: [31] },
    { mode: 'community', primary: 30, secondaries: [32] },
    { mode: 'promiscuous', primary: 30, secondaries: [31, 32] },
  ] as const;
  return places.flatMap((place, i): [string, PipelineFact][] => {
    const id = `shop${i}-eth0`;
    const port: PortRecord = {
      ...machine(TENANTS[0], 1).port,
      id,
      name: `shop${i}/eth0`,
      mac: mac(`00:1d:d8:b7:1c:3${i}`),
      attachment: { type: 'private', ...place },
      security: {
        macSpoofing: i === 3,
        dhcpGuard: true,
        routerGuard: true,
        guestSpecifiedAddresses: i === 3,
      },
      origin: `VirtualMachine/shop${i}`,
    };
    const binding: PipelineFact = { kind: 'binding', port: portOf.vnic(id), number: 11 + i };
    return [port, binding].map((fact) => [factKey(fact), fact]);
  });
}

/** Two machines that move between host1 and host2, and their bindings: one on a virtual subnet, one on a private VLAN. */
export function movingFacts(): [string, PipelineFact][] {
  const { port, lookup } = machine(TENANTS[0], 1);
  const [id, address, hardware] = ['blue9-eth0', ip('10.0.0.99'), mac('00:1d:d8:b7:1c:99')];
  const origin = 'VirtualMachine/blue9';
  const virtual: PortRecord = { ...port, id, name: 'blue9/eth0', mac: hardware, migration: 'active', origin };
  const till: PortRecord = {
    ...virtual,
    id: 'till9-eth0',
    name: 'till9/eth0',
    mac: mac('00:1d:d8:b7:1c:98'),
    attachment: { type: 'private', mode: 'community', primary: 30, secondaries: [32] },
    origin: 'VirtualMachine/till9',
  };
  const moving: LookupRecord = { ...lookup, ca: address, mac: hardware, port: id, standby: HOST2, origin };
  const facts: PipelineFact[] = [
    { ...virtual, addresses: [{ address, prefixLength: 24, dns: [] }] },
    moving,
    till,
    { kind: 'binding', port: portOf.vnic(id), number: 41 },
    { kind: 'binding', port: portOf.vnic(till.id), number: 42 },
  ];
  return facts.map((fact) => [factKey(fact), fact]);
}
