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
  TrunkAttachment,
} from '../../src/policy/records.ts';
import { linkOf, type PhysicalNetwork, type World } from './oracle.ts';

type Kind = 'v4' | 'v6';
/** The versions of a subnet; with both, half of its machines have the one first and half the other. */
type Kinds = readonly Kind[];
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
  readonly trunkPorts: readonly TrunkPortPlan[];
}

interface DomainPlan {
  readonly fabric: number;
  readonly subnets: readonly Kinds[];
  /** All gateways have one MAC address, or each its own. */
  readonly oneGatewayMac: boolean;
  readonly vnics: readonly VnicPlan[];
  /** Default routes by way of this vNIC, and a longer prefix than that of a subnet. */
  readonly by: number | undefined;
}

/** A machine that moves: its other host, and bit i: the link of its port is up there (0: active, 1: standby). */
interface MovePlan {
  readonly to: number;
  readonly links: number;
}

interface VnicPlan {
  readonly host: number;
  readonly move: MovePlan | undefined;
  readonly subnet: number;
  readonly addresses: Addresses;
  readonly security: PortSecurity;
  readonly dhcp: boolean;
}

interface VlanPortPlan {
  readonly host: number;
  readonly move: MovePlan | undefined;
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

interface TrunkPortPlan extends Omit<VlanPortPlan, 'vlan'> {
  readonly place: (typeof TRUNK_PLACES)[number];
}

/** Trunks and hybrid ports of the VLANs that the other ports are in. */
const TRUNK_PLACES = [
  { type: 'trunk', native: 10, tagged: [20], untagged: [] },
  { type: 'trunk', native: 0, tagged: [10, 20], untagged: [] },
  { type: 'trunk', native: 20, tagged: [], untagged: [10] },
  { type: 'trunk', native: 0, tagged: [20], untagged: [10] },
  { type: 'trunk', native: 5, tagged: [], untagged: [10, 20] },
] as const satisfies readonly TrunkAttachment[];

const mostly = <T>(usual: T, other: T) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constant(other) });
const security: fc.Arbitrary<PortSecurity> = fc.record({
  macSpoofing: mostly(false, true),
  dhcpGuard: mostly(true, false),
  routerGuard: mostly(true, false),
  guestSpecifiedAddresses: mostly(false, true),
  priorityTagging: mostly(false, true),
});
const kind = fc.constantFrom<Kind>('v4', 'v6');
const kinds = fc.constantFrom<Kinds>(['v4'], ['v6'], ['v4', 'v6']);
const addresses = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Addresses>('one') },
  { weight: 2, arbitrary: fc.constantFrom<Addresses>('two', 'both families') },
  { weight: 1, arbitrary: fc.constant<Addresses>('none') },
);
const vlan = fc.constantFrom(0, 10, 20);
const move = fc.option(fc.record({ to: fc.nat(3), links: fc.constantFrom(1, 2, 1, 2, 0, 3) }), {
  nil: undefined,
  freq: 3,
});

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
      subnets: fc.array(kinds, { minLength: 1, maxLength: 3 }),
      oneGatewayMac: fc.boolean(),
      vnics: fc.array(
        fc.record({ host: fc.nat(3), move, subnet: fc.nat(2), addresses, security, dhcp: fc.boolean() }),
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
      move,
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
      move,
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
  trunkPorts: fc.array(
    fc.record({
      host: fc.nat(3),
      move,
      switch: fc.constantFrom(0, 0, 1, 2),
      place: fc.constantFrom(...TRUNK_PLACES),
      mac: fc.nat(5),
      owner: fc.constantFrom('vm', 'host'),
      addresses,
      kind,
      security,
      dhcp: fc.boolean(),
    }),
    { maxLength: 4 },
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
const DHCPV6_SERVER = ip('fe80::4e:4cff:fe00:fd');
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
  return { hosts, physical, down: downIn(plan) };
}

/** Where a machine has a port: one host, or two while it moves; the active one first. */
function placesOf(plan: Plan, { host, move }: Pick<VnicPlan, 'host' | 'move'>): number[] {
  return [...new Set([host, move?.to ?? host].map((n) => n % plan.hosts))];
}

/** What a port says of the migration at a host, if it is there. */
function stateAt(
  plan: Plan,
  vnic: Pick<VnicPlan, 'host' | 'move'>,
  host: number,
): Pick<PortRecord, 'migration'>[] {
  const places = placesOf(plan, vnic);
  const at = places.indexOf(host);
  if (at < 0) return [];
  return [places.length < 2 ? {} : { migration: at === 0 ? 'active' : 'standby' }];
}

function downIn(plan: Plan): Set<string> {
  const vnics = [
    ...plan.domains.flatMap((domain, d) => domain.vnics.map((vnic, n) => ({ id: `vnic${d}-${n}`, vnic }))),
    ...plan.vlanPorts.map((vnic, n) => ({ id: `vlan-${n}`, vnic })),
    ...plan.privatePorts.map((vnic, n) => ({ id: `private-${n}`, vnic })),
    ...plan.trunkPorts.map((vnic, n) => ({ id: `trunk-${n}`, vnic })),
  ];
  return new Set(
    vnics.flatMap(({ id, vnic }) => {
      const places = placesOf(plan, vnic);
      const links = places.length < 2 ? 1 : (vnic.move?.links ?? 1);
      return places.flatMap((host, i) => ((links >> i) & 1 ? [] : [linkOf(`host${host + 1}`, id)]));
    }),
  );
}

function hostRecords(plan: Plan, host: number): PolicyRecord[] {
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
      domain.vnics.some((v) => placesOf(plan, v).includes(host)) ? domainRecords(plan, d, host) : [],
    ),
    ...plan.vlanPorts.flatMap((p, n) => stateAt(plan, p, host).map((s) => ({ ...vlanPort(p, n), ...s }))),
    ...plan.privatePorts.flatMap((p, n) =>
      stateAt(plan, p, host).map((s) => ({ ...privatePort(p, n), ...s })),
    ),
    ...plan.trunkPorts.flatMap((p, n) => stateAt(plan, p, host).map((s) => ({ ...trunkPort(p, n), ...s }))),
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

function domainRecords(plan: Plan, d: number, host: number): PolicyRecord[] {
  const domain = plan.domains[d]!;
  const fabric = domain.fabric % plan.fabrics.length;
  const rdid = `0a000000-0000-4000-8000-00000000000${d}`;
  const subnets = domain.subnets.map((kinds, k): SubnetRecord => {
    const gatewayMac = macFromNumber(0x024e_4c00_0000 + (domain.oneGatewayMac ? 0 : 16 * d + k + 1));
    return {
      kind: 'subnet',
      vsid: 5001 + 1000 * d + k,
      rdid,
      name: `${d}/${k}`,
      prefixes: kinds.map((kind) => ({
        prefix: prefix(kind === 'v4' ? `10.0.${k}.0/24` : `fd00:0:0:${k}::/64`),
        gateway: addressIn(kind, k, 1),
      })),
      gatewayMac,
      mtu: 1400,
      origin: '',
    };
  });
  const vnics = domain.vnics.map((vnic, n) => {
    const k = vnic.subnet % subnets.length;
    const port = vnicOf(vnic, `vnic${d}-${n}`, SWITCHES[fabric]!, {
      mac: macOf(n + 1),
      addresses: addressesOf(vnic.addresses, pick(domain.subnets[k]!, n), k, n),
      attachment: { type: 'virtual', vsid: subnets[k]!.vsid },
    });
    return { port, vnic, subnet: subnets[k]! };
  });
  return [
    { kind: 'domain', rdid, number: d + 1, name: `${d}`, logicalNetwork: `Fabric${fabric}`, origin: '' },
    ...subnets,
    ...routesOf(domain, rdid, subnets, vnics),
    ...vnics.flatMap(({ port, vnic, subnet }): PolicyRecord[] => {
      const [pa = ip('0.0.0.0'), standby] = placesOf(plan, vnic).map((at) => providerOf(plan, fabric, at).pa);
      return port.addresses.map(({ address }) => {
        return {
          kind: 'lookup',
          rdid,
          vsid: subnet.vsid,
          ca: address,
          mac: port.mac,
          pa,
          ...(standby === undefined ? {} : { standby }),
          port: port.id,
          origin: '',
        };
      });
    }),
    ...vnics.flatMap(({ port, vnic }) => stateAt(plan, vnic, host).map((s) => ({ ...port, ...s }))),
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
  const onLink = subnets.flatMap((s) =>
    s.prefixes.map(({ prefix, gateway }) => route(prefix, s.vsid, gateway.includes(':') ? '::' : '0.0.0.0')),
  );
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
    // Some make a team with the vNIC that has the next MAC address and the next place.
    ...(plan.mac < 2
      ? { team: [{ mac: macOf(plan.mac + 2), addresses: addressesOf('both families', plan.kind, 9, n + 1) }] }
      : {}),
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

/** The second of its addresses is in the first of its tagged VLANs. */
function trunkPort(plan: TrunkPortPlan, n: number): PortRecord {
  const [vlan] = plan.place.tagged;
  const addresses = addressesOf(plan.addresses, plan.kind, 7, n);
  return vnicOf(plan, `trunk-${n}`, pick(SWITCHES, plan.switch), {
    mac: macOf(plan.mac + 1),
    addresses: addresses.map((a, i) => (i === 1 && vlan !== undefined ? { ...a, vlan } : a)),
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
  const dhcpServer = plan.dhcp ? { dhcpServer: DHCP_SERVER, dhcpv6Server: DHCPV6_SERVER } : {};
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
