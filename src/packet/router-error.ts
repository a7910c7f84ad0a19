/**
 * What a router says to the sender of a packet that it cannot pass on: the packet is too big for the next link
 * (RFC 1191, section 4; RFC 4443, 3.2), or has used up its time to live (RFC 792; RFC 4443, 3.3).
 *
 * "Too big" is said whether or not IPv4's "don't fragment" is set. A router of RFC 791 would cut a packet that allows
 * it into pieces; a virtual switch cannot, and a packet that is lost without a word helps nobody. Whoever hears it
 * sends smaller packets, or smaller pieces, from then on.
 */
import { type IpAddress, isIpv4, isMulticastIp, type Mac } from './address.ts';
import { frame } from './build.ts';
import { ICMP, ICMP_TYPE, ICMP_UNREACHABLE } from './icmp.ts';
import { ICMPV6_TYPE } from './icmpv6.ts';
import { IP_PROTOCOL, IPV4 } from './ipv4.ts';
import { IPV6 } from './ipv6.ts';
import type { Layer } from './layer.ts';
import { type Layers, parseFrame } from './parse.ts';

/** `mtu`: bytes of IP packet that the next link takes, 68..65535. */
export type RouterProblem =
  | { readonly type: 'too-big'; readonly mtu: number }
  | { readonly type: 'time-exceeded' };

/** The router's interface on the link of the sender. */
export interface RouterInterface {
  readonly mac: Mac;
  readonly address: IpAddress;
}

/** Bytes of a whole error packet that every link takes: RFC 1812, 4.3.2.3; RFC 4443, 3.2. */
const LONGEST_ERROR = { v4: 576, v6: 1280 } as const;
/** First byte of addresses that are not one machine's: this network, loopback, class E and broadcast. */
const NO_MACHINE = /^(0|127|2[4-5]\d)\./;

/**
 * The frame that tells the machine with the MAC address `to`; undefined where nothing may be said about the packet:
 * it is not of the router's family, no IP, a later fragment or an ICMP error, or it is from or to no single machine
 * (RFC 1122, 3.2.2; RFC 4443, 2.4 e).
 */
export function routerError(
  bytes: Uint8Array,
  problem: RouterProblem,
  router: RouterInterface,
  to: Mac,
): Uint8Array | undefined {
  const layers = parseFrame(bytes);
  const ip = layers.ipv4 ?? layers.ipv6;
  const isV4 = layers.ipv4 !== undefined;
  if (!ip || isV4 !== isIpv4(router.address) || !mayBeToldOf(layers)) return undefined;
  const header = isV4 ? IPV4.SIZE : IPV6.SIZE;
  const room = (isV4 ? LONGEST_ERROR.v4 : LONGEST_ERROR.v6) - header - ICMP.SIZE;
  const quote = bytes.slice(ip.offset, Math.min(ip.end, ip.offset + room));
  const { address } = router;
  return frame(
    { layer: 'eth', src: router.mac, dst: to },
    isIpv4(address)
      ? { layer: 'ipv4', src: address, dst: layers.ipv4!.srcIp }
      : { layer: 'ipv6', src: address, dst: layers.ipv6!.srcIp },
    isV4 ? messageV4(problem) : messageV6(problem),
    { layer: 'data', bytes: quote },
  );
}

function messageV4(problem: RouterProblem): Layer {
  if (problem.type === 'time-exceeded') return { layer: 'icmp', type: ICMP_TYPE.TIME_EXCEEDED };
  const code = ICMP_UNREACHABLE.FRAGMENTATION_NEEDED;
  return { layer: 'icmp', type: ICMP_TYPE.UNREACHABLE, code, mtu: problem.mtu };
}

function messageV6(problem: RouterProblem): Layer {
  return problem.type === 'time-exceeded'
    ? { layer: 'icmpv6', type: ICMPV6_TYPE.TIME_EXCEEDED }
    : { layer: 'icmpv6', type: ICMPV6_TYPE.PACKET_TOO_BIG, mtu: problem.mtu };
}

function mayBeToldOf({ eth, ipv4, ipv6, fragment, protocol, icmp, icmpv6 }: Layers): boolean {
  if (!eth || (eth.bytes[eth.offset]! & 1) !== 0 || fragment === 'later') return false;
  const { srcIp, dstIp } = (ipv4 ?? ipv6)!;
  if (![srcIp, dstIp].every(isOneMachine)) return false;
  // What cannot be read could be an error.
  if (ipv4) return protocol !== IP_PROTOCOL.ICMP || icmp?.isError === false;
  if (protocol !== IP_PROTOCOL.ICMPV6) return true;
  return (
    icmpv6 !== undefined && icmpv6.type >= ICMPV6_TYPE.ECHO_REQUEST && icmpv6.type !== ICMPV6_TYPE.REDIRECT
  );
}

function isOneMachine(address: IpAddress): boolean {
  return !isMulticastIp(address) && address !== '::' && address !== '::1' && !NO_MACHINE.test(address);
}
