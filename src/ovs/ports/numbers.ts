/**
 * Numbers of ports. They are ours and not those of Open vSwitch, so that flows of a port are there before its tap is. A
 * number is unique on the host, since it is a zone of connection tracking too (decision 0019), and zones are the host's.
 *
 *     0x0100..0x0fff   uplinks and tunnels
 *     0x1000..0xfeff   vNICs of machines, and what has its other end in the host
 */
import { createHash } from 'node:crypto';
import type { PortSpec } from '../../flow/datapath.ts';

interface Range {
  readonly least: number;
  readonly most: number;
}

const VNICS: Range = { least: 0x1000, most: 0xfeff };
const OTHERS: Range = { least: 0x0100, most: 0x0fff };

/**
 * A free number for the port, undefined where there is none. It is the same wherever nobody else has it: a port that comes
 * back has its old one, and another is unlikely to get it, with the connections that are still remembered there.
 */
export function numberFor(
  { type, name }: Pick<PortSpec, 'type' | 'name'>,
  isTaken: (number: number) => boolean,
): number | undefined {
  const { least, most } = rangeOf(type);
  const size = most - least + 1;
  const start = createHash('sha256').update(name).digest().readUInt32BE(0) % size;
  for (let step = 0; step < size; step++) {
    const number = least + ((start + step) % size);
    if (!isTaken(number)) return number;
  }
  return undefined;
}

/** Whether it can be the number of a port of this type. */
export function isNumberFor(type: PortSpec['type'], number: number): boolean {
  const { least, most } = rangeOf(type);
  return least <= number && number <= most;
}

function rangeOf(type: PortSpec['type']): Range {
  return type === 'vif' || type === 'internal' ? VNICS : OTHERS;
}

/** Whether a number that somebody wrote down can be a port's: Open vSwitch requests 1..65279. */
export function isPortNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= VNICS.most;
}
