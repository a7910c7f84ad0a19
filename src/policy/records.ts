/**
 * Host policy: what the controller tells an agent. A set of small keyed records, each in one scope. A record never
 * speaks of one engine (no flows, no Open vSwitch), and never of the operator's objects beyond a name to show.
 *
 *     host scope   host/<host>          what is on this host: its switches, its ports, its provider addresses,
 *                                       and which routing domains it takes part in
 *     domain scope domain/<rdid>        what every host of a routing domain needs: subnets, routes, lookup records
 *
 * A host subscribes to its own scope and to the scope of every domain that its `domain` records name; so a record
 * is compiled once and sent only to hosts that have a port on its routing domain.
 *
 * To add a kind: its interface here, its name in `PolicyRecord` and in `KIND_ORDER` (order.ts), its schema
 * (schema.ts); the compiler then refuses to build until every switch over kinds has an answer for it.
 */
import type { IpAddress, Mac, Prefix } from '../packet/address.ts';

export type Scope = `host/${string}` | `domain/${string}`;

/** How tenant frames are carried over the fabric. */
export type Encapsulation = 'nvgre' | 'vxlan' | 'geneve';

/** The operator's object a record came from: `VirtualMachine/blue1`. For people only; nothing is decided by it. */
export type Origin = string;

/** A virtual switch of this host: one logical switch applied to it. Scope: host. */
export interface SwitchRecord {
  readonly kind: 'switch';
  /** Name of the virtual switch, which is that of the logical switch. */
  readonly name: string;
  /** `external` has an uplink; `internal` joins VMs and the host; `private` joins VMs only. */
  readonly type: 'external' | 'internal' | 'private';
  /** Present when external: one NIC as it is, or more of them as a team of the switch's name. */
  readonly uplink?: Uplink;
  readonly origin: Origin;
}

export interface Uplink {
  /** Names of the host's NICs, sorted; at least one. */
  readonly nics: readonly string[];
  readonly teaming: 'switch-independent' | 'static' | 'lacp';
  readonly balancing: 'dynamic' | 'hyper-v-port' | 'address-hash' | 'transport-ports';
  /** MTU of the physical network in bytes of IP packet (1500 for plain Ethernet). */
  readonly mtu: number;
}

/** Where a port's frames belong. */
export type Attachment =
  | { readonly type: 'vlan' /** 1..4094, or 0 for untagged */; readonly vlan: number }
  | PrivateAttachment
  | { readonly type: 'virtual'; readonly vsid: number };

/** A port of a private VLAN (RFC 5517). The VLANs are 1..4094, all different. */
export interface PrivateAttachment {
  readonly type: 'private';
  /**
   * `isolated` reaches promiscuous ports only, `community` those of its own secondary VLAN too, `promiscuous` all of the
   * primary VLAN.
   */
  readonly mode: 'isolated' | 'community' | 'promiscuous';
  readonly primary: number;
  /** Sorted. Exactly one, but for promiscuous ports: they have all whose ports they reach. */
  readonly secondaries: readonly number[];
}

/** What the virtual port profile allows and forbids; false and absent are the safe side. */
export interface PortSecurity {
  /** The guest may use source MAC addresses other than its own. */
  readonly macSpoofing: boolean;
  /** Drops what a DHCP server would send. */
  readonly dhcpGuard: boolean;
  /** Drops router advertisements and redirects. */
  readonly routerGuard: boolean;
  /** The guest may choose its own addresses. */
  readonly guestSpecifiedAddresses: boolean;
}

/** One vNIC on this host, of a VM or of the host itself. Scope: host. */
export interface PortRecord {
  readonly kind: 'port';
  /** vNIC id: a UUID; the `external_ids:iface-id` by which the engine finds the interface. */
  readonly id: string;
  /** For people: `blue1/eth0`, or `cloud-pm-cn01/Management` for a host vNIC. */
  readonly name: string;
  readonly owner: 'vm' | 'host';
  /** The virtual switch it is plugged into. */
  readonly switch: string;
  readonly mac: Mac;
  /** Addresses that the port holds, with the prefix length of their subnet; those given by DHCP included. */
  readonly addresses: readonly PortAddress[];
  readonly attachment: Attachment;
  readonly security: PortSecurity;
  /** MTU that the guest is to use. */
  readonly mtu: number;
  /** Where the switch answers the port's DHCP requests from; absent where the port is to find a server by itself. */
  readonly dhcpServer?: IpAddress;
  readonly origin: Origin;
}

export interface PortAddress {
  readonly address: IpAddress;
  /** 0..32 or 0..128 */
  readonly prefixLength: number;
  readonly gateway?: IpAddress;
  readonly dns: readonly IpAddress[];
}

/** The host's own address on the fabric of one logical network. Scope: host. */
export interface ProviderRecord {
  readonly kind: 'provider';
  readonly logicalNetwork: string;
  readonly switch: string;
  readonly encapsulation: Encapsulation;
  /** Provider address: the outer source of what this host encapsulates. */
  readonly pa: IpAddress;
  readonly prefixLength: number;
  /** Next hop to provider addresses of other subnets. */
  readonly gateway?: IpAddress;
  /** MAC address of the interface that bears the provider address. */
  readonly mac: Mac;
  /** VLAN of the fabric subnet at this host's site; 0 for untagged. */
  readonly vlan: number;
  readonly origin: Origin;
}

/** This host has at least one port on the routing domain, so it needs the records of `domain/<rdid>`. Scope: host. */
export interface DomainRecord {
  readonly kind: 'domain';
  /** Routing domain id: a UUID. */
  readonly rdid: string;
  /** 1..16777215, unique among routing domains: stands for the RDID where 128 bits are too many. */
  readonly number: number;
  /** The VM network, for people. */
  readonly name: string;
  readonly logicalNetwork: string;
  readonly origin: Origin;
}

/** A virtual subnet: one broadcast domain with its router and its DHCP server. Scope: domain. */
export interface SubnetRecord {
  readonly kind: 'subnet';
  /** Virtual subnet id, 4096..16777214. */
  readonly vsid: number;
  readonly rdid: string;
  /** For people: `AAA/test`. */
  readonly name: string;
  readonly prefix: Prefix;
  /** Address of the distributed router: the subnet's first address. */
  readonly gateway: IpAddress;
  /** MAC address of the distributed router, the same on every host. */
  readonly gatewayMac: Mac;
  /** MTU of guests: the underlay's less the encapsulation. */
  readonly mtu: number;
  readonly origin: Origin;
}

/** Customer route: within the routing domain, `prefix` is reached through the subnet `vsid`. Scope: domain. */
export interface RouteRecord {
  readonly kind: 'route';
  readonly rdid: string;
  readonly vsid: number;
  readonly prefix: Prefix;
  /** `0.0.0.0` or `::` = on-link. */
  readonly nextHop: IpAddress;
  readonly origin: Origin;
}

/** Lookup record: (VSID, CA, MAC) -> PA, rule "encap". One per customer address of a vNIC. Scope: domain. */
export interface LookupRecord {
  readonly kind: 'lookup';
  readonly rdid: string;
  readonly vsid: number;
  readonly ca: IpAddress;
  readonly mac: Mac;
  readonly pa: IpAddress;
  /** vNIC id. */
  readonly port: string;
  readonly origin: Origin;
}

export type PolicyRecord =
  | SwitchRecord
  | PortRecord
  | ProviderRecord
  | DomainRecord
  | SubnetRecord
  | RouteRecord
  | LookupRecord;

export type RecordKind = PolicyRecord['kind'];

/** Identity of a record within its scope. */
export function recordKey(record: PolicyRecord): string {
  switch (record.kind) {
    case 'switch':
      return `switch/${record.name}`;
    case 'port':
      return `port/${record.id}`;
    case 'provider':
      return `provider/${record.logicalNetwork}`;
    case 'domain':
      return `domain/${record.rdid}`;
    case 'subnet':
      return `subnet/${record.vsid}`;
    case 'route':
      return `route/${record.vsid}/${record.prefix}`;
    case 'lookup':
      return `lookup/${record.vsid}/${record.ca}`;
  }
}

/** A record in its scope: what the controller compiles and stores. */
export interface ScopedRecord {
  readonly scope: Scope;
  readonly record: PolicyRecord;
}

export function hostScope(host: string): Scope {
  return `host/${host}`;
}

export function domainScope(rdid: string): Scope {
  return `domain/${rdid}`;
}
