/** What a datagram of VXLAN (RFC 7348, 5) or Geneve (RFC 8926, 3.4) has before the frame; both take 8 bytes. */
import { read16, read24, write16, write24 } from '../packet/bytes.ts';
import { ETHERTYPE } from '../packet/ethernet.ts';
import { GENEVE } from '../packet/geneve.ts';
import { UDP_PORT } from '../packet/udp.ts';
import { VXLAN, VXLAN_FLAG } from '../packet/vxlan.ts';

export type UdpEncapsulation = 'vxlan' | 'geneve';

export const TUNNEL_HEADER = 8;

/** The UDP port that the field knows the encapsulation by. */
export function tunnelPortOf(encapsulation: UdpEncapsulation): number {
  return encapsulation === 'vxlan' ? UDP_PORT.VXLAN : UDP_PORT.GENEVE;
}

export function tunnelHeader(encapsulation: UdpEncapsulation, vni: number): Uint8Array {
  const header = new Uint8Array(TUNNEL_HEADER);
  if (encapsulation === 'vxlan') {
    header[VXLAN.FLAGS] = VXLAN_FLAG.VNI;
    write24(header, VXLAN.VNI, vni);
  } else {
    write16(header, GENEVE.PROTOCOL, ETHERTYPE.TEB);
    write24(header, GENEVE.VNI, vni);
  }
  return header;
}

/** The VNI; undefined where the header is not exactly one that `tunnelHeader` writes: no other flags, no options. */
export function readTunnelHeader(encapsulation: UdpEncapsulation, datagram: Uint8Array): number | undefined {
  if (datagram.length < TUNNEL_HEADER) return undefined;
  const vni = read24(datagram, encapsulation === 'vxlan' ? VXLAN.VNI : GENEVE.VNI);
  const reserved = datagram[TUNNEL_HEADER - 1];
  const isPlain =
    encapsulation === 'vxlan'
      ? datagram[VXLAN.FLAGS] === VXLAN_FLAG.VNI && read24(datagram, 1) === 0
      : read16(datagram, 0) === 0 && read16(datagram, GENEVE.PROTOCOL) === ETHERTYPE.TEB;
  return isPlain && reserved === 0 ? vni : undefined;
}
