/** Writes translated addresses and ports into packets (nat_packet of lib/conntrack.c in Open vSwitch). */
import { read16, write16 } from '../../packet/bytes.ts';
import { checksumFor } from '../../packet/checksum.ts';
import { IP_PROTOCOL, IPV4 } from '../../packet/ipv4.ts';
import { IPV6 } from '../../packet/ipv6.ts';
import { patch16 } from '../cache/edits.ts';
import type { Packet } from '../frame/packet.ts';
import {
  addressOf,
  CONNECTION_KEY,
  type ConnectionKey,
  familyOf,
  portOf,
  protocolOf,
} from './connection-key.ts';
import type { Connection, Translation } from './connection-table.ts';
import { type Headers, pseudoHeaderOf, quotedIpv4, quotedIpv6 } from './extract.ts';
import { CT_STATE } from './state.ts';

const { SRC, SRC_PORT, DST, DST_PORT } = CONNECTION_KEY;

/** In answers the other address is translated back. */
function inDirection(translation: Translation, isReply: boolean): Translation {
  if (!isReply || translation === 'none') return translation;
  return translation === 'src' ? 'dst' : 'src';
}

/**
 * Makes a packet look as the other side of its connection knows it; the answer is the bit of ct_state that says so.
 * `isRelated`: the packet is an ICMP error, so what it quotes is changed as well, to what its receiver once sent.
 */
export function translatePacket(
  packet: Packet,
  { forward, reply, translation }: Connection,
  isReply: boolean,
  isRelated: boolean,
): number {
  const what = inDirection(translation, isReply);
  if (what === 'none') return 0;
  // The packet becomes one whose answer has this key.
  const answer = isReply ? forward : reply;
  const isIpv4 = familyOf(answer) === 4;
  if (what === 'src') packet.set(isIpv4 ? 'ip_src' : 'ipv6_src', addressOf(answer, DST));
  else packet.set(isIpv4 ? 'ip_dst' : 'ipv6_dst', addressOf(answer, SRC));
  if (isRelated) {
    translateQuoted(packet, answer, what);
  } else if (protocolOf(answer) === IP_PROTOCOL.TCP) {
    packet.set('tcp_src', BigInt(portOf(answer[DST_PORT]!)));
    packet.set('tcp_dst', BigInt(portOf(answer[SRC_PORT]!)));
  } else if (protocolOf(answer) === IP_PROTOCOL.UDP) {
    packet.set('udp_src', BigInt(portOf(answer[DST_PORT]!)));
    packet.set('udp_dst', BigInt(portOf(answer[SRC_PORT]!)));
  }
  return what === 'src' ? CT_STATE.SNAT : CT_STATE.DNAT;
}

/** The quoted packet went the other way, so its other address is the one to change. */
function translateQuoted(packet: Packet, answer: ConnectionKey, outer: Translation): void {
  const headers = packet.ipHeaders;
  if (!headers) return;
  const bytes = packet.writable();
  const { family, l3, l4, end } = headers;
  const quoted = (family === 4 ? quotedIpv4 : quotedIpv6)(bytes, l4 + 8, end);
  if (!quoted) return;
  writeQuoted(quoted, answer, outer === 'src' ? 'dst' : 'src');
  const sum = family === 4 ? 0 : pseudoHeaderOf(bytes, l3, 6, IP_PROTOCOL.ICMPV6, end - l4);
  write16(bytes, l4 + 2, checksumFor(bytes, l4, end, l4 + 2, sum));
}

function writeQuoted(quoted: Headers, answer: ConnectionKey, what: Translation): void {
  const { bytes, family, l3, l4, end } = quoted;
  const protocol = protocolOf(answer);
  const isUdp = protocol === IP_PROTOCOL.UDP;
  // The quote may end before the checksum.
  const sum = checksumPlace(protocol, family);
  const isThere = (size: number) => (sum !== undefined && l4 + size <= end ? l4 + sum : 0);
  if (protocol === IP_PROTOCOL.TCP || isUdp) {
    const place = isThere((sum ?? 0) + 2);
    patch16(bytes, l4, portOf(answer[SRC_PORT]!), 0xffff, place, isUdp, 0);
    patch16(bytes, l4 + 2, portOf(answer[DST_PORT]!), 0xffff, place, isUdp, 0);
  }
  const place = isThere(protocol === IP_PROTOCOL.TCP ? 20 : (sum ?? 0) + 2);
  const from = what === 'src' ? SRC : DST;
  const at = l3 + (family === 4 ? IPV4 : IPV6)[what === 'src' ? 'SRC' : 'DST'];
  for (let i = 0; i < (family === 4 ? 2 : 8); i++) {
    const word = answer[from + (i >> 1)]!;
    const half = (i & 1) === 0 ? word >>> 16 : word & 0xffff;
    patch16(bytes, at + 2 * i, half, 0xffff, place, isUdp, family === 4 ? l3 + IPV4.CHECKSUM : 0);
  }
}

/** Where in a transport header the checksum that covers the addresses stands. */
function checksumPlace(protocol: number, family: 4 | 6): number | undefined {
  if (protocol === IP_PROTOCOL.TCP) return 16;
  if (protocol === IP_PROTOCOL.UDP) return 6;
  return protocol === IP_PROTOCOL.ICMPV6 && family === 6 ? 2 : undefined;
}

/** Whether Open vSwitch 3.1 would look for a control connection of FTP or TFTP in the packet. */
export function isHelped({ bytes, l3, l4 }: Headers): boolean {
  // It looks for the protocol where IPv4 has it, unless the type right behind the addresses is that of IPv6.
  const protocol = bytes[read16(bytes, 12) === 0x86dd ? l3 + IPV6.NEXT : l3 + IPV4.PROTOCOL];
  const [source, destination] = [read16(bytes, l4), read16(bytes, l4 + 2)];
  if (protocol === IP_PROTOCOL.UDP) return destination === 69;
  return protocol === IP_PROTOCOL.TCP && (source === 21 || destination === 21);
}
