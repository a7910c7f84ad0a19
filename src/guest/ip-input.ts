/** The way in: from an IP packet to whoever takes it. */
import {
  type Family,
  ipv4,
  ipv6,
  isIpv6,
  isMulticastIp,
  type Mac,
  prefix,
  prefixContains,
} from '../packet/address.ts';
import { read16 } from '../packet/bytes.ts';
import { ICMP, ICMP_TYPE } from '../packet/icmp.ts';
import { ICMPV6_TYPE } from '../packet/icmpv6.ts';
import { IP_PROTOCOL } from '../packet/ipv4.ts';
import type { Autoconfiguration } from './autoconfiguration.ts';
import { transportProblem } from './checksums.ts';
import type { DropReason } from './counters.ts';
import type { DhcpClient } from './dhcp-client.ts';
import { Reassembly } from './fragments.ts';
import {
  ErrorLimit,
  type IcmpError,
  mayAnswerWithError,
  readIcmpError,
  unreachableLayers,
} from './icmp-error.ts';
import { type IpPacket, readIp } from './ip-packet.ts';
import { type NeighbourDiscovery, solicitedNode } from './nd.ts';
import type { Pinger } from './ping.ts';
import type { Stack } from './stack.ts';
import type { UdpPorts } from './udp.ts';

export interface InputParts {
  readonly nd: NeighbourDiscovery;
  readonly pinger: Pinger;
  readonly udp: UdpPorts;
  readonly dhcp: DhcpClient;
  readonly autoconfiguration: Autoconfiguration;
  readonly zeroChecksumPorts: ReadonlySet<number>;
  /** An ICMP error has come. */
  readonly error: (error: IcmpError) => void;
}

const LIMITED_BROADCAST = ipv4('255.255.255.255');
const ALL_HOSTS = ipv4('224.0.0.1');
const ALL_NODES = ipv6('ff02::1');
const LOOPBACK_4 = prefix('127.0.0.0/8');
const LOOPBACK_6 = ipv6('::1');

export class IpInput {
  /** Takers of whole protocols, by number. */
  readonly protocols = new Map<number, (packet: IpPacket) => void>();
  /** Takes what nothing else does. */
  onPacket: ((packet: IpPacket) => void) | undefined;
  readonly #stack: Stack;
  readonly #parts: InputParts;
  readonly #reassembly: Reassembly;
  readonly #errorLimit: ErrorLimit;

  constructor(stack: Stack, parts: InputParts) {
    this.#stack = stack;
    this.#parts = parts;
    this.#reassembly = new Reassembly(stack.clock, (reason) => stack.counters.drop(reason));
    this.#errorLimit = new ErrorLimit(stack.clock);
  }

  /** Takes the packet of that version which begins at `offset` of a frame from `from`. */
  receive(bytes: Uint8Array, offset: number, family: Family, from: Mac): void {
    const packet = readIp(bytes, offset);
    if (typeof packet === 'string') {
      this.#stack.counters.drop(packet);
      return;
    }
    // A client takes answers before it has the address that they are sent to.
    if (this.#isDhcp(packet)) return;
    const refusal = packet.family === family ? this.#refusal(packet) : 'ip-malformed';
    if (refusal) this.#stack.counters.drop(refusal);
    else this.#whole(packet, from);
  }

  /** Takes a packet from this very stack. */
  loop(bytes: Uint8Array): void {
    const packet = readIp(bytes, 0);
    if (typeof packet === 'string') this.#stack.counters.drop(packet);
    else this.#whole(packet, this.#stack.mac);
  }

  /** Forgets what is incomplete. */
  clear(): void {
    this.#reassembly.clear();
  }

  #refusal(packet: IpPacket): DropReason | undefined {
    const { addresses } = this.#stack;
    const { source } = packet;
    const impossible =
      isMulticastIp(source) ||
      source === LIMITED_BROADCAST ||
      source === LOOPBACK_6 ||
      prefixContains(LOOPBACK_4, source) ||
      addresses.isBroadcast(source) ||
      addresses.owns(source);
    if (impossible) return 'ip-source-invalid';
    return this.#isForUs(packet) ? undefined : 'ip-for-another';
  }

  #isDhcp(packet: IpPacket): boolean {
    const { dhcp, zeroChecksumPorts } = this.#parts;
    if (packet.family !== 4 || packet.fragment || dhcp.state.state === 'off') return false;
    return transportProblem(packet, zeroChecksumPorts) === undefined && dhcp.receive(packet);
  }

  #isForUs({ destination }: IpPacket): boolean {
    const { addresses } = this.#stack;
    if (addresses.owns(destination) || addresses.isBroadcast(destination)) return true;
    if (destination === LIMITED_BROADCAST || destination === ALL_HOSTS || destination === ALL_NODES)
      return true;
    // Addresses that are being probed for count too: another host's probe has to be heard.
    return (
      isMulticastIp(destination) &&
      addresses.all.some((own) => isIpv6(own.address) && solicitedNode(own.address) === destination)
    );
  }

  #whole(packet: IpPacket, from: Mac): void {
    if (!packet.fragment) {
      this.#deliver(packet, from);
      return;
    }
    const bytes = this.#reassembly.add(packet, packet.fragment);
    const whole = bytes && readIp(bytes, 0);
    if (typeof whole === 'string') this.#stack.counters.drop(whole);
    else if (whole?.fragment) this.#stack.counters.drop('fragment-malformed');
    else if (whole) this.#deliver(whole, from);
  }

  #deliver(packet: IpPacket, from: Mac): void {
    const { udp, zeroChecksumPorts } = this.#parts;
    const { family, protocol } = packet;
    const problem = transportProblem(packet, zeroChecksumPorts);
    if (problem) {
      this.#stack.counters.drop(problem);
    } else if (protocol === (family === 4 ? IP_PROTOCOL.ICMP : IP_PROTOCOL.ICMPV6)) {
      this.#icmp(packet, from);
    } else if (protocol !== IP_PROTOCOL.UDP || !udp.receive(packet)) {
      const handler = this.protocols.get(protocol) ?? this.onPacket;
      if (handler) handler(packet);
      else this.#unreachable(packet);
    }
  }

  #unreachable(packet: IpPacket): void {
    const { counters, addresses } = this.#stack;
    const hasPorts = packet.protocol === IP_PROTOCOL.UDP || packet.protocol === IP_PROTOCOL.TCP;
    const what = hasPorts ? 'port' : 'protocol';
    counters.drop(`${what}-unreachable`);
    const { source, destination, family } = packet;
    if (!addresses.owns(destination) || !mayAnswerWithError(packet) || !this.#errorLimit.allows()) return;
    const protocol = family === 4 ? IP_PROTOCOL.ICMP : IP_PROTOCOL.ICMPV6;
    this.#stack.sendLayers(source, protocol, unreachableLayers(packet, what), { source: destination });
  }

  #icmp(packet: IpPacket, from: Mac): void {
    const { bytes, family, payloadOffset } = packet;
    const type = bytes[payloadOffset + ICMP.TYPE]!;
    const { pinger, nd, autoconfiguration, error } = this.#parts;
    const echo = family === 4 ? ICMP_TYPE : ICMPV6_TYPE;
    const isNeighbour =
      family === 6 &&
      (type === ICMPV6_TYPE.NEIGHBOR_SOLICITATION || type === ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT);
    if (type === echo.ECHO_REQUEST) this.#echo(packet);
    else if (type === echo.ECHO_REPLY) pinger.reply(packet);
    else if (isNeighbour) nd.receive(packet, from);
    else if (family === 6 && type === ICMPV6_TYPE.ROUTER_ADVERTISEMENT)
      autoconfiguration.receive(packet, from);
    else {
      const read = readIcmpError(packet);
      // An error about a packet that was not ours is a forged one.
      if (read && this.#stack.addresses.owns(read.about.source)) error(read);
    }
  }

  /** RFC 1122 section 3.2.2.6 lets a host ignore a ping to all; RFC 4443 section 4.2 has it answered in IPv6. */
  #echo(packet: IpPacket): void {
    const { bytes, family, source, destination, payloadOffset: at } = packet;
    const own = this.#stack.addresses.owns(destination);
    if (!own && family === 4) return;
    const id = read16(bytes, at + ICMP.ID);
    const seq = read16(bytes, at + ICMP.SEQ);
    // Copied: the answer may wait for ARP, and the frame's bytes are not ours after the call.
    const data = { layer: 'data', bytes: bytes.slice(at + ICMP.SIZE) } as const;
    const options = own ? { source: destination } : {};
    if (family === 4)
      this.#stack.sendLayers(
        source,
        IP_PROTOCOL.ICMP,
        [{ layer: 'icmp', type: ICMP_TYPE.ECHO_REPLY, id, seq }, data],
        options,
      );
    else
      this.#stack.sendLayers(
        source,
        IP_PROTOCOL.ICMPV6,
        [{ layer: 'icmpv6', type: ICMPV6_TYPE.ECHO_REPLY, id, seq }, data],
        options,
      );
  }
}
