/**
 * A view is one header seen in the bytes of a frame: no copy, no state of its own. Its offsets are named once (the
 * upper-case table at the top of each file), `at()` checks every length that the header claims before the view
 * exists, so that no accessor can read behind the data, and setters write through to the frame. The idea is that of
 * gVisor's `header` package.
 *
 *     bytes  |......|header of this view|payload .............|......|
 *                   ^offset             ^payloadOffset        ^end
 *
 * A view is worth what its bytes are: whoever changes a length field through one view asks `at()` for new views.
 * Setters never touch checksums, see checksum.ts. Code that cannot afford an object per header uses the same offset
 * tables with the functions of bytes.ts.
 */
export abstract class View {
  readonly bytes: Uint8Array;
  /** Where the header begins. */
  readonly offset: number;
  /** Where the data of this layer end (exclusive); padding of a layer outside is behind it. */
  readonly end: number;

  protected constructor(bytes: Uint8Array, offset: number, end: number) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  /** Bytes from `offset` to the payload. */
  abstract get headerLength(): number;

  get payloadOffset(): number {
    return this.offset + this.headerLength;
  }

  /** A window on the payload: shares the memory. */
  payload(): Uint8Array {
    return this.bytes.subarray(this.payloadOffset, this.end);
  }
}

/** Whether `size` bytes from `offset` lie before `end`, and `end` within the bytes. */
export function fits(bytes: Uint8Array, offset: number, end: number, size: number): boolean {
  return offset >= 0 && end <= bytes.length && end - offset >= size;
}
