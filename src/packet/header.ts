/**
 * How a layer is written: its size, its header, and (`seal`) the checksum over what it carries. `frame` (build.ts)
 * calls `write` for all layers first and `seal` from the innermost outwards, so that a checksum is taken over bytes
 * that are final. The writers are in headers.ts and headers-*.ts.
 */
import {
  type Ipv4,
  type Ipv6,
  ipv4ToNumber,
  ipv6ToBigint,
  type Mac,
  macToNumber,
  ZERO_MAC,
} from './address.ts';
import { write32, write48, write128 } from './bytes.ts';
import type { Layer } from './layer.ts';

/** Where a layer stands in the frame that is being built. */
export interface Place {
  /** Zero where nothing has been written. */
  readonly bytes: Uint8Array;
  readonly at: number;
  /** Where what the layer carries ends. */
  readonly end: number;
  readonly next: Layer | undefined;
  /** Where the nearest IP header outside begins: for the pseudo header. Undefined without. */
  readonly ip: number | undefined;
}

export interface Header {
  readonly size: number;
  write(place: Place): void;
  seal?(place: Place): void;
}

const NO_IPV4 = '0.0.0.0' as Ipv4;
const NO_IPV6 = '::' as Ipv6;

export function writeMac(bytes: Uint8Array, at: number, value: Mac = ZERO_MAC): void {
  write48(bytes, at, macToNumber(value));
}

export function writeIpv4(bytes: Uint8Array, at: number, value: Ipv4 = NO_IPV4): void {
  write32(bytes, at, ipv4ToNumber(value));
}

export function writeIpv6(bytes: Uint8Array, at: number, value: Ipv6 = NO_IPV6): void {
  write128(bytes, at, ipv6ToBigint(value));
}

/** Throws RangeError where a derived length does not fit its field: nothing is cut in silence. */
export function fitting16(length: number, what: string): number {
  if (length > 0xffff) throw new RangeError(`${what} has at most 65535 bytes; this one would have ${length}`);
  return length;
}

/** `frame` has seen to it that transport headers stand in an IP packet. */
export function within(ip: number | undefined): number {
  if (ip === undefined) throw new RangeError('a transport header needs an IP header before it');
  return ip;
}
