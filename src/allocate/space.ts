/**
 * What can be allocated: values as canonical text, and as whole numbers in which "the next free one" has a meaning.
 * UUIDs have no next one; they are drawn, not counted.
 */
import {
  type Ipv4,
  type Ipv6,
  ipToBigint,
  ipv4FromNumber,
  ipv6FromBigint,
  type Mac,
  macFromNumber,
  macToNumber,
} from '../packet/address.ts';

export type CountedSpace = 'ipv4' | 'ipv6' | 'mac' | 'number';
export type Space = CountedSpace | 'uuid';

/** Inclusive, `from` not above `to`. */
export interface Range {
  readonly from: bigint;
  readonly to: bigint;
}

/** Whether the number lies in the range. */
export function contains(range: Range, number: bigint): boolean {
  return range.from <= number && number <= range.to;
}

/** The number of a value in canonical text. */
export function numberOf(space: CountedSpace, value: string): bigint {
  switch (space) {
    case 'ipv4':
      return ipToBigint(value as Ipv4);
    case 'ipv6':
      return ipToBigint(value as Ipv6);
    case 'mac':
      return BigInt(macToNumber(value as Mac));
    case 'number':
      return BigInt(value);
  }
}

/** The canonical text of a number. */
export function textOf(space: CountedSpace, value: bigint): string {
  switch (space) {
    case 'ipv4':
      return ipv4FromNumber(Number(value));
    case 'ipv6':
      return ipv6FromBigint(value);
    case 'mac':
      return macFromNumber(Number(value));
    case 'number':
      return String(value);
  }
}
