/**
 * The dp_hash of a packet (odp-execute.c of Open vSwitch, OVS_ACTION_ATTR_HASH), by which groups select. One kind is
 * the same for both directions of a flow, and of the packet as it is now; the other is a hash of its addresses and
 * ports as it came in, which a network card may have computed (RSS).
 */
import { IPV6 } from '../../packet/ipv6.ts';
import type { Selection } from '../actions/group-select.ts';
import { hashFiveTuple, hashSymmetricTcp, hashWords } from './hash-fields.ts';
import { WORD } from './key.ts';
import { Packet } from './packet.ts';

export type DatapathHash = Selection & { type: 'dp_hash' };

/** Unsigned 32 bits; `frame`: the packet as it came in. */
export function datapathHash({ symmetric, basis }: DatapathHash, packet: Packet, frame: Uint8Array): number {
  if (symmetric) {
    packet.trail?.lookAtHash();
    return hashSymmetricTcp(packet.key, basis);
  }
  packet.trail?.lookAtArrival(WORD.IPV6_SRC, WORD.IPV6_SRC + 8);
  packet.trail?.lookAtArrival(WORD.IP_SRC, WORD.PORTS + 1);
  const { key, ipHeaders } = Packet.read(frame);
  return hashWords(hashFiveTuple(key, protocolOf(ipHeaders, key[WORD.IP]! & 0xff), 0), basis);
}

/** With TCP and UDP over IPv6 it is the type of the first header that counts, be it an extension header. */
function protocolOf(headers: Packet['ipHeaders'], protocol: number): number {
  const isTcpOrUdp = protocol === 6 || protocol === 17;
  if (!headers || headers.family === 4 || !isTcpOrUdp) return protocol;
  return headers.bytes[headers.l3 + IPV6.NEXT]!;
}
