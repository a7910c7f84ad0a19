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
import { type Family, type IpAddress, isIpv4, type Mac, type Prefix } from '../packet/address.ts';
import type { PortRange } from '../packet/port-range.ts';

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
  /** Whom the switch tells about its traffic; absent: nobody. */
  readonly flowExport?: FlowExport;
  readonly origin: Origin;
}

/** IPFIX or sFlow (flow/flow-export.ts). */
export interface FlowExport {
  readonly type: 'ipfix' | 'sflow';
  /** IP address and UDP port: `192.0.2.10:4739`, `[2001:db8::10]:4739`; sorted, each once. */
  readonly collectors: readonly string[];
  /** One of so many packets is looked at, 1..2^32-1. */
  readonly sampling: number;
}

export interface Uplink {
  /** Names of the host's NICs, sorted; at least one. */
  readonly nics: readonly string[];
  readonly teaming: 'switch-independent' | 'static' | 'lacp';
  readonly balancing: 'dynamic' | 'hyper-v-port' | 'address-hash' | 'transport-ports';
  /** MTU of the physical network in bytes of IP packet (1500 for plain Ethernet). */
  readonly mtu: number;
  /** Line rate of its NICs together, kbit/s above 0: what minimums and weights share. Absent: nothing is shared out. */
  readonly capacityKbps?: number;
}

/** Where a port's frames belong. */
export type Attachment =
  | { readonly type: 'vlan' /** 1..4094, or 0 for untagged */; readonly vlan: number }
  | PrivateAttachment
  | TrunkAttachment
  /** It is the destination of a mirror: it gets copies and nothing else, and what it sends goes nowhere. */
  | { readonly type: 'monitor' }
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

/**
 * A port that carries several VLANs (IEEE 802.1Q): trunk, or, with more than one VLAN that leaves untagged, hybrid. A VLAN
 * that is in none of the three is not carried, in neither direction. No VLAN is in two of them.
 */
export interface TrunkAttachment {
  readonly type: 'trunk';
  /** VLAN of untagged frames, in both directions; 0: that of untagged frames on the wire. */
  readonly native: number;
  /** VLANs, 1..4094, whose frames have their tag at the port, in both directions. Sorted. */
  readonly tagged: readonly number[];
  /**
   * VLANs, 1..4094, whose frames come to the port without a tag as well; sent by the machine, untagged frames are in the
   * native VLAN. What comes so is what is addressed to the port's own MAC address, or to a group. Sorted.
   */
  readonly untagged: readonly number[];
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
  /** The priority (802.1p) that the guest puts into a tag stays on VLANs; without it, it becomes 0. Absent: false. */
  readonly priorityTagging?: boolean;
}

/** How fast a port may send. Rates in kbit/s. */
export interface PortBandwidth {
  /** Share of the uplink against the weights of the others who want it, 0..100; no ceiling. Absent: 1. */
  readonly minimumWeight?: number;
  /** What it can always send by the uplink, above 0. Absent: 0. */
  readonly minimumKbps?: number;
  /** What it never sends more of, wherever to, above 0. Absent: there is no ceiling. */
  readonly maximumKbps?: number;
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
  /** Ids of the ACLs that say what the port may send and get, in this order. Absent: nothing is forbidden. */
  readonly acls?: readonly string[];
  /**
   * Other vNICs of the machine on the same VLAN that it makes a team with: it may send as if it were one of them. Says
   * nothing with macSpoofing.
   */
  readonly team?: readonly TeamMate[];
  readonly bandwidth?: PortBandwidth;
  /** MTU that the guest is to use. */
  readonly mtu: number;
  /** Where the switch answers the port's DHCP requests from; absent where the port is to find a server by itself. */
  readonly dhcpServer?: IpAddress;
  /** The same for DHCPv6: a link-local address. On a virtual subnet the switch answers router solicitations as well. */
  readonly dhcpv6Server?: IpAddress;
  /**
   * The machine is being moved, and two hosts have this port: here it is `active`, where everybody sends, or `standby`.
   * Which of the two has the machine at this moment, says the link of the port.
   */
  readonly migration?: 'active' | 'standby';
  readonly origin: Origin;
}

/** What a vNIC of a team within a guest is to the others. */
export interface TeamMate {
  readonly mac: Mac;
  readonly addresses: readonly PortAddress[];
}

export interface PortAddress {
  readonly address: IpAddress;
  /** 0..32 or 0..128 */
  readonly prefixLength: number;
  readonly gateway?: IpAddress;
  readonly dns: readonly IpAddress[];
  /** On a trunk: the tagged VLAN that the address is used in. Absent: it is used in untagged frames. */
  readonly vlan?: number;
  /** Domain that names are completed with: `corp.example`. */
  readonly dnsSuffix?: string;
  /** Further domains that names are searched in, after that one. */
  readonly dnsSearch?: readonly string[];
  /** Routers of the same IP version to take when `gateway` fails, the preferred one first. */
  readonly otherGateways?: readonly IpAddress[];
  /** NetBIOS name servers (WINS), IPv4, the preferred one first. */
  readonly wins?: readonly IpAddress[];
}

/**
 * Frames of a port are copied, as they come from the machine (whatever the guards say of them) and as they go to it; a
 * frame comes to one destination once, however many reasons there are. Scope: host.
 */
export interface MirrorRecord {
  readonly kind: 'mirror';
  /** vNIC id of the port whose frames are copied. */
  readonly source: string;
  /** The virtual switch of the source. */
  readonly switch: string;
  /** Which frames: those that the machine sends, those that it gets, or both. */
  readonly direction: 'from' | 'to' | 'both';
  /** To another port of the switch, by its vNIC id, which is attached as `monitor`, or to a VLAN 1..4094 (RSPAN), wherever that is carried. */
  readonly output: { readonly port: string } | { readonly vlan: number };
  readonly origin: Origin;
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
  /** MTU of the fabric at this host, in bytes of IP packet; absent: 1500. */
  readonly mtu?: number;
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
  /** One of each IP version at most, and one at least. */
  readonly prefixes: readonly SubnetPrefix[];
  /** MAC address of the distributed router, the same on every host. */
  readonly gatewayMac: Mac;
  /** MTU of guests: the underlay's less the encapsulation. */
  readonly mtu: number;
  readonly origin: Origin;
}

/** The addresses of one IP version on a virtual subnet. */
export interface SubnetPrefix {
  readonly prefix: Prefix;
  /** Address of the distributed router: the first one of the prefix. */
  readonly gateway: IpAddress;
  /** IPv6: guests make addresses of it from their MAC addresses (RFC 4862); absent where they are given theirs. */
  readonly autonomous?: true;
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
  /**
   * While the machine moves between two hosts: the provider address of the other one. It may be there already, or still;
   * so that host is believed to speak for it, gets broadcasts, and passes on to `pa` what it cannot deliver.
   */
  readonly standby?: IpAddress;
  /** vNIC id. */
  readonly port: string;
  readonly origin: Origin;
}

/**
 * A port ACL: what the ports that name it may send and get. Scope: host.
 *
 * Of the rules that are about a packet, the one with the lowest `priority` decides; where none is, the default for the
 * direction; where there is none, the next ACL of the port; after the last one, the packet passes.
 *
 * A rule that allows and is `stateful` also allows the answers: packets of the other direction whose connection was begun
 * by a packet that a rule or a default let pass, and that this rule would allow as it stands now; and ICMP errors about it.
 */
export interface AclRecord {
  readonly kind: 'acl';
  /** The operator's name for it, unique: `web`, or `red:web` of a tenant. */
  readonly id: string;
  /** 1..16777215, unique among ACLs. */
  readonly number: number;
  /** By falling precedence. No two of one priority and direction decide the same packet in different ways. */
  readonly rules: readonly AclRule[];
  /** For frames that no rule is about, those of other protocols than IP included; ARP is never asked about. */
  readonly inbound?: AclVerdict;
  readonly outbound?: AclVerdict;
  readonly origin: Origin;
}

export type AclVerdict = 'allow' | 'deny';

/** About IP packets; what is absent, may be anything. */
export interface AclRule {
  /** Unique in the ACL; for people. */
  readonly name: string;
  /** As the machine sees it: `inbound` comes to it. */
  readonly direction: 'inbound' | 'outbound';
  readonly action: AclVerdict;
  /** 1..65535, the lowest decides. */
  readonly priority: number;
  readonly family?: Family;
  /** IP protocol, 1..255. */
  readonly protocol?: number;
  /** Of the machine. */
  readonly local?: Prefix;
  readonly localPorts?: PortRange;
  /** Of the other side. */
  readonly remote?: Prefix;
  readonly remotePorts?: PortRange;
  /** 0..255; with protocol 1 of IPv4 and 58 of IPv6. */
  readonly icmpType?: number;
  /** Of `allow`: answers pass, too. */
  readonly stateful: boolean;
  /** What it decides is reported. Of a stateful rule: the packets that begin a connection. */
  readonly log: boolean;
}

export type PolicyRecord =
  | SwitchRecord
  | AclRecord
  | PortRecord
  | MirrorRecord
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
    case 'acl':
      return `acl/${record.id}`;
    case 'mirror':
      return `mirror/${record.source}`;
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

/** The prefix of an IP version on a virtual subnet, with its router; undefined where the subnet has none. */
export function prefixOfFamily(subnet: SubnetRecord, family: Family): SubnetPrefix | undefined {
  return subnet.prefixes.find(({ gateway }) => isIpv4(gateway) === (family === 4));
}

/** A record in its scope: what the controller compiles and stores. */
export interface ScopedRecord {
  readonly scope: Scope;
  readonly record: PolicyRecord;
}

export function hostScope(host: string): Scope {
  return `host/${host}`;
}

/** The host of a host's scope; undefined for a scope of a routing domain. */
export function hostOfScope(scope: string): string | undefined {
  return scope.startsWith('host/') ? scope.slice('host/'.length) : undefined;
}

export function domainScope(rdid: string): Scope {
  return `domain/${rdid}`;
}
