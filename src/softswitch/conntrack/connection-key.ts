/**
 * What identifies a connection, seen from one side: its zone, its protocol, and who talks to whom (`struct conn_key`
 * of lib/conntrack-private.h in Open vSwitch).
 *
 *     words  0..3   source address; one of IPv4 in the first word, the others are 0
 *            4      source port in the upper half; or ICMP identifier | type (8 bits) | code (8 bits)
 *            5..8   destination address
 *            9      as word 4, for the destination: of ICMP the type that answers that of the source
 *            10     zone | 4 or 6 (8 bits) | IP protocol (8 bits)
 *
 * Protocols without ports have 0 there, so all that two addresses say to each other in them is one connection.
 */
import type { Family } from '../../packet/address.ts';
import { hashAdd, hashFinish } from '../frame/hash.ts';

export type ConnectionKey = Uint32Array;

export const CONNECTION_KEY = { SRC: 0, SRC_PORT: 4, DST: 5, DST_PORT: 9, LAYER: 10, WORDS: 11 } as const;

const { SRC, SRC_PORT, DST, DST_PORT, LAYER, WORDS } = CONNECTION_KEY;

export function newConnectionKey(zone: number, family: Family, protocol: number): ConnectionKey {
  const key = new Uint32Array(WORDS);
  setLayer(key, zone, family, protocol);
  return key;
}

export function setLayer(key: ConnectionKey, zone: number, family: Family, protocol: number): void {
  key[LAYER] = ((zone << 16) | (family << 8) | protocol) >>> 0;
}

export function zoneOf(key: ConnectionKey): number {
  return key[LAYER]! >>> 16;
}

export function familyOf(key: ConnectionKey): Family {
  return ((key[LAYER]! >>> 8) & 0xff) === 4 ? 4 : 6;
}

export function protocolOf(key: ConnectionKey): number {
  return key[LAYER]! & 0xff;
}

/** The port, or the identifier of ICMP, of an endpoint whose word this is. */
export function portOf(word: number): number {
  return word >>> 16;
}

/** As the other side sees it. */
export function reversed(key: ConnectionKey): ConnectionKey {
  const other = new Uint32Array(WORDS);
  for (let i = 0; i < DST; i++) {
    other[i] = key[DST + i]!;
    other[DST + i] = key[i]!;
  }
  other[LAYER] = key[LAYER]!;
  return other;
}

export function sameConnectionKey(a: ConnectionKey, b: ConnectionKey): boolean {
  for (let i = 0; i < WORDS; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Writes the four words of an address. */
export function setAddress(key: ConnectionKey, at: 0 | 5, address: bigint, family: Family): void {
  if (family === 4) {
    key[at] = Number(address);
    key.fill(0, at + 1, at + 4);
    return;
  }
  for (let i = 3; i >= 0; i--, address >>= 32n) key[at + i] = Number(address & 0xffff_ffffn);
}

export function addressOf(key: ConnectionKey, at: 0 | 5): bigint {
  if (familyOf(key) === 4) return BigInt(key[at]!);
  let address = 0n;
  for (let i = 0; i < 4; i++) address = (address << 32n) | BigInt(key[at + i]!);
  return address;
}

/** The same for both directions, so that one search finds a connection from either side. Signed 32 bits. */
export function hashConnection(key: ConnectionKey, seed: number): number {
  let source = seed;
  let destination = seed;
  for (let i = SRC; i <= SRC_PORT; i++) source = hashAdd(source, key[i]!);
  for (let i = DST; i <= DST_PORT; i++) destination = hashAdd(destination, key[i]!);
  return hashFinish(hashAdd(source ^ destination, key[LAYER]!), WORDS) | 0;
}
