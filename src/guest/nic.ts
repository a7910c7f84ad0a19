/**
 * A network interface with a small IP stack behind it: what a softswitch VM, a host vNIC or a provider interface has,
 * so that a ping is frames on a wire and not a function call.
 *
 *     receive(frame) -> ARP (arp.ts) ------------------> neighbours, addresses
 *                    -> IPv4, IPv6 (ip-input.ts) --+---> ICMP, ND, DHCP client
 *                                  reassembly      +---> UDP port, protocol handler, packet handler
 *                                                  `---> nobody: ICMP unreachable
 *     ping, udpSend, sendIp, sendPacket (ip-output.ts) -> route -> neighbour -> fragmentation -> send(frame)
 *
 * Everything happens within the calls and the clock's timers; nothing is asynchronous by itself, and nothing that
 * arrives makes it throw.
 */
import type { Clock } from '../base/clock.ts';
import {
  type IpAddress,
  isIpv4,
  isIpv6,
  isMulticastMac,
  linkLocalOf,
  type Mac,
  prefix,
  prefixContains,
} from '../packet/address.ts';
import { ETHERTYPE, EthernetView } from '../packet/ethernet.ts';
import { UDP_PORT } from '../packet/udp.ts';
import { isVlanType } from '../packet/vlan.ts';
import { AddressBook, type AddressSettings, type Conflict, type OwnAddress } from './addresses.ts';
import { Arp } from './arp.ts';
import { Autoconfiguration, type RouterNews } from './autoconfiguration.ts';
import { Counters, type DropReason, type GuestStats } from './counters.ts';
import { DhcpClient, type DhcpState } from './dhcp-client.ts';
import type { Lease } from './dhcp-lease.ts';
import type { Dhcpv6State } from './dhcpv6-client.ts';
import { type IcmpError, readQuoted } from './icmp-error.ts';
import { IpInput } from './ip-input.ts';
import { IpOutput } from './ip-output.ts';
import { type IpPacket, MINIMUM_MTU } from './ip-packet.ts';
import { LinkLocal } from './link-local.ts';
import { NeighbourDiscovery } from './nd.ts';
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
  /** Largest IP packet in bytes, 576..65535, until an address brings its own; default 1500. */
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

const LINK_LOCAL_6 = prefix('fe80::/10');
const DEFAULT_MTU = 1500;
/** "Host unreachable" and "address unreachable". */
const HOST_UNREACHABLE = { 4: 1, 6: 3 } as const;

export class GuestNic {
  readonly name: string;
  readonly mac: Mac;
  readonly #stack: Stack;
  readonly #arp: Arp;
  readonly #nd: NeighbourDiscovery;
  readonly #input: IpInput;
  readonly #output: IpOutput;
  readonly #pinger: Pinger;
  readonly #udp: UdpPorts;
  readonly #dhcp: DhcpClient;
  readonly #autoconfiguration: Autoconfiguration;
  readonly #linkLocal: LinkLocal;
  readonly #errorHandlers = new Set<(error: IcmpError) => void>();
  #dhcpv6Port: { readonly close: () => void } | undefined;
  #onDhcp: ((state: DhcpState) => void) | undefined;
  #closed = false;

  /** Throws RangeError for an MTU out of range. */
  constructor(settings: GuestNicSettings) {
    const { name, mac, clock, random, mtu: deviceMtu = DEFAULT_MTU, probing = RFC_5227_TIMING } = settings;
    if (!Number.isInteger(deviceMtu) || deviceMtu < MINIMUM_MTU[4] || deviceMtu > 0xffff)
      throw new RangeError(`the MTU ${deviceMtu} of ${name} is not within ${MINIMUM_MTU[4]}..65535`);
    this.name = name;
    this.mac = mac;
    const counters = new Counters();
    const sendFrame = (frame: Uint8Array) => {
      if (this.#closed) return;
      counters.framesSent += 1;
      settings.send(frame);
    };
    // The parts know one another by what they do, so each may be made before what it will call.
    const addresses = new AddressBook({
      clock,
      random,
      timing: probing,
      probe: (address) => (isIpv4(address) ? this.#arp.probe(address) : this.#nd.probe(address)),
      announce: (address) => (isIpv4(address) ? this.#arp.announce(address) : this.#nd.announce(address)),
    });
    const neighbours = new NeighbourCache({
      clock,
      request: (address, known) => this.#requestNeighbour(address, known),
      transmit: (to, packet) => this.#output.transmit(to, packet),
      silent: (address, packets) => this.#neighbourSilent(address, packets),
      overflow: () => counters.drop('neighbour-queue-full'),
    });
    this.#output = new IpOutput({
      mac,
      clock,
      random,
      counters,
      addresses,
      neighbours,
      deviceMtu,
      sendFrame,
      // By way of the clock, so that two handlers that answer each other are not one endless call.
      loop: (packet) => void clock.after(0, () => this.#closed || this.#input.loop(packet)),
    });
    this.#stack = {
      mac,
      clock,
      random,
      counters,
      addresses,
      neighbours,
      sendFrame,
      sendLayers: (...send) => this.#output.sendLayers(...send),
    };
    this.#arp = new Arp(this.#stack);
    this.#nd = new NeighbourDiscovery(this.#stack);
    this.#pinger = new Pinger(this.#stack);
    this.#udp = new UdpPorts(this.#stack);
    this.#linkLocal = new LinkLocal(addresses, clock, random);
    this.#dhcp = new DhcpClient(this.#stack, {
      changed: (state) => this.#onDhcp?.(state),
      bound: () => this.#linkLocal.stop(),
      failed: () => this.#linkLocal.start(),
    });
    this.#autoconfiguration = new Autoconfiguration(this.#stack);
    this.#input = new IpInput(this.#stack, {
      nd: this.#nd,
      pinger: this.#pinger,
      udp: this.#udp,
      dhcp: this.#dhcp,
      autoconfiguration: this.#autoconfiguration,
      zeroChecksumPorts: new Set(settings.zeroChecksumPorts),
      error: (error) => this.#reportError(error),
    });
    // RFC 4291 section 2.1: every IPv6 interface has one. It says nothing until it is spoken to.
    const own = { address: linkLocalOf(mac), prefixLength: 64 };
    addresses.claim(own, 'link-local', { probe: false, yields: false });
  }

  // --------------------------------------------------------------------------------------- the wire

  /** A frame has arrived. Its bytes must stay as they are until the call returns. */
  receive(frame: Uint8Array): void {
    if (this.#closed) return;
    const { counters } = this.#stack;
    counters.framesReceived += 1;
    const eth = EthernetView.at(frame, 0);
    const refusal = eth ? this.#refusal(eth) : 'frame-truncated';
    if (!eth || refusal) {
      if (refusal) counters.drop(refusal);
      return;
    }
    const { srcMac, etherType, payloadOffset } = eth;
    if (etherType === ETHERTYPE.ARP) this.#arp.receive(frame, payloadOffset);
    else if (etherType === ETHERTYPE.IPV4) this.#input.receive(frame, payloadOffset, 4, srcMac);
    else if (etherType === ETHERTYPE.IPV6) this.#input.receive(frame, payloadOffset, 6, srcMac);
    else counters.drop('ethertype-unknown');
  }

  /** Stops all timers; nothing is sent or received any more, and no ping is reported. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onDhcp = undefined;
    this.#dhcp.stop();
    this.#autoconfiguration.stop();
    this.#linkLocal.stop();
    this.#pinger.clear();
    this.#input.clear();
    this.#stack.neighbours.clear();
    this.#stack.addresses.clear();
  }

  get stats(): GuestStats {
    return this.#stack.counters.read();
  }

  // -------------------------------------------------------------------------------------- addresses

  /** Adds an address, or changes what goes with it. Throws RangeError where the settings contradict themselves. */
  configure(settings: AddressSettings, options: ConfigureOptions = {}): void {
    const { probe = false, ready, lost } = options;
    this.#stack.addresses.claim(settings, 'static', {
      probe,
      yields: false,
      ready: () => {
        if (isIpv4(settings.address)) this.#linkLocal.stop();
        ready?.();
      },
      lost: (conflict) => {
        if (isIpv4(settings.address)) this.#linkLocal.start();
        lost?.(conflict);
      },
    });
  }

  /** Takes an address away that was configured. */
  deconfigure(address: IpAddress): void {
    const own = this.#stack.addresses.all.find((a) => a.address === address);
    if (own?.origin === 'static') this.#stack.addresses.release(address);
  }

  /** Asks for an IPv4 address by DHCP from now on; 169.254.x.x while nobody gives one. `changed` hears each step. */
  dhcp(changed?: (state: DhcpState) => void): void {
    this.#onDhcp = changed;
    this.#dhcp.start();
  }

  /** Gives the lease back and asks no more. */
  stopDhcp(): void {
    this.#dhcp.stop();
    this.#linkLocal.stop();
  }

  /** Asks for an IPv6 router from now on, and gets IPv6 addresses as that says: made of a prefix, or by DHCPv6. */
  autoconfigure(): void {
    this.#dhcpv6Port ??= this.#udp.bind(UDP_PORT.DHCP6_CLIENT, ({ payload }) =>
      this.#autoconfiguration.receiveDhcp(payload),
    );
    this.#autoconfiguration.start();
  }

  /** Gives the IPv6 addresses up that it got so, and asks no more. */
  stopAutoconfiguration(): void {
    this.#autoconfiguration.stop();
    this.#dhcpv6Port?.close();
    this.#dhcpv6Port = undefined;
  }

  /** What an IPv6 router has said and still holds. */
  get router(): RouterNews | undefined {
    return this.#autoconfiguration.news;
  }

  get dhcpv6State(): Dhcpv6State {
    return this.#autoconfiguration.dhcpState;
  }

  get dhcpState(): DhcpState {
    return this.#dhcp.state;
  }

  /** The DHCP lease in use. */
  get lease(): Lease | undefined {
    return this.#dhcp.lease;
  }

  /** The address by which others know it: the first usable one of IPv4, otherwise of IPv6 beyond the link. */
  get address(): IpAddress | undefined {
    const usable = this.#stack.addresses.usable.map((own) => own.address);
    return usable.find(isIpv4) ?? usable.find((address) => !prefixContains(LINK_LOCAL_6, address));
  }

  /** All addresses, also those that are being probed for and the IPv6 link-local one. */
  get addresses(): readonly OwnAddress[] {
    return this.#stack.addresses.all;
  }

  /** Others that were heard to have an address of ours; the latest 32. */
  get conflicts(): readonly Conflict[] {
    return [...this.#stack.addresses.conflicts];
  }

  /** Largest IP packet in bytes that goes out in one piece. */
  get mtu(): number {
    return this.#output.mtu;
  }

  /** Neighbours whose MAC address is known. */
  get neighbours(): readonly { readonly address: IpAddress; readonly mac: Mac }[] {
    return this.#stack.neighbours.entries();
  }

  /** Says on the wire which addresses are here, as after a move to another port. */
  announce(): void {
    for (const { address } of this.#stack.addresses.usable) {
      if (isIpv4(address)) this.#arp.announce(address);
      else if (isIpv6(address)) this.#nd.announce(address);
    }
  }

  // ---------------------------------------------------------------------------------------- sending

  /**
   * Pings. `done` is called once, when each request has its answer, its error or its time-out; on a wire that
   * delivers within the call, that may be before `ping` returns. The result stops it, and `done` is not called then.
   * Throws RangeError for a count, size or identifier that cannot be.
   */
  ping(destination: IpAddress, options: PingOptions, done: (report: PingReport) => void): () => void {
    return this.#pinger.ping(destination, options, done);
  }

  /** Takes the datagrams to a UDP port; 0 = a free one. Throws RangeError when the port is in use. */
  udpBind(
    port: number,
    handler: (datagram: Datagram) => void,
  ): { readonly port: number; readonly close: () => void } {
    return this.#udp.bind(port, handler);
  }

  /** Undefined when the datagram is on its way, or waits for its neighbour. */
  udpSend(options: UdpSendOptions): SendProblem | undefined {
    return this.#udp.send(options);
  }

  /** Sends `payload` as an IP packet of that protocol, with the address of the route as its source. */
  sendIp(
    destination: IpAddress,
    protocol: number,
    payload: Uint8Array,
    options?: SendOptions,
  ): SendProblem | undefined {
    return this.#output.sendLayers(destination, protocol, [{ layer: 'data', bytes: payload }], options);
  }

  /**
   * Sends a whole IP packet, made elsewhere, to the next hop on the way to `towards` (default: its destination). A
   * packet that is larger than the MTU goes in pieces, unless it forbids that. Its bytes belong to the stack from now
   * on: they may wait for ARP.
   */
  sendPacket(packet: Uint8Array, towards?: IpAddress): SendProblem | undefined {
    return this.#output.sendPacket(packet, towards);
  }

  // -------------------------------------------------------------------------------------- receiving

  /** Takes the packets of an IP protocol, whole and checked; UDP only where no port is bound. The result ends it. */
  onProtocol(protocol: number, handler: (packet: IpPacket) => void): () => void {
    const { protocols } = this.#input;
    protocols.set(protocol, handler);
    return () => {
      if (protocols.get(protocol) === handler) protocols.delete(protocol);
    };
  }

  /** Takes the packets to own addresses that nothing else takes, whole and checked. */
  onPacket(handler: (packet: IpPacket) => void): void {
    this.#input.onPacket = handler;
  }

  /** Hears what became of packets of ours: ICMP errors, and neighbours that do not answer. The result ends it. */
  onError(handler: (error: IcmpError) => void): () => void {
    this.#errorHandlers.add(handler);
    return () => this.#errorHandlers.delete(handler);
  }

  // ------------------------------------------------------------------------------------- within

  #refusal({ dstMac, etherType }: EthernetView): DropReason | undefined {
    if (dstMac !== this.mac && !isMulticastMac(dstMac)) return 'frame-for-another';
    return isVlanType(etherType) ? 'frame-tagged' : undefined;
  }

  #requestNeighbour(address: IpAddress, known: Mac | undefined): void {
    const { addresses } = this.#stack;
    const source = addresses.routes.nextHop(address)?.source;
    if (source === undefined) return;
    if (isIpv4(address) && isIpv4(source)) this.#arp.request(address, source, known);
    else if (isIpv6(address) && isIpv6(source)) this.#nd.request(address, source, known);
  }

  #neighbourSilent(address: IpAddress, packets: readonly Uint8Array[]): void {
    for (const packet of packets) {
      this.#stack.counters.drop('neighbour-silent');
      const about = readQuoted(packet);
      if (!about) continue;
      const code = HOST_UNREACHABLE[isIpv4(address) ? 4 : 6];
      this.#reportError({
        from: about.source,
        kind: 'unreachable',
        code,
        words: silentNeighbour(address),
        about,
      });
    }
  }

  #reportError(error: IcmpError): void {
    this.#pinger.failed(error.about, error.words);
    for (const handler of [...this.#errorHandlers]) handler(error);
  }
}
