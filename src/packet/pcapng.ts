/**
 * pcapng (draft-ietf-opsawg-pcapng): a capture file that Wireshark opens, with the name of the interface and a remark
 * for each frame.
 *
 *     block    | type (4) | total length (4) | body … padded to 4 | total length (4) |
 *     option   | code (2) | length (2) | value … padded to 4 |        end of options: code 0, length 0
 *
 *     section header        0x0a0d0d0a   byte-order magic, version 1.0, section length unknown (-1)
 *     interface description 0x00000001   link type 1 (Ethernet), snap length 0 (none); if_name 2, if_tsresol 9
 *     enhanced packet       0x00000006   interface, time (high, low), captured and original length, frame; opt_comment 1
 *
 * Everything is little-endian, which the magic says. Times are nanoseconds since 1970 (if_tsresol 9).
 */

const BLOCK = { SECTION: 0x0a0d0d0a, INTERFACE: 1, PACKET: 6 } as const;
const OPTION = { END: 0, COMMENT: 1, IF_NAME: 2, IF_TSRESOL: 9 } as const;
const MAGIC = 0x1a2b3c4d;
const LINK_TYPE_ETHERNET = 1;
const NANOSECONDS = 9;

/** Collects blocks; writes nothing anywhere. */
export class PcapngWriter {
  #blocks: Uint8Array[] = [];
  #interfaces = 0;

  constructor() {
    const unknownLength = 0xffffffff;
    this.#block(BLOCK.SECTION, [u32(MAGIC), u16(1), u16(0), u32(unknownLength), u32(unknownLength)]);
  }

  /** Declares an interface; the answer is its id, for `packet`. */
  interface(name: string): number {
    this.#block(BLOCK.INTERFACE, [
      u16(LINK_TYPE_ETHERNET),
      u16(0),
      u32(0),
      ...option(OPTION.IF_NAME, utf8(name)),
      ...option(OPTION.IF_TSRESOL, Uint8Array.of(NANOSECONDS)),
      ...option(OPTION.END, new Uint8Array(0)),
    ]);
    return this.#interfaces++;
  }

  /**
   * Adds a frame that was seen on an interface at a time (nanoseconds since 1970). The frame is copied. Throws
   * RangeError for an interface that was not declared.
   */
  packet(interfaceId: number, timeNs: bigint, frame: Uint8Array, comment?: string): void {
    if (!Number.isInteger(interfaceId) || interfaceId < 0 || interfaceId >= this.#interfaces) {
      throw new RangeError(`there is no interface ${interfaceId}; ${this.#interfaces} were declared`);
    }
    this.#block(BLOCK.PACKET, [
      u32(interfaceId),
      u32(Number((timeNs >> 32n) & 0xffffffffn)),
      u32(Number(timeNs & 0xffffffffn)),
      u32(frame.length),
      u32(frame.length),
      padded(frame),
      ...(comment === undefined
        ? []
        : [...option(OPTION.COMMENT, utf8(comment)), ...option(OPTION.END, new Uint8Array(0))]),
    ]);
  }

  /** The file so far. */
  finish(): Uint8Array {
    return concat(this.#blocks);
  }

  /** What came since the last call, and is forgotten now: for a file that is written piece by piece. */
  take(): Uint8Array {
    const taken = this.finish();
    this.#blocks = [];
    return taken;
  }

  #block(type: number, body: readonly Uint8Array[]): void {
    const length = u32(12 + body.reduce((sum, part) => sum + part.length, 0));
    this.#blocks.push(concat([u32(type), length, ...body, length]));
  }
}

function option(code: number, value: Uint8Array): Uint8Array[] {
  return [u16(code), u16(value.length), padded(value)];
}

/** The bytes, and zeros up to a multiple of 4. */
function padded(bytes: Uint8Array): Uint8Array {
  const room = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  room.set(bytes);
  return room;
}

/** An option holds 65535 bytes; a longer text is cut. */
function utf8(text: string): Uint8Array {
  const room = new Uint8Array(0xffff);
  return room.subarray(0, new TextEncoder().encodeInto(text, room).written);
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
