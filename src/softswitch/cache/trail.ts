/**
 * What the slow path read of a frame on its way, and what it did to the bytes. A result holds for every frame that has
 * the same bits where the trail looked, so these bits are the mask of a megaflow (Open vSwitch calls it
 * "un-wildcarding"; Pfaff et al., "The Design and Implementation of Open vSwitch", NSDI 2015, 5.3 and 6).
 *
 * A bit that was written is known from then on: it follows from the bits that were looked at.
 */
import type { FieldName } from '../../flow/fields.ts';
import { type FlowKey, maskWords, newKey, WORD } from '../frame/key.ts';
import { EDIT } from './edits.ts';

/**
 * Bits of tun_id that are a hash of the headers, as `multipath` writes them for the flow id of NVGRE. Nobody but the
 * tunnel reads them, so they are computed for each frame: otherwise each flow would need a megaflow of its own.
 */
export interface LateHash {
  readonly basis: number;
  readonly links: number;
  readonly shift: number;
  readonly mask: number;
}

export class Trail {
  /** Bits of the key of the frame as it came in; one for all copies of the frame. */
  readonly looked: FlowKey;
  /** Bits that need not be looked at, now. */
  readonly #known: FlowKey;
  /** As in edits.ts, from the frame as it came in. */
  readonly edits: number[];
  #late: LateHash | undefined;
  #next: LateHash | undefined;
  /** Something that is hashed is no longer what came in. */
  #isHashChanged = false;
  readonly #isIp: boolean;

  private constructor(looked: FlowKey, known: FlowKey, edits: number[], isIp: boolean) {
    this.#isIp = isIp;
    this.looked = looked;
    this.#known = known;
    this.edits = edits;
  }

  /** `isIp`: the frame is IPv4 or IPv6. */
  static start(isIp: boolean): Trail {
    return new Trail(newKey(), ALWAYS_KNOWN.slice(), [], isIp);
  }

  /** For a copy of the frame. */
  fork(): Trail {
    const copy = new Trail(this.looked, this.#known.slice(), this.edits.slice(), this.#isIp);
    copy.#late = this.#late;
    copy.#isHashChanged = this.#isHashChanged;
    return copy;
  }

  /** What tun_id has of a hash that nothing has read yet. */
  get late(): LateHash | undefined {
    return this.#late;
  }

  /** These bits of one word of the key were read. */
  look(word: number, mask: number): void {
    if (this.#late && word === WORD.TUN_ID + 1 && (mask & this.#late.mask) !== 0) this.#settle();
    this.looked[word]! |= mask & ~this.#known[word]!;
  }

  /**
   * One of these tests, at least, fails for the key: looks at one bit that says so. The highest one that differs is
   * what frames with ports or addresses near by have in common.
   */
  lookApart(
    words: readonly number[],
    masks: readonly number[],
    values: readonly number[],
    key: FlowKey,
  ): void {
    let first = -1;
    let bits = 0;
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!;
      const differing = (key[word]! & masks[i]!) ^ values[i]!;
      if (differing === 0) continue;
      const isLate = this.#late !== undefined && word === WORD.TUN_ID + 1;
      if ((differing & (this.looked[word]! | (isLate ? 0 : this.#known[word]!))) !== 0) return;
      if (first < 0) [first, bits] = [word, differing];
    }
    if (first >= 0) this.look(first, (1 << (31 - Math.clz32(bits))) >>> 0);
  }

  lookAt(field: FieldName): void {
    for (const [word, mask] of maskWords(field)) this.look(word, mask);
  }

  lookAtWords(from: number, to: number): void {
    for (let word = from; word < to; word++) this.look(word, 0xffffffff);
  }

  /** Words of the frame as it came in, whatever was written there since. */
  lookAtArrival(from: number, to: number): void {
    this.looked.fill(0xffffffff, from, to);
  }

  /** Everything that hashSymmetric reads. */
  lookAtHash(): void {
    if (this.#isIp) this.lookAtWords(WORD.IPV6_SRC, WORD.PORTS + 1);
    else this.lookAtWords(WORD.ETH, WORD.INNER_TAG + 1);
  }

  /** A hash of the frame as it is, modulo `links`, is about to be written to bits of a field. */
  hash(field: FieldName, bits: bigint, basis: number, links: number): void {
    const [place, ...more] = maskWords(field, bits).filter(([, mask]) => mask !== 0);
    // A hash of what has been changed is for the slow path to know.
    if (place?.[0] === WORD.TUN_ID + 1 && more.length === 0 && !this.#isHashChanged) {
      const mask = place[1];
      this.#next = { basis, links, shift: 31 - Math.clz32(mask & -mask), mask };
    } else this.lookAtHash();
  }

  /** What was hashed has been read: now it is what was looked at. */
  #settle(): void {
    this.#late = undefined;
    this.lookAtHash();
  }

  /** Addresses, types and ports: all of the frame that the key knows. */
  lookAtHeaders(): void {
    this.lookAtWords(WORD.ETH, ALWAYS_KNOWN.length);
  }

  /**
   * Bits of a field are about to be written. The bytes of a field are written in words of 16 bits, so what shares a
   * word with them is read.
   */
  write(field: FieldName, mask: bigint, isWhole: boolean): void {
    if (field === 'ip_ttl' || field === 'ip_dscp' || field === 'ip_ecn') this.look(WORD.IP, 0x00ffff00);
    else if (field.startsWith('icmp')) this.look(WORD.PORTS, 0xffffffff);
    else if (!isWhole && needsBytes(field)) this.lookAt(field);
    if (needsBytes(field) && !(this.#isIp && NOT_HASHED.includes(field))) this.#isHashChanged = true;
    for (const [word, bits] of maskWords(field, mask)) {
      this.#known[word]! |= bits;
      if (this.#late && word === WORD.TUN_ID + 1 && (bits & this.#late.mask) !== 0) {
        if ((bits & this.#late.mask) >>> 0 !== this.#late.mask) this.#settle();
        this.#late = undefined;
      }
    }
    this.#late = this.#next ?? this.#late;
    this.#next = undefined;
  }

  put(at: number, value: number, mask: number, checksum: number, isUdp: boolean, header: number): void {
    this.edits.push(isUdp ? EDIT.WRITE_UDP : EDIT.WRITE, at, value, mask, checksum, header);
  }

  push(type: number, tci: number): void {
    if (!this.#isIp) this.#isHashChanged = true;
    this.edits.push(EDIT.PUSH, type, tci, 0, 0, 0);
  }

  pop(): void {
    if (!this.#isIp) this.#isHashChanged = true;
    this.edits.push(EDIT.POP, 0, 0, 0, 0, 0);
  }
}

/** What is not hashed of an IP packet, and often changes on its way. */
const NOT_HASHED: readonly FieldName[] = [
  'eth_src',
  'eth_dst',
  'ip_ttl',
  'ip_dscp',
  'ip_ecn',
  'vlan_tci',
  'vlan_vid',
  'vlan_pcp',
];

/** Metadata is in no frame. */
function needsBytes(field: FieldName): boolean {
  return (maskWords(field)[0]?.[0] ?? 0) >= WORD.ETH;
}

/**
 * What every frame of a megaflow has in common anyway (frame-key.ts): where it came in, its types, its tag, and the
 * words that are 0 in every frame as it comes in.
 */
const ALWAYS_KNOWN = newKey();
ALWAYS_KNOWN.fill(0xffffffff);
for (const [first, count] of [
  [WORD.TUN_ID + 1, 1],
  [WORD.TUN_SRC, 2],
  [WORD.ETH, 3],
  [WORD.IPV6_SRC, 8],
  [WORD.IP_SRC, 3],
  [WORD.ARP, 3],
] as const) {
  ALWAYS_KNOWN.fill(0, first, first + count);
}
ALWAYS_KNOWN[WORD.TYPE] = 0xffff0000;
ALWAYS_KNOWN[WORD.IP] = 0xff0000ff;
