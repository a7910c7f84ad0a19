/**
 * The hashes by which Open vSwitch spreads flows over the buckets of a group and the members of a bundle, bit for bit
 * (lib/flow.c and lib/hash.h, on x86-64 without SSE 4.2): the same frame takes the same way here and there. All are
 * unsigned 32 bits. Each tells the trail of the packet what it reads.
 */
import { type FieldName, fieldOf } from '../../flow/fields.ts';
import type { HashFields } from '../../flow/flow.ts';
import type { Trail } from '../cache/trail.ts';
import { hashAdd, hashFinish, hashSymmetric } from './hash.ts';
import { jenkinsHash } from './jenkins.ts';
import { type FlowKey, readField, WORD } from './key.ts';

const [TCP, UDP, SCTP, ICMP, ICMPV6] = [6, 17, 132, 1, 58];

/** Of two words (hash_2words; hash_int where the second is a basis). */
export function hashWords(first: number, second: number): number {
  return hashFinish(hashAdd(hashAdd(first, 0), second), 8);
}

/** Of 64 bits (hash_uint64). */
export function hash64(value: bigint): number {
  const low = Number(value & 0xffffffffn);
  const high = Number((value >> 32n) & 0xffffffffn);
  return hashFinish(hashAdd(hashAdd(0, low), high), 8);
}

/** Of the value of a field in network byte order (hash_bytes). */
export function hashField(key: FlowKey, name: FieldName, basis: number): number {
  const octets = Math.ceil(fieldOf(name).bits / 8);
  const bytes = new Uint8Array(octets);
  let value = readField(key, name);
  for (let i = octets - 1; i >= 0; i--) {
    bytes[i] = Number(value & 0xffn);
    value >>= 8n;
  }
  let hash = basis;
  for (let at = 0; at < octets; at += 4) {
    let word = 0;
    for (let i = 0; i < 4; i++) word |= (bytes[at + i] ?? 0) << (8 * i);
    hash = hashAdd(hash, word);
  }
  return hashFinish(hash, octets);
}

/** What `fields` of the frame hash to (flow_hash_fields). */
export function hashFields(
  key: FlowKey,
  trail: Trail | undefined,
  fields: HashFields,
  basis: number,
): number {
  switch (fields) {
    case 'eth_src':
      trail?.lookAt('eth_src');
      return jenkinsHash(octetsOf(key, 'eth_src'), basis);
    case 'symmetric_l4':
      return hashSymmetricL4(key, trail, basis);
    case 'symmetric_l3l4':
      trail?.lookAtHash();
      return hashSymmetricTcp(key, basis);
    case 'symmetric_l3l4+udp':
      trail?.lookAtHash();
      return hashSymmetric(key, basis);
    case 'nw_src':
    case 'nw_dst': {
      const name = addressField(key, fields === 'nw_src' ? 'src' : 'dst');
      if (!name) return basis;
      trail?.lookAt(name);
      return jenkinsHash(octetsOf(key, name), basis);
    }
  }
}

/** flow_hash_symmetric_l3l4 without the ports of UDP, which dp_hash uses too. */
export function hashSymmetricTcp(key: FlowKey, basis: number): number {
  if (!isIp(key) || protocolOf(key) !== UDP) return hashSymmetric(key, basis);
  let hash = basis;
  if (typeOf(key) === 0x0800) {
    hash = hashAdd(hash, swap(key[WORD.IP_SRC]! ^ key[WORD.IP_DST]!));
  } else {
    for (let i = 0; i < 4; i++) hash = hashAdd(hash, swap(key[WORD.IPV6_SRC + i]! ^ key[WORD.IPV6_DST + i]!));
  }
  return hashFinish(hashAdd(hash, UDP), basis);
}

/**
 * flow_hash_symmetric_l4, over a record of 32 bytes: the addresses, both directions folded into one by XOR (16), type
 * (2), VLAN (2), ports of TCP and SCTP (2), Ethernet addresses (6), protocol (1), and three of padding.
 */
export function hashSymmetricL4(key: FlowKey, trail: Trail | undefined, basis: number): number {
  lookAtSymmetricL4(key, trail);
  const record = new Uint8Array(32);
  const view = new DataView(record.buffer);
  const protocol = protocolOf(key);
  const type = typeOf(key);
  view.setUint16(16, type);
  view.setUint16(18, (key[WORD.TAG]! ^ key[WORD.INNER_TAG]!) & 0xfff);
  const [first, second, third] = [key[WORD.ETH]!, key[WORD.ETH + 1]!, key[WORD.ETH + 2]!];
  view.setUint32(22, first ^ ((second << 16) | (third >>> 16)));
  view.setUint16(26, (second >>> 16) ^ (third & 0xffff));
  if (!isIp(key)) return jenkinsHash(record, basis);
  if (type === 0x0800) {
    view.setUint32(0, key[WORD.IP_SRC]! ^ key[WORD.IP_DST]!);
  } else {
    for (let i = 0; i < 4; i++) view.setUint32(4 * i, key[WORD.IPV6_SRC + i]! ^ key[WORD.IPV6_DST + i]!);
  }
  record[28] = protocol;
  const ports = key[WORD.PORTS]!;
  if (protocol === TCP || protocol === SCTP) view.setUint16(20, (ports >>> 16) ^ (ports & 0xffff));
  return jenkinsHash(record, basis);
}

function lookAtSymmetricL4(key: FlowKey, trail: Trail | undefined): void {
  if (!trail) return;
  trail.lookAtWords(WORD.ETH, WORD.TYPE);
  trail.lookAtWords(WORD.TAG, WORD.INNER_TAG + 1);
  if (!isIp(key)) return;
  if (typeOf(key) === 0x0800) trail.lookAtWords(WORD.IP_SRC, WORD.IP_DST + 1);
  else trail.lookAtWords(WORD.IPV6_SRC, WORD.IPV6_SRC + 8);
  trail.look(WORD.IP, 0xff);
  if (protocolOf(key) !== UDP) trail.look(WORD.PORTS, 0xffffffff);
}

/**
 * flow_hash_5tuple: addresses (of ARP too), protocol and ports, the direction counts. `protocol` is what stands in the
 * place of the protocol; for a TCP or UDP packet with IPv6 extension headers that is the type of the first of these.
 */
export function hashFiveTuple(key: FlowKey, protocol: number, basis: number): number {
  let hash = basis;
  const type = typeOf(key);
  if (type === 0x86dd) {
    for (let i = 0; i < 8; i++) hash = hashAdd(hash, swap(key[WORD.IPV6_SRC + i]!));
  } else if (type === 0x0800 || type === 0x0806) {
    hash = hashAdd(hash, swap(key[WORD.IP_SRC]!));
    hash = hashAdd(hash, swap(key[WORD.IP_DST]!));
  } else return hashFinish(hash, 42);
  hash = hashAdd(hash, protocol);
  if ([TCP, UDP, SCTP, ICMP, ICMPV6].includes(protocolOf(key))) hash = hashAdd(hash, portsWord(key));
  return hashFinish(hash, 42);
}

/** The ports as they lie in memory; ICMP has its type and its code there, each as 16 bits. */
function portsWord(key: FlowKey): number {
  return swap(key[WORD.PORTS]!);
}

function octetsOf(key: FlowKey, name: FieldName): Uint8Array {
  const octets = fieldOf(name).bits / 8;
  const value = readField(key, name);
  return Uint8Array.from({ length: octets }, (_, i) =>
    Number((value >> BigInt(8 * (octets - 1 - i))) & 0xffn),
  );
}

function addressField(key: FlowKey, side: 'src' | 'dst'): FieldName | undefined {
  if (typeOf(key) === 0x0800) return side === 'src' ? 'ip_src' : 'ip_dst';
  if (typeOf(key) === 0x86dd) return side === 'src' ? 'ipv6_src' : 'ipv6_dst';
  return undefined;
}

function typeOf(key: FlowKey): number {
  return key[WORD.TYPE]! >>> 16;
}

function protocolOf(key: FlowKey): number {
  return key[WORD.IP]! & 0xff;
}

function isIp(key: FlowKey): boolean {
  return typeOf(key) === 0x0800 || typeOf(key) === 0x86dd;
}

/** The four bytes the other way round. */
function swap(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
