/**
 * Capture files, read: pcapng (draft-ietf-opsawg-pcapng; what we write, see pcapng.ts) and the older pcap
 * (draft-ietf-opsawg-pcap), both byte orders of each.
 *
 *     pcapng  | block type (4) | total length (4) | body … | total length (4) |     a section header begins the file,
 *                                                                              and says the byte order: 0x1a2b3c4d
 *     pcap    | magic (4) | version (4) | 0 (8) | snap length (4) | link type (4) |   0xa1b2c3d4 microseconds,
 *             then | seconds (4) | fraction (4) | captured (4) | original (4) | frame |…   0xa1b23c4d nanoseconds
 *
 * Blocks and options that we do not know are passed over. A file that is cut short or damaged gives what stands before
 * the damage, and says where it is.
 */
import { read32 } from './bytes.ts';

export interface CaptureInterface {
  /** Empty where the file does not say. */
  readonly name: string;
  /** 1 = Ethernet (LINKTYPE_ETHERNET). */
  readonly linkType: number;
}

export interface CapturePacket {
  /** Index in `interfaces`. */
  readonly interface: number;
  /** Nanoseconds since 1970; 0 for a simple packet block, which has no time. */
  readonly timeNs: bigint;
  /** As much as was captured: a window on the file. */
  readonly frame: Uint8Array;
  /** Bytes that the frame had on the wire. */
  readonly length: number;
  /** In order; one of our files has one at most. */
  readonly comments: readonly string[];
}

export interface Capture {
  /** Of all sections, in order. A pcap file has one, without a name. */
  readonly interfaces: readonly CaptureInterface[];
  readonly packets: readonly CapturePacket[];
  /** Why reading ended before the end of the file: "at byte 120: …". Undefined when the file is whole. */
  readonly problem: string | undefined;
}

/** Never throws. The frames share the memory of the file. */
export function readCapture(source: Uint8Array): Capture {
  // The frames are plain arrays, also those of a Buffer, whose `slice` shares its memory.
  const file = new Uint8Array(source.buffer, source.byteOffset, source.length);
  const magic = file.length >= 4 ? read32(file, 0) : 0;
  if (magic === BLOCK.SECTION) return new PcapngReader(file).read();
  return readPcap(file, magic);
}

// -------------------------------------------------------------------------------------------------- pcap

const PCAP = { LINK_TYPE: 20, HEADER: 24, RECORD: 16 } as const;

/** Magic numbers as they stand in the file, read in network byte order. */
const PCAP_MAGIC: ReadonlyMap<number, { readonly little: boolean; readonly nanosecondsPerUnit: bigint }> =
  new Map([
    [0xa1b2c3d4, { little: false, nanosecondsPerUnit: 1000n }],
    [0xd4c3b2a1, { little: true, nanosecondsPerUnit: 1000n }],
    [0xa1b23c4d, { little: false, nanosecondsPerUnit: 1n }],
    [0x4d3cb2a1, { little: true, nanosecondsPerUnit: 1n }],
  ]);

function readPcap(file: Uint8Array, magic: number): Capture {
  const kind = PCAP_MAGIC.get(magic);
  if (!kind || file.length < PCAP.HEADER) {
    return { interfaces: [], packets: [], problem: 'at byte 0: this is no pcapng or pcap file' };
  }
  const { little, nanosecondsPerUnit } = kind;
  const view = viewOf(file);
  // The upper bits say whether frames have their check sequence; link types have 16.
  const linkType = view.getUint32(PCAP.LINK_TYPE, little) & 0xffff;
  const packets: CapturePacket[] = [];
  const result = (problem?: string): Capture => ({ interfaces: [{ name: '', linkType }], packets, problem });
  let at: number = PCAP.HEADER;
  while (at < file.length) {
    if (file.length - at < PCAP.RECORD) return result(`at byte ${at}: the packet header is cut short`);
    const captured = view.getUint32(at + 8, little);
    const from = at + PCAP.RECORD;
    if (captured > file.length - from) return result(`at byte ${at}: the packet is cut short`);
    const seconds = BigInt(view.getUint32(at, little));
    const fraction = BigInt(view.getUint32(at + 4, little));
    packets.push({
      interface: 0,
      timeNs: seconds * 1_000_000_000n + fraction * nanosecondsPerUnit,
      frame: file.subarray(from, from + captured),
      length: view.getUint32(at + 12, little),
      comments: [],
    });
    at = from + captured;
  }
  return result();
}

// ------------------------------------------------------------------------------------------------ pcapng

const BLOCK = { SECTION: 0x0a0d0d0a, INTERFACE: 1, SIMPLE_PACKET: 3, PACKET: 6 } as const;
const OPTION = { END: 0, COMMENT: 1, IF_NAME: 2, IF_TSRESOL: 9, IF_TSOFFSET: 14 } as const;
const MAGIC = 0x1a2b3c4d;
/** Bytes of a block around its body: type and length before, length behind. */
const AROUND = 12;
/** Blocks are a multiple of 4 long; one without a body has the bytes around it. */
const ALIGNMENT = 4;

/** What a section needs to know of its interfaces. */
interface SectionInterface {
  readonly index: number;
  /** 0 = frames were not cut. */
  readonly snapLength: number;
  /** Units of time in a second. */
  readonly unitsPerSecond: bigint;
  /** Seconds that are added to every time. */
  readonly offset: bigint;
}

interface FileOption {
  readonly code: number;
  readonly at: number;
  readonly length: number;
}

class PcapngReader {
  readonly #file: Uint8Array;
  readonly #view: DataView;
  readonly #interfaces: CaptureInterface[] = [];
  readonly #packets: CapturePacket[] = [];
  /** Of this section: interface ids begin at 0 in each. */
  #section: SectionInterface[] = [];
  #little = true;

  constructor(file: Uint8Array) {
    this.#file = file;
    this.#view = viewOf(file);
  }

  read(): Capture {
    let at = 0;
    let problem: string | undefined;
    while (at < this.#file.length && problem === undefined) {
      const length = this.#blockLength(at);
      const wrong = typeof length === 'string' ? length : this.#block(at, length);
      if (wrong !== undefined) problem = `at byte ${at}: ${wrong}`;
      else if (typeof length === 'number') at += length;
    }
    return { interfaces: this.#interfaces, packets: this.#packets, problem };
  }

  /** The length of the block; a text that says what is wrong with it. */
  #blockLength(at: number): number | string {
    const room = this.#file.length - at;
    if (room < AROUND) return 'the block is cut short';
    if (read32(this.#file, at) === BLOCK.SECTION) {
      // The same forwards and backwards, so that it can be told before the byte order is known.
      if (room < AROUND + 16) return 'the section header is cut short';
      const isLittle = this.#view.getUint32(at + 8, true) === MAGIC;
      if (!isLittle && this.#view.getUint32(at + 8, false) !== MAGIC) return 'the byte order is not told';
      this.#little = isLittle;
    }
    const length = this.#u32(at + 4);
    if (length < AROUND || length % ALIGNMENT !== 0) return `a block cannot have ${length} bytes`;
    if (length > room) return 'the block is cut short';
    return this.#u32(at + length - 4) === length ? length : 'the two lengths of the block differ';
  }

  /** Undefined, or what is wrong with the block. */
  #block(at: number, length: number): string | undefined {
    const body = at + 8;
    const end = at + length - 4;
    switch (this.#u32(at)) {
      case BLOCK.SECTION:
        if (this.#u16(body + 4) !== 1) return `version ${this.#u16(body + 4)} is not one that we know`;
        this.#section = [];
        return undefined;
      case BLOCK.INTERFACE:
        return this.#interface(body, end);
      case BLOCK.PACKET:
        return this.#packet(body, end);
      case BLOCK.SIMPLE_PACKET:
        return this.#simplePacket(body, end);
      default:
        return undefined;
    }
  }

  #interface(body: number, end: number): string | undefined {
    if (end - body < 8) return 'the interface is cut short';
    const options = this.#options(body + 8, end);
    const numberOf = (code: number, size: number) => {
      const found = options.find((o) => o.code === code && o.length === size);
      return found?.at;
    };
    const name = options.find((o) => o.code === OPTION.IF_NAME);
    const resolution = numberOf(OPTION.IF_TSRESOL, 1);
    const offset = numberOf(OPTION.IF_TSOFFSET, 8);
    this.#section.push({
      index: this.#interfaces.length,
      snapLength: this.#u32(body + 4),
      unitsPerSecond: unitsPerSecond(resolution === undefined ? MICROSECONDS : this.#file[resolution]!),
      offset: offset === undefined ? 0n : this.#view.getBigInt64(offset, this.#little),
    });
    this.#interfaces.push({ name: name ? this.#text(name) : '', linkType: this.#u16(body) });
    return undefined;
  }

  #packet(body: number, end: number): string | undefined {
    const fixed = 20;
    if (end - body < fixed) return 'the packet is cut short';
    const id = this.#u32(body);
    const seen = this.#section[id];
    if (!seen) return `there is no interface ${id}`;
    const captured = this.#u32(body + 12);
    const from = body + fixed;
    if (captured > end - from) return `the packet has ${captured} bytes, which its block has not`;
    const units = (BigInt(this.#u32(body + 4)) << 32n) | BigInt(this.#u32(body + 8));
    this.#packets.push({
      interface: seen.index,
      timeNs: (units * 1_000_000_000n) / seen.unitsPerSecond + seen.offset * 1_000_000_000n,
      frame: this.#file.subarray(from, from + captured),
      length: this.#u32(body + 16),
      comments: this.#options(from + aligned(captured), end)
        .filter((o) => o.code === OPTION.COMMENT)
        .map((o) => this.#text(o)),
    });
    return undefined;
  }

  /** A packet of the first interface, without a time; how much of it was captured the snap length says. */
  #simplePacket(body: number, end: number): string | undefined {
    const seen = this.#section[0];
    if (end - body < 4 || !seen) return 'the packet is cut short, or there is no interface';
    const length = this.#u32(body);
    const captured = seen.snapLength === 0 ? length : Math.min(length, seen.snapLength);
    if (captured > end - body - 4) return `the packet has ${captured} bytes, which its block has not`;
    const frame = this.#file.subarray(body + 4, body + 4 + captured);
    this.#packets.push({ interface: seen.index, timeNs: 0n, frame, length, comments: [] });
    return undefined;
  }

  /** Up to the "end", or one that goes beyond the block. */
  #options(at: number, end: number): FileOption[] {
    const options: FileOption[] = [];
    while (end - at >= 4) {
      const code = this.#u16(at);
      const length = this.#u16(at + 2);
      if (code === OPTION.END || length > end - at - 4) break;
      options.push({ code, at: at + 4, length });
      at += 4 + aligned(length);
    }
    return options;
  }

  #text({ at, length }: FileOption): string {
    return new TextDecoder().decode(this.#file.subarray(at, at + length));
  }

  #u16(at: number): number {
    return this.#view.getUint16(at, this.#little);
  }

  #u32(at: number): number {
    return this.#view.getUint32(at, this.#little);
  }
}

/** if_tsresol where the file does not say. */
const MICROSECONDS = 6;

/** From if_tsresol: a power of 10, or of 2 with the highest bit. */
function unitsPerSecond(resolution: number): bigint {
  return resolution & 0x80 ? 2n ** BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
}

function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

function viewOf(file: Uint8Array): DataView {
  return new DataView(file.buffer, file.byteOffset, file.byteLength);
}
