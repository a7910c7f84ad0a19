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
 *  4. A vNIC with a DHCP responder never reaches another DHCP server: each of its requests goes to the agent.
 *  5. Only ARP requests and solicitations for recorded addresses are answered; link-local ones are not recorded. An
 *     answer is the question turned round, so it is as long as the question: an option for an own MAC address becomes
 *     one for the found MAC address, other options and padding stay. ND is answered only as RFC 4861, 7.1.1 demands.
 *  6. The gateway answers an unfragmented echo request to any gateway address of its routing domain, with any TTL, and
 *     nothing else.
 *     A packet to be routed that is no martian and has TTL 0 or 1 goes to the agent, for an ICMP error; so does a frame
 *     for a machine of another host that is longer than the MTU of the subnet it is on its way to, its header apart.
 *     To a machine of the same host it may be as long as it likes; broadcast and multicast are not measured.
 *  7. The router drops martians (RFC 1812, 5.3.7; RFC 4291, 2.5.6), and a packet that would go back to its sender.
 *  8. What came over the fabric does not go onto it again; live migration will need an exception.
 *  9. A priority tag (VLAN 0) means untagged, and is not passed on. VLAN 4095 is none.
 * 10. An 802.2 SNAP header before the type (RFC 1042) hides nothing: the frame is judged by what stands behind it, and
 *     keeps the header. Open vSwitch reads it so and cannot tell the two apart; other 802.3 frames are dropped.
 * 11. A member of a virtual subnet without any address is unknown to other hosts: they neither take its frames nor
 *     send it theirs, unless another vNIC of its host is known.
 * 12. On a private VLAN nothing is learnt: a MAC address of a port of the switch is there, any other one is outside, or
 *     behind a port with macSpoofing. A switch with ports on a private VLAN gives its VLANs to nobody else from outside.
 */
import {
  type IpAddress,
  type Mac,
  type Prefix,
  prefix,
  prefixContains,
  prefixParts,
} from '../../src/packet/address.ts';
import { ETHERNET, ETHERTYPE, EthernetView } from '../../src/packet/ethernet.ts';
import { ICMPV6_TYPE } from '../../src/packet/icmpv6.ts';
import { type Layers, parseFrame } from '../../src/packet/parse.ts';
import { isVlanType, popVlan, pushVlan } from '../../src/packet/vlan.ts';
import type {
  Encapsulation,
  PolicyRecord,
  PortRecord,
  PrivateAttachment,
  ProviderRecord,
  RecordKind,
  SubnetRecord,
} from '../../src/policy/records.ts';
import { askedFor, echoAnswer, echoTarget, neighbourAnswer, routed } from './answers.ts';
import { refusal } from './guard.ts';
import { LearningSwitch } from './learning.ts';
import { icmpv6Type, isDhcpRequest, isLinkLocalGroup, withoutSnap, withSnap } from './reading.ts';

export interface World {
  readonly hosts: readonly HostPolicy[];
  readonly physical: readonly PhysicalNetwork[];
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
  /** Of this port, for the host's agent: a DHCP request, or a packet that its sender is to hear an ICMP error about. */
  | {
      readonly to: 'agent';
      readonly host: string;
      readonly port: string;
      readonly about: 'dhcp' | 'too-big' | 'time-exceeded';
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
  readonly #hosts: ReadonlyMap<string, Host>;
  /** Every virtual switch as `host/switch`, and every physical network as `physical/name`. */
  readonly #bridges = new Map<string, LearningSwitch<string>>();
  /** Virtual switch -> physical network that its uplink is in. */
  readonly #cables = new Map<string, string>();

  constructor(world: World) {
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
        if (attachment.type === 'vlan') this.#bridge(`${name}/${on}`).add(id, attachment.vlan);
      }
      for (const provider of all('provider')) {
        this.#bridge(`${name}/${provider.switch}`).add(providerPort(provider), provider.vlan);
      }
    }
  }

  /** A vNIC or a provider interface sends a frame. */
  send(host: string, port: string, frame: Uint8Array): Effect[] {
    return [...this.#send(this.#hosts.get(host)!, port, frame)];
  }

  /** The station outside sends a frame into a physical network. */
  sendFromOutside(network: string, bytes: Uint8Array): Effect[] {
    const frame = parseFrame(bytes);
    const vid = frame.vlans[0]?.vid ?? 0;
    if (vid === NO_VLAN) return [];
    return [...this.#switch(`physical/${network}`, OUTSIDE, vid, popVlan(bytes))];
  }

  /** Something on the fabric sends an encapsulated frame to a host: another host, or an intruder. */
  sendOverFabric(outer: Outer, frame: Uint8Array): Effect[] {
    return [...this.#receive({ to: 'fabric', ...outer, frame })];
  }

  *#send(host: Host, id: string, bytes: Uint8Array): Iterable<Effect> {
    const provider = host.all('provider').find((p) => providerPort(p) === id);
    if (provider) {
      // The host itself, on the fabric: it has one MAC address and no tags.
      const { eth, vlans } = parseFrame(bytes);
      if (eth?.srcMac !== provider.mac || vlans.length > 0) return;
      yield* this.#switch(`${host.name}/${provider.switch}`, id, provider.vlan, bytes);
      return;
    }
    const port = host.port(id)!;
    const snap = withoutSnap(bytes);
    const frame = parseFrame(snap?.frame ?? bytes);
    if (refusal(port, frame) !== undefined) return;
    if (port.dhcpServer && isDhcpRequest(frame)) {
      yield { to: 'agent', host: host.name, port: id, about: 'dhcp', frame: bytes };
    } else if (port.attachment.type === 'vlan') {
      yield* this.#switch(`${host.name}/${port.switch}`, id, port.attachment.vlan, bytes);
    } else if (port.attachment.type === 'private') {
      yield* this.#private(`${host.name}/${port.switch}`, id, vlanOfSender(port.attachment), bytes);
    } else {
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
    if (frame.etherType === ETHERTYPE.ARP || icmpv6Type(frame) === ICMPV6_TYPE.NEIGHBOR_SOLICITATION) {
      const asked = askedFor(frame);
      // Who asks for its own address wants to hear nothing (RFC 5227, RFC 4862 5.4).
      if (asked === undefined || port.addresses.some((a) => a.address === asked)) return;
      const mac = host.neighbour(subnet, asked);
      if (mac) yield host.deliver(port.id, neighbourAnswer(frame, mac, asked === subnet.gateway));
    } else if (frame.eth!.dstMac === subnet.gatewayMac) {
      const target = echoTarget(frame);
      const isGateway = host.all('subnet').some((s) => s.rdid === subnet.rdid && s.gateway === target);
      if (isGateway) yield host.deliver(port.id, echoAnswer(frame.bytes));
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
    const hosts = host.elsewhere(subnet, eth);
    // Broadcast and multicast are nobody's to answer; the fabric loses what does not fit.
    if (!isGroup(eth.dst) && hosts.size > 0 && lengthOf(frame) + snapLength > subnet.mtu + ETHERNET.SIZE) {
      yield { to: 'agent', host: host.name, port: sender.id, about: 'too-big', frame };
      return;
    }
    for (const destination of hosts) {
      yield* this.#receive({ to: 'fabric', source, destination, encapsulation, vsid: subnet.vsid, frame });
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
    const peers = host.all('lookup').filter((l) => l.rdid === subnet.rdid && l.pa !== provider.pa);
    if (copy.encapsulation !== provider.encapsulation || !peers.some((l) => l.pa === copy.source)) return;
    const { eth, etherType, vlans } = parseFrame(copy.frame);
    // RFC 7637, 3.3: a tagged frame is dropped.
    if (eth && vlans.length === 0 && !isVlanType(etherType))
      yield* this.#deliverHere(host, subnet, copy.frame);
  }

  *#deliverHere(host: Host, subnet: SubnetRecord, frame: Uint8Array, sender?: PortRecord): Iterable<Effect> {
    for (const id of host.here(subnet, EthernetView.at(frame, 0)!)) {
      if (id !== sender?.id) yield host.deliver(id, frame);
    }
  }

  // ---------------------------------------------------------------------------------------- VLANs

  /** An untagged frame of a VLAN comes into a virtual switch or a physical network by one of its ports. */
  *#switch(node: string, from: string, vlan: number, frame: Uint8Array): Iterable<Effect> {
    const { eth, etherType, vlans } = parseFrame(frame);
    if (!eth || isLinkLocalGroup(eth.dst) || (isVlanType(etherType) && vlans.length === 0)) return;
    if (from === UPLINK && this.#privatePorts(node).some(isOn(vlan))) {
      yield* this.#private(node, from, vlan, frame);
      return;
    }
    for (const port of this.#bridge(node).pass(from, vlan, frame)) {
      const [kind = '', name = ''] = node.split('/');
      const network = this.#cables.get(node);
      if (port === UPLINK) yield* this.#switch(network!, node, vlan, frame);
      else if (this.#bridges.has(port)) yield* this.#switch(port, UPLINK, vlan, frame);
      else if (port !== OUTSIDE) yield { to: 'port', host: kind, port, frame };
      else yield { to: 'outside', network: name, frame: vlan === 0 ? frame : pushVlan(frame, vlan) };
    }
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
    for (const port of hearing) {
      if (isGroup(dst) || (isKnown ? port.mac === dstMac : port.security.macSpoofing))
        yield { to: 'port', host: name, port: port.id, frame };
    }
    const network = this.#cables.get(node);
    if (!isKnown && from !== UPLINK && network) yield* this.#switch(network, node, vlan, frame);
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
    return this.all('lookup').find((l) => l.vsid === subnet.vsid && l.ca === address)?.mac;
  }

  /** The same, the gateway included. */
  neighbour(subnet: SubnetRecord, address: IpAddress): Mac | undefined {
    return address === subnet.gateway ? subnet.gatewayMac : this.machine(subnet, address);
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

  /** Provider addresses of other hosts that a frame on the subnet is for, each once. */
  elsewhere({ vsid, rdid }: SubnetRecord, { dstMac, dst }: EthernetView): Set<IpAddress> {
    const known = this.all('lookup').filter((l) => l.vsid === vsid && (isGroup(dst) || l.mac === dstMac));
    return new Set(known.map((l) => l.pa).filter((pa) => pa !== this.provider(rdid)?.pa));
  }

  deliver(port: string, frame: Uint8Array): Effect {
    return { to: 'port', host: this.name, port, frame };
  }
}

function isGroup(mac: number): boolean {
  return Math.floor(mac / 2 ** 40) % 2 === 1;
}
