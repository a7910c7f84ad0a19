/** The way out: from what is to be sent to frames. */
import type { Clock } from '../base/clock.ts';
import {
  BROADCAST_MAC,
  type IpAddress,
  ipv4,
  isIpv4,
  isIpv6,
  isMulticastIp,
  type Mac,
  macToNumber,
} from '../packet/address.ts';
import { write16, write48 } from '../packet/bytes.ts';
import { ETHERNET, ETHERTYPE } from '../packet/ethernet.ts';
import { Ipv4View } from '../packet/ipv4.ts';
import { Ipv6View } from '../packet/ipv6.ts';
import type { Layer } from '../packet/layer.ts';
import type { AddressBook } from './addresses.ts';
import type { Counters } from './counters.ts';
import { fragment } from './fragments.ts';
import { groupMac } from './group.ts';
import { PAYLOAD_LIMIT, packetOf } from './ip-packet.ts';
import type { NeighbourCache } from './neighbour.ts';
import type { SendOptions, SendProblem } from './stack.ts';

export interface OutputEnvironment {
  readonly mac: Mac;
  readonly clock: Clock;
  readonly random: () => number;
  readonly counters: Counters;
  readonly addresses: AddressBook;
  readonly neighbours: NeighbourCache;
  /** MTU while no address brings one. */
  readonly deviceMtu: number;
  readonly sendFrame: (frame: Uint8Array) => void;
  /** Takes a packet that is for one of our own addresses. */
  readonly loop: (packet: Uint8Array) => void;
}

const LIMITED_BROADCAST = ipv4('255.255.255.255');
const DEFAULT_TTL = 64;

export class IpOutput {
  readonly #env: OutputEnvironment;
  /** Ties fragments together; from a random start, so that nobody can tell the next one (RFC 7739). */
  #id: number;

  constructor(env: OutputEnvironment) {
    this.#env = env;
    this.#id = Math.floor(env.random() * 2 ** 32);
  }

  /** Largest IP packet in bytes that goes out in one piece. */
  get mtu(): number {
    return this.#env.addresses.mtu ?? this.#env.deviceMtu;
  }

  /** See Stack.sendLayers. */
  sendLayers(
    destination: IpAddress,
    protocol: number,
    layers: readonly Layer[],
    options: SendOptions = {},
  ): SendProblem | undefined {
    const size = layers.reduce((sum, l) => sum + (l.layer === 'data' ? l.bytes.length : 0), 0);
    if (size > PAYLOAD_LIMIT) return this.#refuse('too-big');
    const src = this.#source(destination, options.source);
    if (src === undefined)
      return this.#refuse(this.#hasFamilyOf(destination) ? 'no-route' : 'no-source-address');
    const { ttl = DEFAULT_TTL, tos = 0, dontFragment = false } = options;
    const common = { ttl, tos, proto: protocol };
    const packet =
      isIpv4(destination) && isIpv4(src)
        ? packetOf(
            {
              layer: 'ipv4',
              src,
              dst: destination,
              df: dontFragment,
              id: this.#nextId() & 0xffff,
              ...common,
            },
            ...layers,
          )
        : isIpv6(destination) && isIpv6(src)
          ? packetOf({ layer: 'ipv6', src, dst: destination, ...common }, ...layers)
          : undefined;
    if (!packet) return this.#refuse('no-source-address');
    if (dontFragment && packet.length > this.mtu) return this.#refuse('too-big');
    return this.sendPacket(packet, destination);
  }

  /** See GuestNic.sendPacket. */
  sendPacket(packet: Uint8Array, towards?: IpAddress): SendProblem | undefined {
    const { addresses, neighbours } = this.#env;
    const ip = Ipv4View.at(packet, 0) ?? Ipv6View.at(packet, 0);
    if (!ip) return this.#refuse('ip-malformed');
    const whole = packet.subarray(0, ip.end);
    if (ip instanceof Ipv4View && ip.dontFragment && whole.length > this.mtu) return this.#refuse('too-big');
    const destination = towards ?? ip.dstIp;
    if (addresses.owns(destination)) {
      this.#env.loop(whole);
      return undefined;
    }
    if (destination === LIMITED_BROADCAST || addresses.isBroadcast(destination)) {
      this.transmit(BROADCAST_MAC, whole);
      return undefined;
    }
    if (isMulticastIp(destination)) {
      this.transmit(groupMac(destination), whole);
      return undefined;
    }
    const next = addresses.routes.nextHop(destination);
    if (!next) return this.#refuse('no-route');
    neighbours.send(next.address, whole);
    return undefined;
  }

  /** Sends the packet to a neighbour, in pieces where it does not fit the link. */
  transmit(to: Mac, packet: Uint8Array): void {
    const fits = packet.length <= this.mtu;
    const pieces = fits ? [packet] : fragment(packet, this.mtu, this.#nextId());
    if (pieces.length === 0) this.#env.counters.drop('too-big');
    for (const piece of pieces) {
      const frame = new Uint8Array(ETHERNET.SIZE + piece.length);
      write48(frame, ETHERNET.DST, macToNumber(to));
      write48(frame, ETHERNET.SRC, macToNumber(this.#env.mac));
      write16(frame, ETHERNET.TYPE, piece[0]! >>> 4 === 4 ? ETHERTYPE.IPV4 : ETHERTYPE.IPV6);
      frame.set(piece, ETHERNET.SIZE);
      this.#env.sendFrame(frame);
    }
  }

  /** Undefined when no address can be used for the destination. */
  #source(destination: IpAddress, wanted: IpAddress | undefined): IpAddress | undefined {
    const { addresses } = this.#env;
    if (wanted !== undefined) return addresses.owns(wanted) ? wanted : undefined;
    if (addresses.owns(destination)) return destination;
    const source = addresses.routes.nextHop(destination)?.source;
    if (source !== undefined) return source;
    const toAll = destination === LIMITED_BROADCAST || isMulticastIp(destination);
    if (!toAll) return undefined;
    return addresses.usable.find((own) => isIpv4(own.address) === isIpv4(destination))?.address;
  }

  #hasFamilyOf(destination: IpAddress): boolean {
    return this.#env.addresses.usable.some((own) => isIpv4(own.address) === isIpv4(destination));
  }

  #nextId(): number {
    this.#id = (this.#id + 1) >>> 0;
    return this.#id;
  }

  #refuse(problem: SendProblem): SendProblem {
    this.#env.counters.drop(problem);
    return problem;
  }
}
