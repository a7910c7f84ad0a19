/**
 * Random worlds, straight as policy, in which things are as equal as they may be: routing domains with the same
 * addresses and the same MAC addresses, VLANs with the same MAC addresses again. frames.ts makes the traffic.
 */
import fc from 'fast-check';
import {
  type IpAddress,
  ip,
  type Mac,
  mac,
  macFromNumber,
  macToNumber,
  type Prefix,
  prefix,
} from '../../src/packet/address.ts';
import type {
  Encapsulation,
  PolicyRecord,
  PortAddress,
  PortRecord,
  PortSecurity,
  PrivateAttachment,
  ProviderRecord,
  RouteRecord,
  SubnetRecord,
} from '../../src/policy/records.ts';
import type { PhysicalNetwork, World } from './oracle.ts';

type Kind = 'v4' | 'v6';
type Addresses = 'one' | 'two' | 'both families' | 'none';

/** What a world is made from: small numbers, so that fast-check can make it smaller. Indexes are taken modulo. */
interface Plan {
  readonly hosts: number;
  /** Bit i: which of two physical networks host i is in. */
  readonly split: number;
  readonly fabrics: readonly {
    readonly kind: Kind;
    readonly encapsulation: Encapsulation;
    readonly vlan: number;
  }[];
  readonly domains: readonly DomainPlan[];
  readonly vlanPorts: readonly VlanPortPlan[];
  readonly privatePorts: readonly PrivatePortPlan[];
}

interface DomainPlan {
  readonly fabric: number;
  readonly subnets: readonly Kind[];
  /** All gateways have one MAC address, or each its own. */
  readonly oneGatewayMac: boolean;
  readonly vnics: readonly VnicPlan[];
  /** Default routes by way of this vNIC, and a longer prefix than that of a subnet. */
  readonly by: number | undefined;
}

interface VnicPlan {
  readonly host: number;
  readonly subnet: number;
  readonly addresses: Addresses;
  readonly security: PortSecurity;
  readonly dhcp: boolean;
}

interface VlanPortPlan {
  readonly host: number;
  readonly switch: number;
  readonly vlan: number;
  readonly mac: number;
  readonly owner: 'vm' | 'host';
  readonly addresses: Addresses;
  readonly kind: Kind;
  readonly security: PortSecurity;
  readonly dhcp: boolean;
}

interface PrivatePortPlan extends Omit<VlanPortPlan, 'vlan'> {
  readonly place: (typeof PRIVATE_PLACES)[number];
}

/** Two private VLANs: one with two communities and an isolated VLAN, and one with an isolated VLAN alone. */
const PRIVATE_PLACES = [
  { type: 'private', mode: 'isolated', primary: 30, secondaries: [31] },
  { type: 'private', mode: 'community', primary: 30, secondaries: [32] },
  { type: 'private', mode: 'community', primary: 30, secondaries: [33] },
  { type: 'private', mode: 'promiscuous', primary: 30, secondaries: [31, 32, 33] },
  { type: 'private', mode: 'isolated', primary: 40, secondaries: [41] },
  { type: 'private', mode: 'promiscuous', primary: 40, secondaries: [41] },
] as const satisfies readonly PrivateAttachment[];

const mostly = <T>(usual: T, other: T) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constant(other) });
const security: fc.Arbitrary<PortSecurity> = fc.record({
  macSpoofing: mostly(false, true),
  dhcpGuard: mostly(true, false),
  routerGuard: mostly(true, false),
  guestSpecifiedAddresses: mostly(false, true),
});
const kind = fc.constantFrom<Kind>('v4', 'v6');
const addresses = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Addresses>('one') },
  { weight: 2, arbitrary: fc.constantFrom<Addresses>('two', 'both families') },
  { weight: 1, arbitrary: fc.constant<Addresses>('none') },
);
const vlan = fc.constantFrom(0, 10, 20);

const plan: fc.Arbitrary<Plan> = fc.record({
  hosts: fc.integer({ min: 2, max: 4 }),
  split: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(15) }),
  fabrics: fc.array(
    fc.record({ kind, encapsulation: fc.constantFrom<Encapsulation>('nvgre', 'vxlan', 'geneve'), vlan }),
    { minLength: 1, maxLength: 2 },
  ),
  domains: fc.array(
    fc.record({
      fabric: fc.nat(1),
      subnets: fc.array(kind, { minLength: 1, maxLength: 3 }),
      oneGatewayMac: fc.boolean(),
      vnics: fc.array(
        fc.record({ host: fc.nat(3), subnet: fc.nat(2), addresses, security, dhcp: fc.boolean() }),
        {
          minLength: 1,
          maxLength: 6,
        },
      ),
      by: fc.option(fc.nat(5), { nil: undefined }),
    }),
    { minLength: 1, maxLength: 3 },
  ),
  vlanPorts: fc.array(
    fc.record({
      host: fc.nat(3),
      switch: fc.nat(2),
      vlan,
      mac: fc.nat(4),
      owner: fc.constantFrom('vm', 'host'),
      addresses,
      kind,
      security,
      dhcp: fc.boolean(),
    }),
    { maxLength: 5 },
  ),
  privatePorts: fc.array(
    fc.record({
      host: fc.nat(3),
      // Most of them where the others are.
      switch: fc.constantFrom(0, 0, 0, 1, 2),
      place: fc.constantFrom(...PRIVATE_PLACES),
      mac: fc.nat(6),
      owner: fc.constantFrom('vm', 'host'),
      addresses,
      kind,
      security,
      dhcp: fc.boolean(),
    }),
    { maxLength: 6 },
  ),
});

/** A valid world: each host has its own records, and those of the domains that it has a port on. */
export const arbitraryWorld: fc.Arbitrary<World> = plan.map(worldOf);

/** The n-th, counted round. */
export function pick<T>(list: readonly T[], n: number): T {
  return list[n % list.length]!;
}

const SWITCHES = ['Internal', 'Public', 'Private'] as const;
const DHCP_SERVER = ip('192.0.2.253');
const FIRST_MAC = macToNumber(mac('00:1d:d8:b7:1c:00'));
const macOf = (n: number): Mac => macFromNumber(FIRST_MAC + n);

/** Address `n` of subnet `k`: the same in every domain. */
const addressIn = (kind: Kind, k: number, n: number): IpAddress =>
  ip(kind === 'v4' ? `10.0.${k}.${n}` : `fd00:0:0:${k}::${n.toString(16)}`);

function worldOf(plan: Plan): World {
  const hosts = Array.from({ length: plan.hosts }, (_, i) => ({
    host: `host${i + 1}`,
    records: hostRecords(plan, i),
  }));
  const inNetwork = (bit: number, on: string): PhysicalNetwork['uplinks'] =>
    hosts.filter((_, i) => ((plan.split >> i) & 1) === bit).map(({ host }) => ({ host, switch: on }));
  const physical = ['Internal', 'Public'].flatMap((on) =>
    [0, 1].map((bit) => ({ name: `${on.toLowerCase()}${bit}`, uplinks: inNetwork(bit, on) })),
  );
  return { hosts, physical };
}

function hostRecords(plan: Plan, host: number): PolicyRecord[] {
  const isHere = (n: number) => n % plan.hosts === host;
  return [
    ...SWITCHES.map((name): PolicyRecord => {
      const nics = [`${name.toLowerCase()}-nic`];
      const uplink = { nics, teaming: 'switch-independent', balancing: 'dynamic', mtu: 1500 } as const;
      return name === 'Private'
        ? { kind: 'switch', name, type: 'private', origin: '' }
        : { kind: 'switch', name, type: 'external', uplink, origin: '' };
    }),
    ...plan.fabrics.map((_, n) => providerOf(plan, n, host)),
    ...plan.domains.flatMap((domain, d) =>
      domain.vnics.some((v) => isHere(v.host)) ? domainRecords(plan, d, isHere) : [],
    ),
    ...plan.vlanPorts.flatMap((p, n) => (isHere(p.host) ? [vlanPort(p, n)] : [])),
    ...plan.privatePorts.flatMap((p, n) => (isHere(p.host) ? [privatePort(p, n)] : [])),
  ];
}

function providerOf(plan: Plan, fabric: number, host: number): ProviderRecord {
  const { kind, encapsulation, vlan } = pick(plan.fabrics, fabric);
  const n = fabric % plan.fabrics.length;
  return {
    kind: 'provider',
    logicalNetwork: `Fabric${n}`,
    switch: SWITCHES[n]!,
    encapsulation,
    pa: ip(kind === 'v4' ? `192.168.${4 + n}.${11 + host}` : `2001:db8:${4 + n}::${11 + host}`),
    prefixLength: kind === 'v4' ? 24 : 64,
    mac: macOf(0xf0 + 16 * n + host),
    vlan,
    origin: '',
  };
}

function domainRecords(plan: Plan, d: number, isHere: (n: number) => boolean): PolicyRecord[] {
  const domain = plan.domains[d]!;
  const fabric = domain.fabric % plan.fabrics.length;
  const rdid = `0a000000-0000-4000-8000-00000000000${d}`;
  const subnets = domain.subnets.map((kind, k): SubnetRecord => {
    const gatewayMac = macFromNumber(0x024e_4c00_0000 + (domain.oneGatewayMac ? 0 : 16 * d + k + 1));
    const range: Prefix = prefix(kind === 'v4' ? `10.0.${k}.0/24` : `fd00:0:0:${k}::/64`);
    const gateway = addressIn(kind, k, 1);
    return {
      kind: 'subnet',
      vsid: 5001 + 1000 * d + k,
      rdid,
      name: `${d}/${k}`,
      prefix: range,
      gateway,
      gatewayMac,
      mtu: 1400,
      origin: '',
    };
  });
  const vnics = domain.vnics.map((vnic, n) => {
    const k = vnic.subnet % subnets.length;
    const port = vnicOf(vnic, `vnic${d}-${n}`, SWITCHES[fabric]!, {
      mac: macOf(n + 1),
      addresses: addressesOf(vnic.addresses, domain.subnets[k]!, k, n),
      attachment: { type: 'virtual', vsid: subnets[k]!.vsid },
    });
    return { port, vnic, subnet: subnets[k]! };
  });
  return [
    { kind: 'domain', rdid, number: d + 1, name: `${d}`, logicalNetwork: `Fabric${fabric}`, origin: '' },
    ...subnets,
    ...routesOf(domain, rdid, subnets, vnics),
    ...vnics.flatMap(({ port, vnic, subnet }): PolicyRecord[] => {
      const { pa } = providerOf(plan, fabric, vnic.host % plan.hosts);
      return port.addresses.map(({ address }) => {
        return {
          kind: 'lookup',
          rdid,
          vsid: subnet.vsid,
          ca: address,
          mac: port.mac,
          pa,
          port: port.id,
          origin: '',
        };
      });
    }),
    ...vnics.filter(({ vnic }) => isHere(vnic.host)).map(({ port }) => port),
  ];
}

function routesOf(
  domain: DomainPlan,
  rdid: string,
  subnets: readonly SubnetRecord[],
  vnics: readonly { port: PortRecord; subnet: SubnetRecord }[],
): RouteRecord[] {
  const route = (range: string, vsid: number, nextHop: string): RouteRecord => {
    return { kind: 'route', rdid, vsid, prefix: prefix(range), nextHop: ip(nextHop), origin: '' };
  };
  const onLink = subnets.map((s) => route(s.prefix, s.vsid, s.gateway.includes(':') ? '::' : '0.0.0.0'));
  const by = domain.by === undefined ? undefined : pick(vnics, domain.by);
  const through = (by?.port.addresses ?? []).flatMap(({ address }) =>
    address.includes(':')
      ? [route('::/0', by!.subnet.vsid, address), route('fd00:0:0:1::8/125', by!.subnet.vsid, address)]
      : [route('0.0.0.0/0', by!.subnet.vsid, address), route('10.0.1.8/29', by!.subnet.vsid, address)],
  );
  // One route to a prefix, as in every routing table.
  return [...new Map([...onLink, ...through].map((r) => [r.prefix, r])).values()];
}

function vlanPort(plan: VlanPortPlan, n: number): PortRecord {
  return vnicOf(plan, `vlan-${n}`, pick(SWITCHES, plan.switch), {
    mac: macOf(plan.mac + 1),
    addresses: addressesOf(plan.addresses, plan.kind, 9, n),
    attachment: { type: 'vlan', vlan: plan.vlan },
    owner: plan.owner,
  });
}

function privatePort(plan: PrivatePortPlan, n: number): PortRecord {
  return vnicOf(plan, `private-${n}`, pick(SWITCHES, plan.switch), {
    mac: macOf(plan.mac + 1),
    addresses: addressesOf(plan.addresses, plan.kind, 8, n),
    attachment: plan.place,
    owner: plan.owner,
  });
}

function vnicOf(
  plan: { readonly security: PortSecurity; readonly dhcp: boolean },
  id: string,
  on: string,
  rest: Pick<PortRecord, 'mac' | 'addresses' | 'attachment'> & Partial<PortRecord>,
): PortRecord {
  const { security } = plan;
  const dhcpServer = plan.dhcp ? { dhcpServer: DHCP_SERVER } : {};
  return {
    kind: 'port',
    id,
    name: id,
    owner: 'vm',
    switch: on,
    security,
    mtu: 1400,
    ...dhcpServer,
    origin: '',
    ...rest,
  };
}

function addressesOf(which: Addresses, kind: Kind, k: number, n: number): PortAddress[] {
  const address = (kind: Kind, n: number): PortAddress => {
    return { address: addressIn(kind, k, n), prefixLength: kind === 'v4' ? 24 : 64, dns: [] };
  };
  switch (which) {
    case 'none':
      return [];
    case 'one':
      return [address(kind, n + 5)];
    case 'two':
      return [address(kind, n + 5), address(kind, n + 105)];
    case 'both families':
      return [address(kind, n + 5), address(kind === 'v4' ? 'v6' : 'v4', n + 5)];
  }
}
