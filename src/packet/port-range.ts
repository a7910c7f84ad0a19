/** Ranges of TCP and UDP ports, and how a match that knows bits says them. */

/** 0 <= from <= to <= 65535 */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** The ports that have these bits. */
export interface PortMask {
  readonly value: number;
  /** 0..0xffff, ones before zeros. */
  readonly mask: number;
}

/** The fewest blocks of a power of two that make the range; 30 at most. */
export function portMasks({ from, to }: PortRange): PortMask[] {
  const blocks: PortMask[] = [];
  for (let at = from; at <= to; ) {
    let size = at === 0 ? 65_536 : at & -at;
    while (at + size - 1 > to) size /= 2;
    blocks.push({ value: at, mask: 65_536 - size });
    at += size;
  }
  return blocks;
}
