/** A capture file (pcap) as it is written: pieces of any size in, frames out. */
const GLOBAL_HEADER = 24;
const RECORD_HEADER = 16;
/** Magic number of a file whose numbers are little-endian, in microseconds or nanoseconds. */
const LITTLE = new Set([0xa1b2c3d4, 0xa1b23c4d]);

export interface TimedFrame {
  /** Seconds since 1970. */
  readonly time: number;
  readonly frame: Uint8Array;
}

/** Keeps what is not whole yet. */
export class PcapStream {
  #rest: Uint8Array = new Uint8Array();
  #header: { readonly little: boolean; readonly perSecond: number } | undefined;

  /** The frames that are whole now. */
  push(piece: Uint8Array): TimedFrame[] {
    const bytes = new Uint8Array(this.#rest.length + piece.length);
    bytes.set(this.#rest);
    bytes.set(piece, this.#rest.length);
    const view = new DataView(bytes.buffer);
    const frames: TimedFrame[] = [];
    let at = 0;
    if (!this.#header && bytes.length >= GLOBAL_HEADER) {
      const little = LITTLE.has(view.getUint32(0, true));
      const isNanoseconds = view.getUint32(0, little) === 0xa1b23c4d;
      this.#header = { little, perSecond: isNanoseconds ? 1e9 : 1e6 };
      at = GLOBAL_HEADER;
    }
    const header = this.#header;
    while (header && bytes.length - at >= RECORD_HEADER) {
      const [seconds, fraction, length] = [0, 4, 8].map((o) => view.getUint32(at + o, header.little));
      const end = at + RECORD_HEADER + (length ?? 0);
      if (bytes.length < end) break;
      frames.push({
        time: (seconds ?? 0) + (fraction ?? 0) / header.perSecond,
        frame: bytes.slice(at + RECORD_HEADER, end),
      });
      at = end;
    }
    this.#rest = bytes.slice(at);
    return frames;
  }
}
