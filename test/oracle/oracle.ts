/**
 * The oracle: the data plane, specified by a program. From the hosts' policy alone it answers: who receives this
 * frame, with which headers, and which hosts had to send copies to which. It knows no tables, no flows and no
 * registers; that is the worth of it (docs/decisions/0003). `oracle.test.ts` compares it with the real thing.
 *
 *     vNIC -> guard -> DHCP? to the agent
 *                   -> on a VLAN: learning switches, joined by the physical network
 *                   -> on a private VLAN: to those who may hear it, here and outside
 *                   -> on a virtual subnet: ARP, ND answered here
 *                                           to the gateway: echo answered, the rest routed within the RDID
 *                                           group address: to the members here, and once to each other host
 *                                           other: to the one machine with that MAC address, here or over the fabric
 *
 * Decisions, where domain.md and security.md leave it open; an RFC decides before taste does:
 *
 *  1. macSpoofing frees every MAC address of a frame (source, ARP, ND options); guestSpecifiedAddresses every IP
 *     address. All the other guards stay.
 *  2. An ARP probe (sender 0.0.0.0) is for an own address; duplicate address detection from :: is for any.
 *  3. Whatever a guest sends must have an IP header that holds, and IPv4 a protocol other than 0 (CVE-2023-1668). Checksums
 *     are nobody's business here: guests leave them to their NIC.
 *     A first fragment has ports and a type as a whole packet has; one that ends before them is refused where a guard
 *     would look at them: UDP with dhcpGuard, ICMPv6 always. Neighbour discovery in fragments is refused (RFC 6980).
 *  4. A vNIC with a DHCP responder never reaches another DHCP server: each of its requests goes to the agent, of either
 *     version; so does a router solicitation of a vNIC with a DHCPv6 responder on a virtual subnet.
 *  5. Only ARP requests and solicitations for recorded addresses are answered, and for the link-local addresses that go
 *     with the MAC addresses of machines with a recorded IPv6 address, and of the router. An
 *     answer is the question turned round, so it is as long as the question: an option for an own MAC address becomes
 *     one for the found MAC address, other options and padding stay. ND is answered only as RFC 4861, 7.1.1 demands.
 *  6. The gateway answers an unfragmented echo request to any gateway address of its routing domain, and to its own
 *     link-local address on the subnet, with any TTL, and nothing else.
 *     A packet to be routed that is no martian and has TTL 0 or 1 goes to the agent, for an ICMP error; so does a frame
 *     for a machine of another host that is longer than the MTU of the subnet it is on its way to, its header apart.
 *     To a machine of the same host it may be as long as it likes; broadcast and multicast are not measured.
 *  7. The router drops martians (RFC 1812, 5.3.7; RFC 4291, 2.5.6), and a packet that would go back to its sender.
 *  8. What came over the fabric does not go onto it again, but for a machine that moves (LookupRecord.standby): of its two
 *     hosts each delivers while the link of its port is up, and passes on to the other what is for that machine alone,
 *     unless the other one sent it. Broadcasts go to both. On a private VLAN the way to the other host is the uplink.
 *  9. A priority tag (VLAN 0) means untagged. It is passed on only with priorityTagging, and only on VLANs; without it the
 *     tags of a trunk get the priority 0. VLAN 4095 is none. A vNIC sends one tag at most, and only one of its trunk.
 * 10. An 802.2 SNAP header before the type (RFC 1042) hides nothing: the frame is judged by what stands behind it, and
 *     keeps the header. Open vSwitch reads it so and cannot tell the two apart; other 802.3 frames are dropped.
 * 11. A member of a virtual subnet without any address is unknown to other hosts: they neither take its frames nor
 *     send it theirs, unless another vNIC of its host is known.
 * 12. On a private VLAN nothing is learnt: a MAC address of a port of the switch is there, any other one is outside, or
 *     behind a port with macSpoofing. A switch with ports on a private VLAN gives its VLANs to nobody else from outside.
 * 13. So it is on a VLAN where a port of the switch has port ACLs; what the port gets is judged by them, and priorities are
 *     lost there.
 */
import {
  type IpAddress,
  isIpv6,
  linkLocalOf,
  type Mac,
  type Prefix,
  prefix,
  prefixContains,
  prefixParts,
} from '../../src/packet/address.ts';
import { ETHERNET, ETHERTYPE, EthernetView } from '../../src/packet/ethernet.ts';
import { ICMPV6_TYPE } from '../../src/packet/icmpv6.ts';
import { type Layers, parseFrame } from '../../src/packet/parse.ts';
import { isVlanType, popVlan } from '../../src/packet/vlan.ts';
import type {
  Attachment,
  Encapsulation,
  LookupRecord,
  PolicyRecord,
  PortRecord,
  PrivateAttachment,
  ProviderRecord,
  RecordKind,
  SubnetRecord,
} from '../../src/policy/records.ts';
import { AclJudge } from './acl.ts';
import { askedFor, echoAnswer, echoTarget, neighbourAnswer, routed } from './answers.ts';
import { refusal } from './guard.ts';
import { LearningSwitch, type PortVlan } from './learning.ts';
import { copies } from './mirrors.ts';
import {
  icmpv6Type,
  isDhcpRequest,
  isDhcpv6Request,
  isLinkLocalGroup,
  withoutSnap,
  withSnap,
} from './reading.ts';
import { type Mark, nativeVlan, onWire, sending, shown, UNMARKED } from './tags.ts';

export interface World {
  readonly hosts: readonly HostPolicy[];
  readonly physical: readonly PhysicalNetwork[];
  /** Ports without a link, as linkOf writes them. */
  readonly down?: ReadonlySet<string>;
}

/** A port of a host, by its vNIC id. */
export function linkOf(host: string, port: string): string {
  return `${host}/${port}`;
}

export interface HostPolicy {
  readonly host: string;
  /** Of the host's own scope, and of the domain scopes that it subscribes to. */
  readonly records: readonly PolicyRecord[];
}

/** A learning switch that carries all VLANs, and one station on it that is not ours. */
export interface PhysicalNetwork {
  readonly name: string;
  /** Uplinks of virtual switches, each in one physical network. */
  readonly uplinks: readonly { readonly host: string; readonly switch: string }[];
}

/** Where a frame ends up. Ports are vNIC ids, and `provider/<logical network>` for the provider interface. */
export type Effect =
  | { readonly to: 'port'; readonly host: string; readonly port: string; readonly frame: Uint8Array }
  /** Of this port, for the host's agent: a question (DHCP of both versions, for a router), or a packet that its sender is to hear an ICMP error about. */
  | {
      readonly to: 'agent';
      readonly host: string;
      readonly port: string;
      readonly about: 'dhcp' | 'dhcpv6' | 'router-solicitation' | 'too-big' | 'time-exceeded';
      readonly frame: Uint8Array;
    }
  /** The station outside; with a tag where the VLAN has one. */
  | { readonly to: 'outside'; readonly network: string; readonly frame: Uint8Array }
  | Copy;

/** A copy that one host sends to another over the fabric: the outer header as far as policy decides it. */
export interface Copy extends Outer {
  readonly to: 'fabric';
  /** What is inside. */
  readonly frame: Uint8Array;
}

export interface Outer {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly encapsulation: Encapsulation;
  readonly vsid: number;
}

/** The outer headers that must be seen on the fabric, in no particular order. */
export function expectedOuter(effects: readonly Effect[]): Copy[] {
  return effects.filter((effect) => effect.to === 'fabric');
}

/** Never forwarded, neither from nor to: RFC 1812 5.3.7, RFC 3927 2.7; RFC 4291 2.5.2, 2.5.3, 2.5.6, 2.7. */
const MARTIANS: readonly Prefix[] = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/3',
  '::/127',
  'fe80::/10',
  'ff00::/8',
].map(prefix);

const UPLINK = 'uplink';
const OUTSIDE = 'outside';
const NO_VLAN = 4095;

export class Oracle {
  readonly #judge = new AclJudge();
  readonly #hosts: ReadonlyMap<string, Host>;
  /** Every virtual switch as `host/switch`, and every physical network as `physical/name`. */
  readonly #bridges = new Map<string, LearningSwitch<string>>();
  /** Virtual switch -> physical network that its uplink is in. */
  readonly #cables = new Map<string, string>();

  readonly #down: ReadonlySet<string>;

  constructor(world: World) {
    this.#down = world.down ?? new Set();
    this.#hosts = new Map(world.hosts.map((policy) => [policy.host, new Host(policy)]));
    for (const { name, uplinks } of world.physical) {
      const network = this.#bridge(`physical/${name}`);
      network.add(OUTSIDE, 'trunk');
      for (const uplink of uplinks) {
        const node = `${uplink.host}/${uplink.switch}`;
        network.add(node, 'trunk');
        this.#bridge(node).add(UPLINK, 'trunk');
        this.#cables.set(node, `physical/${name}`);
      }
    }
    for (const { name, all } of this.#hosts.values()) {
      for (const { id, switch: on, attachment } of all('port')) {
        const vlans = vlansOf(attachment);
        if (vlans !== undefined) this.#bridge(`${name}/${on}`).add(id, vlans);
      }
      for (const provider of all('provider')) {
        this.#bridge(`${name}/${provider.switch}`).add(providerPort(provider), provider.vlan);
      }
    }
  }

  /** A vNIC or a provider interface sends a frame. */
  send(host: string, port: string, frame: Uint8Array): Effect[] {
    const effects = [...this.#send(this.#hosts.get(host)!, port, frame)];
    return [...effects, ...this.#copies(effects, { host, port, frame })];
  }

  /** The station outside sends a frame into a physical network. */
  sendFromOutside(network: string, bytes: Uint8Array): Effect[] {
    const frame = parseFrame(bytes);
    const vid = frame.vlans[0]?.vid ?? 0;
    if (vid === NO_VLAN) return [];
    const mark = { ...UNMARKED, priority: frame.vlans[0]?.pcp ?? 0 };
    const effects = [...this.#switch(`physical/${network}`, OUTSIDE, vid, popVlan(bytes), mark)];
    return [...effects, ...this.#copies(effects)];
  }

  /** Something on the fabric sends an encapsulated frame to a host: another host, or an intruder. */
  sendOverFabric(outer: Outer, frame: Uint8Array): Effect[] {
    const effects = [...this.#receive({ to: 'fabric', ...outer, frame })];
    return [...effects, ...this.#copies(effects)];
  }

  *#copies(
    effects: readonly Effect[],
    sent?: { readonly host: string; readonly port: string; readonly frame: Uint8Array },
  ): Iterable<Effect> {
    const seen = sent ? { sent, effects } : { effects };
    for (const host of this.#hosts.values()) yield* copies(host.name, host.all('mirror'), seen);
  }

  *#send(host: Host, id: string, original: Uint8Array): Iterable<Effect> {
    const provider = host.all('provider').find((p) => providerPort(p) === id);
    if (provider) {
      // The host itself, on the fabric: it has one MAC address and no tags.
      const { eth, vlans } = parseFrame(original);
      if (eth?.srcMac !== provider.mac || vlans.length > 0) return;
      yield* this.#switch(`${host.name}/${provider.switch}`, id, provider.vlan, original, UNMARKED);
      return;
    }
    const whole = host.port(id)!;
    const sent = sending(whole, original);
    if (!this.#isUp(host.name, id) || !sent || whole.attachment.type === 'monitor') return;
    const { tag, mark, frame: bytes } = sent;
    const port = { ...whole, addresses: whole.addresses.filter(({ vlan }) => vlan === tag) };
    const snap = withoutSnap(bytes);
    const frame = parseFrame(snap?.frame ?? bytes);
    // A member of a team within the guest sends as one of its mates, wholly.
    const mates = port.security.macSpoofing ? [] : (port.team ?? []);
    const selves = [port, ...mates.map((mate) => ({ ...port, ...mate }))];
    if (selves.every((self) => refusal(self, frame, tag) !== undefined)) return;
    const vlan = tag ?? nativeVlan(port);
    const isOwnDhcp =
      tag === undefined &&
      ((port.dhcpServer && isDhcpRequest(frame)) || (port.dhcpv6Server && isDhcpv6Request(frame)));
    if (!isOwnDhcp && !this.#permits(host, port, frame, 'outbound')) return;
    if (port.dhcpServer && isDhcpRequest(frame) && tag === undefined) {
      yield { to: 'agent', host: host.name, port: id, about: 'dhcp', frame: bytes };
    } else if (port.dhcpv6Server && isDhcpv6Request(frame) && tag === undefined) {
      yield { to: 'agent', host: host.name, port: id, about: 'dhcpv6', frame: bytes };
    } else if (vlan !== undefined) {
      yield* this.#switch(`${host.name}/${port.switch}`, id, vlan, bytes, mark);
    } else if (port.attachment.type === 'private') {
      yield* this.#private(`${host.name}/${port.switch}`, id, vlanOfSender(port.attachment), bytes);
    } else if (port.attachment.type === 'virtual') {
      const snapLength = snap?.header.length ?? 0;
      for (const effect of this.#sendVirtual(host, port, port.attachment.vsid, frame, snapLength)) {
        yield snap ? { ...effect, frame: withSnap(effect.frame, snap.header) } : effect;
      }
    }
  }

  // ---------------------------------------------------------------------------------------- virtual subnets

  /** `snapLength`: bytes of the 802.2 header that the frame has besides. */
  *#sendVirtual(
    host: Host,
    port: PortRecord,
    vsid: number,
    frame: Layers,
    snapLength: number,
  ): Iterable<Effect> {
    const subnet = host.subnet(vsid);
    // A host that lacks a part of the network's policy lets nothing pass.
    if (!subnet || !host.provider(subnet.rdid)) return;
    if (port.dhcpv6Server && icmpv6Type(frame) === ICMPV6_TYPE.ROUTER_SOLICITATION) {
      yield { to: 'agent', host: host.name, port: port.id, about: 'router-solicitation', frame: frame.bytes };
      return;
    }
    if (frame.etherType === ETHERTYPE.ARP || icmpv6Type(frame) === ICMPV6_TYPE.NEIGHBOR_SOLICITATION) {
      const asked = askedFor(frame);
      // Who asks for its own address wants to hear nothing (RFC 5227, RFC 4862 5.4).
      if (asked === undefined || ownAddresses(port).includes(asked)) return;
      const mac = host.neighbour(subnet, asked);
      if (mac) yield host.deliver(port.id, neighbourAnswer(frame, mac, isRouterOf(subnet, asked)));
    } else if (frame.eth!.dstMac === subnet.gatewayMac) {
      const target = echoTarget(frame);
      const isGateway = host.all('subnet').some((s) => s.rdid === subnet.rdid && isGatewayOf(s, target));
      if (isGateway || isRouterOf(subnet, target)) yield host.deliver(port.id, echoAnswer(frame.bytes));
      else yield* this.#route(host, port, subnet.rdid, frame, snapLength);
    } else {
      yield* this.#forward(host, port, subnet, frame.bytes, snapLength);
    }
  }

  /** The distributed router of a routing domain. */
  *#route(
    host: Host,
    sender: PortRecord,
    rdid: string,
    packet: Layers,
    snapLength: number,
  ): Iterable<Effect> {
    const { srcIp, dstIp } = (packet.ipv4 ?? packet.ipv6)!;
    if (MARTIANS.some((p) => prefixContains(p, srcIp) || prefixContains(p, dstIp))) return;
    if ((packet.ipv4?.ttl ?? packet.ipv6!.hopLimit) <= 1) {
      yield { to: 'agent', host: host.name, port: sender.id, about: 'time-exceeded', frame: packet.bytes };
      return;
    }
    const [route] = host
      .all('route')
      .filter((r) => r.rdid === rdid && prefixContains(r.prefix, dstIp))
      .sort((a, b) => prefixParts(b.prefix).length - prefixParts(a.prefix).length);
    const subnet = route && host.subnet(route.vsid);
    if (!subnet) return;
    const onLink = route.nextHop === '0.0.0.0' || route.nextHop === '::';
    const mac = host.machine(subnet, onLink ? dstIp : route.nextHop);
    const frame = mac && routed(packet, subnet.gatewayMac, mac);
    if (frame) yield* this.#forward(host, sender, subnet, frame, snapLength);
  }

  /** To the machines that a frame on the subnet is for, except its sender. */
  *#forward(
    host: Host,
    sender: PortRecord,
    subnet: SubnetRecord,
    frame: Uint8Array,
    snapLength: number,
  ): Iterable<Effect> {
    yield* this.#deliverHere(host, subnet, frame, sender);
    const { pa: source, encapsulation } = host.provider(subnet.rdid)!;
    const eth = EthernetView.at(frame, 0)!;
    const hosts = this.#elsewhere(host, subnet, eth);
    // Broadcast and multicast are nobody's to answer; the fabric loses what does not fit.
    if (!isGroup(eth.dst) && hosts.size > 0 && lengthOf(frame) + snapLength > subnet.mtu + ETHERNET.SIZE) {
      yield { to: 'agent', host: host.name, port: sender.id, about: 'too-big', frame };
      return;
    }
    for (const destination of hosts) {
      const copy: Copy = { to: 'fabric', source, destination, encapsulation, vsid: subnet.vsid, frame };
      yield* this.#receive(copy);
    }
  }

  *#receive(copy: Copy): Iterable<Effect> {
    yield copy;
    const host = [...this.#hosts.values()].find((h) =>
      h.all('provider').some((p) => p.pa === copy.destination),
    );
    const subnet = host?.subnet(copy.vsid);
    const provider = subnet && host?.provider(subnet.rdid);
    if (!host || !provider || provider.pa !== copy.destination) return;
    // Only as agreed (U2), and only from hosts of the routing domain (U1); a router may send to any of its VSIDs.
    const peers = host
      .all('lookup')
      .filter((l) => l.rdid === subnet.rdid)
      .flatMap(placesOf);
    if (copy.encapsulation !== provider.encapsulation || !peers.includes(copy.source)) return;
    if (copy.source === provider.pa) return;
    const { eth, etherType, vlans } = parseFrame(copy.frame);
    // RFC 7637, 3.3: a tagged frame is dropped.
    if (!eth || vlans.length > 0 || isVlanType(etherType)) return;
    yield* this.#deliverHere(host, subnet, copy.frame);
    const other = isGroup(eth.dst) ? undefined : this.#onward(host, subnet, eth.dstMac);
    if (other === undefined || other === copy.source) return;
    yield* this.#receive({ ...copy, source: provider.pa, destination: other });
  }

  /** The other host of a machine that moves, if it has a port here and that has no link. */
  #onward(host: Host, subnet: SubnetRecord, mac: Mac): IpAddress | undefined {
    const moving = host.all('lookup').find((l) => l.vsid === subnet.vsid && l.mac === mac && l.standby);
    if (!moving || !host.port(moving.port) || this.#isUp(host.name, moving.port)) return undefined;
    return placesOf(moving).find((pa) => pa !== host.provider(subnet.rdid)?.pa);
  }

  /** Provider addresses of other hosts that a frame on the subnet is for, each once. */
  #elsewhere(host: Host, subnet: SubnetRecord, { dstMac, dst }: EthernetView): Set<IpAddress> {
    const own = host.provider(subnet.rdid)?.pa;
    const known = host.all('lookup').filter((l) => l.vsid === subnet.vsid);
    if (isGroup(dst)) return new Set(known.flatMap(placesOf).filter((pa) => pa !== own));
    const owner = known.find((l) => l.mac === dstMac);
    if (!owner) return new Set();
    const place = owner.standby && host.port(owner.port) ? this.#onward(host, subnet, dstMac) : owner.pa;
    return new Set(place === undefined || place === own ? [] : [place]);
  }

  /** By its port ACLs; one that the host does not know closes the port. */
  #permits(host: Host, port: PortRecord, frame: Layers, direction: 'inbound' | 'outbound'): boolean {
    const acls = (port.acls ?? []).map((id) => host.all('acl').find((acl) => acl.id === id));
    const known = acls.filter((acl) => acl !== undefined);
    const isVirtual = port.attachment.type === 'virtual';
    if (known.length < acls.length) return false;
    return this.#judge.passes(`${host.name}/${port.id}`, known, frame, direction, isVirtual);
  }

  #isUp(host: string, port: string): boolean {
    return !this.#down.has(linkOf(host, port));
  }

  *#deliverHere(host: Host, subnet: SubnetRecord, frame: Uint8Array, sender?: PortRecord): Iterable<Effect> {
    for (const id of host.here(subnet, EthernetView.at(frame, 0)!)) {
      if (id === sender?.id || !this.#isUp(host.name, id)) continue;
      if (this.#permits(host, host.port(id)!, parsed(frame), 'inbound')) yield host.deliver(id, frame);
    }
  }

  // ---------------------------------------------------------------------------------------- VLANs

  /** An untagged frame of a VLAN comes into a virtual switch or a physical network by one of its ports. */
  *#switch(node: string, from: string, vlan: number, frame: Uint8Array, mark: Mark): Iterable<Effect> {
    const { eth, etherType, vlans } = parseFrame(frame);
    if (!eth || isLinkLocalGroup(eth.dst) || (isVlanType(etherType) && vlans.length === 0)) return;
    if (from === UPLINK && this.#privatePorts(node).some(isOn(vlan))) {
      yield* this.#private(node, from, vlan, frame);
      return;
    }
    const [kind = '', name = ''] = node.split('/');
    if (this.#membersOf(node, vlan).some(({ acls }) => acls !== undefined)) {
      yield* this.#known(node, from, vlan, frame);
      return;
    }
    // Where a VLAN that is not the native one goes to a port without its tag, no switch looks for addresses there.
    const hybrids = this.#hybrids(node, vlan);
    const owners = hybrids.filter(({ mac }) => mac === eth.dstMac);
    for (const { id } of isGroup(eth.dst) ? hybrids : owners) {
      if (this.#isUp(kind, id)) yield { to: 'port', host: kind, port: id, frame };
    }
    // One that moves may be on its other host: the learning switch finds it there.
    if (owners.length > 0 && !owners.some(({ migration }) => migration)) return;
    for (const port of this.#bridge(node).pass(from, vlan, frame)) {
      const network = this.#cables.get(node);
      if (port === UPLINK) yield* this.#switch(network!, node, vlan, frame, mark);
      else if (this.#bridges.has(port)) yield* this.#switch(port, UPLINK, vlan, frame, mark);
      else if (port === OUTSIDE) yield { to: 'outside', network: name, frame: onWire(frame, vlan, mark) };
      else if (this.#isUp(kind, port)) {
        const record = this.#hosts.get(kind)?.port(port);
        yield { to: 'port', host: kind, port, frame: record ? shown(record, vlan, frame, mark) : frame };
      }
    }
  }

  /** An untagged frame of a VLAN comes into a virtual switch where ports of the VLAN have port ACLs. */
  *#known(node: string, from: string, vlan: number, frame: Uint8Array): Iterable<Effect> {
    const { dst, dstMac } = EthernetView.at(frame, 0)!;
    const [name = '', on = ''] = node.split('/');
    const host = this.#hosts.get(name)!;
    const network = this.#cables.get(node);
    const goesOut = from !== UPLINK && network !== undefined;
    const members = this.#membersOf(node, vlan);
    const providers = host.all('provider').filter((p) => p.switch === on && p.vlan === vlan);
    const isKnown = [...members, ...providers].some(({ mac }) => mac === dstMac);
    for (const provider of providers) {
      const port = providerPort(provider);
      const isMeant = isGroup(dst) || provider.mac === dstMac;
      if (isMeant && port !== from) yield { to: 'port', host: name, port, frame };
    }
    for (const port of members) {
      const isOther = port.security.macSpoofing && !isHybridIn(port, vlan);
      const isMeant = isGroup(dst) || (isKnown ? port.mac === dstMac : isOther);
      if (!isMeant || port.id === from) continue;
      if (this.#isUp(name, port.id)) {
        if (this.#permits(host, port, parsed(frame), 'inbound'))
          yield { to: 'port', host: name, port: port.id, frame: shown(port, vlan, frame, UNMARKED) };
      } else if (isKnown && !isGroup(dst) && port.migration && goesOut)
        yield* this.#switch(network, node, vlan, frame, UNMARKED);
    }
    if (!isKnown && goesOut) yield* this.#switch(network, node, vlan, frame, UNMARKED);
  }

  /** vNICs of a virtual switch that hear the VLAN. */
  #membersOf(node: string, vlan: number): PortRecord[] {
    const [host = '', on = ''] = node.split('/');
    const isIn = (port: PortRecord): boolean => {
      const vlans = vlansOf(port.attachment);
      return vlans === vlan || (vlans instanceof Set && vlans.has(vlan)) || isHybridIn(port, vlan);
    };
    return (this.#hosts.get(host)?.all('port') ?? []).filter((port) => port.switch === on && isIn(port));
  }

  #hybrids(node: string, vlan: number): PortRecord[] {
    return this.#membersOf(node, vlan).filter((port) => isHybridIn(port, vlan));
  }

  // ---------------------------------------------------------------------------------------- private VLANs

  /** An untagged frame of a VLAN comes into a virtual switch on which the VLAN is a private one. */
  *#private(node: string, from: string, vlan: number, frame: Uint8Array): Iterable<Effect> {
    const { dst, dstMac } = EthernetView.at(frame, 0)!;
    if (isLinkLocalGroup(dst)) return;
    const [name = ''] = node.split('/');
    const ports = this.#privatePorts(node);
    const primaries = ports.filter(isOn(vlan)).map((p) => p.attachment.primary);
    const kin = ports.filter((p) => primaries.includes(p.attachment.primary));
    const isKnown = kin.some((p) => p.mac === dstMac);
    const hearing = kin.filter((p) => mayHear(p.attachment, vlan) && p.id !== from);
    const network = this.#cables.get(node);
    for (const port of hearing) {
      const isMeant = isGroup(dst) || (isKnown ? port.mac === dstMac : port.security.macSpoofing);
      if (!isMeant) continue;
      if (this.#isUp(name, port.id)) {
        const host = this.#hosts.get(name)!;
        if (this.#permits(host, port, parsed(frame), 'inbound'))
          yield { to: 'port', host: name, port: port.id, frame };
      } else if (isKnown && !isGroup(dst) && port.migration && from !== UPLINK && network)
        yield* this.#switch(network, node, vlan, frame, UNMARKED);
    }
    if (!isKnown && from !== UPLINK && network) yield* this.#switch(network, node, vlan, frame, UNMARKED);
  }

  #privatePorts(node: string): PrivatePort[] {
    const [name = '', on = ''] = node.split('/');
    return (this.#hosts.get(name)?.all('port') ?? []).flatMap(({ attachment, ...port }) =>
      port.switch === on && attachment.type === 'private' ? [{ ...port, attachment }] : [],
    );
  }

  #bridge(node: string): LearningSwitch<string> {
    const bridge = this.#bridges.get(node) ?? new LearningSwitch();
    this.#bridges.set(node, bridge);
    return bridge;
  }
}

/** The VLANs that the learning switch has a port in; undefined: it has nothing to do with it. */
function vlansOf(attachment: Attachment): PortVlan | undefined {
  switch (attachment.type) {
    case 'vlan':
      return attachment.vlan;
    case 'trunk':
      return new Set([attachment.native, ...attachment.tagged]);
    case 'private':
    case 'virtual':
    case 'monitor':
      return undefined;
  }
}

/** A VLAN besides the native one comes to the port without its tag, which the port cannot answer in. */
function isHybridIn({ attachment }: PortRecord, vlan: number): boolean {
  return attachment.type === 'trunk' && attachment.untagged.includes(vlan);
}

/** As rules see it, whatever stands before its type. */
function parsed(frame: Uint8Array): Layers {
  return parseFrame(withoutSnap(frame)?.frame ?? frame);
}

/** Without the padding behind an IP packet. */
function lengthOf(frame: Uint8Array): number {
  const { ipv4, ipv6 } = parseFrame(frame);
  return (ipv4 ?? ipv6)?.end ?? frame.length;
}

export function providerPort(provider: ProviderRecord): string {
  return `provider/${provider.logicalNetwork}`;
}

type PrivatePort = PortRecord & { readonly attachment: PrivateAttachment };

const isOn =
  (vlan: number) =>
  ({ attachment: { primary, secondaries } }: PrivatePort): boolean =>
    vlan === primary || secondaries.includes(vlan);

/** RFC 5517, 3: isolated and community ports speak in their secondary VLAN, promiscuous ones in the primary. */
function vlanOfSender({ mode, primary, secondaries }: PrivateAttachment): number {
  return mode === 'promiscuous' ? primary : secondaries[0]!;
}

function mayHear({ mode, primary, secondaries }: PrivateAttachment, vlan: number): boolean {
  switch (mode) {
    case 'isolated':
      return vlan === primary;
    case 'community':
    case 'promiscuous':
      return vlan === primary || secondaries.includes(vlan);
  }
}

/** What one host knows, and what follows from that. */
class Host {
  readonly name: string;
  readonly #records: readonly PolicyRecord[];

  constructor({ host, records }: HostPolicy) {
    this.name = host;
    this.#records = records;
  }

  readonly all = <K extends RecordKind>(kind: K) =>
    this.#records.filter((r): r is Extract<PolicyRecord, { kind: K }> => r.kind === kind);

  port(id: string): PortRecord | undefined {
    return this.all('port').find((p) => p.id === id);
  }

  subnet(vsid: number): SubnetRecord | undefined {
    return this.all('subnet').find((s) => s.vsid === vsid);
  }

  /** The host's place on the fabric that carries the routing domain. */
  provider(rdid: string): ProviderRecord | undefined {
    const domain = this.all('domain').find((d) => d.rdid === rdid);
    return this.all('provider').find((p) => p.logicalNetwork === domain?.logicalNetwork);
  }

  /** MAC address of a machine of the subnet. */
  machine(subnet: SubnetRecord, address: IpAddress): Mac | undefined {
    const here = this.all('lookup').filter((l) => l.vsid === subnet.vsid);
    const found =
      here.find((l) => l.ca === address) ?? here.find((l) => isIpv6(l.ca) && linkLocalOf(l.mac) === address);
    return found?.mac;
  }

  /** The same, the gateway included. */
  neighbour(subnet: SubnetRecord, address: IpAddress): Mac | undefined {
    return isRouterOf(subnet, address) ? subnet.gatewayMac : this.machine(subnet, address);
  }

  /** Ports of this host that a frame on the subnet is for: all, or the one with the MAC address. */
  here({ vsid }: SubnetRecord, { dstMac, dst }: EthernetView): string[] {
    const members = this.all('port').filter(
      (p) => p.attachment.type === 'virtual' && p.attachment.vsid === vsid,
    );
    if (isGroup(dst)) return members.map((p) => p.id);
    const owner = this.all('lookup').find((l) => l.vsid === vsid && l.mac === dstMac)?.port;
    return members.map((p) => p.id).filter((id) => id === owner);
  }

  deliver(port: string, frame: Uint8Array): Effect {
    return { to: 'port', host: this.name, port, frame };
  }
}

/** Provider addresses of the hosts that may have the machine. */
function placesOf({ pa, standby }: LookupRecord): IpAddress[] {
  return standby === undefined ? [pa] : [pa, standby];
}

/** Those that are recorded, and with IPv6 the link-local one that goes with the MAC address. */
function ownAddresses({ addresses, mac }: PortRecord): IpAddress[] {
  const own = addresses.map(({ address }) => address);
  return own.some(isIpv6) ? [...own, linkLocalOf(mac)] : own;
}

/** A gateway, or the link-local address of the router, by which machines with IPv6 know it (RFC 4861, 4.2). */
function isRouterOf(subnet: SubnetRecord, address: IpAddress | undefined): boolean {
  const hasIpv6 = subnet.prefixes.some(({ gateway }) => isIpv6(gateway));
  return isGatewayOf(subnet, address) || (hasIpv6 && address === linkLocalOf(subnet.gatewayMac));
}

function isGatewayOf({ prefixes }: SubnetRecord, address: IpAddress | undefined): boolean {
  return prefixes.some(({ gateway }) => gateway === address);
}

function isGroup(mac: number): boolean {
  return Math.floor(mac / 2 ** 40) % 2 === 1;
}
