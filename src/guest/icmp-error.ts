/** ICMP errors: what they say in words, the packet that they quote, and those that we send ourselves. */
import type { Clock } from '../base/clock.ts';
import { type IpAddress, ipFromBigint, isMulticastIp } from '../packet/address.ts';
import { read16, read32, read128 } from '../packet/bytes.ts';
import { ICMP, ICMP_TYPE, ICMP_UNREACHABLE } from '../packet/icmp.ts';
import { ICMPV6_TYPE } from '../packet/icmpv6.ts';
import { IP_PROTOCOL, IPV4 } from '../packet/ipv4.ts';
import { IPV6 } from '../packet/ipv6.ts';
import type { Layer } from '../packet/layer.ts';
import { type IpPacket, MINIMUM_MTU } from './ip-packet.ts';

/** What of the packet in question an error brings back. */
export interface Quoted {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  /** IPv6: the next header of the first header; extension headers are not walked. */
  readonly protocol: number;
  /**
   * What came back of what it carried: eight bytes at least in IPv4, often more; may be empty. A window on the frame:
   * good until the handler returns.
   */
  readonly payload: Uint8Array;
}

export interface IcmpError {
  /** Who reports it. */
  readonly from: IpAddress;
  readonly kind: 'unreachable' | 'too-big' | 'time-exceeded' | 'parameter-problem';
  readonly code: number;
  /** Of too-big: what the next link takes, in bytes of IP packet; 0 where an old router does not say. */
  readonly mtu?: number;
  /** "10.0.0.1: no route to the host". */
  readonly words: string;
  readonly about: Quoted;
}

/** Types beyond those of packet/icmp.ts and packet/icmpv6.ts. */
const PARAMETER_PROBLEM = { 4: 12, 6: 4 } as const;
const UNREACHABLE_PROTOCOL = 2;
const UNREACHABLE_PORT = { 4: ICMP_UNREACHABLE.PORT, 6: 4 } as const;
const UNRECOGNIZED_NEXT_HEADER = 1;

/** RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1. */
const UNREACHABLE_WORDS_4: Readonly<Record<number, string>> = {
  0: 'no route to the network',
  1: 'the host does not answer',
  2: 'the host does not speak this protocol',
  3: 'nobody listens on the port',
  5: 'the source route failed',
  9: 'forbidden by an administrator',
  10: 'forbidden by an administrator',
  13: 'forbidden by an administrator',
};
/** RFC 4443 section 3.1. */
const UNREACHABLE_WORDS_6: Readonly<Record<number, string>> = {
  0: 'no route to the network',
  1: 'forbidden by an administrator',
  2: 'the destination is beyond the scope of the source address',
  3: 'the host does not answer',
  4: 'nobody listens on the port',
  5: 'the source address is not allowed',
  6: 'the route is rejected',
};

/** The error that an ICMP packet brings; undefined when it is no error, or quotes no packet. */
export function readIcmpError(packet: IpPacket): IcmpError | undefined {
  const { bytes, family, source: from, payloadOffset: at } = packet;
  const type = bytes[at + ICMP.TYPE]!;
  const code = bytes[at + ICMP.CODE]!;
  const about = readQuoted(bytes.subarray(at + ICMP.SIZE));
  if (!about) return undefined;
  const error = (kind: IcmpError['kind'], words: string): IcmpError => ({
    from,
    kind,
    code,
    words: `${from}: ${words}`,
    about,
  });
  const tooBig = (mtu: number): IcmpError => ({
    ...error('too-big', mtu ? `too big, the next link takes ${mtu} bytes` : 'too big for the next link'),
    mtu,
  });
  if (family === 4 ? type === ICMP_TYPE.UNREACHABLE : type === ICMPV6_TYPE.UNREACHABLE) {
    if (family === 4 && code === ICMP_UNREACHABLE.FRAGMENTATION_NEEDED)
      return tooBig(read16(bytes, at + ICMP.MTU));
    const words = (family === 4 ? UNREACHABLE_WORDS_4 : UNREACHABLE_WORDS_6)[code];
    return error('unreachable', words ?? `unreachable, code ${code}`);
  }
  if (family === 6 && type === ICMPV6_TYPE.PACKET_TOO_BIG) return tooBig(read32(bytes, at + ICMP.REST));
  if (type === (family === 4 ? ICMP_TYPE.TIME_EXCEEDED : ICMPV6_TYPE.TIME_EXCEEDED))
    return error('time-exceeded', code === 0 ? 'time to live exceeded' : 'pieces of the packet were lost');
  if (type === PARAMETER_PROBLEM[family]) return error('parameter-problem', 'the packet is not understood');
  return undefined;
}

/** Reads the head of a packet that may have been cut; undefined when not even the addresses are there. */
export function readQuoted(bytes: Uint8Array): Quoted | undefined {
  const version = (bytes[0] ?? 0) >>> 4;
  const headerLength = version === 4 ? ((bytes[0] ?? 0) & 15) * 4 : IPV6.SIZE;
  if (bytes.length < headerLength) return undefined;
  if (version === 4 && headerLength >= IPV4.SIZE) {
    return {
      source: ipFromBigint(BigInt(read32(bytes, IPV4.SRC)), 4),
      destination: ipFromBigint(BigInt(read32(bytes, IPV4.DST)), 4),
      protocol: bytes[IPV4.PROTOCOL]!,
      payload: bytes.subarray(headerLength),
    };
  }
  if (version !== 6) return undefined;
  return {
    source: ipFromBigint(read128(bytes, IPV6.SRC), 6),
    destination: ipFromBigint(read128(bytes, IPV6.DST), 6),
    protocol: bytes[IPV6.NEXT]!,
    payload: bytes.subarray(headerLength),
  };
}

/** The message that answers a packet which nothing here takes. */
export function unreachableLayers(packet: IpPacket, what: 'port' | 'protocol'): readonly Layer[] {
  const { family } = packet;
  const quote: Layer = {
    layer: 'data',
    bytes: packet.bytes.subarray(0, MINIMUM_MTU[family] - IPV6.SIZE - ICMP.SIZE),
  };
  if (family === 4) {
    const code = what === 'port' ? UNREACHABLE_PORT[4] : UNREACHABLE_PROTOCOL;
    return [{ layer: 'icmp', type: ICMP_TYPE.UNREACHABLE, code }, quote];
  }
  const message: Layer =
    what === 'port'
      ? { layer: 'icmpv6', type: ICMPV6_TYPE.UNREACHABLE, code: UNREACHABLE_PORT[6] }
      : {
          layer: 'icmpv6',
          type: PARAMETER_PROBLEM[6],
          code: UNRECOGNIZED_NEXT_HEADER,
          rest: packet.protocolOffset,
        };
  return [message, quote];
}

/** Whether an error about this packet may be sent at all (RFC 1122 section 3.2.2, RFC 4443 section 2.4 e). */
export function mayAnswerWithError(packet: IpPacket): boolean {
  const { family, protocol, source, bytes, payloadOffset } = packet;
  if (source === '0.0.0.0' || source === '::' || isMulticastIp(source)) return false;
  const type = bytes[payloadOffset];
  if (type === undefined) return true;
  if (family === 6) return protocol !== IP_PROTOCOL.ICMPV6 || type >= ICMPV6_TYPE.ECHO_REQUEST;
  return protocol !== IP_PROTOCOL.ICMP || type === ICMP_TYPE.ECHO_REQUEST;
}

/** Errors a second that a stack sends (RFC 4443 section 2.4 f asks for a limit). */
export const ERROR_RATE = 100;

/** Counts to ERROR_RATE in each second. */
export class ErrorLimit {
  readonly #clock: Clock;
  #second = Number.NEGATIVE_INFINITY;
  #sent = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  allows(): boolean {
    const now = this.#clock.now();
    if (now - this.#second >= 1000) {
      this.#second = now;
      this.#sent = 0;
    }
    this.#sent += 1;
    return this.#sent <= ERROR_RATE;
  }
}
