/**
 * Changes of a frame's bytes as a list of numbers, so that what was done to one frame can be done to the next. Six
 * numbers an edit:
 *
 *     WRITE, WRITE_UDP   offset, value, mask, offset of the transport checksum, offset of the IPv4 header checksum
 *     PUSH               type, control information, 0, 0, 0
 *     POP                0, 0, 0, 0, 0
 *
 * Offsets count from where the frame begins at that moment; a checksum offset of 0 means that there is none to update.
 */
import { read16, write16 } from '../../packet/bytes.ts';
import { updateChecksum } from '../../packet/checksum.ts';

export const EDIT = { WRITE: 0, WRITE_UDP: 1, PUSH: 2, POP: 3, SIZE: 6 } as const;

/** Bytes of a tag, and of the two addresses before it. */
const TAG = 4;
const ADDRESSES = 12;

/**
 * Writes the bits of `mask` in 16 bits, and updates the checksums at these offsets (0 = none). The word must begin at
 * an even distance from what they cover. `isUdp`: a checksum of 0 is "none" and stays (RFC 768).
 */
export function patch16(
  bytes: Uint8Array,
  at: number,
  value: number,
  mask: number,
  checksum: number,
  isUdp: boolean,
  header: number,
): void {
  const before = read16(bytes, at);
  const after = (before & ~mask) | (value & mask);
  if (before === after) return;
  write16(bytes, at, after);
  if (checksum !== 0) {
    const sum = read16(bytes, checksum);
    if (!isUdp || sum !== 0) {
      const updated = updateChecksum(sum, before, after);
      write16(bytes, checksum, isUdp && updated === 0 ? 0xffff : updated);
    }
  }
  if (header !== 0) write16(bytes, header, updateChecksum(read16(bytes, header), before, after));
}

/** Changes the frame that begins at `start`, and gives where it begins then: a tag takes the room before it. */
export function replay(edits: Int32Array, bytes: Uint8Array, start: number): number {
  for (let i = 0; i < edits.length; i += EDIT.SIZE) {
    switch (edits[i]) {
      case EDIT.PUSH:
        bytes.copyWithin(start - TAG, start, start + ADDRESSES);
        start -= TAG;
        write16(bytes, start + ADDRESSES, edits[i + 1]!);
        write16(bytes, start + ADDRESSES + 2, edits[i + 2]!);
        break;
      case EDIT.POP:
        bytes.copyWithin(start + TAG, start, start + ADDRESSES);
        start += TAG;
        break;
      default: {
        const checksum = edits[i + 4]!;
        const header = edits[i + 5]!;
        patch16(
          bytes,
          start + edits[i + 1]!,
          edits[i + 2]!,
          edits[i + 3]!,
          checksum && start + checksum,
          edits[i] === EDIT.WRITE_UDP,
          header && start + header,
        );
      }
    }
  }
  return start;
}

/** How many bytes longer a frame gets, at most on the way and in the end. */
export function growth(edits: readonly number[]): { readonly most: number; readonly last: number } {
  let most = 0;
  let last = 0;
  for (let i = 0; i < edits.length; i += EDIT.SIZE) {
    if (edits[i] === EDIT.PUSH) last += TAG;
    if (edits[i] === EDIT.POP) last -= TAG;
    most = Math.max(most, last);
  }
  return { most, last };
}
