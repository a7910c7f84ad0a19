/**
 * The fields of objects that a tenant's users see and set. What is not named here is the administrator's: a field that
 * is added to a kind is hidden from tenants until it is written down here.
 */
import type { JsonObject, JsonValue } from '../base/json.ts';
import type { KindName } from '../model/definition.ts';
import { tenantOfKey } from '../model/tenancy.ts';

interface Fields {
  /** Seen and set. */
  readonly own: readonly string[];
  /** Seen, and set by the administrator alone. */
  readonly shown: readonly string[];
  /** Of `status`. */
  readonly status: readonly string[];
  /** Not seen. Named, so that a new field of a kind is a decision (a test asks for it) and not an oversight. */
  readonly hidden?: readonly string[];
}

const COMMON = ['kind', 'name', 'description', 'labels'];
const NOTHING: Fields = { own: [], shown: [], status: [] };

const FIELDS: Readonly<Partial<Record<KindName, Fields>>> = {
  Tenant: {
    own: [],
    shown: [...COMMON, 'logicalNetworks', 'portClassifications', 'quotas'],
    status: ['used'],
  },
  User: { own: [...COMMON, 'tenant', 'role', 'disabled'], shown: [], status: [] },
  LogicalNetwork: {
    own: [],
    shown: ['kind', 'name', 'type', 'networkVirtualization', 'sameNameVmNetwork'],
    status: [],
  },
  PortClassification: { own: [], shown: ['kind', 'name', 'description'], status: [] },
  VmNetwork: {
    own: [...COMMON, 'tenant', 'logicalNetwork', 'isolation', 'acls'],
    shown: ['routingDomainId'],
    hidden: ['vlan', 'secondaryVlan'],
    status: ['routingDomainId', 'subnets'],
  },
  VmSubnet: {
    own: [...COMMON, 'vmNetwork', 'prefix', 'ipv6Prefix', 'ipv6AddressMode', 'acls'],
    shown: ['vsid'],
    status: ['vsid', 'gateway', 'gateways', 'gatewayMac', 'mtu', 'pools'],
  },
  IpPool: {
    own: [
      ...COMMON,
      'vmNetwork',
      'subnet',
      'from',
      'to',
      'reserved',
      'vips',
      'quarantineSeconds',
      'gateways',
      'dns',
      'dnsSuffix',
      'dnsSearch',
      'wins',
    ],
    shown: [],
    // A pool of a site is the administrator's.
    hidden: ['logicalNetwork', 'site', 'prefix'],
    status: ['size', 'used', 'free', 'inactive', 'reserved', 'vip'],
  },
  PortAcl: { own: [...COMMON, 'tenant', 'rules', 'default'], shown: [], status: [] },
  VirtualMachine: {
    own: [...COMMON, 'tenant', 'vnics'],
    shown: [],
    hidden: ['host', 'migration'],
    status: ['vnics'],
  },
};

const VNIC: Fields = {
  own: ['name', 'vmNetwork', 'subnet', 'classification', 'addresses', 'adapter', 'connected', 'acls'],
  shown: ['mac'],
  // A trunk reaches the VLANs of the fabric, and a mirror the traffic of other machines.
  hidden: ['trunk', 'mirror'],
  status: ['name', 'connected', 'id', 'mac', 'addresses', 'vsid', 'mtu'],
};

/** An administrator's object as a tenant's user sees it says nothing of who else uses it. */
export function tenantDocument(kind: KindName, document: JsonObject, isOwn: boolean): JsonObject {
  const { own, shown, status } = FIELDS[kind] ?? NOTHING;
  const { meta, status: all } = document;
  const fields = pick(document, [...own, ...shown]);
  const seen = isOwn || kind === 'Tenant' ? pick(asObject(all), status) : {};
  return {
    ...(kind === 'VirtualMachine'
      ? { ...fields, vnics: each(fields.vnics, [...VNIC.own, ...VNIC.shown]) }
      : fields),
    ...(meta === undefined ? {} : { meta }),
    status: kind === 'VirtualMachine' ? { ...seen, vnics: each(seen.vnics, VNIC.status) } : seen,
  };
}

/** What a tenant's user says in an object: the fields that are the user's to set. */
export function tenantFields(kind: KindName, document: JsonObject): JsonObject {
  const fields = pick(document, FIELDS[kind]?.own ?? []);
  return kind === 'VirtualMachine' ? { ...fields, vnics: each(fields.vnics, VNIC.own) } : fields;
}

/** What a write by a tenant's user comes to, and the fields that it has no business with. */
export interface TenantWrite {
  readonly fields: JsonObject;
  /** Paths: `host`, `vnics[0].mac`. */
  readonly forbidden: readonly string[];
}

/** An object in three states: as it was sent, as it was read (with defaults filled in), and as it is held. */
interface Versions {
  readonly sent: JsonObject;
  readonly read: JsonObject;
  readonly held: JsonObject | undefined;
}

/**
 * The object as it is to be kept: what the user says of the tenant's fields, and of the others what is there. A field
 * that the user sees may be sent back as it is; one that is hidden may not even be guessed.
 */
export function tenantWrite(kind: KindName, versions: Versions): TenantWrite {
  const { sent, read, held } = versions;
  const merged = merge(FIELDS[kind] ?? NOTHING, versions, '');
  if (kind !== 'VirtualMachine') return merged;
  const before = new Map(list(held?.vnics).map((vnic) => [vnic.name, vnic]));
  const asSent = list(sent.vnics);
  const vnics = list(read.vnics).map((vnic, i) =>
    merge(VNIC, { sent: asSent[i] ?? {}, read: vnic, held: before.get(vnic.name) }, `vnics[${i}].`),
  );
  return {
    fields: { ...merged.fields, vnics: vnics.map(({ fields }) => fields) },
    forbidden: [...merged.forbidden, ...vnics.flatMap(({ forbidden }) => forbidden)],
  };
}

function merge({ own, shown }: Fields, { sent, read, held }: Versions, prefix: string): TenantWrite {
  const others = Object.entries(held ?? read).filter(
    ([field]) => !own.includes(field) && (held !== undefined || sent[field] === undefined),
  );
  const forbidden = Object.keys(sent)
    .filter((field) => !own.includes(field) && !ENVELOPE.includes(field))
    .filter((field) => !(shown.includes(field) && same(read[field], held?.[field])))
    .map((field) => prefix + field);
  const fields = { ...pick(read, own), ...Object.fromEntries(others) };
  return { fields: { ...fields, ...keptAcls(read, held) }, forbidden };
}

/** Port ACLs that the administrator attached stay, and stay first: a tenant adds its own to them. */
function keptAcls(read: JsonObject, held: JsonObject | undefined): JsonObject {
  const kept = texts(held?.acls).filter((key) => tenantOfKey(key) === undefined);
  return kept.length === 0 ? {} : { acls: [...new Set([...kept, ...texts(read.acls)])] };
}

function texts(value: JsonValue | undefined): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

/** What the controller adds on the way out, and ignores on the way in. */
const ENVELOPE: readonly string[] = ['meta', 'status'];

function same(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function pick(object: JsonObject, fields: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([field]) => fields.includes(field)));
}

function each(value: JsonValue | undefined, fields: readonly string[]): JsonValue {
  return list(value).map((item) => pick(item, fields));
}

function list(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.map(asObject) : [];
}

function asObject(value: JsonValue | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

/** Every field of a kind of which something is said here. */
export function fieldsKnown(kind: KindName | 'vNIC'): string[] {
  const { own, shown, hidden = [] } = kind === 'vNIC' ? VNIC : (FIELDS[kind] ?? NOTHING);
  return [...own, ...shown, ...hidden];
}
