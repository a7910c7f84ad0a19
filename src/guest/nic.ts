/**
 * A network interface with a small IP stack behind it: what a softswitch VM, a host vNIC or a provider interface has,
 * so that a ping is frames on a wire and not a function call.
 *
 *     receive(frame) -> ARP ------------------------> neighbours, addresses
 *                    -> IPv4, IPv6 -> reassembly -+-> ICMP, ND, DHCP client
 *                                                 +-> UDP port, protocol handler, packet handler
 *                                                 `-> nobody: ICMP unreachable
 *     ping, udpSend, sendIp, sendPacket -> route -> neighbour -> fragmentation -> send(frame)
 *
 * Everything happens within the calls and the clock's timers; nothing is asynchronous by itself, nothing that arrives
 * makes it throw.
 */
import type { Clock } from '../base/clock.ts';
import {
  BROADCAST_MAC,
  type IpAddress,
  ipv4,
  ipv6,
  isIpv4,
  isIpv6,
  isMulticastIp,
  isMulticastMac,
  linkLocalOf,
  type Mac,
  macToNumber,
  prefix,
  prefixContains,
} from '../packet/address.ts';
import { write16, write48 } from '../packet/bytes.ts';
import { ETHERNET, ETHERTYPE, EthernetView } from '../packet/ethernet.ts';
import { ICMP, ICMP_TYPE } from '../packet/icmp.ts';
import { ICMPV6_TYPE } from '../packet/icmpv6.ts';
import { IP_PROTOCOL, Ipv4View } from '../packet/ipv4.ts';
import { Ipv6View } from '../packet/ipv6.ts';
import type { Layer } from '../packet/layer.ts';
import { isVlanType } from '../packet/vlan.ts';
import { AddressBook, type AddressSettings, type Conflict, type OwnAddress } from './addresses.ts';
import { Arp } from './arp.ts';
import { transportProblem } from './checksums.ts';
import { Counters, type DropReason, type GuestStats } from './counters.ts';
import { DhcpClient, type DhcpState } from './dhcp-client.ts';
import type { Lease } from './dhcp-lease.ts';
import { fragment, Reassembly } from './fragments.ts';
import { groupMac } from './group.ts';
import {
  ErrorLimit,
  type IcmpError,
  mayAnswerWithError,
  readIcmpError,
  readQuoted,
  unreachableLayers,
} from './icmp-error.ts';
import { type IpPacket, PAYLOAD_LIMIT, packetOf, readIp } from './ip-packet.ts';
import { LinkLocal } from './link-local.ts';
import { NeighbourDiscovery, solicitedNode } from './nd.ts';
import { NeighbourCache } from './neighbour.ts';
import { Pinger, type PingOptions, type PingReport, silentNeighbour } from './ping.ts';
import { type ProbeTiming, RFC_5227_TIMING } from './probe.ts';
import type { SendOptions, SendProblem, Stack } from './stack.ts';
import { type Datagram, UdpPorts, type UdpSendOptions } from './udp.ts';

export interface GuestNicSettings {
  /** For people. */
  readonly name: string;
  readonly mac: Mac;
  readonly clock: Clock;
  /** 0 <= random() < 1; the only source of randomness. */
  readonly random: () => number;
  /** Takes each frame that leaves; may deliver it, and what comes back, within the call. */
  readonly send: (frame: Uint8Array) => void;
  /** MTU in bytes until an address brings its own; default 1500. */
  readonly mtu?: number;
  /** How new addresses are probed for; default RFC_5227_TIMING. */
  readonly probing?: ProbeTiming;
  /** UDP ports that take datagrams without a checksum over IPv6 (RFC 6935): those of tunnels. */
  readonly zeroChecksumPorts?: readonly number[];
}

export interface ConfigureOptions {
  /** Ask first whether somebody has the address; default false, and the address is usable at once. */
  readonly probe?: boolean;
  /** The address is usable; called before `configure` returns unless it is probed for. */
  readonly ready?: () => void;
  /** Somebody else has the address, and it was given up; the interface falls back to 169.254.x.x. */
  readonly lost?: (conflict: Conflict) => void;
}

const LIMITED_BROADCAST = ipv4('255.255.255.255');
const ALL_HOSTS = ipv4('224.0.0.1');
const ALL_NODES = ipv6('ff02::1');
const LOOPBACK_4 = prefix('127.0.0.0/8');
const LOOPBACK_6 = ipv6('::1');
const LINK_LOCAL_6 = prefix('fe80::/10');
const HOST_UNREACHABLE = { 4: 1, 6: 3 } as const;

export class GuestNic {
  readonly name: string;
  readonly mac: Mac;
  readonly #stack: Stack;
  readonly #send: (frame: Uint8Array) => void;
  readonly #deviceMtu: number;
  readonly #zeroChecksumPorts: ReadonlySet<number>;
  readonly #arp: Arp;
  readonly #nd: NeighbourDiscovery;
  readonly #reassembly: Reassembly;
  readonly #pinger: Pinger;
  readonly #udp: UdpPorts;
  readonly #dhcp: DhcpClient;
  readonly #linkLocal: LinkLocal;
  readonly #errorLimit: ErrorLimit;
  readonly #protocols = new Map<number, (packet: IpPacket) => void>();
  readonly #errorHandlers = new Set<(error: IcmpError) => void>();
  #onPacket: ((packet: IpPacket) => void) | undefined;
  #onDhcp: ((state: DhcpState) => void) | undefined;
  #fragmentId: number;
  #mtu: number;
  #closed = false;

  constructor(settings: GuestNicSettings) {
    const { clock, random } = settings;
    const counters = new Counters();
    this.name = settings.name;
    this.mac = settings.mac;
    this.#send = settings.send;
    this.#deviceMtu = settings.mtu ?? 1500;
    this.#mtu = this.#deviceMtu;
    this.#zeroChecksumPorts = new Set(settings.zeroChecksumPorts);
    this.#fragmentId = Math.floor(random() * 2 ** 32);

    const addresses = new AddressBook({
      clock,
      random,
      timing: settings.probing ?? RFC_5227_TIMING,
      probe: (address) => (isIpv4(address) ? this.#arp.probe(address) : this.#probe6(address)),
      announce: (address) => this.#announce(address),
      changed: () => {
        this.#mtu = Math.min(...addresses.usable.map((own) => own.mtu ?? this.#deviceMtu), 0xffff);
        if (addresses.usable.length === 0) this.#mtu = this.#deviceMtu;
      },
    });
    const neighbours = new NeighbourCache({
      clock,
      request: (address, known) => this.#requestNeighbour(address, known),
      transmit: (to, packet) => this.#transmit(to, packet),
      silent: (address, packets) => this.#neighbourSilent(address, packets),
      overflow: () => counters.drop('neighbour-queue-full'),
    });
    this.#stack = {
      mac: this.mac,
      clock,
      random,
      counters,
      addresses,
      neighbours,
      sendFrame: (frame) => this.#sendFrame(frame),
      sendLayers: (destination, protocol, layers, options) =>
        this.#sendLayers(destination, protocol, layers, options),
    };
    this.#arp = new Arp(this.#stack);
    this.#nd = new NeighbourDiscovery(this.#stack);
    this.#reassembly = new Reassembly(clock, (reason) => counters.drop(reason));
    this.#pinger = new Pinger(this.#stack);
    this.#udp = new UdpPorts(this.#stack);
    this.#linkLocal = new LinkLocal(addresses, clock, random);
    this.#errorLimit = new ErrorLimit(clock);
    this.#dhcp = new DhcpClient(this.#stack, {
      changed: (state) => this.#onDhcp?.(state),
      bound: () => this.#linkLocal.stop(),
      failed: () => this.#linkLocal.start(),
    });
    // RFC 4291 section 2.1: every IPv6 interface has one. It is silent until it is spoken to.
    addresses.claim({ address: linkLocalOf(this.mac), prefixLength: 64 }, 'link-local', {
      probe: false,
      yields: false,
    });
  }
}
