/** Neighbour discovery for IPv6 (RFC 4861 section 7) and duplicate address detection (RFC 4862 section 5.4). */
import {
  type Ipv6,
  ipv6,
  ipv6FromBigint,
  ipv6ToBigint,
  isIpv6,
  isMulticastIp,
  isMulticastMac,
  type Mac,
} from '../packet/address.ts';
import { frame } from '../packet/build.ts';
import { ICMPV6_TYPE, Icmpv6View, ND_OPTION, NEIGHBOR_FLAG } from '../packet/icmpv6.ts';
import { IP_PROTOCOL } from '../packet/ipv4.ts';
import type { Icmpv6Layer } from '../packet/layer.ts';
import { groupMac } from './group.ts';
import type { IpPacket } from './ip-packet.ts';
import type { Stack } from './stack.ts';

const UNSPECIFIED = ipv6('::');
const ALL_NODES = ipv6('ff02::1');
const SOLICITED_NODE = ipv6ToBigint(ipv6('ff02::1:ff00:0'));
/** A message with a lower one came through a router: it may be forged (RFC 4861 section 11.2). */
const HOP_LIMIT = 255;

/** The group that hears solicitations for `address` (RFC 4291 section 2.7.1). */
export function solicitedNode(address: Ipv6): Ipv6 {
  return ipv6FromBigint(SOLICITED_NODE | (ipv6ToBigint(address) & 0xffffffn));
}

export class NeighbourDiscovery {
  readonly #stack: Stack;

  constructor(stack: Stack) {
    this.#stack = stack;
  }

  /** Asks who has `target`: its group, or `known` alone. */
  request(target: Ipv6, source: Ipv6, known?: Mac): void {
    const { mac } = this.#stack;
    const layer = { type: ICMPV6_TYPE.NEIGHBOR_SOLICITATION, target, sll: mac };
    this.#send(source, known ? target : solicitedNode(target), known, layer);
  }

  /** Asks for `address` without saying that we have it. */
  probe(address: Ipv6): void {
    const layer = { type: ICMPV6_TYPE.NEIGHBOR_SOLICITATION, target: address };
    this.#send(UNSPECIFIED, solicitedNode(address), undefined, layer);
  }

  /** Says that we have `address` (RFC 4861 section 7.2.6). */
  announce(address: Ipv6): void {
    this.#advertise(address, ALL_NODES, undefined, false);
  }

  /** Takes a solicitation or advertisement whose checksum is right; `from` is the frame's source. */
  receive(packet: IpPacket, from: Mac): void {
    if (from !== this.#stack.mac && !this.#take(packet, from)) this.#stack.counters.drop('nd-malformed');
  }

  /** False when the message is not one that RFC 4861 section 7.1 lets pass. */
  #take(packet: IpPacket, from: Mac): boolean {
    const message = Icmpv6View.at(packet.bytes, packet.payloadOffset);
    const target = message?.targetIp;
    const { source, destination } = packet;
    if (!message || !target || !isIpv6(source) || !isIpv6(destination)) return false;
    if (packet.ttl !== HOP_LIMIT || message.code !== 0 || isMulticastIp(target)) return false;
    return message.type === ICMPV6_TYPE.NEIGHBOR_SOLICITATION
      ? this.#solicitation(message, from, source, destination, target)
      : this.#advertisement(message, from, destination, target);
  }

  #solicitation(message: Icmpv6View, from: Mac, source: Ipv6, destination: Ipv6, target: Ipv6): boolean {
    const { addresses, neighbours } = this.#stack;
    const link = message.linkAddress(ND_OPTION.SOURCE_LINK);
    if (link && isMulticastMac(link)) return false;
    if (source === UNSPECIFIED) {
      // A probe goes to the group and names no link-layer address.
      if (link || destination !== solicitedNode(target)) return false;
      addresses.heardProbe(target, from);
      if (addresses.owns(target)) this.#advertise(target, ALL_NODES, undefined, false);
      return true;
    }
    if (!addresses.owns(target)) return true;
    if (link) neighbours.learn(source, link, { create: true, confirmed: false, override: true });
    this.#advertise(target, source, link ?? neighbours.macOf(source), true);
    return true;
  }

  #advertisement(message: Icmpv6View, from: Mac, destination: Ipv6, target: Ipv6): boolean {
    const { addresses, neighbours } = this.#stack;
    const solicited = (message.rest & NEIGHBOR_FLAG.SOLICITED) !== 0;
    if (solicited && isMulticastIp(destination)) return false;
    const link = message.linkAddress(ND_OPTION.TARGET_LINK);
    if (link && isMulticastMac(link)) return false;
    if (addresses.heard(target, link ?? from)) return true;
    const known = link ?? neighbours.macOf(target);
    const override = (message.rest & NEIGHBOR_FLAG.OVERRIDE) !== 0;
    if (known) neighbours.learn(target, known, { create: false, confirmed: solicited, override });
    return true;
  }

  #advertise(target: Ipv6, destination: Ipv6, to: Mac | undefined, solicited: boolean): void {
    const { mac } = this.#stack;
    const layer = { type: ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT, target, solicited, override: true, tll: mac };
    // Who asked without a link-layer address and is not known is found by asking back, like any other destination.
    if (to === undefined && !isMulticastIp(destination)) {
      this.#stack.sendLayers(destination, IP_PROTOCOL.ICMPV6, [{ layer: 'icmpv6', ...layer }], {
        source: target,
        ttl: HOP_LIMIT,
      });
      return;
    }
    this.#send(target, destination, to, layer);
  }

  #send(src: Ipv6, dst: Ipv6, to: Mac | undefined, message: Omit<Icmpv6Layer, 'layer'>): void {
    this.#stack.sendFrame(
      frame(
        { layer: 'eth', src: this.#stack.mac, dst: to ?? groupMac(dst) },
        { layer: 'ipv6', src, dst, ttl: HOP_LIMIT },
        { layer: 'icmpv6', ...message },
      ),
    );
  }
}
