/** Random policy records for property tests. Keys come from a small range, so that random changes often meet. */
import fc from 'fast-check';
import {
  type IpAddress,
  ipv4FromNumber,
  macFromNumber,
  ip as parsedIp,
  prefix as parsedPrefix,
  prefixOf,
} from '../../src/packet/address.ts';
import {
  type AclRecord,
  domainScope,
  hostScope,
  type PolicyRecord,
  recordKey,
  type Scope,
  type ScopedRecord,
  type SubnetPrefix,
} from '../../src/policy/records.ts';
import type { PolicyChange, PolicyDelta } from '../../src/policy/set.ts';

export const HOSTS = ['h1', 'h2', 'h3'] as const;
const RDIDS = ['blue', 'green', 'red'] as const;

const SWITCHES = ['Internal', 'Public'] as const;
const NETWORKS = ['App', 'Mgmt'] as const;
const VSIDS = [5001, 5002, 6001] as const;

const host = fc.constantFrom(...HOSTS);
const rdid = fc.constantFrom(...RDIDS);
const vsid = fc.constantFrom(...VSIDS);
const switchName = fc.constantFrom(...SWITCHES);
const logicalNetwork = fc.constantFrom(...NETWORKS);
const mac = fc.integer({ min: 0, max: 255 }).map((n) => macFromNumber(0x001dd8b71c00 + n));
const ip: fc.Arbitrary<IpAddress> = fc.integer({ min: 1, max: 6 }).map((n) => ipv4FromNumber(0x0a000000 + n));
const prefix = fc.constantFrom(24, 25).chain((length) => ip.map((a) => prefixOf(a, length)));
const origin = fc.constantFrom('VmNetwork/AAA', 'VirtualMachine/öß "1"');
const mtu = fc.constantFrom(1458, 1500);
const maybeIp = { gateway: ip };

const flowExport = fc.record({
  type: fc.constantFrom('ipfix' as const, 'sflow' as const),
  collectors: fc.constantFrom(['192.0.2.1:4739'], ['192.0.2.1:4739', '[2001:db8::1]:6343']),
  sampling: fc.constantFrom(1, 400),
});

const switchRecord = fc.record(
  {
    kind: fc.constant('switch' as const),
    name: switchName,
    type: fc.constantFrom('external' as const, 'internal' as const, 'private' as const),
    flowExport,
    origin,
  },
  { requiredKeys: ['kind', 'name', 'type', 'origin'] },
);

const portRecord = fc.record(
  {
    kind: fc.constant('port' as const),
    id: fc.constantFrom('vnic1', 'vnic2', 'vnic3'),
    name: fc.constantFrom('blue1/eth0', 'red1/eth0'),
    owner: fc.constantFrom('vm' as const, 'host' as const),
    switch: switchName,
    mac,
    addresses: fc.array(
      fc.record(
        {
          address: ip,
          prefixLength: fc.constantFrom(24, 32),
          ...maybeIp,
          dns: fc.array(ip, { maxLength: 2 }),
        },
        { requiredKeys: ['address', 'prefixLength', 'dns'] },
      ),
      { maxLength: 2 },
    ),
    attachment: fc.oneof(
      fc.record({ type: fc.constant('vlan' as const), vlan: fc.constantFrom(0, 10, 4094) }),
      fc.record({
        type: fc.constant('private' as const),
        mode: fc.constantFrom('isolated', 'community', 'promiscuous'),
        primary: fc.constant(10),
        secondaries: fc.constantFrom([11], [12]),
      }),
      fc.record({
        type: fc.constant('trunk' as const),
        native: fc.constantFrom(0, 10),
        tagged: fc.constantFrom([], [20], [20, 30]),
        untagged: fc.constantFrom([], [40]),
      }),
      fc.record({ type: fc.constant('monitor' as const) }),
      fc.record({ type: fc.constant('virtual' as const), vsid }),
    ),
    security: fc.record({
      macSpoofing: fc.boolean(),
      dhcpGuard: fc.boolean(),
      routerGuard: fc.boolean(),
      guestSpecifiedAddresses: fc.boolean(),
    }),
    acls: fc.constantFrom<readonly string[]>(['web'], ['red:web', 'web']),
    team: fc.array(fc.record({ mac, addresses: fc.constant([]) }), { maxLength: 2 }),
    bandwidth: fc.record(
      { minimumWeight: fc.nat(100), minimumKbps: fc.constant(500), maximumKbps: fc.constant(1000) },
      { requiredKeys: [] },
    ),
    mtu,
    dhcpServer: ip,
    migration: fc.constantFrom('active' as const, 'standby' as const),
    origin,
  },
  {
    requiredKeys: [
      'kind',
      'id',
      'name',
      'owner',
      'switch',
      'mac',
      'addresses',
      'attachment',
      'security',
      'mtu',
      'origin',
    ],
  },
);

const mirrorRecord = fc.record({
  kind: fc.constant('mirror' as const),
  source: fc.constantFrom('vnic1', 'vnic2'),
  switch: switchName,
  direction: fc.constantFrom('from', 'to', 'both'),
  output: fc.constantFrom<{ port: string } | { vlan: number }>({ port: 'vnic3' }, { vlan: 999 }),
  origin,
});

const providerRecord = fc.record({
  kind: fc.constant('provider' as const),
  logicalNetwork,
  switch: switchName,
  encapsulation: fc.constantFrom('nvgre' as const, 'vxlan' as const, 'geneve' as const),
  pa: ip,
  prefixLength: fc.constant(24),
  mac,
  vlan: fc.constantFrom(0, 30),
  origin,
});

const domainRecord = fc.record({
  kind: fc.constant('domain' as const),
  rdid,
  number: fc.integer({ min: 1, max: 3 }),
  name: fc.constantFrom('AAA', 'BBB'),
  logicalNetwork,
  origin,
});

const aclRecord: fc.Arbitrary<AclRecord> = fc.record(
  {
    kind: fc.constant('acl' as const),
    id: fc.constantFrom('web', 'red:web'),
    number: fc.integer({ min: 1, max: 3 }),
    rules: fc.constantFrom<AclRecord['rules']>(
      [],
      [
        {
          name: 'https',
          direction: 'inbound',
          action: 'allow',
          priority: 100,
          family: 4,
          protocol: 6,
          localPorts: { from: 443, to: 443 },
          remote: parsedPrefix('10.0.0.0/8'),
          stateful: true,
          log: false,
        },
        {
          name: 'rest',
          direction: 'outbound',
          action: 'deny',
          priority: 65_535,
          stateful: false,
          log: true,
        },
      ],
    ),
    inbound: fc.constantFrom('allow' as const, 'deny' as const),
    outbound: fc.constantFrom('allow' as const, 'deny' as const),
    origin,
  },
  { requiredKeys: ['kind', 'id', 'number', 'rules', 'origin'] },
);

const hostScoped = fc
  .tuple(
    host,
    fc.oneof(switchRecord, portRecord, aclRecord, mirrorRecord, providerRecord, domainRecord, domainRecord),
  )
  .map(([name, record]): ScopedRecord => ({ scope: hostScope(name), record }));

const movingLookup = fc
  .record({ rdid, vsid, ca: ip, mac, places: fc.shuffledSubarray([1, 2, 3], { minLength: 2 }), origin })
  .map(({ places: [pa = 1, standby = 2], ...record }) => ({
    kind: 'lookup' as const,
    ...record,
    pa: ipv4FromNumber(0x0a000000 + pa),
    standby: ipv4FromNumber(0x0a000000 + standby),
    port: 'vnic1',
  }));

const domainScoped = fc
  .oneof(
    fc.record({
      kind: fc.constant('subnet' as const),
      vsid,
      rdid,
      name: fc.constant('AAA/test'),
      prefixes: fc.constantFrom<readonly SubnetPrefix[]>(
        [{ prefix: parsedPrefix('10.0.0.0/24'), gateway: parsedIp('10.0.0.1') }],
        [{ prefix: parsedPrefix('fd00::/64'), gateway: parsedIp('fd00::1'), autonomous: true }],
        [
          { prefix: parsedPrefix('10.0.0.0/24'), gateway: parsedIp('10.0.0.1') },
          { prefix: parsedPrefix('fd00::/64'), gateway: parsedIp('fd00::1') },
        ],
      ),
      gatewayMac: mac,
      mtu,
      origin,
    }),
    fc.record({ kind: fc.constant('route' as const), rdid, vsid, prefix, nextHop: ip, origin }),
    fc.record({
      kind: fc.constant('lookup' as const),
      rdid,
      vsid,
      ca: ip,
      mac,
      pa: ip,
      port: fc.constantFrom('vnic1', 'vnic2'),
      origin,
    }),
    movingLookup,
  )
  .map((record): ScopedRecord => ({ scope: domainScope(record.rdid), record }));

/** A record in a scope that it belongs to. */
export const scopedRecord: fc.Arbitrary<ScopedRecord> = fc.oneof(hostScoped, domainScoped);

/** Additions, replacements and removals; no record twice. */
export const policyDelta: fc.Arbitrary<PolicyDelta> = fc
  .uniqueArray(
    fc.tuple(scopedRecord, fc.boolean()).map(([scoped, removed]) => change(scoped, removed)),
    { maxLength: 8, selector: ({ scope, key }) => `${scope} ${key}` },
  )
  .map((changes) => ({ changes }));

function change({ scope, record }: ScopedRecord, removed: boolean): PolicyChange {
  const place: { scope: Scope; key: string } = { scope, key: recordKey(record) };
  return removed ? place : { ...place, record: record satisfies PolicyRecord };
}
