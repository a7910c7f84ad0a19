/**
 * Link Aggregation Control Protocol (IEEE 802.1AX-2014, 6.4.2): the LACPDU behind EtherType 0x8809, slow protocols,
 * of which it is subtype 1.
 *
 *     offset  0  subtype 1, version 1
 *             2  TLV 1, length 20: actor         system priority (2), system (6), key (2),
 *            22  TLV 2, length 20: partner       port priority (2), port (2), state (1), 0 (3)
 *            42  TLV 3, length 16: collector     max. delay in tens of microseconds (2), 0 (12)
 *            58  TLV 0, length 0: terminator     0 (50)
 *           110
 */
import { type Mac, macFromNumber, macToNumber } from './address.ts';
import { read16, read48, write16, write48 } from './bytes.ts';
import { fits, View } from './view.ts';

export const LACP = {
  SUBTYPE: 0,
  VERSION: 1,
  ACTOR: 2,
  PARTNER: 22,
  COLLECTOR: 42,
  MAX_DELAY: 44,
  SIZE: 110,
} as const;

/** Offsets within the TLV of the actor and of the partner. */
export const LACP_SIDE = {
  SYSTEM_PRIORITY: 2,
  SYSTEM: 4,
  KEY: 10,
  PORT_PRIORITY: 12,
  PORT: 14,
  STATE: 16,
} as const;

/** Subtype 1 of the slow protocols. */
export const LACP_SUBTYPE = 1;

/** Types and lengths of the TLVs, in their order. */
export const LACP_TLVS = [
  { at: LACP.ACTOR, type: 1, length: 20 },
  { at: LACP.PARTNER, type: 2, length: 20 },
  { at: LACP.COLLECTOR, type: 3, length: 16 },
] as const;

/** In the state of actor and partner (6.4.2.3). */
export const LACP_STATE = {
  ACTIVITY: 0x01,
  /** Short timeout: one LACPDU a second. */
  TIMEOUT: 0x02,
  AGGREGATION: 0x04,
  SYNCHRONIZATION: 0x08,
  COLLECTING: 0x10,
  DISTRIBUTING: 0x20,
  DEFAULTED: 0x40,
  EXPIRED: 0x80,
} as const;

/** The group address that LACPDUs go to (Slow_Protocols_Multicast), which bridges do not forward. */
export const LACP_GROUP: Mac = macFromNumber(0x0180c2000002);

/** What one side of a link says of itself, or of the other side. */
export interface LacpSide {
  readonly systemPriority: number;
  readonly system: Mac;
  readonly key: number;
  readonly portPriority: number;
  readonly port: number;
  /** Sum of LACP_STATE. */
  readonly state: number;
}

export class LacpView extends View {
  /** Undefined also when the TLVs are not those of a LACPDU. Later versions have more behind them, which is payload. */
  static at(bytes: Uint8Array, offset: number, end = bytes.length): LacpView | undefined {
    if (!fits(bytes, offset, end, LACP.SIZE) || bytes[offset + LACP.SUBTYPE] !== LACP_SUBTYPE)
      return undefined;
    const isLacp = LACP_TLVS.every(
      ({ at, type, length }) => bytes[offset + at] === type && bytes[offset + at + 1] === length,
    );
    return isLacp ? new LacpView(bytes, offset, end) : undefined;
  }

  get headerLength(): number {
    return LACP.SIZE;
  }

  get version(): number {
    return this.bytes[this.offset + LACP.VERSION]!;
  }
  set version(value: number) {
    this.bytes[this.offset + LACP.VERSION] = value;
  }

  /** In tens of microseconds. */
  get maxDelay(): number {
    return read16(this.bytes, this.offset + LACP.MAX_DELAY);
  }
  set maxDelay(value: number) {
    write16(this.bytes, this.offset + LACP.MAX_DELAY, value);
  }

  /** State of the sender: see LACP_STATE. */
  get actorState(): number {
    return this.bytes[this.offset + LACP.ACTOR + LACP_SIDE.STATE]!;
  }
  set actorState(value: number) {
    this.bytes[this.offset + LACP.ACTOR + LACP_SIDE.STATE] = value;
  }

  /** State of the receiver, as the sender sees it. */
  get partnerState(): number {
    return this.bytes[this.offset + LACP.PARTNER + LACP_SIDE.STATE]!;
  }
  set partnerState(value: number) {
    this.bytes[this.offset + LACP.PARTNER + LACP_SIDE.STATE] = value;
  }

  /** Who sends. */
  actor(): LacpSide {
    return this.#side(LACP.ACTOR);
  }

  /** Who receives, as the sender sees it. */
  partner(): LacpSide {
    return this.#side(LACP.PARTNER);
  }

  #side(tlv: number): LacpSide {
    const { bytes } = this;
    const at = this.offset + tlv;
    return {
      systemPriority: read16(bytes, at + LACP_SIDE.SYSTEM_PRIORITY),
      system: macFromNumber(read48(bytes, at + LACP_SIDE.SYSTEM)),
      key: read16(bytes, at + LACP_SIDE.KEY),
      portPriority: read16(bytes, at + LACP_SIDE.PORT_PRIORITY),
      port: read16(bytes, at + LACP_SIDE.PORT),
      state: bytes[at + LACP_SIDE.STATE]!,
    };
  }
}

/** Writes the content of the actor or the partner at its TLV; what is left out is 0. */
export function writeLacpSide(bytes: Uint8Array, at: number, side: Partial<LacpSide>): void {
  write16(bytes, at + LACP_SIDE.SYSTEM_PRIORITY, side.systemPriority ?? 0);
  write48(bytes, at + LACP_SIDE.SYSTEM, side.system === undefined ? 0 : macToNumber(side.system));
  write16(bytes, at + LACP_SIDE.KEY, side.key ?? 0);
  write16(bytes, at + LACP_SIDE.PORT_PRIORITY, side.portPriority ?? 0);
  write16(bytes, at + LACP_SIDE.PORT, side.port ?? 0);
  bytes[at + LACP_SIDE.STATE] = side.state ?? 0;
}
