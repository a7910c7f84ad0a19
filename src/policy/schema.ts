/**
 * What a policy record looks like, where one comes in from outside (parse.ts). Every shape is closed: an unknown field, or
 * an address that is not in its canonical form, refuses the record.
 *
 * The types of records.ts are the model. `closed<T>()` takes exactly the fields of T, so a field that is added
 * there and not here, or here and not there, does not compile.
 */
import * as z from 'zod';
import {
  addressWidth,
  type IpAddress,
  type Mac,
  type Prefix,
  parseIp,
  parseMac,
  parsePrefix,
  prefixContains,
  prefixParts,
} from '../packet/address.ts';
import { isDomainName } from '../packet/domain-name.ts';
import type { PortRange } from '../packet/port-range.ts';
import { parseSocketAddress } from '../packet/socket-address.ts';
import type {
  AclRecord,
  AclRule,
  Attachment,
  DomainRecord,
  FlowExport,
  LookupRecord,
  MirrorRecord,
  PolicyRecord,
  PortAddress,
  PortBandwidth,
  PortRecord,
  PortSecurity,
  PrivateAttachment,
  ProviderRecord,
  RecordKind,
  RouteRecord,
  SubnetPrefix,
  SubnetRecord,
  SwitchRecord,
  TeamMate,
  TrunkAttachment,
  Uplink,
} from './records.ts';

type Field<T, F extends keyof T> =
  Record<never, never> extends Pick<T, F>
    ? z.ZodExactOptional<z.ZodType<Exclude<T[F], undefined>>>
    : z.ZodType<T[F]>;
type Shape<T> = { readonly [F in keyof T]-?: Field<T, F> };

/** A closed object with exactly the fields of T. */
function closed<T>() {
  return <S extends Shape<T>>(shape: S & Record<Exclude<keyof S, keyof T>, never>) =>
    z.strictObject<S>(shape);
}

function canonical<T extends string>(parse: (text: string) => T | undefined, what: string) {
  return z.custom<T>((value) => typeof value === 'string' && parse(value) === value, {
    error: `is not ${what}`,
  });
}

const text = z.string().min(1);
const domainName = canonical(
  (name) => (isDomainName(name) ? name : undefined),
  'a domain name such as corp.example',
);
const mac = canonical<Mac>(parseMac, 'a MAC address such as 00:1d:d8:b7:1c:00');
const ip = canonical<IpAddress>(parseIp, 'an IP address such as 10.0.0.5 or 2001:db8::5');
const prefix = canonical<Prefix>(parsePrefix, 'a prefix such as 10.0.0.0/24 or 2001:db8::/64');
const prefixLength = z.int().min(0).max(128);
/** Untagged, or IEEE 802.1Q-2018, table 9-2: 0 and 4095 name no VLAN. */
const vlan = z.int().min(0).max(4094);
/** RFC 7637, 3.1: 0..0xFFF and 0xFFFFFF are reserved. */
const vsid = z.int().min(4096).max(16_777_214);
/** RFC 791, 3.2: every link carries 68 bytes; the length field has 16 bits. */
const mtu = z.int().min(68).max(65_535);

/** In kbit/s: nothing is slower than one, and nothing faster than 1.6 Tbit/s (IEEE 802.3dj). */
const kbps = z.int().min(1).max(1_600_000_000);

const uplink = closed<Uplink>()({
  nics: z.array(text).min(1),
  teaming: z.enum(['switch-independent', 'static', 'lacp']),
  balancing: z.enum(['dynamic', 'hyper-v-port', 'address-hash', 'transport-ports']),
  mtu,
  capacityKbps: kbps.exactOptional(),
});

const attachment = z.discriminatedUnion('type', [
  closed<Extract<Attachment, { type: 'vlan' }>>()({ type: z.literal('vlan'), vlan }),
  closed<PrivateAttachment>()({
    type: z.literal('private'),
    mode: z.enum(['isolated', 'community', 'promiscuous']),
    primary: vlan.min(1),
    secondaries: z.array(vlan.min(1)),
  })
    .refine(({ mode, secondaries }) => mode === 'promiscuous' || secondaries.length === 1, {
      path: ['secondaries'],
      error: 'is not one secondary VLAN',
    })
    .refine(({ primary, secondaries }) => new Set([primary, ...secondaries]).size > secondaries.length, {
      path: ['secondaries'],
      error: 'has a VLAN twice',
    }),
  closed<TrunkAttachment>()({
    type: z.literal('trunk'),
    native: vlan,
    tagged: z.array(vlan.min(1)),
    untagged: z.array(vlan.min(1)),
  }).refine(
    ({ native, tagged, untagged }) => {
      const all = [native, ...tagged, ...untagged];
      return new Set(all).size === all.length;
    },
    { error: 'has a VLAN twice' },
  ),
  closed<Extract<Attachment, { type: 'monitor' }>>()({ type: z.literal('monitor') }),
  closed<Extract<Attachment, { type: 'virtual' }>>()({ type: z.literal('virtual'), vsid }),
]);

const security = closed<PortSecurity>()({
  macSpoofing: z.boolean(),
  dhcpGuard: z.boolean(),
  routerGuard: z.boolean(),
  guestSpecifiedAddresses: z.boolean(),
  priorityTagging: z.boolean().exactOptional(),
});

const bandwidth = closed<PortBandwidth>()({
  minimumWeight: z.int().min(0).max(100).exactOptional(),
  minimumKbps: kbps.exactOptional(),
  maximumKbps: kbps.exactOptional(),
}).refine(({ minimumKbps = 0, maximumKbps = minimumKbps }) => minimumKbps <= maximumKbps, {
  path: ['minimumKbps'],
  error: 'is above the maximum',
});

const portAddress = closed<PortAddress>()({
  address: ip,
  prefixLength,
  gateway: ip.exactOptional(),
  dns: z.array(ip),
  vlan: vlan.min(1).exactOptional(),
  dnsSuffix: domainName.exactOptional(),
  dnsSearch: z.array(domainName).exactOptional(),
  otherGateways: z.array(ip).exactOptional(),
  wins: z.array(ip).exactOptional(),
}).refine((a) => a.prefixLength <= addressWidth(a.address), {
  path: ['prefixLength'],
  error: 'is longer than the address',
});

const subnetPrefix = closed<SubnetPrefix>()({
  prefix,
  gateway: ip,
  autonomous: z.literal(true).exactOptional(),
}).refine((s) => prefixContains(s.prefix, s.gateway), {
  path: ['gateway'],
  error: 'is not in the prefix',
});

const aclPorts = closed<PortRange>()({
  from: z.int().min(0).max(65_535),
  to: z.int().min(0).max(65_535),
}).refine(({ from, to }) => from <= to, { path: ['to'], error: 'is below from' });

const aclVerdict = z.enum(['allow', 'deny']);

const aclRule = closed<AclRule>()({
  name: text,
  direction: z.enum(['inbound', 'outbound']),
  action: aclVerdict,
  priority: z.int().min(1).max(65_535),
  family: z.union([z.literal(4), z.literal(6)]).exactOptional(),
  protocol: z.int().min(1).max(255).exactOptional(),
  local: prefix.exactOptional(),
  localPorts: aclPorts.exactOptional(),
  remote: prefix.exactOptional(),
  remotePorts: aclPorts.exactOptional(),
  icmpType: z.int().min(0).max(255).exactOptional(),
  stateful: z.boolean(),
  log: z.boolean(),
})
  .refine(({ action, stateful }) => action === 'allow' || !stateful, {
    path: ['stateful'],
    error: 'is not for a rule that denies',
  })
  .refine(
    ({ family, local, remote }) => [local, remote].every((p) => !p || prefixParts(p).family === family),
    { path: ['family'], error: 'is not that of the addresses' },
  )
  .refine(
    ({ protocol, localPorts, remotePorts }) =>
      protocol === 6 || protocol === 17 || !(localPorts || remotePorts),
    { path: ['protocol'], error: 'has no ports' },
  )
  .refine(
    ({ protocol, family, icmpType }) =>
      icmpType === undefined || (family === 4 ? protocol === 1 : family === 6 && protocol === 58),
    { path: ['icmpType'], error: 'is not of this protocol' },
  );

const flowExport = closed<FlowExport>()({
  type: z.enum(['ipfix', 'sflow']),
  collectors: z.array(canonical(parseSocketAddress, 'an IP address and a port')).min(1),
  sampling: z.int().min(1).max(0xffffffff),
});

/** The shape of each kind of record. */
export const RECORD_SCHEMAS = {
  acl: closed<AclRecord>()({
    kind: z.literal('acl'),
    id: text,
    number: z.int().min(1).max(16_777_215),
    rules: z.array(aclRule),
    inbound: aclVerdict.exactOptional(),
    outbound: aclVerdict.exactOptional(),
    origin: z.string(),
  }),
  switch: closed<SwitchRecord>()({
    kind: z.literal('switch'),
    name: text,
    type: z.enum(['external', 'internal', 'private']),
    uplink: uplink.exactOptional(),
    flowExport: flowExport.exactOptional(),
    origin: z.string(),
  }),
  port: closed<PortRecord>()({
    kind: z.literal('port'),
    id: text,
    name: text,
    owner: z.enum(['vm', 'host']),
    switch: text,
    mac,
    addresses: z.array(portAddress),
    attachment,
    security,
    acls: z.array(text).min(1).exactOptional(),
    team: z.array(closed<TeamMate>()({ mac, addresses: z.array(portAddress) })).exactOptional(),
    bandwidth: bandwidth.exactOptional(),
    mtu,
    dhcpServer: ip.exactOptional(),
    dhcpv6Server: ip.exactOptional(),
    migration: z.enum(['active', 'standby']).exactOptional(),
    origin: z.string(),
  }),
  mirror: closed<MirrorRecord>()({
    kind: z.literal('mirror'),
    source: text,
    switch: text,
    direction: z.enum(['from', 'to', 'both']),
    output: z.union([z.strictObject({ port: text }), z.strictObject({ vlan: vlan.min(1) })]),
    origin: z.string(),
  }),
  provider: closed<ProviderRecord>()({
    kind: z.literal('provider'),
    logicalNetwork: text,
    switch: text,
    encapsulation: z.enum(['nvgre', 'vxlan', 'geneve']),
    pa: ip,
    prefixLength,
    gateway: ip.exactOptional(),
    mac,
    vlan,
    mtu: mtu.exactOptional(),
    origin: z.string(),
  }).refine((p) => p.prefixLength <= addressWidth(p.pa), {
    path: ['prefixLength'],
    error: 'is longer than the provider address',
  }),
  domain: closed<DomainRecord>()({
    kind: z.literal('domain'),
    rdid: text,
    number: z.int().min(1).max(16_777_215),
    name: text,
    logicalNetwork: text,
    origin: z.string(),
  }),
  subnet: closed<SubnetRecord>()({
    kind: z.literal('subnet'),
    vsid,
    rdid: text,
    name: text,
    prefixes: z
      .array(subnetPrefix)
      .min(1)
      .refine((all) => new Set(all.map((p) => addressWidth(p.gateway))).size === all.length, {
        error: 'has two prefixes of one IP version',
      }),
    gatewayMac: mac,
    mtu,
    origin: z.string(),
  }),
  route: closed<RouteRecord>()({
    kind: z.literal('route'),
    rdid: text,
    vsid,
    prefix,
    nextHop: ip,
    origin: z.string(),
  }),
  lookup: closed<LookupRecord>()({
    kind: z.literal('lookup'),
    rdid: text,
    vsid,
    ca: ip,
    mac,
    pa: ip,
    standby: ip.exactOptional(),
    port: text,
    origin: z.string(),
  }).refine((l) => l.standby !== l.pa, {
    path: ['standby'],
    error: 'is where the machine is anyway',
  }),
} satisfies { [K in RecordKind]: z.ZodType<Extract<PolicyRecord, { kind: K }>> };
