/**
 * One world for examples that a person can follow. Blue and Red have the same addresses and the same MAC addresses:
 *
 *     host1  blue1, red1, web1        host2  blue2, blue9, six2, red2, web2       host3  six3, free3
 *
 *     Blue  5001 10.0.0.0/24  blue1 .5, blue2 .7, free3 .8 (may use any address)     5002 10.0.1.0/24  blue9 .9
 *           5003 fd00::/64  six2 ::7, six3 ::8
 *     Red   6001 10.0.0.0/24  red1 .5, red2 .7
 *     VLAN 10  web1 10.9.0.5, web2 10.9.0.7
 */
import { type IpAddress, ip, type Mac, mac, prefix } from '../../src/packet/address.ts';
import type {
  Attachment,
  LookupRecord,
  PolicyRecord,
  PortRecord,
  PortSecurity,
} from '../../src/policy/records.ts';
import type { World } from './oracle.ts';

interface Machine {
  readonly host: 1 | 2 | 3;
  readonly mac: Mac;
  readonly addresses: readonly string[];
  readonly on: number | 'vlan10';
  readonly security?: Partial<PortSecurity>;
  readonly dhcp?: boolean;
}

export const MAC_OF = {
  m1: mac('00:1d:d8:b7:1c:01'),
  m2: mac('00:1d:d8:b7:1c:02'),
  m3: mac('00:1d:d8:b7:1c:03'),
  m9: mac('00:1d:d8:b7:1c:09'),
  gateway: mac('02:4e:4c:00:13:89'),
  gateway2: mac('02:4e:4c:00:13:8a'),
  gateway6: mac('02:4e:4c:00:13:8b'),
  all: mac('ff:ff:ff:ff:ff:ff'),
} as const;

const { m1, m2, m3, m9 } = MAC_OF;
const FREE = { macSpoofing: true, guestSpecifiedAddresses: true, dhcpGuard: false, routerGuard: false };

const MACHINES: Readonly<Record<string, Machine>> = {
  blue1: { host: 1, mac: m1, addresses: ['10.0.0.5'], on: 5001, dhcp: true },
  blue2: { host: 2, mac: m2, addresses: ['10.0.0.7'], on: 5001 },
  blue9: { host: 2, mac: m9, addresses: ['10.0.1.9'], on: 5002 },
  free3: { host: 3, mac: m3, addresses: ['10.0.0.8'], on: 5001, security: FREE },
  six2: { host: 2, mac: m2, addresses: ['fd00::7'], on: 5003, dhcp: true },
  six3: { host: 3, mac: m3, addresses: ['fd00::8'], on: 5003 },
  red1: { host: 1, mac: m1, addresses: ['10.0.0.5'], on: 6001 },
  red2: { host: 2, mac: m2, addresses: ['10.0.0.7'], on: 6001 },
  web1: { host: 1, mac: m1, addresses: ['10.9.0.5', 'fd00:9::5'], on: 'vlan10' },
  web2: { host: 2, mac: m2, addresses: ['10.9.0.7', 'fd00:9::7'], on: 'vlan10' },
};

const BLUE = { rdid: '0a000000-0000-4000-8000-00000000b10e', number: 1, name: 'Blue' };
const RED = { rdid: '0a000000-0000-4000-8000-000000000ed0', number: 2, name: 'Red' };
const SUBNETS = [
  { vsid: 5001, domain: BLUE, range: '10.0.0.0/24', gateway: '10.0.0.1', gatewayMac: MAC_OF.gateway },
  { vsid: 5002, domain: BLUE, range: '10.0.1.0/24', gateway: '10.0.1.1', gatewayMac: MAC_OF.gateway2 },
  { vsid: 5003, domain: BLUE, range: 'fd00::/64', gateway: 'fd00::1', gatewayMac: MAC_OF.gateway6 },
  { vsid: 6001, domain: RED, range: '10.0.0.0/24', gateway: '10.0.0.1', gatewayMac: MAC_OF.gateway },
];

export const PA = {
  host1: ip('192.168.4.11'),
  host2: ip('192.168.4.22'),
  host3: ip('192.168.4.33'),
} as const;
export const HOST_OF = (machine: string): string => `host${MACHINES[machine]!.host}`;

/** `change` makes other machines of some. */
export function exampleWorld(change: Readonly<Record<string, Partial<Machine>>> = {}): World {
  const machines = Object.entries(MACHINES).map(([name, machine]) => ({ name, ...machine, ...change[name] }));
  const hosts = ([1, 2, 3] as const).map((n) => {
    const here = machines.filter((m) => m.host === n);
    const domains = [BLUE, RED].filter(({ rdid }) => here.some((m) => domainOf(m.on)?.rdid === rdid));
    const records: PolicyRecord[] = [
      ...hostRecords(n),
      ...domains.map((d): PolicyRecord => ({ kind: 'domain', ...d, logicalNetwork: 'Fabric', origin: '' })),
      ...here.map(portOf),
      ...domains.flatMap((d) => domainRecords(d.rdid, machines)),
    ];
    return { host: `host${n}`, records };
  });
  return {
    hosts,
    physical: [{ name: 'blue', uplinks: hosts.map(({ host }) => ({ host, switch: 'Fabric' })) }],
  };
}

const domainOf = (on: Machine['on']) => SUBNETS.find((s) => s.vsid === on)?.domain;

function hostRecords(n: 1 | 2 | 3): PolicyRecord[] {
  const uplink = { nics: ['eth0'], teaming: 'switch-independent', balancing: 'dynamic', mtu: 1500 } as const;
  return [
    { kind: 'switch', name: 'Fabric', type: 'external', uplink, origin: '' },
    {
      kind: 'provider',
      logicalNetwork: 'Fabric',
      switch: 'Fabric',
      encapsulation: 'nvgre',
      pa: PA[`host${n}`],
      prefixLength: 24,
      mac: mac(`00:1d:d8:b7:1c:f${n}`),
      vlan: 0,
      origin: '',
    },
  ];
}

function portOf(machine: Machine & { readonly name: string }): PortRecord {
  const { name, on, security } = machine;
  const attachment: Attachment = on === 'vlan10' ? { type: 'vlan', vlan: 10 } : { type: 'virtual', vsid: on };
  return {
    kind: 'port',
    id: name,
    name,
    owner: 'vm',
    switch: 'Fabric',
    mac: machine.mac,
    addresses: machine.addresses.map((a) => ({
      address: ip(a),
      prefixLength: a.includes(':') ? 64 : 24,
      dns: [],
    })),
    attachment,
    security: {
      macSpoofing: false,
      dhcpGuard: true,
      routerGuard: true,
      guestSpecifiedAddresses: false,
      ...security,
    },
    mtu: 1458,
    ...(machine.dhcp ? { dhcpServer: ip('192.0.2.253'), dhcpv6Server: ip('fe80::4e:4cff:fe00:fd') } : {}),
    origin: '',
  };
}

function domainRecords(
  rdid: string,
  machines: readonly (Machine & { readonly name: string })[],
): PolicyRecord[] {
  return SUBNETS.filter((s) => s.domain.rdid === rdid).flatMap(({ vsid, range, gateway, gatewayMac }) => {
    const onLink: IpAddress = ip(range.includes(':') ? '::' : '0.0.0.0');
    const lookups = machines
      .filter((m) => m.on === vsid)
      .flatMap(({ name, mac, host, addresses }) =>
        addresses.map((ca): LookupRecord => {
          return {
            kind: 'lookup',
            rdid,
            vsid,
            ca: ip(ca),
            mac,
            pa: PA[`host${host}`],
            port: name,
            origin: '',
          };
        }),
      );
    const subnet = {
      vsid,
      rdid,
      name: `${vsid}`,
      prefixes: [{ prefix: prefix(range), gateway: ip(gateway) }],
      gatewayMac,
      mtu: 1458,
    };
    return [
      { kind: 'subnet', ...subnet, origin: '' },
      { kind: 'route', rdid, vsid, prefix: prefix(range), nextHop: onLink, origin: '' },
      ...lookups,
    ];
  });
}
