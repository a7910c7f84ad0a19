/**
 * The hash that `multipath(symmetric_l3l4+udp, …)` uses, so that the softswitch and Open vSwitch put a flow on the
 * same path: MurmurHash3 (public domain, Austin Appleby) over words in the byte order of a little-endian machine, as
 * lib/hash.h and lib/flow.c of Open vSwitch do it on x86-64 built without SSE 4.2, which is how Debian builds it.
 * test/ovs/trace-parity.test.ts compares the two.
 */
import { read16, read32 } from '../../packet/bytes.ts';
import { ETHERNET, ETHERTYPE } from '../../packet/ethernet.ts';
import { IPV4 } from '../../packet/ipv4.ts';
import { IPV6 } from '../../packet/ipv6.ts';
import { isVlanType, VLAN } from '../../packet/vlan.ts';
import { type FlowKey, isFragment, newKey, WORD } from './key.ts';

export function hashAdd(hash: number, data: number): number {
  let d = Math.imul(data, 0xcc9e2d51);
  d = (d << 15) | (d >>> 17);
  let h = hash ^ Math.imul(d, 0x1b873593);
  h = (h << 13) | (h >>> 19);
  return (Math.imul(h, 5) + 0xe6546b64) | 0;
}

/** Unsigned 32 bits. */
export function hashFinish(hash: number, final: number): number {
  return finish(hash, final) >>> 0;
}

/** Signed: a number that fits 31 bits and a sign costs no memory. */
function finish(hash: number, final: number): number {
  let h = hash ^ final;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** Unsigned 32 bits; the same for both directions of a flow. Fragments of one packet hash alike. */
export function hashSymmetric(key: FlowKey, basis: number): number {
  return symmetric(key, basis) >>> 0;
}

function symmetric(key: FlowKey, basis: number): number {
  const type = key[WORD.TYPE]! >>> 16;
  const protocol = key[WORD.IP]! & 0xff;
  let hash = basis;
  if (type === 0x0800) {
    hash = hashAdd(hash, swap(key[WORD.IP_SRC]! ^ key[WORD.IP_DST]!));
  } else if (type === 0x86dd) {
    for (let i = 0; i < 4; i++) hash = hashAdd(hash, swap(key[WORD.IPV6_SRC + i]! ^ key[WORD.IPV6_DST + i]!));
  } else {
    return hashAddresses(key, basis);
  }
  hash = hashAdd(hash, protocol);
  // TCP, UDP, SCTP
  if (!isFragment(key) && (protocol === 6 || protocol === 17 || protocol === 132)) {
    const ports = key[WORD.PORTS]!;
    hash = hashAdd(hash, swap(((ports >>> 16) ^ ports) << 16));
  }
  return finish(hash, basis);
}

/** hashSymmetric, modulo `links`, of a frame in memory that has one tag at most, is no fragment, and has no options before its ports. */
export function hashFrame(bytes: Uint8Array, at: number, basis: number, links: number): number {
  const key = HASHED;
  const tagged = isVlanType(read16(bytes, at + ETHERNET.TYPE));
  const l3 = at + ETHERNET.SIZE + (tagged ? VLAN.SIZE : 0);
  const type = read16(bytes, l3 - 2);
  key[WORD.TYPE] = type << 16;
  if (type === ETHERTYPE.IPV4) {
    key[WORD.IP] = bytes[l3 + IPV4.PROTOCOL]!;
    key[WORD.IP_SRC] = read32(bytes, l3 + IPV4.SRC);
    key[WORD.IP_DST] = read32(bytes, l3 + IPV4.DST);
    key[WORD.PORTS] = read32(bytes, l3 + IPV4.SIZE);
  } else if (type === ETHERTYPE.IPV6) {
    key[WORD.IP] = bytes[l3 + IPV6.NEXT]!;
    for (let i = 0; i < 8; i++) key[WORD.IPV6_SRC + i] = read32(bytes, l3 + IPV6.SRC + 4 * i);
    key[WORD.PORTS] = read32(bytes, l3 + IPV6.SIZE);
  } else {
    for (let i = 0; i < 3; i++) key[WORD.ETH + i] = read32(bytes, at + 4 * i);
    key[WORD.TAG] = tagged ? read32(bytes, at + ETHERNET.TYPE) : 0;
  }
  return (symmetric(key, basis) >>> 0) % links;
}

const HASHED = newKey();

/** For frames that are not IP: Ethernet addresses, type and VLAN. */
function hashAddresses(key: FlowKey, basis: number): number {
  const [first, second, third] = [key[WORD.ETH]!, key[WORD.ETH + 1]!, key[WORD.ETH + 2]!];
  const high = first ^ ((second << 16) | (third >>> 16));
  const low = (second >>> 16) ^ (third & 0xffff);
  const vlan = (key[WORD.TAG]! ^ key[WORD.INNER_TAG]!) & 0xfff;
  let hash = hashAdd(basis, swap((key[WORD.TYPE]! & 0xffff0000) | vlan));
  hash = hashAdd(hash, swap(high));
  hash = hashAdd(hash, swap(low << 16));
  return finish(hash, basis);
}

/** The direction counts here: which member of a team carries a flow (balance-tcp). */
export function hashFlow(key: FlowKey): number {
  let hash = 0;
  for (let i = WORD.ETH; i <= WORD.TYPE; i++) hash = hashAdd(hash, key[i]!);
  for (let i = WORD.IPV6_SRC; i < WORD.IP; i++) hash = hashAdd(hash, key[i]!);
  hash = hashAdd(hash, key[WORD.IP]! & 0xff);
  hash = hashAdd(hash, key[WORD.IP_SRC]!);
  hash = hashAdd(hash, key[WORD.IP_DST]!);
  if (!isFragment(key)) hash = hashAdd(hash, key[WORD.PORTS]!);
  return hashFinish(hash, KEY_HASH_END);
}

const KEY_HASH_END = 42;

/** The four bytes the other way round. */
function swap(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
