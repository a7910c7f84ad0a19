/** Whether what a packet carries is whole and unchanged. */
import { checksumHolds, pseudoHeaderSum } from '../packet/checksum.ts';
import { ICMP } from '../packet/icmp.ts';
import { IP_PROTOCOL } from '../packet/ipv4.ts';
import { TcpView } from '../packet/tcp.ts';
import { UdpView } from '../packet/udp.ts';
import type { DropReason } from './counters.ts';
import type { IpPacket } from './ip-packet.ts';

/**
 * Why the packet must not be taken; undefined when it is right, or carries a protocol that is not looked into.
 * `zeroChecksumPorts`: UDP ports that take datagrams without a checksum over IPv6 (RFC 6935 section 5).
 */
export function transportProblem(
  packet: IpPacket,
  zeroChecksumPorts: ReadonlySet<number>,
): DropReason | undefined {
  const { bytes, family, protocol, payloadOffset: at } = packet;
  const end = bytes.length;
  const holds = (to: number) => checksumHolds(bytes, at, to, pseudoHeaderSum(bytes, 0, protocol, to - at));
  switch (protocol) {
    case IP_PROTOCOL.ICMP:
      if (family !== 4) return undefined;
      if (end - at < ICMP.SIZE) return 'icmp-malformed';
      return checksumHolds(bytes, at, end) ? undefined : 'icmp-checksum';
    case IP_PROTOCOL.ICMPV6:
      if (family !== 6) return undefined;
      if (end - at < ICMP.SIZE) return 'icmp-malformed';
      return holds(end) ? undefined : 'icmp-checksum';
    case IP_PROTOCOL.TCP:
      if (!TcpView.at(bytes, at, end)) return 'tcp-malformed';
      return holds(end) ? undefined : 'tcp-checksum';
    case IP_PROTOCOL.UDP: {
      const udp = UdpView.at(bytes, at, end);
      if (!udp) return 'udp-malformed';
      if (udp.checksum === 0)
        return family === 4 || zeroChecksumPorts.has(udp.dstPort) ? undefined : 'udp-checksum';
      return holds(udp.end) ? undefined : 'udp-checksum';
    }
    default:
      return undefined;
  }
}
