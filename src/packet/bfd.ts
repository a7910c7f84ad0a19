/**
 * Bidirectional Forwarding Detection, the control packet (RFC 5880, 4.1): over UDP port 3784 with TTL 255 (RFC 5881),
 * or 4784 over several hops (RFC 5883).
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-----+---------+---+-+-+-+-+-+-+---------------+---------------+
 *     |ver 1|  diag   |sta|P|F|C|A|D|M|  detect mult  |    length     |
 *     +-----+---------+---+-+-+-+-+-+-+---------------+---------------+
 *     |                       my discriminator                        |
 *     |                      your discriminator                       |
 *     |           desired min TX interval, microseconds               |
 *     |           required min RX interval, microseconds              |
 *     |           required min echo RX interval, microseconds         |
 *     +---------------------------------------------------------------+
 *     |           authentication section, if A …                      |
 */
import { read32, write32 } from './bytes.ts';
import { fits, View } from './view.ts';

export const BFD = {
  VERSION_DIAG: 0,
  STATE_FLAGS: 1,
  MULTIPLIER: 2,
  LENGTH: 3,
  MINE: 4,
  YOURS: 8,
  DESIRED_TX: 12,
  REQUIRED_RX: 16,
  REQUIRED_ECHO_RX: 20,
  /** Without authentication. */
  SIZE: 24,
} as const;

export const BFD_VERSION = 1;
export const BFD_STATE = { ADMIN_DOWN: 0, DOWN: 1, INIT: 2, UP: 3 } as const;
export const BFD_FLAG = {
  POLL: 0x20,
  FINAL: 0x10,
  CONTROL_PLANE_INDEPENDENT: 0x08,
  AUTHENTICATION: 0x04,
  DEMAND: 0x02,
  MULTIPOINT: 0x01,
} as const;

/** The shortest authentication section: type and length. */
const SHORTEST_AUTHENTICATION = 2;

export class BfdView extends View {
  /** Undefined for what a receiver must discard before it looks for a session (RFC 5880, 6.8.6). */
  static at(bytes: Uint8Array, offset: number, end = bytes.length): BfdView | undefined {
    if (!fits(bytes, offset, end, BFD.SIZE)) return undefined;
    const length = bytes[offset + BFD.LENGTH]!;
    const flags = bytes[offset + BFD.STATE_FLAGS]!;
    const shortest = BFD.SIZE + (flags & BFD_FLAG.AUTHENTICATION ? SHORTEST_AUTHENTICATION : 0);
    if (bytes[offset + BFD.VERSION_DIAG]! >>> 5 !== BFD_VERSION) return undefined;
    if (length < shortest || length > end - offset) return undefined;
    if (bytes[offset + BFD.MULTIPLIER] === 0 || (flags & BFD_FLAG.MULTIPOINT) !== 0) return undefined;
    if (read32(bytes, offset + BFD.MINE) === 0) return undefined;
    return new BfdView(bytes, offset, end);
  }

  /** With the authentication section. */
  get headerLength(): number {
    return this.bytes[this.offset + BFD.LENGTH]!;
  }

  /** Why the session went down, 0..31 (RFC 5880, 4.1). */
  get diagnostic(): number {
    return this.bytes[this.offset + BFD.VERSION_DIAG]! & 31;
  }
  set diagnostic(value: number) {
    this.bytes[this.offset + BFD.VERSION_DIAG] = (BFD_VERSION << 5) | (value & 31);
  }

  /** See BFD_STATE. */
  get state(): number {
    return this.#stateFlags() >>> 6;
  }
  set state(value: number) {
    this.bytes[this.offset + BFD.STATE_FLAGS] = (this.#stateFlags() & 0x3f) | ((value & 3) << 6);
  }

  /** See BFD_FLAG. */
  get flags(): number {
    return this.#stateFlags() & 0x3f;
  }

  get poll(): boolean {
    return (this.flags & BFD_FLAG.POLL) !== 0;
  }

  get final(): boolean {
    return (this.flags & BFD_FLAG.FINAL) !== 0;
  }

  /** After so many intervals without a packet the session is down; 1..255. */
  get multiplier(): number {
    return this.bytes[this.offset + BFD.MULTIPLIER]!;
  }
  set multiplier(value: number) {
    this.bytes[this.offset + BFD.MULTIPLIER] = value;
  }

  /** Of who sends: 1..2^32-1. */
  get myDiscriminator(): number {
    return read32(this.bytes, this.offset + BFD.MINE);
  }
  set myDiscriminator(value: number) {
    write32(this.bytes, this.offset + BFD.MINE, value);
  }

  /** Of who receives; 0 = not known yet. */
  get yourDiscriminator(): number {
    return read32(this.bytes, this.offset + BFD.YOURS);
  }
  set yourDiscriminator(value: number) {
    write32(this.bytes, this.offset + BFD.YOURS, value);
  }

  /** Microseconds. */
  get desiredTx(): number {
    return read32(this.bytes, this.offset + BFD.DESIRED_TX);
  }
  set desiredTx(value: number) {
    write32(this.bytes, this.offset + BFD.DESIRED_TX, value);
  }

  /** Microseconds; 0 = send me none. */
  get requiredRx(): number {
    return read32(this.bytes, this.offset + BFD.REQUIRED_RX);
  }
  set requiredRx(value: number) {
    write32(this.bytes, this.offset + BFD.REQUIRED_RX, value);
  }

  /** Microseconds; 0 = echoes are not taken. */
  get requiredEchoRx(): number {
    return read32(this.bytes, this.offset + BFD.REQUIRED_ECHO_RX);
  }
  set requiredEchoRx(value: number) {
    write32(this.bytes, this.offset + BFD.REQUIRED_ECHO_RX, value);
  }

  /** A window on the authentication section; empty without. */
  authentication(): Uint8Array {
    return this.bytes.subarray(this.offset + BFD.SIZE, this.payloadOffset);
  }

  #stateFlags(): number {
    return this.bytes[this.offset + BFD.STATE_FLAGS]!;
  }
}
