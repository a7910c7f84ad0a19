/**
 * What a policy record looks like, checked where one comes in from outside: on the agent, which would rather keep the
 * policy that it has than act on one that it understands by half. So every shape is closed: an unknown kind, an
 * unknown field, an address that is not in its canonical form, all refuse the record.
 *
 * The types of records.ts are the model. `closed<T>()` takes exactly the fields of T, so a field that is added
 * there and not here, or here and not there, does not compile.
 */
import * as z from 'zod';
import { type Finding, finding, NetloomError } from '../base/error.ts';
import {
  addressWidth,
  type IpAddress,
  type Mac,
  type Prefix,
  parseIp,
  parseMac,
  parsePrefix,
} from '../packet/address.ts';
import { kindOfKey } from './order.ts';
import {
  type Attachment,
  type DomainRecord,
  domainScope,
  type LookupRecord,
  type PolicyRecord,
  type PortAddress,
  type PortRecord,
  type PortSecurity,
  type PrivateAttachment,
  type ProviderRecord,
  type RecordKind,
  type RouteRecord,
  recordKey,
  type Scope,
  type SubnetRecord,
  type SwitchRecord,
  type Uplink,
} from './records.ts';
import type { PolicyChange } from './set.ts';

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

const uplink = closed<Uplink>()({
  nics: z.array(text).min(1),
  teaming: z.enum(['switch-independent', 'static', 'lacp']),
  balancing: z.enum(['dynamic', 'hyper-v-port', 'address-hash', 'transport-ports']),
  mtu,
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
  closed<Extract<Attachment, { type: 'virtual' }>>()({ type: z.literal('virtual'), vsid }),
]);

const security = closed<PortSecurity>()({
  macSpoofing: z.boolean(),
  dhcpGuard: z.boolean(),
  routerGuard: z.boolean(),
  guestSpecifiedAddresses: z.boolean(),
});

const portAddress = closed<PortAddress>()({
  address: ip,
  prefixLength,
  gateway: ip.exactOptional(),
  dns: z.array(ip),
}).refine((a) => a.prefixLength <= addressWidth(a.address), {
  path: ['prefixLength'],
  error: 'is longer than the address',
});

const schemas = {
  switch: closed<SwitchRecord>()({
    kind: z.literal('switch'),
    name: text,
    type: z.enum(['external', 'internal', 'private']),
    uplink: uplink.exactOptional(),
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
    mtu,
    dhcpServer: ip.exactOptional(),
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
    prefix,
    gateway: ip,
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
    port: text,
    origin: z.string(),
  }),
} satisfies { [K in RecordKind]: z.ZodType<Extract<PolicyRecord, { kind: K }>> };

const SKEW = 'Controller and agent are probably of different versions; bring them to the same one.';

/**
 * The record that this value (of JSON) says, or a NetloomError with everything that is wrong with it:
 * `kind-unknown`, `field-unknown`, `field-missing`, `value-invalid`. `path` stands before the path of each finding.
 */
export function parseRecord(value: unknown, path = ''): PolicyRecord {
  const kind = readKind(value);
  if (kind === undefined) {
    const named = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : value;
    throw new NetloomError([
      finding('kind-unknown', path, `There is no kind of policy record ${quote(named)}.`, SKEW),
    ]);
  }
  const result = schemas[kind].safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const [first, ...rest] = result.error.issues.flatMap((issue) => describe(issue, path));
  throw new NetloomError([first!, ...rest]);
}

/** A change as it travels: the record as the bytes of its JSON. */
export interface RawChange {
  readonly scope: string;
  readonly key: string;
  readonly record?: Uint8Array | undefined;
}

/**
 * The change that these bytes say. Refuses (NetloomError), besides what parseRecord refuses: bytes that are not JSON
 * in UTF-8, a key that is not the record's, and a record in a scope that it does not belong to.
 */
export function parseChange(raw: RawChange): PolicyChange {
  const path = `${raw.scope} ${raw.key}`;
  const scope = readScope(raw.scope);
  if (!scope) throw refuse(path, `${quote(raw.scope)} is not a scope.`);
  if (raw.record === undefined) {
    if (!kindOfKey(raw.key))
      throw refuse(path, `${quote(raw.key)} is not the key of a policy record.`, 'kind-unknown');
    return { scope, key: raw.key };
  }
  const record = parseRecord(readJson(raw.record, path), path);
  if (recordKey(record) !== raw.key)
    throw refuse(path, `The key of the record is ${quote(recordKey(record))}.`);
  if (!belongs(record, scope)) throw refuse(path, `A ${record.kind} record does not belong in this scope.`);
  return { scope, key: raw.key, record };
}

function belongs(record: PolicyRecord, scope: Scope): boolean {
  switch (record.kind) {
    case 'switch':
    case 'port':
    case 'provider':
    case 'domain':
      return scope.startsWith('host/');
    case 'subnet':
    case 'route':
    case 'lookup':
      return scope === domainScope(record.rdid);
  }
}

function readScope(text: string): Scope | undefined {
  return /^(?:host|domain)\/./su.test(text) ? (text as Scope) : undefined;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readJson(bytes: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch (cause) {
    throw new NetloomError([finding('value-invalid', path, 'The record is not JSON in UTF-8.', SKEW)], {
      cause,
    });
  }
}

function readKind(value: unknown): RecordKind | undefined {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return undefined;
  const { kind } = value;
  return typeof kind === 'string' && Object.hasOwn(schemas, kind) ? (kind as RecordKind) : undefined;
}

function describe(issue: z.core.$ZodIssue, path: string): Finding[] {
  const at = issue.path.reduce<string>(
    (whole, step) =>
      typeof step === 'number' ? `${whole}[${step}]` : whole ? `${whole}.${String(step)}` : String(step),
    path,
  );
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) =>
      finding('field-unknown', at, `There is no field ${quote(key)} here.`, SKEW),
    );
  }
  if (issue.input === undefined) {
    return [finding('field-missing', at, 'The field is missing.', SKEW)];
  }
  return [finding('value-invalid', at, `${quote(issue.input)} ${reason(issue)}.`, SKEW)];
}

/** Our own checks say what is wrong as the end of a sentence; zod's are a sentence of their own. */
function reason(issue: z.core.$ZodIssue): string {
  return issue.code === 'custom' ? issue.message : `is not accepted: ${issue.message}`;
}

function refuse(
  path: string,
  message: string,
  code: 'value-invalid' | 'kind-unknown' = 'value-invalid',
): NetloomError {
  return new NetloomError([finding(code, path, message, SKEW)]);
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
