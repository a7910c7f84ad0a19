/**
 * Address translation: which address and port a new connection gets, so that its answers belong to it alone
 * (nat_get_unique_tuple of lib/conntrack.c in Open vSwitch 3.1).
 *
 * The address comes from a hash of the connection; so does the first port where the action names a range, and else it
 * is the one that the connection has. From there the ports of the range are tried in order, ATTEMPTS at most, then
 * half as many from a random place, and so on; that bounds the time that a full range takes. `random` and `hash` in
 * an action make no difference, as in the userspace datapath of Open vSwitch.
 */
import type { Nat } from '../../flow/flow.ts';
import { IP_PROTOCOL } from '../../packet/ipv4.ts';
import { hashAdd, hashFinish } from '../frame/hash.ts';
import {
  CONNECTION_KEY,
  type ConnectionKey,
  familyOf,
  portOf,
  protocolOf,
  setAddress,
} from './connection-key.ts';
import type { Translation } from './connection-table.ts';

const { SRC, SRC_PORT, DST, DST_PORT } = CONNECTION_KEY;

const ATTEMPTS = 128;
const FEWEST_ATTEMPTS = 16;
/** Addresses of a range that are used. */
const MOST_ADDRESSES = 0xffff_ffffn;

export function translationOf(nat: Nat | undefined): Translation {
  return nat === undefined || nat.type === 'existing' ? 'none' : nat.type;
}

/** What translation needs to know and to decide. */
export interface Surroundings {
  /** Of hashes. */
  readonly seed: number;
  /** Unsigned 32 bits. */
  random(): number;
  /** A connection has this key, in one of its directions. */
  isTaken(key: ConnectionKey): boolean;
}

interface Ports {
  readonly first: number;
  readonly last: number;
  readonly start: number;
}

/** The ports that a source port may become: low ones stay low. */
function sourcePorts(port: number): Ports {
  if (port < 512) return { first: 1, last: 511, start: port };
  if (port < 1024) return { first: 600, last: 1023, start: port };
  return { first: 1024, last: 65_535, start: port };
}

/**
 * Changes the key of the answers of a new connection to what they will look like. False: all that may be used is in
 * use; the connection cannot be.
 */
export function translateReply(
  nat: Nat,
  forward: ConnectionKey,
  reply: ConnectionKey,
  around: Surroundings,
): boolean {
  const protocol = protocolOf(forward);
  const hasPorts = protocol === IP_PROTOCOL.TCP || protocol === IP_PROTOCOL.UDP;
  const hash = rangeHash(nat, forward, around.seed);
  const port = portOf(forward[SRC_PORT]!);
  let source: Ports;
  let destination: Ports | undefined;
  if (nat.type === 'existing') {
    // Nothing is known to translate to. Open vSwitch expects answers from address 0 to port 0 then, which never come.
    setAddress(reply, SRC, 0n, familyOf(forward));
    source = { first: 0, last: 0, start: 0 };
  } else {
    setAddress(reply, nat.type === 'src' ? DST : SRC, addressIn(nat, hash), familyOf(forward));
    const range = nat.ports && nat.ports.first > 0 ? portRange(nat.ports, hash) : undefined;
    source = nat.type === 'src' ? (range ?? sourcePorts(port)) : sourcePorts(port);
    if (nat.type === 'dst') destination = range;
  }
  if (!hasPorts) return !around.isTaken(reply);
  if (destination) setPort(reply, SRC_PORT, destination.start);
  setPort(reply, DST_PORT, source.start);
  if (destination && tryPorts(reply, SRC_PORT, destination, around)) return true;
  return tryPorts(reply, DST_PORT, source, around);
}

function portRange({ first, last }: { readonly first: number; readonly last: number }, hash: number): Ports {
  const end = Math.max(first, last);
  return { first, last: end, start: first + (hash % (end - first + 1)) };
}

function setPort(key: ConnectionKey, at: typeof SRC_PORT | typeof DST_PORT, port: number): void {
  key[at] = (port << 16) >>> 0;
}

/** Leaves the first port that is free in the key; the one that was there first, if none is. */
function tryPorts(
  key: ConnectionKey,
  at: typeof SRC_PORT | typeof DST_PORT,
  { first, last, start }: Ports,
  around: Surroundings,
): boolean {
  const range = last - first + 1;
  let attempts = Math.min(range, ATTEMPTS);
  let port = start;
  for (;;) {
    for (let i = 0; i < attempts; i++) {
      setPort(key, at, port);
      if (!around.isTaken(key)) return true;
      port = port < first || port >= last ? first : port + 1;
    }
    if (attempts >= range || attempts < FEWEST_ATTEMPTS) break;
    attempts = Math.floor(attempts / 2);
    port = first + (around.random() % range);
  }
  setPort(key, at, start);
  return false;
}

function addressIn(nat: Nat & { type: 'src' | 'dst' }, hash: number): bigint {
  const last = nat.last < nat.first ? nat.first : nat.last;
  const count = last - nat.first + 1n;
  return nat.first + (BigInt(hash) % (count < MOST_ADDRESSES ? count : MOST_ADDRESSES));
}

function rangeHash(nat: Nat, key: ConnectionKey, seed: number): number {
  let hash = seed;
  if (nat.type !== 'existing') {
    hash = addBigint(addBigint(hash, nat.first), nat.last);
    hash = hashAdd(hash, nat.ports ? (nat.ports.last << 16) | nat.ports.first : 0);
  }
  for (const word of key) hash = hashAdd(hash, word);
  return hashFinish(hash, 0);
}

function addBigint(hash: number, value: bigint): number {
  for (let i = 0; i < 4; i++, value >>= 32n) hash = hashAdd(hash, Number(value & 0xffff_ffffn));
  return hash;
}
