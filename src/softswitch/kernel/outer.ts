/**
 * The outer headers of a batch that came out of a tunnel over IPv4: the same checks as `decapsulate` (tunnel.ts), on
 * halves of words. It only says yes: whatever is out of the ordinary goes on by itself, and is refused there with its
 * reason, or taken after all.
 */
import { type IpAddress, ipToBigint, isIpv4 } from '../../packet/address.ts';
import { UDP_PORT } from '../../packet/udp.ts';
import { type Tunnel, tunnelPort } from '../tunnel/tunnel.ts';
import { KEY, LIST } from './layout.ts';

/** Bytes: an IPv4 header without options, and with it GRE with a key, or UDP and VXLAN or Geneve. */
const IPV4_SIZE = 20;
const NVGRE_SIZE = 28;
const VXLAN_SIZE = 36;
/** Ethernet with the shortest packet that has a key. */
const SHORTEST_INNER = 18;

/** The order of memory is that of little-endian machines, so numbers of two bytes stand the other way round. */
function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

/** Bytes before the inner frames; undefined where packets of this tunnel go on one by one. */
export function outerSize({ encapsulation, local }: Tunnel): number | undefined {
  if (!isIpv4(local)) return undefined;
  return encapsulation === 'nvgre' ? NVGRE_SIZE : VXLAN_SIZE;
}

/**
 * Puts in the lists of a kernel, instead of where each packet is, where its inner frame is, and what the tunnel says of it
 * into its key; a length of 0 where it has to go on by itself. `base`, `size`: of the memory of the batch.
 */
export function readOuter(
  tunnel: Tunnel,
  outer: number,
  halves: Uint16Array,
  base: number,
  size: number,
  words: Int32Array,
  count: number,
): void {
  const local = addressWord(tunnel.local);
  const isGre = tunnel.encapsulation === 'nvgre';
  const port = isGre ? 0 : swap16(tunnelPort(tunnel));
  for (let i = 0; i < count; i++) {
    const at = words[LIST.AT + i]!;
    const length = words[LIST.LENGTH + i]!;
    words[LIST.AT + i] = at + outer;
    words[LIST.LENGTH + i] = 0;
    if (((at + base) & 1) !== 0 || at < 0 || length < outer + SHORTEST_INNER || length > size - at) continue;
    const h = (at + base) >> 1;
    const total = swap16(halves[h + 1]!);
    // Version 4, no options, no congestion; not a fragment; all there.
    if ((halves[h]! & 0x03ff) === 0x0345 || (halves[h]! & 0xff) !== 0x45) continue;
    if ((halves[h + 3]! & 0xff3f) !== 0 || total > length || total < outer + SHORTEST_INNER) continue;
    if (halves[h + 4]! >>> 8 !== (isGre ? 47 : 17)) continue;
    const destination = halves[h + 8]! | (halves[h + 9]! << 16);
    if (destination !== local || !checksumHolds(halves, h)) continue;
    if (isGre ? !isNvgre(halves, h + 10) : !isOverUdp(halves, h + 10, total, port)) continue;
    // Tags inside of a tunnel are refused.
    const type = halves[h + (outer >> 1) + 6]!;
    if (type === 0x0081 || type === 0xa888) continue;
    const k = KEY.AT + i * KEY.SIZE;
    const last = h + (outer >> 1) - 2;
    const id = (swap16(halves[last]!) << 16) | swap16(halves[last + 1]!);
    words[k + 10] = isGre ? id : id >>> 8;
    words[k + 11] = (swap16(halves[h + 6]!) << 16) | swap16(halves[h + 7]!);
    words[k + 12] = (swap16(halves[h + 8]!) << 16) | swap16(halves[h + 9]!);
    words[LIST.LENGTH + i] = total - outer;
  }
}

function checksumHolds(halves: Uint16Array, h: number): boolean {
  let sum = 0;
  for (let i = h; i < h + IPV4_SIZE / 2; i++) sum += halves[i]!;
  sum = (sum & 0xffff) + (sum >>> 16);
  return (sum & 0xffff) + (sum >>> 16) === 0xffff;
}

/** A key and nothing else, and an Ethernet frame in it. */
function isNvgre(halves: Uint16Array, h: number): boolean {
  return halves[h] === 0x0020 && halves[h + 1] === 0x5865;
}

/** No checksum of UDP, all flags and reserved bits as we send them. */
function isOverUdp(halves: Uint16Array, h: number, total: number, port: number): boolean {
  if (halves[h + 1] !== port || swap16(halves[h + 2]!) !== total - IPV4_SIZE || halves[h + 3] !== 0)
    return false;
  if (halves[h + 7]! >>> 8 !== 0) return false;
  const isVxlan = swap16(port) === UDP_PORT.VXLAN;
  return isVxlan
    ? halves[h + 4] === 0x0008 && halves[h + 5] === 0
    : halves[h + 4] === 0 && halves[h + 5] === 0x5865;
}

/** As it stands in memory. */
function addressWord(address: IpAddress): number {
  const value = Number(ipToBigint(address)) | 0;
  return (value << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
}
