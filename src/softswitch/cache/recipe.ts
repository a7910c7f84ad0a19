/**
 * What comes of a frame, written down so that it can be done again without looking anything up: which frames leave
 * by which ports after which edits, which rules count it, and which learnt addresses it rests on.
 */
import type { IpAddress } from '../../packet/address.ts';
import { read16, read32, write16, write32 } from '../../packet/bytes.ts';
import { sumRange } from '../../packet/checksum.ts';
import { IP_PROTOCOL, IPV4 } from '../../packet/ipv4.ts';
import { IPV6 } from '../../packet/ipv6.ts';
import { UDP } from '../../packet/udp.ts';
import type { FrameBatch } from '../batch.ts';
import { isStale, type MacEntry } from '../bridge/mac-learning.ts';
import type { Counters } from '../flows/counters.ts';
import { hashFrame } from '../frame/hash.ts';
import { growth, replay } from './edits.ts';
import type { FrameKey } from './frame-key.ts';
import type { Gate, Toll } from './gate.ts';
import type { LateHash } from './trail.ts';

/** Bytes of the key in a GRE header. */
const GRE_KEY = 4;

/** Memory for frames that leave: one piece for many, as memory costs by the piece. */
const SLAB = 32_768;
let slab = new Uint8Array(0);
let used = 0;

/** Where the next `size` bytes of the slab begin. */
function takeSlab(size: number): number {
  if (used + size > slab.length) {
    slab = new Uint8Array(Math.max(SLAB, size));
    used = 0;
  }
  const from = used;
  used += size;
  return from;
}

/** Where frames go: something plugged into a port, or the network below a tunnel. */
export interface Outlet {
  isOpen: boolean;
  deliver(frame: Uint8Array, destination: IpAddress | undefined): void;
  /** Undefined where frames are taken one by one. */
  readonly deliverBatch: ((batch: FrameBatch) => void) | undefined;
  /** Frames that go out together at the end of a batch. */
  readonly waiting: FrameBatch | undefined;
}

/** What goes before a frame in a tunnel; the same for every frame but for lengths. */
export interface TunnelHeader {
  readonly bytes: Uint8Array;
  readonly destination: IpAddress;
  /** Bits of the key of NVGRE, which stands last in the header, that each frame has of its own. */
  readonly late: LateHash | undefined;
}

/** One frame that leaves. */
export class Delivery {
  readonly port: number;
  readonly nic: string | undefined;
  readonly edits: Int32Array;
  readonly header: TunnelHeader | undefined;
  readonly isPlain: boolean;
  /** Bytes that leave at most; 0 = all. */
  readonly limit: number;
  /** Bytes that this needs before a frame to be made where the frame is. */
  readonly headroom: number;
  /** Found when the first frame leaves; ports that change end the recipe. */
  outlet: Outlet | undefined = undefined;
  /** What the edits add to the length of the frame. */
  readonly #grows: number;
  /** Of the outer IPv4 header, without its length. */
  readonly #sum: number;
  readonly #udp: number;

  constructor(
    port: number,
    nic: string | undefined,
    edits: readonly number[],
    header: TunnelHeader | undefined,
    limit = 0,
  ) {
    this.port = port;
    this.nic = nic;
    this.edits = Int32Array.from(edits);
    this.header = header;
    const { most, last } = growth(edits);
    this.#grows = last;
    this.limit = limit;
    this.isPlain = edits.length === 0 && header === undefined && limit === 0;
    this.headroom = Math.max(most, last + (header?.bytes.length ?? 0));
    const bytes = header?.bytes ?? new Uint8Array(0);
    const isIpv4 = bytes.length > 0 && bytes[0]! >>> 4 === 4;
    const ipSize = isIpv4 ? IPV4.SIZE : IPV6.SIZE;
    this.#sum = isIpv4 ? sumRange(bytes, 0, IPV4.LENGTH) + sumRange(bytes, IPV4.LENGTH + 2, IPV4.SIZE) : 0;
    this.#udp = bytes[isIpv4 ? IPV4.PROTOCOL : IPV6.NEXT] === IP_PROTOCOL.UDP ? ipSize : 0;
    if (isIpv4) this.#sum -= read16(bytes, IPV4.CHECKSUM);
  }

  /** The longest frame that fits the tunnel. */
  get longest(): number {
    return this.header ? 0xffff - this.header.bytes.length - this.#grows : Number.POSITIVE_INFINITY;
  }

  /** The frame that leaves: the one that came in where it stays as it is, else a new one. */
  make(frame: Uint8Array): Uint8Array {
    if (this.isPlain) return frame;
    const { length } = frame;
    const room = this.headroom;
    const from = takeSlab(room + length);
    slab.set(frame, from + room);
    const start = this.makeAt(slab, from + room, length);
    const end = from + room + length;
    return slab.subarray(start, this.limit > 0 ? Math.min(end, start + this.limit) : end);
  }

  /**
   * Makes it of the frame of `length` bytes at `start`, and gives where it begins then; it ends where it did. To cut it
   * to its limit is for the caller.
   */
  makeAt(bytes: Uint8Array, start: number, length: number): number {
    const late = this.header?.late;
    const link = late ? hashFrame(bytes, start, late.basis, late.links) : 0;
    if (this.edits.length > 0) start = replay(this.edits, bytes, start);
    if (this.header) {
      const outer = this.header.bytes;
      start -= outer.length;
      for (let i = 0; i < outer.length; i++) bytes[start + i] = outer[i]!;
      if (late) {
        const at = start + outer.length - GRE_KEY;
        write32(bytes, at, (read32(bytes, at) & ~late.mask) | ((link << late.shift) & late.mask));
      }
      this.#writeLengths(bytes, start, outer.length + length + this.#grows);
    }
    return start;
  }

  #writeLengths(bytes: Uint8Array, at: number, total: number): void {
    if (this.#sum !== 0) {
      write16(bytes, at + IPV4.LENGTH, total);
      const sum = this.#sum + total;
      const folded = (sum & 0xffff) + (sum >>> 16);
      write16(bytes, at + IPV4.CHECKSUM, ~(folded + (folded >>> 16)));
    } else {
      write16(bytes, at + IPV6.LENGTH, total - IPV6.SIZE);
    }
    if (this.#udp !== 0) write16(bytes, at + this.#udp + UDP.LENGTH, total - this.#udp);
  }
}

export interface Recipe {
  /** Of the frame that it was made for, and the bits of it that count. */
  readonly key: FrameKey;
  readonly mask: FrameKey;
  readonly deliveries: readonly Delivery[];
  /** Of rules, mirrors and the like: each as often as it counts the frame. */
  readonly rules: readonly Counters[];
  /** Tables that were looked into. */
  readonly tables: ReadonlySet<number>;
  /** Groups that were gone through, or looked at. */
  readonly groups: ReadonlySet<number>;
  /** Keys of learnt addresses that were looked up, known or not. */
  readonly macs: readonly string[];
  /** Of these, those that have to be known still, and those that the frame keeps alive. */
  readonly known: readonly MacEntry[];
  readonly sources: readonly MacEntry[];
  /** Asked when the recipe is found, and taken when it is repeated (gate.ts). */
  readonly gates: readonly Gate[];
  readonly tolls: readonly Toll[];
  /** Longer frames go the slow path. */
  readonly longest: number;
}

/** Whether all addresses that a recipe rests on are still known. */
export function areKnown(entries: readonly MacEntry[], now: number): boolean {
  for (let i = 0; i < entries.length; i++) if (isStale(entries[i]!, now)) return false;
  return true;
}

/** Whether all gates hold that only the moment opens. */
export function areOpen(gates: readonly Gate[], now: number): boolean {
  for (let i = 0; i < gates.length; i++) {
    const gate = gates[i]!;
    if (!gate.isOfFrame && !gate.holds(NO_FRAME, 0, 0, now)) return false;
  }
  return true;
}

const NO_FRAME = new Uint8Array(0);
