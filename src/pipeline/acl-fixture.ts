/** Machines with port ACLs, for the tests of the pipeline: on a virtual subnet, VLANs and a private VLAN. */
import { ip, mac, prefix } from '../packet/address.ts';
import type { AclRecord, AclRule, LookupRecord, PortRecord } from '../policy/records.ts';
import { factKey, type PipelineFact, portOf } from './facts.ts';

const WEB: Pick<AclRule, 'direction' | 'stateful' | 'log'> = {
  direction: 'inbound',
  stateful: true,
  log: false,
};

/** Rules of every form. */
const RULES: readonly AclRule[] = [
  { ...WEB, name: 'https', action: 'allow', priority: 10, protocol: 6, localPorts: { from: 443, to: 443 } },
  {
    ...WEB,
    name: 'ping',
    action: 'allow',
    priority: 20,
    family: 4,
    protocol: 1,
    icmpType: 8,
    log: true,
  },
  {
    ...WEB,
    name: 'high ports',
    action: 'deny',
    priority: 30,
    family: 4,
    protocol: 17,
    remote: prefix('10.0.0.0/25'),
    remotePorts: { from: 1024, to: 65_535 },
    stateful: false,
    log: true,
  },
  {
    ...WEB,
    name: 'six',
    action: 'allow',
    priority: 40,
    family: 6,
    local: prefix('fd00::/64'),
    stateful: false,
    log: true,
  },
  { ...WEB, name: 'out', direction: 'outbound', action: 'allow', priority: 10 },
];

const web: AclRecord = {
  kind: 'acl',
  id: 'web',
  number: 7,
  rules: RULES,
  inbound: 'deny',
  origin: 'PortAcl/web',
};

const lab: AclRecord = {
  kind: 'acl',
  id: 'lab',
  number: 8,
  rules: [
    {
      name: 'no telnet',
      direction: 'outbound',
      action: 'deny',
      priority: 100,
      protocol: 6,
      remotePorts: { from: 23, to: 23 },
      stateful: false,
      log: false,
    },
  ],
  outbound: 'allow',
  origin: 'PortAcl/lab',
};

/** On the switch of fixture.ts, with their bindings. */
export function aclFacts(): [string, PipelineFact][] {
  const port: PortRecord = {
    kind: 'port',
    id: 'guarded-eth0',
    name: 'guarded/eth0',
    owner: 'vm',
    switch: 'Fabric',
    mac: mac('00:1d:d8:b7:1c:51'),
    addresses: [{ address: ip('10.0.0.51'), prefixLength: 24, gateway: ip('10.0.0.1'), dns: [] }],
    attachment: { type: 'virtual', vsid: 5001 },
    security: { macSpoofing: false, dhcpGuard: true, routerGuard: true, guestSpecifiedAddresses: false },
    acls: ['web', 'lab'],
    mtu: 1458,
    dhcpServer: ip('192.0.2.253'),
    dhcpv6Server: ip('fe80::4e:4cff:fe00:fd'),
    origin: 'VirtualMachine/guarded',
  };
  const shop: PortRecord = {
    ...port,
    id: 'stall-eth0',
    name: 'stall/eth0',
    mac: mac('00:1d:d8:b7:1c:52'),
    attachment: { type: 'private', mode: 'promiscuous', primary: 30, secondaries: [31, 32] },
    acls: ['lab'],
    origin: 'VirtualMachine/stall',
  };
  const desk: PortRecord = {
    ...port,
    id: 'desk-eth0',
    name: 'desk/eth0',
    mac: mac('00:1d:d8:b7:1c:53'),
    attachment: { type: 'vlan', vlan: 20 },
    acls: ['web'],
    origin: 'VirtualMachine/desk',
  };
  const edge: PortRecord = {
    ...desk,
    id: 'edge-eth0',
    name: 'edge/eth0',
    mac: mac('00:1d:d8:b7:1c:54'),
    attachment: { type: 'trunk', native: 0, tagged: [20], untagged: [] },
    acls: ['lab'],
    origin: 'VirtualMachine/edge',
  };
  const lookup: LookupRecord = {
    kind: 'lookup',
    rdid: '0a000000-0000-4000-8000-00000000b10e',
    vsid: 5001,
    ca: ip('10.0.0.51'),
    mac: port.mac,
    pa: ip('192.168.4.11'),
    port: port.id,
    origin: port.origin,
  };
  const facts: PipelineFact[] = [
    web,
    lab,
    port,
    shop,
    desk,
    edge,
    lookup,
    { kind: 'binding', port: portOf.vnic(port.id), number: 51 },
    { kind: 'binding', port: portOf.vnic(shop.id), number: 52 },
    { kind: 'binding', port: portOf.vnic(desk.id), number: 53 },
    { kind: 'binding', port: portOf.vnic(edge.id), number: 54 },
  ];
  return facts.map((fact) => [factKey(fact), fact]);
}
