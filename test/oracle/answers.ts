/**
 * Frames made of frames: the answers that a virtual subnet gives by itself, and what its router does to a packet.
 * Checksums are brought up to date (RFC 1624), not made anew: one that was wrong stays wrong, and is noticed.
 */
import { type IpAddress, ipv6, type Mac, multicastMacOf } from '../../src/packet/address.ts';
import { ARP_OPERATION } from '../../src/packet/arp.ts';
import { read16, write16, write32 } from '../../src/packet/bytes.ts';
import { updateChecksum } from '../../src/packet/checksum.ts';
import { ICMP, ICMP_TYPE } from '../../src/packet/icmp.ts';
import { ICMPV6, ICMPV6_TYPE, linkAddressOption, ND_OPTION, NEIGHBOR_FLAG } from '../../src/packet/icmpv6.ts';
import { IP_PROTOCOL, IPV4 } from '../../src/packet/ipv4.ts';
import { IPV6 } from '../../src/packet/ipv6.ts';
import { type Layers, parseFrame } from '../../src/packet/parse.ts';
import { icmpOffset, icmpv6Type, isFragment, neighbourMessage } from './reading.ts';

const ALL_NODES = ipv6('ff02::1');
const GATEWAY_TTL = 64;
/** RFC 4861, 7.1.1: such a message has passed no router. */
const ND_HOP_LIMIT = 255;
const SOLICITED_NODE = /^ff02::1:ff[0-9a-f]{2}:[0-9a-f]{1,4}$/;

/** The address that a valid ARP request or neighbour solicitation asks for. */
export function askedFor(frame: Layers): IpAddress | undefined {
  const { arp, bytes, ipv6: ip } = frame;
  if (arp) return arp.operation === ARP_OPERATION.REQUEST ? arp.targetIp : undefined;
  if (icmpv6Type(frame) !== ICMPV6_TYPE.NEIGHBOR_SOLICITATION || ip?.hopLimit !== ND_HOP_LIMIT)
    return undefined;
  const message = neighbourMessage(frame);
  const option = message?.firstLink && bytes[message.firstLink];
  const detects = ip.srcIp === '::';
  const valid = detects
    ? option === undefined && SOLICITED_NODE.test(ip.dstIp)
    : option !== ND_OPTION.TARGET_LINK;
  return valid ? message?.target : undefined;
}

/** The answer to the one who asked: it is at `mac`. `router`: that is the gateway. */
export function neighbourAnswer(question: Layers, mac: Mac, router: boolean): Uint8Array {
  return question.arp ? arpAnswer(question.bytes, mac) : advertisement(question.bytes, mac, router);
}

/** RFC 826, "packet reception". */
function arpAnswer(question: Uint8Array, mac: Mac): Uint8Array {
  return rewrite(question, ({ eth, arp }) => {
    const { senderMac, senderIp, targetIp } = arp!;
    eth!.dstMac = senderMac;
    eth!.srcMac = mac;
    arp!.operation = ARP_OPERATION.REPLY;
    arp!.targetMac = senderMac;
    arp!.targetIp = senderIp;
    arp!.senderMac = mac;
    arp!.senderIp = targetIp;
  });
}

/** RFC 4861, 7.2.4: solicited and to who asked; to all nodes where that one has no address yet. */
function advertisement(question: Uint8Array, mac: Mac, router: boolean): Uint8Array {
  return rewrite(question, (copy) => {
    const { bytes, eth, ipv6: ip } = copy;
    const { offset, target, firstLink } = neighbourMessage(copy)!;
    const detects = ip!.srcIp === '::';
    const { ROUTER, SOLICITED, OVERRIDE } = NEIGHBOR_FLAG;
    eth!.dstMac = detects ? multicastMacOf(ALL_NODES) : eth!.srcMac;
    eth!.srcMac = mac;
    ip!.dstIp = detects ? ALL_NODES : ip!.srcIp;
    ip!.srcIp = target;
    bytes[offset + ICMPV6.TYPE] = ICMPV6_TYPE.NEIGHBOR_ADVERTISEMENT;
    write32(
      bytes,
      offset + ICMPV6.REST,
      ((router ? ROUTER : 0) | (detects ? 0 : SOLICITED) | OVERRIDE) >>> 0,
    );
    if (firstLink) bytes.set(linkAddressOption(ND_OPTION.TARGET_LINK, mac), firstLink);
  });
}

/** Where an echo request goes; undefined for anything else, fragments of one included. */
export function echoTarget(frame: Layers): IpAddress | undefined {
  const { ipv4, ipv6: ip6, icmp, icmpv6 } = frame;
  if (isFragment(frame)) return undefined;
  if (icmp?.type === ICMP_TYPE.ECHO_REQUEST && icmp.code === 0) return ipv4!.dstIp;
  if (icmpv6?.type === ICMPV6_TYPE.ECHO_REQUEST && icmpv6.code === 0) return ip6!.dstIp;
  return undefined;
}

/** RFC 792, RFC 4443 4.2: source and destination change places, and the type. */
export function echoAnswer(request: Uint8Array): Uint8Array {
  return rewrite(request, ({ bytes, eth, ipv4, ipv6: ip6, icmp, icmpv6 }) => {
    [eth!.dst, eth!.src] = [eth!.src, eth!.dst];
    if (ipv4) {
      [ipv4.dst, ipv4.src] = [ipv4.src, ipv4.dst];
      ipv4.ttl = GATEWAY_TTL;
    } else {
      [ip6!.dst, ip6!.src] = [ip6!.src, ip6!.dst];
      ip6!.hopLimit = GATEWAY_TTL;
    }
    bytes[(icmp ?? icmpv6)!.offset] = icmp ? ICMP_TYPE.ECHO_REPLY : ICMPV6_TYPE.ECHO_REPLY;
  });
}

/** One hop further, from a router's MAC address to a machine's; undefined when the TTL is used up. */
export function routed(packet: Layers, from: Mac, to: Mac): Uint8Array | undefined {
  const ttl = packet.ipv4?.ttl ?? packet.ipv6!.hopLimit;
  if (ttl <= 1) return undefined;
  return rewrite(packet.bytes, ({ eth, ipv4, ipv6: ip6 }) => {
    eth!.srcMac = from;
    eth!.dstMac = to;
    if (ipv4) ipv4.ttl = ttl - 1;
    else ip6!.hopLimit = ttl - 1;
  });
}

/** A changed copy, with the checksums of IPv4, ICMP and ICMPv6 following what was changed. */
function rewrite(frame: Uint8Array, change: (copy: Layers) => void): Uint8Array {
  const copy = parseFrame(frame.slice());
  const { bytes, ipv4, ipv6: ip6 } = copy;
  const message = icmpOffset(copy);
  change(copy);
  /** Takes the changed words of from..to (bytes of the frame) into the checksum at `field`. */
  const follow = (field: number, from: number, to: number) => {
    for (let at = from; at + 1 < to; at += 2) {
      const [before, after] = [read16(frame, at), read16(bytes, at)];
      if (before !== after) write16(bytes, field, updateChecksum(read16(bytes, field), before, after));
    }
  };
  if (ipv4) {
    const field = ipv4.offset + IPV4.CHECKSUM;
    follow(field, ipv4.offset, field);
    follow(field, ipv4.offset + IPV4.SRC, ipv4.payloadOffset);
  }
  if (message !== undefined) {
    const { end } = (ipv4 ?? ip6)!;
    follow(message + ICMP.CHECKSUM, message, message + ICMP.CHECKSUM);
    follow(message + ICMP.CHECKSUM, message + ICMP.REST, end);
    // The addresses are in the pseudo header of ICMPv6, the last one where there is a route of them (RFC 8200, 8.1).
    if (ip6) follow(message + ICMP.CHECKSUM, ip6.offset + IPV6.SRC, ip6.offset + IPV6.DST);
    if (ip6 && !isSourceRouted(copy))
      follow(message + ICMP.CHECKSUM, ip6.offset + IPV6.DST, ip6.payloadOffset);
  }
  return bytes;
}

/** Whether a routing header leads on to another destination. */
function isSourceRouted({ bytes, extensions }: Layers): boolean {
  return extensions.some((e) => e.type === IP_PROTOCOL.ROUTING && bytes[e.offset + 3] !== 0);
}
