/**
 * What a person does not have to write in a record: how an address is spelled, and fields that mostly say the same. The
 * table stands in docs/records.md, too.
 */
import type { Fields } from '../../model/shape.ts';
import { isFields } from '../../model/shape.ts';
import {
  firstHost,
  ipToBigint,
  macFromNumber,
  parseIp,
  parseMac,
  parsePrefix,
} from '../../packet/address.ts';
import type { RecordKind, Scope } from '../../policy/records.ts';

/** What stands around a record. */
export interface Surroundings {
  readonly scope: Scope;
  /** Where it stands itself: `records.yaml:12`. */
  readonly origin: string;
  /** The virtual switch of the host, if it has one only. */
  readonly switchName: string | undefined;
  /** The routing domains of the file, with their places in it from 1. */
  readonly domains: ReadonlyMap<string, number>;
  /** Ids of the ACLs of the host, the same way. */
  readonly acls: ReadonlyMap<string, number>;
}

const FABRIC = 'Provider';
/** Guests whose packets are so long get through every tunnel on an underlay of 1500 bytes, over IPv6 too. */
const TENANT_MTU = 1400;
/** Locally administered: routers of virtual subnets, and interfaces with provider addresses, by what follows. */
const ROUTER_MAC = 0x02_01_00_00_00_00;
const PROVIDER_MAC = 0x02_00_00_00_00_00;

/** The record with the fields that were left out; the ones that are there stay, whatever they are. */
export function withDefaults(kind: RecordKind, item: Fields, around: Surroundings): Fields {
  return {
    ...withoutAbsent(defaultsOf(kind, item, around)),
    origin: around.origin,
    ...item,
    ...inner(kind, item),
  };
}

function defaultsOf(kind: RecordKind, item: Fields, around: Surroundings): Fields {
  const { scope, switchName, domains, acls } = around;
  const rdid = scope.startsWith('domain/') ? scope.slice(7) : undefined;
  switch (kind) {
    case 'switch':
      return { type: item.uplink === undefined ? 'private' : 'external' };
    case 'provider':
      return {
        logicalNetwork: FABRIC,
        switch: switchName,
        encapsulation: 'nvgre',
        vlan: 0,
        mac: providerMac(item.pa),
      };
    case 'domain':
      return {
        number: domains.get(String(item.rdid)) ?? domains.size + 1,
        name: item.rdid,
        logicalNetwork: FABRIC,
      };
    case 'subnet': {
      const vsid = numberOf(item.vsid);
      return { rdid, name: `${rdid}/${vsid}`, gatewayMac: macFromNumber(ROUTER_MAC + vsid), mtu: TENANT_MTU };
    }
    case 'route':
      return {
        rdid,
        nextHop: typeof item.prefix === 'string' && item.prefix.includes(':') ? '::' : '0.0.0.0',
      };
    case 'lookup':
      return { rdid, port: vnicId(item.vsid, item.mac) };
    case 'acl':
      return { number: acls.get(String(item.id)) ?? 1, rules: [] };
    case 'mirror':
      return { switch: switchName, direction: 'both' };
    case 'port': {
      const attachment = isFields(item.attachment) ? item.attachment : {};
      const isVirtual = attachment.type === 'virtual';
      return {
        id: isVirtual ? vnicId(attachment.vsid, item.mac) : item.name,
        owner: 'vm',
        switch: switchName,
        addresses: [],
        security: {},
        mtu: isVirtual ? TENANT_MTU : 1500,
      };
    }
  }
}

/** Groups and lists within the record, with what is left out in them. */
function inner(kind: RecordKind, item: Fields): Fields {
  switch (kind) {
    case 'switch': {
      const uplink = { teaming: 'switch-independent', balancing: 'dynamic', mtu: 1500 };
      return isFields(item.uplink) ? { uplink: { ...uplink, ...item.uplink } } : {};
    }
    case 'port': {
      const security = {
        macSpoofing: false,
        dhcpGuard: false,
        routerGuard: false,
        guestSpecifiedAddresses: false,
      };
      return {
        ...(item.security === undefined || isFields(item.security)
          ? { security: { ...security, ...item.security } }
          : {}),
        ...withDns(item),
        ...eachOf(item, 'team', (mate) => ({ addresses: [], ...mate, ...withDns(mate) })),
      };
    }
    case 'subnet':
      return eachOf(item, 'prefixes', (each) => ({
        gateway: routerOf(each.prefix),
        ...each,
      }));
    case 'acl':
      return eachOf(item, 'rules', (rule, i) => ({
        name: `rule${i + 1}`,
        stateful: false,
        log: false,
        ...rule,
      }));
    default:
      return {};
  }
}

function withDns(item: Fields): Fields {
  return eachOf(item, 'addresses', (address) => ({ dns: [], ...address }));
}

function eachOf(item: Fields, field: string, fill: (value: Fields, index: number) => Fields): Fields {
  const list: unknown = item[field];
  if (!Array.isArray(list)) return {};
  return { [field]: list.map((each: unknown, i) => (isFields(each) ? fill(each, i) : each)) };
}

/** A vNIC is known by the virtual subnet that it is on, and its MAC address: so a lookup record finds its port. */
function vnicId(vsid: unknown, mac: unknown): string {
  return `${String(vsid)}/${String(mac)}`;
}

/** Its last four bytes are those of the provider address; 0 for what is none, which is found where it stands. */
function providerMac(pa: unknown): string {
  const address = typeof pa === 'string' ? parseIp(pa) : undefined;
  return macFromNumber(PROVIDER_MAC + (address ? Number(BigInt.asUintN(32, ipToBigint(address))) : 0));
}

/** The first address of the prefix; some other one for what is none, which is found where it stands. */
function routerOf(prefix: unknown): string {
  const parsed = typeof prefix === 'string' ? parsePrefix(prefix) : undefined;
  return parsed ? firstHost(parsed) : '0.0.0.0';
}

/** 0 for what is no number of 24 bits: that is found where it stands. */
function numberOf(vsid: unknown): number {
  return Number.isInteger(vsid) ? Number(BigInt.asUintN(24, BigInt(vsid as number))) : 0;
}

function withoutAbsent(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** Fields that have an address in them, a list of them, or nothing of the kind where that is wrong. */
const SPELLINGS: Readonly<Record<string, (text: string) => string | undefined>> = {
  mac: parseMac,
  gatewayMac: parseMac,
  address: parseIp,
  gateway: parseIp,
  otherGateways: parseIp,
  dns: parseIp,
  wins: parseIp,
  dhcpServer: parseIp,
  dhcpv6Server: parseIp,
  pa: parseIp,
  standby: parseIp,
  ca: parseIp,
  nextHop: parseIp,
  prefix: parsePrefix,
  local: parsePrefix,
  remote: parsePrefix,
};

/** Addresses as records have them, however they were spelled: 00-1D-D8-B7-1C-00 is 00:1d:d8:b7:1c:00. */
export function canonical(item: Fields): Fields {
  return Object.fromEntries(Object.entries(item).map(([field, value]) => [field, spelled(field, value)]));
}

function spelled(field: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each: unknown) => spelled(field, each));
  if (isFields(value)) return canonical(value);
  if (typeof value !== 'string' || !Object.hasOwn(SPELLINGS, field)) return value;
  return SPELLINGS[field]?.(value) ?? value;
}
