/** A dual-stack subnet of Blue with a machine here and one on the other host, for the tests of the pipeline. */
import { ip, mac, prefix } from '../packet/address.ts';
import type { LookupRecord, PolicyRecord, PortRecord } from '../policy/records.ts';
import { factKey, type PipelineFact, portOf } from './facts.ts';

const RDID = '0a000000-0000-4000-8000-00000000b10e';
const VSID = 5006;

const port: PortRecord = {
  kind: 'port',
  id: 'six1-eth0',
  name: 'six1/eth0',
  owner: 'vm',
  switch: 'Fabric',
  mac: mac('00:1d:d8:b7:1c:61'),
  addresses: [
    { address: ip('10.0.6.5'), prefixLength: 24, gateway: ip('10.0.6.1'), dns: [] },
    { address: ip('fd00:6::5'), prefixLength: 64, gateway: ip('fd00:6::1'), dns: [] },
  ],
  attachment: { type: 'virtual', vsid: VSID },
  security: { macSpoofing: false, dhcpGuard: true, routerGuard: true, guestSpecifiedAddresses: false },
  mtu: 1458,
  dhcpServer: ip('192.0.2.253'),
  dhcpv6Server: ip('fe80::4e:4cff:fe00:fd'),
  origin: 'VirtualMachine/six1',
};

const lookups = (
  [
    ['10.0.6.5', 'six1', '00:1d:d8:b7:1c:61', '192.168.4.11'],
    ['fd00:6::5', 'six1', '00:1d:d8:b7:1c:61', '192.168.4.11'],
    ['10.0.6.7', 'six2', '00:1d:d8:b7:1c:62', '192.168.4.22'],
    ['fd00:6::7', 'six2', '00:1d:d8:b7:1c:62', '192.168.4.22'],
  ] as const
).map(([ca, name, hardware, pa]): LookupRecord => {
  const machine = { mac: mac(hardware), port: `${name}-eth0`, origin: `VirtualMachine/${name}` };
  return { kind: 'lookup', rdid: RDID, vsid: VSID, ca: ip(ca), pa: ip(pa), ...machine };
});

const records: readonly PolicyRecord[] = [
  {
    kind: 'subnet',
    vsid: VSID,
    rdid: RDID,
    name: 'Blue/six',
    prefixes: [
      { prefix: prefix('10.0.6.0/24'), gateway: ip('10.0.6.1') },
      { prefix: prefix('fd00:6::/64'), gateway: ip('fd00:6::1') },
    ],
    gatewayMac: mac('02:4e:4c:00:13:8e'),
    mtu: 1458,
    origin: 'VmSubnet/Blue/six',
  },
  ...(['10.0.6.0/24', 'fd00:6::/64'] as const).map((range): PolicyRecord => {
    const nextHop = ip(range.includes(':') ? '::' : '0.0.0.0');
    return {
      kind: 'route',
      rdid: RDID,
      vsid: VSID,
      prefix: prefix(range),
      nextHop,
      origin: 'VmSubnet/Blue/six',
    };
  }),
  ...lookups,
  port,
];

export function dualStackFacts(): [string, PipelineFact][] {
  const binding: PipelineFact = { kind: 'binding', port: portOf.vnic(port.id), number: 61 };
  return [...records, binding].map((fact) => [factKey(fact), fact]);
}
